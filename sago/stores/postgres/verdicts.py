"""What each watch said, one row a day: the day's last judgement stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.watches import Verdict
from sago.stores.postgres.tables import verdicts

C = verdicts.c


class PostgresVerdicts:
    """The `VerdictStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, judged: Sequence[Verdict]) -> None:
        """Rows go in by the order of their keys, so that two runs at once never deadlock."""
        if not judged:
            return
        rows = sorted(map(_row, judged), key=lambda row: (str(row["watch_id"]), row["day"]))
        row = upsert(verdicts)
        changed = {column.name: column for column in row.excluded if column.name not in ("watch_id", "day")}
        later = row.on_conflict_do_update(
            index_elements=["watch_id", "day"], set_=changed, where=row.excluded.judged_at >= C.judged_at
        )
        self._connection.execute(later, rows)

    def forget(self, firm_id: str, company_id: str) -> int:
        theirs = delete(verdicts).where(C.firm_id == firm_id, C.company_id == company_id)
        return self._connection.execute(theirs).rowcount

    def newest(self, watch_id: UUID, before: date | None = None) -> Verdict | None:
        query = select(C.detail).where(C.watch_id == watch_id).order_by(C.day.desc()).limit(1)
        if before is not None:
            query = query.where(C.day < before)
        row = self._connection.execute(query).one_or_none()
        return _verdict(row) if row else None

    def of(self, watch_id: UUID, since: date) -> list[Verdict]:
        query = select(C.detail).where(C.watch_id == watch_id, C.day >= since).order_by(C.day)
        return [_verdict(row) for row in self._connection.execute(query)]


def _row(verdict: Verdict) -> dict[str, Any]:
    return {
        "watch_id": verdict.watch.id,
        "day": verdict.as_of.date(),
        "company_id": verdict.watch.company_id,
        "firm_id": verdict.watch.firm_id,
        "outcome": verdict.outcome,
        "score": verdict.score,
        "detail": verdict.model_dump(mode="json"),
        "judged_at": verdict.as_of,
    }


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict.model_validate(row.detail)
