"""A finding in the making, and what holds for all of a request."""

from __future__ import annotations

from dataclasses import dataclass

from sago.domain.events import EventType, Metric, Status
from sago.domain.messages import CompactMessage
from sago.llm.providers.offline import figures, subjects
from sago.llm.providers.offline.speech import Act

STATUS = {
    Act.TOLD: Status.ACTUAL,
    Act.DENIED: Status.DENIED,
    Act.PLANNED: Status.PLANNED,
    Act.SUPPOSED: Status.HYPOTHETICAL,
}
"""Acts that are worth an observation; questions, jokes and memories are not."""


@dataclass(frozen=True)
class Draft:
    """A finding in the making: code points `start` to `end` of the message, what it says and what it is about."""

    message: CompactMessage
    event_type: EventType
    kind: str
    status: Status
    start: int
    end: int
    subject: str | None
    metrics: tuple[Metric, ...]
    corrects: bool = False
    pending: bool = False
    """Strong words without a name or a figure (`they countersigned!`): it counts once a neighbour names who."""
    plain: bool = False
    """Its cue says what happened and to whom in words that mean nothing else."""

    @property
    def quote(self) -> str:
        return self.message.text[self.start : self.end]

    def overlaps(self, start: int, end: int) -> bool:
        """Whether it shares a code point of its message with `start` to `end`."""
        return self.start < end and start < self.end

    @property
    def key(self) -> str | None:
        """The subject in the form in which tellings meet."""
        families = {figures.REVENUE[m.name] for m in self.metrics if m.name in figures.REVENUE}
        if self.kind == "figures":
            return self.subject
        if self.kind == "fall" and not families:
            return self.metrics[0].name.removeprefix("earlier ").removesuffix(" decline") if self.metrics else None
        return subjects.key(self.subject, self.event_type, self.kind, self.quote)


@dataclass(frozen=True)
class Setting:
    """What holds for a whole request: the currencies of its money, and names that are no subject."""

    currencies: figures.Currencies
    exclude: frozenset[str]
