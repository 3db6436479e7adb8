"""The reaper gives a message up: no transaction waits for Kafka, and whoever dies half-way leaves it to the next."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sago.domain.batches import BatchState, DeadLetter, ExtractionRequest, Position
from sago.domain.events import Finding
from sago.errors import PermanentError, TransientError
from sago.llm.gateway import Gateway
from sago.llm.providers.marker import MarkerModel
from sago.pipeline.recovery import WORKER_DIED
from sago.stores.memory.batches import MemoryBatches
from sago.stores.memory.clock import ManualClock
from tests.unit.pipeline.house import NOW, RETRY_AFTER, House, deal, message

LATER = NOW + timedelta(hours=1)


class Poisoned(MarkerModel):
    """Refuses any chunk that holds the word."""

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        if any("poison" in each.text for each in request.messages):
            raise PermanentError("cannot be read")
        return super().extract(request)


class Deadly(MarkerModel):
    """Takes its worker along when it reads the word."""

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        if any("poison" in each.text for each in request.messages):
            raise SystemExit
        return super().extract(request)


@pytest.fixture
def house() -> House:
    """A batch whose chunk of one message failed for good, and one of another company that was only lost."""
    house = House(model=Poisoned(), threshold=2, chunk=1)
    house.store(message(1, text="poison"), deal(2))
    house.run()
    house.store(deal(3, company="other"), message(4, company="other"), name="other")
    opened(house)
    house.dispatcher.take()
    return house


def opened(house: House) -> str:
    """The id of the batch that was claimed, taken over."""
    ((_, (company_id, batch_id)),) = house.dispatcher.take()
    house.batching.open(company_id, batch_id, NOW)
    return str(batch_id)


def merged(house: House) -> int:
    with house.database.begin() as tx:
        return tx.batches.counts().get(BatchState.MERGED, 0)


def test_no_transaction_is_open_while_kafka_is_asked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = house.log.dead_letter

    def dead_letter(letter: DeadLetter, key: str | None = None) -> Position:
        with house.database.begin():  # would wait for another that is open
            return ask(letter, key)

    monkeypatch.setattr(house.log, "dead_letter", dead_letter)
    house.reaper.reap(LATER)
    house.run(LATER)
    assert (house.dead(), merged(house)) == (["cannot be read"], 2)


def test_while_kafka_is_away_only_what_needs_it_waits(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(house.log, "dead_letter", lambda *_: (_ for _ in ()).throw(TransientError("Kafka is away")))
        with pytest.raises(TransientError, match="Kafka"):
            house.reaper.reap(LATER)
    house.run(LATER)
    assert (house.deals("other"), merged(house)) == (["Delta"], 1)
    house.reaper.reap(LATER + timedelta(hours=1))
    house.run(LATER + timedelta(hours=1))
    assert (house.dead(), merged(house)) == (["cannot be read"], 2)


def test_a_reaper_that_dies_before_the_kill_names_the_same_origin_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, origins = house.log.dead_letter, []

    def dead_letter(letter: DeadLetter, key: str | None = None) -> Position:
        origins.append(letter.origin)
        position = ask(letter, key)
        if len(origins) == 1:
            raise SystemExit
        return position

    monkeypatch.setattr(house.log, "dead_letter", dead_letter)
    with pytest.raises(SystemExit):
        house.reaper.reap(LATER)
    house.run(LATER)
    house.reaper.reap(LATER + timedelta(hours=1))
    house.run(LATER + timedelta(hours=1))
    assert merged(house) == 2
    assert len(origins) == 2
    assert len(set(origins)) == 1


def test_a_chunk_that_takes_its_worker_along_is_bisected_until_its_message_is_alone() -> None:
    house = House(model=Deadly(), threshold=4, chunk=4)
    house.store(deal(1), message(2, text="poison"), deal(3, "Echo"), deal(4, "Golf"))
    now = NOW
    for _ in range(12):
        with suppress(SystemExit):
            house.run(now)
        house.dispatcher.take()  # what the worker had went with it
        now += timedelta(hours=1)
        house.reaper.reap(now)
    assert (house.dead(), merged(house)) == ([WORKER_DIED], 1)
    assert house.deals() == ["Delta", "Echo", "Golf"]


def test_an_outage_that_kills_worker_after_worker_at_once_is_no_message_s_fault() -> None:
    house = House(model=Deadly(), threshold=1, chunk=1)
    house.store(message(2, text="poison"))
    batch_id = opened(house)
    house.dispatcher.take()
    for second in range(6):
        with pytest.raises(SystemExit):
            house.extracting.chunk(batch_id, 0, NOW + timedelta(seconds=2 * second))
    house.extracting = replace(house.extracting, models=Gateway(MarkerModel(), MarkerModel(), ManualClock(NOW)))
    house.reaper.reap(LATER)
    house.run(LATER)
    assert (house.dead(), merged(house)) == ([], 1)


def test_an_attempt_that_may_still_run_is_not_judged() -> None:
    """The last that counts died at once; Celery's own retry of it waited for a free worker, and counts no more."""
    house = House(model=Deadly(), threshold=1, chunk=1)
    house.store(message(2, text="poison"))
    batch_id = opened(house)
    house.dispatcher.take()
    for began in (NOW, LATER, LATER + RETRY_AFTER * 0.9):
        with pytest.raises(SystemExit):
            house.extracting.chunk(batch_id, 0, began)
    house.reaper.reap(LATER + RETRY_AFTER * 1.8)
    assert (house.dead(), house.dispatcher.sent) == ([], [])
    house.reaper.reap(LATER + RETRY_AFTER * 2)
    assert house.dead() == [WORKER_DIED]


