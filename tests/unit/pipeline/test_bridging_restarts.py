"""The bridge over the log in memory: restarts, rebalances and waiting."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from itertools import pairwise

import pytest
from structlog.testing import LogCapture

from sago.domain.batches import DeadLetter, Progress, Record
from sago.errors import TransientError
from sago.ports import Transaction
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.log import MemoryStoreQueue
from tests.unit.pipeline.bridge_world import NOW, SLACK, World


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
