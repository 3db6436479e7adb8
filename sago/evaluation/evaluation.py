"""A reading of a labelled set: each company's events against its labels, and the score of all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sago.domain.events import Event, EventType
from sago.domain.messages import CompactMessage, native_id
from sago.errors import UsageError
from sago.evaluation.intervals import Interval, intervals
from sago.evaluation.labels import Label
from sago.evaluation.scoring import Comparison, Found, Tally, compare

PER_1000 = "false events per 1,000 eventless messages"
"""The one figure that is no share."""
FIGURES: dict[str, Callable[[Tally], float | None]] = {
    "macro F1": lambda tally: tally.macro_f1 if tally.labelled.total() else None,
    "precision": lambda tally: tally.micro.precision if tally.found.total() else None,
    "recall": lambda tally: tally.micro.recall if tally.labelled.total() else None,
    "metric recall": lambda tally: tally.metric_recall if tally.metrics else None,
    PER_1000: lambda tally: tally.false_per_1000 if tally.eventless else None,
    "duplicates per true event": lambda tally: tally.duplicates_per_true if tally.true.total() else None,
    "grounding": lambda tally: tally.grounding if tally.found.total() else None,
}
"""What a score tells, by the name people read; None for a share of nothing."""


class Measured(NamedTuple):
    """A figure and how far it may be off; no interval for a single company, neither for a share of nothing."""

    value: float | None
    interval: Interval | None


class TypeScore(NamedTuple):
    """One type of event: how many there are, and the shares; None for a share of nothing."""

    labelled: int
    found: int
    precision: float | None
    recall: float | None
    f1: float


@dataclass(frozen=True)
class Evaluation:
    """Company → its comparison."""

    companies: dict[str, Comparison]

    @property
    def tally(self) -> Tally:
        """All companies together."""
        return sum((comparison.tally for comparison in self.companies.values()), Tally())

    def figures(self) -> dict[str, Measured]:
        """The score by the names of FIGURES, with intervals over companies."""
        tallies = [comparison.tally for comparison in self.companies.values()]
        found = intervals(tallies, list(FIGURES.values()))
        total = self.tally
        return {
            name: Measured(figure(total), interval if figure(total) is not None else None)
            for (name, figure), interval in zip(FIGURES.items(), found, strict=True)
        }

    def types(self) -> dict[EventType, TypeScore]:
        """Each type that was labelled or found, by name."""
        tally = self.tally
        return {each: _score(tally, each) for each in sorted(tally.labelled.keys() | tally.found.keys())}


def evaluate(
    company_id: str, messages: Sequence[CompactMessage], events: Sequence[Event], labels: Sequence[Label]
) -> Comparison:
    """One company's events against those of `labels` that are its own. Raises UsageError where a label names a message
    that is not among `messages`."""
    texts = {native_id(message.id): message.text for message in messages}
    own = [label for label in labels if label.company_id == company_id]
    for label in own:
        for message_id in label.message_ids:
            if message_id not in texts:
                raise UsageError(f"label {label.title!r} of {company_id}: there is no message {message_id}")
    return compare(texts, own, [_found(event) for event in events])


def _score(tally: Tally, event_type: EventType) -> TypeScore:
    labelled, found = tally.labelled[event_type], tally.found[event_type]
    precision, recall, f1 = tally.of(event_type)
    return TypeScore(labelled, found, precision if found else None, recall if labelled else None, f1)


def _found(event: Event) -> Found:
    return Found(
        event.company_id,
        event.event_type,
        event.title,
        tuple(dict.fromkeys(native_id(proof.message_id) for proof in event.evidence)),
        event.metrics,
        tuple((native_id(proof.message_id), proof.quote) for proof in event.evidence),
    )
