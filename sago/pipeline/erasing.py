"""A person's words are taken out of every store; what comes of theirs later is stored without words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sago.domain.companies import DEFAULT_FIRM, Share
from sago.domain.connections import Connection
from sago.domain.erasures import (
    CITES,
    ENDED,
    IS_HERE,
    NO_WORDS,
    SETTLES_AFTER,
    EmptiedMessage,
    Erased,
    Erasure,
    LetGo,
    emptied,
)
from sago.domain.letters import Letter, LetterState, Receipt
from sago.domain.messages import Message, source_of
from sago.errors import SagoError
from sago.pipeline.connecting import name_of
from sago.pipeline.disconnecting import going, take_connected, unassigned_of
from sago.pipeline.extraction import refold
from sago.ports import Answers, Buffer, Database, Drafts, Mirror, Note, RawStore, Taken, Transaction, recalled
from sago.telemetry import logger

log = logger(__name__)
LET_GO = (LetterState.SENT, LetterState.UNKNOWN)
"""Letters that others may have read: they are told, and keep their words, as does one whose mail has begun to leave."""


class _Letters(NamedTuple):
    """How many lost their words, and which stay as they are."""

    emptied: int
    kept: tuple[UUID, ...]


def without_words(messages: Sequence[Message], database: Database, now: datetime) -> list[Message]:
    """The messages, emptied those of erased persons and those of a source that the founder shares with nobody."""
    companies = {message.company_id for message in messages}
    with database.begin() as tx:
        shares = tx.shares.of(*companies)
        erasures = [each for each in tx.erasures.of(companies) if not each.is_lifted(shares, now)]
    return [
        EmptiedMessage.of(message) if is_erased(message, erasures) or is_unshared(message, shares, now) else message
        for message in messages
    ]


def is_unshared(message: Message, shares: Collection[Share], now: datetime) -> bool:
    """Whether the company is known and nobody may see messages of this source any more."""
    mine = [share for share in shares if share.company_id == message.company_id]
    return bool(mine) and not any(share.holds_at(now) and share.covers(message.source) for share in mine)


def is_erased(message: Message, erasures: Collection[Erasure]) -> bool:
    """Whether one of these covers the message."""
    return any(erasure.covers(message.company_id, message.id, message.sender) for erasure in erasures)


@dataclass(frozen=True)
class Erasing:
    """The use case behind `sago erase`. What waits in the buffer is dropped: queue the company again afterwards."""

    database: Database
    raw: RawStore
    buffer: Buffer
    mirror: Mirror
    drafts: Drafts
    answers: Answers
    take_back: Callable[[Connection], str | None]
    """As `TakingBack`."""

    def matching(self, erasure: Erasure) -> int:
        """How many stored rows the erasure would empty."""
        return len(self.raw.find(erasure))

    def erase(self, erasure: Erasure, now: datetime, step: Callable[[str], None] = lambda _: None) -> Erased:
        """Keep the erasure, in Postgres and outside, and apply it; from then on it holds for what comes later too.

        `step` is told what is done next. After an error the same call, or recovery, goes on.
        """
        return self.erase_all([erasure], now, step)

    def erase_all(
        self, erasures: Sequence[Erasure], now: datetime, step: Callable[[str], None] = lambda _: None
    ) -> Erased:
        """As `erase`: all of them are kept before the first is applied."""
        step("keeping the erasure")
        with self.database.begin() as tx:
            for erasure in erasures:
                tx.erasures.add(erasure)
        self.mirror.add_erasures(erasures)
        return Erased.all_of([self._apply(erasure, now, step) for erasure in erasures])

    def mend(self, now: datetime) -> int:
        """Bring Postgres and the mirror to the same erasures, and apply what is not applied or was applied while
        something of before could still be under way; how many were applied.

        One that fails is logged and left for the next call.
        """
        with self.database.begin() as tx:
            inside = tx.erasures.of()
        outside = self.mirror.erasures()
        both = {each.id for each in inside} & {each.id for each in outside}
        self.mirror.add_erasures([each for each in inside if each.id not in both])
        with self.database.begin() as tx:
            for erasure in outside:
                tx.erasures.add(erasure)
            known = tx.erasures.of()
            shares = tx.shares.of(*{each.company_id for each in known if each.is_of_shares})
            due = [each for each in known if _is_due(each, now) and not each.is_lifted(shares, now)]
        return sum(self._is_applied(erasure, now) for erasure in due)

    def _is_applied(self, erasure: Erasure, now: datetime) -> bool:
        try:
            self._apply(erasure, now)
        except SagoError as error:
            log.error("an erasure is not applied yet", erasure=str(erasure.id), reason=str(error))
            return False
        return True

    def _apply(self, erasure: Erasure, now: datetime, step: Callable[[str], None] = lambda _: None) -> Erased:
        """Raw rows come last: until they are empty, a further run finds the same messages again."""
        step("looking for rows")
        refs = self.raw.find(erasure)
        ids = {ref.message_id for ref in refs} | ({erasure.message_id} if erasure.message_id else set())
        step("tokens at their vendors")
        accounts = self._take_back(erasure)
        step("observations, events and letters")
        with self.database.begin() as tx:
            taken, letters = self._take(tx, erasure, ids, now)
            for account in accounts:
                tx.erasures.note(_note(account, erasure, now))
        self._take_files(erasure.company_id)
        step("raw rows")
        self.raw.empty(refs)
        self.buffer.clear(erasure.company_id)
        self.answers.forget(erasure.company_id)
        with self.database.begin() as tx:
            tx.erasures.mark_applied(erasure.id, now)
        counts = (taken.observations, taken.dead_letters, len(taken.event_ids), letters.emptied)
        return Erased(len(refs), *counts, letters.kept, accounts)

    def _take_back(self, erasure: Erasure) -> tuple[LetGo, ...]:
        """The accounts that go with it, their tokens of no use any more as far as the vendors did it."""
        with self.database.begin() as tx:
            connections = going(tx, erasure)
        found = []
        for connection in connections:
            why = self.take_back(connection)
            if why is not None:
                found.append(LetGo(name_of(connection), why))
            if why:
                log.error("a token is not taken back at its vendor", connection=str(connection.id), reason=why)
        return tuple(found)

    def _take_files(self, company_id: str) -> None:
        """Take away what lies of letters that fill no window, also those of a run that died before it got here."""
        with self.database.begin() as tx:
            tx.events.lock(company_id)
            letters = tx.outreach.letters(company_id, live=False)
            filled = {(letter.watch_id, letter.window) for letter in letters if letter.state.is_live}
            for letter in letters:
                if (letter.watch_id, letter.window) not in filled:
                    (self.drafts.forget if letter.draft == NO_WORDS else self.drafts.put)(letter)

    def _take(self, tx: Transaction, erasure: Erasure, ids: set[str], now: datetime) -> tuple[Taken, _Letters]:
        tx.events.lock(erasure.company_id)
        taken = tx.erasures.take_words(erasure, ids, unassigned_of(tx, erasure))
        take_connected(tx, erasure, now)
        refold(tx, erasure.company_id, now)
        tx.erasures.take_events(erasure.company_id, taken.event_ids)
        event_ids = set(taken.event_ids)
        if erasure.source is not None:  # who could see the rest of an event has been told nothing of that source
            event_ids -= {event.id for event in tx.events.find(erasure.company_id)}
        return taken, _withdraw(tx, erasure, event_ids, ids, now)


def _withdraw(tx: Transaction, erasure: Erasure, event_ids: set[UUID], messages: set[str], now: datetime) -> _Letters:
    """Take the text out of letters that tell of these events, or quote a source as a whole; those that have not left
    are superseded, and their mails cancelled. Receipts stay as hashes: of a letter that was let go those that quote
    what is erased."""
    ids = [
        letter.id
        for letter in tx.outreach.letters(erasure.company_id, live=False)
        if (event_ids & set(letter.event_ids) or _quotes(letter, erasure)) and letter.draft != NO_WORDS
    ]
    begun = recalled(tx.mails, ids, CITES)
    # locked before their states are looked at: one may be approved meanwhile
    citing = [letter for letter in map(tx.outreach.letter, ids) if letter]
    let_go = [letter for letter in citing if letter.state in LET_GO or letter.id in begun]
    taken = [emptied(letter).model_copy(update={"state": _after(letter)}) for letter in citing if letter not in let_go]
    for letter in let_go:
        kept = tuple(
            each.without_quote() if each.message_id in messages or _cites(each, erasure) else each
            for each in letter.receipts
        )
        tx.erasures.take_letter(letter.model_copy(update={"receipts": kept}))
    for letter in taken:
        tx.outreach.set_letter_state(letter.id, letter.state, now, erasure.requested_by, CITES)
        tx.erasures.take_letter(letter)
    tx.notices.take_words(event_ids, ids)
    return _Letters(len(taken), tuple(each.id for each in let_go))


def _note(account: LetGo, erasure: Erasure, now: datetime) -> Note:
    why = f"{ENDED}; {f'not taken back at its vendor: {account.why}' if account.why else 'taken back at its vendor'}"
    return Note(now, erasure.requested_by, "account.removed", account.account, DEFAULT_FIRM, erasure.company_id, why)


def _quotes(letter: Letter, erasure: Erasure) -> bool:
    return any(_cites(receipt, erasure) for receipt in letter.receipts)


def _cites(receipt: Receipt, erasure: Erasure) -> bool:
    """Whether it quotes a source that is erased as a whole."""
    return erasure.source is not None and source_of(receipt.message_id or "") == erasure.source


def _after(letter: Letter) -> LetterState:
    return LetterState.SUPERSEDED if letter.state in IS_HERE else letter.state


def _is_due(erasure: Erasure, now: datetime) -> bool:
    """Not applied, or applied too early and late enough now."""
    return erasure.applied_at is None or (not erasure.is_settled and now >= erasure.requested_at + SETTLES_AFTER)
