"""One suite for the CallLedger port, run on memory and on Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from sago.domain.model_calls import CallOutcome, CallTotals, ModelCall, ModelJob
from sago.errors import ConfigError
from sago.ports import CallLedger
from sago.stores.memory.model_calls import MemoryCallLedger
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.model_calls import PostgresCallLedger

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["memory", "postgres"])
def ledger(request: pytest.FixtureRequest) -> CallLedger:
    if request.param == "memory":
        return MemoryCallLedger()
    database: PostgresDatabase = request.getfixturevalue("postgres")
    return PostgresCallLedger(database.connections)


def call(minutes: int = 0, **other: Any) -> ModelCall:
    fields: dict[str, Any] = {
        "id": uuid4(),
        "at": NOW + minutes * MINUTE,
        "company_id": "acme",
        "provider": "gemini",
        "model": "gemini-test",
        "job": ModelJob.EXTRACTION,
        "prompt_version": "extraction-1",
        "input_tokens": 1000,
        "output_tokens": 10,
        "cost_usd": 0.00212,
        "latency_ms": 850,
        "outcome": CallOutcome.OK,
    }
    return ModelCall(**(fields | other))


def test_a_call_is_kept_once_whatever_became_of_it(ledger: CallLedger) -> None:
    assert ledger.totals(["acme"], NOW) == CallTotals()
    first = call()
    for each in (first, first, *(call(outcome=outcome) for outcome in CallOutcome)):
        ledger.record(each)
    totals = ledger.totals(["acme"], NOW)
    assert totals[:3] == (7, 7000, 70)
    assert totals.cost_usd == pytest.approx(7 * 0.00212)


def test_totals_are_of_these_companies_from_a_moment_on(ledger: CallLedger) -> None:
    for each in (call(-1), call(0), call(1, company_id="other"), call(2, company_id="third", job=ModelJob.LETTER)):
        ledger.record(each)
    assert ledger.totals(["acme"], NOW).calls == 1
    assert ledger.totals(["acme", "third"], NOW).calls == 2
    assert ledger.totals([], NOW).calls == 0


def test_the_newest_reasons_are_told(ledger: CallLedger) -> None:
    ledger.record(call(1, outcome=CallOutcome.REFUSED, error="bad key"))
    ledger.record(call(2, outcome=CallOutcome.REFUSED, error="bad model"))
    ledger.record(call(3, outcome=CallOutcome.FAILED, error="429"))
    ledger.record(call(4, outcome=CallOutcome.TRUNCATED, error=None))
    ledger.record(call(5, company_id="other", outcome=CallOutcome.REFUSED, error="not ours"))
    assert ledger.totals(["acme"], NOW)[4:] == ("bad model", "429")
    assert ledger.totals(["acme"], NOW + 3 * MINUTE)[4:] == (None, "429")
    assert ledger.totals(["acme"], NOW + 4 * MINUTE)[4:] == (None, None)


@pytest.mark.parametrize("change", ["UPDATE model_calls SET cost_usd = 0", "DELETE FROM model_calls"])
def test_a_worker_can_only_add(postgres: PostgresDatabase, change: str) -> None:
    PostgresCallLedger(postgres.connections).record(call())
    with pytest.raises(ConfigError, match="permission denied"), postgres.connections.begin() as connection:
        connection.execute(text(change))
