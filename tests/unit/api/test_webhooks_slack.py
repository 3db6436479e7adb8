"""Slack's webhook with its real class: real payloads, the documented signature, and ten thousand mutated deliveries."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from sago.domain.messages import Message
from sago.pipeline import receiving, taking
from sago.ports import Delivery, Push
from sago.source_sections import SlackSettings
from sago.sources.slack_events import item_of
from sago.sources.slack_source import Slack
from sago.stores.memory.clock import ManualClock
from tests.unit.api.api_house import METRICS, NOW, House, MakeHouse
from tests.unit.api.slack_deliveries import (
    SECRET,
    TEAM,
    Mutation,
    envelope,
    good,
    mutated,
    ours,
    payloads_of,
    real,
    signed,
    tree_wrong,
)
from tests.unit.pipeline.scripted_source import Table, connection_of

WEBHOOK = "/api/v1/data-flow/webhook/slack"
EXAMPLES, AT_ONCE = 500, 20
"""Of hypothesis, and mutated deliveries in each."""


def slack(secret: str = SECRET) -> Slack:
    return Slack(SlackSettings(signing_secret=SecretStr(secret)))


class Several(Slack):
    """Slack as if one delivery held several events, as those of other vendors do."""

    def unpack(self, delivery: Delivery) -> Push:
        return Push(TEAM, tuple(item_of(event) for event in json.loads(delivery.body)))


def house_of(make: MakeHouse, source: Slack, **adapters: Any) -> House:
    house = make(adapters={"sources": Table(source), **adapters})
    with house.container.database.begin() as tx:
        tx.connections.save(connection_of(account=TEAM))
    return house


@pytest.fixture
def house(make: MakeHouse) -> House:
    return house_of(make, slack())


def deliver(house: House, body: bytes, **headers: str) -> Response:
    answer: Response = house.client.post(WEBHOOK, content=body, headers=signed(body) | headers)
    return answer


def counted(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.client.get(METRICS).json()["webhooks"]["sources"].get("slack", {})
    return found


def drained(house: House, topic: str = "slack-messages") -> list[bytes]:
    """What stands in a topic, which is empty then."""
    values = [record.value for record in house.log.records(topic)]
    for pair in house.log.pairs():
        if pair[0] == topic:
            house.log.drop(pair, house.log.end(pair))
    return values


def test_our_own_samples_are_taken_and_a_retry_has_no_further_effect(house: House) -> None:
    for payload in ours():
        body = json.dumps(payload).encode()
        assert deliver(house, body).json()["taken"] == 1
        for value in drained(house):
            house.container.raw.store([Message.from_json(value)], "a batch", NOW)
        for retry in ("1", "2", "3"):
            again = deliver(house, body, **{"X-Slack-Retry-Num": retry, "X-Slack-Retry-Reason": "http_timeout"})
            assert (again.status_code, again.json()["known"]) == (200, 1)
        assert drained(house) == []


def test_slack_may_ask_whether_the_address_is_ours(house: House) -> None:
    answer = deliver(house, json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZ"}).encode())
    assert answer.json() == {"challenge": "3eZbrw1aBm2rZ"}


def test_every_real_payload_has_its_fate(house: House, shared: Path) -> None:
    folder = shared / "data" / "real" / "slack"
    assert len(payloads_of(folder)) > 70
    deliveries = [*payloads_of(folder).values(), *real(folder)]
    fates: Counter[str] = Counter()
    for payload in deliveries:
        answer = deliver(house, json.dumps(payload).encode())
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            fates["unreadable"] += 1
        else:
            fates.update(answer.json())
    found = counted(house)
    kinds = ("taken", "known", "ignored", "refused", "unreadable")
    assert sum(fates[kind] for kind in kinds) + found["ended"] == len(deliveries)
    assert {kind: found[kind] for kind in kinds if kind != "ignored"} == {
        kind: fates[kind] for kind in kinds if kind != "ignored"
    }
    assert sum(found["ignored"].values()) == fates["ignored"]
    assert fates["taken"] == len(drained(house))
    assert fates["refused"] == len(drained(house, "slack-messages.dlq"))


def test_the_documented_signature_is_right_in_its_time_and_wrong_at_any_other(make: MakeHouse, shared: Path) -> None:
    vectors = json.loads((shared / "data" / "real" / "signatures" / "vectors.json").read_text("utf-8"))
    (vector,) = [each for each in vectors if each["name"].startswith("slack")]
    at = datetime.fromtimestamp(int(vector["timestamp"]), UTC)
    headers = {"X-Slack-Request-Timestamp": vector["timestamp"], vector["header"]: vector["signature"]}
    body = vector["body"].encode()
    for late, status in ((timedelta(), 422), (timedelta(seconds=299), 422), (timedelta(seconds=301), 401)):
        house = house_of(make, slack(vector["secret"]), clock=ManualClock(at + late))
        answer = house.client.post(WEBHOOK, content=body, headers=headers)
        assert answer.status_code == status, "a slash command is signed rightly, and no event"
        assert house.client.post(WEBHOOK, content=body + b"&", headers=headers).status_code == 401


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.builds(Mutation, st.integers(0, 1), st.integers(0, 10_000), st.integers(0, 10_000))
    ),
    min_size=AT_ONCE,
    max_size=AT_ONCE,
)


def bases() -> list[dict[str, Any]]:
    folder = Path(__file__).resolve().parents[4] / "shared" / "data" / "real" / "slack"
    return [*ours() * 30, *(real(folder) if folder.is_dir() else [])]


@pytest.fixture
def unforeseen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What nobody foresaw; nothing else is logged, for it takes its time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.INFO)
    found: list[Any] = []

    class Log:
        def error(self, event: str, **more: Any) -> None:
            found.append((event, more))

    for module in (receiving, taking):
        monkeypatch.setattr(module, "log", Log())
    yield found
    logging.disable(logging.NOTSET)


OUT_OF_TIME: list[int] = []
"""Bytes of the deliveries that were not taken in time."""


def again(house: House, body: bytes) -> Response:
    """Delivered as a vendor does: what did not find time on a machine that is busy elsewhere comes again."""
    for _ in range(5):
        answer = deliver(house, body)
        if answer.status_code != 503:
            break
        OUT_OF_TIME.append(len(body))
    return answer


def test_ten_thousand_mutated_deliveries(make: MakeHouse, unforeseen: list[Any]) -> None:
    payloads = bases()
    one, several = house_of(make, slack()), house_of(make, Several(SlackSettings(signing_secret=SecretStr(SECRET))))
    statuses: Counter[int] = Counter()
    number = 0

    @given(MUTATIONS)
    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
    def run(mutations: list[tuple[int, Mutation]]) -> None:
        nonlocal number
        for base, mutation in mutations:
            body = mutated(payloads[base % len(payloads)], mutation)
            answer = again(one, body)
            statuses[answer.status_code] += 1
            assert answer.status_code in (200, 422) or (answer.status_code == 401 and not is_utf8(body)), answer.text
        number += 1
        taken = again(one, json.dumps(envelope(good(number))).encode()).json()
        assert taken["taken"] + taken["known"] == 1
        check(drained(one), {f"slack:C0GOOD:{good(number)['ts']}"})
        beside(several, [payloads[base % len(payloads)] for base, _ in mutations], [each for _, each in mutations])

    def beside(house: House, given: list[dict[str, Any]], mutations: list[Mutation]) -> None:
        wrong = [tree_wrong(each.get("event", each), how) for each, how in zip(given, mutations, strict=True)]
        wanted = [good(3 * number + each) for each in range(3)]
        events = [wanted[0], *wrong[:3], wanted[1], *wrong[3:6], wanted[2]]
        body = json.dumps(events).encode()
        answer = again(house, body)
        assert answer.status_code == 200 or len(body) > 3_000_000, answer.text
        if answer.status_code == 413:
            return
        assert sum(answer.json().values()) == len(events)
        check(drained(house), {f"slack:C0GOOD:{each['ts']}" for each in wanted})
        drained(house, "slack-messages.dlq")

    def check(values: list[bytes], wanted: set[str]) -> None:
        with ThreadPoolExecutor(1) as bridge:  # a stack as flat as a process of its own has
            assert wanted <= {message.id for message in bridge.map(Message.from_json, values)}

    run()
    assert unforeseen == []
    assert len(OUT_OF_TIME) < 10, "a machine may be busy for a moment, not the whole time"
    assert statuses.total() == EXAMPLES * AT_ONCE == 10_000
    for house in (one, several):
        assert counted(house)["taken"] > 3 * EXAMPLES, "not only the good ones were read"
        assert counted(house)["refused"] > 100
        assert sum(counted(house)["ignored"].values()) > 100


def is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
