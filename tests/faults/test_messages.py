"""What comes in wrong: thrice and out of order, poison between good messages, and a deploy that can read none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kafka import KafkaProducer

from sago.domain.messages import VALUE_LIMIT, Message, MessageKey
from tests.faults.house import House, second_bridge
from tests.faults.load import Load, story
from tests.faults.report import Report
from tests.faults.scale import ALL, lasts, load_of
from tests.integration.houses import eventually

SLACK = "slack-messages"


@dataclass(frozen=True)
class Thrice(Load):
    """Edits and deletions among the messages, and each version delivered three times in any order.

    What comes after its higher version is stored and read by nobody, so only the highest ones must be read.
    """

    seed: int = 0

    @cached_property
    def stories(self) -> dict[str, list[Message]]:
        names = [f"{self.name}-{number:02}" for number in range(self.companies)]
        return {name: sorted([*story(name, self.each), *taken_back(name, self.each)], key=_when) for name in names}

    @cached_property
    def to_be_read(self) -> dict[str, set[MessageKey]]:
        highest: dict[str, dict[str, int]] = {}
        for message in self.messages:
            versions = highest.setdefault(message.company_id, {})
            versions[message.id] = max(message.version, versions.get(message.id, 0))
        return {company: {MessageKey(*pair) for pair in versions.items()} for company, versions in highest.items()}

    def slices(self, size: int = 500) -> Iterator[list[Message]]:
        deliveries = self.messages * 3
        Random(self.seed).shuffle(deliveries)  # noqa: S311 - an order, no secret
        yield from (deliveries[start : start + size] for start in range(0, len(deliveries), size))


def taken_back(company: str, each: int) -> list[Message]:
    """Deletions of every 37th message, an edited one among them now and then."""
    at = datetime(2026, 2, 20, 12, 0, tzinfo=UTC)
    return [
        original.model_copy(update={"version": _micros(at), "edited_at": at, "deleted": True, "text": "", "raw": {}})
        for original in story(company, each)[::37]
        if not original.version
    ]


def _micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _when(message: Message) -> tuple[int, datetime]:
    return message.version, message.sent_at


@pytest.mark.selected
def test_each_message_three_times_in_any_order_over_two_bridges(house: House, report: Report, tmp_path: Path) -> None:
    size = load_of("thrice")
    load = Thrice(size.name, size.companies, size.each // (1 if ALL else 2), seed=report.seed)
    with second_bridge(tmp_path / "ready"), house.under(load, lasts(30.0)) as run:
        pass
    report.add("each message three times, out of order", 3, house.settle(run))


@dataclass(frozen=True)
class Poison:
    """A record that nobody may take, and what its dead letter must say."""

    reason: str
    value: bytes
    key: bytes | None = b"poison"


def poison() -> list[Poison]:
    """One of each kind."""
    body: dict[str, Any] = json.loads(story("poison", 1)[0].to_json())

    def but(**other: Any) -> bytes:
        return json.dumps(body | other, ensure_ascii=False).encode()

    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    odd = ("", "Poison", "a/b", "../up", "{brace}", "x" * 65, "ünder", "white space", "null\x00")
    return [
        Poison("not JSON", b'{"schema": 1, "id": "slack:half'),
        Poison("not JSON", b""),
        Poison("UTF-8", b"\xff\xfe\x00"),
        Poison("", b"[" * 100_000),
        Poison("schema", but(schema=2)),
        Poison("text", but(text=7)),
        Poison("", b"[]"),
        Poison("id", but(id="gmail:of-another-source")),
        Poison("nonsense", but(nonsense=1)),
        Poison("900 kB", but(text="x" * (VALUE_LIMIT + 1))),
        Poison("text", but(text="x" * 300_000)),
        Poison("key", but(), b"somebody-else"),
        Poison("key", but(), None),
        Poison("does not belong", but(id="gmail:1", source="gmail")),
        Poison("sent_at", but(sent_at=later)),
        Poison("sent_at", but(sent_at="1989-12-31T23:59:59.000Z")),
        *[Poison("company_id", but(company_id=name), name.encode()) for name in odd],
    ]


def test_poison_goes_to_the_dead_letters_with_its_reason(house: House, report: Report) -> None:
    """One by one among good messages: the rest goes on."""
    load, length = load_of("poison"), lasts(30.0)
    pieces = poison()
    servers = house.container.settings.kafka.bootstrap_servers
    with closing(KafkaProducer(bootstrap_servers=servers, max_request_size=2_000_000)) as producer:
        with house.under(load, length) as run:
            sent = []
            for number, piece in enumerate(pieces):
                run.wait_for(length * number / len(pieces))
                sent.append(producer.send(SLACK, value=piece.value, key=piece.key).get(timeout=30))
            run.note_fault()
        outcome = house.settle(run)
    log_id = house.container.log.log_id
    origins = {f"{log_id}/{SLACK}/{at.partition}/{at.offset}": piece for at, piece in zip(sent, pieces, strict=True)}
    with house.container.database.begin() as tx:
        letters = {origin: tx.ledger.dead_letter(origin) for origin in origins}
    assert [origins[origin] for origin, letter in letters.items() if letter is None] == []
    for origin, letter in letters.items():
        assert letter is not None
        assert origins[origin].reason in letter.error, f"{origins[origin].value[:80]!r}: {letter.error}"
    report.add("poison among good messages", len(pieces), outcome)


def test_a_deploy_that_can_read_nothing_stops_and_drains_nothing(house: House, report: Report, tmp_path: Path) -> None:
    """Its bridge joins the group, gets its share of the partitions, finds everything wrong and leaves."""
    load = load_of("bad-deploy")
    swapped = json.dumps({"slack": "gmail-messages", "gmail": SLACK})
    ready = tmp_path / "ready"
    with second_bridge(ready, SAGO_KAFKA__TOPICS=swapped, SAGO_DLQ__MAX_CONSECUTIVE="20") as bad:
        with house.under(load, lasts(30.0)) as run:
            assert bad.wait(90) == os.EX_CONFIG
            run.note_fault()
        said = ready.with_suffix(".log")
    outcome = house.settle(run)
    line = said.read_text().splitlines()[-1]
    assert line.startswith("sago bridge: 20 messages in a row were refused"), line
    with house.container.database.begin() as tx:
        letters = [letter for letter in tx.ledger.dead_letters(limit=10_000) if "bad-deploy" in str(letter.company_id)]
    assert letters == []
    assert eventually(house.all_up, 30)
    report.add("a deploy that can read nothing", 1, outcome)