def test_a_chunk_in_a_worker_s_hands_is_not_fired_beside_it() -> None:
    """It waited in a long queue: by now its batch counts as lost and nothing else waits."""
    house = House(model=Deadly(), threshold=1, chunk=1)
    house.store(message(2, text="poison"))
    batch_id = opened(house)
    house.dispatcher.take()
    began = NOW + RETRY_AFTER * 0.9
    with pytest.raises(SystemExit):
        house.extracting.chunk(batch_id, 0, began)
    house.reaper.reap(NOW + RETRY_AFTER)
    assert house.dispatcher.sent == []
    house.reaper.reap(began + RETRY_AFTER)
    assert house.dispatcher.sent == [("extract.chunk", (batch_id, 0)), ("extract.merge", (batch_id,))]


def test_of_two_that_take_a_claim_over_at_once_one_fires_it(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=2, chunk=1)
    house.store(deal(1), deal(2))
    batch_id = opened(house)
    fired = list(house.dispatcher.sent)
    # what the second saw before the first had committed
    monkeypatch.setattr(MemoryBatches, "get", lambda _self, _batch_id: None)
    assert house.batching.open("acme", batch_id, NOW) == 0
    assert house.dispatcher.sent == fired


def test_what_could_not_be_fired_is_the_reaper_s_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=2, chunk=2)
    house.store(deal(1), deal(2))
    with monkeypatch.context() as patch:
        patch.setattr(house.dispatcher, "extract", lambda *_: (_ for _ in ()).throw(TransientError("Redis is away")))
        with pytest.raises(TransientError, match="Redis"):
            opened(house)
    house.reaper.reap(NOW)
    assert house.run().count("extract.chunk") == 1
    assert (house.deals(), merged(house)) == (["Delta"], 1)


def test_a_worker_that_dies_now_and_then_is_no_message_s_fault() -> None:
    house = House(model=Deadly(), threshold=2, chunk=2)
    house.store(deal(1), message(2, text="poison"))
    with pytest.raises(SystemExit):
        house.run()
    house.extracting = replace(house.extracting, models=Gateway(MarkerModel(), MarkerModel(), ManualClock(NOW)))
    house.reaper.reap(LATER)
    house.run(LATER)
    assert (house.dead(), merged(house), house.deals()) == ([], 1, ["Delta"])


def test_a_batch_that_queues_behind_others_is_not_fired_again() -> None:
    house = House(threshold=2, chunk=1)
    house.store(deal(1), deal(2))
    opened(house)
    fired = list(house.dispatcher.sent)
    house.reaper.reap(NOW + 2 * RETRY_AFTER)
    assert house.dispatcher.sent == fired
    house.dispatcher.take()  # lost with the broker
    house.reaper.reap(NOW + 2 * RETRY_AFTER)
    assert house.dispatcher.sent == []
    house.reaper.reap(NOW + 3 * RETRY_AFTER)
    assert house.dispatcher.sent == fired


def test_however_long_a_queue_stands_still_nothing_of_it_is_fired_again() -> None:
    house = House(threshold=2, chunk=1)
    house.store(deal(1), deal(2))
    opened(house)
    tasks = len(house.dispatcher.sent)
    for hour in range(1, 100):
        house.reaper.reap(NOW + timedelta(hours=hour))
    assert len(house.dispatcher.sent) == tasks


def opened_another(house: House, at: datetime) -> list[tuple[str, tuple[Any, ...]]]:
    """A batch of another company is taken over; its tasks, which wait."""
    house.store(deal(3, company="other"), deal(4, company="other"), name="other")
    ((_, (company_id, batch_id)),) = house.dispatcher.take()
    house.batching.open(company_id, batch_id, at)
    return list(house.dispatcher.sent)


def test_what_was_overtaken_in_a_busy_queue_is_lost_and_fired_again_alone() -> None:
    house = House(threshold=2, chunk=1)
    house.store(deal(1), deal(2))
    lost = opened(house)
    house.dispatcher.take()
    others = opened_another(house, NOW + 2 * RETRY_AFTER)
    house.reaper.reap(NOW + 2 * RETRY_AFTER)
    chunks = [("extract.chunk", (lost, number)) for number in range(2)]
    assert house.dispatcher.sent == [*others, *chunks, ("extract.merge", (lost,))]


def test_what_was_fired_shortly_before_the_next_in_turn_may_be_in_a_worker_s_hands() -> None:
    house = House(threshold=2, chunk=1)
    house.store(deal(1), deal(2))
    opened(house)
    house.dispatcher.take()
    others = opened_another(house, NOW + RETRY_AFTER)
    house.reaper.reap(NOW + 2 * RETRY_AFTER)
    assert house.dispatcher.sent == others


@pytest.fixture
def read() -> tuple[House, str]:
    """A batch whose only chunk is read and whose merge was lost; its id."""
    house = House(threshold=2, chunk=2)
    house.store(deal(1), deal(2))
    batch_id = opened(house)
    house.dispatcher.take()
    house.extracting.chunk(batch_id, 0, NOW)
    return house, batch_id


def test_a_batch_that_is_read_and_was_not_merged_waits_for_no_chunks_of_others(read: tuple[House, str]) -> None:
    house, batch_id = read
    house.dispatcher.extract("another", range(9), NOW)
    waiting = list(house.dispatcher.sent)
    house.reaper.reap(NOW + RETRY_AFTER)
    assert house.dispatcher.sent == [*waiting, ("extract.merge", (batch_id,))]


def test_merges_that_wait_keep_their_batches_from_being_fired_again(read: tuple[House, str]) -> None:
    house, batch_id = read
    house.dispatcher.extract(batch_id, [], NOW)
    house.reaper.reap(NOW + 2 * RETRY_AFTER)
    assert house.dispatcher.sent == [("extract.merge", (batch_id,))]
