"""From items to the log: each is stored, known, left out or a dead letter, in whatever order and however often."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.connections import Connection, Route
from sago.domain.erasures import Erasure
from sago.domain.messages import Message
from sago.errors import TransientError
from sago.pipeline.disconnecting import take_connected
from sago.pipeline.item_letters import kept_in
from sago.pipeline.projecting import project
from sago.pipeline.reception import Reception
from sago.pipeline.taking import DIRECT, NOT_SHARED, NOT_SHARED_ANY_MORE, TOO_EARLY, UNFORESEEN, Taken, Taking
from sago.ports import Item, guarded
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore
from tests.unit.pipeline.scripted_source import NOW, Scripted, connection_of, item

SOURCE = Scripted()
CONNECTION = connection_of(company_id=None, containers=("C1", "C2"))
ROUTES = [Route(connection_id=CONNECTION.id, kind="container", key="C1", company_id="acme")]


class SoftTimeLimitExceeded(Exception):  # noqa: N818 - its name is what is looked at
    """As Celery's."""


class House:
    """Taking over stores in memory; `settle` does what the bridge and a store task do."""

    def __init__(self, connection: Connection = CONNECTION, names: Mapping[str, str] | None = None) -> None:
        self.connection, self.names = connection, names or {}
        self.log = MemoryLog({"slack": "slack-messages"})
        self.raw, self.database, self.clock = MemoryRawStore(), MemoryDatabase(), ManualClock(NOW)
        reception = Reception(self.log, self.raw, self.database, self.clock, until_stored=False, within=2)
        self.taking = Taking(
            reception, self.raw, self.log, self.database, self.clock, lambda name: f"{name}-messages", self.names_of
        )
        with self.database.begin() as tx:
            tx.connections.save(connection)
            for route in ROUTES:
                tx.connections.route(route)

    def names_of(self, _: Connection) -> Mapping[str, str]:
        return self.names

    def take(self, items: Sequence[Item]) -> Taken:
        return self.taking.take(SOURCE, self.connection, items)

    def settle(self) -> None:
        for record in self.log.records("slack-messages"):
            self.raw.store([Message.from_json(record.value)], str(record.position), NOW)
        project(self.log.records("slack-messages.dlq"), self.database, NOW)

    def published(self) -> list[Message]:
        return [Message.from_json(record.value) for record in self.log.records("slack-messages")]

    def letters(self) -> list[Any]:
        with self.database.begin() as tx:
            return tx.ledger.dead_letters()


GOOD = [item(id=str(number), text="a line") for number in range(6)]
BAD = [
    item(id="bad-1", text=""),
    item(id="bad-2", text="x", sent_at="2031-01-01T00:00:00+00:00"),
    item(id="bad-3", **{"raise": "text of a message"}),
    item(id="bad-4", text="\ud800"),
    item(id="bad-5", text="nul \x00"),
    item("C2", id="nobodys", text="of no company"),
]
LEFT_OUT = [item(id="x", ignore="a bot"), item("C3", id="secret", text="another channel"), item(None, id="y", text="z")]
ITEMS = st.lists(st.sampled_from([*GOOD, *BAD, *LEFT_OUT]), max_size=12)


@given(st.lists(ITEMS, max_size=4))
def test_each_item_is_in_one_of_the_four_and_nothing_is_lost_or_doubled(deliveries: list[list[Item]]) -> None:
    house = House()
    for items in deliveries:
        taken = house.take(items)
        assert len(taken.ids) + taken.known + taken.ignored.total() + len(taken.refused) == len(items)
        house.settle()
    every = [each for items in deliveries for each in items]
    wanted = {f"slack:{each.payload['id']}" for each in every if each in GOOD}
    ids = [message.id for message in house.published()]
    assert Counter(ids) == Counter(wanted)
    bad = [each for each in every if each in BAD]
    kept = [kept_in(letter).item for letter in house.letters()]
    assert len(kept) == len({each.payload["id"] for each in bad})
    assert all(each in kept for each in bad)
    assert len(house.log.records("slack-messages.dlq")) == len(kept), "no letter is written twice"


