"""A founder's share ends, taken back or with its last day: nothing of the company is shown to the firm any more, and
what was derived goes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from sago.domain.companies import EVERY_SOURCE, Share
from sago.domain.erasures import ENDED, IS_HERE, NO_WORDS, Erased, Erasure, emptied
from sago.domain.letters import Letter, LetterState
from sago.domain.messages import MessageRef, source_of, to_utc_ms
from sago.errors import SagoError, UsageError, is_out_of_time
from sago.pipeline.disconnecting import unassigned_of
from sago.pipeline.erasing import Erasing
from sago.ports import SHARE_ERASED, Database, Derived, Note, Transaction
from sago.telemetry import logger

log = logger(__name__)
OVER = "its last day is over"
CLOCKS_APART = timedelta(minutes=1)
"""A share ends so long ago: a worker whose clock is slow must not take it for holding."""


class Revoked(NamedTuple):
    """What ending a share took: letters emptied and those of them held back, what else was derived, and the company's
    evidence as far as nobody has a share of it any more: all of it, or of the `sources` that no other share covers."""

    share: Share
    letters: int
    held_back: int
    derived: Derived
    evidence: Erased | None
    sources: tuple[str, ...] = ()


class _Taken(NamedTuple):
    letters: int
    held_back: int
    derived: Derived


class _Uncovered(NamedTuple):
    """Sources that no share covers, and the raw rows of them that hold words."""

    sources: tuple[str, ...]
    rows: list[MessageRef]


class Left(NamedTuple):
    """What is still held, by its place; nothing but hashes where both are empty."""

    of_firms: dict[str, int]
    """What came of the company for firms."""
    of_company: dict[str, int]
    """What it said itself."""
    is_whole: bool
    """Whether the company's evidence had to go too."""
    sources: tuple[str, ...] = ()
    """Whose evidence had to go, where others have a share that does not cover them."""

    @property
    def counts(self) -> dict[str, int]:
        """All of it."""
        return self.of_firms | self.of_company

    @property
    def places(self) -> list[str]:
        """Where, with all that came of it for firms as one."""
        return sorted({*self.of_company, *(["firms"] if self.of_firms else [])})


