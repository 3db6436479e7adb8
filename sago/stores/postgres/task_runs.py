"""Started tasks, `task_runs`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, delete, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.pages import RunsAsked
from sago.domain.tasks import TaskRun
from sago.stores.postgres.tables import task_runs

SHOWN = [task_runs.c[name] for name in TaskRun.model_fields if name != "idempotency_key"]
"""What a firm reads of its own."""


class PostgresTaskRuns:
    """The `TaskRunStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, run: TaskRun) -> bool:
        row = upsert(task_runs).values(**run.model_dump()).on_conflict_do_nothing()
        return self._connection.execute(row).rowcount == 1

    def get(self, run_id: UUID) -> TaskRun | None:
        row = self._connection.execute(select(task_runs).where(task_runs.c.id == run_id)).one_or_none()
        return run_of(row) if row else None

    def of_house(self, asked: RunsAsked) -> list[TaskRun]:
        query = newest_runs(select(task_runs).where(task_runs.c.firm_id.is_(None)), asked)
        return [run_of(row) for row in self._connection.execute(query)]

    def forget(self, before: datetime) -> None:
        self._connection.execute(delete(task_runs).where(task_runs.c.started_at < before))


def newest_runs(query: Select[Any], asked: RunsAsked) -> Select[Any]:
    """The page of these rows."""
    c = task_runs.c
    if asked.after is not None:
        place = tuple_(literal(asked.after.at, c.started_at.type), literal(asked.after.row, c.id.type))
        query = query.where(tuple_(c.started_at, c.id) < place)
    return query.order_by(c.started_at.desc(), c.id.desc()).limit(asked.limit)


def run_of(row: Row[Any]) -> TaskRun:
    """The run in a row."""
    return TaskRun.model_validate(row._asdict())
