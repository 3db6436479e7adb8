"""The `Tenants` in memory: the row policies of Postgres in plain Python."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from sago.domain.companies import Company, Granularity, Person, Share
from sago.domain.events import Event, MetricPoint, SharedTexts
from sago.domain.letters import Letter
from sago.domain.messages import source_of
from sago.domain.pages import AuditAsked, EventsAsked, LettersAsked, Place, RunsAsked
from sago.domain.readings import SeriesAsked, place_of
from sago.domain.tasks import TaskRun
from sago.domain.watches import Watch
from sago.ports import TOLD_TO_FIRMS, AuditLine, Clock
from sago.stores.clock import SystemClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.events import counting
from sago.stores.memory.state import AuditEntry, State
from sago.stores.memory.task_runs import page_of


class MemoryTenants:
    """The `Tenants` of one database in memory; what holds is told by the clock."""

    def __init__(self, database: MemoryDatabase, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    @contextmanager
    def view(self, firm_id: str) -> Iterator[MemoryView]:
        yield MemoryView(self._database.state, firm_id, self._clock.now())

    def close(self) -> None:
        """Nothing to let go."""


class MemoryView:
    """The `FirmView` of what was committed at a moment."""

    def __init__(self, state: State, firm_id: str, now: datetime) -> None:
        self._state = state
        self._firm_id = firm_id
        self._held = {share.company_id: share for share in self.shares() if share.holds_at(now)}

    def shares(self, of: Collection[str] | None = None) -> list[Share]:
        mine = [share for share in self._state.shares.values() if share.firm_id == self._firm_id]
        mine = [share for share in mine if of is None or share.company_id in of]
        return sorted(mine, key=lambda share: share.company_id)

    def companies(self, after: str | None = None, limit: int = 50, at: datetime | None = None) -> list[Company]:
        held = [company_id for company_id in sorted(self._held) if self._holds(company_id, at)]
        later = [company_id for company_id in held if after is None or company_id > after]
        return [_without_address(self._state.companies[company_id]) for company_id in later[:limit]]

    def company(self, company_id: str) -> Company | None:
        return _without_address(self._state.companies[company_id]) if company_id in self._held else None

    def events(self, asked: EventsAsked, at: datetime | None = None) -> list[Event]:
        shown = [event for event in self._state.events.values() if self._shows(event) and _is_asked(event, asked)]
        shown = [event for event in shown if self._holds(event.company_id, at)]
        if asked.after is not None:
            place = asked.after.at, asked.after.row
            shown = [event for event in shown if (event.occurred_at, event.id) < place]
        return sorted(shown, key=lambda event: (event.occurred_at, event.id), reverse=True)[: asked.limit]

    def event(self, event_id: UUID) -> Event | None:
        ids = self._state.aliases.get(event_id), event_id
        found = [self._state.events[each] for each in ids if each in self._state.events]
        return next((event for event in found if self._shows(event)), None)

    def events_named(self, event_ids: Collection[UUID]) -> list[Event]:
        events = self._state.events
        return [events[each] for each in set(event_ids) if each in events and self._shows(events[each])]

    def shared_texts(self, event_ids: Collection[UUID], version: int) -> dict[UUID, SharedTexts]:
        asked = {event.id: self._held[event.company_id].kind for event in self.events_named(event_ids)}
        return counting(self._state, asked, version)

    def metric_points(self, asked: SeriesAsked) -> list[MetricPoint]:
        share = self._held.get(asked.company_id)
        if share is None or share.granularity is not Granularity.EXACT:
            return []
        points = self._state.metric_points.get(asked.company_id, [])
        events = self._state.events
        shown = [point for point in points if point.event_id in events and self._shows(events[point.event_id])]
        return sorted(filter(asked.wants, shown), key=place_of)[asked.skip :][: asked.limit]

    def watches(
        self, company_id: str | None = None, after: Place | None = None, limit: int | None = None
    ) -> list[Watch]:
        mine = [watch for watch in self._state.watches.values() if watch.is_active and watch.firm_id == self._firm_id]
        shown = [_without_voice(watch) for watch in mine if company_id in (None, watch.company_id)]
        if after is not None:
            shown = [watch for watch in shown if (watch.created_at, watch.id) > (after.at, after.row)]
        return sorted(shown, key=lambda watch: (watch.created_at, watch.id))[:limit]

    def watch(self, watch_id: UUID) -> Watch | None:
        return next((watch for watch in self.watches() if watch.id == watch_id), None)

    def letters(self, asked: LettersAsked) -> list[Letter]:
        shown = [
            letter
            for letter in self._letters()
            if asked.company_id in (None, letter.company_id)
            and asked.watch_id in (None, letter.watch_id)
            and (not asked.states or letter.state in asked.states)
        ]
        if asked.after is not None:
            place = asked.after.at, asked.after.row
            shown = [letter for letter in shown if (letter.created_at, letter.id) < place]
        return sorted(shown, key=lambda letter: (letter.created_at, letter.id), reverse=True)[: asked.limit]

    def letter(self, letter_id: UUID) -> Letter | None:
        return next((letter for letter in self._letters() if letter.id == letter_id), None)

    def audit(self, asked: AuditAsked) -> list[AuditLine]:
        lines = [_line(number, entry) for number, entry in enumerate(self._state.audit_log) if self._tells(entry)]
        lines.reverse()
        if asked.after is not None:
            ids = [line.id for line in lines]
            lines = lines[ids.index(asked.after) + 1 :] if asked.after in ids else []
        shown = [
            line for line in lines if asked.action in (None, line.action) and asked.subject in (None, line.subject)
        ]
        return shown[: asked.limit]

    def task_runs(self, asked: RunsAsked) -> list[TaskRun]:
        return page_of(self._task_runs(), asked)

    def task_run(self, run_id: UUID) -> TaskRun | None:
        return next((run for run in self._task_runs() if run.id == run_id), None)

    def _task_runs(self) -> Sequence[TaskRun]:
        mine = (run for run in self._state.task_runs.values() if run.firm_id == self._firm_id)
        return [run.model_copy(update={"idempotency_key": None}) for run in mine]

    def _letters(self) -> Sequence[Letter]:
        mine = (letter for letter in self._state.letters.values() if letter.firm_id == self._firm_id)
        return [_without_addresses(letter) for letter in mine if letter.company_id in self._held]

    def _holds(self, company_id: str, at: datetime | None) -> bool:
        return at is None or self._held[company_id].holds_at(at)

    def _shows(self, event: Event) -> bool:
        share = self._held.get(event.company_id)
        if share is None or not event.is_active or not share.holds_at(event.occurred_at):
            return False
        return share.covers(source_of(event.evidence[0].message_id))

    def _tells(self, entry: AuditEntry) -> bool:
        kind = entry.action.partition(".")[0]
        is_told = kind in TOLD_TO_FIRMS and (kind != "letter" or entry.company_id in self._held)
        return is_told and entry.firm_id == self._firm_id


def _without_addresses(letter: Letter) -> Letter:
    sender, recipient = (each and Person(name=each.name) for each in (letter.sender, letter.recipient))
    return letter.model_copy(update={"sender": sender, "recipient": recipient})


def _is_asked(event: Event, asked: EventsAsked) -> bool:
    return (
        asked.company_id in (None, event.company_id)
        and (not asked.event_types or event.event_type in asked.event_types)
        and (not asked.severities or event.severity in asked.severities)
        and (asked.since is None or event.occurred_at >= asked.since)
        and (asked.until is None or event.occurred_at < asked.until)
    )


def _without_address(company: Company) -> Company:
    return company.model_copy(update={"founder_email": None})


def _without_voice(watch: Watch) -> Watch:
    return watch.model_copy(update={"voice": None})


def _line(number: int, entry: AuditEntry) -> AuditLine:
    detail = {**entry.detail, "why": entry.why}
    return AuditLine(
        uuid5(NAMESPACE_URL, f"audit:{number}"),
        entry.at,
        entry.who,
        entry.action,
        str(entry.subject),
        entry.company_id,
        detail,
    )
