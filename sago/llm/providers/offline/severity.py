"""How much an event moves an investor's view: by its type and kind, and by its size."""

from __future__ import annotations

from collections.abc import Sequence

from sago.domain.events import EventType, Metric, Severity
from sago.domain.metrics import is_currency

_BY_KIND = {
    "outage": Severity.HIGH, "breach": Severity.HIGH, "lawsuit": Severity.HIGH, "layoffs": Severity.HIGH,
    "recall": Severity.HIGH,
    "departure": Severity.HIGH, "churn": Severity.MEDIUM, "fall": Severity.MEDIUM, "lost deal": Severity.MEDIUM,
    "term sheet": Severity.HIGH, "round": Severity.HIGH, "grant": Severity.MEDIUM, "debt": Severity.MEDIUM,
    "hire": Severity.HIGH, "team size": Severity.LOW,
}  # fmt: skip
_BY_TYPE = {
    EventType.REVENUE_MILESTONE: Severity.HIGH, EventType.PARTNERSHIP: Severity.HIGH,
    EventType.MEDIA_COVERAGE: Severity.LOW,
}  # fmt: skip
LARGE = 50_000.0
"""Of dollars, euros or pounds: a contract from here on is large."""
VERY_LARGE = 1_000_000.0
_WEAK = {"JPY": 150.0, "KRW": 1300.0, "INR": 85.0}
"""Rough units to the dollar of currencies whose figures look large."""


def severity(event_type: EventType, kind: str, metrics: Sequence[Metric]) -> Severity:
    """High, medium or low; money is compared by size alone, without rates of the day."""
    money = max((m.value / _WEAK.get(m.unit, 1.0) for m in metrics if is_currency(m.unit)), default=0.0)
    if event_type is EventType.ENTERPRISE_DEAL:
        return Severity.HIGH if money >= LARGE else Severity.MEDIUM
    if kind in ("grant", "debt", "lost deal", "churn") and money >= (VERY_LARGE if kind != "lost deal" else 500_000.0):
        return Severity.HIGH
    if event_type is EventType.USER_GROWTH and any(m.unit == "count" and m.value >= VERY_LARGE for m in metrics):
        return Severity.HIGH
    return _BY_KIND.get(kind) or _BY_TYPE.get(event_type, Severity.MEDIUM)
