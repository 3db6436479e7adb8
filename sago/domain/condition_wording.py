"""What a condition asks and what was seen of it, in words that verdicts and letters share."""

from __future__ import annotations

from datetime import date

from sago.domain import periods
from sago.domain.events import CATALOGUE, EventType, Severity
from sago.domain.watches import Condition, ConditionResult
from sago.domain.wording import day, figure, metric_label

NEAR = 0.1
"""Share of a period by which its first figure may miss its start and still be told as of it."""


_ONE = {
    EventType.FUNDING: "funding event",
    EventType.REVENUE_MILESTONE: "revenue milestone",
    EventType.USER_GROWTH: "user milestone",
    EventType.TECHNICAL_ACHIEVEMENT: "technical achievement",
    EventType.HIRING: "hire",
    EventType.COMPLIANCE: "compliance event",
    EventType.MEDIA_COVERAGE: "media report",
    EventType.INVESTOR_INTEREST: "investor approach",
    EventType.CUSTOMER_SUCCESS: "customer success",
}
"""What one event of a type is called, where its label is no noun that can be counted."""


def event_label(name: str) -> str:
    """One event of a type, in a sentence: `enterprise deal`."""
    kind = EventType(name)
    return _ONE.get(kind) or CATALOGUE[kind].label.lower()


def count_phrase(condition: Condition, number: int) -> str:
    """`2 major enterprise deals`, `no serious setback`, `no setback`."""
    label = event_label(condition.name)
    grave = "serious " if condition.name == EventType.SETBACK else "major "
    before = grave if condition.severity is Severity.HIGH else ""
    behind = " of medium or high severity" if condition.severity is Severity.MEDIUM else ""
    plural = ("es" if label.endswith(("s", "ch")) else "s") if number > 1 else ""
    return f"{number or 'no'} {before}{label}{plural}{behind}"


def time_phrase(condition: Condition, since: str) -> str:
    """` in the last 90 days`, or how the caller says since the meeting."""
    return f" in the last {periods.span(condition.within)}" if condition.within else since


def change_phrase(result: ConditionResult, as_of: date) -> str:
    """`MRR grew 12% in the 3 months to 1 April, from $156k to $175k`, of a result that has both ends."""
    condition, (before, after) = result.condition, result.points
    seen = result.seen or 0.0
    moved = f"grew {figure(seen, 'percent')}" if seen > 0 else f"fell {figure(-seen, 'percent')}"
    over = f"in the {periods.span(condition.within or '')} to {day(after.as_of, beside=as_of)}"
    start = periods.before(after.as_of, condition.within or "")
    is_off = abs(before.as_of - start) > (after.as_of - start) * NEAR
    since = f" on {day(before.as_of, beside=as_of)}" if is_off else ""
    from_to = f"from {figure(before.value, before.unit)}{since} to {figure(after.value, after.unit)}"
    label = metric_label(after.metric)
    if not seen:
        return f"{label} stayed at {figure(after.value, after.unit)} {over}"
    return f"{label} {moved} {over}, {from_to}"


def asked_phrase(condition: Condition) -> str:
    """`at least 20%`, `a decline of at most 5%`: the change that was asked."""
    value, op = condition.value, condition.op
    if value < 0:
        words = {">=": "at most", ">": "less than", "<=": "at least", "<": "more than"}
        return f"a decline of {words.get(op, op)} {figure(-value, 'percent')}"
    if value == 0 and op in (">", "<"):
        return "growth" if op == ">" else "a decline"
    words = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
    return f"{words.get(op, op)} {figure(value, 'percent')}"
