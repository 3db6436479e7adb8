"""The `CallLedger` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from uuid import UUID

from sago.domain.messages import to_utc_ms
from sago.domain.model_calls import Budget, CallOutcome, CallTotals, Limit, ModelCall, Reservation


class MemoryCallLedger:
    """Rows of this process; `calls` is what was recorded, by id."""

    def __init__(self) -> None:
        self.calls: dict[UUID, ModelCall] = {}
        self.reserved: dict[UUID, Reservation] = {}
        self._lock = Lock()

    def reserve(self, reservation: Reservation, budget: Budget) -> Limit | None:
        with self._lock:
            self.reserved = {key: held for key, held in self.reserved.items() if held.until > reservation.at}
            limits: tuple[tuple[Limit, float | None], ...] = (("company", budget.company), ("total", budget.total))
            for limit, most in limits:
                of = reservation.company_id if limit == "company" else None
                if most is not None and round(self._spent(reservation.at, of) + reservation.usd, 9) > round(most, 9):
                    return limit
            self.reserved[reservation.call_id] = reservation
        return None

    def _spent(self, at: datetime, company_id: str | None) -> float:
        calls = (
            c.cost_usd for c in self.calls.values() if c.at.date() >= at.date() and company_id in (None, c.company_id)
        )
        held = (r.usd for r in self.reserved.values() if company_id in (None, r.company_id))
        return sum(calls) + sum(held)

    def record(self, call: ModelCall) -> None:
        with self._lock:
            self.reserved.pop(call.id, None)
            self.calls.setdefault(call.id, call)

    def totals(self, company_ids: Sequence[str], since: datetime) -> CallTotals:
        began = to_utc_ms(since)
        wanted = [call for call in self.calls.values() if call.company_id in company_ids and call.at >= began]
        newest = sorted(wanted, key=lambda call: (-call.at.timestamp(), call.id))
        fine = (CallOutcome.OK, CallOutcome.TRUNCATED)
        return CallTotals(
            calls=len(wanted),
            input_tokens=sum(call.input_tokens for call in wanted),
            output_tokens=sum(call.output_tokens for call in wanted),
            cost_usd=sum(call.cost_usd for call in wanted),
            refusal=next((call.error for call in newest if call.outcome is CallOutcome.REFUSED), None),
            failure=next((call.error for call in newest if call.outcome not in fine), None),
        )
