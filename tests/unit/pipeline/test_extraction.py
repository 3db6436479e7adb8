"""Chunks, merges, failures and the reaper: a batch always ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from sago.domain.batches import BatchState, Chunk, ExtractionRequest
from sago.domain.events import Finding
from sago.domain.messages import Message, MessageKey, MessageRef
from sago.domain.outreach import ModelPolicy
from sago.errors import PermanentError, ProviderSettingError, TransientError, UnusableAnswerError
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

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error or TransientError("503")

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        if not self.back:
            raise self.error
        return super().extract(request)


class Attentive(MarkerModel):
    """Remembers every text it was sent, and fails as long as it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.requests: list[ExtractionRequest] = []

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        self.requests.append(request)
        if self.error:
            raise self.error
        return super().extract(request)

    def context(self) -> list[str]:
        """Texts of the newest request's context."""
        return [each.text for each in self.requests[-1].context]

    def texts(self) -> set[str]:
        """Every text of every request."""
        return {each.text for request in self.requests for each in (*request.messages, *request.context)}


class SoftTimeLimitExceeded(Exception):  # noqa: N818 - Celery's name
    """As Celery raises it in a task that takes too long."""


class Vendor(MarkerModel):
    """Reads outside the house; remembers for whom."""

    name, version, place = "vendor", "7", ModelPolicy.VENDOR

    def __init__(self) -> None:
        self.asked: list[str] = []

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        self.asked.append(request.company_id)
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


@pytest.mark.parametrize("error", [TransientError("503"), ProviderSettingError("gemini refuses the key")])
def test_what_no_message_is_to_blame_for_dead_letters_nothing_however_long_it_lasts(error: Exception) -> None:
    model = Away(error)
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


def test_a_delay_the_other_side_asks_for_is_kept() -> None:
    house = House(model=Away(TransientError("429", retry_after=timedelta(minutes=7))))
    house.store(deal(1), message(2), message(3), message(4))
    house.run()
    assert not house.database_due(NOW + timedelta(minutes=7) - timedelta(seconds=1))
    assert house.database_due(NOW + timedelta(minutes=7))


def test_an_answer_that_is_never_usable_ends_with_its_message_alone_dead_lettered() -> None:
    class Confused(MarkerModel):
        def extract(self, request: ExtractionRequest) -> list[Finding]:
            if any("poison" in each.text for each in request.messages):
                raise UnusableAnswerError("the answer holds no JSON")
            return super().extract(request)

    house = House(model=Confused(), threshold=4, chunk=4)
    house.store(deal(1), message(2, text="poison"), deal(3, "Borealis"), message(4))
    house.run()
    now = NOW
    for _ in range(12):
        now += timedelta(hours=1)
        house.reaper.reap(now)
        house.run(now)
    assert house.deals() == ["Borealis", "Delta"]
    assert house.dead() == ["the answer holds no JSON"]


def test_what_is_to_be_bisected_does_not_wait() -> None:
    house = House(model=Poisoned(), threshold=4, chunk=4)
    house.store(deal(1), message(2, text="poison"), deal(3, "Borealis"), message(4))
    house.run()
    for _ in range(3):
        house.reaper.reap(NOW)
        house.run()
    assert states(house) == {BatchState.MERGED: 1}
    assert house.dead() == ["cannot be read"]


def test_a_vendor_reads_only_for_companies_that_allow_it_and_the_rest_is_read_here() -> None:
    vendor = Vendor()
    house = House(model=vendor)
    with house.database.begin() as tx:
        company = tx.companies.ensure("open", NOW)
        tx.companies.save(company.model_copy(update={"model_policy": ModelPolicy.VENDOR}))
    house.store(*[deal(n, f"Delta_{n}", company="acme") for n in range(4)])
    house.store(*[deal(n, f"Delta_{n}", company="open") for n in range(4)], name="more")
    house.run()
    assert set(vendor.asked) == {"open"}
    with house.database.begin() as tx:
        readers = {name: {o.extractor for o in tx.events.current(name)} for name in ("acme", "open")}
    assert readers == {"acme": {"marker"}, "open": {"vendor"}}
    assert len(house.deals("acme")) == len(house.deals("open")) == 4


def edited(n: int, text: str = "") -> Message:
    """A later version of message `n`: a deletion where it has no text."""
    first = message(n)
    return first.model_copy(update={"version": 1_772_442_000_000_000, "text": text, "deleted": not text})


def test_context_holds_of_each_message_its_newest_version_and_nothing_that_was_deleted() -> None:
    model = Attentive()
    house = House(model=model, threshold=3, chunk=3)
    history = [message(1, text="deleted since"), message(2, text="as it was"), message(3, text="unchanged")]
    house.raw.store([*history, edited(1), edited(2, "as it is")], "earlier", NOW)
    house.store(deal(11), deal(12, "Borealis"), deal(13, "Cobalt"))
    house.run()
    assert model.context() == ["as it is", "unchanged"]


def test_edits_do_not_shorten_the_context() -> None:
    model = Attentive()
    house = House(model=model, threshold=1, chunk=1)
    history = [message(n) for n in range(1, 8)]
    house.raw.store([*history, *(edited(n) for n in (2, 7)), *(edited(n, f"said {n}") for n in (5, 6))], "earlier", NOW)
    house.store(deal(11))
    house.run()
    assert model.context() == ["standup 1", "standup 3", "standup 4", "said 5", "said 6"]


