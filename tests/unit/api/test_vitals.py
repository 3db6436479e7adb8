"""Health, metrics and readiness: true figures, and who is silent is named in bounded time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from sago.domain.batches import Batch, BatchState, DeadLetter, Progress
from sago.domain.letters import DueLetter
from sago.domain.vitals import ServiceVitals, StackVitals
from sago.errors import ConfigError, TransientError
from sago.sections import CacheSettings
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.log import MemoryLog
from tests.unit.api.api_house import HEALTH, METRICS, NOW, House, MakeHouse, row
from tests.unit.pipeline.bridge_world import message

READY = "/health/ready"
HOUR = timedelta(hours=1)


def stored_at(house: House, minutes: float, upto: int = 0) -> None:
    """The bridge's watermark of the topic of chats moved so many minutes ago."""
    with house.container.database.begin() as tx:
        at = NOW - timedelta(minutes=minutes)
        tx.ledger.save_progress([Progress(house.log.log_id, "slack-messages", 0, upto)], at)


def batch(
    house: House,
    name: str,
    state: BatchState,
    numbers: range,
    ago: timedelta = timedelta(),
    reason: str | None = None,
    again: timedelta | None = None,
) -> None:
    with house.container.database.begin() as tx:
        chats = [message(number) for number in numbers]
        opened = Batch(id=name, company_id="acme", state=BatchState.CLAIMED, claimed_at=NOW)
        tx.batches.open(opened, [(each.ref, each.source) for each in chats])
        later = NOW + again if again else None
        tx.batches.set_state(name, state, at=NOW - ago, next_attempt_at=later, error=reason)


def recovered(house: House) -> None:
    """Recovery has run since Redis was empty."""
    house.container.buffer.begin_epoch(NOW)
    house.container.buffer.set_epoch()


def letter(origin: str) -> DeadLetter:
    return DeadLetter(origin=origin, topic="slack-messages", error="e", error_type="E", failed_at=NOW)


def test_of_an_empty_house(house: House) -> None:
    health = house.client.get(HEALTH).json()
    assert health["overall_status"] == "healthy"
    assert health["problems"] == []
    assert health["services"].keys() == {"kafka", "redis", "postgres"}
    slack = {"status": "healthy", "topic": "slack-messages", "last_sync": None, "lag": 0}
    assert health["data_sources"] == {"slack": slack, "gmail": slack | {"topic": "gmail-messages"}}
    assert health["queue_status"] == {
        "queued": {},
        "queued_total": 0,
        "batches": {"claimed": 0, "extracting": 0, "merged": 0, "failed": 0},
        "oldest": {},
        "first_due": None,
        "dead_letters": 0,
        "letters_due": 0,
        "outbox": {
            "queued": 0,
            "oldest": None,
            "held": 0,
            "held_since": None,
            "error": None,
            "idle_since": None,
            "is_late": False,
            "unknown": 0,
        },
        "open_breakers": [],
        "recovered": True,
    }


def test_what_lags_and_what_waits(house: House) -> None:
    house.ingest([row(1), row(2)])
    recovered(house)
    stored_at(house, minutes=0.5)
    house.container.buffer.add("acme", [message(n).compact() for n in range(3)], NOW)
    house.container.buffer.add("bolt", [message(9).compact()], NOW)
    batch(house, "b1", BatchState.MERGED, range(5))
    with house.container.database.begin() as tx:
        tx.ledger.add_dead_letters([letter("a"), letter("b")])
        tx.ledger.mark_replayed("a", NOW)
    health = house.client.get(HEALTH).json()
    assert health["overall_status"] == "healthy"
    assert health["data_sources"]["slack"] == {
        "status": "healthy",
        "topic": "slack-messages",
        "last_sync": "2026-03-02T16:59:30Z",
        "lag": 2,
    }
    queue = health["queue_status"]
    assert queue["queued"] == {"acme": 3, "bolt": 1}
    assert queue["queued_total"] == 4
    assert queue["batches"]["merged"] == 1
    assert queue["dead_letters"] == 1


def test_a_topic_that_stands_still_is_degraded(house: House) -> None:
    house.ingest(row())
    recovered(house)
    stored_at(house, minutes=2)
    health = house.client.get(HEALTH).json()
    assert health["overall_status"] == "degraded"
    assert health["data_sources"]["slack"]["status"] == "degraded"
    assert health["data_sources"]["gmail"]["status"] == "healthy"
    assert health["problems"] == ["slack: 1 wait and none was stored for a minute: does the bridge run?"]
    assert health["processes"] == {}


class StoringClock(ManualClock):
    """While somebody waits, something happens."""

    then: Callable[[], None] | None = None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.then:
            self.then()


