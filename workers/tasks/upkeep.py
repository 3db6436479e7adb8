"""Short periodic tasks that keep batches moving and mend what was lost."""

from __future__ import annotations

from datetime import timedelta

from workers.app import app, container
from workers.base import ticked


@app.task(name="upkeep.flush_idle")
def flush_idle(older_than: float | None = None) -> list[str]:
    """Make batches of what has waited for `older_than` seconds (default: cache.idle_flush_after); their ids."""
    wired = container()
    seconds = wired.settings.cache.idle_flush_after if older_than is None else older_than
    return wired.batching.flush(timedelta(seconds=seconds), wired.clock.now())


@app.task(name="upkeep.reap")
def reap() -> int:
    """Take up unfinished batches; recover at once where Redis has lost its data. How many were taken up."""
    wired = container()
    if not wired.buffer.has_epoch():
        wired.dispatcher.recover()
    return wired.reaper.reap(wired.clock.now())


@app.task(name="upkeep.recover")
@ticked("upkeep.recover")
def recover() -> int:
    """Queue stored messages that no batch has read; how many."""
    wired = container()
    return wired.recovery.recover(wired.clock.now())
