"""What a firm waits for, by the API: its own watches of companies whose founders share with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from sago.domain.companies import Person
from sago.domain.mails import is_address
from sago.domain.pages import AuditAsked, Place
from sago.domain.watches import Condition, Direction, Watch
from sago.errors import NotThereError, UsageError, WrongFieldError
from sago.outreach.addressing import person
from sago.outreach.conditions import parse, require_possible
from sago.outreach.firm_reading import FirmReading
from sago.outreach.judging import Explanation, Judging
from sago.outreach.proposing import propose
from sago.outreach.watching import ADDED, REMOVED, drop_watch, lies_ahead, watch_note
from sago.ports import Clock, Database, FirmView, Tenants, Transaction


class Asked(NamedTuple):
    """A watch in the words of whoever asks for it. Nothing but a reason: its conditions are proposed."""

    company_id: str
    conditions: Sequence[str] = ()
    reason: str = ""
    met_on: date | None = None
    investor_name: str | None = None
    investor_email: str | None = None
    takes_proposed: bool = False
    """Without conditions: wait for what the rules propose."""


class Added(NamedTuple):
    """A watch, and whether its key had made it before."""

    watch: Watch
    is_again: bool


@dataclass(frozen=True)
class FirmWatches:
    """The watches of one firm, for whoever acts in its name.

    Raises NotThereError for a watch that is not this firm's, or that nobody keeps any more, and for a company of which
    the firm sees nothing.
    """

    firm_id: str
    who: str
    tenants: Tenants
    database: Database
    reading: FirmReading
    judging: Judging
    clock: Clock
    most: int
    """Watches of one company."""

    def watches(self, company_id: str | None, after: Place | None, limit: int) -> list[Watch]:
        """One page of them, oldest first."""
        with self.tenants.view(self.firm_id) as view:
            return view.watches(company_id, after, limit)

    def explain(self, watch_id: UUID) -> Explanation:
        """One of them as of now, judged on what the firm sees alone."""
        with self.tenants.view(self.firm_id) as view:
            watch = _the_watch(view, watch_id)
        explained = self.reading.settled(
            self.firm_id, watch.company_id, lambda _: self.judging.explain([watch], self.clock.now())
        )
        if not explained:
            raise _not_there(watch_id)
        return explained[0]

    def add(self, asked: Asked, key: str | None = None) -> Added:
        """A new watch, whose letters go to the founder. With a key it is the same one each time.

        Raises WrongFieldError, also where the key stands for a watch that asked for something else; UsageError where
        that was removed since, and where the firm has as many of the company as it may.
        """
        watch = self._made(asked, key)
        with self.tenants.view(self.firm_id) as view:
            if view.company(asked.company_id) is None:
                raise NotThereError(f"company {asked.company_id}: nothing of it is shared with this firm")
        with self.database.begin() as tx:
            tx.events.lock(watch.company_id)
            if tx.outreach.insert_watch(watch):
                self._require_room(tx, watch.company_id)
                tx.erasures.note(watch_note(ADDED, watch, self.who, self.clock.now()))
                return Added(watch, is_again=False)
            known = tx.outreach.watch(watch.id)
        if known is None:
            raise UsageError("the watch of this Idempotency-Key was removed since; send another key for another watch")
        if _words(known) != _words(watch):
            raise WrongFieldError("Idempotency-Key", "was sent with another body before: make a new key")
        return Added(known, is_again=True)

    def remove(self, watch_id: UUID) -> None:
        """Wait no more; letters already composed stay. One that was removed, by whomever, stays so."""
        with self.tenants.view(self.firm_id) as view:
            if view.audit(AuditAsked(action=REMOVED, subject=str(watch_id), limit=1)):
                return
            watch = _the_watch(view, watch_id)
        with self.database.begin() as tx:
            drop_watch(watch, tx, self.who, self.clock.now())

    def _require_room(self, tx: Transaction, company_id: str) -> None:
        mine = [each for each in tx.outreach.watches(company_id) if each.firm_id == self.firm_id]
        if len(mine) > self.most:
            raise UsageError(
                f"{self.most} watches of {company_id} are as many as a firm keeps at once: remove one first"
            )

    def _made(self, asked: Asked, key: str | None) -> Watch:
        now = self.clock.now()
        if asked.met_on and lies_ahead(asked.met_on, now):
            raise WrongFieldError("met_on", f"{asked.met_on} lies in the future; give the day on which you said no")
        return Watch(
            id=uuid4() if key is None else uuid5(NAMESPACE_URL, f"sago:watch:{self.firm_id}:{key}"),
            firm_id=self.firm_id,
            company_id=asked.company_id,
            investor=_investor(asked),
            met_on=asked.met_on,
            reason=asked.reason,
            conditions=_conditions(asked),
            direction=Direction.TO_FOUNDER,
            created_at=now,
        )


def _the_watch(view: FirmView, watch_id: UUID) -> Watch:
    watch = view.watch(watch_id)
    if watch is None:
        raise _not_there(watch_id)
    return watch


def _words(watch: Watch) -> tuple[object, ...]:
    """What was asked for: the house may have added how it weighs, and how its letters sound."""
    return watch.company_id, watch.investor, watch.met_on, watch.reason, watch.conditions


def _not_there(watch_id: UUID) -> NotThereError:
    return NotThereError(f"watch {watch_id}: not there, or not this firm's")


def _investor(asked: Asked) -> Person | None:
    name, email = asked.investor_name, asked.investor_email
    if name is None:
        return None
    try:
        named = person(name, "the name", "Dana Reed")
    except UsageError as error:
        raise WrongFieldError("investor.name", str(error)) from None
    if named.email is not None:
        raise WrongFieldError("investor.name", "holds an address; that goes into investor.email")
    if email is not None and not is_address(email):
        raise WrongFieldError("investor.email", "is no mail address, as in dana@northgate.example")
    return Person(name=named.name, email=email.strip() if email else None)


def _conditions(asked: Asked) -> tuple[Condition, ...]:
    conditions = tuple(_condition(text, number) for number, text in enumerate(asked.conditions))
    try:
        require_possible(conditions)
    except UsageError as error:
        raise WrongFieldError("conditions", str(error)) from None
    if conditions or not asked.reason:
        return conditions
    proposed = tuple(each.condition for each in propose(asked.reason).conditions)
    if proposed and asked.takes_proposed:
        return proposed
    texts = ", ".join(f"`{each.text}`" for each in proposed)
    hint = f"the reason proposes {texts}: send these, or `accept_proposed`" if texts else "the reason proposes none"
    raise WrongFieldError("conditions", f"say what you wait for; {hint}")


def _condition(text: str, number: int) -> Condition:
    try:
        return parse(text)
    except UsageError as error:
        raise WrongFieldError(f"conditions.{number}", str(error).splitlines()[0]) from None