def test_the_first_message_after_a_silence_is_no_standstill(make: MakeHouse) -> None:
    clock = StoringClock(NOW)
    house = make(adapters={"clock": clock})
    house.ingest(row())
    recovered(house)
    stored_at(house, minutes=90)
    clock.then = lambda: stored_at(house, minutes=0, upto=1)
    assert house.client.get(HEALTH).json()["overall_status"] == "healthy"


def test_failed_batches_and_a_full_redis_are_degraded(house: House) -> None:
    batch(house, "b1", BatchState.FAILED, range(2), reason="gemini 429:\n too many", again=HOUR / 10)
    batch(house, "b2", BatchState.FAILED, range(2, 3))
    batch(house, "b3", BatchState.CLAIMED, range(3, 4))
    house.container.__dict__["buffer"].share = 0.81
    health = house.client.get(HEALTH).json()
    assert health["overall_status"] == "degraded"
    assert health["problems"] == [
        "2 batches failed and wait for a further attempt at 17:06:00 UTC (in 6 min): gemini 429: too many",
        "redis: 81% of its memory is used, the bridge pauses",
    ]
    oldest = health["queue_status"]["oldest"]
    assert oldest.keys() == {"claimed", "failed"}
    assert oldest["failed"] == {
        "company_id": "acme",
        "batch_id": "b1",
        "claimed_at": "2026-03-02T17:00:00Z",
        "next_attempt_at": "2026-03-02T17:06:00Z",
        "attempts": 1,
        "reason": "gemini 429: too many",
    }


def test_batches_that_nobody_takes_up_are_told(house: House) -> None:
    batch(house, "b1", BatchState.EXTRACTING, range(2), again=-HOUR / 10)
    assert house.client.get(HEALTH).json()["problems"] == [
        "a batch is to be taken up since 16:54:00 UTC (6 min) and nobody does: do beat and the store worker run?"
    ]


def test_merged_batches_do_not_make_health_more_patient(house: House) -> None:
    with house.container.database.begin() as tx:
        for number in range(300):
            merged = Batch(id=f"m{number}", company_id="acme", state=BatchState.MERGED, claimed_at=NOW)
            tx.batches.open(merged, [])
    batch(house, "b1", BatchState.EXTRACTING, range(2), again=-HOUR / 10)
    assert "nobody does" in house.client.get(HEALTH).json()["problems"][0]


def test_a_batch_that_nobody_takes_up_is_told_behind_an_older_one_that_only_waits(house: House) -> None:
    batch(house, "b1", BatchState.FAILED, range(2), reason="gemini 429", again=HOUR)
    batch(house, "b2", BatchState.FAILED, range(2, 4), reason="gemini 429", again=-HOUR / 10)
    assert "nobody does" in house.client.get(HEALTH).json()["problems"][0]


def test_models_that_are_left_alone_letters_that_are_due_and_a_restored_backup(house: House) -> None:
    def ask() -> None:
        raise TransientError("gemini 429", retry_after=HOUR / 2)

    with pytest.raises(TransientError, match="429"):
        house.container.breakers.call("gemini/x", ask)
    with house.container.database.begin() as tx:
        tx.compositions.add([DueLetter(uuid4(), NOW)], NOW)
    house.container.vitals.restored = lambda: "Postgres is an older backup"
    health = house.client.get(HEALTH).json()
    assert health["problems"] == [
        "gemini/x is not asked since 17:00:00 UTC, tried again at 17:30:00 UTC: gemini 429",
        "Postgres is an older backup",
    ]
    assert health["queue_status"]["letters_due"] == 1
    assert health["queue_status"]["open_breakers"][0]["until"] == "2026-03-02T17:30:00Z"
    assert health["services"].keys() == {"kafka", "redis", "postgres"}


def test_an_emptied_redis_is_told_until_recovery_has_run(house: House) -> None:
    stored_at(house, minutes=0.5)
    health = house.client.get(HEALTH).json()
    assert health["overall_status"] == "degraded"
    assert health["problems"] == [
        "redis was emptied: the next recovery, within a minute, queues again what no batch has read"
    ]
    assert health["queue_status"]["recovered"] is False
    recovered(house)
    assert house.client.get(HEALTH).json()["overall_status"] == "healthy"


