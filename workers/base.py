"""The one task base: log context, and which errors are tried again by whom."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, ParamSpec

import structlog
from celery import Task

from sago import telemetry
from sago.errors import TransientError

P = ParamSpec("P")
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

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:  # noqa: ARG002
        """One line for the log; the reason also stands in the task's result."""
        log.error("task failed", task=self.name, task_id=task_id, error=str(exc), error_type=type(exc).__name__)


def ticked(job: str) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Make a planned run (`tick=True`) happen once per instant of its cron line, whoever sends it how often.

    A run called by hand (`tick` absent) is never blocked and leaves no row.
    """

    def wrap(run: Callable[P, Any]) -> Callable[P, Any]:
        @functools.wraps(run)
        def once(*args: P.args, **kwargs: P.kwargs) -> Any:
            if not kwargs.pop("tick", False):
                return run(*args, **kwargs)
            return _run_tick(job, functools.partial(run, *args, **kwargs))

        return once

    return wrap


def _run_tick(job: str, run: Callable[[], Any]) -> Any:
    from workers.app import container
    from workers.schedule import LEASE, cron_of, last_tick

    wired = container()
    now: datetime = wired.clock.now()
    tick = last_tick(job, cron_of(job, wired.settings), now)
    with wired.database.begin() as tx:
        if not tx.ledger.begin_tick(tick, now + LEASE, now):
            return "done before"
    result = run()
    with wired.database.begin() as tx:
        tx.ledger.end_tick(tick)
    return result
