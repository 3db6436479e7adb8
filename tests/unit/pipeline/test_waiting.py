"""What waits: chunks that failed, texts that a person changes meanwhile, marks that could not be written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from sago.domain.batches import BatchState, Chunk, ExtractionRequest
from sago.domain.events import Finding
from sago.domain.messages import Message, MessageKey, MessageRef
from sago.errors import TransientError, UnusableAnswerError
from sago.llm.providers.marker import MarkerModel
from tests.unit.pipeline.house import NOW, House, deal, message


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


def states(house: House) -> dict[BatchState, int]:
    with house.database.begin() as tx:
        return {state: count for state, count in tx.batches.counts().items() if count}


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


def test_context_is_what_was_said_around_a_chunk_and_of_its_threads_first() -> None:
    model = Attentive()
    house = House(model=model, threshold=2, chunk=2)
    in_thread = [message(n).model_copy(update={"thread_id": "t"}) for n in (1, 11)]
    history = [in_thread[0], *(message(n) for n in range(2, 9)), *(message(n) for n in (13, 14)), message(5000)]
    house.raw.store(history, "earlier", NOW)
    house.store(in_thread[1], deal(12))
    house.run()
    assert model.context() == ["standup 1", "standup 5", "standup 6", "standup 7", "standup 8", "standup 13"]


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


@pytest.mark.parametrize("size", [1, 2])
def test_a_chunk_that_takes_too_long_is_tried_again(size: int) -> None:
    house = House(model=Attentive(SoftTimeLimitExceeded()), threshold=size, chunk=size)
    house.store(*[deal(n) for n in range(size)])
    house.run()
    assert [(chunk.error_type, chunk.attempts) for chunk in chunks_of(house)] == [("UnusableAnswerError", 1)]


def test_messages_that_always_take_too_long_are_dead_lettered_alone_and_their_batch_ends() -> None:
    house = House(model=Attentive(SoftTimeLimitExceeded()), threshold=2, chunk=2)
    house.store(deal(1), deal(2))
    house.run()
    now = NOW
    for _ in range(12):
        now += timedelta(hours=1)
        house.reaper.reap(now)
        house.run(now)
    assert {chunk.state.value for chunk in chunks_of(house)} == {"split", "dead"}
    assert len(house.dead()) == 2
    assert states(house) == {BatchState.MERGED: 1}


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


class Unusable(MarkerModel):
    """Answers nothing that can be used about a chunk that holds the word."""

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        if any("poison" in each.text for each in request.messages):
            raise UnusableAnswerError("no JSON")
        return super().extract(request)


def test_a_half_does_not_wait_for_what_its_whole_has_failed() -> None:
    """Or a message that nobody can read would hold its batch for more than a day."""
    house = House(model=Unusable(), threshold=8, chunk=8)
    house.store(*[message(n, text="poison" if n == 2 else "") for n in range(8)])
    house.run()
    minutes = 0
    while states(house) != {BatchState.MERGED: 1} and minutes < 60:
        minutes += 1
        house.reaper.reap(NOW + timedelta(minutes=minutes))
        house.run(NOW + timedelta(minutes=minutes))
    assert len(house.dead()) == 1
    assert minutes <= 16  # four sizes, two attempts each; with the batch's own doubling it is an hour and more
