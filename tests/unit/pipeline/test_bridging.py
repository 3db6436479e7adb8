"""The bridge over the log in memory: what is committed, and when, whatever the store tasks answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import LogCapture

from sago.config import CacheSettings
from sago.domain.batches import DeadLetter, Progress, Record
from sago.domain.messages import Message
from sago.errors import BadDeployError, TransientError
from sago.pipeline import bridging
from sago.pipeline.bridging import Bridge, BridgeLimits
from sago.ports import Transaction
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.log import MemoryLog, MemoryLogConsumer, MemoryStoreQueue

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOPICS = {"slack": "slack-messages", "gmail": "gmail-messages"}
SLACK = ("slack-messages", 0)
LIMITS = BridgeLimits(
    batch_messages=3,
    linger=0.25,
    in_flight_batches=2,
    confirm_deadline=10,
    drain_timeout=5,
    max_consecutive=4,
)


def message(number: int, company_id: str = "acme", source: str = "slack") -> Message:
    return Message(
        id=f"{source}:{number}",
        company_id=company_id,
        source=source,
        sender="dana",
        sent_at=NOW - timedelta(days=1),
        text=f"line {number}",
    )


@dataclass
class World:
    """A bridge over one partition a topic, with every port in memory; `limits` and `queue` may be given."""

    limits: BridgeLimits = LIMITS
    queue: MemoryStoreQueue = field(default_factory=MemoryStoreQueue)
    log: MemoryLog = field(default_factory=lambda: MemoryLog(TOPICS, partitions=1))
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    buffer: MemoryBuffer = field(default_factory=lambda: MemoryBuffer(CacheSettings()))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new bridge, as after a crash: only the log, the database and what was stored remain."""
        self.consumer: MemoryLogConsumer = self.log.consumer()
        self.bridge = Bridge(
            consumer=self.consumer,
            log=self.log,
            queue=self.queue,
            database=self.database,
            buffer=self.buffer,
            clock=self.clock,
            limits=self.limits,
            topic_of=lambda source: TOPICS.get(source, f"{source}-messages"),
        )
        self.bridge.step()

    def steps(self, count: int = 3, each: float = 0.3) -> None:
        for _ in range(count):
            self.bridge.step()
            self.clock.sleep(each)

    def publish(self, *numbers: int) -> None:
        self.log.publish([message(number) for number in numbers])

    def spoil(self, count: int) -> None:
        for number in range(count):
            self.log.append("slack-messages", b"acme", b"not JSON %d" % number)

    def committed(self) -> int | None:
        return self.log.committed.get(SLACK)

    def names(self) -> list[str]:
        return [f"{name.removeprefix(self.log.log_id + ':')}#{attempt}" for name, attempt, _, _ in self.queue.enqueued]

    def answer(self, index: int, *, durable: bool = True) -> None:
        name, attempt, _, _ = self.queue.enqueued[index]
        self.queue.answer(name, attempt, durable)

    def letters(self) -> list[DeadLetter]:
        with self.database.begin() as tx:
            return sorted(tx.ledger.dead_letters(), key=lambda letter: letter.origin)

    def progress(self) -> dict[tuple[str, int], int]:
        with self.database.begin() as tx:
            return {(at.topic, at.partition): at.watermark for at in tx.ledger.progress(self.log.log_id)}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    """What the bridge logs."""
    capture = LogCapture()
    monkeypatch.setattr(bridging, "log", structlog.wrap_logger(structlog.PrintLogger(), processors=[capture]))
    return capture


class TestBatches:
    def test_close_by_count_then_by_linger(self) -> None:
        world = World()
        world.publish(1, 2, 3, 4)
        world.bridge.step()
        assert world.names() == ["slack-messages:0:0-2#1"]
        world.clock.sleep(0.24)
        world.bridge.step()
        assert len(world.names()) == 1
        world.clock.sleep(0.01)
        world.bridge.step()
        assert world.names() == ["slack-messages:0:0-2#1", "slack-messages:0:3-3#1"]
        assert world.queue.enqueued[0][2] == tuple(message(n).to_json() for n in (1, 2, 3))

    def test_close_by_bytes(self) -> None:
        size = len(message(1).to_json())
        world = World(BridgeLimits(batch_bytes=2 * size, linger=0.25))
        world.publish(1, 2, 3, 4, 5)
        world.steps(2)
        assert world.names() == [f"slack-messages:0:{span}#1" for span in ("0-1", "2-3", "4-4")]

    def test_pass_the_origin_of_a_replay_on(self) -> None:
        world = World()
        world.publish(1)
        world.log.publish([message(2)], replay_of="log/slack-messages/0/9")
        world.steps(2)
        assert world.queue.enqueued[0][3] == (None, "log/slack-messages/0/9")


