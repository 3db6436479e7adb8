"""A small world of firms and companies, written through the ports, and all that a firm can read of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sago.domain.companies import Share
from sago.domain.events import Event, EventType, Fold, MetricPoint, Severity
from sago.domain.letters import Letter, LetterState
from sago.domain.pages import AuditAsked, EventsAsked, LettersAsked, Place
from sago.domain.readings import SeriesAsked
from sago.domain.watches import Watch
from sago.ports import Database, FirmView, Note

COMPANIES = ("acme", "birch")
PAGE = 2


class World(NamedTuple):
    """Rows as they are written, each once; events of `before` that are not in `events` are gone, or called anew."""

    firms: Sequence[str] = ()
    shares: Sequence[Share] = ()
    before: Sequence[Event] = ()
    events: Sequence[Event] = ()
    points: Sequence[MetricPoint] = ()
    watches: Sequence[Watch] = ()
    removed: Sequence[UUID] = ()
    letters: Sequence[Letter] = ()
    approved: Sequence[UUID] = ()
    notes: Sequence[Note] = ()

    def without(self, firm: str) -> World:
        """Without any row of this firm."""
        letters = [each for each in self.letters if each.firm_id != firm]
        kept = {each.id for each in letters}
        return self._replace(
            firms=[each for each in self.firms if each != firm],
            shares=[each for each in self.shares if each.firm_id != firm],
            watches=[each for each in self.watches if each.firm_id != firm],
            letters=letters,
            approved=[each for each in self.approved if each in kept],
            notes=[each for each in self.notes if each.firm_id != firm],
        )

    def write(self, database: Database, now: datetime) -> None:
        """Put it into an empty database."""
        with database.begin() as tx:
            tx.companies.ensure_all(COMPANIES, now)
            for firm in self.firms:
                tx.shares.ensure_firm(firm, firm.capitalize())
            for share in self.shares:
                tx.shares.put(share)
            for company in COMPANIES:
                for folded in (self.before, self.events):
                    events = [each for each in folded if each.company_id == company]
                    known = {each.id for each in events}
                    points = [each for each in self.points if each.event_id in known]
                    tx.events.replace(company, Fold(events, points), now)
            for watch in self.watches:
                tx.outreach.add_watch(watch)
            for removed in self.removed:
                tx.outreach.remove_watch(removed)
            for letter in self.letters:
                assert tx.outreach.add_letter(letter)
            for approved in self.approved:
                tx.outreach.set_letter_state(approved, LetterState.APPROVED, now, "dana", "looks right")
            for note in self.notes:
                tx.erasures.note(note)

    @property
    def ids(self) -> list[UUID]:
        """Of every row that has one."""
        named = (*self.before, *self.events, *self.watches, *self.letters)
        return sorted({each.id for each in named})


def everything(view: FirmView, ids: Sequence[UUID]) -> dict[str, Any]:
    """All that the view returns, by what was asked; the lines of the log without their random ids."""
    seen: dict[str, Any] = {"shares": view.shares(), "companies": view.companies(), "watches": watches(view)}
    seen["later"] = view.companies(after=COMPANIES[0], limit=1)
    for company in (*COMPANIES, "nobody"):
        seen[f"company {company}"] = view.company(company)
        seen[f"points {company}"] = [
            view.metric_points(SeriesAsked(company, metric, limit=1000)) for metric in (None, "arr")
        ]
        seen[f"watches {company}"] = watches(view, company)
        seen[f"events {company}"] = events(view, EventsAsked(company_id=company))
        seen[f"letters {company}"] = letters(view, LettersAsked(company_id=company))
    for row in ids:
        seen[f"{row}"] = view.event(row), view.watch(row), view.letter(row)
    for row in ids[-3:]:
        seen[f"letters {row}"] = letters(view, LettersAsked(watch_id=row))
        seen[f"audit {row}"] = audit(view, AuditAsked(subject=str(row)))
    seen["events"] = events(view, EventsAsked())
    seen["deals"] = events(view, EventsAsked(event_types=(EventType.ENTERPRISE_DEAL,), severities=(Severity.HIGH,)))
    if seen["events"]:
        middle = seen["events"][len(seen["events"]) // 2].occurred_at
        seen["since"], seen["until"] = events(view, EventsAsked(since=middle)), events(view, EventsAsked(until=middle))
    seen["letters"] = letters(view, LettersAsked())
    seen["drafts"] = letters(view, LettersAsked(states=(LetterState.DRAFT,)))
    seen["audit"] = audit(view, AuditAsked())
    seen["approvals"] = audit(view, AuditAsked(action="letter.approved"))
    return seen


def events(view: FirmView, asked: EventsAsked) -> list[Event]:
    """Page by page."""
    found: list[Event] = []
    while page := view.events(asked._replace(limit=PAGE)):
        found += page
        asked = asked._replace(after=Place(page[-1].occurred_at, str(page[-1].id)))
    whole = view.events(asked._replace(after=None, limit=1000))
    assert (found, view.events(asked._replace(after=None, limit=PAGE))) == (whole, whole[:PAGE])
    return found


def watches(view: FirmView, company: str | None = None) -> list[Watch]:
    """Page by page."""
    found: list[Watch] = []
    after = None
    while page := view.watches(company, after, PAGE):
        found += page
        after = Place(page[-1].created_at, str(page[-1].id))
    assert found == view.watches(company)
    return found


def letters(view: FirmView, asked: LettersAsked) -> list[Letter]:
    """Page by page."""
    found: list[Letter] = []
    while page := view.letters(asked._replace(limit=PAGE)):
        found += page
        asked = asked._replace(after=Place(page[-1].created_at, str(page[-1].id)))
    whole = view.letters(asked._replace(after=None, limit=1000))
    assert (found, view.letters(asked._replace(after=None, limit=PAGE))) == (whole, whole[:PAGE])
    return found


def audit(view: FirmView, asked: AuditAsked) -> list[tuple[Any, ...]]:
    """Page by page."""
    found: list[tuple[Any, ...]] = []
    while page := view.audit(asked._replace(limit=PAGE)):
        found += [line[1:] for line in page]
        asked = asked._replace(after=page[-1].id)
    assert found == [line[1:] for line in view.audit(asked._replace(after=None, limit=1000))]
    return found
