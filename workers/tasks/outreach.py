"""Tasks of the outreach queue: who is due a letter, and the letter."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from workers.app import app, container
from workers.base import ticked


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


@app.task(name="outreach.compose", max_retries=60)  # an hour at a minute each: nothing else asks for the letter anew
def compose(watch_id: str, as_of: str) -> str | None:
    """Compose the letter of one watch as of a moment; its id, or None where there is nothing new to say."""
    wired = container()
    letter = wired.compose_letter(UUID(watch_id), datetime.fromisoformat(as_of))
    return str(letter.id) if letter else None
