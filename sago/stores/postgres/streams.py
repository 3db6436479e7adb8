"""How far what is connected has been read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.connections import ConnectionState, Refresh, Stream, Window
from sago.stores.postgres.tables import connections, refreshes, streams

c = streams.c
FENCE = func.nextval("stream_fences")
IDENTITY = ("connection_id", "name")


class PostgresStreams:
    """The `StreamStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure(self, connection_id: UUID, names: Collection[str], now: datetime) -> None:
        self._connection.execute(delete(streams).where(self._ours(connection_id, c.name.not_in(list(names)))))
        rows = [_row(Stream(connection_id=connection_id, name=name, due_at=now)) for name in sorted(names)]
        if rows:
            fenced = [{**row, "fence": FENCE} for row in rows]
            self._connection.execute(upsert(streams).values(fenced).on_conflict_do_nothing())

    def of(self, connection_id: UUID) -> list[Stream]:
        return self._read(select(streams).where(c.connection_id == connection_id).order_by(c.name))

    def all(self) -> list[Stream]:
        return self._read(select(streams).order_by(c.connection_id, c.name))

    def queue(
        self, now: datetime, until: datetime, limit: int = 100, connection_id: UUID | None = None
    ) -> list[Stream]:
        waiting = select(c.connection_id, c.name).where(or_(c.queued_until.is_(None), c.queued_until <= now))
        if connection_id is not None:
            waiting = waiting.where(c.connection_id == connection_id)
        found = _due(waiting, now, limit)
        mine = found.with_for_update(skip_locked=True, of=streams).cte("mine")
        queued = update(streams).where(c.connection_id == mine.c.connection_id, c.name == mine.c.name)
        rows = self._connection.execute(queued.values(queued_until=until).returning(streams))
        return sorted((_stream(row) for row in rows), key=lambda each: (each.due_at, each.connection_id, each.name))

    def unqueue(self, connection_id: UUID, names: Collection[str], until: datetime) -> None:
        unsent = self._ours(connection_id, c.name.in_(list(names)))
        self._connection.execute(update(streams).where(unsent, c.queued_until == until).values(queued_until=None))

    def queue_refreshes(self, now: datetime, until: datetime, limit: int = 100) -> list[UUID]:
        known, r = connections.c, refreshes.c
        is_due = or_(r.due_at.is_(None), r.due_at <= now)
        wanted = select(known.id, literal(until), literal(0), literal(""))
        wanted = wanted.select_from(connections.outerjoin(refreshes, r.connection_id == known.id))
        wanted = wanted.where(known.state == ConnectionState.ACTIVE, is_due).order_by(known.id).limit(limit)
        kept = upsert(refreshes).from_select(["connection_id", "due_at", "failures", "error"], wanted)
        again = kept.on_conflict_do_update(
            index_elements=["connection_id"], set_={"due_at": until}, where=r.due_at <= now
        )
        return sorted(self._connection.scalars(again.returning(r.connection_id)))

    def refresh(self, connection_id: UUID) -> Refresh | None:
        query = select(refreshes).where(refreshes.c.connection_id == connection_id)
        row = self._connection.execute(query).one_or_none()
        return Refresh.model_validate(row._asdict()) if row else None

    def keep_refresh(self, refresh: Refresh) -> None:
        row = refresh.model_dump()
        there = select(*(literal(value) for value in row.values()))
        there = there.where(select(connections.c.id).where(connections.c.id == refresh.connection_id).exists())
        kept = upsert(refreshes).from_select(list(row), there)
        changed = {name: value for name, value in row.items() if name != "connection_id"}
        self._connection.execute(kept.on_conflict_do_update(index_elements=["connection_id"], set_=changed))

    def wake(self, connection_id: UUID, names: Collection[str], now: datetime) -> None:
        earlier = case((and_(c.failures == 0, c.due_at > now), now), else_=c.due_at)
        woken = self._ours(connection_id, c.name.in_(list(names)))
        self._connection.execute(update(streams).where(woken).values(woken=True, due_at=earlier))

    def claim(self, connection_id: UUID, name: str, now: datetime, until: datetime) -> Stream | None:
        ours = update(streams).where(c.connection_id == connection_id, c.name == name, _is_free(now))
        ours = ours.values(lease_until=until, queued_until=None, fence=FENCE, woken=False)
        row = self._connection.execute(ours.returning(streams)).one_or_none()
        return _stream(row) if row else None

    def write(self, stream: Stream) -> bool:
        return self._connection.execute(_kept(stream)).rowcount > 0

    def release(self, stream: Stream) -> None:
        is_due = and_(c.woken, c.due_at < stream.due_at)
        again = stream.due_at if stream.failures else case((is_due, c.due_at), else_=stream.due_at)
        ended = stream.model_copy(update={"lease_until": None})
        self._connection.execute(_kept(ended).values(due_at=again))

    def _ours(self, connection_id: UUID, which: ColumnElement[bool]) -> ColumnElement[bool]:
        """Those streams, locked by name: two who change several never wait for each other."""
        ours = select(c.name).where(c.connection_id == connection_id, which).order_by(c.name)
        names = list(self._connection.scalars(ours.with_for_update()))
        return and_(c.connection_id == connection_id, c.name.in_(names))

    def _read(self, query: Select[Any]) -> list[Stream]:
        return [_stream(row) for row in self._connection.execute(query)]


def _due(query: Select[Any], now: datetime, limit: int) -> Select[Any]:
    is_active = connections.c.state == ConnectionState.ACTIVE
    due = query.join(connections, connections.c.id == c.connection_id).where(is_active, c.due_at <= now, _is_free(now))
    return due.order_by(c.due_at, c.connection_id, c.name).limit(limit)


def _is_free(now: datetime) -> Any:
    return or_(c.lease_until.is_(None), c.lease_until <= now)


def _kept(stream: Stream) -> Any:
    row = {name: value for name, value in _row(stream).items() if name not in (*IDENTITY, "woken", "fence")}
    mine = update(streams).where(c.connection_id == stream.connection_id, c.name == stream.name)
    return mine.where(c.fence == stream.fence).values(**row)


def _row(stream: Stream) -> dict[str, Any]:
    row = stream.model_dump(exclude={"window"})
    start, end = stream.window or (None, None)
    return {**row, "window_start": start, "window_end": end}


def _stream(row: Row[Any]) -> Stream:
    values = row._asdict()
    start, end = values.pop("window_start"), values.pop("window_end")
    return Stream.model_validate({**values, "window": None if start is None else Window(start, end)})
