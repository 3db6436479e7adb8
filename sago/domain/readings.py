"""What a firm reads: companies with their shares, events, series, and proofs with what was said around them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sago.domain.bands import BandPoint
from sago.domain.companies import Company, Granularity, Share
from sago.domain.contradictions import Contradiction
from sago.domain.events import Event, Evidence, MetricPoint


class SharedCompany(NamedTuple):
    """A company and how much of it is shared."""

    company: Company
    share: Share


class ReadEvent(NamedTuple):
    """An event as it is shared, and what other events state otherwise, where exact figures are."""

    event: Event
    against: Sequence[Contradiction]


class PointPlace(NamedTuple):
    """Where a point stands in its series; points are oldest first."""

    as_of: datetime
    metric: str
    event_id: UUID
    unit: str


BEGINNING = PointPlace(datetime.min.replace(tzinfo=UTC), "", UUID(int=0), "")
"""Before every point."""


def place_of(point: MetricPoint) -> PointPlace:
    """Where it stands in its series."""
    return PointPlace(point.as_of, point.metric, point.event_id, point.unit)


class SeriesAsked(NamedTuple):
    """Which points of one company, oldest first; None is every one. `since` is the first moment for which they are
    true, `until` the first one after; of those after `after` the first `skip` are left out."""

    company_id: str
    metric: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: PointPlace | None = None
    limit: int = 50
    event_id: UUID | None = None
    skip: int = 0

    def wants(self, point: MetricPoint) -> bool:
        """Whether a point of the company is one of these, wherever the page ends."""
        return (
            self.metric in (None, point.metric)
            and self.event_id in (None, point.event_id)
            and (self.since is None or point.as_of >= self.since)
            and (self.until is None or point.as_of < self.until)
            and (self.after is None or place_of(point) > self.after)
        )


class Series(NamedTuple):
    """A page of a company's points: figures where exact ones are shared, else bands, and none where not even those
    are."""

    granularity: Granularity
    points: Sequence[MetricPoint | BandPoint]
    last: PointPlace | None
    """Where the next page goes on; None on the last one."""
    skip: int = 0
    """How many after that place were looked at, and are not shown."""


class Conversation(NamedTuple):
    """Where a message was said."""

    channel: str | None
    """As its source names it; None where the source has none, as mail."""
    thread: str
    """Of one channel all that belongs to one thread has one name; a message that nobody answered has it alone."""
    is_direct: bool = False
    """Between few people, apart from every channel."""


class MessageState(StrEnum):
    """What became of a message since it was first said."""

    STANDS = "stands"
    EDITED = "edited"
    DELETED = "deleted"
    ERASED = "erased"


class SeenMessage(NamedTuple):
    """A message as it is now; without words and sender where it is gone."""

    id: str
    sender: str | None
    sent_at: datetime
    changed_at: datetime | None
    state: MessageState
    text: str | None
    is_cut: bool = False
    """Whether only the beginning of the text is shown."""


class SeenProof(NamedTuple):
    """A proof as it is shared, with its message and what was said around it; `withheld` says why it is without."""

    proof: Evidence
    message: SeenMessage | None = None
    is_standing: bool = False
    """Whether the message still says it, at this place."""
    before: Sequence[SeenMessage] = ()
    after: Sequence[SeenMessage] = ()
    withheld: str | None = None

    @property
    def quote(self) -> str | None:
        """The words of the proof; None where their message is gone."""
        is_gone = self.message is not None and self.message.text is None
        return None if is_gone else self.proof.quote


class ProofPlace(NamedTuple):
    """Where a proof stands among those of its event: by when it was said."""

    said_at: datetime
    message_id: str
    start: int
    end: int
