"""Planned runs: which instant of a job's cron line a moment belongs to, and which instants were missed."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice, takewhile

from cronsim import CronSim

from sago.config import Settings
from sago.domain.batches import Tick, TickRun, TickState
from sago.ports import Ledger

LEASE = timedelta(seconds=330)
"""How long one run of a planned job holds its instant: longer than any task may run, so that none outlives it."""
LOOK_BACK = 50
"""Instants that are looked at; what was missed before them leaves no row."""
LONGEST_PAUSE = timedelta(hours=1)
"""Between runs that fail, each time."""


def planned_jobs(settings: Settings) -> dict[str, str]:
    """The cron line (UTC) of each planned job, by task name."""
    return {
        "upkeep.recover": settings.upkeep.recover,
        "upkeep.end_shares": settings.upkeep.end_shares,
        "outreach.schedule": settings.outreach.schedule,
        "outreach.significance": settings.outreach.significance.nightly,
        "outreach.digest": settings.outreach.digest,
    }


def last_tick(job: str, cron: str, now: datetime) -> Tick:
    """The newest instant of the cron line that is not after `now`."""
    return Tick(job, next(_back_from(cron, now)))


def is_missed(ledger: Ledger, job: str, cron: str, now: datetime) -> bool:
    """Whether the job's last instant was not run, or its run was lost; older ones like it are noted as skipped.

    Instants before the job, or its cron line, was first seen were never planned.
    """
    since = ledger.planned_since(job, cron, now)
    instants = list(takewhile(lambda at: at > since, islice(_back_from(cron, now), LOOK_BACK)))
    if not instants:
        return False
    newest, *older = instants
    runs = ledger.tick_runs(job, instants[-1])
    ledger.skip_ticks([Tick(job, at) for at in older if _is_open(runs.get(at), now)], now)
    return _is_open(runs.get(newest), now)


def _back_from(cron: str, now: datetime) -> CronSim:
    # CronSim leaves out the moment itself, unless it has a fraction of a second
    return CronSim(cron, now + timedelta(microseconds=1), reverse=True)


def _is_open(run: TickRun | None, now: datetime) -> bool:
    if run is None:
        return True
    pause = min(timedelta(seconds=2 ** min(run.attempts, 12)), LONGEST_PAUSE)
    return run.state is TickState.RUNNING and run.lease_until + pause <= now
