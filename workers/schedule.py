"""Planned runs: which instant of a job's cron line a moment belongs to, so that a run can be made once."""

from __future__ import annotations

from datetime import datetime, timedelta

from cronsim import CronSim

from sago.config import Settings
from sago.domain.batches import Tick

LEASE = timedelta(minutes=10)
"""How long one run of a planned job may take until another may start it again."""


def cron_of(job: str, settings: Settings) -> str:
    """The cron line (UTC) of a planned job, by task name; raises KeyError for a job that is not planned."""
    return {"upkeep.recover": settings.upkeep.recover, "outreach.schedule": settings.outreach.schedule}[job]


def last_tick(job: str, cron: str, now: datetime) -> Tick:
    """The newest instant of the cron line that is not after `now`."""
    return Tick(job, next(CronSim(cron, now + timedelta(seconds=1), reverse=True)))
