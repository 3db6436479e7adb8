"""Planned runs and letters: two beats, a clock that jumps, processes asleep over a tick, messages lost with Redis.

Both planned jobs are due every ten minutes here. All processes share one clock that the test turns: to just before
the next instant, so that nobody waits for it, or over an hour.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from sago.config import PROJECT
from tests.faults.house import PROCESSES, House, raised
from tests.faults.report import Report
from tests.faults.scale import ALL, lasts, load_of
from tests.integration.houses import eventually

LAUNCHER = f"{sys.executable} {Path(__file__).with_name('jumping_clock.py')}"
OFTEN = {"SAGO_UPKEEP__RECOVER": "*/10 * * * *", "SAGO_OUTREACH__SCHEDULE": "*/10 * * * *"}
PERIOD = timedelta(minutes=10)
JOBS = ("outreach.schedule", "upkeep.recover")
ROUNDS = 2 if ALL else 1
RUNS = "SELECT due_at, state, attempts FROM ticks WHERE job = %s AND due_at >= %s ORDER BY due_at"
DUE = "SELECT count(*) FROM compositions WHERE state <> 'done'"
WITHOUT_A_LETTER = """
SELECT count(*) FROM compositions c WHERE NOT EXISTS (
    SELECT FROM outreach o
    WHERE o.watch_id = c.watch_id AND o.state = 'draft' AND o."window" = to_char(c.as_of, 'YYYY-MM'))
"""


class Time:
    """The clock of all processes of the house."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead = timedelta()
        self.jump(timedelta())

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def jump(self, by: timedelta) -> None:
        self._ahead += by
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(self._ahead.total_seconds()))
        fresh.replace(self._file)

    def last_tick(self) -> datetime:
        now = self.now()
        return now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)

    def before_the_next_tick(self) -> datetime:
        """Jump to a second before it; the instant."""
        due_at = self.last_tick() + PERIOD
        self.jump(due_at - timedelta(seconds=1) - self.now())
        return due_at

    def wait_until(self, moment: datetime) -> None:
        while self.now() < moment:
            time.sleep(0.02)


