"""The whole way of a message in real processes: the log's protocol in, a chord once, events and a draft out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest

from sago.bootstrap import Container, build
from sago.cli.session import Session
from sago.cli.transient import transient_stack
from sago.domain.batches import BatchState
from sago.domain.messages import Message
from tests.integration.houses import eventually

pytestmark = pytest.mark.services

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CUSTOMERS = {0: "Anvil", 50: "Borealis", 100: "Cobalt", 150: "Dorian"}
MARK = "[[event enterprise_deal subject={}]]"


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    state = tmp_path_factory.mktemp("state")
    with transient_stack(Session(quiet=True), state, state, provider="marker", discard=True) as settings:
        wired = build(settings)
        yield wired
        wired.close()


def chat(company: str, count: int) -> list[Message]:
    """`count` chat messages; the first and each fiftieth up to the 150th tell of a deal."""
    return [
        Message(
            id=f"slack:{company}-{n}",
            company_id=company,
            source="slack",
            sender="ana",
            sent_at=START + timedelta(minutes=n),
            text=MARK.format(CUSTOMERS[n]) if n in CUSTOMERS else f"standup {n}: still on the importer",
        )
        for n in range(count)
    ]


def progress(container: Container, company: str) -> tuple[int, int]:
    with container.database.begin() as tx:
        return tx.batches.progress([company])


def batch_of(container: Container, company: str) -> str:
    with closing(psycopg2.connect(container.settings.postgres.url().replace("+psycopg2", ""))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id FROM batches WHERE company_id = %s", (company,))
        ((batch_id,),) = cursor.fetchall()
        return str(batch_id)


def feed(container: Container, company: str, count: int) -> None:
    container.log.publish(chat(company, count))
    assert eventually(lambda: container.raw.count(company) == count), "rows did not reach the raw store"


def test_200_messages_fire_one_chord_and_end_in_events_and_a_draft(container: Container) -> None:
    feed(container, "twohundred", 200)
    assert eventually(lambda: progress(container, "twohundred") == (0, 1))

    with container.database.begin() as tx:
        events = tx.events.find("twohundred")
        watches = tx.outreach.watches("twohundred")
    assert sorted(event.title for event in events) == [f"Enterprise deal: {name}" for name in CUSTOMERS.values()]
    assert {proof.quote for event in events for proof in event.evidence} == set(map(MARK.format, CUSTOMERS.values()))
    assert container.buffer.counts().get("twohundred", 0) == 0

    container.dispatcher.compose_and_wait([watch.id for watch in watches], START + timedelta(days=1), 60)
    with container.database.begin() as tx:
        letters = tx.outreach.letters("twohundred")
    assert len(letters) == 1
    assert {event.id for event in events} >= set(letters[0].event_ids)
    assert list(Path(container.settings.outreach.folder).glob("twohundred-*.eml"))


def test_199_messages_wait_until_the_idle_flush(container: Container) -> None:
    feed(container, "almost", 199)
    assert eventually(lambda: container.buffer.counts().get("almost") == 199)
    time.sleep(2)
    assert progress(container, "almost") == (0, 0)

    container.dispatcher.flush()
    assert eventually(lambda: progress(container, "almost") == (0, 1))
    with container.database.begin() as tx:
        assert len(tx.events.find("almost")) == 4


def test_650_messages_at_once_make_one_claim_and_seven_chunks(container: Container) -> None:
    feed(container, "many", 650)
    assert eventually(lambda: progress(container, "many") == (0, 1))
    with container.database.begin() as tx:
        owned = {message.id: message.version for message in chat("many", 650)}
        assert tx.batches.highest_versions({"many": owned.keys()}) == {"many": owned}
        batch_id = batch_of(container, "many")
        sizes = [len(tx.batches.chunk_refs(batch_id, chunk.chunk_no)) for chunk in tx.batches.chunks(batch_id)]
        assert set(tx.batches.counts()) == {BatchState.MERGED}
    assert len(sizes) == 7
    assert sum(sizes) == 650


def test_a_message_delivered_twice_is_counted_once(container: Container) -> None:
    feed(container, "twice", 10)
    container.log.publish(chat("twice", 12))
    assert eventually(lambda: container.raw.count("twice") == 12)
    assert eventually(lambda: container.buffer.counts().get("twice") == 12)
