"""Connections, and how far their streams were read: in memory and in Postgres alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sago.domain.connections import Connection, ConnectionState, Refresh, Route, Stream, Window, connection_id_of
from sago.ports import Database

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SLACK = Connection(
    id=connection_id_of("slack", "T1"), source="slack", account="T1", name="Scaleflow", created_at=NOW, since=NOW
)


def connected(database: Database, *names: str) -> None:
    with database.begin() as tx:
        tx.connections.save(SLACK)
        tx.streams.ensure(SLACK.id, names or ("C1",), NOW)


def claim(database: Database, now: datetime = NOW, name: str = "C1") -> Stream | None:
    with database.begin() as tx:
        return tx.streams.claim(SLACK.id, name, now, now + timedelta(minutes=5))


def test_a_connection_is_replaced_and_keeps_its_token_and_its_routes(database: Database) -> None:
    connected(database)
    with database.begin() as tx:
        tx.connections.save(
            SLACK.model_copy(update={"created_at": LATER, "connected_at": LATER, "containers": ("C1", "C2")})
        )
        tx.connections.keep_token(SLACK.id, b"one")
        tx.connections.keep_token(SLACK.id, b"two")
        for key, company in (("b.example", "b"), ("a.example", "b"), ("a.example", "a")):
            tx.connections.route(Route(connection_id=SLACK.id, kind="domain", key=key, company_id=company))
    with database.begin() as tx:
        found = tx.connections.find("slack", "T1")
        assert found == SLACK.model_copy(
            update={"created_at": LATER, "connected_at": LATER, "containers": ("C1", "C2")}
        )
        assert tx.connections.find("slack", "T2") is None
        assert tx.connections.all() == [found]
        assert tx.connections.token(SLACK.id, lock=True) == b"two"
        assert [(route.key, route.company_id) for route in tx.connections.routes(SLACK.id)] == [
            ("a.example", "a"),
            ("b.example", "b"),
        ]
        for _ in range(2):
            tx.connections.unroute(SLACK.id, "domain", "b.example")
        assert [route.key for route in tx.connections.routes(SLACK.id)] == ["a.example"]
        tx.connections.forget_token(SLACK.id)
        assert tx.connections.token(SLACK.id) is None
        tx.connections.save(SLACK.model_copy(update={"company_id": "c"}))
        tx.connections.save(SLACK)
        assert tx.connections.served(SLACK.id) == ["a", "b", "c"], "those whose route is gone as well"


def test_streams_that_are_not_named_any_more_go_and_the_others_stay_as_they_are(database: Database) -> None:
    connected(database, "C1", "C2")
    ours = claim(database)
    assert ours is not None
    with database.begin() as tx:
        tx.streams.release(ours.model_copy(update={"taken": 5, "due_at": LATER}))
        tx.streams.ensure(SLACK.id, ["C1", "C3"], LATER)
        assert [(each.name, each.taken) for each in tx.streams.of(SLACK.id)] == [("C1", 5), ("C3", 0)]


def test_one_reader_at_a_time_and_what_an_earlier_one_writes_late_is_refused(database: Database) -> None:
    connected(database)
    first = claim(database)
    assert first is not None
    assert claim(database, NOW + timedelta(minutes=4)) is None
    second = claim(database, LATER)
    assert second is not None
    assert second.fence > first.fence
    with database.begin() as tx:
        assert not tx.streams.write(first.model_copy(update={"taken": 1}))
        tx.streams.release(first.model_copy(update={"taken": 1}))
    with database.begin() as tx:
        (kept,) = tx.streams.of(SLACK.id)
    assert kept == second


def test_a_reader_of_a_stream_that_was_made_anew_meanwhile_is_refused(database: Database) -> None:
    connected(database)
    first = claim(database)
    assert first is not None
    with database.begin() as tx:
        tx.streams.ensure(SLACK.id, (), NOW)
        tx.streams.ensure(SLACK.id, ["C1"], NOW)
        assert not tx.streams.write(first)
    second = claim(database)
    assert second is not None
    with database.begin() as tx:
        assert not tx.streams.write(first.model_copy(update={"taken": 1}))
        assert tx.streams.of(SLACK.id) == [second]


def test_a_checkpoint_is_kept_whole(database: Database) -> None:
    connected(database)
    ours = claim(database)
    assert ours is not None
    window = Window(NOW - timedelta(days=3), NOW)
    got = {"window": window, "cursor": {"next": "abc"}, "mark": {"history": "7"}, "taken": 15, "newest_at": NOW}
    with database.begin() as tx:
        assert tx.streams.write(ours.model_copy(update=got))
    with database.begin() as tx:
        assert tx.streams.of(SLACK.id) == [ours.model_copy(update=got)]


def test_what_is_due_is_of_active_connections_and_read_by_nobody(database: Database) -> None:
    connected(database, "C1", "C2")
    with database.begin() as tx:
        assert [each.name for each in tx.streams.queue(NOW, NOW)] == ["C1", "C2"]
        assert [each.name for each in tx.streams.queue(NOW, NOW, limit=1)] == ["C1"]
        assert not tx.streams.queue(NOW - timedelta(seconds=1), NOW)
    claim(database)
    with database.begin() as tx:
        assert [each.name for each in tx.streams.queue(NOW, NOW)] == ["C2"]
        tx.connections.save(SLACK.model_copy(update={"state": ConnectionState.REFUSED, "reason": "revoked"}))
        assert not tx.streams.queue(NOW, NOW)


def test_news_while_a_stream_is_read_make_it_due_at_once_afterwards_but_not_where_it_failed(
    database: Database,
) -> None:
    connected(database, "C1", "C2")
    for name, failures, due in (("C1", 0, NOW), ("C2", 1, LATER)):
        ours = claim(database, name=name)
        assert ours is not None
        with database.begin() as tx:
            tx.streams.wake(SLACK.id, [name], NOW)
            tx.streams.release(ours.model_copy(update={"failures": failures, "due_at": LATER}))
        with database.begin() as tx:
            (kept,) = [each for each in tx.streams.of(SLACK.id) if each.name == name]
        assert kept.due_at == due
        assert kept.woken
        assert kept.lease_until is None


def test_a_stream_that_failed_keeps_its_pause_when_it_is_woken(database: Database) -> None:
    connected(database)
    ours = claim(database)
    assert ours is not None
    with database.begin() as tx:
        tx.streams.release(ours.model_copy(update={"failures": 3, "due_at": LATER, "error": "429"}))
        tx.streams.wake(SLACK.id, ["C1", "unknown"], NOW)
        (kept,) = tx.streams.of(SLACK.id)
    assert kept.due_at == LATER


def queue(database: Database, now: datetime = NOW, limit: int = 100) -> list[str]:
    with database.begin() as tx:
        return [each.name for each in tx.streams.queue(now, now + timedelta(minutes=10), limit)]


def test_a_due_stream_is_queued_once_until_it_is_claimed_or_its_task_is_too_old(database: Database) -> None:
    connected(database, "C1", "C2", "C3")
    assert queue(database, NOW - timedelta(seconds=1)) == []
    with database.begin() as tx:
        assert tx.streams.queue(NOW, LATER, connection_id=connection_id_of("slack", "T9")) == []
        assert [each.name for each in tx.streams.queue(NOW, NOW, 1, SLACK.id)] == ["C1"]
    assert queue(database, limit=2) == ["C1", "C2"]
    assert queue(database) == ["C3"]
    assert queue(database) == []
    assert claim(database) is not None
    assert queue(database, NOW + timedelta(minutes=4)) == []
    assert queue(database, NOW + timedelta(minutes=6)) == ["C1"]
    assert queue(database, NOW + timedelta(minutes=10)) == ["C2", "C3"]


def test_what_could_not_be_sent_does_not_count_as_queued_unless_it_was_queued_or_claimed_since(
    database: Database,
) -> None:
    connected(database, "C1", "C2", "C3")
    until = NOW + timedelta(minutes=10)
    assert queue(database) == ["C1", "C2", "C3"]
    assert claim(database) is not None
    with database.begin() as tx:
        tx.streams.unqueue(SLACK.id, ["C2"], until - timedelta(minutes=1))
        tx.streams.unqueue(connection_id_of("slack", "T9"), ["C2"], until)
    assert queue(database) == []
    with database.begin() as tx:
        tx.streams.unqueue(SLACK.id, ["C1", "C2"], until)
    assert queue(database) == ["C2"]


def test_news_of_a_stream_that_was_read_queue_it_again(database: Database) -> None:
    connected(database)
    assert queue(database) == ["C1"]
    ours = claim(database)
    assert ours is not None
    assert ours.queued_until is None
    with database.begin() as tx:
        tx.streams.release(ours.model_copy(update={"due_at": LATER}))
    assert queue(database) == []
    with database.begin() as tx:
        tx.streams.wake(SLACK.id, ["C1"], NOW)
    assert queue(database) == ["C1"]


def test_an_active_connection_is_refreshed_when_it_is_new_and_when_its_time_has_come(database: Database) -> None:
    def due(now: datetime) -> list[UUID]:
        with database.begin() as tx:
            return tx.streams.queue_refreshes(now, now + timedelta(minutes=10))

    assert due(NOW) == []
    connected(database)
    assert due(NOW) == [SLACK.id]
    assert due(NOW) == []
    failed = Refresh(connection_id=SLACK.id, due_at=LATER, failures=2, error="no answer")
    with database.begin() as tx:
        tx.streams.keep_refresh(failed)
        tx.streams.keep_refresh(failed.model_copy(update={"connection_id": connection_id_of("slack", "T9")}))
        assert tx.streams.refresh(SLACK.id) == failed
        assert tx.streams.refresh(connection_id_of("slack", "T9")) is None
    assert due(NOW) == []
    assert due(LATER) == [SLACK.id]
    with database.begin() as tx:
        assert tx.streams.refresh(SLACK.id) == failed.model_copy(update={"due_at": LATER + timedelta(minutes=10)})
        tx.connections.refuse(SLACK.id, "revoked")
    assert due(LATER + timedelta(days=1)) == []


def test_only_an_active_connection_is_refused(database: Database) -> None:
    connected(database)
    with database.begin() as tx:
        tx.connections.refuse(SLACK.id, "revoked")
        tx.connections.refuse(SLACK.id, "again")
        refused = tx.connections.get(SLACK.id)
        assert refused is not None
        assert (refused.state, refused.reason) == (ConnectionState.REFUSED, "revoked")
        removed = refused.model_copy(update={"state": ConnectionState.REMOVED, "reason": ""})
        tx.connections.save(removed)
        for each in (SLACK.id, connection_id_of("slack", "T9")):
            tx.connections.refuse(each, "too late")
        assert tx.connections.all() == [removed]


def test_every_stream_is_listed_at_once(database: Database) -> None:
    connected(database, "C2", "C1")
    with database.begin() as tx:
        assert [(each.connection_id, each.name) for each in tx.streams.all()] == [(SLACK.id, "C1"), (SLACK.id, "C2")]
