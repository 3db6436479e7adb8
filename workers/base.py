"""The one task base: log context, and which errors are tried again by whom."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec

import structlog
from celery import Task

from sago import telemetry
from sago.domain.batches import Tick
from sago.errors import TransientError

if TYPE_CHECKING:
    from sago.bootstrap import Container

P = ParamSpec("P")
LONGEST_DELAY = 300
"""Seconds that another side may make a task wait: with the hard time limit still below the visibility timeout."""
log = telemetry.logger(__name__)


class SagoTask(Task[Any, Any]):
    """Transient errors back off with jitter, at most five times; every other error fails the task at once."""

    autoretry_for = (TransientError,)
    max_retries = 5
    default_retry_delay = 2
    """Also the wait after a killed child; Celery's own is three minutes."""
    retry_backoff = True
    retry_backoff_max = 60
    retry_jitter = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run with the task's name and id in every log line."""
        with structlog.contextvars.bound_contextvars(task=self.name, task_id=self.request.id):
            return super().__call__(*args, **kwargs)

    def retry(self, *args: Any, **kwargs: Any) -> Any:
        """As Celery's, but never before the other side wants to be asked again."""
        if asked := delay_of(kwargs.get("exc")):
            kwargs["countdown"] = max(kwargs.get("countdown") or 0, asked)
        return super().retry(*args, **kwargs)

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:  # noqa: ARG002
        """One line for the log; the reason also stands in the task's result."""
        log.error("task failed", task=self.name, task_id=task_id, error=str(exc), error_type=type(exc).__name__)


def delay_of(error: object) -> float | None:
    """Seconds that a failure asks us to wait, if it does; at most LONGEST_DELAY."""
    asked = error.retry_after if isinstance(error, TransientError) else None
    return min(asked.total_seconds(), LONGEST_DELAY) if asked else None


def ticked(job: str, *, tells: str | None = None) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Make a planned run (`tick=True`) happen once per instant of its cron line, whoever sends it how often;
    a run that fails, whatever the error, may be run again. It is told its instant (ISO 8601) as argument `tells`, so
    that a run which is late, or is made again, does the same.

    A run called by hand (`tick` absent) is never blocked and leaves no row.
    """

    def wrap(run: Callable[P, Any]) -> Callable[P, Any]:
        @functools.wraps(run)
        def once(*args: P.args, **kwargs: P.kwargs) -> Any:
            if not kwargs.pop("tick", False):
                return run(*args, **kwargs)
            return _run_tick(job, tells, functools.partial(run, *args, **kwargs))

        return once

    return wrap


def _run_tick(job: str, tells: str | None, run: Callable[..., Any]) -> Any:
    from workers.app import container
    from workers.schedule import LEASE, last_tick, planned_jobs

    wired = container()
    now: datetime = wired.clock.now()
    tick = last_tick(job, planned_jobs(wired.settings)[job], now)
    with wired.database.begin() as tx:
        if not tx.ledger.begin_tick(tick, now + LEASE, now):
            return "done before"
    try:
        result = run(**{tells: tick.due_at.isoformat()} if tells else {})
    except BaseException:
        _release(wired, tick)
        raise
    with wired.database.begin() as tx:
        tx.ledger.end_tick(tick)
    return result


def _release(wired: Container, tick: Tick) -> None:
    """Let a retry or the next send run the tick again; where Postgres is away, once the lease ends."""
    try:
        with wired.database.begin() as tx:
            tx.ledger.release_tick(tick, wired.clock.now())
    except TransientError as error:
        log.warning("tick not released: it may run again when its lease ends", job=tick.job, reason=str(error))
