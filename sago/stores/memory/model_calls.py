"""The `CallLedger` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sago.domain.model_calls import CallOutcome, CallTotals, ModelCall


class MemoryCallLedger:
    """Rows of this process; `calls` is what was recorded, by id."""

    def __init__(self) -> None:
        self.calls: dict[UUID, ModelCall] = {}

    def record(self, call: ModelCall) -> None:
        self.calls.setdefault(call.id, call)

    def totals(self, company_ids: Sequence[str], since: datetime) -> CallTotals:
        wanted = [call for call in self.calls.values() if call.company_id in company_ids and call.at >= since]
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
