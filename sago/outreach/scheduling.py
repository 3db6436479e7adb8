"""Which watches are due, and what each of them says: for the monthly job and for the report."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sago.domain.outreach import Outcome, Verdict
from sago.outreach.verdicts import judge
from sago.ports import Database

_ORDER = [Outcome.NOW, Outcome.NOT_YET, Outcome.DO_NOT_WRITE, Outcome.UPDATE]


def due_watches(database: Database, as_of: datetime) -> list[UUID]:
    """Active watches of companies of which something is known by `as_of`; composing decides about each."""
    with database.begin() as transaction:
        heard_of = {event.company_id for event in transaction.events.find() if event.occurred_at <= as_of}
        return [watch.id for watch in transaction.outreach.watches() if watch.company_id in heard_of]


def verdicts(database: Database, as_of: datetime, setback_days: int) -> list[Verdict]:
    """What every active watch says as of a moment: NOW first, then NOT YET, DO NOT WRITE and updates."""
    with database.begin() as transaction:
        judged = [
            judge(
                watch,
                transaction.events.find(watch.company_id),
                transaction.events.metric_points(watch.company_id),
                as_of,
                setback_days,
            )
            for watch in transaction.outreach.watches()
        ]
    return sorted(judged, key=lambda verdict: (_ORDER.index(verdict.outcome), verdict.watch.company_id))
