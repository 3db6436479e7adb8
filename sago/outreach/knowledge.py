"""What a watch is judged on, a letter written from and a notice told of: loaded here and nowhere else."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sago.domain.companies import Company
from sago.domain.events import Event, MetricPoint
from sago.domain.watches import Watch
from sago.outreach.sharing import View, view_of
from sago.ports import Transaction


class Known(NamedTuple):
    """What one company's watch is judged on: what its firm may see."""

    company: Company
    watch: Watch
    events: list[Event]
    metric_points: list[MetricPoint]
    view: View
    """Events and metric points are those of it; it judges them, in bands too."""


def load(transaction: Transaction, watch_id: UUID, as_of: datetime, now: datetime | None = None) -> Known | None:
    """What is known for an active watch; None where there is no such watch."""
    watch = next((watch for watch in transaction.outreach.watches() if watch.id == watch_id), None)
    return known_to(transaction, watch, as_of, now) if watch else None


def known_to(transaction: Transaction, watch: Watch, as_of: datetime, now: datetime | None = None) -> Known | None:
    """What its company's events say, as far as the watch's firm may see them; None where the company is gone. A share
    that has ended by `now` shows nothing, whatever the moment."""
    company = transaction.companies.get(watch.company_id)
    if company is None:
        return None
    view = view_of(transaction, watch, as_of, now)
    return Known(company, watch, view.seen.events, view.seen.metric_points, view)