class Plan:
    """A house with two beats, and what its ledger says of planned runs."""

    def __init__(self, house: House, clock: Time, second: subprocess.Popen[bytes]) -> None:
        self.house, self.clock, self.second = house, clock, second
        self.noted: dict[datetime, tuple[str, int]] = {}
        assert eventually(lambda: self.ask("SELECT count(*) FROM plans") == [(len(JOBS),)], 60)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        url = self.house.container.settings.postgres.url().replace("+psycopg2", "")
        with closing(psycopg2.connect(url)) as connection:
            cursor = connection.cursor()
            cursor.execute(query, values)
            return cursor.fetchall()

    def runs(self, job: str, since: datetime) -> dict[datetime, tuple[str, int]]:
        """Instant → state and attempts."""
        return {due_at: (state, attempts) for due_at, state, attempts in self.ask(RUNS, job, since)}

    def ran_once(self, due_at: datetime) -> None:
        """Both jobs ran for the instant, each in one attempt."""
        self.is_noted(due_at, ("done", 1))

    def is_noted(self, due_at: datetime, wanted: tuple[str, int]) -> None:
        """The instant comes to this in the end, for both jobs."""
        self.noted[due_at] = wanted
        for job in JOBS:
            found = partial(self.runs, job, due_at)
            assert eventually(lambda found=found: found().get(due_at) == wanted, 180), (
                f"{job}, {due_at}: {found()}, not {wanted}; {self.house.said('store', 40)}"
            )

    def nothing_changed(self) -> None:
        """No instant was run again after it had been noted."""
        for due_at, wanted in self.noted.items():
            assert [self.runs(job, due_at).get(due_at) for job in JOBS] == [wanted] * len(JOBS), due_at

    @contextmanager
    def asleep(self, *pids: int) -> Iterator[None]:
        """SIGSTOP for the length of the block."""
        try:
            for pid in pids:
                _tell(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                _tell(pid, signal.SIGCONT)

    def pids(self, name: str) -> list[int]:
        """Of a process of the stack and its pool, once it runs."""
        assert eventually(lambda: self.house.is_up(name), 90), self.house.said(name)
        child = self.house.service(name).child
        assert child is not None
        return [child.pid, *(each.pid for each in self.house.pool(name))]

    def forget_tasks(self) -> None:
        """FLUSHDB of the broker."""
        settings = self.house.container.settings.redis
        with closing(redis.Redis.from_url(settings.database(settings.broker_db))) as broker:
            broker.flushdb()


def _tell(pid: int, number: int) -> None:
    """A helper may have ended by now."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory, local_servers: None) -> Iterator[Plan]:
    folder = tmp_path_factory.mktemp("ticks")
    clock = Time(folder / "clock")
    ahead = {"CLOCK_FILE": str(folder / "clock")}
    with raised(folder, PROCESSES, launcher=LAUNCHER, **OFTEN, **ahead) as house:
        beat = [
            *LAUNCHER.split(),
            "celery",
            "-A",
            "workers",
            "beat",
            "--pidfile=",
            "--schedule",
            str(folder / "second"),
        ]
        with (folder / "second.log").open("wb") as log:
            second = subprocess.Popen(beat, stdout=log, stderr=log, cwd=PROJECT)
        try:
            yield Plan(house, clock, second)
        finally:
            second.kill()
            second.wait()


def test_two_beats_run_each_tick_once(plan: Plan, report: Report) -> None:
    load = load_of("beats")
    with plan.house.under(load, lasts(30.0)) as run:
        for _ in range(ROUNDS):
            plan.ran_once(plan.clock.before_the_next_tick())
            run.note_fault()
    plan.nothing_changed()
    report.add("two beats", ROUNDS, plan.house.settle(run))


def test_after_a_jump_of_an_hour_the_newest_tick_is_made_up(plan: Plan, report: Report) -> None:
    load = load_of("jump")
    with plan.house.under(load, lasts(30.0)) as run:
        for _ in range(ROUNDS):
            plan.ran_once(plan.clock.before_the_next_tick())
            left = plan.clock.last_tick()
            plan.clock.jump(timedelta(hours=1))
            plan.ran_once(left + 6 * PERIOD)
            for missed in (left + n * PERIOD for n in range(1, 6)):
                plan.is_noted(missed, ("skipped", 0))
            run.note_fault()
    plan.nothing_changed()
    report.add("the clock jumps an hour", ROUNDS, plan.house.settle(run))


def test_beats_asleep_over_a_tick(plan: Plan, report: Report) -> None:
    load = load_of("asleep")
    with plan.house.under(load, lasts(30.0)) as run:
        for _ in range(ROUNDS):
            with plan.asleep(plan.second.pid, *plan.pids("beat")):
                due_at = plan.clock.before_the_next_tick()
                plan.clock.wait_until(due_at + timedelta(seconds=5))
                assert not plan.runs(JOBS[0], due_at)
            plan.ran_once(due_at)
            run.note_fault()
    plan.nothing_changed()
    report.add("beats asleep over a tick", ROUNDS, plan.house.settle(run))


def test_a_tick_whose_tasks_were_lost_with_the_broker_is_made_up_once(plan: Plan, report: Report) -> None:
    load = load_of("lost-ticks")
    with plan.house.under(load, lasts(30.0)) as run:
        for _ in range(ROUNDS):
            with plan.asleep(*plan.pids("store")):
                due_at = plan.clock.before_the_next_tick()
                plan.clock.wait_until(due_at + timedelta(seconds=2))
                plan.forget_tasks()
            plan.ran_once(due_at)
            run.note_fault()
    plan.nothing_changed()
    report.add("tasks of a tick lost with the broker", ROUNDS, plan.house.settle(run))


def test_letters_survive_a_killed_worker_and_a_lost_queue(plan: Plan, report: Report) -> None:
    load = load_of("letters")
    with plan.house.under(load, lasts(30.0)) as run:
        for _ in range(ROUNDS):
            with plan.asleep(*plan.pids("outreach")):
                plan.ran_once(plan.clock.before_the_next_tick())
                plan.forget_tasks()
            plan.ran_once(plan.clock.before_the_next_tick())
            killed = plan.pids("outreach")
            plan.house.kill("outreach")
            run.note_fault()
            assert eventually(lambda killed=killed: plan.pids("outreach")[0] != killed[0], 60)
    outcome = plan.house.settle(run)
    plan.ran_once(plan.clock.before_the_next_tick())
    plan.clock.jump(timedelta(minutes=7))
    assert eventually(lambda: plan.ask(DUE) == [(0,)], 120), plan.ask(DUE)
    assert plan.ask("SELECT count(*) FROM compositions")[0][0] >= load.companies
    assert plan.ask(WITHOUT_A_LETTER) == [(0,)]
    plan.nothing_changed()
    report.add("letters: worker killed, queue lost", 2 * ROUNDS, outcome)
