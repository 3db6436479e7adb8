"""On which days messages were said: in memory and in Postgres alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from sago.domain.connections import Connection, Heard, connection_id_of
from sago.domain.rhythm import BASELINE
from sago.ports import Database

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SLACK = connection_id_of("slack", "T1")


def connected(database: Database) -> None:
    with database.begin() as tx:
        tx.connections.save(Connection(id=SLACK, source="slack", account="T1", name="T1", created_at=NOW))


def test_days_are_kept_by_container_each_with_its_newest_moment(database: Database) -> None:
    connected(database)
    earlier = NOW - timedelta(hours=3)
    for said in ({"C1": [earlier, NOW], "": [NOW]}, {"C1": [earlier, NOW - timedelta(days=2)]}, {}):
        with database.begin() as tx:
            tx.heard.note(SLACK, "acme", said)
            tx.heard.note(SLACK, "acme", said)
    with database.begin() as tx:
        assert tx.heard.all() == [
            Heard(SLACK, "", frozenset({date(2026, 11, 3)}), date(2026, 11, 3), NOW),
            Heard(SLACK, "C1", frozenset({date(2026, 11, 1), date(2026, 11, 3)}), date(2026, 11, 1), NOW),
        ]


def test_what_is_usual_is_told_of_the_time_before_the_newest_and_the_oldest_day_beside_it(database: Database) -> None:
    connected(database)
    days = [0, BASELINE.days - 1, BASELINE.days, 900]
    with database.begin() as tx:
        tx.heard.note(SLACK, "acme", {"C1": [NOW - timedelta(days=each) for each in days]})
        (found,) = tx.heard.all()
        tx.heard.forget(uuid4())
        assert tx.heard.all() == [found]
        tx.heard.note(SLACK, "bolt", {"C1": [NOW]})
        tx.heard.forget(SLACK, "bolt")
        assert tx.heard.all() == [found]
        tx.heard.forget(SLACK)
        assert tx.heard.all() == []
    assert found.days == {NOW.date(), NOW.date() - BASELINE + timedelta(days=1)}
    assert found.oldest == NOW.date() - timedelta(days=900)


def test_of_a_connection_that_is_gone_nothing_is_kept(database: Database) -> None:
    with database.begin() as tx:
        tx.heard.note(uuid4(), "acme", {"C1": [NOW]})
        assert tx.heard.all() == []
