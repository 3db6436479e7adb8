"""What a firm does about its own letters, by the API: each is found in what the firm sees before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from sago.domain.companies import Granularity, Share
from sago.domain.erasures import NO_WORDS
from sago.domain.letters import Letter, LetterState
from sago.domain.messages import source_of
from sago.domain.pages import AuditAsked, LettersAsked
from sago.errors import NotThereError, UsageError, WrongFieldError
from sago.outreach.deciding import decide, undo
from sago.outreach.editing import EDITABLE, edit, rewritten
from sago.outreach.firm_words import told, told_line
from sago.outreach.permission import ApprovalRules, doubts, objections, unticked
from sago.outreach.receipts import Proven, Standing, proven
from sago.outreach.standing import lay_out
from sago.outreach.ticking import tick
from sago.ports import AuditLine, Clock, Database, Drafts, FirmView, RawStore, Tenants

HISTORY = 200
"""Lines of the audit log that are told of one letter, the newest ones."""
_DECIDED = (LetterState.APPROVED, LetterState.REJECTED)
_OPEN = (LetterState.DRAFT, LetterState.APPROVED, LetterState.QUEUED)


class Told(NamedTuple):
    """A letter as its firm is told of it. No line holds a mail address."""

    letter: Letter
    needed: list[str]
    """What keeps it from leaving the house, beside claims that are not ticked."""
    to_tick: list[int]
    """Claims that are to be ticked before it is approved, counted from 0."""
    doubts: list[str]
    """What only whoever approves it can answer for."""
    possible: list[str]
    """Acts: `approve`, `edit`, `reject`, `undo`."""
    history: list[AuditLine]
    """Oldest first."""


class Generations(Protocol):
    """Asked before anything leaves the house."""

    def announce(self, letter: Letter, state: LetterState, now: datetime) -> None: ...

    def check(self) -> None: ...


@dataclass(frozen=True)
class FirmDesk:
    """The letters of one firm, for whoever acts in its name.

    Every method raises NotThereError for a letter that the firm does not see: another's, one of a company whose share
    has ended, or none at all. An act that is done already changes nothing and tells the same. UsageError says what is
    possible instead; RestoredError that nothing may leave the house.
    """

    firm_id: str
    who: str
    tenants: Tenants
    database: Database
    raw: RawStore
    drafts: Drafts
    generations: Generations
    clock: Clock
    rules: ApprovalRules

    def letters(self, asked: LettersAsked) -> list[Letter]:
        """One page of them, newest first."""
        with self.tenants.view(self.firm_id) as view:
            return view.letters(asked)

    def letter(self, letter_id: UUID) -> Told:
        """One of them, and what can be done about it."""
        with self.tenants.view(self.firm_id) as view:
            letter = _the_letter(view, letter_id)
            history = view.audit(AuditAsked(subject=str(letter_id), limit=HISTORY))
        now = self.clock.now()
        with self.database.begin() as tx:
            whole = letter.model_copy(update={"recipient": tx.outreach.recipient(letter.id)})
            against = objections(tx, whole, now, self.rules.fresh_for) if letter.state in _OPEN else []
            unsure = doubts(tx, letter)
        read = Told(
            letter,
            [told(line, self.firm_id) for line in against],
            unticked(letter, self.rules.tick) if letter.state is LetterState.DRAFT else [],
            [told(line, self.firm_id) for line in unsure],
            self._possible(letter, history, now),
            [told_line(line, self.firm_id) for line in reversed(history)],
        )
        return read if self._found(letter_id) == letter else self.letter(letter_id)

    def receipts(self, letter_id: UUID) -> tuple[Letter, list[Proven]]:
        """A letter, and each of its claims with what became of its proof, as far as its source is still shared."""
        letter, share = before = self._with_share(letter_id)
        proofs = [_as_shared(each, share) for each in proven(letter, self.database, self.raw)]
        return (letter, proofs) if self._with_share(letter_id) == before else self.receipts(letter_id)

    def edit(self, letter_id: UUID, subject: str, body: str, seen: str, why: str) -> Told:
        """Put these words in the place of the text that was `seen`, by its sha256. Raises UngroundedError, naming each
        claim that no event bears out, and WrongFieldError where they make no letter."""
        found = self._found(letter_id)

        def is_done(letter: Letter) -> bool:
            return rewritten(letter, subject, body).sha256 == letter.draft.sha256

        if not is_done(found):
            with self._acting(letter_id, is_done):
                _require_seen(found, seen)
                edit(
                    found,
                    subject,
                    body,
                    database=self.database,
                    drafts=self.drafts,
                    who=self.who,
                    why=why,
                    at=self.clock.now(),
                )
        return self.letter(letter_id)

    def approve(
        self, letter_id: UUID, seen: str, why: str, ticked: Collection[int] = (), *, stands_by: bool = False
    ) -> Told:
        """Approve the text that was `seen`, by its sha256, with these claims looked at; `stands_by`: also what
        only a person can answer for. Where it is refused nothing is ticked. Raises WrongFieldError for a claim it has
        not."""
        found = self._found(letter_id)

        def is_done(letter: Letter) -> bool:
            return letter.state is LetterState.APPROVED and letter.draft.sha256 == seen

        with self._acting(letter_id, is_done):
            _require_seen(found, seen)
            _require_claims(found, ticked)
            if found.state is LetterState.DRAFT:
                found = self._ticked(found, ticked, why, stands_by=stands_by)
            decided = self._decide(found, LetterState.APPROVED, why)
            if found.state is decided.state:
                self.generations.check()
                lay_out(decided, self.database, self.drafts)
        return self.letter(letter_id)

    def reject(self, letter_id: UUID, why: str, seen: str | None = None) -> Told:
        """Reject it; its window gets no other."""
        found = self._found(letter_id)
        with self._acting(letter_id, lambda letter: letter.state is LetterState.REJECTED):
            if seen is not None and found.state is not LetterState.REJECTED:
                _require_seen(found, seen)
            self._decide(found, LetterState.REJECTED, why)
        return self.letter(letter_id)

    def undo(self, letter_id: UUID, why: str) -> Told:
        """Take a fresh decision back: the letter is a draft again."""
        self._found(letter_id)
        with self._acting(letter_id, self._is_undone):
            undo(
                letter_id,
                database=self.database,
                drafts=self.drafts,
                who=self.who,
                why=why,
                at=self.clock.now(),
                within=self.rules.undo,
            )
        return self.letter(letter_id)

    def _found(self, letter_id: UUID) -> Letter:
        with self.tenants.view(self.firm_id) as view:
            return _the_letter(view, letter_id)

    def _with_share(self, letter_id: UUID) -> tuple[Letter, Share]:
        """The letter, and by what its firm may see it now."""
        with self.tenants.view(self.firm_id) as view:
            letter = _the_letter(view, letter_id)
            (share,) = view.shares([letter.company_id])
        return letter, share

    @contextmanager
    def _acting(self, letter_id: UUID, is_done: Callable[[Letter], bool]) -> Iterator[None]:
        """An act that is refused, because it is done already, is none; a refusal tells what the firm may read."""
        try:
            yield
        except WrongFieldError:
            raise
        except UsageError as error:
            if not is_done(self._found(letter_id)):
                raise UsageError(told(str(error), self.firm_id)) from None

    def _ticked(self, letter: Letter, ticked: Collection[int], why: str, *, stands_by: bool) -> Letter:
        """The draft with these ticks, where nothing speaks against its approval then."""
        left = unticked(letter.model_copy(update={"ticked": letter.ticked | letter.equals(ticked)}), self.rules.tick)
        now = self.clock.now()
        with self.database.begin() as tx:
            whole = letter.model_copy(update={"recipient": tx.outreach.recipient(letter.id)})
            against = [told(line, self.firm_id) for line in objections(tx, whole, now, self.rules.fresh_for)]
            unsure = [] if stands_by else doubts(tx, letter)
        if left:
            numbers = ", ".join(map(str, left))
            against.append(f"claims not ticked: {numbers}; look at each in its receipt, and send these as `tick`")
        if unsure:
            against += [*unsure, "read it, then approve it with `stand_by`, or edit it"]
        if against:
            raise UsageError(f"letter {letter.id}: {'; '.join(against)}")
        return tick(letter, ticked, database=self.database, who=self.who, why=why, at=now) if ticked else letter

    def _decide(self, seen: Letter, state: LetterState, why: str) -> Letter:
        return decide(
            seen.id,
            state,
            database=self.database,
            drafts=self.drafts,
            announce=self.generations.announce,
            who=self.who,
            why=why,
            at=self.clock.now(),
            rules=self.rules,
            seen=seen,
        )

    def _is_undone(self, letter: Letter) -> bool:
        with self.tenants.view(self.firm_id) as view:
            last = view.audit(AuditAsked(subject=str(letter.id), limit=1))
        is_draft = letter.state is LetterState.DRAFT
        return is_draft and [line.action for line in last] == [f"letter.{LetterState.DRAFT}"]

    def _possible(self, letter: Letter, history: list[AuditLine], now: datetime) -> list[str]:
        state = letter.state
        is_fresh = bool(history) and now - history[0].at <= self.rules.undo
        acts = {
            "approve": state is LetterState.DRAFT,
            "edit": state in EDITABLE,
            "reject": state in EDITABLE,
            "undo": state in _DECIDED and is_fresh and letter.draft != NO_WORDS,
        }
        return [act for act, can_be in acts.items() if can_be]


def _the_letter(view: FirmView, letter_id: UUID) -> Letter:
    letter = view.letter(letter_id)
    if letter is None:
        raise NotThereError(f"letter {letter_id}: not there, or not this firm's")
    return letter


def _require_seen(letter: Letter, seen: str) -> None:
    if letter.draft.sha256 != seen:
        raise UsageError(
            f"letter {letter.id}: has another text than the one you have seen; nothing was changed. Look at it, and "
            "decide again"
        )


def _require_claims(letter: Letter, numbers: Collection[int]) -> None:
    if wrong := sorted(number for number in numbers if not 0 <= number < len(letter.receipts)):
        raise WrongFieldError("tick", f"there is no claim {wrong[0]}; see the letter's receipts")


def _as_shared(each: Proven, share: Share) -> Proven:
    """Without the proof's words, and whose they are, where their source is shared no more, or where they are more
    exact than the share lets them be seen by now."""
    message_id = each.receipt.message_id
    if message_id is None:
        return each
    as_exact = share.granularity is Granularity.EXACT or (each.standing is Standing.STANDS and bool(each.title))
    if share.covers(source_of(message_id)) and as_exact:
        return each
    receipt = each.receipt.without_quote().model_copy(update={"transformation": ""})
    return Proven(receipt, Standing.CHANGED)
