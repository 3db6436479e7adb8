"""One suite for the EventStore port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy import text

from sago.domain.companies import Granularity, ShareKind
from sago.domain.events import (
    Event,
    EventType,
    Evidence,
    Extraction,
    Fold,
    KeptTexts,
    Metric,
    MetricPoint,
    Observation,
    Rejection,
    Severity,
    SharedTexts,
    Status,
)
from sago.ports import Database, Transaction
from sago.stores.postgres import PostgresDatabase

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
COMPANY = "scale-flow"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def version_of(edited_at: datetime) -> int:
    return (edited_at - EPOCH) // timedelta(microseconds=1)


def said(message: str, version: int = 0, extractor: str = "1", at: datetime = NOW, **other: Any) -> Observation:
    fields: dict[str, Any] = {
        "company_id": COMPANY,
        "message_id": message,
        "version": version,
        "source": "slack",
        "sender": "Åsa",
        "start": 3,
        "end": 13,
        "quote": "ARR is €2M",
        "event_type": EventType.REVENUE_MILESTONE,
        "status": Status.ACTUAL,
        "severity": Severity.HIGH,
        "title": "ARR reached €2M",
        "subject": "ARR",
        "metrics": (Metric(name="arr", value=2_000_000, unit="EUR"),),
        "stakeholders": ("Dana", "Mira"),
        "extractor": "offline",
        "extractor_version": extractor,
        "said_at": at,
        "recorded_at": NOW,
    }
    return Observation(**(fields | other))


def read(message: str, version: int = 0, extractor: str = "1", at: datetime = NOW) -> Extraction:
    return Extraction(
        company_id=COMPANY,
        message_id=message,
        version=version,
        extractor="offline",
        extractor_version=extractor,
        finished_at=at,
    )


def event(name: str, *proofs: str, at: datetime = NOW, company: str = COMPANY, **other: Any) -> Event:
    fields: dict[str, Any] = {
        "id": uuid5(NAMESPACE_URL, name),
        "company_id": company,
        "event_type": EventType.FUNDING,
        "title": f"Event {name}",
        "metrics": (Metric(name="amount_raised", value=1.5, unit="USD"),),
        "stakeholders": ("Northgate",),
        "timeline": "said twice",
        "severity": Severity.MEDIUM,
        "evidence": tuple(Evidence(message_id=proof, quote="closed", start=0, end=6) for proof in proofs),
        "occurred_at": at,
    }
    return Event(**(fields | other))


def point(metric: str, value: float, as_of: datetime, of: Event) -> MetricPoint:
    return MetricPoint(
        company_id=of.company_id, metric=metric, value=value, unit="USD", as_of=as_of, said_at=as_of, event_id=of.id
    )


def replace(database: Database, *events: Event, now: datetime = NOW, points: tuple[MetricPoint, ...] = ()) -> None:
    with database.begin() as tx:
        tx.events.lock(COMPANY)
        tx.events.replace(COMPANY, Fold(list(events), list(points)), now)


def test_only_what_is_new_is_appended(database: Database) -> None:
    both = [said("slack:1"), said("slack:1", start=20, end=25)]
    with database.begin() as tx:
        assert tx.events.append(both, [read("slack:1")]) == 2
        again = [*both, said("slack:1", extractor="2"), said("slack:1", event_type=EventType.FUNDING)]
        assert tx.events.append(again, [read("slack:1")]) == 2
        assert tx.events.append([], []) == 0


def test_observations_come_back_as_they_went_in(database: Database) -> None:
    one = said("slack:1", status=Status.DENIED, corrects=True, description="it fell", impact="less runway")
    two = said("slack:2", subject=None, metrics=(), stakeholders=(), at=LATER)
    with database.begin() as tx:
        tx.events.append([two, one], [read("slack:1"), read("slack:2")])
    with database.begin() as tx:
        assert tx.events.current(COMPANY) == [one, two]
        assert tx.events.current("other") == []
        assert tx.events.current(COMPANY, message_ids=["slack:2", "slack:7"]) == [two]
        assert tx.events.current(COMPANY, message_ids=[]) == []


def test_an_observation_counts_once_its_reading_is_finished(database: Database) -> None:
    with database.begin() as tx:
        tx.events.append([said("slack:1")], [])
        assert tx.events.current(COMPANY) == []
        tx.events.append([], [read("slack:1")])
        assert tx.events.current(COMPANY) == [said("slack:1")]


def test_the_newest_finished_reading_counts_even_when_it_found_nothing(database: Database) -> None:
    with database.begin() as tx:
        tx.events.append([said("slack:1"), said("slack:2")], [read("slack:1"), read("slack:2")])
        tx.events.append([said("slack:2", extractor="2")], [read("slack:1", extractor="2", at=LATER)])
        assert tx.events.current(COMPANY) == [said("slack:2")]
        tx.events.append([], [read("slack:2", extractor="2", at=LATER)])
        assert tx.events.current(COMPANY) == [said("slack:2", extractor="2")]


def test_of_readings_finished_at_the_same_moment_the_higher_extractor_version_counts(database: Database) -> None:
    found = [said("slack:1", extractor=version) for version in ("1", "3", "2")]
    with database.begin() as tx:
        tx.events.append(found, [read("slack:1", extractor=version) for version in ("1", "3", "2")])
        assert tx.events.current(COMPANY) == [said("slack:1", extractor="3")]


def test_an_older_reading_of_a_higher_version_beats_a_newer_one_of_a_lower(database: Database) -> None:
    edit = version_of(LATER)
    edited = said("slack:1", version=edit, at=LATER)
    with database.begin() as tx:
        tx.events.append([edited], [read("slack:1", version=edit, at=NOW)])
        tx.events.append([said("slack:1", extractor="9")], [read("slack:1", extractor="9", at=LATER)])
        assert tx.events.current(COMPANY) == [edited]


def test_as_of_a_moment_only_what_was_said_before_counts(database: Database) -> None:
    edit = version_of(LATER)
    original, edited = said("slack:1"), said("slack:1", version=edit, at=LATER)
    other = said("slack:2", at=NOW + timedelta(hours=1))
    readings = [read("slack:1"), read("slack:1", version=edit), read("slack:2"), read("slack:3", version=edit)]
    with database.begin() as tx:
        tx.events.append([original, edited, other], readings)
        assert tx.events.current(COMPANY, NOW) == []
        assert tx.events.current(COMPANY, NOW + timedelta(minutes=1)) == [original]
        assert tx.events.current(COMPANY, LATER) == [original, other]
        assert tx.events.current(COMPANY, LATER + timedelta(seconds=1)) == [other, edited]
        assert tx.events.current(COMPANY) == [other, edited]


def test_observations_of_some_statuses_alone(database: Database) -> None:
    planned, denied = (said(name, status=Status(name)) for name in ("planned", "denied"))
    with database.begin() as tx:
        tx.events.append([said("a"), planned, denied], [read("a"), read("planned"), read("denied"), read("planned", 3)])
    with database.begin() as tx:
        assert tx.events.current(COMPANY, statuses=(Status.PLANNED, Status.DENIED)) == [denied], "an edit took one back"
        assert tx.events.current(COMPANY, statuses=()) == []


def test_a_deletion_not_yet_made_hides_nothing(database: Database) -> None:
    with database.begin() as tx:
        tx.events.append([said("slack:1")], [read("slack:1"), read("slack:1", version=version_of(LATER))])
        assert tx.events.current(COMPANY) == []
        assert tx.events.current(COMPANY, LATER) == [said("slack:1")]


def test_of_several_edits_the_highest_version_known_by_then_counts(database: Database) -> None:
    edits = [version_of(LATER + timedelta(days=number)) for number in range(3)]
    told = [said("slack:1"), *(said("slack:1", version=v, at=EPOCH + timedelta(microseconds=v)) for v in edits)]
    with database.begin() as tx:
        tx.events.append(told[::-1], [read("slack:1", version=each.version) for each in told])
        known = [tx.events.current(COMPANY, LATER + timedelta(days=number, hours=1)) for number in range(-1, 3)]
        assert known == [[each] for each in told]


def test_the_days_on_which_something_came_to_be_known(database: Database) -> None:
    late = NOW.replace(hour=23, minute=59)
    deleted = version_of(LATER + timedelta(days=5))
    edited = said("slack:1", version=version_of(LATER), at=LATER)
    with database.begin() as tx:
        assert tx.events.said_on(COMPANY) == []
        tx.events.append([said("slack:1"), edited, said("slack:2", at=late)], [read("slack:2", version=deleted)])
        days = [NOW.date(), LATER.date(), (LATER + timedelta(days=5)).date()]
        assert tx.events.said_on(COMPANY) == days
        assert tx.events.said_on("other") == []


def test_rejections_are_kept_once_a_person(database: Database) -> None:
    wrong = event("a", "slack:1").id
    first = Rejection(company_id=COMPANY, event_id=wrong, because="a joke", rejected_by="dana", rejected_at=NOW)
    second = first.model_copy(update={"rejected_by": "ana", "rejected_at": LATER})
    with database.begin() as tx:
        tx.events.reject(second)
        tx.events.reject(first)
        tx.events.reject(first.model_copy(update={"because": "still a joke", "rejected_at": LATER}))
        assert tx.events.rejections(COMPANY) == tx.events.rejections(COMPANY, in_force=False) == [first, second]
        assert tx.events.rejections("other") == []


def test_every_word_against_the_events_is_taken_back_and_kept_and_no_other(database: Database) -> None:
    wrong, twin, other = (event(name, f"slack:{name}").id for name in "abc")
    first = Rejection(company_id=COMPANY, event_id=wrong, because="a joke", rejected_by="dana", rejected_at=NOW)
    second = first.model_copy(update={"rejected_by": "ana", "rejected_at": LATER})
    beside = first.model_copy(update={"event_id": other})
    under_twin = second.model_copy(update={"event_id": twin, "rejected_at": LATER + timedelta(hours=1)})
    elsewhere = first.model_copy(update={"company_id": "other"})
    after = LATER + timedelta(days=1)
    back = {"restored_by": "kim", "restored_at": after, "restored_because": "no joke"}
    kept = [word.model_copy(update=back) for word in (first, second, under_twin)]
    with database.begin() as tx:
        for each in (under_twin, second, beside, first, elsewhere):
            tx.events.reject(each)
        assert tx.events.restore(COMPANY, [], NOW, "kim", "nothing") == []
        assert tx.events.restore(COMPANY, {wrong, twin}, after, "kim", "no joke") == kept
    with database.begin() as tx:
        assert tx.events.restore(COMPANY, {wrong, twin}, after, "ana", "again") == []
        assert tx.events.rejections(COMPANY) == [beside]
        everything = tx.events.rejections(COMPANY, in_force=False)
        assert [word for word in everything if word != beside] == kept
        assert tx.events.rejections("other") == [elsewhere]


def test_an_event_is_rejected_anew_after_it_was_restored_and_each_word_is_kept(database: Database) -> None:
    wrong = event("a", "slack:1").id
    words = [
        Rejection(company_id=COMPANY, event_id=wrong, because=why, rejected_by="dana", rejected_at=NOW + day)
        for why, day in (("a joke", timedelta(0)), ("a joke after all", timedelta(days=2)))
    ]
    with database.begin() as tx:
        tx.events.reject(words[0])
        (first,) = tx.events.restore(COMPANY, {wrong}, LATER, "dana", "no joke")
    with database.begin() as tx:
        tx.events.reject(words[0])
        assert tx.events.rejections(COMPANY) == []
        for _ in range(2):
            tx.events.reject(words[1])
        assert tx.events.rejections(COMPANY) == [words[1]]
        assert tx.events.rejections(COMPANY, in_force=False) == [first, words[1]]
        (second,) = tx.events.restore(COMPANY, {wrong}, NOW + timedelta(days=3), "ana", "enough")
        assert tx.events.rejections(COMPANY, in_force=False) == [first, second]


def test_the_audit_log_names_who_rejected_and_who_restored_once(postgres: PostgresDatabase) -> None:
    wrong = event("a", "slack:1").id
    with postgres.begin() as tx:
        for _ in range(2):
            tx.events.reject(
                Rejection(company_id=COMPANY, event_id=wrong, because="a joke", rejected_by="dana", rejected_at=NOW)
            )
        for _ in range(2):
            tx.events.restore(COMPANY, {wrong}, LATER, "ana", "no joke")
    query = text("SELECT at, who, action, subject, company_id, detail FROM audit_log ORDER BY id")
    with postgres.connections.begin() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    assert rows == [
        (NOW, "dana", "event.rejected", str(wrong), COMPANY, {"rejected_by": "dana", "why": "a joke"}),
        (LATER, "ana", "event.restored", str(wrong), COMPANY, {"rejected_by": "dana", "why": "no joke"}),
    ]


def test_events_are_those_of_the_last_fold(database: Database) -> None:
    a, b, c = event("a", "slack:1"), event("b", "slack:2", at=LATER), event("c", "slack:3")
    replace(database, a, b, points=(point("arr", 2.0, LATER, b), point("arr", 1.0, NOW, a)))
    replace(database, b, c, points=(point("mrr", 0.5, NOW, c),))
    with database.begin() as tx:
        assert tx.events.find(COMPANY) == [b, c]
        gone = a.model_copy(update={"is_active": False})
        assert [each for each in tx.events.find(COMPANY, active=False) if each.id == a.id] == [gone]
        assert tx.events.metric_points(COMPANY) == [point("mrr", 0.5, NOW, c)]
        assert tx.events.get(a.id) == gone
        assert tx.events.get(UUID(int=7)) is None


def test_a_fold_of_nothing_leaves_nothing_active(database: Database) -> None:
    a = event("a", "slack:1")
    replace(database, a, points=(point("arr", 2.0, NOW, a),))
    replace(database)
    with database.begin() as tx:
        assert tx.events.find(COMPANY) == []
        assert tx.events.metric_points(COMPANY) == []


def test_observations_and_active_events_are_counted(database: Database) -> None:
    with database.begin() as tx:
        assert tx.events.counts() == (0, 0)
        tx.events.append([said("slack:1"), said("slack:2")], [read("slack:1"), read("slack:2")])
        tx.events.append([said("slack:1")], [read("slack:1")])
        tx.events.replace(COMPANY, Fold([event("a", "slack:1"), event("b", "slack:2")], []), NOW)
        assert tx.events.counts() == (2, 2)
        tx.events.replace(COMPANY, Fold([event("b", "slack:2")], []), LATER)
    with database.begin() as tx:
        assert tx.events.counts() == (2, 1)


def test_other_companies_keep_their_events(database: Database) -> None:
    other = event("x", "slack:1", company="other")
    with database.begin() as tx:
        tx.events.replace("other", Fold([other], [point("arr", 1, NOW, other)]), NOW)
    replace(database, event("a", "slack:1"))
    replace(database)
    with database.begin() as tx:
        assert tx.events.find("other") == tx.events.find() == [other]
        assert len(tx.events.metric_points("other")) == 1


def test_events_come_newest_first_and_series_oldest_first(database: Database) -> None:
    events = [
        event(name, f"slack:{name}", at=NOW + timedelta(days=day)) for name, day in (("a", 1), ("b", 3), ("c", 2))
    ]
    twins = sorted((event("d", "slack:d"), event("e", "slack:e")), key=lambda each: str(each.id))
    points = tuple(point("arr", day, NOW + timedelta(days=day), events[0]) for day in (3, 1, 2))
    replace(database, *twins[::-1], *events, points=points)
    with database.begin() as tx:
        assert tx.events.find(COMPANY) == [events[1], events[2], events[0], *twins]
        assert tx.events.find(COMPANY, limit=2) == [events[1], events[2]]
        assert [each.value for each in tx.events.metric_points(COMPANY)] == [1, 2, 3]


def test_an_event_whose_proofs_moved_on_is_found_under_its_old_id(database: Database) -> None:
    old = event("old", "slack:5")
    earlier = event("new", "slack:4", "slack:5")
    earliest = event("newest", "slack:3", "slack:4", "slack:5")
    replace(database, old)
    replace(database, earlier)
    replace(database, earliest)
    with database.begin() as tx:
        assert tx.events.get(old.id) == tx.events.get(earlier.id) == tx.events.get(earliest.id) == earliest
    replace(database, old)
    with database.begin() as tx:
        assert tx.events.get(old.id) == old


def test_an_event_of_another_type_or_with_fewer_proofs_is_no_successor(database: Database) -> None:
    old = event("old", "slack:5", "slack:6")
    replace(database, old)
    replace(database, event("less", "slack:5"), event("kind", "slack:5", "slack:6", event_type=EventType.HIRING))
    with database.begin() as tx:
        found = tx.events.get(old.id)
        assert found is not None
        assert (found.id, found.is_active) == (old.id, False)


def test_folds_of_one_company_wait_for_each_other(database: Database) -> None:
    gate = Barrier(4)

    def add(number: int) -> None:
        gate.wait()
        with database.begin() as tx:
            tx.events.lock(COMPANY)
            events = [*tx.events.find(COMPANY), event(str(number), f"slack:{number}")]
            tx.events.replace(COMPANY, Fold(events, []), NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    with database.begin() as tx:
        assert len(tx.events.find(COMPANY)) == 4


def test_times_of_a_row_tell_when_it_was_made_and_last_changed(postgres: PostgresDatabase) -> None:
    def times() -> tuple[datetime, datetime]:
        query = text("SELECT created_at, updated_at FROM significant_events")
        with postgres.connections.begin() as connection:
            created, updated = connection.execute(query).one()
        return created, updated

    same = event("a", "slack:1", metrics=(Metric(name="arr", value=2.0, unit="USD"),))
    replace(postgres, same, now=NOW)
    replace(postgres, same, now=LATER)
    assert times() == (NOW, NOW)
    replace(postgres, same.model_copy(update={"title": "Another title"}), now=LATER)
    assert times() == (NOW, LATER)
    replace(postgres, now=LATER + timedelta(days=1))
    assert times() == (NOW, LATER + timedelta(days=1))
    replace(postgres, now=LATER + timedelta(days=2))
    assert times() == (NOW, LATER + timedelta(days=1))


def test_source_messages_are_stored_as_others_read_them(postgres: PostgresDatabase) -> None:
    replace(postgres, event("a", "slack:1"))
    with postgres.connections.begin() as connection:
        row = connection.execute(text("SELECT source_messages, metrics, stakeholders FROM significant_events")).one()
    assert row.source_messages == [{"message_id": "slack:1", "quote": "closed", "start": 0, "end": 6}]
    assert row.metrics == [{"name": "amount_raised", "value": 1.5, "unit": "USD"}]
    assert row.stakeholders == ["Northgate"]


IN_BANDS, BARE = ShareKind(Granularity.BANDS, ("*",)), ShareKind(Granularity.NONE, ("*",))
CHAT, BOTH = ShareKind(Granularity.EXACT, ("slack",)), ShareKind(Granularity.EXACT, ("slack", "gmail"))


def texts(title: str) -> SharedTexts:
    return SharedTexts(title, "described", "", "", ["Northgate"], ["closed"], [0])


def without(database: Database, kind: ShareKind, version: int = 1, limit: int = 9) -> list[Event]:
    with database.begin() as tx:
        return [each for each, _ in tx.events.without_texts(COMPANY, kind, version, limit)]


def kept(database: Database, kind: ShareKind, version: int = 1) -> dict[UUID, str]:
    with database.begin() as tx:
        assert tx.events.shared_texts("other", kind, version) == {}
        return {event_id: each.title for event_id, each in tx.events.shared_texts(COMPANY, kind, version).items()}


def test_shared_texts_count_while_their_event_is_what_they_were_made_of(database: Database) -> None:
    one, two = sorted((event("a", "slack:1"), event("b", "slack:2")), key=lambda each: each.id)
    replace(database, one, two)

    def keep(kind: ShareKind, version: int, title: str) -> None:
        with database.begin() as tx:
            found = tx.events.without_texts(COMPANY, kind, version, 9)
            tx.events.keep_texts(
                kind, version, [KeptTexts(each.id, as_it_is, texts(title)) for each, as_it_is in found]
            )

    assert (without(database, IN_BANDS), without(database, IN_BANDS, limit=1)) == ([one, two], [one])
    keep(IN_BANDS, 1, "A")
    assert without(database, IN_BANDS) == []
    assert (without(database, BARE), without(database, IN_BANDS, 2)) == ([one, two], [one, two])
    assert kept(database, IN_BANDS) == {one.id: "A", two.id: "A"}
    assert (kept(database, BARE), kept(database, IN_BANDS, 2)) == ({}, {})
    with database.begin() as tx:
        whole = tx.events.shared_texts(COMPANY, IN_BANDS, 1)[one.id]
    assert whole == texts("A")
    replace(database, one, two, now=LATER)
    assert without(database, IN_BANDS) == []
    changed = one.model_copy(update={"title": "Event told otherwise"})
    replace(database, changed, two, now=LATER)
    assert (without(database, IN_BANDS), kept(database, IN_BANDS)) == ([changed], {two.id: "A"})
    keep(IN_BANDS, 2, "C")
    assert (kept(database, IN_BANDS), kept(database, IN_BANDS, 2)) == ({}, {one.id: "C", two.id: "C"})
    with database.begin() as tx:
        found = tx.events.without_texts(COMPANY, BARE, 1, 9)
    replace(database, one, two, now=LATER)
    with database.begin() as tx:
        tx.events.keep_texts(BARE, 1, [KeptTexts(each.id, as_it_is, texts("late")) for each, as_it_is in found])
    assert (without(database, BARE), kept(database, BARE)) == ([one], {two.id: "late"})


def test_texts_are_wanted_of_events_that_shares_of_a_kind_show_otherwise(database: Database) -> None:
    """A share of the chat shows all of what only the chat says, and nothing that a mail says first."""
    chat, mail, both = event("a", "slack:1"), event("b", "gmail:2"), event("c", "slack:3", "gmail:4")
    replace(database, chat, mail, both)

    def wanted(kind: ShareKind) -> set[UUID]:
        return {each.id for each in without(database, kind)}

    assert (wanted(CHAT), wanted(BOTH)) == ({both.id}, set())
    assert wanted(ShareKind(Granularity.BANDS, ("slack",))) == {chat.id, both.id}
    assert wanted(IN_BANDS) == {chat.id, mail.id, both.id}


def test_texts_are_those_of_one_kind_of_shares(database: Database) -> None:
    both = event("c", "slack:3", "gmail:4")
    replace(database, both)
    kinds = [CHAT, IN_BANDS, ShareKind(Granularity.BANDS, ("slack",)), ShareKind(Granularity.BANDS, ("gmail", "slack"))]
    with database.begin() as tx:
        for number, kind in enumerate(kinds):
            ((found, as_it_is),) = tx.events.without_texts(COMPANY, kind, 1, 9)
            tx.events.keep_texts(kind, 1, [KeptTexts(found.id, as_it_is, texts(f"kind {number}"))])
    assert [kept(database, kind) for kind in kinds] == [{both.id: f"kind {number}"} for number in range(len(kinds))]


@pytest.mark.parametrize("late", [timedelta(0), timedelta(hours=1)])
def test_texts_of_what_an_event_was_are_not_kept(postgres: PostgresDatabase, late: timedelta) -> None:
    """What was erased of an event goes from these too, whether or not anybody makes them anew."""
    one, two = event("a", "slack:1"), event("b", "slack:2")
    replace(postgres, one, two)

    def keep(tx: Transaction, found: list[tuple[Event, datetime]]) -> None:
        tx.events.keep_texts(IN_BANDS, 1, [KeptTexts(each.id, as_it_is, texts(each.title)) for each, as_it_is in found])

    def rows() -> list[UUID]:
        with postgres.connections.begin() as connection:
            return list(connection.scalars(text("SELECT event_id FROM shared_texts")))

    with postgres.begin() as tx:
        found = tx.events.without_texts(COMPANY, IN_BANDS, 1, 9)
        keep(tx, found)
    assert set(rows()) == {one.id, two.id}
    replace(postgres, one.model_copy(update={"title": "Event told otherwise"}), two, now=NOW + late)
    assert rows() == [two.id]
    with postgres.begin() as tx:
        keep(tx, found)
    assert rows() == [two.id]
    replace(postgres, now=NOW + late)
    assert rows() == []
