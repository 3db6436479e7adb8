"""Observations are appended, never changed; events and metric points are what the last fold made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

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
)
from sago.domain.readings import SeriesAsked
from sago.stores.lineage import successors
from sago.stores.postgres.columns import Words
from sago.stores.postgres.point_pages import points_asked
from sago.stores.postgres.tables import (
    audit_log,
    event_aliases,
    extractions,
    metric_points,
    observations,
    rejections,
    shared_texts,
    significant_events,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAD_SOURCE = literal_column("significant_events.lead_source", Words)
HAS_OTHER_PROOF = text(
    "EXISTS (SELECT FROM jsonb_array_elements(significant_events.source_messages) proof"
    " WHERE split_part(proof ->> 'message_id', ':', 1) <> ALL (:sources))"
).bindparams(bindparam("sources", type_=ARRAY(Words)))
"""Whether an event has a proof of another source than these."""
STATES = tuple(
    text(f"SELECT count(*), sum(xmin::text::bigint) FROM {table} WHERE company_id = :company").bindparams(  # noqa: S608
        bindparam("company", type_=Words)
    )
    for table in ("observations", "significant_events")
)
"""How many rows there are, and which transactions wrote them: each row that is written anew has a later one."""
READING = ("message_id", "version", "extractor", "extractor_version")
CONTENT = tuple(
    column for column in significant_events.c if column.name not in ("id", "company_id", "created_at", "updated_at")
)


class PostgresEvents:
    """The `EventStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, company_id: str) -> None:
        key = func.hashtextextended(f"fold:{company_id}", 0)
        self._connection.execute(select(func.pg_advisory_xact_lock(key)))

    def state(self, company_id: str) -> object:
        rows = [self._connection.execute(each, {"company": company_id}).one() for each in STATES]
        return [tuple(row) for row in rows]

    def append(self, observations_: Sequence[Observation], extractions_: Sequence[Extraction]) -> int:
        """Rows go in by the order of their keys, so that two appends at once never deadlock."""
        new = 0
        if observations_:
            rows = sorted((_observation_row(each) for each in observations_), key=_reading_order)
            statement = upsert(observations).on_conflict_do_nothing().returning(literal(1))
            new = len(self._connection.execute(statement, rows).all())
        if extractions_:
            rows = sorted((each.model_dump() for each in extractions_), key=_reading_order)
            self._connection.execute(upsert(extractions).on_conflict_do_nothing().returning(literal(1)), rows).all()
        return new

    def current(
        self,
        company_id: str,
        said_before: datetime | None = None,
        statuses: Collection[Status] | None = None,
        message_ids: Collection[str] | None = None,
    ) -> list[Observation]:
        read, said = extractions.c, observations.c
        newest = select(*(read[name] for name in READING)).ext(distinct_on(read.message_id))
        spoke = select(said.message_id).where(said.company_id == company_id)  # most messages say nothing
        newest = newest.where(read.company_id == company_id, read.message_id.in_(spoke)).order_by(
            read.message_id,
            read.version.desc(),
            read.finished_at.desc(),
            read.extractor_version.desc(),
            read.extractor.desc(),
        )
        query = select(observations).where(said.company_id == company_id)
        if message_ids is not None:
            newest = newest.where(read.message_id.in_(sorted(message_ids)))
        if said_before is not None:
            # the version of an edit is its time in µs: what was edited later had not been said yet
            newest = newest.where(read.version < (said_before - EPOCH) // timedelta(microseconds=1))
            query = query.where(said.said_at < said_before)
        counts = newest.subquery()
        if statuses is not None:
            query = query.where(said.status.in_(sorted(statuses)))
        query = query.join(counts, and_(*(said[name] == counts.c[name] for name in READING)))
        query = query.order_by(said.said_at, said.message_id, said.start, said.end, said.event_type)
        return [Observation.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def said_on(self, company_id: str) -> list[date]:
        said, read = observations.c, extractions.c
        spoken = select(func.date(func.timezone("UTC", said.said_at))).where(said.company_id == company_id)
        # the version of an edit is its time in µs
        edited = func.timezone("UTC", func.to_timestamp(read.version / 1_000_000))
        changed = select(func.date(edited)).where(read.company_id == company_id, read.version > 0)
        return sorted(self._connection.execute(spoken.union(changed)).scalars())

    def rejections(self, company_id: str, *, in_force: bool = True) -> list[Rejection]:
        c = rejections.c
        query = select(rejections).where(c.company_id == company_id).order_by(c.rejected_at, c.event_id, c.rejected_by)
        if in_force:
            query = query.where(c.restored_at.is_(None))
        return [Rejection.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def reject(self, rejection: Rejection) -> None:
        added = upsert(rejections).values(**rejection.model_dump()).on_conflict_do_nothing()
        if self._connection.execute(added).rowcount == 1:
            said = rejection.rejected_at, rejection.rejected_by
            self._note([rejection], "event.rejected", *said, rejection.because)

    def restore(
        self, company_id: str, event_ids: Collection[UUID], at: datetime, who: str, why: str
    ) -> list[Rejection]:
        c = rejections.c
        standing = update(rejections).where(
            c.company_id == company_id, c.event_id.in_(event_ids), c.restored_at.is_(None)
        )
        back = standing.values(restored_by=who, restored_at=at, restored_because=why).returning(rejections)
        rows = [Rejection.model_validate(row._asdict()) for row in self._connection.execute(back)]
        taken_back = sorted(rows, key=lambda each: (each.rejected_at, str(each.event_id), each.rejected_by))
        self._note(taken_back, "event.restored", at, who, why)
        return taken_back

    def _note(self, about: Sequence[Rejection], action: str, at: datetime, who: str, why: str) -> None:
        rows = [
            {
                "at": at,
                "who": who,
                "action": action,
                "subject": str(each.event_id),
                "company_id": each.company_id,
                "detail": {"rejected_by": each.rejected_by, "why": why},
            }
            for each in about
        ]
        if rows:
            self._connection.execute(insert(audit_log), rows)

    def replace(self, company_id: str, fold: Fold, now: datetime) -> None:
        before = self.find(company_id)
        kept = {event.id for event in fold.events}
        vanished = [event for event in before if event.id not in kept]
        self._write_events(fold.events, now)
        self._deactivate(vanished, now)
        self._write_aliases(company_id, successors(vanished, fold.events), kept, now)
        self._connection.execute(delete(shared_texts).where(stale_texts(company_id)))
        self._connection.execute(delete(metric_points).where(metric_points.c.company_id == company_id))
        if fold.metric_points:
            self._connection.execute(insert(metric_points), [point.model_dump() for point in fold.metric_points])

    def _write_events(self, events: Sequence[Event], now: datetime) -> None:
        if not events:
            return
        statement = upsert(significant_events)
        written = [statement.excluded[column.name] for column in CONTENT]
        statement = statement.on_conflict_do_update(
            index_elements=["id"],
            set_={column.name: value for column, value in zip(CONTENT, written, strict=True)}
            | {"updated_at": _changed_at(now)},
            where=tuple_(*CONTENT).is_distinct_from(tuple_(*written)),
        )
        self._connection.execute(statement.returning(literal(1)), [_event_row(event, now) for event in events]).all()

    def _deactivate(self, events: Sequence[Event], now: datetime) -> None:
        gone = update(significant_events).where(significant_events.c.id.in_([event.id for event in events]))
        self._connection.execute(gone.values(is_active=False, updated_at=_changed_at(now)))

    def _write_aliases(self, company_id: str, new: dict[UUID, UUID], kept: set[UUID], now: datetime) -> None:
        """An id that is an event again is no alias; an alias of what vanished follows to its successor."""
        self._connection.execute(delete(event_aliases).where(event_aliases.c.alias.in_(kept)))
        for old, event_id in new.items():
            follow = update(event_aliases).where(event_aliases.c.event_id == old).values(event_id=event_id)
            self._connection.execute(follow)
            row = {"alias": old, "event_id": event_id, "company_id": company_id, "created_at": now}
            alias = upsert(event_aliases).values(**row)
            alias = alias.on_conflict_do_update(index_elements=["alias"], set_={"event_id": event_id})
            self._connection.execute(alias)

    def find(self, company_id: str | None = None, *, active: bool = True, limit: int | None = None) -> list[Event]:
        c = significant_events.c
        query = select(significant_events).order_by(c.occurred_at.desc(), c.id).limit(limit)
        if company_id is not None:
            query = query.where(c.company_id == company_id)
        if active:
            query = query.where(c.is_active)
        return [event_of(row) for row in self._connection.execute(query)]

    def without_texts(self, company_id: str, kind: ShareKind, version: int, limit: int) -> list[tuple[Event, datetime]]:
        c = significant_events.c
        made = select(shared_texts.c.event_id).where(*_counts(version), *_is_of(kind))
        query = select(significant_events).where(c.company_id == company_id, c.is_active, ~made.exists())
        if EVERY_SOURCE not in kind.sources:
            query = query.where(LEAD_SOURCE.in_(kind.sources))
            if kind.granularity is Granularity.EXACT:
                query = query.where(HAS_OTHER_PROOF.bindparams(sources=kind.sources))
        rows = self._connection.execute(query.order_by(c.id).limit(limit))
        return [(event_of(row), row.updated_at) for row in rows]

    def keep_texts(self, kind: ShareKind, version: int, made: Sequence[KeptTexts]) -> None:
        c = significant_events.c
        known = select(c.id, c.updated_at).where(c.id.in_([each.event_id for each in made]))
        as_they_are = {(row.id, row.updated_at) for row in self._connection.execute(known)}
        of = {"granularity": kind.granularity, "sources": kind.sources, "version": version}
        rows = [
            {**each._asdict(), "texts": each.texts._asdict(), **of}
            for each in made
            if (each.event_id, each.made_of) in as_they_are
        ]
        if rows:
            put = upsert(shared_texts)
            new = {name: put.excluded[name] for name in ("version", "made_of", "texts")}
            key = ["event_id", "granularity", "sources"]
            self._connection.execute(put.on_conflict_do_update(index_elements=key, set_=new), rows)

    def shared_texts(self, company_id: str, kind: ShareKind, version: int) -> dict[UUID, SharedTexts]:
        query = counting(version).where(significant_events.c.company_id == company_id, *_is_of(kind))
        return texts_by_event(self._connection.execute(query))

    def get(self, event_id: UUID) -> Event | None:
        c, alias = significant_events.c, event_aliases.c
        named = select(alias.event_id).where(alias.alias == event_id).scalar_subquery()
        query = select(significant_events).where(or_(c.id == named, c.id == event_id))
        # an event that vanished under its old id still has its row: the successor comes first
        row = self._connection.execute(query.order_by((c.id == event_id).asc()).limit(1)).one_or_none()
        return event_of(row) if row else None

    def counts(self) -> tuple[int, int]:
        active = select(func.count()).select_from(significant_events).where(significant_events.c.is_active)
        row = self._connection.execute(
            select(
                select(func.count()).select_from(observations).scalar_subquery(),
                active.scalar_subquery(),
            )
        ).one()
        return row[0], row[1]

    def metric_points(self, company_id: str) -> list[MetricPoint]:
        c = metric_points.c
        query = select(metric_points).where(c.company_id == company_id)
        query = query.order_by(c.as_of, c.said_at, c.metric, c.event_id)
        return [MetricPoint.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def points(self, asked: SeriesAsked, sources: Collection[str]) -> list[MetricPoint]:
        c = significant_events.c
        query = points_asked(asked).join(significant_events, c.id == metric_points.c.event_id).where(c.is_active)
        if EVERY_SOURCE not in sources:
            query = query.where(LEAD_SOURCE.in_(sorted(sources)))
        return [MetricPoint.model_validate(row._asdict()) for row in self._connection.execute(query)]


def counting(version: int) -> Select[Any]:
    """The shared texts that were made of their event as it is now, by event."""
    c = shared_texts.c
    return select(c.event_id, c.texts).join(significant_events, and_(*_counts(version)))


def texts_by_event(rows: Iterable[Row[Any]]) -> dict[UUID, SharedTexts]:
    """As that query finds them."""
    return {row.event_id: SharedTexts(**row.texts) for row in rows}


def stale_texts(company_id: str) -> ColumnElement[bool]:
    """Shared texts of what events of the company were, and are no more."""
    made, event = shared_texts.c, significant_events.c
    of_another = event.id == made.event_id, event.company_id == company_id, event.updated_at != made.made_of
    return select(event.id).where(*of_another).correlate(shared_texts).exists()


def _counts(version: int) -> tuple[ColumnElement[bool], ...]:
    made, event = shared_texts.c, significant_events.c
    return made.event_id == event.id, made.made_of == event.updated_at, made.version == version


def _is_of(kind: ShareKind) -> tuple[ColumnElement[bool], ...]:
    return shared_texts.c.granularity == kind.granularity, shared_texts.c.sources == kind.sources


def _changed_at(now: datetime) -> ColumnElement[datetime]:
    """Another than before, whatever the clock says: what was made of the event as it was does not count any more."""
    before = significant_events.c.updated_at
    return func.greatest(literal(now, before.type), before + timedelta(microseconds=1))


def _reading_order(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["company_id"], row["message_id"], row["version"], row.get("start", 0), row.get("event_type", "")


def _observation_row(observation: Observation) -> dict[str, Any]:
    row = observation.model_dump(exclude={"metrics", "stakeholders"})
    row["metrics"] = [metric.model_dump() for metric in observation.metrics]
    row["stakeholders"] = list(observation.stakeholders)
    return row


def _event_row(event: Event, now: datetime) -> dict[str, Any]:
    row = event.to_row()
    return row | {"id": event.id, "occurred_at": event.occurred_at, "created_at": now, "updated_at": now}


def event_of(row: Row[Any]) -> Event:
    """The event of its row, with or without the database's own times."""
    fields = row._asdict()
    fields["evidence"] = fields.pop("source_messages")
    for internal in ("created_at", "updated_at"):
        fields.pop(internal, None)
    return Event.model_validate(fields)
