"""The proofs of an event as a firm reads them: each with its message as it is now, and what was said around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sago.domain.companies import Granularity, Share
from sago.domain.erasures import is_emptied
from sago.domain.events import Event, Evidence
from sago.domain.messages import Message, source_of
from sago.domain.readings import Conversation, MessageState, ProofPlace, SeenMessage, SeenProof
from sago.outreach.firm_reading import FirmReading
from sago.outreach.nearby import Nearby
from sago.ports import RawStore

ROWS_IN_ALL = 2_000
"""Rows after which a page ends with the proof that it is at."""
LONGEST_BESIDE = 4_000
"""Characters shown of a message around a proof."""
NOT_EXACT = "figures are shared in bands or not at all: a message would tell them"
DIRECT = "said in a direct conversation: nothing of it is shown but the quote"
NOT_STORED = "the message is not stored any more"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FirmEvidence:
    """The use case behind an event's evidence. A message is shown where the share is exact and covers its source, and
    never one of a direct conversation; around it only what was said in the same thread, else in the same channel. Of no
    other source is a row read."""

    reading: FirmReading
    raw: RawStore
    conversation_of: Callable[[Message], Conversation]

    def proofs(
        self, firm_id: str, event_id: UUID, context: int, after: ProofPlace | None, limit: int
    ) -> tuple[list[SeenProof], ProofPlace | None]:
        """A page of the event's proofs in the order they were said, each with up to `context` messages before it and as
        many after it, and where the next page goes on: earlier than asked for where there was much to read. Raises
        NotThereError."""
        with self.reading.tenants.view(firm_id) as view:
            event, share = self.reading.found(view, event_id)
        said = self._said_at(event)
        places = {_place(proof, said.get(proof.message_id, event.occurred_at)): proof for proof in event.evidence}
        later = [place for place in sorted(places) if after is None or place > after]
        found: list[SeenProof] = []
        nearby: dict[str, Nearby] = {}
        for place in later[:limit]:
            source = source_of(place.message_id)
            near = nearby.setdefault(source, Nearby(self.raw, share.company_id, source))
            found.append(self._seen(share, places[place], place.said_at, context, near))
            if sum(each.read for each in nearby.values()) >= ROWS_IN_ALL:
                break
        if self.reading.held(firm_id, event.company_id) != share:
            return self.proofs(firm_id, event_id, context, after, limit)
        return found, later[len(found) - 1] if len(later) > len(found) else None

    def _said_at(self, event: Event) -> dict[str, datetime]:
        named = {proof.message_id for proof in event.evidence}
        with self.reading.database.begin() as tx:
            said = tx.events.current(event.company_id, message_ids=named)
        return {each.message_id: each.said_at for each in said}

    def _seen(self, share: Share, proof: Evidence, said_at: datetime, context: int, near: Nearby) -> SeenProof:
        if share.granularity is not Granularity.EXACT:
            return SeenProof(proof, withheld=NOT_EXACT)
        rows = _newest(near.after(said_at) if context else near.at(said_at))
        message = next((each for each in rows if each.id == proof.message_id), None)
        if message is None:
            return SeenProof(proof, withheld=NOT_STORED)
        place = self.conversation_of(message)
        if place.is_direct:
            return SeenProof(proof, withheld=DIRECT)
        is_standing = message.text[proof.start : proof.end] == proof.quote
        others = [*_newest(near.before(said_at)), *rows] if context else []
        before, after = self._around(message, others, context)
        return SeenProof(proof, _told(message), is_standing, before, after)

    def _around(
        self, message: Message, near: Sequence[Message], most: int
    ) -> tuple[list[SeenMessage], list[SeenMessage]]:
        """Up to so many messages of its thread before and after it; of its channel, where it is alone in its thread."""
        place = self.conversation_of(message)
        others = [each for each in near if each.id != message.id and self._is_open(each, place)]
        of_thread = [each for each in others if self.conversation_of(each).thread == place.thread]
        around = sorted(of_thread or (others if place.channel else ()), key=_order)
        before = [each for each in around if _order(each) < _order(message)][-most:]
        after = [each for each in around if _order(each) > _order(message)][:most]
        return [_told(each, LONGEST_BESIDE) for each in before], [_told(each, LONGEST_BESIDE) for each in after]

    def _is_open(self, message: Message, place: Conversation) -> bool:
        """Whether it was said in this channel, and not among few."""
        own = self.conversation_of(message)
        return own.channel == place.channel and not own.is_direct


def _newest(rows: Iterable[Message]) -> list[Message]:
    """The newest version of each message. A deletion is where its message was, whatever of its payload is left."""
    newest: dict[str, Message] = {}
    for row in rows:
        if row.version >= newest.get(row.id, row).version:
            newest[row.id] = row
    return list(newest.values())


def _place(proof: Evidence, said_at: datetime) -> ProofPlace:
    return ProofPlace(said_at, proof.message_id, proof.start, proof.end)


def _order(message: Message) -> tuple[datetime, str]:
    return message.sent_at, message.id


def _told(message: Message, longest: int | None = None) -> SeenMessage:
    """The message as it is now, and what became of it."""
    changed_at = _EPOCH + timedelta(microseconds=message.version) if message.version else None
    if message.deleted:
        state = MessageState.ERASED if is_emptied(message) else MessageState.DELETED
        return SeenMessage(message.id, None, message.sent_at, changed_at, state, None)
    state = MessageState.EDITED if message.version else MessageState.STANDS
    text = message.text[:longest]
    return SeenMessage(
        message.id, message.sender, message.sent_at, changed_at, state, text, is_cut=len(text) < len(message.text)
    )