class TestCommits:
    def test_only_what_is_confirmed_without_a_hole_before_it(self) -> None:
        world = World()
        world.publish(*range(6))
        world.steps()
        world.answer(1)
        world.steps()
        assert world.committed() in (None, 0)
        world.answer(0)
        world.steps()
        assert world.committed() == 6
        assert world.progress() == {SLACK: 6}
        assert world.log.lag()["slack-messages"] == 0

    def test_a_failed_batch_is_enqueued_again_after_a_pause(self) -> None:
        world = World()
        world.publish(1)
        world.steps(2)
        world.answer(0, durable=False)
        world.bridge.step()
        world.clock.sleep(0.4)
        world.bridge.step()
        assert world.names() == ["slack-messages:0:0-0#1"]
        world.clock.sleep(0.2)
        world.bridge.step()
        assert world.names() == ["slack-messages:0:0-0#1", "slack-messages:0:0-0#2"]
        world.answer(1)
        world.steps()
        assert world.committed() == 1

    def test_no_answer_by_the_deadline_is_a_further_attempt_and_a_longer_deadline(self) -> None:
        world = World()
        world.publish(1)
        world.steps(2)
        waits = []
        for attempt in (2, 3, 4):
            before = world.clock.monotonic()
            while len(world.names()) < attempt:
                world.steps(1, each=0.5)
            waits.append(world.clock.monotonic() - before)
        assert world.names()[-1] == "slack-messages:0:0-0#4"
        assert [round(wait) for wait in waits] == pytest.approx([10, 20, 40], abs=1)
        assert world.committed() in (None, 0)

    def test_a_store_queue_that_does_not_answer_loses_nothing(self) -> None:
        class Broken(MemoryStoreQueue):
            is_broken = True

            def enqueue(
                self, name: str, attempt: int, values: Sequence[bytes], replay_of: Sequence[str | None]
            ) -> None:
                if self.is_broken:
                    raise TransientError("broker does not answer")
                super().enqueue(name, attempt, values, replay_of)

        queue = Broken(lambda *_: True)
        world = World(queue=queue)
        world.publish(*range(4))
        for _ in range(3):
            with pytest.raises(TransientError):
                world.steps(2)
        assert world.committed() in (None, 0)
        queue.is_broken = False
        world.steps(4)
        assert world.committed() == 4
        assert sorted(world.names()) == ["slack-messages:0:0-2#1", "slack-messages:0:3-3#1"]


