"""The figures of an event as a sentence tells them, best known first."""

from __future__ import annotations

from collections.abc import Sequence

from sago.domain.events import Event, Metric, MetricPoint
from sago.domain.metrics import METRICS, UNSTATED, is_currency, is_vague
from sago.domain.wording import figure, metric_label
from sago.llm.letters.clauses import ON
from sago.llm.letters.days import stated_together, told_together

SMALLEST_COUNT = 100
"""Smaller counts of an unknown name (`2 partners`) are no figure for a letter."""
_CHANGES = (" growth", " decline")
_PLURAL = frozenset({"users", "customers"})


def telling_figures(event: Event) -> list[Metric]:
    """Those fit for a letter: no earlier values, changes or durations, and none whose name says nothing."""
    fit = [m for m in event.metrics if not m.name.startswith(("earlier ", "other ")) and not m.name.endswith(_CHANGES)]
    return [m for m in fit if m.name in METRICS] + [m for m in fit if m.name not in METRICS and _speaks(m)]


def _speaks(metric: Metric) -> bool:
    """Whether a figure of an unknown name says something by itself: money or a count of hundreds, of something."""
    is_large = is_currency(metric.unit) or (metric.unit == "count" and metric.value >= SMALLEST_COUNT)
    return is_large and not is_vague(metric.name)


def level_of(event: Event) -> Metric | None:
    """The figure that an event of a level leads with."""
    return next((metric for metric in telling_figures(event) if _has_level(metric)), None)


def level_clause(event: Event, own: str, points: Sequence[MetricPoint]) -> str:
    """`your MRR reached $450k (~$5.4M ARR), up from $400k`; empty where no figure of the event says such a thing.

    In brackets stands what was said of the same day, or follows by ×12.
    """
    told = [metric for metric in telling_figures(event) if _has_level(metric)]
    if not told:
        return ""
    lead = told[0]
    pairs = (m for m in told[1:] if {m.name, lead.name} == {"arr", "mrr"})
    beside = next((m for m in pairs if told_together(lead, m, event, points)), None)
    also = f" ({figure(beside.value, beside.unit)} {metric_label(beside.name)})" if beside else ""
    annual = "" if also else annual_rate(event, points)
    before = _from_where(lead, event)
    return f"{_reached(lead, own)}{also or (annual and f' ({annual})')}{ON if before else ''}{before}"


def annual_rate(event: Event, points: Sequence[MetricPoint]) -> str:
    """`~$5.4M ARR` beside an MRR, unless ARR itself was stated as late."""
    mrr = next((metric for metric in event.metrics if metric.name == "mrr"), None)
    stated = any(m.name in ("arr", "other arr", "other mrr") for m in event.metrics) or any(
        point.metric == "arr" and point.said_at >= event.occurred_at for point in points
    )
    return f"~{figure(mrr.value * 12, mrr.unit)} ARR" if mrr and not stated else ""


def _has_level(metric: Metric) -> bool:
    """Whether its name can be what something reaches: a known metric, or things counted, as in `10,000 patients`."""
    if metric.name in METRICS:
        return metric.name not in ("contract_value", "amount_raised", "valuation", "runway")
    return metric.unit == "count" and _is_plural(metric.name)


def _is_plural(name: str) -> bool:
    return name.endswith("s") and all(word.isalpha() and word.isascii() for word in name.replace("-", " ").split())


def _reached(metric: Metric, own: str) -> str:
    """`our`/`your` before a metric; things counted are reached by `we`/`you`."""
    who = {"your": "you", "our": "we"}[own]
    value = figure(metric.value, metric.unit)
    label = metric_label(metric.name)
    if metric.name in _PLURAL or metric.name not in METRICS:
        return f"{who} reached {value} {metric.name}"
    if metric.name == "headcount":
        return f"the team reached {value} people"
    label = label if label.isupper() else label.lower()
    return f"{own} {label} {'came in at' if metric.unit == 'percent' else 'reached'} {value}"


def _from_where(lead: Metric, event: Event) -> str:
    """What it was before, and by how much it grew where one quote says both, in the same unit."""
    before = next((m for m in event.metrics if m.name == f"earlier {lead.name}" and m.unit == lead.unit), None)
    if before and lead.unit != UNSTATED and 0 < before.value != lead.value:
        from_it = f"from {figure(before.value, before.unit)}"
        if lead.value > before.value:
            return f", up {from_it}"
        is_said = any("down from" in proof.quote.lower() for proof in event.evidence)
        return f", down {from_it}" if is_said else ""
    changes = (m for m in event.metrics if m.name == f"{lead.name} growth" and m.unit == "percent" and m.value > 0)
    grown = next((m for m in changes if stated_together(lead, m, event)), None)
    return f", up {figure(grown.value, grown.unit)}" if grown else ""