@dataclass(frozen=True)
class Revoking:
    """The use case behind `sago share revoke` and `verify`, and `upkeep.end_shares`. Run again, it goes on where it was
    killed."""

    database: Database
    erasing: Erasing

    def revoke(
        self, firm_id: str, company_id: str, who: str, why: str, now: datetime, step: Callable[[str], None]
    ) -> Revoked:
        """End the share and take what was derived for the firm; of the company's evidence what no other share covers.
        Raises UsageError where there never was a share."""
        step("ending the share")
        return self.take(self.begin(firm_id, company_id, who, why, now), who, why, now, step)

    def take(self, share: Share, who: str, why: str, now: datetime, step: Callable[[str], None]) -> Revoked:
        """What `revoke` takes once the share has ended. Raises UsageError, and takes nothing, where it is another by
        now."""
        if not self._stands(share):
            raise UsageError(f"share of {share.company_id} with {share.firm_id}: given anew meanwhile; revoke it again")
        return self._take_all(share, who, why, now, step)

    def _stands(self, share: Share) -> bool:
        with self.database.begin() as tx:
            return tx.shares.get(share.firm_id, share.company_id) == share

    def begin(self, firm_id: str, company_id: str, who: str, why: str, now: datetime) -> Share:
        """The share, ended, with all that came of it still there. One that has ended already stays as it is. Raises
        UsageError where there never was a share."""
        with self.database.begin() as tx:
            tx.events.lock(company_id)
            share = tx.shares.get(firm_id, company_id)
            if share is None:
                raise UsageError(f"share of {company_id} with {firm_id}: there is none; see `sago share list`")
            if share.holds_at(now):
                share = share.model_copy(update={"until": to_utc_ms(now - CLOCKS_APART)})  # as it is read again
                tx.shares.put(share)
                tx.erasures.note(Note(now, who, "share.revoked", share.name, firm_id, company_id, why))
            return share

    def end_due(self, now: datetime) -> list[Share]:
        """Take what came of shares whose last day is over, as a revocation does; which these were. One that fails is
        logged and left for the next call; one that is through is not looked at again."""
        with self.database.begin() as tx:
            due = tx.shares.ended(now - CLOCKS_APART)
        return [share for share in due if self._is_taken(share, now)]

    def left(self, firm_id: str, company_id: str, now: datetime) -> Left:
        """What is still held that the firm could see; of the company what no share covers."""
        erasing = self.erasing
        with self.database.begin() as tx:
            share = tx.shares.get(firm_id, company_id)
            others = _holding(tx.shares.of(company_id), now)
            letters = [each for each in tx.outreach.letters(company_id, live=False) if each.firm_id == firm_id]
        is_whole, uncovered, own = not others, self._uncovered(company_id, others), dict[str, int]()
        sources = () if is_whole else uncovered.sources
        with self.database.begin() as tx:
            of_firms = tx.erasures.left_of_firm(firm_id, company_id)
            if is_whole or sources:
                nobodys = unassigned_of(tx, _whole(company_id))
                own = tx.erasures.left_of_company(company_id, None if is_whole else sources, nobodys)
            if sources:
                of_firms["receipts"] = tx.erasures.quoting(company_id, sources)
        of_firms["share"] = int(share is not None and share.holds_at(now))
        of_firms["files"] = sum(len(erasing.drafts.files(letter)) for letter in letters)
        own["raw rows"] = len(uncovered.rows)
        if is_whole:
            own |= {"answers": erasing.answers.count(company_id), "buffer": erasing.buffer.words(company_id)}
        return Left(_held(of_firms), _held(own), is_whole, sources)

    def _is_taken(self, share: Share, now: datetime) -> bool:
        if not self._stands(share):
            return False  # given anew meanwhile
        try:
            self._take_all(share, "sago", OVER, now, lambda _: None)
        except Exception as error:  # one share's error keeps no other's words here
            if is_out_of_time(error):
                raise
            reason = str(error) if isinstance(error, SagoError) else type(error).__name__
            log.error("what came of a share is not erased yet", share=share.name, reason=reason)
            return False
        return True

    def _take_all(self, share: Share, who: str, why: str, now: datetime, step: Callable[[str], None]) -> Revoked:
        """What the end of a share takes; noted once it is through."""
        company_id = share.company_id
        with self.database.begin() as tx:
            others = _holding(tx.shares.of(company_id), now)
        step("what the firm was told")
        firms = [share.firm_id] if others else self._firms(company_id)
        taken = [self._take(firm, company_id, who, now) for firm in firms]
        self._take_files(firms, company_id)
        self.erasing.answers.forget(company_id)
        with self.database.begin() as tx:  # one may have been given meanwhile
            tx.events.lock(company_id)
            others = _holding(tx.shares.of(company_id), now)
        sources = self._uncovered(company_id, others).sources if others else ()
        evidence = self._take_evidence(share, sources, who, why, now, step) if sources or not others else None
        with self.database.begin() as tx:
            tx.erasures.note(Note(now, who, SHARE_ERASED, share.name, share.firm_id, company_id, why))
        derived = Derived(
            verdicts=sum(each.derived.verdicts for each in taken),
            notices=sum(each.derived.notices for each in taken),
            mails=sum(each.derived.mails for each in taken),
            begun=frozenset().union(*(each.derived.begun for each in taken)),
        )
        letters, held_back = sum(each.letters for each in taken), sum(each.held_back for each in taken)
        return Revoked(share, letters, held_back, derived, evidence, sources)

    def _uncovered(self, company_id: str, others: Collection[Share]) -> _Uncovered:
        """What is held of the company that none of these shares covers."""
        if any(EVERY_SOURCE in share.sources for share in others):
            return _Uncovered((), [])
        with self.database.begin() as tx:
            known = tx.erasures.sources(company_id)
        rows = self.erasing.raw.find(_whole(company_id))
        known |= {source_of(row.message_id) for row in rows}
        sources = tuple(sorted(each for each in known if not any(share.covers(each) for share in others)))
        return _Uncovered(sources, [row for row in rows if source_of(row.message_id) in sources])

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
            held_back = [each for each in letters if each.state in IS_HERE and each.id not in derived.begun]
            for letter in held_back:
                tx.outreach.set_letter_state(letter.id, LetterState.SUPERSEDED, now, who, ENDED)
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

    def _take_evidence(
        self,
        share: Share,
        sources: Collection[str],
        who: str,
        why: str,
        now: datetime,
        step: Callable[[str], None],
    ) -> Erased:
        """Of these sources; all of it where none is named."""
        name = f"sago:revoked:{share.firm_id}:{share.company_id}:{share.until}"
        named: Collection[str | None] = sources or [None]
        taken = [
            self.erasing.erase(
                Erasure(
                    id=uuid5(NAMESPACE_URL, f"{name}:{source}" if source else name),
                    company_id=share.company_id,
                    message_id=f"{source}:" if source else None,
                    because=why,
                    requested_by=who,
                    requested_at=now,
                ),
                now,
                step,
            )
            for source in named
        ]
        return Erased.all_of(taken)


def _whole(company_id: str) -> Erasure:
    """All that the company said, to be looked for."""
    at = datetime.fromtimestamp(0, UTC)
    return Erasure(id=UUID(int=0), company_id=company_id, because=ENDED, requested_by="sago", requested_at=at)


def _held(counts: Mapping[str, int]) -> dict[str, int]:
    return {place: count for place, count in counts.items() if count}


def _holding(shares: Collection[Share], now: datetime) -> list[Share]:
    return [share for share in shares if share.holds_at(now)]


def _letters(tx: Transaction, firm_id: str, company_id: str) -> list[Letter]:
    """The firm's letters about the company, locked: none is approved or sent meanwhile."""
    ids = [each.id for each in tx.outreach.letters(company_id, live=False) if each.firm_id == firm_id]
    return [letter for letter in map(tx.outreach.letter, ids) if letter]


def _note(letter: Letter, who: str, now: datetime) -> Note:
    name = str(letter.id)
    return Note(now, who, "letter.erased", name, letter.firm_id, letter.company_id, ENDED, letter.draft.sha256)
