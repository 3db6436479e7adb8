"""Which planned runs were missed: the newest is made up, older ones are noted, nothing before the plan was known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sago.domain.batches import Tick
from sago.stores.memory.database import MemoryDatabase
from workers.schedule import LEASE, is_missed, last_tick

MONTHLY, HOURLY = "0 9 1 * *", "17 * * * *"
JOB = "outreach.schedule"
HOUR = timedelta(hours=1)
SEEN = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
FIRST = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


class Plan:
    """A job that was first seen in mid-March, and its ledger."""

    def __init__(self, cron: str = MONTHLY) -> None:
        self.database = MemoryDatabase()
        self.cron = cron
        assert not self.missed(SEEN)

    def missed(self, now: datetime, cron: str | None = None) -> bool:
        with self.database.begin() as tx:
            return is_missed(tx.ledger, JOB, cron or self.cron, now)

    def begin(self, due_at: datetime, at: datetime | None = None) -> bool:
        with self.database.begin() as tx:
            return tx.ledger.begin_tick(Tick(JOB, due_at), (at or due_at) + LEASE, at or due_at)

    def end(self, due_at: datetime) -> None:
        with self.database.begin() as tx:
            tx.ledger.end_tick(Tick(JOB, due_at))

    def states(self) -> dict[datetime, str]:
        with self.database.begin() as tx:
            return {due_at: run.state.value for due_at, run in tx.ledger.tick_runs(JOB, SEEN).items()}


@pytest.mark.parametrize("fraction", [0, 1, 500_000, 999_999])
@pytest.mark.parametrize(("seconds", "newest"), [(-1, SEEN.replace(day=1, hour=9)), (0, FIRST), (1, FIRST)])
def test_the_last_tick_is_never_in_the_future(seconds: int, newest: datetime, fraction: int) -> None:
    now = FIRST + timedelta(seconds=seconds, microseconds=fraction)
    assert last_tick(JOB, MONTHLY, now) == (JOB, newest)


def test_what_was_due_before_the_installation_is_not_made_up() -> None:
    plan = Plan()
    assert not plan.missed(SEEN + 10 * 24 * HOUR)
    assert plan.states() == {}


def test_a_changed_line_makes_nothing_up_of_what_it_never_planned() -> None:
    plan = Plan()
    assert not plan.missed(SEEN + HOUR, cron="0 * * * *")
    assert plan.missed(SEEN + 2 * HOUR, cron="0 * * * *")


@pytest.mark.parametrize("late", [timedelta(), timedelta(minutes=2), timedelta(days=29)])
def test_a_tick_that_nobody_ran_is_missed_until_it_is_done(late: timedelta) -> None:
    plan = Plan()
    assert plan.missed(FIRST + late)
    assert plan.begin(FIRST, FIRST + late)
    assert not plan.missed(FIRST + late + LEASE / 2)
    plan.end(FIRST)
    assert not plan.missed(FIRST + late + 2 * LEASE)
    assert plan.states() == {FIRST: "done"}


def test_of_several_the_newest_is_made_up_and_the_others_are_noted() -> None:
    plan = Plan(HOURLY)
    now = SEEN + 4 * HOUR
    assert plan.missed(now)
    due = [SEEN.replace(hour=hour, minute=17) for hour in (12, 13, 14, 15)]
    assert plan.states() == dict.fromkeys(due[:3], "skipped")
    assert plan.begin(due[3], now)
    assert not any(plan.begin(at, now) for at in due[:3])


def test_a_long_gap_leaves_a_few_rows() -> None:
    plan = Plan("* * * * *")
    assert plan.missed(SEEN + 5000 * HOUR)
    assert len(plan.states()) == 49


def test_a_run_that_was_killed_is_missed_once_its_lease_is_over() -> None:
    plan = Plan(HOURLY)
    due_at = SEEN.replace(minute=17)
    assert plan.begin(due_at)
    assert not plan.missed(due_at + LEASE)
    assert plan.missed(due_at + LEASE + timedelta(seconds=2))


def test_a_run_that_fails_again_and_again_is_made_up_ever_more_rarely() -> None:
    plan, now = Plan(), FIRST
    pauses = []
    for _ in range(14):
        assert plan.begin(FIRST, now)
        with plan.database.begin() as tx:
            tx.ledger.release_tick(Tick(JOB, FIRST), now)
        began = now
        while not plan.missed(now):
            now += timedelta(seconds=1)
        pauses.append(int((now - began).total_seconds()))
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]
