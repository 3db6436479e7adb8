"""Dead letters, watermarks and ticks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.batches import DeadLetter, Progress, Tick, TickRun, TickState
from sago.domain.messages import to_utc_ms
from sago.domain.pages import DeadLettersAsked
from sago.stores.postgres.tables import bridge_progress, dead_letters, plans, ticks

IS_NEW: ColumnClause[bool] = literal_column("(xmax = 0)")
"""Of a row that an upsert returns: inserted, not updated."""


class PostgresLedger:
    """The `Ledger` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_dead_letters(self, letters: Sequence[DeadLetter]) -> int:
        """A replayed letter that failed again is open again; that is not a new origin."""
        newest = {letter.origin: letter for letter in sorted(letters, key=lambda letter: letter.failed_at)}
        if not newest:
            return 0
        statement = upsert(dead_letters)
        again = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=["origin"],
            set_={name: again[name] for name in ("error", "error_type", "failed_at", "attempts", "replayed_at")},
            where=dead_letters.c.replayed_at <= again.failed_at,
        )
        rows = [letter.model_dump() for _, letter in sorted(newest.items())]
        return sum(self._connection.scalars(statement.returning(IS_NEW), rows))

    def dead_letters(
        self, *, topic: str | None = None, within: str = "", error: str = "", replayed: bool = False, limit: int = 100
    ) -> list[DeadLetter]:
        c = dead_letters.c
        query = select(dead_letters).order_by(c.failed_at.desc(), c.origin).limit(limit)
        query = query.where(c.origin.startswith(within, autoescape=True), c.error.startswith(error, autoescape=True))
        if topic is not None:
            query = query.where(c.topic == topic)
        if not replayed:
            query = query.where(c.replayed_at.is_(None))
        return [DeadLetter.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def dead_letters_asked(self, asked: DeadLettersAsked) -> list[DeadLetter]:
        c = dead_letters.c
        query = select(*(each for each in c if each is not c.value))
        for column in (c.topic, c.company_id, c.error_type):
            if (wanted := getattr(asked, column.name)) is not None:
                query = query.where(column == wanted)
        if asked.is_replayed is not None:
            query = query.where(c.replayed_at.is_not(None) if asked.is_replayed else c.replayed_at.is_(None))
        if asked.after is not None:
            place = tuple_(literal(asked.after.at, c.failed_at.type), literal(asked.after.id, c.origin.type))
            query = query.where(tuple_(c.failed_at, c.origin) < place)
        query = query.order_by(c.failed_at.desc(), c.origin.desc()).limit(asked.limit)
        return [DeadLetter.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def dead_letter(self, origin: str) -> DeadLetter | None:
        query = select(dead_letters).where(dead_letters.c.origin == origin)
        row = self._connection.execute(query).one_or_none()
        return DeadLetter.model_validate(row._asdict()) if row else None

    def dead_letters_called(self, short: str) -> list[str]:
        c = dead_letters.c
        digest = func.encode(func.sha256(func.convert_to(c.origin, "UTF8")), "hex")
        return list(self._connection.scalars(select(c.origin).where(func.left(digest, 8) == short).order_by(c.origin)))

    def dead_letter_counts(self) -> dict[str, int]:
        c = dead_letters.c
        query = select(c.topic, func.count()).where(c.replayed_at.is_(None)).group_by(c.topic)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def known_origins(self, origins: Sequence[str]) -> set[str]:
        if not origins:
            return set()
        query = select(dead_letters.c.origin).where(dead_letters.c.origin.in_(list(origins)))
        return set(self._connection.scalars(query))

    def mark_replayed(self, origin: str, at: datetime) -> bool:
        is_open = (dead_letters.c.origin == origin) & dead_letters.c.replayed_at.is_(None)
        replayed = update(dead_letters).where(is_open).values(replayed_at=to_utc_ms(at))
        return self._connection.execute(replayed).rowcount == 1

    def withdraw(self, message_id: str, within: str, but: str, at: datetime) -> None:
        c = dead_letters.c
        theirs = (c.message_id == message_id) & c.origin.startswith(within, autoescape=True) & (c.origin != but)
        closed = update(dead_letters).where(theirs, c.replayed_at.is_(None))
        self._connection.execute(closed.values(value=b"", replayed_at=to_utc_ms(at)))

    def save_progress(self, progress: Sequence[Progress], at: datetime) -> None:
        highest = {each[:3]: each for each in sorted(progress)}
        if not highest:
            return
        statement = upsert(bridge_progress)
        statement = statement.on_conflict_do_update(
            index_elements=["log_id", "topic", "partition"],
            set_={"watermark": statement.excluded.watermark, "updated_at": at},
            where=bridge_progress.c.watermark < statement.excluded.watermark,
        )
        self._connection.execute(statement, [each._asdict() | {"updated_at": at} for each in highest.values()])

    def progress(self, log_id: str) -> list[Progress]:
        c = bridge_progress.c
        query = select(c.log_id, c.topic, c.partition, c.watermark).where(c.log_id == log_id)
        return [Progress(*row) for row in self._connection.execute(query.order_by(c.topic, c.partition))]

    def last_progress(self) -> dict[str, datetime]:
        c = bridge_progress.c
        query = select(c.topic, func.max(c.updated_at)).group_by(c.topic)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def planned_since(self, job: str, cron: str, now: datetime) -> datetime:
        line = upsert(plans).values(job=job, cron=cron, since=now)
        line = line.on_conflict_do_update(
            index_elements=["job"], set_={"cron": cron, "since": now}, where=plans.c.cron != cron
        )
        self._connection.execute(line)
        since: datetime = self._connection.execute(select(plans.c.since).where(plans.c.job == job)).scalar_one()
        return since

    def tick_runs(self, job: str, since: datetime) -> dict[datetime, TickRun]:
        c = ticks.c
        query = select(c.due_at, c.state, c.lease_until, c.attempts).where(c.job == job, c.due_at >= since)
        return {
            row.due_at: TickRun(TickState(row.state), row.lease_until, row.attempts)
            for row in self._connection.execute(query)
        }

    def hours_ago(self, job: str, count: int) -> datetime | None:
        c = ticks.c
        hour = func.date_trunc("hour", c.due_at).label("hour")
        hours = select(hour).where(c.job == job, c.state == TickState.DONE).distinct().order_by(hour.desc())
        at: datetime | None = self._connection.scalar(hours.offset(count).limit(1))
        return at

    def skip_ticks(self, missed: Sequence[Tick], now: datetime) -> None:
        if not missed:
            return
        skipped = upsert(ticks).on_conflict_do_update(
            index_elements=["job", "due_at"], set_={"state": TickState.SKIPPED}, where=_is_open(now)
        )
        new = {"state": TickState.SKIPPED, "lease_until": now, "attempts": 0}
        self._connection.execute(skipped, [tick._asdict() | new for tick in sorted(missed)])

    def begin_tick(self, tick: Tick, lease_until: datetime, now: datetime) -> bool:
        row: dict[str, Any] = tick._asdict() | {
            "state": TickState.RUNNING,
            "lease_until": lease_until,
            "attempts": 1,
        }
        taken = upsert(ticks).values(**row)
        taken = taken.on_conflict_do_update(
            index_elements=["job", "due_at"],
            set_={"lease_until": lease_until, "attempts": ticks.c.attempts + 1},
            where=_is_open(now),
        )
        return self._connection.execute(taken).rowcount == 1

    def end_tick(self, tick: Tick) -> None:
        mine = update(ticks).where(ticks.c.job == tick.job, ticks.c.due_at == tick.due_at)
        self._connection.execute(mine.values(state=TickState.DONE))

    def release_tick(self, tick: Tick, now: datetime) -> None:
        mine = update(ticks).where(ticks.c.job == tick.job, ticks.c.due_at == tick.due_at)
        self._connection.execute(mine.values(lease_until=now))


def _is_open(now: datetime) -> ColumnElement[bool]:
    return (ticks.c.state == TickState.RUNNING) & (ticks.c.lease_until <= now)
