"""What is on its way from the log to the raw store: in memory and in Postgres alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sago.ports import Database
from sago.ports.connections import UNDER_WAY_FOR

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def under_way(database: Database) -> dict[str, list[str]]:
    with database.begin() as tx:
        return tx.under_way.companies({"slack:1", "slack:2"}, {"acme", "bravo"})


def test_it_is_told_by_company_until_it_ends(database: Database) -> None:
    noted = [("bravo", "slack:1"), ("acme", "slack:1"), ("acme", "slack:2"), ("others", "slack:1")]
    for _ in range(2):
        with database.begin() as tx:
            tx.under_way.note(noted, NOW)
            tx.under_way.note([], NOW)
    assert under_way(database) == {"slack:1": ["acme", "bravo"], "slack:2": ["acme"]}
    with database.begin() as tx:
        tx.under_way.end({("acme", "slack:1"), ("acme", "slack:3")})
        tx.under_way.end(set())
    assert under_way(database) == {"slack:1": ["bravo"], "slack:2": ["acme"]}


def test_what_the_log_keeps_no_more_is_under_way_no_more(database: Database) -> None:
    for message_id, after in (("slack:1", timedelta()), ("slack:2", UNDER_WAY_FOR + timedelta(seconds=1))):
        with database.begin() as tx:
            tx.under_way.note([("acme", message_id)], NOW + after)
    assert under_way(database) == {"slack:2": ["acme"]}
