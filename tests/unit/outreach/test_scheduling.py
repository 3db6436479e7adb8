"""A letter that is due is kept until it is composed: whatever is lost, refused or killed meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from sago.domain.letters import Composition, CompositionState, DueLetter, Letter
from sago.errors import PermanentError, ProviderSettingError, TransientError, UngroundedError, UnusableAnswerError
from sago.outreach import scheduling
from sago.outreach.scheduling import ATTEMPTS, LEASE, RETRY_AFTER, SENT_AGAIN_AFTER, DueLetters
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.dispatcher import MemoryDispatcher

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
WATCH = UUID(int=1)


class Killed(BaseException):
    """What ends a process leaves no word behind."""


class Office:
    """Due letters over memory, and what each attempt to write one comes to."""

    def __init__(self, *outcomes: BaseException | None) -> None:
        self.outcomes = list(outcomes)
        self.written = 0
        self.clock = ManualClock(NOW)
        self.database = MemoryDatabase()
        self.dispatcher = MemoryDispatcher()
        self.due = DueLetters(self.database, self.dispatcher, self.clock, self._write)

    def _write(self, watch_id: UUID, as_of: datetime) -> Letter | None:
        self.written += 1
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        return None

    def wait(self, by: timedelta) -> None:
        self.clock.advance(by)

    def run(self) -> int:
        """Compose what was sent; how many tasks that were."""
        self.due.send()
        sent = self.dispatcher.take()
        for _, letter in sent:
            self.due.compose(*letter)
        return len(sent)

    def row(self) -> Composition:
        with self.database.begin() as tx:
            (row,) = tx.compositions.find()
        return row


@pytest.fixture(autouse=True)
def one_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "due_watches", lambda *_: [WATCH])


def test_a_plan_writes_the_letter_down_and_sends_it_once() -> None:
    office = Office()
    assert office.due.plan(NOW) == 1
    assert office.due.plan(NOW) == 1
    assert office.dispatcher.take() == [("outreach.compose", (WATCH, NOW))]
    assert office.row().state is CompositionState.DUE


def test_a_task_that_is_lost_is_sent_again_until_the_letter_is_done() -> None:
    office = Office()
    office.due.plan(NOW)
    office.dispatcher.take()
    office.wait(SENT_AGAIN_AFTER)
    assert office.run() == 1
    assert office.row().state is CompositionState.DONE
    office.wait(SENT_AGAIN_AFTER)
    assert office.run() == 0
    assert office.written == 1


def test_letters_that_wait_in_a_long_queue_are_not_sent_again() -> None:
    office = Office()
    office.due.plan(NOW)
    for _ in range(9):
        office.wait(SENT_AGAIN_AFTER)
        assert office.due.send() == 0
    assert len(office.dispatcher.take()) == 1
    assert office.due.send() == 1


def test_an_old_letter_does_not_come_after_a_newer_one() -> None:
    office = Office(TransientError("503"))
    old, new = NOW, NOW + timedelta(days=1)
    office.due.plan(old)
    office.run()
    office.due.plan(new)
    with office.database.begin() as tx:
        assert [row.as_of for row in tx.compositions.find(CompositionState.DUE)] == [new]
    office.run()
    written = office.written
    with office.database.begin() as tx:
        tx.compositions.add([DueLetter(WATCH, old)], NOW)  # planned late, for an earlier moment
    office.due.compose(WATCH, old)
    assert office.written == written == 2


def test_a_task_delivered_twice_writes_one_letter() -> None:
    office = Office()
    office.due.plan(NOW)
    for _ in range(2):
        office.due.compose(WATCH, NOW)
    assert office.written == 1


def test_a_killed_attempt_is_made_again_after_its_lease() -> None:
    office = Office(Killed())
    office.due.plan(NOW)
    with pytest.raises(Killed):
        office.run()
    office.wait(LEASE - timedelta(seconds=1))
    assert office.run() == 0
    office.wait(timedelta(seconds=1))
    assert office.run() == 1
    assert office.row().state is CompositionState.DONE


@pytest.mark.parametrize("error", [TransientError("503"), ProviderSettingError("no such key: check GEMINI_API_KEY")])
def test_what_is_nobodys_fault_is_waited_for_for_days(error: Exception) -> None:
    office = Office(*[error] * 300)
    office.due.plan(NOW)
    for _ in range(300):
        assert office.run() == 1
        assert office.run() == 0, "not before its time"
        office.wait(RETRY_AFTER)
    assert office.row().error == str(error)
    office.run()
    assert (office.row().state, office.row().error) == (CompositionState.DONE, None)


def test_the_other_side_is_asked_no_sooner_than_it_said() -> None:
    office = Office(
        TransientError("429", retry_after=timedelta(hours=2)), TransientError("429", retry_after=timedelta())
    )
    office.due.plan(NOW)
    for pause in (timedelta(hours=2), RETRY_AFTER):
        office.run()
        office.wait(pause - timedelta(seconds=1))
        office.due.compose(WATCH, NOW)
        assert office.run() == 0
        office.wait(timedelta(seconds=1))
    assert office.run() == 1


@pytest.mark.parametrize("error", [UnusableAnswerError("half a JSON"), ValueError("a bug")])
def test_what_may_have_cost_is_tried_a_few_times(error: Exception) -> None:
    office = Office(TransientError("503"), *[error] * 9)
    office.due.plan(NOW)
    for _ in range(ATTEMPTS):
        office.run()
        office.wait(RETRY_AFTER)
    with pytest.raises(PermanentError, match=str(error)):
        office.run()
    assert (office.row().state, office.row().error) == (CompositionState.FAILED, str(error))
    office.wait(LEASE)
    assert office.run() == 0
    assert office.written == 1 + ATTEMPTS


def test_a_letter_that_kills_its_process_each_time_is_given_up() -> None:
    office = Office(*[Killed()] * ATTEMPTS)
    office.due.plan(NOW)
    for _ in range(ATTEMPTS):
        with pytest.raises(Killed):
            office.run()
        office.wait(LEASE)
    with pytest.raises(PermanentError, match="did not end"):
        office.run()
    assert office.row().state is CompositionState.FAILED
    assert office.written == ATTEMPTS


def test_a_refused_text_fails_at_once_and_may_be_asked_for_anew() -> None:
    office = Office(UngroundedError("$9.9M is in no event"))
    office.due.plan(NOW)
    with pytest.raises(PermanentError, match="in no event"):
        office.run()
    office.due.plan(NOW)
    assert office.run() == 1
    assert office.row().state is CompositionState.DONE