def test_processes_are_told_with_the_moment_their_supervisor_noted(make: MakeHouse) -> None:
    house = make(adapters={"log": DownLog({"slack": "slack-messages"})})
    at = NOW - timedelta(seconds=90)
    house.container.vitals.stack = lambda: StackVitals(
        processes={
            "bridge": ServiceVitals(up=True, since=NOW - HOUR, reason="Kafka does not answer"),
            "store": ServiceVitals(up=False, since=NOW - 30 * HOUR, reason="ended"),
            "beat": ServiceVitals(up=True),
        },
        silent_since={"kafka": at, "store": NOW - 30 * HOUR},
    )
    health = house.client.get(HEALTH).json()
    assert health["overall_status"] == "unhealthy"
    assert health["processes"]["bridge"] == {
        "up": True,
        "since": "2026-03-02T16:00:00Z",
        "reason": "Kafka does not answer",
    }
    assert health["services"]["kafka"]["since"] == "2026-03-02T16:58:30Z"
    assert health["problems"] == [
        "kafka is down since 16:58:30 UTC (90 s): Kafka at nowhere:1 does not answer: refused",
        "store is down since 2026-03-01 11:00 UTC (30 h): ended",
        "bridge waits since 16:00:00 UTC (60 min): Kafka does not answer",
    ]


def test_of_a_stack_that_was_looked_at_the_silent_are_not_asked_again(make: MakeHouse) -> None:
    house = make(adapters={"log": HungLog({"slack": "slack-messages"})})
    vitals = house.container.vitals
    vitals.restored = lambda: pytest.fail("what may lie on a silent server is asked for")
    down = ServiceVitals(up=False, reason="halted")
    health = vitals.health(StackVitals(servers={"kafka": down, "postgres": ServiceVitals(up=True)}))
    assert house.log.asked == 0
    assert health.services.keys() == {"kafka", "postgres"}
    assert health.problems == ["kafka is down, at least since 17:00:00 UTC (0 s): halted"]
    assert health.queue_status.dead_letters == 0
    assert health.queue_status.queued is None


class Passing(MemoryLog):
    """Silent until somebody mends it."""

    silent = True

    def lag(self) -> dict[str, int]:
        if self.silent:
            raise TransientError("Kafka does not answer")
        return {}


def test_who_was_asked_in_vain_is_down_since_then_and_well_once_it_answers(make: MakeHouse) -> None:
    log = Passing({"slack": "slack-messages"})
    house = make(adapters={"log": log})
    assert house.client.get(READY).status_code == 503
    house.container.clock.sleep(75)
    health = house.client.get(HEALTH).json()
    assert health["services"]["kafka"]["since"] == "2026-03-02T17:00:00Z"
    assert health["problems"] == ["kafka is down, at least since 17:00:00 UTC (75 s): Kafka does not answer"]
    log.silent = False
    assert house.client.get(HEALTH).json()["overall_status"] == "healthy"
    log.silent = True
    assert house.client.get(HEALTH).json()["services"]["kafka"]["since"] == "2026-03-02T17:01:15Z"


class DownLog(MemoryLog):
    def lag(self) -> dict[str, int]:
        raise TransientError("Kafka at nowhere:1 does not answer: refused")


class DownBuffer(MemoryBuffer):
    def _down(self, *_: Any) -> Any:
        raise TransientError("Redis does not answer: refused")

    counts = marks = memory_share = has_epoch = _down


class DownDatabase(MemoryDatabase):
    def begin(self) -> Any:
        raise ConfigError("postgres at nowhere:5432 refuses user sago")

    ping = begin  # type: ignore[assignment]


DOWN = {
    "kafka": ("log", lambda: DownLog({"slack": "slack-messages"}), "Kafka at nowhere:1 does not answer: refused"),
    "redis": ("buffer", lambda: DownBuffer(CacheSettings()), "Redis does not answer: refused"),
    "postgres": ("database", DownDatabase, "postgres at nowhere:5432 refuses user sago"),
}


@pytest.mark.parametrize("name", DOWN)
def test_who_is_down_is_named_and_the_others_are_told(make: MakeHouse, name: str) -> None:
    port, adapter, reason = DOWN[name]
    house = make(adapters={port: adapter()})
    ready = house.client.get(READY)
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready", "down": [name]})
    answer = house.client.get(HEALTH)
    health = answer.json()
    assert answer.status_code == 200
    assert health["overall_status"] == "unhealthy"
    assert health["services"][name] == {"up": False, "since": "2026-03-02T17:00:00Z", "reason": reason}
    assert health["problems"] == [f"{name} is down, at least since 17:00:00 UTC (0 s): {reason}"]
    assert [each for each, service in health["services"].items() if service["up"]] == [
        each for each in DOWN if each != name
    ]
    queue = health["queue_status"]
    assert (queue["queued"] is None) == (name == "redis")
    assert (queue["batches"] is None) == (name == "postgres")
    assert (health["data_sources"]["slack"]["lag"] is None) == (name == "kafka")


