"""A person who asked to be erased, or a company whose founder shares it with nobody any more: what is taken away, and
what stays so that counts remain true."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from sago.domain.batches import DeadLetter
from sago.domain.companies import Share
from sago.domain.letters import Letter, LetterDraft, LetterState
from sago.domain.messages import CompanyId, Message, Moment, source_of

ERASED = "(erased)"
"""Instead of words that were taken away."""
ENDED = "the founder ended the share that it rested on"
"""Why letters and mails are held back."""
LESS = "the founder shares less than it was told of"
"""As well."""
CITES = "cites a person who was erased"
"""As well."""
NO_WORDS = LetterDraft(subject=ERASED, body="What this letter said was erased, as was asked.", highlights=())
IS_HERE = (LetterState.DRAFT, LetterState.APPROVED, LetterState.QUEUED)
"""Letters that are held back; what has left cannot be called back, and keeps its state."""
SETTLES_AFTER = timedelta(minutes=15)
"""After so long nothing that was under way when an erasure was asked for can still store a text."""


class Erasure(BaseModel):
    """One row of `erasures`: a sender of one company, one message of theirs in every version, all of a source (its
    `message_id` is `slack:`, which no message has), or, with neither, the whole company.

    It keeps the sender's name as long as it holds: by nothing else is a later message of theirs known. A company's or a
    source's holds until its founder shares it anew.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    company_id: CompanyId
    message_id: str | None = Field(None, min_length=1)
    sender: str | None = Field(None, min_length=1)
    because: str
    requested_by: str
    requested_at: Moment
    applied_at: Moment | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.message_id is not None and self.sender is not None:
            raise ValueError("an erasure names a sender or a message")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether it takes the company's evidence as a whole."""
        return self.message_id is None and self.sender is None

    @property
    def source(self) -> str | None:
        """The source that it takes as a whole, where it does."""
        source, colon, native = (self.message_id or "").partition(":")
        return source if colon and not native else None

    @property
    def is_of_shares(self) -> bool:
        """Whether it takes what nobody has a share of."""
        return self.is_whole or self.source is not None

    def is_lifted(self, shares: Iterable[Share], now: datetime) -> bool:
        """Whether the founder has shared the company, or the source, again since."""
        new = [each for each in shares if each.company_id == self.company_id and each.created_at > self.requested_at]
        covering = [each for each in new if self.is_whole or each.covers(self.source or "")]
        return self.is_of_shares and any(share.holds_at(now) for share in covering)

    @property
    def is_settled(self) -> bool:
        """Whether it was applied when nothing under way before it was left."""
        return self.applied_at is not None and self.applied_at >= self.requested_at + SETTLES_AFTER

    def covers(self, company_id: str, message_id: str, sender: str) -> bool:
        """Whether a message is erased by this: the sender as a whole, upper and lower case alike."""
        if company_id != self.company_id or self.is_whole:
            return company_id == self.company_id
        if self.source is not None:
            return source_of(message_id) == self.source
        return message_id == self.message_id if self.sender is None else sender.casefold() == self.sender.casefold()


class EmptiedMessage(Message):
    """A message of an erased person: without words and sender, a deletion to whoever reads it; it keeps the hash of
    what it said, so that a further delivery is a duplicate and no conflict."""

    _sha: bytes = PrivateAttr(b"")

    @classmethod
    def of(cls, message: Message) -> EmptiedMessage:
        """The message without its words."""
        kept = message.model_dump(by_alias=True, exclude={"sender", "subject", "text", "raw", "raw_cut", "deleted"})
        emptied = cls(**kept, sender="", text="", deleted=True)
        emptied._sha = message.content_sha()
        return emptied

    def content_sha(self) -> bytes:
        """Of the original."""
        return self._sha


def emptied(letter: Letter) -> Letter:
    """The letter without its words and its thread, whose subject is words. Of its receipts stay ids, places, hashes."""
    receipts = tuple(receipt.without_words() for receipt in letter.receipts)
    return letter.model_copy(update={"draft": NO_WORDS, "receipts": receipts, "thread": None})


def is_emptied(message: Message) -> bool:
    """Whether nothing is left to take from a stored message."""
    return message.deleted and not (message.sender or message.subject or message.text or message.raw)


def holds_words(letter: DeadLetter, erasure: Erasure, message_ids: Collection[str]) -> bool:
    """Whether an erasure takes a dead letter of its company's, or one that is nobody's where its company may be."""
    theirs = letter.message_id in message_ids
    return theirs or any(
        erasure.covers(erasure.company_id, letter.known_as, sender) for sender in ("", *_senders_in(letter.value))
    )


def _senders_in(value: bytes) -> list[str]:
    """How a dead letter's bytes name who wrote it, as far as they can be read."""
    try:
        body = json.loads(value)
    except (ValueError, RecursionError):
        return []
    if not isinstance(body, dict):
        return []
    named = body.get("senders")
    senders = [body.get("sender"), *(named if isinstance(named, list) else ())]
    return [each for each in senders if isinstance(each, str) and each]


class LetGo(NamedTuple):
    """An account whose token was deleted."""

    account: str
    """As `slack/T0`."""
    why: str = ""
    """Why its vendor still takes the token; empty where it does not."""


class Erased(NamedTuple):
    """What an erasure took: rows emptied, observations and dead letters' values gone, events folded anew or gone,
    letters withdrawn or emptied; letters left as they are, since a person let them go; and accounts let go."""

    rows: int
    observations: int
    dead_letters: int
    events: int
    letters: int
    kept_letters: tuple[UUID, ...] = ()
    accounts: tuple[LetGo, ...] = ()

    @classmethod
    def all_of(cls, parts: Sequence[Erased]) -> Erased:
        """What several took together."""
        return cls(
            rows=sum(each.rows for each in parts),
            observations=sum(each.observations for each in parts),
            dead_letters=sum(each.dead_letters for each in parts),
            events=sum(each.events for each in parts),
            letters=sum(each.letters for each in parts),
            kept_letters=tuple(letter for each in parts for letter in each.kept_letters),
            accounts=tuple(account for each in parts for account in each.accounts),
        )
