"""Companies, watches, and letters from due to laid out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from sago.domain.companies import Company, Person, Share, ShareKind
from sago.domain.letters import Composition, CompositionState, DueLetter, Letter, LetterChange, LetterState
from sago.domain.watches import Verdict, Watch


class CompanyStore(Protocol):
    """Companies and their default share."""

    def ensure(self, company_id: str, now: datetime) -> Company:
        """The company; an unknown one is created with a name made of its id, the default share and a company-update
        watch."""

    def ensure_all(self, company_ids: Collection[str], now: datetime) -> None:
        """`ensure` for many, in a few statements."""

    def save(self, company: Company) -> None:
        """Update name, founder and policy of a known company."""

    def get(self, company_id: str) -> Company | None:
        """The company, or None."""

    def all(self) -> list[Company]:
        """Every company by id."""


class ShareStore(Protocol):
    """`firms`, and `shares`: what a founder lets a firm see."""

    def ensure_firm(self, firm_id: str, name: str) -> None:
        """The firm; one that is known keeps its name."""

    def firms(self) -> dict[str, str]:
        """Id → name of every firm, by id."""

    def of(self, *company_ids: str) -> list[Share]:
        """The shares of these companies by company and firm, ended ones too."""

    def get(self, firm_id: str, company_id: str) -> Share | None:
        """The one share of a firm and a company, ended or not."""

    def ended(self, by: datetime) -> list[Share]:
        """Shares that had ended by then, first ended first, of which the audit log has no SHARE_ERASED line since."""

    def kinds(self, now: datetime) -> list[tuple[str, ShareKind]]:
        """Each company and kind of shares that hold and do not show all, once."""

    def put(self, share: Share) -> None:
        """Keep the share, in place of an earlier one of the same firm and company. Raises PermanentError where the firm
        or the company is not known."""


class OutreachStore(Protocol):
    """Watches and letters."""

    def add_watch(self, watch: Watch) -> None:
        """Keep a watch; the same id again replaces it."""

    def insert_watch(self, watch: Watch) -> bool:
        """Keep a new watch; False, and no change, when its id is known, also of one that was removed."""

    def watches(self, company_id: str | None = None) -> list[Watch]:
        """Active watches, oldest first."""

    def watch(self, watch_id: UUID) -> Watch | None:
        """The active watch, or None."""

    def remove_watch(self, watch_id: UUID) -> bool:
        """Deactivate; False when there is none."""

    def letter(self, letter_id: UUID) -> Letter | None:
        """The letter, locked until the transaction ends, or None."""

    def recipient(self, letter_id: UUID) -> Person | None:
        """To whom the letter goes, where it is known; nothing is locked."""

    def live_letter(self, watch_id: UUID, window: str) -> Letter | None:
        """The one live letter of a window, locked until the transaction ends."""

    def add_letter(self, letter: Letter) -> bool:
        """Insert; False when the window already has a live letter."""

    def set_letter_state(self, letter_id: UUID, state: LetterState, at: datetime, who: str, why: str) -> None:
        """Change a letter's state and write the audit log; the state it has already changes and logs nothing. Who and
        when stay with the letter as its approval, and go when it is a draft again. Raises PermanentError where there
        is no such letter or its window has another live one, UsageError where `LetterState.may_become` forbids it."""

    def rewrite_letter(self, letter: Letter, at: datetime, who: str, why: str) -> None:
        """Take over the draft, receipts and ticks of this letter; the audit log keeps the hash of before and after."""

    def tick_letter(self, letter_id: UUID, claims: Collection[int], at: datetime, who: str, why: str) -> None:
        """Tick claims, counted from 0, beside those that are ticked; the audit log names the new ones, if any."""

    def history(self, letter_id: UUID) -> list[LetterChange]:
        """What the audit log tells of a letter, oldest first."""

    def approved(self, before: datetime) -> list[Letter]:
        """Approved letters whose approval is that old, oldest first, locked; before them those of which nobody knows
        when they were approved. Those locked by others are left out."""

    def letters(self, company_id: str | None = None, *, live: bool = True) -> list[Letter]:
        """Letters, newest first."""

    def ended_letters(self, since: datetime) -> list[Letter]:
        """Letters that fill no window any more and were changed from that moment on, newest first."""


class CompositionStore(Protocol):
    """`compositions`: letters that are due, kept until each is composed or has failed."""

    def add(self, letters: Sequence[DueLetter], now: datetime) -> int:
        """Make these letters due; those that are due already stay as they are. How many became due."""

    def end_overtaken(self, watch_ids: Collection[UUID]) -> int:
        """End as done the due letters of these watches that have a later one, due or done: it tells what they would.
        How many."""

    def take_due(self, now: datetime, again_at: datetime, limit: int = 500) -> list[DueLetter]:
        """Letters whose task is to be sent, longest due first, and not again before `again_at`; rows locked by others
        left out."""

    def begin(self, letter: DueLetter, lease_until: datetime, now: datetime) -> int | None:
        """Take a letter to compose it, one that was never added too: the number of the attempt. None when it is not
        due, has to wait, or another's lease holds."""

    def postpone(self, letter: DueLetter, retry_at: datetime, error: str, *, is_counted: bool) -> None:
        """Keep why a due letter was not composed; it is neither begun nor sent before `retry_at`. An attempt that is
        not counted is given back."""

    def end(self, letter: DueLetter, state: CompositionState, error: str | None = None) -> None:
        """Done or failed."""

    def find(self, state: CompositionState | None = None) -> list[Composition]:
        """Rows by moment and watch, of one state or of all."""

    def counts(self) -> dict[CompositionState, int]:
        """Rows by state; one without any is left out."""


class VerdictStore(Protocol):
    """`verdicts`: what each watch said, one row a watch and day (UTC)."""

    def put(self, judged: Sequence[Verdict]) -> None:
        """Keep these as their days' verdicts. One judged as of a later moment of the day replaces an earlier one, and
        is never replaced by it."""

    def forget(self, firm_id: str, company_id: str) -> int:
        """Delete what a firm's watches of the company said; how many."""

    def newest(self, watch_id: UUID, before: date | None = None) -> Verdict | None:
        """The watch's last verdict, with `before` the last of an earlier day; or None."""

    def of(self, watch_id: UUID, since: date) -> list[Verdict]:
        """The watch's verdicts from that day on, oldest first."""


class Drafts(Protocol):
    """Where letters are laid out for a person, as `.eml`."""

    def place(self, letter: Letter) -> str:
        """Where the letter lies once it is put; nothing is written."""

    def files(self, letter: Letter) -> list[str]:
        """Where anything of the letter lies, also as it was handed over."""

    def forget(self, letter: Letter) -> None:
        """Take all of that away."""

    def put(self, letter: Letter) -> str:
        """Write or replace the letter, or take it away when it is no longer live; where it lies (or lay).

        A successor of the same watch and window takes its predecessor's place.
        """
