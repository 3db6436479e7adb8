"""The `ShareStore` in memory."""

from __future__ import annotations

from sago.domain.companies import Share
from sago.errors import PermanentError
from sago.stores.memory.state import State


class MemoryShares:
    """Firms and shares of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def ensure_firm(self, firm_id: str, name: str) -> None:
        self._state.firms.setdefault(firm_id, name)

    def firms(self) -> dict[str, str]:
        return dict(sorted(self._state.firms.items()))

    def of(self, *company_ids: str) -> list[Share]:
        found = [share for share in self._state.shares.values() if share.company_id in company_ids]
        return sorted(found, key=lambda share: (share.company_id, share.firm_id))

    def get(self, firm_id: str, company_id: str) -> Share | None:
        return self._state.shares.get((firm_id, company_id))

    def put(self, share: Share) -> None:
        if share.firm_id not in self._state.firms or share.company_id not in self._state.companies:
            raise PermanentError(f"share of {share.company_id} with {share.firm_id}: one of them is not known")
        self._state.shares[share.firm_id, share.company_id] = share
