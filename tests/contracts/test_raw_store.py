"""One suite for the RawStore port, run on memory, on Postgres and on Cassandra."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sago.domain.erasures import EmptiedMessage, Erasure
from sago.domain.messages import Message, MessageRef
from sago.embedded.servers import Server
from sago.errors import TransientError
from sago.ports import RawStore
from sago.sections import CassandraSettings
from sago.stores.cassandra import CassandraRawStore, migrate
from sago.stores.cassandra.rows import TABLES
from sago.stores.memory.raw import MemoryRawStore
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.columns import storable
from sago.stores.sql_messages import SqlRawStore

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EDIT = 1_772_442_000_000_000
COMPANY = "scale-flow"


@pytest.fixture(scope="session")
def migrated_cassandra(cassandra_server: Server) -> Iterator[CassandraRawStore]:
    """A keyspace with the whole schema."""
    settings = CassandraSettings(**cassandra_server.settings["cassandra"], keyspace=f"contracts_{os.getpid()}")
    migrate(settings)
    store = CassandraRawStore(settings)
    yield store
    store.close()


@pytest.fixture
def cassandra(migrated_cassandra: CassandraRawStore) -> CassandraRawStore:
    """Without a row."""
    with migrated_cassandra.connection.begin() as session:
        for table in (*TABLES, "ingest_days"):
            if session.driver.execute(f"SELECT day FROM {table} LIMIT 1").one():  # noqa: S608 - truncating takes longer
                session.driver.execute(f"TRUNCATE {table}")
    return migrated_cassandra


@pytest.fixture(params=["memory", "postgres", "cassandra"])
def store(request: pytest.FixtureRequest) -> RawStore:
    if request.param == "memory":
        return MemoryRawStore()
    if request.param == "cassandra":
        cassandra: CassandraRawStore = request.getfixturevalue("cassandra")
        return cassandra
    return SqlRawStore(request.getfixturevalue("postgres").connections)


def message(number: int, **other: Any) -> Message:
    fields: dict[str, Any] = {
        "id": f"slack:{number}",
        "company_id": COMPANY,
        "source": "slack",
        "sender": "Åsa",
        "sent_at": NOW + timedelta(seconds=number),
        "text": f"standup {number}",
        "raw": {"ts": str(number), "blocks": [{"type": "rich_text"}]},
    }
    return Message(**(fields | other))


def test_messages_come_back_as_they_went_in(store: RawStore) -> None:
    mail = message(
        1, id="gmail:1", source="gmail", subject="Update", thread_id="t", text="Subject: Update\n\nARR 数字 😀"
    )
    edit = message(2, version=EDIT, edited_at=NOW + timedelta(hours=1), text="corrected")
    gone = message(3, version=EDIT, edited_at=NOW + timedelta(hours=1), deleted=True, text="", raw={}, raw_cut=True)
    outcome = store.store([mail, edit, gone], "b1", NOW)
    assert outcome == ([mail.ref, edit.ref, gone.ref], [], [])
    missing = MessageRef(COMPANY, NOW, "slack:9", 0)
    assert store.read([gone.ref, missing, mail.ref, edit.ref]) == [gone, mail, edit]
    assert store.read([]) == []


def test_a_further_attempt_owns_what_the_first_stored(store: RawStore) -> None:
    both = [message(1), message(2)]
    store.store(both[:1], "b1", NOW)
    assert store.store(both, "b1", NOW) == ([each.ref for each in both], [], [])
    assert store.count() == 2


def test_what_another_batch_stored_is_a_duplicate_or_a_conflict(store: RawStore) -> None:
    store.store([message(1), message(2)], "b1", NOW)
    other = message(2, text="something else")
    third = message(3)
    assert store.store([third, message(1, raw={"other": "payload"}), other], "b2", NOW) == (
        [third.ref],
        [message(1).ref],
        [other.ref],
    )
    assert store.read([message(1).ref, message(2).ref]) == [message(1), message(2)]


@pytest.mark.parametrize(
    "changed",
    [{"sender": "Bo"}, {"subject": "Update"}, {"subject": ""}, {"text": "other"}, {"deleted": True, "text": ""}],
    ids=str,
)
def test_content_is_sender_subject_text_and_deletion(store: RawStore, changed: dict[str, Any]) -> None:
    store.store([message(1)], "b1", NOW)
    other = message(1, **changed)
    for batch_name in ("b1", "b2"):
        assert store.store([other], batch_name, NOW) == ([], [], [other.ref])


def test_a_version_given_twice_is_stored_once(store: RawStore) -> None:
    one, same, other = message(1), message(1), message(1, text="other")
    for _ in range(2):
        assert store.store([one, one, same, other], "b1", NOW) == ([one.ref], [one.ref, one.ref], [other.ref])
    assert store.count() == 1


def test_a_version_given_twice_with_two_times_is_a_conflict(store: RawStore) -> None:
    one, later = message(1), message(1, sent_at=NOW + timedelta(days=1))
    assert store.store([one, later], "b1", NOW) == ([one.ref], [], [later.ref])
    assert store.read([one.ref, later.ref]) == [one]


def test_a_version_with_another_time_is_a_conflict_unless_time_is_in_the_key(store: RawStore) -> None:
    one, moved = message(1), message(1, sent_at=NOW + timedelta(days=1))
    store.store([one], "b1", NOW)
    outcome = store.store([moved], "b2", NOW)
    if isinstance(store, CassandraRawStore):
        assert outcome == ([moved.ref], [], [])
    else:
        assert outcome == ([], [], [moved.ref])


def test_what_is_absent_is_not_what_is_empty(store: RawStore) -> None:
    absent = message(1, id="gmail:1", source="gmail")
    empty = message(2, id="gmail:2", source="gmail", subject="", thread_id="", sender="")
    store.store([absent, empty], "b1", NOW)
    assert store.read([absent.ref, empty.ref]) == [absent, empty]


def test_a_large_batch_meets_rows_of_others(store: RawStore) -> None:
    """More rows and bytes of one day than one request takes, with strangers' and own rows among them."""
    messages = [message(number, text="long " * (40_000 if number % 100 == 0 else 1)) for number in range(1200)]
    store.store(messages[100:110], "b0", NOW)
    store.store(messages[700:720], "b1", NOW)
    other = message(901, text="other")
    store.store([other], "b0", NOW)
    outcome = store.store(messages, "b1", NOW)
    assert outcome.duplicates == [each.ref for each in messages[100:110]]
    assert outcome.conflicts == [other.ref]
    assert len(outcome.stored) == store.count() - 11 == 1189
    assert store.read([messages[600].ref, other.ref]) == [messages[600], other]


