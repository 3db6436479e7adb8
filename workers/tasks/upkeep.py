"""Short periodic tasks that keep batches moving and mend what was lost."""

from __future__ import annotations

from datetime import timedelta

from workers.app import app, container
from workers.base import ticked
from workers.schedule import is_missed, planned_jobs


# Beat sends the next run anyway.
@app.task(name="upkeep.flush_idle", autoretry_for=())
def flush_idle(older_than: float | None = None) -> list[str]:
    """Make batches of what has waited for `older_than` seconds (default: cache.idle_flush_after); their ids."""
    wired = container()
    seconds = wired.settings.cache.idle_flush_after if older_than is None else older_than
    return wired.batching.flush(timedelta(seconds=seconds), wired.clock.now())


# Beat sends the next run anyway.
@app.task(name="upkeep.reap", autoretry_for=())
def reap() -> int:
    """Take up unfinished batches; recover at once where Redis has lost its data, or Postgres is a restored backup.
    How many were taken up."""
    wired = container()
    is_whole = wired.buffer.has_epoch()
    if not is_whole:  # before what may fail
        wired.dispatcher.recover()
    taken = wired.reaper.reap(wired.clock.now())
    if not wired.generations.advance(wired.clock.now()) and is_whole:
        wired.dispatcher.recover()
    return taken


# Beat sends the next run anyway.
@app.task(name="upkeep.catch_up", autoretry_for=())
def catch_up() -> list[str]:
    """Send again what was planned or is due and was lost; the jobs among it. Harmless where it only waits."""
    wired = container()
    now = wired.clock.now()
    with wired.database.begin() as tx:
        missed = [job for job, cron in planned_jobs(wired.settings).items() if is_missed(tx.ledger, job, cron, now)]
    for job in missed:
        wired.dispatcher.run_planned(job)
    wired.due_letters.send()
    return missed


# Beat sends the next run anyway.
@app.task(name="upkeep.coarsen", autoretry_for=())
def coarsen() -> int:
    """Make the texts that shares which do not show all show in place of an event's own; of how many events."""
    return container().coarsening.make()


@app.task(name="upkeep.recover")
@ticked("upkeep.recover")
def recover() -> int:
    """Queue stored messages that no batch has read; how many."""
    wired = container()
    return wired.recovery.recover(wired.clock.now())


@app.task(name="upkeep.end_shares")
@ticked("upkeep.end_shares")
def end_shares() -> list[str]:
    """Erase what came of shares whose last day is over, as `sago share revoke` does; which shares. Then tasks that were
    started by name long ago are forgotten."""
    wired = container()
    ended = wired.revoking.end_due(wired.clock.now())
    for share in ended:
        wired.recovery.requeue(share.company_id, wired.clock.now())
    wired.starting.forget(timedelta(days=wired.settings.upkeep.task_runs_days))
    return [share.name for share in ended]
