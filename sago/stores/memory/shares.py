"""The `ShareStore` in memory."""

from __future__ import annotations

from datetime import datetime

from sago.domain.companies import Share, ShareKind
from sago.errors import PermanentError
from sago.ports import SHARE_ERASED
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

    def ended(self, by: datetime) -> list[Share]:
        ended = [
            share for share in self._state.shares.values() if not share.holds_at(by) and not self._is_erased(share)
        ]
        return sorted(ended, key=lambda share: (share.until or by, share.company_id, share.firm_id))

    def _is_erased(self, share: Share) -> bool:
        told = (each for each in self._state.audit_log if each.action == SHARE_ERASED)
        return any(
            each.subject == share.name and share.until and each.at >= max(share.until, share.created_at)
            for each in told
        )

    def kinds(self, now: datetime) -> list[tuple[str, ShareKind]]:
        less = [each for each in self._state.shares.values() if not each.kind.is_whole]
        return sorted({(share.company_id, share.kind) for share in less if share.holds_at(now)})

    def put(self, share: Share) -> None:
        if share.firm_id not in self._state.firms or share.company_id not in self._state.companies:
            raise PermanentError(f"share of {share.company_id} with {share.firm_id}: one of them is not known")
        self._state.shares[share.firm_id, share.company_id] = share
