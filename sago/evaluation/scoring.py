"""Found events against labelled ones, by the labelling guide's rules.

A found event matches at most one label of its company and type whose messages overlap, the greatest overlap first; a
further one on the same label is a duplicate; all others are false. Ids of messages must differ between companies.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sago.domain.events import EventType, Metric
from sago.evaluation.labels import Label

VALUE_TOLERANCE = 1e-3
"""Relative: `1.116M` and `1.12M` are two figures, `450k` and `450,000.4` one."""


class Found(NamedTuple):
    """An event as a reader gives it; `quotes` are pairs of message id and words."""

    company_id: str
    event_type: EventType
    title: str
    message_ids: tuple[str, ...]
    metrics: tuple[Metric, ...]
    quotes: tuple[tuple[str, str], ...]


class Rates(NamedTuple):
    """Shares between 0 and 1."""

    precision: float
    recall: float
    f1: float


def rates(true: int, found: int, labelled: int) -> Rates:
    """Precision, recall and their harmonic mean; 0 where nothing was found or labelled."""
    precision = true / found if found else 0.0
    recall = true / labelled if labelled else 0.0
    both = precision + recall
    return Rates(precision, recall, 2 * precision * recall / both if both else 0.0)


@dataclass(frozen=True)
class Tally:
    """Counts of one company or of many: tallies add up, and every figure of a score is computed from them."""

    labelled: Counter[EventType] = field(default_factory=Counter)
    found: Counter[EventType] = field(default_factory=Counter)
    true: Counter[EventType] = field(default_factory=Counter)
    metrics: int = 0
    """Labelled on the events that were matched."""
    metrics_found: int = 0
    eventless: int = 0
    """Messages that support no label."""
    false_on_eventless: int = 0
    """Found events of which no message supports any label."""
    duplicates: int = 0
    grounded: int = 0
    """Found events each of whose quotes stands, to the letter, in the message it names."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.labelled + other.labelled,
            self.found + other.found,
            self.true + other.true,
            self.metrics + other.metrics,
            self.metrics_found + other.metrics_found,
            self.eventless + other.eventless,
            self.false_on_eventless + other.false_on_eventless,
            self.duplicates + other.duplicates,
            self.grounded + other.grounded,
        )

    def of(self, event_type: EventType) -> Rates:
        """The rates of one type."""
        return rates(self.true[event_type], self.found[event_type], self.labelled[event_type])

    @property
    def micro(self) -> Rates:
        """Over all events alike."""
        return rates(self.true.total(), self.found.total(), self.labelled.total())

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the types that have labels; 0 without any."""
        scores = [self.of(event_type).f1 for event_type in self.labelled]
        return sum(scores) / len(scores) if scores else 0.0

    @property
    def metric_recall(self) -> float:
        """Of the metrics labelled on matched events, the share whose value and unit were found; 1 without any."""
        return self.metrics_found / self.metrics if self.metrics else 1.0

    @property
    def false_per_1000(self) -> float:
        """False events on 1,000 messages that support no event."""
        return 1000 * self.false_on_eventless / max(1, self.eventless)

    @property
    def duplicates_per_true(self) -> float:
        """Further events on a label that one already matches, for each matched."""
        return self.duplicates / max(1, self.true.total())

    @property
    def grounding(self) -> float:
        """The share of found events that are grounded; 0 where none was found."""
        found = self.found.total()
        return self.grounded / found if found else 0.0


@dataclass(frozen=True)
class Comparison:
    """One company's labels and found events side by side."""

    tally: Tally
    missed: tuple[Label, ...]
    false: tuple[Found, ...]
    duplicates: tuple[Found, ...]
    matched: tuple[tuple[Label, Found], ...]


def compare(texts: Mapping[str, str], labels: Sequence[Label], found: Sequence[Found]) -> Comparison:
    """One company's events against its labels; `texts` are its messages by id."""
    pairs, again = _matched(labels, found)
    supported = {message_id for label in labels for message_id in label.message_ids}
    matched = [(labels[g], found[p]) for p, g in sorted(pairs.items())]
    wanted = [(metric, event.metrics) for label, event in matched for metric in label.metrics]
    tally = Tally(
        labelled=Counter(label.event_type for label in labels),
        found=Counter(event.event_type for event in found),
        true=Counter(label.event_type for label, _ in matched),
        metrics=len(wanted),
        metrics_found=sum(_among(metric, metrics) for metric, metrics in wanted),
        eventless=sum(message_id not in supported for message_id in texts),
        false_on_eventless=sum(supported.isdisjoint(event.message_ids) for event in found),
        duplicates=len(again),
        grounded=sum(_grounded(event, texts) for event in found),
    )
    taken = set(pairs.values())
    return Comparison(
        tally,
        missed=tuple(label for g, label in enumerate(labels) if g not in taken),
        false=tuple(event for p, event in enumerate(found) if p not in pairs and p not in again),
        duplicates=tuple(found[p] for p in sorted(again)),
        matched=tuple(matched),
    )


def _matched(labels: Sequence[Label], found: Sequence[Found]) -> tuple[dict[int, int], set[int]]:
    """Place of a found event → place of its label; and the places of duplicates."""
    candidates = []
    for p, event in enumerate(found):
        ids = set(event.message_ids)
        for g, label in enumerate(labels):
            shared = len(ids.intersection(label.message_ids))
            if shared and event.event_type is label.event_type and event.company_id == label.company_id:
                candidates.append((shared / len(ids.union(label.message_ids)), p, g))
    candidates.sort(key=lambda candidate: (-candidate[0], candidate[1], candidate[2]))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, p, g in candidates:
        if p not in pairs and g not in taken:
            pairs[p] = g
            taken.add(g)
    return pairs, {p for _, p, g in candidates if p not in pairs}


def _among(metric: Metric, metrics: Sequence[Metric]) -> bool:
    return any(
        math.isclose(metric.value, other.value, rel_tol=VALUE_TOLERANCE, abs_tol=1e-6)
        and metric.unit.lower() == other.unit.lower()
        for other in metrics
    )


def _grounded(event: Found, texts: Mapping[str, str]) -> bool:
    return bool(event.quotes) and all(
        quote.strip() and quote in texts.get(message_id, "") for message_id, quote in event.quotes
    )
