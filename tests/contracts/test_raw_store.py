"""One suite for the RawStore port, run on memory and on Postgres."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sago.domain.messages import Message, MessageRef
from sago.ports import RawStore
from sago.stores.memory.raw import MemoryRawStore
from sago.stores.postgres import PostgresDatabase
from sago.stores.sql_messages import SqlRawStore

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EDIT = 1_772_442_000_000_000
COMPANY = "scale-flow"


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> RawStore:
    if request.param == "memory":
        return MemoryRawStore()
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
    [{"sender": "Bo"}, {"subject": "Update"}, {"text": "other"}, {"sent_at": NOW}, {"deleted": True, "text": ""}],
    ids=lambda changed: next(iter(changed)),
)
def test_content_is_sender_time_subject_text_and_deletion(store: RawStore, changed: dict[str, Any]) -> None:
    store.store([message(1)], "b1", NOW)
    other = message(1, **changed)
    for batch_name in ("b1", "b2"):
        assert store.store([other], batch_name, NOW) == ([], [], [other.ref])


def test_a_version_given_twice_is_stored_once(store: RawStore) -> None:
    one, same, other = message(1), message(1), message(1, text="other")
    for _ in range(2):
        assert store.store([one, one, same, other], "b1", NOW) == ([one.ref], [one.ref, one.ref], [other.ref])
    assert store.count() == 1


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
    history = message(1, sent_at=datetime(2025, 7, 1, 12, tzinfo=UTC))
    store.store([history, message(2)], "b1", NOW)
    store.store([message(2), message(3, company_id="other")], "b2", NOW + timedelta(days=2))
    first, third = NOW.date(), (NOW + timedelta(days=2)).date()
    assert store.changed_days(first) == [("other", first), (COMPANY, date(2025, 7, 1)), (COMPANY, first)]
    assert store.changed_days(third) == [("other", first)]
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


@given(st.dictionaries(st.text(), JSON, max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_payload_is_stored(postgres: PostgresDatabase, raw: dict[str, Any]) -> None:
    store = SqlRawStore(postgres.connections)
    number = store.count() + 1
    assert store.store([message(number, raw=raw)], f"b{number}", NOW).stored


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