class HungLog(MemoryLog):
    """Never answers until the test ends."""

    def __init__(self, topics: dict[str, str]) -> None:
        super().__init__(topics)
        self.begun, self.released, self.asked, self.answered = Event(), Event(), 0, 0

    def lag(self) -> dict[str, int]:
        self.asked += 1
        self.begun.set()
        self.released.wait(60)
        self.answered += 1
        return {}


def test_a_server_that_hangs_holds_nobody_up(make: MakeHouse) -> None:
    house = make(adapters={"log": HungLog({"slack": "slack-messages"})})
    house.container.vitals.asker.patience = 0.5
    try:
        with ThreadPoolExecutor(30) as pool:
            for _ in range(3):
                answers = list(pool.map(house.client.get, [READY] * 30))
                assert [each.json()["down"] for each in answers] == [["kafka"]] * 30
        assert house.client.get(HEALTH).json()["services"]["kafka"]["reason"] == "no answer within 0.5 s"
        assert (house.log.asked, house.log.answered) == (1, 0)
    finally:
        house.log.released.set()


def test_however_many_ask_a_hung_server_holds_up_no_other_question(make: MakeHouse) -> None:
    house = make(adapters={"log": HungLog({"slack": "slack-messages"})})
    house.container.vitals.asker.patience = 60.0
    try:
        with ThreadPoolExecutor(30) as pool:
            asked = [pool.submit(house.client.get, READY) for _ in range(30)]
            assert house.log.begun.wait(60)
            assert house.client.get(METRICS).json()["missing"] == {}
            assert (house.log.answered, any(each.done() for each in asked)) == (0, False)
            house.log.released.set()
            assert [each.result().json()["down"] for each in asked] == [[]] * 30
    finally:
        house.log.released.set()


def test_ready_when_all_answer(house: House) -> None:
    answer = house.client.get(READY)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "down": []})


def test_a_raw_store_of_its_own_is_asked_too(make: MakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make()
    house.container.vitals.raw_server = "cassandra"
    assert house.client.get(READY).status_code == 200

    def down(*_: Any) -> Any:
        raise TransientError("Cassandra does not answer")

    monkeypatch.setattr(house.container.raw, "read_day", down)
    monkeypatch.setattr(house.container.raw, "count", lambda: pytest.fail("every partition of Cassandra is read"))
    assert house.client.get(READY).json()["down"] == ["cassandra"]
    assert house.client.get(HEALTH).json()["services"]["cassandra"]["reason"] == "Cassandra does not answer"
    metrics = house.client.get(METRICS).json()
    assert metrics["missing"].keys() == {"cassandra"}
    assert "messages_stored is not told" in metrics["missing"]["cassandra"]
    assert metrics["processing"]["messages_stored"] is None
    assert metrics["processing"]["batches_merged"] == 0


def test_metrics_are_counted_in_the_stores(house: House) -> None:
    house.container.raw.store([message(n) for n in range(7)], "x", NOW)
    house.container.buffer.add("acme", [message(n).compact() for n in range(3)], NOW)
    house.container.buffer.claim("acme", NOW)
    house.container.buffer.add("bolt", [message(9).compact()], NOW)
    batch(house, "old", BatchState.MERGED, range(4), ago=2 * HOUR)
    batch(house, "new", BatchState.MERGED, range(4, 6), ago=HOUR / 2)
    batch(house, "bad", BatchState.FAILED, range(6, 7))
    with house.container.database.begin() as tx:
        tx.ledger.add_dead_letters([letter("a")])
    metrics = house.client.get(METRICS).json()
    assert metrics["missing"] == {}
    assert metrics["processing"] == {
        "messages_stored": 7,
        "messages_extracted": 6,
        "messages_extracted_last_hour": 2,
        "batches_merged": 2,
        "batches_failed": 1,
        "observations": 0,
        "events": 0,
        "dead_letters": 1,
    }
    assert metrics["webhooks"] == {"sources": {}, "unknown_source": 0}
    assert metrics["cache"] == {
        "queued_messages": 1,
        "companies_waiting": 1,
        "counted_marks": 4,
        "memory_share": 0.0,
        "memory_pause_at": 0.8,
        "trigger_threshold": 200,
    }


@pytest.mark.parametrize("name", ["redis", "postgres"])
def test_figures_that_nobody_knows_are_absent(make: MakeHouse, name: str) -> None:
    port, adapter, reason = DOWN[name]
    metrics = make(adapters={port: adapter()}).client.get(METRICS).json()
    assert metrics["missing"] == {name: reason}
    assert (metrics["cache"]["queued_messages"] is None) == (name == "redis")
    assert (metrics["processing"]["batches_merged"] is None) == (name == "postgres")
    assert metrics["processing"]["messages_stored"] == 0