class TestRefusals:
    def test_a_bad_record_becomes_a_dead_letter_with_its_bytes_and_origin(self) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        world.publish(1)
        world.log.append("slack-messages", b"acme", b"\xff\xfe")
        world.publish(2)
        world.steps(4)
        (letter,) = world.letters()
        assert letter.origin == f"{world.log.log_id}/slack-messages/0/1"
        assert (letter.value, letter.error, letter.topic) == (b"\xff\xfe", "value is not UTF-8", "slack-messages")
        assert letter.company_id == "acme"
        assert world.committed() == 3
        assert sum(world.log.lag().values()) == 0
        assert [values for _, _, values, _ in world.queue.enqueued] == [(message(1).to_json(), message(2).to_json())]

    @pytest.mark.parametrize(
        ("key", "value", "reason"),
        [
            (b"bolt", message(1).to_json(), "key is not the company_id"),
            (None, message(1).to_json(), "key is not the company_id"),
            (b"acme", message(1, source="gmail").to_json(), "source gmail does not belong on slack-messages"),
            (b"acme", b"{}", "id: Field required"),
            (b"acme", message(1).to_json().decode().encode("utf-16"), "value is not UTF-8"),
            (
                b"acme",
                message(1).model_copy(update={"sent_at": NOW + timedelta(minutes=11)}).to_json(),
                "sent_at 2026-03-02T09:11:00.000Z is more than 10 minutes in the future",
            ),
        ],
    )
    def test_each_rule_has_its_reason(self, key: bytes | None, value: bytes, reason: str) -> None:
        world = World()
        world.log.append("slack-messages", key, value)
        world.steps(8)
        assert [letter.error for letter in world.letters()] == [reason]
        assert world.queue.enqueued == []
        assert world.committed() == 1

    def test_too_many_in_a_row_stop_the_bridge_with_nothing_drained(self) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        world.publish(1)
        world.spoil(4)
        world.publish(2)
        with pytest.raises(BadDeployError, match="4 messages in a row"):
            world.bridge.run(lambda: False)
        assert world.committed() == 1
        assert world.letters() == []
        assert world.log.records("slack-messages.dlq") == []
        assert world.consumer.assigned() == set()

    def test_an_error_of_leaving_the_group_does_not_hide_why(self, told: LogCapture) -> None:
        world = World()
        world.spoil(4)

        def lost() -> None:
            raise TransientError("Kafka does not answer")

        world.consumer.close = lost  # type: ignore[method-assign]
        with pytest.raises(BadDeployError):
            world.bridge.run(lambda: False)
        assert "the group was not left cleanly" in [entry["event"] for entry in told.entries]

    def test_a_good_message_begins_the_count_anew(self) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        for number in range(5):
            world.spoil(3)
            world.publish(number)
        world.steps(8)
        assert len(world.letters()) == 15
        assert world.committed() == 20

    def test_a_lone_refusal_goes_after_a_quiet_second_but_still_counts(self) -> None:
        world = World()
        world.spoil(3)
        world.steps(1, each=0.9)
        assert world.log.records("slack-messages.dlq") == []
        world.steps(4, each=0.9)
        assert len(world.letters()) == 3
        assert world.committed() == 3
        world.spoil(1)
        with pytest.raises(BadDeployError):
            world.steps(1)


class TestDeadLetters:
    def test_of_every_producer_are_projected_and_committed(self) -> None:
        world = World()
        letter = DeadLetter(
            origin="0af3:12", topic="unparsed", error="no such source", error_type="X", failed_at=NOW, value=b"a,b"
        )
        world.log.dead_letter(letter)
        world.log.dead_letter(letter)
        world.steps(2)
        assert world.letters() == [letter]
        assert world.log.committed["unparsed.dlq", 0] == 2

    def test_strange_records_are_projected_too(self) -> None:
        world = World()
        world.log.append(
            "slack-messages.dlq", b"\xff", b'{"id": "a\\u0000\\ud800", "company_id": 3}', {"attempts": "x"}
        )
        world.steps(2)
        (letter,) = world.letters()
        assert letter.origin == f"{world.log.log_id}/slack-messages.dlq/0/0"
        assert letter.message_id == "a\ufffd?"
        assert letter.attempts == 1


class TestThrottle:
    def test_too_many_batches_pause_fetching_and_polling_goes_on(self) -> None:
        world = World()
        world.publish(*range(6))
        world.steps()
        world.publish(*range(6, 9))
        world.steps()
        assert len(world.names()) == 2
        world.answer(0)
        world.steps()
        assert len(world.names()) == 3

    def test_bytes_pause_it_too(self) -> None:
        world = World(BridgeLimits(in_flight_bytes=10, linger=0))
        world.publish(1)
        world.steps()
        world.publish(2)
        world.steps()
        assert len(world.names()) == 1

    def test_a_full_redis_pauses_it_until_there_is_room(self) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        world.buffer.share = 0.8
        world.clock.sleep(1)
        world.publish(1)
        world.steps()
        assert world.names() == []
        world.buffer.share = 0.79
        world.clock.sleep(1)
        world.steps()
        assert world.committed() == 1