@pytest.mark.parametrize("text", ["", "[[event enterprise_deal subject=Echo]]"])
def test_what_was_edited_or_deleted_while_its_chunk_waited_goes_nowhere_and_the_batch_ends(text: str) -> None:
    model = Attentive(TransientError("503"))
    house = House(model=model, threshold=2, chunk=2)
    house.store(deal(1), deal(2, "Borealis"))
    house.run()
    assert deal(1).text in model.texts()
    model.error = None
    model.requests.clear()
    house.store(edited(1, text), name="more")
    house.run()
    later = NOW + timedelta(hours=1)
    house.reaper.reap(later)
    house.run(later)
    assert model.texts() == {deal(2, "Borealis").text, text} - {""}
    assert states(house) == {BatchState.MERGED: 2}
    assert house.deals() == ["Borealis", *(["Echo"] if text else [])]
    assert {key.version for key in read_keys(house, 1)} == {0, edited(1).version}
    assert all(row.extracted_at for row in house.raw.rows.values())


def read_keys(house: House, n: int) -> set[MessageKey]:
    """Versions of message `n` that count as read."""
    with house.database.begin() as tx:
        results = [result for batch_id in house.database.state.batches for result in tx.batches.results(batch_id)]
    return {key for result in results for key in result.read if key.message_id == f"slack:{n}"}


def test_a_chunk_of_nothing_but_deletions_asks_nobody() -> None:
    model = Attentive()
    house = House(model=model, threshold=2, chunk=2)
    house.store(deal(1), deal(2), edited(1), edited(2))
    house.run()
    assert model.requests == []
    assert states(house) == {BatchState.MERGED: 1}
    assert house.deals() == []


def test_an_outage_uses_up_none_of_a_messages_attempts() -> None:
    model = Attentive(TransientError("503"))
    house = House(model=model, threshold=1, chunk=1)
    house.store(deal(1))
    house.run()
    now = NOW
    for error in [TransientError("503")] * 5 + [UnusableAnswerError("no JSON"), None]:
        model.error = error
        now += timedelta(hours=1)
        house.reaper.reap(now)
        house.run(now)
    assert house.dead() == []
    assert house.deals() == ["Delta"]


def test_the_reaper_too_waits_as_long_as_the_other_side_asks() -> None:
    model = Attentive(TransientError("429", retry_after=timedelta(minutes=7)))
    house = House(model=model, threshold=4, chunk=2)
    house.store(deal(1), message(2), message(3), message(4))
    take_only(house, "extract.start", "extract.chunk")
    assert len(model.requests) == 2
    for minutes in (2, 4, 6):
        assert house.reaper.reap(NOW + timedelta(minutes=minutes)) == 0
    assert house.dispatcher.take() == []
    model.error = None
    house.reaper.reap(NOW + timedelta(minutes=7))
    house.run(NOW + timedelta(minutes=7))
    assert states(house) == {BatchState.MERGED: 1}


def test_the_reaper_fires_what_need_not_wait() -> None:
    model = Attentive(TransientError("429", retry_after=timedelta(minutes=7)))
    house = House(model=model, threshold=4, chunk=2)
    house.store(deal(1), message(2), message(3), message(4))
    (start,) = house.dispatcher.take()
    house.batching.open(*start[1], NOW)
    house.dispatcher.take()
    house.extracting.chunk(start[1][1], 0, NOW)
    assert house.reaper.reap(NOW + timedelta(minutes=2)) == 1
    chunks = [arguments for name, arguments in house.dispatcher.take() if name == "extract.chunk"]
    assert chunks == [(start[1][1], 1)]


def take_only(house: House, *names: str) -> None:
    """Run tasks of these names; the rest is lost."""
    for name in names:
        for sent, arguments in house.dispatcher.take():
            if sent == name == "extract.start":
                house.batching.open(*arguments, NOW)
            elif sent == name:
                house.extracting.chunk(*arguments, NOW)
    house.dispatcher.take()


def chunks_of(house: House) -> list[Chunk]:
    with house.database.begin() as tx:
        return [chunk for batch_id in house.database.state.batches for chunk in tx.batches.chunks(batch_id)]


@pytest.mark.parametrize(("size", "kind", "attempts"), [(1, "TransientError", 0), (2, "UnusableAnswerError", 1)])
def test_a_chunk_that_takes_too_long_is_halved_and_a_lone_message_only_waits(
    size: int, kind: str, attempts: int
) -> None:
    house = House(model=Attentive(SoftTimeLimitExceeded()), threshold=size, chunk=size)
    house.store(*[deal(n) for n in range(size)])
    house.run()
    assert [(chunk.error_type, chunk.attempts) for chunk in chunks_of(house)] == [(kind, attempts)]


def test_a_message_that_always_takes_too_long_is_never_dead_lettered() -> None:
    house = House(model=Attentive(SoftTimeLimitExceeded()), threshold=2, chunk=2)
    house.store(deal(1), deal(2))
    house.run()
    now = NOW
    for _ in range(12):
        now += timedelta(hours=1)
        house.reaper.reap(now)
        house.run(now)
    assert {chunk.state.value for chunk in chunks_of(house)} == {"split", "failed"}
    assert house.dead() == []


def test_marks_that_could_not_be_written_are_written_by_the_next_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=2, chunk=2)
    house.store(deal(1), message(2))
    mark = house.raw.mark

    def away(refs: Sequence[MessageRef], batch_id: str, extracted_at: datetime) -> None:
        raise TransientError("the raw store is away")

    monkeypatch.setattr(house.raw, "mark", away)
    with pytest.raises(TransientError):
        house.run()
    assert states(house) == {BatchState.MERGED: 1}
    monkeypatch.setattr(house.raw, "mark", mark)
    (batch_id,) = house.database.state.batches
    assert house.extracting.merge(batch_id, NOW + timedelta(minutes=1)) == "skipped"
    assert {(row.batch_id, row.extracted_at) for row in house.raw.rows.values()} == {(batch_id, NOW)}