@given(st.permutations([*GOOD, *GOOD[:2], *BAD, *LEFT_OUT]), st.integers(0, 15))
def test_the_same_items_in_any_order_and_portions_come_to_the_same(items: list[Item], cut: int) -> None:
    one, other = House(), House()
    one.take([*GOOD, *BAD, *LEFT_OUT])
    for portion in (items[:cut], items[cut:]):
        other.take(portion)
        other.settle()
    one.settle()
    contents = [{(each.ref, each.content_sha()) for each in house.published()} for house in (one, other)]
    assert contents[0] == contents[1]
    origins = [{letter.origin for letter in house.letters()} for house in (one, other)]
    assert origins[0] == origins[1]


@pytest.mark.parametrize(
    ("containers", "taken", "ignored"),
    [(("*",), 0, {DIRECT: 1}), (("C1",), 0, {DIRECT: 1}), (("*", "D1"), 1, {}), (("D1",), 1, {})],
)
def test_a_direct_message_is_shared_by_its_name_alone(
    containers: tuple[str, ...], taken: int, ignored: dict[str, int]
) -> None:
    direct = item("D1", id="m-1", text="between two")._replace(is_direct=True)
    found = House(connection_of(containers=containers)).take([direct])
    assert (len(found.ids), found.ignored) == (taken, ignored)


def test_reasons_hold_no_words_of_a_message() -> None:
    house = House()
    taken = house.take([*BAD, *LEFT_OUT])
    assert taken.ignored == {"a bot": 1, NOT_SHARED: 2}
    assert taken.refused[2] == f"{UNFORESEEN}: TypeError"
    assert taken.refused[-1] == "unassigned: no channel or domain of it belongs to a company"
    assert "text of a message" not in "".join(taken.refused)


