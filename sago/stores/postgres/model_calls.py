"""The `CallLedger` on Postgres: calls are only appended, reservations come and go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, ScalarSelect, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.messages import to_utc_ms
from sago.domain.model_calls import Budget, CallOutcome, CallTotals, Limit, ModelCall, Reservation
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.tables import model_calls, model_reservations

_C = model_calls.c
_R = model_reservations.c
_LOCK = func.hashtext("sago.budget")
_PLACES = Decimal("1e-9")
"""As exactly as costs are kept."""


class PostgresCallLedger:
    """Each call of it is a transaction of its own: a row stays whatever becomes of the work it was made for."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def reserve(self, reservation: Reservation, budget: Budget) -> Limit | None:
        with self._connections.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            connection.execute(delete(model_reservations).where(_R.until <= reservation.at))
            spent = _spent(connection, reservation)
            limits: tuple[tuple[Limit, float | None], ...] = (("company", budget.company), ("total", budget.total))
            for (limit, most), so_far in zip(limits, spent, strict=True):
                if most is not None and so_far + _usd(reservation.usd) > _usd(most):
                    return limit
            connection.execute(insert(model_reservations).values(**reservation._asdict()))
        return None

    def record(self, call: ModelCall) -> None:
        with self._connections.begin() as connection:
            connection.execute(delete(model_reservations).where(_R.call_id == call.id))
            connection.execute(upsert(model_calls).values(**call.model_dump()).on_conflict_do_nothing())

    def totals(self, company_ids: Sequence[str], since: datetime) -> CallTotals:
        mine = _C.company_id.in_(list(company_ids)) & (_C.at >= to_utc_ms(since))
        sums = (func.coalesce(func.sum(column), 0) for column in (_C.input_tokens, _C.output_tokens, _C.cost_usd))
        refused = mine & (_C.outcome == CallOutcome.REFUSED)
        failed = mine & _C.outcome.not_in([CallOutcome.OK, CallOutcome.TRUNCATED])
        query = select(func.count(), *sums, _newest_error(refused), _newest_error(failed)).where(mine)
        with self._connections.begin() as connection:
            calls, tokens_in, tokens_out, cost, refusal, failure = connection.execute(query).one()
        return CallTotals(calls, int(tokens_in), int(tokens_out), float(cost), refusal, failure)


def _spent(connection: Connection, reservation: Reservation) -> tuple[Decimal, Decimal]:
    """By the company and in all: what the day's calls cost and what is reserved, in one look, so that a call which is
    recorded meanwhile is seen as one of the two."""
    midnight = datetime.combine(reservation.at.date(), time(), reservation.at.tzinfo)
    of_company = reservation.company_id
    zero = Decimal(0)
    calls, held = func.sum(_C.cost_usd), func.sum(_R.usd)
    row = connection.execute(
        select(
            select(calls.filter(_C.company_id == of_company)).where(_C.at >= midnight).scalar_subquery(),
            select(held.filter(_R.company_id == of_company)).scalar_subquery(),
            select(calls).where(_C.at >= midnight).scalar_subquery(),
            select(held).scalar_subquery(),
        )
    ).one()
    costs = [value or zero for value in row]
    return costs[0] + costs[1], costs[2] + costs[3]


def _usd(value: float) -> Decimal:
    return Decimal(value).quantize(_PLACES)


def _newest_error(which: ColumnElement[bool]) -> ScalarSelect[str | None]:
    newest = select(_C.error).where(which).order_by(_C.at.desc(), _C.id).limit(1)
    return newest.correlate(None).scalar_subquery()  # a query of its own, not one about the outer one's row
