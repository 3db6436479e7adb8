"""The `CallLedger` on Postgres: append-only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.model_calls import CallOutcome, CallTotals, ModelCall
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.tables import model_calls

_C = model_calls.c


class PostgresCallLedger:
    """Each call of it is a transaction of its own: a row stays whatever becomes of the work it was made for."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def record(self, call: ModelCall) -> None:
        with self._connections.begin() as connection:
            connection.execute(upsert(model_calls).values(**call.model_dump()).on_conflict_do_nothing())

    def totals(self, company_ids: Sequence[str], since: datetime) -> CallTotals:
        mine = _C.company_id.in_(list(company_ids)) & (_C.at >= since)
        sums = (func.coalesce(func.sum(column), 0) for column in (_C.input_tokens, _C.output_tokens, _C.cost_usd))
        refused = mine & (_C.outcome == CallOutcome.REFUSED)
        failed = mine & _C.outcome.not_in([CallOutcome.OK, CallOutcome.TRUNCATED])
        query = select(func.count(), *sums, _newest_error(refused), _newest_error(failed)).where(mine)
        with self._connections.begin() as connection:
            calls, tokens_in, tokens_out, cost, refusal, failure = connection.execute(query).one()
        return CallTotals(calls, int(tokens_in), int(tokens_out), float(cost), refusal, failure)


def _newest_error(which: ColumnElement[bool]) -> ScalarSelect[str | None]:
    newest = select(_C.error).where(which).order_by(_C.at.desc(), _C.id).limit(1)
    return newest.correlate(None).scalar_subquery()  # a query of its own, not one about the outer one's row