def test_an_original_and_its_edit_are_two_rows_at_one_time(store: RawStore) -> None:
    original, edit = message(1), message(1, version=EDIT, text="corrected")
    assert original.sent_at == edit.sent_at
    store.store([edit], "b1", NOW)
    assert store.store([original], "b2", NOW).stored == [original.ref]
    assert store.read_range(COMPANY, NOW, NOW + timedelta(hours=1)) == [original, edit]


def test_a_range_gives_its_newest_messages_oldest_first(store: RawStore) -> None:
    messages = [message(number) for number in range(6)]
    store.store([*messages[::-1], message(3, company_id="other")], "b1", NOW)
    start, end = messages[1].sent_at, messages[5].sent_at
    assert store.read_range(COMPANY, start, end) == messages[1:5]
    assert store.read_range(COMPANY, start, end, limit=2) == messages[3:5]
    assert store.read_range(COMPANY, start, end, limit=0) == []
    assert store.read_range(COMPANY, end, start) == []


def test_a_range_merges_all_sources(store: RawStore) -> None:
    names = ["slack", "gmail", "calls", "github"]
    messages = [message(n, id=f"{names[n % 4]}:{n}", source=names[n % 4]) for n in range(12)]
    store.store(messages, "b1", NOW)
    end = NOW + timedelta(hours=1)
    assert store.read_range(COMPANY, NOW, end) == messages
    assert store.read_range(COMPANY, NOW, end, limit=5) == messages[-5:]
    assert store.read_day(COMPANY, NOW.date()) == [each.ref for each in messages]
    assert store.read([each.ref for each in messages]) == messages


