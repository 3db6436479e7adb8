"""Two bridges over one log in memory, whatever happens to them and in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sago.errors import TransientError
from sago.pipeline.bridging import BridgeLimits
from sago.ports import Fate
from tests.unit.pipeline.bridge_world import TOPICS, World, message

LIMITS = BridgeLimits(batch_messages=3, linger=0, in_flight_batches=3, max_consecutive=1000, drain_timeout=1)
SOURCES = st.sampled_from(sorted(TOPICS))
MEMBERS = st.integers(0, 1)
FATES = tuple(map(str, Fate))


class Group(RuleBasedStateMachine):
    """What is stored is what a store task has done, whether anybody heard of it or not."""

    def __init__(self) -> None:
        super().__init__()
        first = World(LIMITS)
        self.log, self.queue = first.log, first.queue
        second = World(LIMITS, first.queue, first.log, first.database, first.buffer, first.clock)
        self.members = (first, second)
        second.consumer.lose(self.log.pairs())
        self.stored: set[bytes] = set()
        self.published: set[bytes] = set()
        self.spoiled: set[str] = set()
        self.committed: dict[tuple[str, int], int] = {}

    @initialize()
    def some_are_on_their_way(self) -> None:
        for source in TOPICS:
            self.publish(source, 7)

    @rule(source=SOURCES, count=st.integers(1, 7))
    def publish(self, source: str, count: int) -> None:
        """Every third message is the one before, delivered again."""
        numbers = [len(self.published) + index - index // 3 for index in range(count)]
        messages = [message(number, source=source) for number in numbers]
        self.log.publish(messages)
        self.published |= {each.to_json() for each in messages}
        self.step()

    @rule(source=SOURCES)
    def spoil(self, source: str) -> None:
        self.spoiled.add(str(self.log.append(TOPICS[source], b"acme", b"not JSON %d" % len(self.spoiled))))
        self.step()

    @precondition(lambda self: self.queue.enqueued)
    @rule(
        indexes=st.lists(st.integers(0, 9), min_size=1, max_size=4),
        end=st.sampled_from([*FATES, "durable", "unheard", "forgotten"]),
    )
    def tasks_end(self, indexes: list[int], end: str) -> None:
        """Any attempts, superseded ones and those of a bridge that is gone as well. `unheard`: stored, and the answer
        is lost; `forgotten`: the result backend has lost an answer that was there."""
        for index in indexes:
            name, attempt, values, _ = self.queue.enqueued[-1 - index % len(self.queue.enqueued)]
            if end in ("durable", "unheard"):
                self.stored.update(values)
            if end in FATES:
                self.queue.answer(name, attempt, Fate(end))
            if end == "forgotten":
                self.queue.forget({name: attempt})
        self.step()

    @rule(seconds=st.sampled_from([0.3, 1.5, 12]))
    def time_passes(self, seconds: float) -> None:
        self.members[0].clock.sleep(seconds)
        self.step()

    def step(self) -> None:
        for world in self.members:
            world.bridge.step()

    @rule(
        member=MEMBERS,
        port=st.sampled_from(["poll", "commit", "enqueue", "fates", "waiting", "dead_letter", "begin"]),
        unheard=st.booleans(),
    )
    def step_while_a_server_is_away(self, member: int, port: str, unheard: bool) -> None:
        """`unheard`: it did the work, and its answer was lost."""
        world = self.members[member]
        ports = (world.consumer, world.queue, world.log, world.database)
        with away(next(each for each in ports if hasattr(each, port)), port, unheard), suppress(TransientError):
            world.bridge.step()

    @rule(member=MEMBERS, data=st.data(), politely=st.booleans())
    def rebalance(self, member: int, data: st.DataObject, politely: bool) -> None:
        """Some partitions go to the other member: revoked with a last word, or lost without one."""
        source, other = self.members[member].consumer, self.members[1 - member].consumer
        pairs = {pair for pair in sorted(source.assigned()) if data.draw(st.booleans())}
        (source.revoke if politely else source.lose)(pairs)
        other.assign(pairs)

    @rule(member=MEMBERS)
    def crash(self, member: int) -> None:
        world = self.members[member]
        world.restart(world.consumer.assigned())

    @invariant()
    def nothing_undone_is_behind_a_watermark(self) -> None:
        done = self.stored | {record.value for topic in TOPICS.values() for record in self.log.records(f"{topic}.dlq")}
        projected = {letter.origin for letter in self.members[0].letters()}
        progress = self.members[0].progress()
        for pair in self.log.pairs():
            mark = max(self.log.committed.get(pair, 0), progress.get(pair, 0))
            for record in self.log.read(pair, 0)[:mark]:
                assert record.headers["origin"] in projected if pair[0].endswith(".dlq") else record.value in done
            assert self.log.committed.get(pair, 0) >= self.committed.get(pair, 0)
        self.committed = dict(self.log.committed)

    def teardown(self) -> None:
        """All servers answer and every task ends until nothing moves."""
        for _ in range(40):
            self.tasks_end(list(range(len(self.queue.enqueued))), "durable")
            self.time_passes(1.5)
            self.nothing_undone_is_behind_a_watermark()
        assert sum(self.log.lag().values()) == 0
        assert self.published <= self.stored
        assert {letter.origin for letter in self.members[0].letters()} == self.spoiled


@contextmanager
def away(port: object, name: str, unheard: bool) -> Iterator[None]:
    """This call of a port fails, before or after its work."""
    work = getattr(port, name)

    def fail(*words: Any) -> None:
        if unheard and name not in ("poll", "begin"):  # these two do their work afterwards
            work(*words)
        raise TransientError(f"{name}: no answer")

    setattr(port, name, fail)
    yield
    delattr(port, name)


TestGroup = Group.TestCase
TestGroup.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
