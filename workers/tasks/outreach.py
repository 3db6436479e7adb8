"""Who is due a letter (queue upkeep), and the letter (queue outreach)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded

from sago.errors import TransientError
from workers.app import app, container
from workers.base import ticked


@app.task(name="outreach.schedule")
@ticked("outreach.schedule", tells="as_of")
def schedule(as_of: str | None = None) -> int:
    """Make a letter due for each active watch, as of a moment (ISO 8601, UTC unless said; default now); how many.
    Letters whose news is too old by then expire."""
    wired = container()
    moment = datetime.fromisoformat(as_of) if as_of else wired.clock.now()
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    due = wired.due_letters.plan(moment)
    wired.tidy(moment)
    return due


@app.task(name="outreach.compose", autoretry_for=(TransientError, SoftTimeLimitExceeded), retry_backoff=8)
def compose(watch_id: str, as_of: str, patient: bool = False) -> str | None:
    """Compose the letter of one watch as of a moment; its id, or None where there is nothing new to say.

    A `patient` one is due: its row in `compositions` owns what is tried again, and for how long. Of the others, for
    which somebody waits, an outage is tried again as in any task, and a refused key or model fails at once.
    """
    wired = container()
    compose_letter = wired.due_letters.compose if patient else wired.compose_letter
    letter = compose_letter(UUID(watch_id), datetime.fromisoformat(as_of))
    return str(letter.id) if letter else None
