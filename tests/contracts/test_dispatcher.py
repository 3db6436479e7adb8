"""What waits for extraction, over memory and over Redis."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import redis
from kombu import pools

from sago.domain.tasks import TaskOutcome, TaskState
from sago.embedded.servers import Server
from sago.errors import PermanentError
from sago.pipeline.polling import QUEUED_FOR
from sago.ports import Dispatcher
from sago.sections import RedisSettings
from sago.stores.celery_dispatcher import CeleryDispatcher, client
from sago.stores.memory.dispatcher import MemoryDispatcher
from tests.integration.houses import flush

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # kombu's channels leave sockets to be collected
    pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning"),  # by Celery's backend
]


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.services)])
def dispatcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dispatcher]:
    if request.param == "memory":
        yield MemoryDispatcher()
        return
    server: Server = request.getfixturevalue("redis_server")
    settings = RedisSettings(**server.settings["redis"])
    addresses = {"REDIS__URL": settings.url or "", "KAFKA__BOOTSTRAP_SERVERS": "-", "POSTGRES__HOST": "-"}
    for name, value in addresses.items():
        monkeypatch.setenv(f"SAGO_{name}", value)  # celeryconfig reads them at its first import
    flush(settings)
    app = client(settings)
    yield CeleryDispatcher(app)
    pools.reset()
    app.backend.client.close()
    gc.collect()
    flush(settings)


def test_chunks_that_nobody_has_taken_wait(dispatcher: Dispatcher) -> None:
    assert dispatcher.waiting() == 0
    dispatcher.open_batch("acme", "acme:1")
    assert dispatcher.waiting() == 0
    dispatcher.extract("acme:1", [0, 1, 2], NOW)
    assert dispatcher.waiting() >= 3
    assert dispatcher.waiting("outreach") == 0


def test_the_chunk_that_was_fired_first_is_next_in_turn(dispatcher: Dispatcher) -> None:
    assert dispatcher.chunks_wait_since() is None
    dispatcher.extract("acme:0", [], NOW - timedelta(hours=1))
    assert dispatcher.chunks_wait_since() is None
    for number in range(3):
        dispatcher.extract(f"acme:{number}", [0, 1], NOW + timedelta(seconds=number))
    assert dispatcher.chunks_wait_since() == NOW


def test_a_merge_waits_once_its_chunks_are_read(dispatcher: Dispatcher) -> None:
    dispatcher.extract("acme:1", [0, 1], NOW)
    assert dispatcher.waiting("merge") == 0
    dispatcher.extract("acme:2", [], NOW)
    assert dispatcher.waiting("merge") == 1


def test_letters_that_nobody_has_taken_wait_in_their_own_queue(dispatcher: Dispatcher) -> None:
    dispatcher.compose(UUID(int=1), datetime(2026, 3, 1, tzinfo=UTC))
    assert (dispatcher.waiting("outreach"), dispatcher.waiting()) == (1, 0)


def become(dispatcher: Dispatcher, task_id: UUID, state: str, result: object) -> None:
    """What a worker writes."""
    if isinstance(dispatcher, MemoryDispatcher):
        states = {"STARTED": TaskState.RUNNING, "SUCCESS": TaskState.DONE, "FAILURE": TaskState.FAILED}
        error = isinstance(result, Exception)
        told = (None, str(result), type(result).__name__) if error else (result if state == "SUCCESS" else None, "", "")
        ended_at = None if state == "STARTED" else datetime.now(UTC)
        dispatcher.kept[task_id] = TaskOutcome(states[state], ended_at, *told)
    else:
        backend = dispatcher.__dict__["_app"].backend
        backend.store_result(str(task_id), result, state)


def test_a_started_task_is_followed_from_its_queue_to_its_end(dispatcher: Dispatcher) -> None:
    done, failed = UUID(int=1), UUID(int=2)
    for task_id in (done, failed):
        dispatcher.start(task_id, "outreach.compose", {"watch_id": "w", "as_of": "2026-03-01"})
    assert dispatcher.waiting("outreach") == 2
    assert dispatcher.outcomes([done, UUID(int=3)]) == {done: TaskOutcome(TaskState.WAITING)}
    assert dispatcher.outcomes([]) == {}
    become(dispatcher, done, "STARTED", {"pid": 7})
    assert dispatcher.outcomes([done])[done] == TaskOutcome(TaskState.RUNNING)
    become(dispatcher, done, "SUCCESS", ["a", 1])
    become(dispatcher, failed, "FAILURE", PermanentError("nothing helps"))
    found = dispatcher.outcomes([done, failed])
    assert (found[done].state, found[done].result) == (TaskState.DONE, ["a", 1])
    assert found[failed][2:] == (None, "nothing helps", "PermanentError")
    assert all(
        each.ended_at and abs(each.ended_at - datetime.now(UTC)) < timedelta(minutes=1) for each in found.values()
    )


def test_what_ended_does_not_wait_again_when_it_is_started_under_its_id_again(dispatcher: Dispatcher) -> None:
    task_id = UUID(int=1)
    dispatcher.start(task_id, "upkeep.reap", {})
    become(dispatcher, task_id, "SUCCESS", 0)
    dispatcher.start(task_id, "upkeep.reap", {})
    assert dispatcher.outcomes([task_id])[task_id].state is TaskState.DONE


@pytest.mark.services
def test_what_reads_a_stream_is_of_no_use_once_the_stream_has_been_queued_again(
    redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = RedisSettings(**redis_server.settings["redis"])
    for name, value in {
        "REDIS__URL": settings.url or "",
        "KAFKA__BOOTSTRAP_SERVERS": "-",
        "POSTGRES__HOST": "-",
    }.items():
        monkeypatch.setenv(f"SAGO_{name}", value)
    flush(settings)
    app = client(settings)
    dispatcher, connection_id = CeleryDispatcher(app), UUID(int=7)
    dispatcher.pull(connection_id, "C1")
    dispatcher.refresh(connection_id)
    with redis.Redis.from_url(settings.database(settings.broker_db)) as broker:
        sent = [json.loads(each)["headers"] for each in broker.lrange("sago:sources", 0, -1)]
    assert {each["task"] for each in sent} == {"sources.pull", "sources.refresh"}
    until = datetime.now(UTC) + QUEUED_FOR
    assert all(abs(datetime.fromisoformat(each["expires"]) - until) < timedelta(minutes=1) for each in sent)
    pools.reset()
    app.backend.client.close()
    gc.collect()
    flush(settings)
