"""A reading of a labelled set: each company's events against its labels, and the score of all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sago.domain.events import Event
from sago.domain.messages import CompactMessage, native_id
from sago.errors import UsageError
from sago.evaluation.intervals import Interval, intervals
from sago.evaluation.labels import Label
from sago.evaluation.scoring import Comparison, Found, Tally, compare

PER_1000 = "false events per 1,000 eventless messages"
"""The one figure that is no share."""
FIGURES: dict[str, Callable[[Tally], float]] = {
    "macro F1": lambda tally: tally.macro_f1,
    "precision": lambda tally: tally.micro.precision,
    "recall": lambda tally: tally.micro.recall,
    "metric recall": lambda tally: tally.metric_recall,
    PER_1000: lambda tally: tally.false_per_1000,
    "duplicates per true event": lambda tally: tally.duplicates_per_true,
    "grounding": lambda tally: tally.grounding,
}
"""What a score tells, by the name people read."""


class Measured(NamedTuple):
    """A figure and how far it may be off; no interval for a single company."""

    value: float
    interval: Interval | None


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
            name: Measured(figure(total), interval)
            for (name, figure), interval in zip(FIGURES.items(), found, strict=True)
        }


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


def _found(event: Event) -> Found:
    return Found(
        event.company_id,
        event.event_type,
        event.title,
        tuple(dict.fromkeys(native_id(proof.message_id) for proof in event.evidence)),
        event.metrics,
        tuple((native_id(proof.message_id), proof.quote) for proof in event.evidence),
    )
