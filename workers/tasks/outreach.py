"""Who is due a letter and who is told what is new (queue upkeep), what each watch says and the letter (queue outreach),
and the way out (queue mail)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded

from sago.domain.tasks import WHY
from sago.errors import TransientError
from workers.app import app, container
from workers.base import ticked


@app.task(name="outreach.schedule")
@ticked("outreach.schedule", tells="as_of")
def schedule(as_of: str | None = None) -> int:
    """Make a letter due for each active watch, as of a moment (ISO 8601, UTC unless said; default now); how many.
    Letters whose news is too old by then expire."""
    wired, moment = container(), _moment(as_of)
    due = wired.due_letters.plan(moment)
    wired.tidy(moment)
    return due


@app.task(name="outreach.digest")
@ticked("outreach.digest", tells="as_of")
def digest(email: str | None = None, as_of: str | None = None) -> list[str]:
    """Make the notices of everybody whose hour has come, or of one person who wants them, as of a moment (ISO 8601, UTC
    unless said; default now), and queue their mails; the notices' ids."""
    return [str(notice.id) for notice in container().digests.make(_moment(as_of), email)]


@app.task(name="outreach.significance")
@ticked("outreach.significance", tells="as_of")
def significance(as_of: str | None = None) -> int:
    """Judge each active watch as of a moment (ISO 8601, UTC unless said; default now) and keep its verdict as that
    day's; how many."""
    return container().judging.keep_all(_moment(as_of))


@app.task(name="outreach.judge")
def judge(watch_ids: list[str], as_of: str) -> int:
    """Judge these watches as of a moment and keep their verdicts as that day's; how many."""
    return container().judging.keep({UUID(watch_id) for watch_id in watch_ids}, datetime.fromisoformat(as_of))


@app.task(name="outreach.compose", autoretry_for=(TransientError, SoftTimeLimitExceeded), retry_backoff=8)
def compose(watch_id: str, as_of: str, patient: bool = False) -> str | dict[str, str] | None:
    """Compose the letter of one watch as of a moment; its id. Where there is none, `why` to whoever waits for it.

    A `patient` one is due: its row in `compositions` owns what is tried again, and for how long. Of the others, for
    which somebody waits, an outage is tried again as in any task, and a refused key or model fails at once.
    """
    wired = container()
    compose_letter = wired.due_letters.compose if patient else wired.compose_letter
    watch, moment = UUID(watch_id), datetime.fromisoformat(as_of)
    letter = compose_letter(watch, moment)
    if letter or patient:
        return str(letter.id) if letter else None
    return {WHY: wired.judging.why_no_letter(watch, moment)}


# Beat sends the next run anyway.
@app.task(name="outreach.deliver", autoretry_for=())
def deliver() -> dict[str, Any]:
    """Queue letters whose approval can no longer be undone, and send what may go; mails by what became of them."""
    done = container().delivery.deliver()
    states = Counter(mail.state.value for mail in done.mails)
    return {"queued": len(done.queued), "mails": dict(states), "problem": done.problem}


def _moment(as_of: str | None) -> datetime:
    if as_of is None:
        return container().clock.now()
    moment = datetime.fromisoformat(as_of)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
