"""One suite for the NoticeStore port, run on memory and on Postgres."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from sago.domain.companies import Person
from sago.domain.events import EventType, Severity
from sago.domain.notices import (
    Change,
    Item,
    Notice,
    Said,
    Told,
    ToldCondition,
    ToldEvent,
    ToldFigure,
    ToldLetter,
    notice_id,
)
from sago.domain.watches import Outcome
from sago.errors import PermanentError
from sago.ports import Database

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
DANA = Person(name="Dana Reed", email="Dana@Northgate.example")
EMAIL = "dana@northgate.example"
WATCH, EVENT = uuid5(NAMESPACE_URL, "watch"), uuid5(NAMESPACE_URL, "event")
TOLD = ToldEvent(
    event_id=EVENT,
    kind=EventType.REVENUE_MILESTONE,
    severity=Severity.HIGH,
    title="ARR reached $2.1M",
    occurred_at=NOW,
    figures=(ToldFigure(name="arr", value=2.1e6, unit="USD", before=1.4e6),),
    said=Said(quote="We passed $2.1M 🎉", sender="nell@scaleflow.example", said_at=NOW),
)
ASKED = ToldCondition(
    text="arr >= 2M",
    label="ARR",
    is_figure=True,
    op=">=",
    value=2e6,
    holds=True,
    seen=2.1e6,
    unit="USD",
    event_id=EVENT,
    event=TOLD,
)


def item(*tells: str, **other: Any) -> Item:
    fields: dict[str, Any] = {
        "watch_id": WATCH,
        "company_id": "scaleflow",
        "company": "ScaleFlow",
        "change": Change.MET,
        "outcome": Outcome.NOW,
        "conditions": (ASKED,),
        "tells": tells or (f"event:{EVENT}", "now:1:2026-03-01"),
    }
    return Item(**(fields | other))


def notice(*items: Item, day: date = DAY, email: str = EMAIL, **other: Any) -> Notice:
    fields = {
        "id": notice_id(other.get("firm_id", "default"), email, day),
        "email": email,
        "recipient": DANA,
        "day": day,
        "created_at": NOW,
    }
    return Notice(**(fields | {"items": items or (item(),), "held_over": ("Orchard",)} | other))


def test_a_notice_comes_back_as_it_went_in_with_the_keys_of_what_it_tells(database: Database) -> None:
    second = notice(item("event:2"), day=date(2026, 3, 3))
    other = notice(email="eve@x.example")
    with database.begin() as tx:
        assert tx.notices.add(second)
        assert tx.notices.add(notice())
        assert tx.notices.add(other)
    with database.begin() as tx:
        assert tx.notices.get(notice().id) == notice()
        assert tx.notices.get(UUID(int=7)) is None
        assert tx.notices.of(" Dana@NORTHGATE.example") == [notice(), second]
        assert tx.notices.of("nobody@x.example") == []
        told = {Told(WATCH, f"event:{EVENT}"), Told(WATCH, "now:1:2026-03-01")}
        assert tx.notices.told("eve@x.example") == told
        assert tx.notices.told(EMAIL) == told | {Told(WATCH, "event:2")}


def test_a_person_has_one_notice_a_day_of_a_firm_and_the_second_tells_nothing(database: Database) -> None:
    with database.begin() as tx:
        tx.shares.ensure_firm("southpoint", "Southpoint")
        assert tx.notices.add(notice(item("event:1", watch_id=UUID(int=8)), firm_id="southpoint"))
        assert tx.notices.add(notice(item("event:1")))
    with database.begin() as tx:
        assert not tx.notices.add(notice(item("event:2")))
        assert not tx.notices.add(notice(item("event:2"), id=UUID(int=7)))
    with database.begin() as tx:
        assert tx.notices.told(EMAIL) == {Told(WATCH, "event:1"), Told(UUID(int=8), "event:1")}
        assert len(tx.notices.of(EMAIL)) == 2


def test_a_thing_told_before_is_refused_and_nothing_of_the_notice_stays(database: Database) -> None:
    with database.begin() as tx:
        tx.notices.add(notice(item("event:1")))
    tomorrow = notice(item("event:1", "event:2"), day=date(2026, 3, 3))
    with pytest.raises(PermanentError, match="told before"), database.begin() as tx:
        tx.notices.add(tomorrow)
    with database.begin() as tx:
        assert tx.notices.get(tomorrow.id) is None
        assert tx.notices.told(EMAIL) == {Told(WATCH, "event:1")}


def test_what_is_cut_from_a_notice_was_not_told(database: Database) -> None:
    with database.begin() as tx:
        tx.notices.add(notice(item("event:1"), item("event:2", watch_id=UUID(int=2))))
    with database.begin() as tx:
        tx.notices.replace(notice(item("event:1"), held_over=()))
    with database.begin() as tx:
        assert tx.notices.of(EMAIL) == [notice(item("event:1"), held_over=())]
        assert tx.notices.told(EMAIL) == {Told(WATCH, "event:1")}
        tx.notices.replace(notice(item("event:1")).model_copy(update={"items": ()}))
    with database.begin() as tx:
        assert tx.notices.told(EMAIL) == set()
        assert tx.notices.add(notice(item("event:1"), day=date(2026, 3, 3)))


def test_erased_words_go_and_what_was_told_stays_told(database: Database) -> None:
    letter = ToldLetter(id=UUID(int=9), subject="ARR passed 2M", body="It is at $2.1M now.", to="Nell")
    other = TOLD.model_copy(update={"event_id": UUID(int=3), "title": "A deal", "figures": (), "said": None})
    said = item(f"event:{EVENT}", "event:3", because="ARR was $2.1M", events=(TOLD, other), more=("x",), letter=letter)
    untouched = notice(item("letter:9", conditions=(), letter=letter), day=date(2026, 3, 3))
    with database.begin() as tx:
        tx.notices.add(notice(said))
        tx.notices.add(untouched)
    with database.begin() as tx:
        assert tx.notices.take_words([], []) == tx.notices.take_words([UUID(int=7)], []) == 0
        assert tx.notices.take_words([EVENT], []) == 1
        assert tx.notices.take_words([EVENT], []) == 0
    with database.begin() as tx:
        emptied, second = tx.notices.of(EMAIL)
        assert not re.search(r"2\.1|2100000", emptied.model_dump_json())
        assert [each.title for each in emptied.items[0].events] == ["", "A deal"]
        assert second == untouched
        assert Told(WATCH, f"event:{EVENT}") in tx.notices.told(EMAIL)
        assert tx.notices.take_words([], [letter.id]) == 1
        assert tx.notices.of(EMAIL)[1].items[0].letter is None


def test_words_of_an_event_go_from_wherever_a_notice_shows_it_also_where_another_told_it(database: Database) -> None:
    beside = [
        item("now:1", because="at $2.1M", conditions=(), against=(TOLD,)),
        item("now:2", because="at $2.1M", conditions=(), events=(TOLD,)),
        item("now:3", because="at $2.1M"),
    ]
    with database.begin() as tx:
        tx.notices.add(notice(*beside))
        assert tx.notices.take_words([EVENT], []) == 1
    with database.begin() as tx:
        (emptied,) = tx.notices.of(EMAIL)
    assert not re.search(r"2\.1|2100000", emptied.model_dump_json())


def test_of_notices_made_at_once_for_one_day_one_is_kept(database: Database) -> None:
    gate = Barrier(4)

    def make(number: int) -> bool:
        gate.wait()
        with database.begin() as tx:
            tx.notices.lock(EMAIL)
            return tx.notices.add(notice(item(f"event:{number}")))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == [False, False, False, True]
    with database.begin() as tx:
        assert len(tx.notices.told(EMAIL)) == 1


def test_whoever_makes_a_persons_notice_is_alone_with_it(database: Database) -> None:
    """Of two that look first whether there is one, and only then make it, the second sees the first's."""
    gate = Barrier(2)

    def make(day: int) -> bool:
        gate.wait()
        with database.begin() as tx:
            tx.notices.lock(EMAIL)
            if tx.notices.told(EMAIL):
                return False
            return tx.notices.add(notice(item("event:1"), day=date(2026, 3, day)))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(make, (2, 3))) == [False, True]
