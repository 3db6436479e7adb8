"""Planned runs: once per instant of the cron line, again after a failure, and by hand as often as wanted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Task

import workers.app
from sago.config import Settings
from sago.errors import TransientError
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from workers.base import LONGEST_DELAY, SagoTask, delay_of, ticked

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A container of memory, in place of the worker's."""
    made = SimpleNamespace(settings=Settings(), clock=ManualClock(NOW), database=MemoryDatabase())
    monkeypatch.setattr(workers.app, "container", lambda: made)
    return made


def job(*outcomes: BaseException | str) -> Callable[..., Any]:
    """A planned job whose runs end so, one after the other."""
    left = iter(outcomes)

    @ticked("upkeep.recover")
    def run() -> str:
        outcome = next(left)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return run


@pytest.mark.parametrize("error", [TransientError("Redis is away"), ValueError("a bug"), SystemExit(1)])
def test_a_failed_run_is_run_again_and_a_done_one_is_not(wired: SimpleNamespace, error: BaseException) -> None:
    run = job(error, "done")
    with pytest.raises(type(error)):
        run(tick=True)
    assert run(tick=True) == "done"
    assert run(tick=True) == "done before"
    assert len(wired.database.state.ticks) == 1


def test_the_next_instant_is_another_run(wired: SimpleNamespace) -> None:
    run = job("first", "second")
    assert run(tick=True) == "first"
    wired.clock.sleep(timedelta(hours=1).total_seconds())
    assert run(tick=True) == "second"


def test_a_tick_that_runs_elsewhere_is_left_alone(wired: SimpleNamespace) -> None:
    seen: list[Any] = []

    @ticked("upkeep.recover")
    def run() -> None:
        seen.append(run(tick=True))

    run(tick=True)
    assert seen == ["done before"]


def test_the_error_is_told_even_where_the_tick_cannot_be_released(
    wired: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        monkeypatch.setattr(wired.database, "begin", away)
        raise ValueError("a bug")

    def away() -> None:
        raise TransientError("Postgres is away")

    with pytest.raises(ValueError, match="a bug"):
        ticked("upkeep.recover")(fail)(tick=True)


def test_a_run_that_wants_to_know_is_told_its_instant_however_late_it_is(wired: SimpleNamespace) -> None:
    @ticked("upkeep.recover", tells="as_of")
    def run(as_of: str | None = None) -> str | None:
        return as_of

    assert run(tick=True) == "2026-03-02T09:17:00+00:00"
    assert run() is None


def test_a_run_by_hand_is_never_blocked_and_leaves_no_row(wired: SimpleNamespace) -> None:
    run = job("once", "twice")
    assert [run(), run()] == ["once", "twice"]
    assert wired.database.state.ticks == {}


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (TransientError("429", retry_after=timedelta(seconds=42)), 42.0),
        (TransientError("429", retry_after=timedelta(hours=2)), LONGEST_DELAY),
        (TransientError("503"), None),
        (ValueError("a bug"), None),
        (None, None),
    ],
)
def test_a_task_waits_as_long_as_the_other_side_asks_within_reason(error: object, seconds: float | None) -> None:
    assert delay_of(error) == seconds


def test_celery_is_told_the_longer_of_the_two_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(Task, "retry", lambda _, **kwargs: told.append(kwargs["countdown"]))
    error = TransientError("429", retry_after=timedelta(seconds=42))
    for countdown in (7, 50):
        SagoTask().retry(exc=error, countdown=countdown)
    SagoTask().retry(exc=TransientError("503"), countdown=7)
    assert told == [42.0, 50, 7]
