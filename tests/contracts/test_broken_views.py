"""A firm's view that ends in the middle, in whatever way: the next user of its connection sees nothing of that firm."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from sago.api.desk import Desk
from sago.errors import SagoError, TransientError
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.tenants import PostgresTenants, PostgresView
from tests.contracts.test_tenants import counts, shared

ASLEEP = "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND wait_event = 'PgSleep'"


@pytest.fixture
def tenants(postgres: PostgresDatabase) -> Iterator[PostgresTenants]:
    """On one connection, which all views have one after the other."""
    shared(postgres)
    made = PostgresTenants(postgres.connections.settings.model_copy(update={"pool_size": 1}))
    yield made
    made.close()


@pytest.fixture
def superuser(postgres: PostgresDatabase) -> Iterator[Connections]:
    made = Connections(postgres.connections.settings, role=None)
    yield made
    made.close()


@contextmanager
def opened(tenants: PostgresTenants) -> Iterator[tuple[PostgresView, int]]:
    """Northgate's view, which has shown something, and the process that answers it."""
    with tenants.view("northgate") as view:
        assert counts(view, "acme") == [1, 3, 3, 1, 1, 1]
        yield view, view.connection.scalar(text("SELECT pg_backend_pid()"))


def by_a_mistake(tenants: PostgresTenants, _: Connections) -> int:
    with pytest.raises(ZeroDivisionError), opened(tenants) as (_view, pid):
        raise ZeroDivisionError
    return pid


def by_a_caller_who_leaves(tenants: PostgresTenants, _: Connections) -> int:
    with pytest.raises(asyncio.CancelledError), opened(tenants) as (_view, pid):
        raise asyncio.CancelledError
    return pid


def by_a_wrong_statement(tenants: PostgresTenants, _: Connections) -> int:
    with pytest.raises(SagoError), opened(tenants) as (view, pid):
        view.connection.execute(text("SELECT 1 / 0"))
    return pid


def by_the_limit_of_a_statement(tenants: PostgresTenants, _: Connections) -> int:
    with pytest.raises(TransientError, match="statement timeout"), opened(tenants) as (view, pid):
        view.connection.execute(text("SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(30)"))
    return pid


def ended_from_outside(how: str) -> Callable[[PostgresTenants, Connections], int]:
    def end(tenants: PostgresTenants, superuser: Connections) -> int:
        with pytest.raises(TransientError), opened(tenants) as (view, pid), _ending(superuser, pid, how):
            view.connection.execute(text("SELECT pg_sleep(30)"))
        return pid

    return end


@contextmanager
def _ending(superuser: Connections, pid: int, how: str) -> Iterator[None]:
    ending = threading.Thread(target=_once_asleep, args=(superuser, pid, how))
    ending.start()
    try:
        yield
    finally:
        ending.join()


def _once_asleep(superuser: Connections, pid: int, how: str) -> None:
    while True:
        with superuser.begin() as connection:
            if connection.scalar(text(ASLEEP), {"pid": pid}):
                connection.execute(text(f"SELECT {how}(:pid)"), {"pid": pid})
                return


def by_a_request_that_is_answered_before(tenants: PostgresTenants, _: Connections) -> int:
    """As a route does it whose answer has a bound: the question goes on, and nobody hears of it."""
    pids: list[int] = []
    is_over = threading.Event()

    def question() -> None:
        try:
            with opened(tenants) as (view, pid):
                pids.append(pid)
                view.connection.execute(text("SELECT pg_sleep(0.5)"))
        finally:
            is_over.set()

    with pytest.raises(TransientError, match="no answer within"):
        asyncio.run(Desk().answer(question, 0.2))
    assert is_over.wait(10)
    return pids[0]


KILLED = ended_from_outside("pg_terminate_backend")
ENDS = {
    "a mistake": by_a_mistake,
    "a caller who leaves": by_a_caller_who_leaves,
    "a wrong statement": by_a_wrong_statement,
    "the limit of a statement": by_the_limit_of_a_statement,
    "a request that is answered before": by_a_request_that_is_answered_before,
    "a cancelled statement": ended_from_outside("pg_cancel_backend"),
    "a killed connection": KILLED,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_after_a_view_that_broke_its_connection_is_nobodys(
    tenants: PostgresTenants, superuser: Connections, end: Callable[[PostgresTenants, Connections], int]
) -> None:
    broken = end(tenants, superuser)
    with tenants.connections.begin() as connection:
        pid, *state = connection.execute(
            text(
                "SELECT pg_backend_pid(), current_user, current_firm(), current_setting('transaction_read_only'), "
                "current_setting('statement_timeout'), (SELECT count(*) FROM shares)"
            )
        ).one()
    assert state == ["sago_api", None, "off", "30s", 0]
    assert (pid == broken) is (end is not KILLED), "else another connection was looked at"
    with tenants.view("alder") as view:
        assert counts(view, "acme") == [0] * 6
        assert counts(view, "birch") == [1, 3, 3, 1, 1, 1]
