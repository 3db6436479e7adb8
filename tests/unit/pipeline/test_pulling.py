"""One reader's turn with a stream: what is read, what is kept after every page, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import Mock

import pytest

from sago.domain.connections import ConnectionState, Refresh
from sago.errors import ConfigError, HeldBackError, PermanentError, TransientError
from sago.pipeline.pulling import Pace
from sago.pipeline.turns import End
from sago.ports import Identity
from tests.standins.paged import TWICE, Answer, Paged, at
from tests.unit.pipeline.pull_world import ID, PACE, World

FAILS = Answer(500, {})
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    return World()


def test_a_window_is_read_page_by_page_to_its_end(world: World) -> None:
    world.say(5)
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, pulled.pages, pulled.taken) == (End.READ, 3, 5)
    stream = world.stream()
    assert world.stored() == [0, 1, 2, 3, 4]
    assert (stream.window, stream.cursor, stream.read_until) == (None, None, world.clock.now())
    assert (stream.taken, stream.newest_at, stream.lease_until) == (5, at(599), None)
    assert stream.due_at == world.clock.now() + PACE.pull_every


def test_the_end_of_a_window_is_frozen_and_the_next_one_begins_there(world: World) -> None:
    world.say(3)

    def somebody_speaks() -> None:
        world.wait(0.5)
        world.book.say("R1", world.clock.now())

    world.before_list = somebody_speaks
    world.pull()
    assert world.stored() == [0, 1, 2]
    world.wait(5)
    world.pull()
    assert world.stored() == [0, 1, 2, 3]
    assert world.published() == [0, 1, 2, 3]


def test_the_next_window_looks_back_and_what_is_known_is_not_handed_on_again() -> None:
    world = World(Pace(PACE.pull_every, PACE.run_for, look_back=timedelta(minutes=3)))
    world.say(6)
    world.pull()
    world.bridge()
    late = world.book.say("R1", world.clock.now() - timedelta(minutes=2), "said before, shown late")
    world.wait(1)
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.taken, pulled.known) == (1, 3)
    assert late.number in world.stored()
    assert world.published() == [0, 1, 2, 3, 4, 5, 6]


def test_the_first_window_of_a_day_looks_back_the_whole_way_and_the_others_an_hour() -> None:
    world = World(Pace(PACE.pull_every, PACE.run_for, look_back=timedelta(days=2)))
    world.say(1)
    world.pull()
    early = world.book.say("R1", world.clock.now() - timedelta(minutes=61), "edited after two hours")
    recent = world.book.say("R1", world.clock.now() - timedelta(minutes=59), "edited after a minute")
    world.pull()
    assert world.stored() == [0, recent.number]
    world.wait(24 * 60)
    world.pull()
    assert world.stored() == [0, early.number, recent.number]


def test_a_look_back_never_reaches_before_what_the_founder_agreed_to() -> None:
    world = World(Pace(PACE.pull_every, PACE.run_for, look_back=timedelta(days=30)), since=595)
    world.say(10)
    world.pull()
    world.pull()
    assert world.stored() == [5, 6, 7, 8, 9]


def test_without_a_beginning_what_was_there_before_is_left_alone_and_what_is_said_since_is_taken() -> None:
    world = World(since=None)
    world.say(4)
    world.wait(3)
    world.say(2)
    world.pull()
    assert world.stored() == [4, 5]


def test_what_is_left_out_and_what_cannot_be_read_is_counted(world: World) -> None:
    world.say(1)
    world.book.say("R1", at(599), "joined")
    world.book.say("R1", at(599), "garbled")
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.taken, dict(pulled.ignored), pulled.refused) == (1, {"a join": 1}, 1)
    assert [record.headers["error"] for record in world.log.records("paged-messages.dlq")] == ["text cannot be read"]


def test_a_reader_gives_its_turn_back_when_its_time_is_over_and_the_next_goes_on_from_there(world: World) -> None:
    world.say(6)
    world.before_list = lambda: world.wait(2)
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, pulled.pages) == (End.UNFINISHED, 1)
    stream = world.stream()
    assert stream.due_at == world.clock.now()
    assert stream.window is not None
    assert stream.window.end == at(600)
    world.pull()
    assert world.stored() == list(range(6))
    assert world.stream().read_until == at(600)
    assert world.book.asked == ["R1", "R1 1-2", "R1 1-4"]


def test_a_short_outage_is_waited_for_within_the_turn(world: World) -> None:
    world.say(3)
    world.book.script += [FAILS, FAILS]
    before = world.clock.now()
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, pulled.taken) == (End.READ, 3)
    assert world.clock.now() - before == timedelta(seconds=1.5 + 3)
    assert (world.stream().failures, world.stream().error) == (0, "")


def test_a_long_outage_ends_the_turn_and_the_pauses_grow_to_an_hour(world: World) -> None:
    world.say(3)
    pauses = []
    for _ in range(14):
        world.book.script.extend([FAILS] * 3)
        pulled = world.pull()
        assert pulled is not None
        assert pulled.end is End.FAILED
        stream = world.stream()
        pauses.append((stream.due_at - world.clock.now()).total_seconds())
        world.book.script.clear()
        world.clock.advance(stream.due_at - world.clock.now())
    assert pauses == sorted(pauses)
    assert pauses[0] == 6
    assert pauses[-1] == 0.75 * 3600
    assert world.stream().error == "paged answers 500"
    assert world.pull() is not None
    assert world.stored() == [0, 1, 2]


def test_a_page_that_kills_its_process_is_a_failure_and_read_again_after_longer_and_longer_pauses(world: World) -> None:
    world.say(3)
    pauses = []
    for failures in range(1, 15):
        world.die_at = 3
        assert world.pull() is None
        stream = world.stream()
        assert stream.failures == failures
        pauses.append(stream.due_at - world.clock.now())
        assert world.polling.send(stream.due_at - timedelta(seconds=1)).streams == 0
        world.clock.advance(pauses[-1])
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(minutes=5 + 45)
    assert world.pull() is not None
    assert (world.stream().failures, world.stream().error) == (0, "")
    assert world.stored() == [0, 1, 2]


def test_the_vendor_says_how_long_to_wait(world: World) -> None:
    world.say(3)
    world.book.script += [None, Answer(429, {}, {"retry-after": "90"})]
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, pulled.pages, pulled.error) == (End.FAILED, 1, "paged answers 429")
    stream = world.stream()
    assert stream.due_at == world.clock.now() + timedelta(seconds=90)
    assert stream.cursor == {"page": "1-2"}


def test_our_own_limit_is_no_failure_and_those_that_wait_for_it_do_not_come_back_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object, **__: object) -> None:
        raise HeldBackError("paged/P1 has had its calls", retry_after=timedelta(seconds=40))

    monkeypatch.setattr(world.book, "answer", held)
    pulled = world.pull()
    assert pulled is not None
    assert pulled.end is End.WAITS
    stream = world.stream()
    assert (stream.failures, stream.error) == (0, "")
    assert stream.due_at == world.clock.now() + timedelta(seconds=40 + 1 + 2.5)


def test_a_turn_waits_for_a_limit_that_is_over_in_seconds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.say(1)
    answer = world.book.answer
    waits = [HeldBackError("once", retry_after=timedelta(seconds=4)), HeldBackError("twice")]

    def held(*asked: str) -> Answer:
        if waits:
            raise waits.pop()
        return answer(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(world.book, "answer", held)
    assert world.pull() is not None
    assert world.stored() == [0]
    assert world.clock.now() == at(600) + timedelta(seconds=4.1)


def test_an_expired_page_is_read_from_the_beginning_of_its_window(world: World) -> None:
    world.say(5)
    world.before_list = lambda: setattr(world.book, "epoch", 2)
    pulled = world.pull()
    assert pulled is not None
    assert pulled.end is End.READ
    assert world.stored() == [0, 1, 2, 3, 4]
    assert world.book.asked == ["R1", "R1 1-2", "R1", "R1 2-2", "R1 2-4"]


def test_a_vendor_that_forgets_each_page_is_out_and_not_asked_again_and_again(world: World) -> None:
    world.say(5)
    world.book.script += [None, Answer(410, {})] * 9
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, len(world.book.asked)) == (End.FAILED, 4)
    assert world.pull() is not None
    world.book.script.clear()
    world.pull()
    assert world.stored() == [0, 1, 2, 3, 4]


def test_a_place_that_nobody_named_cannot_expire_for_ever(world: World) -> None:
    world.say(1)
    world.book.script += [Answer(410, {})] * 9
    pulled = world.pull()
    assert pulled is not None
    assert pulled.end is End.FAILED
    assert len(world.book.asked) == 1


def test_a_page_that_comes_twice_is_taken_once(world: World) -> None:
    world.say(5)
    world.book.script += [None, TWICE]
    world.pull()
    assert world.stored() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("names", [("same", "same"), ("one", "other")])
def test_a_list_that_does_not_move_on_is_an_outage_and_no_loop(world: World, names: tuple[str, str]) -> None:
    world.book.script += [Answer(200, {"lines": [], "next": name}) for name in names * 25]
    pulled = world.pull()
    assert pulled is not None
    assert pulled.end is End.FAILED
    assert "as the next one" in pulled.error
    assert len(world.book.asked) == len(set(names)) + 1
    assert world.stream().due_at == world.clock.now() + PACE.pull_every


def test_an_account_that_is_refused_is_read_no_more_and_says_how_to_mend_it(world: World) -> None:
    world.say(1)
    world.book.script.append(Answer(401, {}))
    pulled = world.pull()
    assert pulled is not None
    assert pulled.end is End.REFUSED
    assert (world.known().state, world.known().reason) == (
        ConnectionState.REFUSED,
        "paged answers 401: connect it again with `sago connect paged`",
    )
    world.wait(60)
    assert world.polling.send(world.clock.now()) == (0, 0)
    assert world.pull() == world.pulling.pull(ID, "R1")
    assert world.stored() == []


def test_what_a_person_has_to_mend_is_told_apart_from_what_passes_until_it_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.say(1)
    for error in (PermanentError("missing_scope"), TransientError("out"), ConfigError("paged.key: not set")):
        with monkeypatch.context() as patched:
            patched.setattr(Paged, "page", Mock(side_effect=error))
            for _ in range(10):
                pulled = world.pull()
        assert (pulled and pulled.end) is End.FAILED
        assert world.stream().needs_mending is not isinstance(error, TransientError)
    world.pull()
    assert not world.stream().needs_mending


def test_a_room_that_is_gone_stops_for_a_day_and_the_others_go_on(world: World) -> None:
    world.say(2, "R2")
    with world.database.begin() as tx:
        tx.streams.ensure(ID, ["R1", "R2"], world.clock.now())
    gone, read = world.pull("R1"), world.pull("R2")
    assert gone is not None
    assert read is not None
    assert (gone.end, gone.error, read.end) == (End.FAILED, "paged has no such room", End.READ)
    assert world.stream("R1").due_at == world.clock.now() + DAY
    with world.database.begin() as tx:
        tx.streams.wake(ID, ["R1"], world.clock.now())
    assert world.stream("R1").due_at == world.clock.now() + DAY
    assert world.stored() == [0, 1]


def test_an_error_of_ours_tells_its_kind_alone_and_holds_nothing_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.say(1)

    def page(*_: object) -> None:
        raise KeyError("the text of a message")

    monkeypatch.setattr(Paged, "page", page)
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, pulled.error) == (End.FAILED, "KeyError: a bug, please report it")
    assert world.stream().lease_until is None
    assert world.stream().failures == 1


def test_a_wrong_setting_is_told_and_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def vendor(*_: object) -> None:
        raise ConfigError("sources.token_keys is not set")

    monkeypatch.setattr(world, "vendor", vendor)
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, world.stream().error) == (End.FAILED, "sources.token_keys is not set")
    assert world.known().state is ConnectionState.ACTIVE


def test_of_a_connection_that_is_removed_meanwhile_nothing_more_is_taken(world: World) -> None:
    world.say(6)

    def removed() -> None:
        with world.database.begin() as tx:
            tx.connections.save(world.connection.model_copy(update={"state": ConnectionState.REMOVED}))

    world.before_list = removed
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, pulled.pages) == (End.LEFT, 0)
    assert world.published() == []
    assert world.known().state is ConnectionState.REMOVED
    assert len(world.book.asked) == 1


def test_what_is_shared_now_counts_not_what_was_when_the_turn_began(world: World) -> None:
    world.say(2)

    def narrowed() -> None:
        with world.database.begin() as tx:
            tx.connections.save(world.connection.model_copy(update={"containers": ("R9",)}))

    world.before_list = narrowed
    pulled = world.pull()
    assert pulled is not None
    assert dict(pulled.ignored) == {"not in the share": 2}
    assert world.published() == []


def test_a_reader_that_was_overtaken_ends_and_changes_nothing(world: World) -> None:
    world.say(6)
    other = world.process()

    def overtaken() -> None:
        world.wait(6)
        assert other.pull(ID, "R1").end is End.READ

    world.before_list = overtaken
    pulled = world.pull()
    assert pulled is not None
    assert (pulled.end, pulled.error) == (End.LEFT, "")
    stream = world.stream()
    assert (stream.window, stream.failures, stream.fence) == (None, 0, 3)
    assert world.stored() == list(range(6))


def test_two_readers_at_once_are_one(world: World) -> None:
    world.say(2)
    found = []
    world.before_list = lambda: found.append(world.process().pull(ID, "R1").end)
    assert world.pull() is not None
    assert found == [End.LEFT]
    assert world.book.asked == ["R1"]


def test_streams_and_people_are_listed_when_a_connection_is_new_and_once_a_day(world: World) -> None:
    world.say(1, "R1")
    world.say(1, "R2")
    assert world.polling.send(world.clock.now()) == (1, 1)
    assert world.dispatcher.take() == [("sources.refresh", (ID,)), ("sources.pull", (ID, "R1"))]
    assert world.polling.send(world.clock.now()) == (0, 0)
    refreshed = world.pulling.refresh(ID)
    assert refreshed is not None
    assert (refreshed.due_at, refreshed.error) == (world.clock.now() + DAY, "")
    assert [person.native_id for person in world.people] == ["U1"]
    assert world.polling.send(world.clock.now()) == (1, 0)
    assert world.dispatcher.take() == [("sources.pull", (ID, "R2"))]
    world.clock.advance(DAY)
    assert world.polling.send(world.clock.now()) == (2, 1)


@pytest.mark.parametrize("shared", [("R1",), ("R1", "R2", "R3")])
def test_a_share_that_changes_while_streams_are_listed_stays(world: World, shared: tuple[str, ...]) -> None:
    with world.database.begin() as tx:
        tx.connections.save(world.connection.model_copy(update={"containers": ("R1", "R2")}))
    world.say(1, "R1")
    world.say(1, "R2")

    def changes() -> None:
        with world.database.begin() as tx:
            tx.connections.save(world.connection.model_copy(update={"containers": shared}))
            tx.streams.ensure(ID, shared, world.clock.now())

    world.before_list = changes
    assert world.pulling.refresh(ID) is not None
    with world.database.begin() as tx:
        assert [each.name for each in tx.streams.of(ID)] == list(shared)


def test_what_is_connected_anew_during_a_refresh_is_refreshed_again_at_once(world: World) -> None:
    with world.database.begin() as tx:
        tx.streams.keep_refresh(Refresh(connection_id=ID, due_at=world.clock.now() - DAY))

    def connects() -> None:
        with world.database.begin() as tx:
            tx.streams.keep_refresh(Refresh(connection_id=ID, due_at=world.clock.now()))

    world.before_list = connects
    refreshed = world.pulling.refresh(ID)
    assert refreshed is not None
    with world.database.begin() as tx:
        assert tx.streams.refresh(ID) == refreshed
    assert refreshed.due_at == world.clock.now()


def test_what_could_not_be_sent_does_not_count_as_queued(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise TransientError("the broker is away")

    with monkeypatch.context() as patched:
        patched.setattr(world.dispatcher, "pull", away)
        with pytest.raises(TransientError):
            world.polling.send(world.clock.now())
    assert world.polling.send(world.clock.now()) == (1, 1)


def test_a_refresh_that_fails_is_tried_again_after_a_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.book, "answer", lambda *_: FAILS)
    for failures, pause in ((1, 1.5), (2, 3), (3, 6)):
        refreshed = world.pulling.refresh(ID)
        assert refreshed is not None
        assert (refreshed.failures, refreshed.error) == (failures, "paged answers 500")
        assert refreshed.due_at == world.clock.now() + timedelta(seconds=pause)


def test_a_refresh_that_cannot_be_read_whole_keeps_whom_it_read_and_comes_again_after_longer_and_longer_pauses(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def many(*_: object) -> Iterator[Identity]:
        yield from (Identity(f"U{number}", "Ana", "") for number in range(1200))
        raise HeldBackError("paged/P1 has had its calls", retry_after=timedelta(seconds=60))

    monkeypatch.setattr(Paged, "people", many)
    pauses = []
    for failures in range(1, 13):
        world.people.clear()
        refreshed = world.pulling.refresh(ID)
        assert refreshed is not None
        assert refreshed.failures == failures
        assert len(world.people) == 1000
        pauses.append((refreshed.due_at - world.clock.now()).total_seconds())
    assert (pauses[0], pauses[-1]) == (63.5, 0.75 * 3600)


def test_a_refresh_that_is_refused_refuses_the_account(world: World) -> None:
    world.book.tokens = {}
    world.book.tokens["another"] = "refresh"

    def ended(*_: object) -> Answer:
        return Answer(401, {})

    world.book.answer = ended  # type: ignore[method-assign]
    assert world.pulling.refresh(ID) is not None
    assert world.known().state is ConnectionState.REFUSED
    assert world.pulling.refresh(ID) is None
