"""Chunks, merges, failures and the reaper: a batch always ends."""

from __future__ import annotations

from datetime import timedelta

from sago.domain.batches import BatchState, ExtractionRequest
from sago.domain.events import Finding
from sago.errors import PermanentError, TransientError
from sago.llm.providers.marker import MarkerModel
from tests.unit.pipeline.house import NOW, RETRY_AFTER, House, deal, message


class Poisoned(MarkerModel):
    """Fails on each chunk that holds a poisoned message."""

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        if any("poison" in each.text for each in request.messages):
            raise PermanentError("cannot be read")
        return super().extract(request)


class Away(MarkerModel):
    """A provider that does not answer until it is back."""

    back = False

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        if not self.back:
            raise TransientError("503")
        return super().extract(request)


def states(house: House) -> dict[BatchState, int]:
    with house.database.begin() as tx:
        return {state: count for state, count in tx.batches.counts().items() if count}


def test_a_batch_ends_merged_with_its_events_and_marks() -> None:
    house = House()
    house.store(deal(1), message(2), deal(3, "Borealis"), message(4))
    house.run()
    assert states(house) == {BatchState.MERGED: 1}
    assert house.deals() == ["Borealis", "Delta"]
    assert all(row.extracted_at == NOW for row in house.raw.rows.values())


def test_merging_and_reading_again_changes_nothing() -> None:
    house = House()
    house.store(deal(1), message(2), message(3), message(4))
    work = []
    while taken := house.dispatcher.take():
        work += taken
        house.dispatcher.sent = list(taken)
        house.run()
    with house.database.begin() as tx:
        before = tx.events.find("acme")
    house.dispatcher.sent = [item for item in work for _ in range(2)]
    house.run()
    with house.database.begin() as tx:
        assert tx.events.find("acme") == before


def test_lost_chunks_and_a_lost_body_are_fired_again_by_the_reaper() -> None:
    house = House()
    house.store(deal(1), message(2), deal(3, "Borealis"), message(4))
    (start,) = house.dispatcher.take()
    house.batching.open(*start[1], NOW)
    house.dispatcher.take()
    assert house.reaper.reap(NOW) == 0
    assert house.reaper.reap(NOW + RETRY_AFTER) == 1
    house.run(NOW + RETRY_AFTER)
    assert states(house) == {BatchState.MERGED: 1}
    assert house.deals() == ["Borealis", "Delta"]


def test_a_claim_nobody_opened_is_opened_by_the_reaper() -> None:
    house = House()
    house.store(*[message(n) for n in range(4)])
    house.dispatcher.take()
    house.reaper.reap(NOW)
    house.run()
    assert states(house) == {BatchState.MERGED: 1}


def test_a_poisoned_message_alone_is_dead_lettered_and_the_rest_is_read() -> None:
    house = House(model=Poisoned(), threshold=4, chunk=4)
    house.store(deal(1), message(2, text="poison"), deal(3, "Borealis"), message(4))
    house.run()
    assert states(house) == {BatchState.FAILED: 1}
    now = NOW
    for _ in range(12):
        now += timedelta(hours=1)
        house.reaper.reap(now)
        house.run(now)
    assert states(house) == {BatchState.MERGED: 1}
    assert house.deals() == ["Borealis", "Delta"]
    assert house.dead() == ["cannot be read"]


def test_the_buffer_may_lose_a_claim_that_postgres_has_taken_over() -> None:
    house = House()
    house.store(deal(1), message(2), message(3), message(4))
    (start,) = house.dispatcher.take()
    house.batching.open(*start[1], NOW)
    house.buffer.clear()
    house.run()
    assert house.deals() == ["Delta"]


def test_recovery_queues_what_the_buffer_lost_and_nothing_twice() -> None:
    house = House(threshold=4)
    house.store(deal(1), message(2), message(3), message(4))
    house.run()
    house.store(deal(5, "Cobalt"), message(6), name="more")
    house.buffer.clear()
    assert house.recovery.recover(NOW) == 2
    assert house.recovery.recover(NOW) == 0
    assert house.buffer.counts() == {"acme": 2}
    assert house.batching.flush(timedelta(0), NOW)
    house.run()
    assert house.deals() == ["Cobalt", "Delta"]


def test_an_outage_of_the_provider_dead_letters_nothing_however_long_it_lasts() -> None:
    model = Away()
    house = House(model=model)
    house.store(deal(1), message(2), deal(3, "Borealis"), message(4))
    house.run()
    now = NOW
    for _ in range(30):
        now += timedelta(hours=1)
        house.reaper.reap(now)
        house.run(now)
    assert states(house) == {BatchState.FAILED: 1}
    assert house.dead() == []
    model.back = True
    house.reaper.reap(now + timedelta(hours=1))
    house.run(now + timedelta(hours=1))
    assert house.deals() == ["Borealis", "Delta"]


def test_a_failed_batch_waits_longer_each_time() -> None:
    house = House(model=Away())
    house.store(deal(1), message(2), message(3), message(4))
    house.run()
    now, waits = NOW, []
    for _ in range(4):
        waits.append(next(n for n in range(1, 7200) if house.database_due(now + timedelta(seconds=n))))
        now += timedelta(seconds=waits[-1])
        house.reaper.reap(now)
        house.run(now)
    assert waits == [60, 120, 240, 480]
