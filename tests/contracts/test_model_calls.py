"""One suite for the CallLedger port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from sago.domain.model_calls import Budget, CallOutcome, CallTotals, ModelCall, ModelJob, Reservation
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
        "prompt_version": "extraction-2",
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


def test_a_call_in_the_very_millisecond_counts(ledger: CallLedger) -> None:
    at = NOW + timedelta(microseconds=700)
    ledger.record(call(at=at))
    assert ledger.totals(["acme"], at).calls == 1


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


def reserved(usd: float, minutes: int = 0, company: str = "acme", for_minutes: int = 15) -> Reservation:
    at = NOW + minutes * MINUTE
    return Reservation(uuid4(), company, usd, at, at + for_minutes * MINUTE)


def test_a_reservation_counts_until_its_row_is_written(ledger: CallLedger) -> None:
    budget = Budget(company=1.0)
    first = reserved(0.6)
    assert ledger.reserve(first, budget) is None
    assert ledger.reserve(reserved(0.5), budget) == "company"
    assert ledger.reserve(reserved(0.4), budget) is None
    ledger.record(call(id=first.call_id, cost_usd=0.25))
    assert ledger.reserve(reserved(0.36), budget) == "company"
    assert ledger.reserve(reserved(0.35), budget) is None
    assert ledger.reserve(reserved(0.000000001), budget) == "company"


def test_companies_have_a_budget_each_and_one_together(ledger: CallLedger) -> None:
    budget = Budget(company=1.0, total=1.5)
    assert ledger.reserve(reserved(1.0), budget) is None
    assert ledger.reserve(reserved(0.6, company="other"), budget) == "total"
    assert ledger.reserve(reserved(0.5, company="other"), budget) is None
    assert ledger.reserve(reserved(0.1), budget) == "company"
    assert ledger.reserve(reserved(9.0), Budget()) is None
    assert ledger.reserve(reserved(0.0), Budget(company=0.0)) == "company"


def test_the_days_calls_count_and_no_earlier_ones(ledger: CallLedger) -> None:
    ledger.record(call(-9 * 60 - 1, cost_usd=5))
    ledger.record(call(-9 * 60, cost_usd=0.5))
    ledger.record(call(0, cost_usd=0.25, company_id="other"))
    assert ledger.reserve(reserved(0.51), Budget(company=1.0)) == "company"
    assert ledger.reserve(reserved(0.26), Budget(total=1.0)) == "total"
    assert ledger.reserve(reserved(0.25), Budget(company=1.0, total=1.0)) is None
    assert ledger.reserve(reserved(1.0, 24 * 60), Budget(company=1.0)) is None


def test_what_is_reserved_before_midnight_counts_after_it_too(ledger: CallLedger) -> None:
    late = 14 * 60 + 59
    assert ledger.reserve(reserved(0.6, late), Budget(total=1.0)) is None
    assert ledger.reserve(reserved(0.6, late + 2), Budget(total=1.0)) == "total"


def test_a_reservation_without_a_row_ends_by_itself(ledger: CallLedger) -> None:
    dead = reserved(1.0)
    assert ledger.reserve(dead, Budget(company=1.0)) is None
    assert ledger.reserve(reserved(1.0, 14), Budget(company=1.0)) == "company"
    assert ledger.reserve(reserved(0.5, 15), Budget(company=1.0)) is None
    ledger.record(call(15, id=dead.call_id, cost_usd=0.25))  # it was alive after all
    assert ledger.reserve(reserved(0.3, 16), Budget(company=1.0)) == "company"


def test_many_at_once_never_reserve_more_than_there_is(ledger: CallLedger) -> None:
    start = Barrier(8)

    def spend(worker: int) -> float:
        start.wait()
        spent = 0.0
        for number in range(12):
            held = reserved(0.05, company=f"c{(worker + number) % 3}")
            if ledger.reserve(held, Budget(company=0.5, total=1.0)) is None:
                spent += 0.03
                ledger.record(call(id=held.call_id, company_id=held.company_id, cost_usd=0.03))
        return spent

    with ThreadPoolExecutor(8) as pool:
        spent = sum(pool.map(spend, range(8)))
    totals = [ledger.totals([f"c{number}"], NOW).cost_usd for number in range(3)]
    assert sum(totals) == pytest.approx(spent)
    assert 0.9 < sum(totals) <= 1.0
    assert all(total <= 0.5 for total in totals)


@pytest.mark.parametrize("change", ["UPDATE model_calls SET cost_usd = 0", "DELETE FROM model_calls"])
def test_a_worker_can_only_add(postgres: PostgresDatabase, change: str) -> None:
    PostgresCallLedger(postgres.connections).record(call())
    with pytest.raises(ConfigError, match="permission denied"), postgres.connections.begin() as connection:
        connection.execute(text(change))
