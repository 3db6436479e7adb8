"""What a watch is judged on, a letter written from and a notice told of: loaded here and nowhere else."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from sago.domain.companies import Company
from sago.domain.events import Event, MetricPoint
from sago.domain.watches import Watch
from sago.ports import Transaction


class Known(NamedTuple):
    """What one company's watch is judged on."""

    company: Company
    watch: Watch
    events: list[Event]
    metric_points: list[MetricPoint]


def load(transaction: Transaction, watch_id: UUID) -> Known | None:
    """What is known for an active watch; None where there is no such watch."""
    watch = next((watch for watch in transaction.outreach.watches() if watch.id == watch_id), None)
    return known_to(transaction, watch) if watch else None


def known_to(transaction: Transaction, watch: Watch) -> Known | None:
    """What its company's events say, as far as the watch's firm may see them; None where the company is gone."""
    company = transaction.companies.get(watch.company_id)
    if company is None:
        return None
    events = transaction.events.find(watch.company_id)
    return Known(company, watch, events, transaction.events.metric_points(watch.company_id))