class TestRestarts:
    def test_what_was_not_confirmed_is_read_again(self) -> None:
        world = World()
        world.publish(*range(5))
        world.steps()
        world.answer(0)
        world.steps()
        world.restart()
        world.steps()
        assert world.names()[-1] == "slack-messages:0:3-4#1"

    def test_the_ledger_is_ahead_of_the_group(self) -> None:
        world = World()
        world.publish(*range(5))
        with world.database.begin() as tx:
            tx.ledger.save_progress([Progress(world.log.log_id, *SLACK, 3)], NOW)
        world.restart()
        world.steps()
        assert world.names() == ["slack-messages:0:3-4#1"]
        assert world.committed() == 3

    def test_dropped_records_are_told_and_the_rest_goes_on(self, told: LogCapture) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        world.publish(*range(3))
        world.steps()
        world.publish(*range(3, 9))
        world.log.drop(SLACK, 7)
        world.restart()
        world.steps()
        assert world.committed() == 9
        assert [entry["lost"] for entry in told.entries if entry["event"] == "the log dropped records unread"] == [4]

    def test_a_gap_inside_the_log_is_no_loss(self, told: LogCapture) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        world.publish(*range(6))
        del world.log._partitions[SLACK][2:4]
        world.steps()
        assert world.committed() == 6
        assert told.entries == []


class TestRebalances:
    def test_a_revoked_partition_is_drained_and_committed(self) -> None:
        world = World()
        world.publish(*range(4))
        world.bridge.step()

        class Answering(ManualClock):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                for index in range(len(world.queue.enqueued)):
                    world.answer(index)

        world.bridge._clock = Answering(NOW)
        world.consumer.revoke({SLACK})
        assert world.committed() == 4
        assert world.progress() == {SLACK: 4}
        assert world.bridge.in_flight == 0

    def test_what_does_not_drain_in_time_is_left_to_the_next_owner(self) -> None:
        world = World()
        world.publish(*range(4))
        world.steps()
        world.answer(0)
        before = world.clock.monotonic()
        world.consumer.revoke({SLACK})
        assert world.clock.monotonic() - before == pytest.approx(5, abs=0.1)
        assert world.committed() == 3
        world.consumer.assign([SLACK])
        world.steps()
        assert world.names()[-1] == "slack-messages:0:3-3#1"

    def test_lost_partitions_are_not_committed(self) -> None:
        world = World()
        world.publish(1)
        world.steps(2)
        world.consumer.lose({SLACK})
        world.answer(0)
        world.steps()
        assert world.committed() == 0
        assert world.bridge.in_flight == 0

    def test_a_partition_lost_and_back_within_one_poll_is_read_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World()
        world.publish(1, 2, 3)
        world.steps(1)
        poll, assigned = world.consumer.poll, world.consumer.assigned
        losses = [{SLACK}]
        lost: set[tuple[str, int]] = set()

        def losing(timeout: float) -> list[Record]:
            lost.clear()
            for pairs in losses:
                world.consumer.lose(pairs)
                world.consumer.assign(pairs)
                lost.update(pairs)
            losses.clear()
            return poll(timeout)

        monkeypatch.setattr(world.consumer, "poll", losing)
        monkeypatch.setattr(world.consumer, "assigned", lambda: assigned() - lost)
        world.steps(1)
        world.publish(4)
        world.steps()
        assert world.committed() in (None, 0)