def test_a_range_gives_its_oldest_messages_where_these_are_asked_for(store: RawStore) -> None:
    messages = [message(number, sent_at=NOW + timedelta(hours=7 * number)) for number in range(60)]
    store.store(messages, "b1", NOW)
    start, end = messages[3].sent_at, messages[57].sent_at
    assert store.read_range(COMPANY, start, end, oldest=True) == messages[3:57]
    assert store.read_range(COMPANY, start, end, 7, oldest=True) == messages[3:10]
    assert store.read_range(COMPANY, start, end, 0, oldest=True) == []
    assert (
        store.read_range(COMPANY, NOW - timedelta(days=900), NOW + timedelta(days=900), 5, oldest=True) == messages[:5]
    )


def test_a_range_of_one_source_counts_no_others_rows(store: RawStore) -> None:
    names = ["slack", "gmail", "calls", "github"]
    messages = [message(n, id=f"{names[n % 4]}:{n}", source=names[n % 4]) for n in range(40)]
    store.store(messages, "b1", NOW)
    end = NOW + timedelta(hours=1)
    for place, name in enumerate(names):
        own = messages[place::4]
        assert store.read_range(COMPANY, NOW, end, source=name) == own
        assert store.read_range(COMPANY, NOW, end, 3, source=name) == own[-3:]
        assert store.read_range(COMPANY, NOW, end, 3, source=name, oldest=True) == own[:3]
    assert store.read_range(COMPANY, NOW, end, source="none") == []


@pytest.mark.parametrize("span", [timedelta(days=70), timedelta(days=9000)], ids=["weeks", "ages"])
def test_a_range_goes_over_many_days(store: RawStore, span: timedelta) -> None:
    """Midnight, gaps of days, a day with many, and the borders to the millisecond."""
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    times = [midnight - timedelta(days=days) for days in (60, 41, 40, 9, 8, 2, 0)]
    times += [midnight + timedelta(milliseconds=number) for number in range(1, 130)]
    messages = [message(number, sent_at=sent_at) for number, sent_at in enumerate(sorted(times))]
    store.store(messages, "b1", NOW)
    end = messages[-1].sent_at
    assert store.read_range(COMPANY, end - span, end) == messages[:-1]
    assert store.read_range(COMPANY, end - span, end, limit=132) == messages[-133:-1]
    assert store.read_range(COMPANY, midnight - timedelta(days=9), midnight) == messages[3:6]
    just_after = messages[0].sent_at + timedelta(microseconds=1)
    assert store.read_range(COMPANY, just_after, just_after + timedelta(days=30)) == messages[1:3]


def test_a_day_lists_its_references_oldest_first(store: RawStore) -> None:
    day = date(2026, 3, 2)
    last = message(1, sent_at=datetime(2026, 3, 2, 23, 59, 59, 999000, tzinfo=UTC))
    first = message(2, sent_at=datetime(2026, 3, 2, tzinfo=UTC))
    next_day = message(3, sent_at=datetime(2026, 3, 3, tzinfo=UTC))
    store.store([last, next_day, first, message(4, company_id="other")], "b1", NOW)
    assert store.read_day(COMPANY, day) == [first.ref, last.ref]
    assert store.read_day(COMPANY, date(2026, 3, 3)) == [next_day.ref]
    assert store.read_day(COMPANY, date(2026, 3, 4)) == []


def test_changed_days_go_by_when_rows_were_received(store: RawStore) -> None:
    """A day of which duplicates alone were received may be among them."""
    history = message(1, sent_at=datetime(2025, 7, 1, 12, tzinfo=UTC))
    store.store([history, message(2)], "b1", NOW)
    store.store([message(2), message(3, company_id="other")], "b2", NOW + timedelta(days=2))
    first, third = NOW.date(), (NOW + timedelta(days=2)).date()
    assert store.changed_days(first) == [("other", first), (COMPANY, date(2025, 7, 1)), (COMPANY, first)]
    assert {("other", first)} <= set(store.changed_days(third)) <= {("other", first), (COMPANY, first)}
    assert store.changed_days(third + timedelta(days=1)) == []


