"""What only the in-memory database can show: a transaction is invisible until it ends, and one that hangs is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sago.errors import TransientError
from sago.stores.memory import database as memory
from sago.stores.memory.database import MemoryDatabase

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_nothing_is_committed_before_the_end() -> None:
    database = MemoryDatabase()
    with database.begin() as tx:
        tx.companies.ensure("acme", NOW)
        assert database.state.companies == {}
    assert list(database.state.companies) == ["acme"]


def test_a_transaction_inside_another_is_refused_instead_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LOCK_TIMEOUT", 0.01)
    database = MemoryDatabase()
    with database.begin(), pytest.raises(TransientError, match="another transaction"), database.begin():
        pass
