"""What people started by name: kept by the house, and read by the firm that started it, on memory and on Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from sago.domain.pages import Place, RunsAsked
from sago.domain.tasks import TaskRun
from sago.ports import Database, Tenants

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def run(number: int, firm_id: str | None = None, **other: Any) -> TaskRun:
    fields: dict[str, Any] = {
        "id": UUID(int=number),
        "name": "outreach.judge",
        "arguments": {"watch_id": None, "as_of": "2026-03-02"},
        "firm_id": firm_id,
        "who": "key:1f0c93ab",
        "idempotency_key": "a key",
        "started_at": NOW + timedelta(seconds=number),
    }
    return TaskRun(**(fields | other))


@pytest.fixture
def kept(database: Database) -> Database:
    with database.begin() as tx:
        for firm in ("alba", "corvo"):
            tx.shares.ensure_firm(firm, firm.capitalize())
        for each in (
            run(1),
            run(2, "alba"),
            run(3, "corvo"),
            run(4),
            run(5, "alba"),
            run(6, started_at=run(4).started_at),
        ):
            assert tx.task_runs.add(each)
    return database


def test_a_run_is_kept_once_and_found_whole(kept: Database) -> None:
    with kept.begin() as tx:
        assert not tx.task_runs.add(run(2, "corvo", name="upkeep.reap"))
        assert tx.task_runs.get(UUID(int=2)) == run(2, "alba")
        assert tx.task_runs.get(UUID(int=9)) is None


def test_the_house_reads_what_the_house_started_in_pages(kept: Database) -> None:
    with kept.begin() as tx:
        whole = tx.task_runs.of_house(RunsAsked())
        assert [each.id.int for each in whole] == [6, 4, 1]
        after = Place(whole[0].started_at, str(whole[0].id))
        assert tx.task_runs.of_house(RunsAsked(after=after)) == whole[1:]
        assert tx.task_runs.of_house(RunsAsked(after=after, limit=1)) == whole[1:2]


def test_what_was_started_long_ago_is_forgotten(kept: Database) -> None:
    with kept.begin() as tx:
        tx.task_runs.forget(run(4).started_at)
        assert [each.id.int for each in tx.task_runs.of_house(RunsAsked())] == [6, 4]
        assert [tx.task_runs.get(UUID(int=number)) for number in (1, 2, 3)] == [None] * 3
        assert tx.task_runs.get(UUID(int=5)) is not None


@pytest.mark.parametrize(("firm", "mine"), [("alba", [5, 2]), ("corvo", [3]), ("nobody", [])])
def test_a_firm_reads_its_own_and_not_under_which_key(
    kept: Database, tenants: Tenants, firm: str, mine: list[int]
) -> None:
    with tenants.view(firm) as view:
        found = view.task_runs(RunsAsked())
        assert [each.id.int for each in found] == mine
        assert {view.task_run(UUID(int=number)) is not None for number in mine} <= {True}
        assert not any(view.task_run(UUID(int=number)) for number in range(8) if number not in mine)
        assert all(each.idempotency_key is None for each in found)
        if found:
            after = Place(found[0].started_at, str(found[0].id))
            assert view.task_runs(RunsAsked(after=after)) == found[1:]
