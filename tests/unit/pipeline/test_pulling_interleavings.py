"""Any order of outages, kills, take-overs, wakes and new lines: each line ends in the raw store once, and the stream at
its end. Nothing is looked back for, so that no later window hides what an earlier one lost."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from sago.domain.connections import EVERY_CONTAINER, Token
from sago.pipeline.connecting import Connecting, Wanted
from sago.pipeline.turns import End
from tests.standins.paged import ACCOUNT, FIRST, TWICE, WELL, Answer, at
from tests.standins.told_vault import ToldVault
from tests.unit.pipeline.pull_world import ID, Killed, World

ANSWERS = [
    WELL,
    TWICE,
    Answer(500, {}),
    Answer(429, {}, {"retry-after": "3"}),
    Answer(429, {}, {"retry-after": "90"}),
    Answer(410, {"error": "page has expired"}),
    Answer(404, {}),
    Answer(401, {}),
    Answer(200, {"unreadable": True}),
]
scripts = st.lists(st.sampled_from(ANSWERS), max_size=4)
minutes = st.sampled_from([0, 200, 400])
steps = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 5)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1, 6, 61, 24 * 60])),
    st.tuples(st.just("read"), scripts),
    st.tuples(st.just("die"), st.tuples(scripts, st.integers(0, 40))),
    st.tuples(st.just("overtake"), scripts),
    st.tuples(st.just("wake"), st.none()),
    st.tuples(st.just("expire"), st.none()),
    st.tuples(st.just("connect"), minutes),
    st.tuples(st.just("reach"), st.tuples(minutes, scripts)),
    st.tuples(st.just("bridge"), st.none()),
)


class Days:
    """What happens to a world, one thing after the other."""

    def __init__(self) -> None:
        self.world = World(since=590)
        for minute in (100, 300, 500, 599):
            self.world.book.say("R1", at(minute))

    def happen(self, what: str, how: object) -> None:
        getattr(self, what)(*(() if how is None else (how,)))

    def say(self, count: int) -> None:
        for _ in range(count):
            self.world.book.say("R1", self.world.clock.now())
            self.world.clock.advance(timedelta(seconds=1))

    def wait(self, minutes: float) -> None:
        self.world.wait(minutes)

    def read(self, script: list[Answer | str | None]) -> None:
        self.world.book.script.extend(script)
        self.world.pull()
        self.world.book.script.clear()

    def die(self, how: tuple[list[Answer | str | None], int]) -> None:
        script, self.world.die_at = how
        self.read(script)

    def overtake(self, script: list[Answer | str | None]) -> None:
        """While one waits for its page another takes the stream over; then the first goes on."""
        self.world.before_list = self._another
        self.read(script)
        self.world.before_list = None

    def reach(self, how: tuple[int, list[Answer | str | None]]) -> None:
        """While one waits for its page the account is connected from earlier on, and another reads."""
        minute, script = how

        def connected() -> None:
            self.connect(minute)
            self.world.process().pull(ID, "R1")

        self.world.before_list = connected
        self.read(script)
        self.world.before_list = None

    def _another(self) -> None:
        self.world.wait(6)
        self.world.process().pull(ID, "R1")

    def wake(self) -> None:
        with self.world.database.begin() as tx:
            tx.streams.wake(ID, ["R1"], self.world.clock.now())

    def expire(self) -> None:
        self.world.book.epoch += 1

    def connect(self, minute: int = 590) -> None:
        """Once more, and from so early on: where that is earlier than before, its streams are made anew."""
        since = min(at(minute), self.world.known().since or at(590))
        connecting = Connecting(self.world.database, ToldVault(), self.world.clock)
        wanted = Wanted(containers=(EVERY_CONTAINER,), company_id="acme", since=since)
        token = Token(access=SecretStr(FIRST), refresh=SecretStr("refresh-1"))
        connecting.connect(("paged", ACCOUNT, "Paged"), token, wanted, lambda _: ["R1"], "a founder")

    def bridge(self) -> None:
        self.world.bridge()

    def end(self) -> None:
        """All is well again: what is due is read until nothing is."""
        self.connect()
        self.world.wait(2 * 24 * 60)
        for _ in range(20):
            self.world.polling.send(self.world.clock.now())
            for name, _ in self.world.dispatcher.take():
                if name == "sources.pull":
                    self.world.pull()
            self.world.wait(1)


@settings(max_examples=400)
@given(st.lists(steps, max_size=14))
def test_each_line_is_stored_once_whatever_happens_and_the_stream_is_at_its_end(
    happens: list[tuple[str, object]],
) -> None:
    days = Days()
    world = days.world
    for what, how in happens:
        days.happen(what, how)
    days.end()
    since = world.known().since
    assert since is not None
    assert world.stored() == [line.number for line in world.book.lines if line.at >= since]
    stream = world.stream()
    assert stream.read_until is not None
    assert stream.read_until > world.book.lines[-1].at
    assert (stream.window, stream.cursor, stream.failures, stream.error) == (None, None, 0, "")
    assert stream.lease_until is None
    assert world.log.records("paged-messages.dlq") == []
    event(f"published again: {len(world.published()) > len(world.book.lines)}")


@settings(max_examples=200)
@given(st.integers(0, 60), st.integers(1, 7))
def test_a_kill_at_any_step_of_a_turn_loses_nothing_and_reads_one_page_again(die_at: int, count: int) -> None:
    world = World()
    world.say(count)
    world.die_at = die_at
    was_killed = world.pull() is None
    event(f"killed: {was_killed}")
    until = world.stream().cursor
    world.wait(6)
    world.book.asked.clear()
    pulled = world.pull()
    assert pulled is not None
    assert pulled.end is End.READ
    assert world.stored() == list(range(count))
    assert world.book.asked[0] == (f"R1 {until['page']}" if until else "R1")
    assert len(world.published()) <= count + world.book.page_size


def test_a_kill_is_a_kill() -> None:
    world = World()
    world.die_at = 0
    assert world.pull() is None
    try:
        world.die_at = 0
        world.pulling.pull(ID, "R1")
    except Killed:
        return
    raise AssertionError("it went on")
