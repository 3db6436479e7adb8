"""Any order of outages, kills, take-overs, wakes and new lines: each line ends in the raw store once, and the stream at
its end. Nothing is looked back for, so that no later window hides what an earlier one lost."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st

from sago.domain.connections import ConnectionState
from sago.pipeline.turns import End
from tests.standins.paged import TWICE, WELL, Answer
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
steps = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 5)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1, 6, 61, 24 * 60])),
    st.tuples(st.just("read"), scripts),
    st.tuples(st.just("die"), st.tuples(scripts, st.integers(0, 40))),
    st.tuples(st.just("overtake"), scripts),
    st.tuples(st.just("wake"), st.none()),
    st.tuples(st.just("expire"), st.none()),
    st.tuples(st.just("connect"), st.none()),
    st.tuples(st.just("bridge"), st.none()),
)


class Days:
    """What happens to a world, one thing after the other."""

    def __init__(self) -> None:
        self.world = World()

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

    def _another(self) -> None:
        self.world.wait(6)
        self.world.process().pull(ID, "R1")

    def wake(self) -> None:
        with self.world.database.begin() as tx:
            tx.streams.wake(ID, ["R1"], self.world.clock.now())

    def expire(self) -> None:
        self.world.book.epoch += 1

    def connect(self) -> None:
        with self.world.database.begin() as tx:
            tx.connections.save(self.world.connection.model_copy(update={"state": ConnectionState.ACTIVE}))

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
    world.book.say("R1", world.clock.now() - timedelta(minutes=1))
    for what, how in happens:
        days.happen(what, how)
    days.end()
    assert world.stored() == [line.number for line in world.book.lines]
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