def test_rows_are_counted_by_company(store: RawStore) -> None:
    assert store.count() == 0
    assert store.store([], "b0", NOW) == ([], [], [])
    store.store([message(1), message(2), message(3, company_id="other")], "b1", NOW)
    assert (store.count(), store.count(COMPANY), store.count("nobody")) == (3, 2, 0)


def test_batches_with_the_same_messages_at_once_store_each_once(store: RawStore) -> None:
    gate = Barrier(4)
    messages = [message(number) for number in range(60)]

    def write(number: int) -> tuple[int, int, int]:
        mine = messages[number * 10 :] + messages[: number * 10]
        gate.wait()
        outcome = store.store(mine, f"b{number}", NOW)
        return len(outcome.stored), len(outcome.duplicates), len(outcome.conflicts)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(write, range(4)))
    assert sum(stored for stored, _, _ in outcomes) == store.count() == 60
    assert all(stored + duplicates == 60 and conflicts == 0 for stored, duplicates, conflicts in outcomes)


def test_of_two_contents_at_once_one_is_stored_and_stays(store: RawStore) -> None:
    gate = Barrier(4)

    def write(number: int) -> set[MessageRef]:
        mine = [message(each, text=f"content {number}", sender=f"sender {number}") for each in range(40)]
        turn = mine[number * 10 :] + mine[: number * 10]
        gate.wait()
        outcome = store.store(turn, f"b{number}", NOW)
        assert not outcome.duplicates
        return set(outcome.stored)

    with ThreadPoolExecutor(4) as pool:
        owned = list(pool.map(write, range(4)))
    refs = [message(each).ref for each in range(40)]
    assert [sum(ref in each for each in owned) for ref in refs] == [1] * 40
    owners = [next(number for number in range(4) if ref in owned[number]) for ref in refs]
    kept = [(each.text, each.sender) for each in store.read(refs)]
    assert kept == [(f"content {number}", f"sender {number}") for number in owners]


def test_a_mark_without_a_message_is_no_message(store: RawStore) -> None:
    ref = message(1).ref
    store.mark([ref], "batch-7", NOW)
    assert store.read([ref]) == []
    assert store.read_day(COMPANY, ref.sent_at.date()) == []
    assert store.read_range(COMPANY, NOW, NOW + timedelta(hours=1)) == []
    assert store.count() == 0
    assert store.store([message(1)], "b1", NOW).stored == [ref]
    assert store.read([ref]) == [message(1)]


