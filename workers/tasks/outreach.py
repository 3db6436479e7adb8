"""Tasks of the outreach queue: who is due a letter, and the letter."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded

from sago.errors import ProviderSettingError, TransientError
from workers.app import app, container
from workers.base import LONGEST_DELAY, SagoTask, ticked

PATIENCE = 288
"""Retries of a letter: a day at five minutes each. No wait is longer, or the broker would deliver the task twice."""


@app.task(name="outreach.schedule")
@ticked("outreach.schedule")
def schedule(as_of: str | None = None) -> int:
    """Enqueue a letter for each active watch, as of a moment (ISO 8601, UTC unless said; default now); how many."""
    wired = container()
    moment = datetime.fromisoformat(as_of) if as_of else wired.clock.now()
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    due = wired.due_watches(moment)
    for watch_id in due:
        wired.dispatcher.compose(watch_id, moment)
    return len(due)


@app.task(
    name="outreach.compose",
    bind=True,
    autoretry_for=(TransientError, SoftTimeLimitExceeded),
    retry_backoff_max=LONGEST_DELAY,
    max_retries=PATIENCE,
)
def compose(self: SagoTask, watch_id: str, as_of: str, patient: bool = False) -> str | None:
    """Compose the letter of one watch as of a moment; its id, or None where there is nothing new to say.

    Nothing else asks for the letter before the next planned run, a month away: so an outage is waited for, and where
    it is `patient` a refused key or model too, which a person must mend within PATIENCE. A run that overran its time,
    or had none left to mend a refused draft, is made again as often as any task, for each one costs.
    """
    wired = container()
    try:
        letter = wired.compose_letter(UUID(watch_id), datetime.fromisoformat(as_of))
    except ProviderSettingError as error:
        if not patient:
            raise
        raise self.retry(exc=error, countdown=LONGEST_DELAY) from error
    return str(letter.id) if letter else None
