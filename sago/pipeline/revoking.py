"""A founder takes a share back: nothing of the company is shown to the firm any more, and what was derived goes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from sago.domain.companies import Share
from sago.domain.erasures import Erased, Erasure
from sago.domain.letters import Letter, LetterState
from sago.errors import UsageError
from sago.pipeline.erasing import NO_WORDS, Erasing, emptied
from sago.ports import Database, Derived, Note, Transaction

WHY = "the founder ended the share that it rested on"
CLOCKS_APART = timedelta(minutes=1)
"""A share ends so long ago: a worker whose clock is slow must not take it for holding."""
NOT_LEFT = (LetterState.DRAFT, LetterState.APPROVED, LetterState.QUEUED)
"""Letters that are held back; what has left cannot be called back, and keeps its state."""


class Revoked(NamedTuple):
    """What ending a share took: letters emptied and those of them held back, what else was derived, and the company's
    evidence where nobody has a share of it any more."""

    share: Share
    letters: int
    held_back: int
    derived: Derived
    evidence: Erased | None


class _Taken(NamedTuple):
    letters: int
    held_back: int
    derived: Derived


class Left(NamedTuple):
    """What is still held, by its place; nothing but hashes where it is empty."""

    counts: dict[str, int]
    is_whole: bool
    """Whether the company's evidence had to go too."""


@dataclass(frozen=True)
class Revoking:
    """The use case behind `sago share revoke` and `verify`. Run again, it goes on where it was killed."""

    database: Database
    erasing: Erasing

    def revoke(
        self, firm_id: str, company_id: str, who: str, why: str, now: datetime, step: Callable[[str], None]
    ) -> Revoked:
        """End the share and take what was derived for the firm; the company's evidence too, where nobody else has a
        share. Raises UsageError where there never was a share."""
        step("ending the share")
        share, others = self._end(firm_id, company_id, who, why, now)
        step("what the firm was told")
        firms = [firm_id] if others else self._firms(company_id)
        taken = [self._take(firm, company_id, who, now) for firm in firms]
        self._take_files(firms, company_id)
        self.erasing.answers.forget(company_id)
        evidence = None if others else self._take_evidence(share, who, why, now, step)
        derived = Derived(
            verdicts=sum(each.derived.verdicts for each in taken),
            notices=sum(each.derived.notices for each in taken),
            mails=sum(each.derived.mails for each in taken),
            begun=frozenset().union(*(each.derived.begun for each in taken)),
        )
        letters, held_back = sum(each.letters for each in taken), sum(each.held_back for each in taken)
        return Revoked(share, letters, held_back, derived, evidence)

    def left(self, firm_id: str, company_id: str, now: datetime) -> Left:
        """What is still held that the firm could see; of the company as a whole where nobody has a share of it."""
        erasing = self.erasing
        with self.database.begin() as tx:
            is_whole = not _holding(tx.shares.of(company_id), now)
            share = tx.shares.get(firm_id, company_id)
            found = tx.erasures.left(firm_id, company_id, is_whole=is_whole)
            letters = [each for each in tx.outreach.letters(company_id, live=False) if each.firm_id == firm_id]
        outside = {"share": int(share is not None and share.holds_at(now))}
        outside["files"] = sum(len(erasing.drafts.files(letter)) for letter in letters)
        outside["answers"] = erasing.answers.count(company_id) if is_whole else 0
        if is_whole:
            outside["raw rows"] = len(erasing.raw.find(_whole(company_id, now)))
            outside["buffer"] = erasing.buffer.words(company_id)
        return Left({name: count for name, count in (found | outside).items() if count}, is_whole)

    def _end(self, firm_id: str, company_id: str, who: str, why: str, now: datetime) -> tuple[Share, list[Share]]:
        """The share, ended, and the others that hold. One that has ended already stays as it is."""
        with self.database.begin() as tx:
            tx.events.lock(company_id)
            share = tx.shares.get(firm_id, company_id)
            if share is None:
                raise UsageError(f"share of {company_id} with {firm_id}: there is none; see `sago share list`")
            if share.holds_at(now):
                share = share.model_copy(update={"until": now - CLOCKS_APART})
                tx.shares.put(share)
                tx.erasures.note(Note(now, who, "share.revoked", f"{firm_id}/{company_id}", firm_id, company_id, why))
            return share, _holding(tx.shares.of(company_id), now)

    def _firms(self, company_id: str) -> list[str]:
        """Every firm that was ever shown the company."""
        with self.database.begin() as tx:
            letters = tx.outreach.letters(company_id, live=False)
            return sorted({share.firm_id for share in tx.shares.of(company_id)} | {each.firm_id for each in letters})

    def _take(self, firm_id: str, company_id: str, who: str, now: datetime) -> _Taken:
        with self.database.begin() as tx:
            tx.events.lock(company_id)
            derived = tx.erasures.take_derived(firm_id, company_id)
            letters = _letters(tx, firm_id, company_id)
            full = [each for each in letters if each.draft != NO_WORDS]
            held_back = [each for each in letters if each.state in NOT_LEFT and each.id not in derived.begun]
            for letter in held_back:
                tx.outreach.set_letter_state(letter.id, LetterState.SUPERSEDED, now, who, WHY)
            for letter in full:
                tx.erasures.note(_note(letter, who, now))
                is_back = letter in held_back
                state = LetterState.SUPERSEDED if is_back else letter.state
                tx.erasures.take_letter(emptied(letter).model_copy(update={"state": state}))
            return _Taken(len(full), len(held_back), derived)

    def _take_files(self, firms: Collection[str], company_id: str) -> None:
        """Also those that a run left behind which died before it got here."""
        with self.database.begin() as tx:
            tx.events.lock(company_id)
            for letter in tx.outreach.letters(company_id, live=False):
                if letter.firm_id in firms:
                    self.erasing.drafts.forget(letter)

    def _take_evidence(self, share: Share, who: str, why: str, now: datetime, step: Callable[[str], None]) -> Erased:
        name = f"sago:revoked:{share.firm_id}:{share.company_id}:{share.until}"
        ended = share.until or now
        whole = _whole(share.company_id, ended).model_copy(
            update={"id": uuid5(NAMESPACE_URL, name), "because": why, "requested_by": who}
        )
        return self.erasing.erase(whole, now, step)


def _whole(company_id: str, at: datetime) -> Erasure:
    """An erasure of all that the company said."""
    name = f"sago:erasure:{company_id}"
    return Erasure(
        id=uuid5(NAMESPACE_URL, name), company_id=company_id, because=WHY, requested_by="sago", requested_at=at
    )


def _holding(shares: Collection[Share], now: datetime) -> list[Share]:
    return [share for share in shares if share.holds_at(now)]


def _letters(tx: Transaction, firm_id: str, company_id: str) -> list[Letter]:
    """The firm's letters about the company, locked: none is approved or sent meanwhile."""
    ids = [each.id for each in tx.outreach.letters(company_id, live=False) if each.firm_id == firm_id]
    return [letter for letter in map(tx.outreach.letter, ids) if letter]


def _note(letter: Letter, who: str, now: datetime) -> Note:
    text = f"{letter.draft.subject}\n\n{letter.draft.body}"
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Note(now, who, "letter.erased", str(letter.id), letter.firm_id, letter.company_id, WHY, sha256)