def test_no_payload_costs_the_row(store: RawStore) -> None:
    odd = message(1, raw={"nul\x00": ["\x00", "\ud800", math.nan, math.inf], "emoji": "😀", "n": 0.5})
    assert store.store([odd], "b1", NOW).stored == [odd.ref]
    assert store.store([odd], "b2", NOW).duplicates == [odd.ref]
    (kept,) = store.read([odd.ref])
    assert (kept.text, kept.raw["emoji"], kept.raw["n"]) == (odd.text, "😀", 0.5)
    assert len(kept.raw) == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(raw=st.dictionaries(st.text(), JSON, max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_payload_is_stored(store: RawStore, raw: dict[str, Any]) -> None:
    number = store.count() + 1
    assert store.store([message(number, raw=raw)], f"b{number}", NOW).stored
    assert store.read([message(number).ref])[0].raw.keys() == {storable(key) for key in raw} or isinstance(
        store, MemoryRawStore
    )


def test_marks_are_written_on_the_rows_named(postgres: PostgresDatabase) -> None:
    store = SqlRawStore(postgres.connections)
    store.store([message(1), message(1, version=EDIT), message(2)], "b1", NOW)
    store.mark([message(1).ref, message(2).ref, message(9).ref], "batch-7", NOW)
    store.mark([], "batch-8", NOW)
    query = text("SELECT message_id, version, batch_id, extracted_at, day FROM sql_messages ORDER BY 1, 2")
    with postgres.connections.begin() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    assert rows == [
        ("slack:1", 0, "batch-7", NOW, NOW.date()),
        ("slack:1", EDIT, None, None, NOW.date()),
        ("slack:2", 0, "batch-7", NOW, NOW.date()),
    ]


def test_marks_are_written_in_cassandra_as_well(cassandra: CassandraRawStore) -> None:
    cassandra.store([message(1), message(1, version=EDIT), message(2)], "b1", NOW)
    cassandra.mark([message(1).ref, message(2).ref], "batch-7", NOW)
    cassandra.mark([], "batch-8", NOW)
    query = "SELECT message_id, version, batch_id, extracted_at FROM chat_messages"
    with cassandra.connection.begin() as session:
        rows = [tuple(row) for row in session.driver.execute(query)]
    at = NOW.replace(tzinfo=None)
    assert rows == [
        ("slack:1", 0, "batch-7", at),
        ("slack:1", EDIT, None, None),
        ("slack:2", 0, "batch-7", at),
    ]


def test_a_day_is_noted_before_its_rows(cassandra: CassandraRawStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise TransientError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("sago.stores.cassandra.store.claim", die)
        with pytest.raises(TransientError):
            cassandra.store([message(1)], "b1", NOW)
    assert cassandra.changed_days(NOW.date()) == [(COMPANY, message(1).sent_at.date())]
    assert cassandra.count() == 0


def erasure(**whom: Any) -> Erasure:
    asked = {"because": "asked", "requested_by": "cli:ana", "requested_at": NOW}
    return Erasure(**({"id": uuid4(), "company_id": COMPANY, **asked} | whom))


def test_rows_of_a_sender_are_found_in_whatever_case_and_emptied_once(store: RawStore) -> None:
    mail = message(1, id="gmail:1", source="gmail", sender="åsa", subject="Update", text="Subject: Update\n\nsecret")
    call = message(2, id="calls:2", source="calls", sent_at=NOW - timedelta(days=400))
    edit = message(3, version=EDIT, edited_at=NOW + timedelta(hours=1), text="secret")
    theirs = [call, edit, mail]
    others = [message(4, sender="Åsa Berg"), message(5, sender="ben"), message(6, company_id="other")]
    store.store([*theirs, *others], "b1", NOW)
    asked = erasure(sender="ÅSA")
    found = store.find(asked)
    assert found == sorted(each.ref for each in theirs)
    store.empty(found)
    store.empty([])
    assert store.find(asked) == []
    empty = [EmptiedMessage.of(each) for each in theirs]
    assert [each.model_dump() for each in store.read([each.ref for each in theirs])] == [e.model_dump() for e in empty]
    assert store.read([each.ref for each in others]) == others
    assert store.count() == 6


def test_one_message_is_found_in_every_version(store: RawStore) -> None:
    versions = [
        message(1),
        message(1, version=EDIT, edited_at=NOW),
        message(1, version=EDIT + 1, deleted=True, text=""),
    ]
    store.store([*versions, message(2)], "b1", NOW)
    assert store.find(erasure(message_id="slack:1")) == [each.ref for each in versions]


def test_an_emptied_row_is_a_duplicate_when_it_comes_again(store: RawStore) -> None:
    store.store([message(1)], "b1", NOW)
    store.empty([message(1).ref])
    again = message(1)
    assert store.store([again], "b2", NOW) == ([], [again.ref], [])
    assert store.store([EmptiedMessage.of(again)], "b3", NOW) == ([], [again.ref], [])
    assert store.store([message(1, text="other words")], "b4", NOW) == ([], [], [again.ref])
    assert store.read([again.ref])[0].text == ""


def test_what_comes_emptied_keeps_the_hash_of_what_it_said(store: RawStore) -> None:
    empty = EmptiedMessage.of(message(1))
    assert store.store([empty], "b1", NOW) == ([empty.ref], [], [])
    assert store.store([message(1)], "b2", NOW) == ([], [empty.ref], [])
    assert store.store([message(1, text="other words")], "b3", NOW) == ([], [], [empty.ref])
    assert store.find(erasure(sender="åsa")) == []
    (held,) = store.read([empty.ref])
    assert (held.sender, held.text, held.raw, held.deleted) == ("", "", {}, True)
