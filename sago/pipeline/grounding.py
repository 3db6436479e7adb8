"""True or absent: a finding becomes an observation only where the message says so to the letter. One way for every
provider; nothing a provider claims about offsets or figures is taken on trust.

A quote that does not stand in its message, or stands in a text that gives orders, drops the finding; one that is only
written otherwise (`Passages`) is kept as the message has it. A metric is dropped alone where the quote does not state
its value, or states it in another currency, unit, period or direction. A title with a figure that neither the quote nor
a kept metric states, or with the opposite direction, is replaced by the quote's beginning; a description or impact with
such a figure is left empty. Each is counted under its reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sago.domain.amount_words import CROWNS, DOLLARS
from sago.domain.amounts import Amount, find_amounts
from sago.domain.claims import direction_in, other_direction, other_period
from sago.domain.events import Finding, Metric, Observation
from sago.domain.messages import CompactMessage
from sago.domain.metrics import METRICS, UNSTATED, is_currency
from sago.domain.orders import Orders
from sago.domain.passages import Passages

UNKNOWN_MESSAGE = "finding: unknown message"
NO_QUOTE = "finding: quote not in message"
AN_ORDER = "finding: quote is an order"
SAME_SPAN = "finding: same span and type twice"
NO_TITLE = "finding: no title"
NO_FIGURE = "metric: not in quote"
OTHER_CURRENCY = "metric: other currency"
OTHER_UNIT = "metric: other unit"
OTHER_PERIOD = "metric: other period"
OTHER_DIRECTION = "metric: other direction"
TITLE_TURNED = "title: other direction"
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
    passages = {message_id: Passages(message.text) for message_id, message in newest.items()}
    orders = {message_id: Orders(message.text) for message_id, message in newest.items()}
    dropped: Counter[str] = Counter()
    grounded: dict[tuple[object, ...], Observation] = {}
    for finding in findings:
        if finding.message_id not in newest:
            dropped[UNKNOWN_MESSAGE] += 1
            continue
        message_id = finding.message_id
        fields = _fields(finding, newest[message_id], passages[message_id], orders[message_id], dropped)
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


def _fields(
    finding: Finding, message: CompactMessage, passages: Passages, orders: Orders, dropped: Counter[str]
) -> dict[str, object] | None:
    """What an observation takes from finding and message, or None where it is dropped."""
    place = passages.find(finding.quote, finding.start)
    if place is None:
        dropped[NO_QUOTE] += 1
        return None
    start, end = place
    if orders.hold(start, end):
        dropped[AN_ORDER] += 1
        return None
    quote = message.text[start:end]
    amounts = _amounts_within(message.text, start, end)
    metrics = _agreeing(finding.metrics, quote, amounts, dropped)
    title = _title(finding.title, quote, amounts, metrics, dropped)
    if title is None:
        return None
    return {
        **finding.model_dump(include={"event_type", "status", "severity", "subject", "corrects"}),
        "quote": quote,
        "message_id": message.id,
        "version": message.version,
        "source": message.source,
        "sender": message.sender,
        "said_at": message.sent_at,
        "start": start,
        "end": end,
        "title": title,
        "description": _cut(finding.description, amounts, metrics, dropped),
        "impact": _cut(finding.impact, amounts, metrics, dropped),
        "metrics": metrics,
        "stakeholders": finding.stakeholders,
    }


def _amounts_within(text: str, start: int, end: int) -> list[Amount]:
    """The amounts of the text that lie inside [start, end), placed from `start`."""
    left = max(0, start - _AROUND)
    return [
        replace(amount, start=left + amount.start - start, end=left + amount.end - start)
        for amount in find_amounts(text[left : end + _AROUND])
        if left + amount.start >= start and left + amount.end <= end
    ]


def _agreeing(
    metrics: Sequence[Metric], quote: str, amounts: Sequence[Amount], dropped: Counter[str]
) -> tuple[Metric, ...]:
    """The metrics that the quote states as they are claimed."""
    kept: dict[Metric, None] = {}
    for metric in metrics:
        reason = _disagreement(metric, quote, amounts)
        written = _as_written(metric, amounts)
        if reason is None and written not in kept:
            kept[written] = None
        else:
            dropped[reason or NO_FIGURE] += 1
    return tuple(kept)


def _as_written(metric: Metric, amounts: Sequence[Amount]) -> Metric:
    """Without a currency that the quote nowhere writes: what it may be is decided by all that the company says."""
    is_written = any(_has_unit(amount, metric, ()) for amount in amounts if not amount.bare)
    return metric if is_written or not is_currency(metric.unit) else metric.model_copy(update={"unit": UNSTATED})


def _disagreement(metric: Metric, quote: str, amounts: Sequence[Amount]) -> str | None:
    """Why the quote does not state the metric, or None where it does."""
    of_value = [a for a in amounts if math.isclose(abs(metric.value), abs(a.value), rel_tol=TOLERANCE)]
    if not of_value:
        return NO_FIGURE
    units = {amount.unit for amount in amounts}
    of_unit = [amount for amount in of_value if _has_unit(amount, metric, units)]
    if not of_unit:
        both_money = is_currency(metric.unit) and any(amount.is_money for amount in of_value)
        return OTHER_CURRENCY if both_money else OTHER_UNIT
    if all(other_period(metric.name, quote, amount) for amount in of_unit):
        return OTHER_PERIOD
    if all(other_direction(metric.name, metric.value, quote, amount) for amount in of_unit):
        return OTHER_DIRECTION
    return None


def _has_unit(amount: Amount, metric: Metric, units: Collection[str]) -> bool:
    """Whether the amount has the metric's unit. A number without one may stand for money (`450k of MRR`), for the unit
    of another figure of the quote (`slid to 19%, it was 24`), which `units` are, and for the one that the metric always
    has (`NRR is 118`); a plain `$` for any dollar, `kr` for any crown."""
    unit, known = metric.unit, METRICS.get(metric.name)
    may_be = is_currency(unit) or unit in units or (known is not None and known.unit == unit)
    by_sign = {"": (), "$": DOLLARS, "kr": CROWNS}
    return amount.unit == unit or (amount.bare and may_be) or unit in by_sign[amount.shared]


def _backed(text: str, amounts: Sequence[Amount], metrics: Sequence[Metric]) -> bool:
    """Whether every figure of a text of ours is among the amounts of the quote or the kept metrics."""
    known = [abs(amount.value) for amount in amounts] + [abs(metric.value) for metric in metrics]
    return all(
        any(math.isclose(abs(figure.value), value, rel_tol=TITLE_TOLERANCE) for value in known)
        for figure in find_amounts(text)
    )


def _title(
    title: str, quote: str, amounts: Sequence[Amount], metrics: Sequence[Metric], dropped: Counter[str]
) -> str | None:
    claimed, told = direction_in(title, adverbs=False), direction_in(quote, adverbs=False)
    is_turned = claimed is not None and told is not None and claimed != told
    if not is_turned and _backed(title, amounts, metrics):
        return title
    words = " ".join(quote.split())
    if len(words) < 5:
        dropped[NO_TITLE] += 1
        return None
    dropped[TITLE_TURNED if is_turned else TITLE_REPLACED] += 1
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"


def _cut(text: str, amounts: Sequence[Amount], metrics: Sequence[Metric], dropped: Counter[str]) -> str:
    if _backed(text, amounts, metrics):
        return text
    dropped[TEXT_CUT] += 1
    return ""
