"""The bridge over the log in memory: what is committed, and when, whatever the store tasks answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import LogCapture

from sago.domain.batches import DeadLetter, Record
from sago.errors import BadDeployError, TransientError
from sago.pipeline import bridging
from sago.pipeline.bridging import BridgeLimits
from sago.pipeline.projecting import project
from sago.ports import Database
from sago.stores.memory.log import MemoryStoreQueue
from tests.unit.pipeline.bridge_world import LIMITS, NOW, SLACK, World, message


def late_while_redis_is_full() -> World:
    """One task under way whose deadline has passed."""
    world = World()
    world.publish(1)
    world.steps(2)
    world.buffer.share = 0.9
    world.clock.sleep(11)
    world.steps(4)
    return world


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

    def test_gather_while_records_keep_coming_and_close_when_none_comes(self) -> None:
        world = World(replace(LIMITS, batch_messages=100, linger=5, quiet=0.5, in_flight_batches=8))
        for number in range(13):
            world.publish(number)
            world.bridge.step()
            world.clock.sleep(0.4)
        assert world.names() == []
        world.publish(13)
        world.bridge.step()
        world.clock.sleep(0.1)
        world.bridge.step()
        assert world.names() == ["slack-messages:0:0-13#1"]
        world.publish(14)
        world.bridge.step()
        world.clock.sleep(0.4)
        world.bridge.step()
        assert len(world.names()) == 1
        world.clock.sleep(0.1)
        world.bridge.step()
        assert world.names()[1:] == ["slack-messages:0:14-14#1"]

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

    def test_a_first_attempt_that_ends_late_counts(self) -> None:
        """Else a worker slower than the deadline would never be believed, and attempts pile up before it."""
        world = World()
        world.publish(1)
        world.steps(2)
        while len(world.names()) < 2:
            world.clock.sleep(1)
            world.bridge.step()
        world.answer(0)
        world.steps()
        assert world.committed() == 1
        assert world.bridge.in_flight == 0

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

    def test_batches_that_may_wait_in_the_queue_are_not_copied_at_each_deadline_and_not_for_ever(self) -> None:
        world = World()
        world.publish(1)
        world.steps(2)
        world.queue.backlog = 1
        waits = []
        for attempt in (2, 3):
            before = world.clock.monotonic()
            while len(world.names()) < attempt:
                world.steps(1, each=0.5)
            waits.append(world.clock.monotonic() - before)
        assert [round(wait) for wait in waits] == pytest.approx([3 * 10, 5 * 20], abs=4)

    @pytest.mark.parametrize(("taken", "waiting", "copies"), [(0, 1, 2), (1, 1, 0), (1, 0, 1)])
    def test_what_neither_waits_nor_is_in_a_worker_s_hands_is_lost(self, taken: int, waiting: int, copies: int) -> None:
        """Two tasks under way: which of two that nobody has begun is missing cannot be told."""
        world = World()
        world.publish(*range(6))
        world.steps(2)
        assert world.bridge.in_flight == 2
        for index in range(taken):
            world.take_up(index)
        world.queue.backlog = waiting
        world.clock.sleep(11)
        world.steps(2)
        assert [name.rpartition("#")[2] for name in world.names()] == ["1", "1", *["2"] * copies]

    def test_a_task_whose_worker_died_in_it_is_sent_again(self) -> None:
        world = World()
        world.publish(1)
        world.steps(2)
        world.take_up(0)
        before = world.clock.monotonic()
        while len(world.names()) < 2:
            world.steps(1, each=0.5)
        assert round(world.clock.monotonic() - before) == pytest.approx(3 * 10, abs=4)

    def test_no_copies_of_what_may_still_wait_are_made_while_redis_is_full(self) -> None:
        world = late_while_redis_is_full()
        assert len(world.names()) == 1
        world.buffer.share = 0.1
        world.clock.sleep(2)
        world.steps(4)
        assert len(world.names()) == 2

    def test_what_is_not_copied_while_redis_is_full_lands_once_it_is_durable(self) -> None:
        world = late_while_redis_is_full()
        world.answer(0)
        world.steps(4)
        assert (len(world.names()), world.committed()) == (1, 1)

    def test_what_was_not_copied_and_fails_is_sent_again_while_redis_is_full(self) -> None:
        world = late_while_redis_is_full()
        world.answer(0, durable=False)
        world.steps(4)
        assert len(world.names()) == 2

    def test_what_failed_is_no_copy_and_is_sent_again_while_redis_is_full(self) -> None:
        world = World()
        world.publish(1)
        world.steps(2)
        world.buffer.share = 0.9
        world.answer(0, durable=False)
        world.clock.sleep(2)
        world.steps(4)
        assert len(world.names()) == 2

    def test_what_is_durable_lands_though_the_length_of_the_queue_cannot_be_asked(self) -> None:
        class Halting(MemoryStoreQueue):
            def waiting(self) -> int:
                raise TransientError("broker does not answer")

        world = World(queue=Halting())
        world.publish(*range(6))
        world.steps(2)
        world.clock.sleep(11)
        world.answer(0)
        world.steps(2)
        assert world.committed() == 3

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

    def test_while_postgres_is_away_they_pause_fetching_and_then_go_in_slices(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bridging, "PROJECTED_AT_ONCE", 3)
        world = World(replace(LIMITS, in_flight_bytes=100))
        for number in range(8):
            world.log.append("slack-messages.dlq", b"acme", b"x" * 20, {"attempts": str(number)})
        slices: list[int] = []

        def away(*_: object) -> int:
            raise TransientError("Postgres is away")

        def counted(records: Sequence[Record], database: Database, now: datetime) -> int:
            slices.append(len(records))
            return project(records, database, now)

        monkeypatch.setattr(bridging, "project", away)
        for _ in range(2):
            with pytest.raises(TransientError, match="away"):
                world.bridge.step()
        world.log.append("slack-messages.dlq", b"acme", b"one more", {"attempts": "1"})
        assert world.consumer.poll(0) == []
        monkeypatch.setattr(bridging, "project", counted)
        world.steps(3)
        assert slices == [3, 3, 2, 1]
        assert len(world.letters()) == 9
        assert world.log.committed["slack-messages.dlq", 0] == 9

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
