"""True or absent: a finding becomes an observation only where the message says so to the letter. One way for every
provider; nothing a provider claims about offsets or figures is taken on trust.

A quote that does not stand in its message, or stands in a text that gives orders, drops the finding. A metric whose
value and unit the quote does not state is dropped alone. A title with a figure that neither the quote nor a kept metric
states is replaced by the quote's beginning; a description or impact with such a figure is left empty. Each is counted
under its reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sago.domain.amount_words import DOLLARS
from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import Finding, Metric, Observation
from sago.domain.messages import CompactMessage
from sago.domain.orders import stands_in_order

UNKNOWN_MESSAGE = "finding: unknown message"
NO_QUOTE = "finding: quote not in message"
AN_ORDER = "finding: quote is an order"
SAME_SPAN = "finding: same span and type twice"
NO_TITLE = "finding: no title"
NO_FIGURE = "metric: not in quote"
TITLE_REPLACED = "title: figure not in quote"
TEXT_CUT = "description: figure not in quote"
TITLE_LENGTH = 120
TOLERANCE = 1e-6
"""Relative; figures are read from text, not computed."""
TITLE_TOLERANCE = 6e-3
"""Relative; a title may round 1.116M to 1.12M."""
_AROUND = 48
"""Code points read on each side of a quote, so that a figure cut by its edge is not misread."""


def ground(
    findings: Sequence[Finding],
    messages: Sequence[CompactMessage],
    *,
    company_id: str,
    extractor: str,
    extractor_version: str,
    recorded_at: datetime,
) -> tuple[list[Observation], dict[str, int]]:
    """The findings that stand to the letter, as observations in the order of `messages`; and reason → how many were
    dropped. Of several versions of a message in `messages` the highest is the one findings speak of."""
    newest: dict[str, CompactMessage] = {}
    for message in messages:
        if message.id not in newest or newest[message.id].version <= message.version:
            newest[message.id] = message
    dropped: Counter[str] = Counter()
    grounded: dict[tuple[object, ...], Observation] = {}
    for finding in findings:
        fields = _fields(finding, newest.get(finding.message_id), dropped)
        if fields is None:
            continue
        fields |= {"company_id": company_id, "extractor": extractor, "extractor_version": extractor_version}
        observation = Observation.model_validate({**fields, "recorded_at": recorded_at})
        key = (observation.key, observation.start, observation.end, observation.event_type)
        if key in grounded:
            dropped[SAME_SPAN] += 1
        else:
            grounded[key] = observation
    order = {message.key: place for place, message in enumerate(messages)}
    counts = {reason: count for reason, count in dropped.items() if count}
    return sorted(grounded.values(), key=lambda o: (order[o.key], o.start, o.end, o.event_type)), counts


def _fields(finding: Finding, message: CompactMessage | None, dropped: Counter[str]) -> dict[str, object] | None:
    """What an observation takes from finding and message, or None where it is dropped."""
    if message is None:
        dropped[UNKNOWN_MESSAGE] += 1
        return None
    start = _locate(finding.quote, message.text, finding.start)
    if start is None:
        dropped[NO_QUOTE] += 1
        return None
    if stands_in_order(message.text, start, start + len(finding.quote)):
        dropped[AN_ORDER] += 1
        return None
    amounts = _amounts_within(message.text, start, start + len(finding.quote))
    metrics = tuple(dict.fromkeys(metric for metric in finding.metrics if _stated(metric, amounts)))
    dropped[NO_FIGURE] += len(finding.metrics) - len(metrics)
    title = _title(finding, amounts, metrics, dropped)
    if title is None:
        return None
    return {
        **finding.model_dump(include={"quote", "event_type", "status", "severity", "subject", "corrects"}),
        "message_id": message.id,
        "version": message.version,
        "source": message.source,
        "sender": message.sender,
        "said_at": message.sent_at,
        "start": start,
        "end": start + len(finding.quote),
        "title": title,
        "description": _cut(finding.description, amounts, metrics, dropped),
        "impact": _cut(finding.impact, amounts, metrics, dropped),
        "metrics": metrics,
        "stakeholders": finding.stakeholders,
    }


def _locate(quote: str, text: str, hint: int | None) -> int | None:
    """Where the quote stands: at the hint, else the occurrence nearest to it, else the first."""
    if not quote.strip():
        return None
    if hint is None or hint < 0:
        place = text.find(quote)
        return None if place < 0 else place
    near = [place for place in (text.rfind(quote, 0, hint + len(quote)), text.find(quote, hint)) if place >= 0]
    return min(near, key=lambda place: (abs(place - hint), place), default=None)


def _amounts_within(text: str, start: int, end: int) -> list[Amount]:
    """The amounts of the text that lie inside [start, end)."""
    left = max(0, start - _AROUND)
    return [
        amount
        for amount in find_amounts(text[left : end + _AROUND])
        if left + amount.start >= start and left + amount.end <= end
    ]


def _stated(metric: Metric, amounts: Sequence[Amount]) -> bool:
    """Whether one of the amounts has this value and unit. A number without a unit may stand for money (`450k of MRR`)
    and for the unit of another figure of the quote (`slid to 19%, it was 24`); a plain `$` for any dollar."""
    units = {amount.unit for amount in amounts}
    return any(
        math.isclose(abs(metric.value), abs(amount.value), rel_tol=TOLERANCE)
        and (
            amount.unit == metric.unit
            or (amount.bare and (_is_currency(metric.unit) or metric.unit in units))
            or (amount.any_dollar and metric.unit in DOLLARS)
        )
        for amount in amounts
    )


def _is_currency(unit: str) -> bool:
    return len(unit) == 3 and unit.isupper()


def _backed(text: str, amounts: Sequence[Amount], metrics: Sequence[Metric]) -> bool:
    """Whether every figure of a text of ours is among the amounts of the quote or the kept metrics."""
    known = [abs(amount.value) for amount in amounts] + [abs(metric.value) for metric in metrics]
    return all(
        any(math.isclose(abs(figure.value), value, rel_tol=TITLE_TOLERANCE) for value in known)
        for figure in find_amounts(text)
    )


def _title(finding: Finding, amounts: Sequence[Amount], metrics: Sequence[Metric], dropped: Counter[str]) -> str | None:
    if _backed(finding.title, amounts, metrics):
        return finding.title
    words = " ".join(finding.quote.split())
    if len(words) < 5:
        dropped[NO_TITLE] += 1
        return None
    dropped[TITLE_REPLACED] += 1
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"


def _cut(text: str, amounts: Sequence[Amount], metrics: Sequence[Metric], dropped: Counter[str]) -> str:
    if _backed(text, amounts, metrics):
        return text
    dropped[TEXT_CUT] += 1
    return ""
