"""The periodic jobs: when each runs, until when a late start is worth it, and which of its runs a moment belongs to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from celery.schedules import crontab
from cronsim import CronSim

from sago.config import Settings
from sago.domain.batches import Tick

LEASE = timedelta(minutes=10)
"""How long one run of a ticked job may take until another may start it again."""
REAP_EVERY = 30.0
RECOVER_CRON = "17 * * * *"


class Job(NamedTuple):
    """A periodic job by its task name, with a cron line in UTC; only these leave rows in `ticks`."""

    name: str
    cron: str


def jobs(settings: Settings) -> dict[str, Job]:
    """The jobs that run at most every five minutes, by task name."""
    rows = (Job("upkeep.recover", RECOVER_CRON), Job("outreach.schedule", settings.outreach.schedule))
    return {job.name: job for job in rows}


def last_tick(job: Job, now: datetime) -> Tick:
    """The newest instant of the job's cron line that is not after `now`."""
    return Tick(job.name, next(CronSim(job.cron, now + timedelta(seconds=1), reverse=True)))


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Celery's beat table; `expires` keeps a stopped worker from running the same job many times over."""
    often = {
        "flush what has waited too long": ("upkeep.flush_idle", float(settings.cache.poll_interval)),
        "take up unfinished batches": ("upkeep.reap", REAP_EVERY),
    }
    table: dict[str, dict[str, Any]] = {
        label: {"task": task, "schedule": every, "options": {"expires": every}}
        for label, (task, every) in often.items()
    }
    for job in jobs(settings).values():
        table[job.name] = {
            "task": job.name,
            "schedule": _crontab(job.cron),
            "kwargs": {"tick": True},
            "options": {"expires": 3600.0},
        }
    return table


def _crontab(cron: str) -> crontab:
    minute, hour, day, month, weekday = cron.split()
    return crontab(minute=minute, hour=hour, day_of_month=day, month_of_year=month, day_of_week=weekday)
