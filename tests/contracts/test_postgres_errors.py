"""Which of Postgres's own errors pass, asked of a real server."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sago.errors import PermanentError, TransientError
from sago.stores.postgres import PostgresDatabase

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{}'; END $$"


def test_a_server_that_only_reads_is_asked_again(postgres: PostgresDatabase) -> None:
    script = text("SET TRANSACTION READ ONLY; DELETE FROM plans")
    with pytest.raises(TransientError, match="read-only transaction"), postgres.connections.begin() as connection:
        connection.execute(script)


def test_a_client_that_vanishes_is_given_up_within_a_minute(postgres: PostgresDatabase) -> None:
    """Its locks fall with it."""
    with postgres.connections.begin() as connection:
        idle, interval, count = (
            int(connection.execute(text(f"SHOW tcp_keepalives_{name}")).scalar_one())
            for name in ("idle", "interval", "count")
        )
    assert 0 < idle + interval * count <= 60


@pytest.mark.parametrize(
    ("code", "kind"), [("58030", TransientError), ("XX000", TransientError), ("22001", PermanentError)]
)
def test_an_error_of_the_machine_passes_one_of_the_data_does_not(
    postgres: PostgresDatabase, code: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="so it is"), postgres.connections.begin() as connection:
        connection.execute(text(RAISE.format(code)))