def test_an_item_that_could_not_be_made_is_a_dead_letter_beside_the_others() -> None:
    house = House()
    bad = [item(id="1", text="a", number=1), item("C3", id="2", text="b")]
    made = [guarded(each, lambda: Item({}, addresses=(str(1 // 0),))) for each in bad]
    taken = house.take([*made, guarded(bad[0], lambda: GOOD[0])])
    house.settle()
    assert (taken.ids, taken.refused) == (["slack:0"], [f"{UNFORESEEN}: ZeroDivisionError"])
    assert taken.ignored == {NOT_SHARED: 1}
    assert [kept_in(letter).item for letter in house.letters()] == [bad[0]]
    with pytest.raises(TransientError):
        guarded(GOOD[0], _away)


def _away() -> Item:
    raise TransientError("the vendor is away")


def test_what_was_said_before_the_share_began_is_left_out() -> None:
    early = (NOW - timedelta(days=2)).isoformat()
    for since, expected in ((NOW - timedelta(days=3), 0), (NOW - timedelta(days=1), 1), (None, 1)):
        house = House(connection_of(company_id="acme", since=since, created_at=NOW - timedelta(days=1)))
        taken = house.take([item(id="old", text="long ago", sent_at=early), item(id="new", text="now")])
        assert taken.ignored == ({TOO_EARLY: 1} if expected else {})
        assert "slack:new" in taken.ids


def test_two_of_one_id_in_one_delivery_are_one_message_the_first() -> None:
    house = House()
    taken = house.take([item(id="1", text="first"), item(id="1", text="second"), item(id="1", text="edit", version=5)])
    assert (taken.ids, taken.known) == (["slack:1", "slack:1"], 1)
    assert [(message.text, message.version) for message in house.published()] == [("first", 0), ("edit", 5)]


def test_people_have_the_names_of_the_connection() -> None:
    house = House(names={"U1": "Dana"})
    house.take([item(id="1", text="a", sender="U1"), item(id="2", text="b", sender="U2")])
    assert [message.sender for message in house.published()] == ["Dana", "U2"]


def test_a_dead_letter_keeps_the_whole_item_and_names_its_message_and_company() -> None:
    house = House(connection_of(company_id="acme"))
    lone = item("C1", ["ana@acme.example"], id="b", text="\ud800", more={"deep": [1, None, "é\ud800"]})
    house.take([lone, item(id="c", text="")])
    house.settle()
    letters = {kept_in(letter).item.payload["id"]: letter for letter in house.letters()}
    assert kept_in(letters["b"]) == ("slack", "T1", lone)
    assert {letter.company_id for letter in letters.values()} == {"acme"}
    assert letters["c"].message_id == "slack:c"
    assert all(letter.origin.startswith("item:slack/T1/") for letter in letters.values())


def test_an_item_nested_without_end_is_a_dead_letter_beside_good_ones() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    house = House()
    taken = house.take([GOOD[0], item(id="deep", text="deep", raw=deep), GOOD[1]])
    assert taken.ids == ["slack:0", "slack:1"]
    assert taken.refused == ["it is nested too deeply"]
    (record,) = house.log.records("slack-messages.dlq")
    assert json.loads(record.value)["payload"]["text"] == "deep"


def test_a_task_out_of_time_ends_and_a_server_that_is_down_is_no_items_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    for error in (SoftTimeLimitExceeded(), TransientError("down")):

        def fail(*_: Any, error: Exception = error) -> Message:
            raise error

        monkeypatch.setattr(SOURCE, "to_message", fail, raising=False)
        with pytest.raises(type(error)):
            house.take(GOOD)
    assert house.log.records("slack-messages.dlq") == []


def edit(text: str, **more: Any) -> Item:
    return item(id="1", text=text, version=1_772_470_060_000_000, **more)


def test_two_edits_of_one_second_are_both_stored_and_each_finds_itself_again() -> None:
    house = House()
    for text in ("10 customers", "12 customers", "120 customers"):
        taken = house.take([edit(text)])
        assert (len(taken.ids), taken.known) == (1, 0)
        house.settle()
    again = house.take([edit("120 customers"), edit("10 customers"), edit("12 customers")])
    assert (again.ids, again.known) == ([], 3)
    versions = {message.text: message.version - 1_772_470_060_000_000 for message in house.published()}
    assert versions == {"10 customers": 0, "12 customers": 1, "120 customers": 2}
    together = House()
    assert len(together.take([edit("10 customers"), edit("12 customers"), edit("10 customers")]).ids) == 2


def test_an_edit_that_was_pushed_with_a_finer_time_is_not_stored_again_where_it_is_fetched() -> None:
    house = House()
    for pushed in (edit("12 customers"), item(id="1", text="20 customers", version=1_772_470_060_000_900)):
        house.take([pushed])
        house.settle()
    assert house.take([edit("20 customers")]).known == 1
    assert len(house.take([edit("21 customers")]).ids) == 1
    assert len(house.published()) == 3


def test_a_name_learned_in_between_makes_no_edit() -> None:
    house = House()
    house.take([edit("hello", sender="U1", user="U1")])
    house.settle()
    house.names = {"U1": "Dana"}
    assert house.take([edit("hello", sender="U1", user="U1")]).known == 1


def test_an_edit_that_was_erased_is_not_stored_beside_its_empty_row() -> None:
    house = House()
    house.take([edit("hello")])
    house.settle()
    house.raw.empty([house.published()[0].ref])
    assert house.take([edit("hello")]).known == 1


def gone(number: str = "1", container: str = "C1") -> Item:
    return item(container, id=number, deleted=True, version=9)


def test_a_deletion_of_what_is_stored_passes_though_it_is_not_shared_any_more() -> None:
    for less in ({"containers": ("C9",)}, {"since": NOW}):
        house = House(connection_of(company_id="acme"))
        house.take([item(id="1", text="a line")])
        house.settle()
        house.connection = house.connection.model_copy(update=less)
        assert house.take([gone()]).ids == ["slack:1"]
        reason = NOT_SHARED if "containers" in less else TOO_EARLY
        assert house.take([gone("2"), edit("other words")]).ignored == {reason: 2}


def test_a_message_stays_with_the_company_it_was_stored_for() -> None:
    house = House(connection_of(company_id="holding"))
    house.take([item("C2", id="1", text="a line"), item("C2", id="2", text="an edit", version=5)])
    house.settle()
    with house.database.begin() as tx:
        tx.connections.route(Route(connection_id=CONNECTION.id, kind="container", key="C2", company_id="startup"))
    assert house.take([item("C2", id="1", text="a line")]).known == 1
    house.take([edit("edited"), gone("1", "C2"), gone("2", "C2"), item("C2", id="3", text="new")])
    later = {(each.company_id, each.id) for each in house.published()[2:]}
    assert later == {("holding", "slack:1"), ("holding", "slack:2"), ("startup", "slack:3")}


def test_what_is_not_stored_yet_stays_with_its_company_as_well() -> None:
    house = House(connection_of(company_id="holding"))
    house.take([item("C2", id="1", text="a line"), item("C2", id="2", text="a line")])
    with house.database.begin() as tx:
        tx.connections.route(Route(connection_id=CONNECTION.id, kind="container", key="C2", company_id="startup"))
    house.take([item("C2", id="1", text="a line"), gone("1", "C2"), item("C2", id="2", text="an edit", version=5)])
    house.connection = house.connection.model_copy(update={"containers": ("C9",)})
    assert house.take([gone("2", "C2")]).ids == ["slack:2"], "a deletion passes the share"
    assert {each.company_id for each in house.published()} == {"holding"}
    assert house.take([gone("3", "C2")]).ignored == {NOT_SHARED: 1}, "it tells of nothing that was taken"


def test_a_talk_goes_on_where_it_is_stored_when_its_channel_has_no_company_any_more() -> None:
    house = House()
    house.take([item(id="1", text="a line")])
    house.settle()
    with house.database.begin() as tx:
        tx.connections.unroute(CONNECTION.id, "container", "C1")
    assert house.take([gone(), item(id="2", text="nobody's")]).ids == ["slack:1"]
    assert house.published()[-1].company_id == "acme"


@pytest.mark.parametrize(("default", "routed"), [("acme", "bravo"), ("bravo", "acme")])
def test_nothing_is_taken_of_a_company_that_is_not_shared_any_more(default: str, routed: str) -> None:
    house = House(connection_of(company_id=default, containers=("*",)))
    erasure = {"id": uuid4(), "company_id": "acme", "because": "ended", "requested_by": "x", "requested_at": NOW}
    with house.database.begin() as tx:
        tx.connections.route(ROUTES[0].model_copy(update={"company_id": routed}))
        take_connected(tx, Erasure.model_validate(erasure), NOW)
        found = tx.connections.get(CONNECTION.id)
    assert found is not None
    house.connection = found
    theirs, others = ("C2", "C1") if default == "acme" else ("C1", "C2")
    said = [item(theirs, id=id_, **what) for id_, what in (("1", {"text": "a line"}), ("2", {"text": ""}))]
    taken = house.take([*said, item(theirs, id="3", **{"raise": "text"}), item(others, id="4", text="a line")])
    assert taken.ignored == {NOT_SHARED if default == "acme" else NOT_SHARED_ANY_MORE: 3}
    house.settle()
    assert house.letters() == []
    assert [(each.company_id, each.id) for each in house.published()] == [("bravo", "slack:4")]


def test_a_deletion_withdraws_the_open_letter_of_its_message() -> None:
    house = House()
    house.take([item("C2", id="1", text="whose is this?"), item("C2", id="2", text="and this?")])
    house.settle()
    house.clock.advance(timedelta(minutes=1))
    for _ in range(2):
        house.take([gone(container="C2")])
        house.settle()
    assert {letter.origin for letter in house.letters()} == {"item:slack/T1/slack:1/9", "item:slack/T1/slack:2/0"}
    with house.database.begin() as tx:
        closed = tx.ledger.dead_letter("item:slack/T1/slack:1/0")
    assert closed is not None
    assert (closed.value, closed.replayed_at) == (b"", house.clock.now())
    (own,) = [letter for letter in house.letters() if letter.origin.endswith("/9")]
    assert kept_in(own).item.deletes


def test_what_is_not_shared_or_too_early_is_looked_at_by_nothing() -> None:
    house = House(connection_of(company_id="acme", containers=("C1",), since=NOW))
    early = item(id="1", text="nul \x00", **{"raise": "x"})._replace(at=NOW - timedelta(days=1))
    taken = house.take([early, item("C3", ignore="a bot", **{"raise": "y"})])
    assert (taken.ignored, taken.refused) == ({TOO_EARLY: 1, NOT_SHARED: 1}, [])
    assert house.log.records("slack-messages.dlq") == []


def test_what_an_erased_sender_sends_later_and_nobody_can_read_keeps_its_reason_alone() -> None:
    house = House()
    asked = {"id": CONNECTION.id, "company_id": "acme", "because": "asked", "requested_by": "cli:dana"}
    with house.database.begin() as tx:
        tx.erasures.add(Erasure.model_validate({**asked, "sender": "U1", "requested_at": NOW}))
    sent = [item(id=f"{user}{place}", text="", container=place) for user in ("U1", "U2") for place in ("C1", "C2")]
    house.take([each._replace(sender=str(each.payload["id"])[:2]) for each in sent])
    house.settle()
    assert sorted((letter.company_id or "", bool(letter.value)) for letter in house.letters()) == [
        ("", False), ("", True), ("acme", False), ("acme", True),
    ]  # fmt: skip