class TestRun:
    def test_stops_fetching_drains_and_leaves(self) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        world.publish(1)
        told: list[bool] = []
        answers = iter([False, True])
        world.bridge.run(lambda: next(answers), lambda: told.append(True))
        assert told == [True]
        assert world.committed() == 1
        assert world.consumer.assigned() == set()

    def test_waits_out_what_may_pass_and_logs_it_once(self, told: LogCapture) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        failures = iter([TransientError("Kafka does not answer")] * 3)
        poll = world.consumer.poll

        def flaky(timeout: float) -> list:  # type: ignore[type-arg]
            for error in failures:
                raise error
            world.clock.sleep(timeout)
            return poll(timeout)

        world.consumer.poll = flaky  # type: ignore[method-assign]
        world.publish(1)
        rounds = iter(range(40))
        world.bridge.run(lambda: next(rounds, None) is None)
        assert world.committed() == 1
        assert [entry["event"] for entry in told.entries] == ["the bridge waits", "the bridge goes on"]

    def test_polls_while_it_rests(self) -> None:
        world = World()
        polls: list[float] = []
        poll = world.consumer.poll

        def counted(timeout: float) -> list:  # type: ignore[type-arg]
            polls.append(world.clock.monotonic())
            world.clock.sleep(timeout)
            return poll(timeout)

        world.consumer.poll = counted  # type: ignore[method-assign]
        world.log.dead_letter(DeadLetter(origin="o", topic="slack-messages", error="e", error_type="E", failed_at=NOW))
        begin = world.database.begin
        world.database.begin = _away  # type: ignore[method-assign]
        rounds = iter(range(100))
        world.bridge.run(lambda: next(rounds, None) is None)
        assert max(later - sooner for sooner, later in pairwise(polls)) < 0.5
        world.database.begin = begin  # type: ignore[method-assign]
        assert world.letters() == []

    def test_a_rebalance_puts_commits_off_but_not_the_polling(self) -> None:
        world = World(queue=MemoryStoreQueue(lambda *_: True))
        commit = world.consumer.commit

        def rebalancing(watermarks: Mapping[tuple[str, int], int]) -> None:
            raise TransientError("RebalanceInProgressError")

        world.consumer.commit = rebalancing  # type: ignore[method-assign]
        world.publish(1)
        world.steps(4)
        assert world.committed() is None
        assert world.progress() == {}
        world.consumer.commit = commit  # type: ignore[method-assign]
        world.steps(1)
        assert world.committed() == 1


def _away() -> AbstractContextManager[Transaction]:
    raise TransientError("Postgres does not answer")


PLAN = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 5)),
        st.tuples(st.just("spoil"), st.integers(1, 3)),
        st.tuples(st.sampled_from(["store", "fail"]), st.integers(0, 6)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 12])),
        st.tuples(st.sampled_from(["crash", "revoke", "lose"]), st.just(0)),
    ),
    max_size=30,
)


class Story:
    """A bridge under a plan of answers, failures, silences, rebalances and crashes, and what was really stored."""

    def __init__(self) -> None:
        limits = BridgeLimits(batch_messages=3, in_flight_batches=3, max_consecutive=1000, drain_timeout=1)
        self.world = World(limits)
        self.stored: set[bytes] = set()
        self.published = 0

    def tell(self, kind: str, count: int) -> None:
        act = {
            "publish": self._publish,
            "spoil": self.world.spoil,
            "store": lambda index: self._answer(index, durable=True),
            "fail": lambda index: self._answer(index, durable=False),
            "wait": self.world.clock.sleep,
            "crash": lambda _: self.world.restart(),
            "revoke": lambda _: self._rebalance(self.world.consumer.revoke),
            "lose": lambda _: self._rebalance(self.world.consumer.lose),
        }[kind]
        act(count)
        self.check()
        self.world.bridge.step()
        self.check()

    def end(self) -> None:
        """Everybody answers until nothing moves."""
        for _ in range(60):
            for index in range(len(self.world.queue.enqueued)):
                self._answer(index, durable=True)
            self.world.steps(1, each=1.5)
            self.check()

    def check(self) -> None:
        dead = {record.value for record in self.world.log.records("slack-messages.dlq")}
        records = self.world.log.records("slack-messages")
        committed = [r.value for r in records if r.position.offset < (self.world.committed() or 0)]
        assert set(committed) <= self.stored | dead

    def _publish(self, count: int) -> None:
        self.world.publish(*range(self.published, self.published + count))
        self.published += count

    def _answer(self, index: int, *, durable: bool) -> None:
        if self.world.queue.enqueued:
            index %= len(self.world.queue.enqueued)
            if durable:
                self.stored.update(self.world.queue.enqueued[index][2])
            self.world.answer(index, durable=durable)

    def _rebalance(self, how: Callable[[set[tuple[str, int]]], None]) -> None:
        how({SLACK})
        self.world.bridge.step()
        self.world.consumer.assign([SLACK])


@given(PLAN)
def test_nothing_is_committed_before_it_is_durable_and_all_is_in_the_end(plan: list[tuple[str, int]]) -> None:
    story = Story()
    for kind, count in plan:
        story.tell(kind, count)
    story.end()
    assert sum(story.world.log.lag().values()) == 0
    assert {message(number).to_json() for number in range(story.published)} <= story.stored
