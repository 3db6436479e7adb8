"""The `EventStore` in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sago.domain.companies import EVERY_SOURCE, Granularity, ShareKind
from sago.domain.events import (
    Event,
    Extraction,
    Fold,
    KeptTexts,
    MetricPoint,
    Observation,
    Rejection,
    SharedTexts,
    Status,
    latest_first,
)
from sago.domain.messages import source_of
from sago.domain.readings import SeriesAsked, place_of
from sago.stores.lineage import successors
from sago.stores.memory.state import AuditEntry, State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


class MemoryEvents:
    """Observations and events of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def lock(self, company_id: str) -> None:
        """Held already: transactions run one after the other."""

    def state(self, company_id: str) -> object:
        said = [each for each in self._state.observations.values() if each.company_id == company_id]
        return said, [each for each in self._state.events.values() if each.company_id == company_id]

    def append(self, observations: Sequence[Observation], extractions: Sequence[Extraction]) -> int:
        before = len(self._state.observations)
        for said in observations:
            key = (said.company_id, *said.key, said.start, said.end, said.event_type, *_extractor(said))
            self._state.observations.setdefault(key, said)
        for read in extractions:
            self._state.extractions.setdefault(
                (read.company_id, read.message_id, read.version, *_extractor(read)), read
            )
        return len(self._state.observations) - before

    def current(
        self,
        company_id: str,
        said_before: datetime | None = None,
        statuses: Collection[Status] | None = None,
        message_ids: Collection[str] | None = None,
    ) -> list[Observation]:
        newest = self._newest(company_id, said_before)
        mine = [said for said in self._state.observations.values() if said.company_id == company_id]
        counted = [
            said
            for said in mine
            if newest.get(said.message_id) == (said.version, *_extractor(said))
            and (said_before is None or said.said_at < said_before)
            and (statuses is None or said.status in statuses)
            and (message_ids is None or said.message_id in message_ids)
        ]
        return sorted(counted, key=lambda o: (o.said_at, o.message_id, o.start, o.end, o.event_type))

    def said_on(self, company_id: str) -> list[date]:
        said = [said.said_at for said in self._state.observations.values() if said.company_id == company_id]
        read = [read.version for read in self._state.extractions.values() if read.company_id == company_id]
        changed = [EPOCH + timedelta(microseconds=version) for version in read if version]
        return sorted({moment.astimezone(UTC).date() for moment in (*said, *changed)})

    def _newest(self, company_id: str, said_before: datetime | None) -> dict[str, tuple[int, str, str]]:
        """Message id → version and extractor of the reading that counts; an edit's version is its time in µs."""
        readings = [read for read in self._state.extractions.values() if read.company_id == company_id]
        if said_before is not None:
            micros = (said_before - EPOCH) // timedelta(microseconds=1)
            readings = [read for read in readings if read.version < micros]
        readings.sort(key=lambda read: (read.version, read.finished_at, read.extractor_version, read.extractor))
        return {read.message_id: (read.version, *_extractor(read)) for read in readings}

    def rejections(self, company_id: str, *, in_force: bool = True) -> list[Rejection]:
        mine = [rejection for rejection in self._state.rejections.values() if rejection.company_id == company_id]
        shown = [rejection for rejection in mine if rejection.is_in_force or not in_force]
        return sorted(shown, key=lambda each: (each.rejected_at, str(each.event_id), each.rejected_by))

    def reject(self, rejection: Rejection) -> None:
        standing = {(each.event_id, each.rejected_by) for each in self.rejections(rejection.company_id)}
        if (rejection.event_id, rejection.rejected_by) in standing or _word(rejection) in self._state.rejections:
            return
        self._state.rejections[_word(rejection)] = rejection
        self._note(rejection.rejected_at, rejection.rejected_by, "event.rejected", rejection, rejection.because)

    def restore(
        self, company_id: str, event_ids: Collection[UUID], at: datetime, who: str, why: str
    ) -> list[Rejection]:
        back = {"restored_by": who, "restored_at": at, "restored_because": why}
        standing = [each for each in self.rejections(company_id) if each.event_id in event_ids]
        taken_back = [each.model_copy(update=back) for each in standing]
        for each in taken_back:
            self._state.rejections[_word(each)] = each
            self._note(at, who, "event.restored", each, why)
        return taken_back

    def _note(self, at: datetime, who: str, action: str, about: Rejection, why: str) -> None:
        detail = {"rejected_by": about.rejected_by}
        entry = AuditEntry(at, who, action, about.event_id, why, detail, company_id=about.company_id)
        self._state.audit_log.append(entry)

    def replace(self, company_id: str, fold: Fold, now: datetime) -> None:
        present = {event.id: event for event in fold.events}
        vanished = [event for event in self.find(company_id) if event.id not in present]
        changed = [event for event in fold.events if self._state.events.get(event.id) != event]
        for event in (*changed, *vanished):
            before = self._state.changed.get(event.id)
            self._state.changed[event.id] = max(now, before + INSTANT) if before else now
        others = {event.id for event in (*changed, *vanished)}
        self._state.texts = {key: kept for key, kept in self._state.texts.items() if key[0] not in others}
        self._state.events.update(present)
        for event in vanished:
            self._state.events[event.id] = event.model_copy(update={"is_active": False})
        for kept in present:
            self._state.aliases.pop(kept, None)
        for old, new in successors(vanished, fold.events).items():
            followed = {alias: new for alias, event_id in self._state.aliases.items() if event_id == old}
            self._state.aliases.update(followed | {old: new})
        self._state.metric_points[company_id] = list(fold.metric_points)

    def without_texts(self, company_id: str, kind: ShareKind, version: int, limit: int) -> list[tuple[Event, datetime]]:
        made = self.shared_texts(company_id, kind, version)
        wanted = [event for event in self.find(company_id) if event.id not in made and _is_told_otherwise(event, kind)]
        found = sorted(wanted, key=lambda event: event.id)
        return [(event, self._state.changed[event.id]) for event in found[:limit]]

    def keep_texts(self, kind: ShareKind, version: int, made: Sequence[KeptTexts]) -> None:
        changed = self._state.changed
        self._state.texts |= {
            (each.event_id, kind): (version, each) for each in made if changed.get(each.event_id) == each.made_of
        }

    def shared_texts(self, company_id: str, kind: ShareKind, version: int) -> dict[UUID, SharedTexts]:
        asked = {event.id: kind for event in self.find(company_id, active=False)}
        return counting(self._state, asked, version)

    def find(self, company_id: str | None = None, *, active: bool = True, limit: int | None = None) -> list[Event]:
        found = [event for event in self._state.events.values() if company_id in (None, event.company_id)]
        return latest_first([event for event in found if event.is_active or not active])[:limit]

    def get(self, event_id: UUID) -> Event | None:
        return self._state.events.get(self._state.aliases.get(event_id, event_id))

    def counts(self) -> tuple[int, int]:
        return len(self._state.observations), len(self.find())

    def metric_points(self, company_id: str) -> list[MetricPoint]:
        points = self._state.metric_points.get(company_id, [])
        return sorted(points, key=lambda point: (point.as_of, point.said_at, point.metric, str(point.event_id)))

    def points(self, asked: SeriesAsked, sources: Collection[str]) -> list[MetricPoint]:
        active = {
            event.id
            for event in self._state.events.values()
            if event.is_active and not {EVERY_SOURCE, source_of(event.evidence[0].message_id)}.isdisjoint(sources)
        }
        points = [each for each in self._state.metric_points.get(asked.company_id, []) if each.event_id in active]
        return sorted(filter(asked.wants, points), key=place_of)[asked.skip :][: asked.limit]


def _word(rejection: Rejection) -> tuple[str, UUID, str, datetime]:
    return rejection.company_id, rejection.event_id, rejection.rejected_by, rejection.rejected_at


def _extractor(of: Observation | Extraction) -> tuple[str, str]:
    return of.extractor, of.extractor_version


def _is_told_otherwise(event: Event, kind: ShareKind) -> bool:
    """Whether shares of this kind show the event, and not all of its words as they are."""
    covered = [kind.covers(source_of(proof.message_id)) for proof in event.evidence]
    return covered[0] and not (kind.granularity is Granularity.EXACT and all(covered))


def counting(state: State, asked: Mapping[UUID, ShareKind], version: int) -> dict[UUID, SharedTexts]:
    """The texts of these events, each for its kind of shares, that were made of them as they are now."""
    kept = {event_id: state.texts.get((event_id, kind)) for event_id, kind in asked.items()}
    return {
        event_id: each[1].texts
        for event_id, each in kept.items()
        if each and each[0] == version and each[1].made_of == state.changed[event_id]
    }
