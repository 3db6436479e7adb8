"""The `VerdictStore` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sago.domain.watches import Verdict
from sago.stores.memory.state import State


class MemoryVerdicts:
    """Verdicts by watch and day, of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def put(self, judged: Sequence[Verdict]) -> None:
        for verdict in judged:
            key = verdict.watch.id, verdict.as_of.date()
            before = self._state.verdicts.get(key)
            if before is None or before.as_of <= verdict.as_of:
                self._state.verdicts[key] = verdict

    def forget(self, firm_id: str, company_id: str) -> int:
        before = self._state.verdicts
        kept = {k: v for k, v in before.items() if (v.watch.firm_id, v.watch.company_id) != (firm_id, company_id)}
        self._state.verdicts = kept
        return len(before) - len(kept)

    def newest(self, watch_id: UUID, before: date | None = None) -> Verdict | None:
        mine = [verdict for verdict in self.of(watch_id, date.min) if before is None or verdict.as_of.date() < before]
        return mine[-1] if mine else None

    def of(self, watch_id: UUID, since: date) -> list[Verdict]:
        mine = [(day, verdict) for (owner, day), verdict in self._state.verdicts.items() if owner == watch_id]
        return [verdict for day, verdict in sorted(mine, key=lambda pair: pair[0]) if day >= since]
