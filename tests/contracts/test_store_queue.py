"""The StoreQueue port over memory and over Celery's results in Redis: which answer counts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import NamedTuple

import pytest

from sago.embedded.servers import Server
from sago.ports import StoreQueue
from sago.sections import RedisSettings
from sago.stores.celery_dispatcher import CeleryStoreQueue, client
from sago.stores.memory.log import MemoryStoreQueue


class Subject(NamedTuple):
    """A queue, and how a worker answers one attempt of a batch: name, attempt, durable=…."""

    queue: StoreQueue
    answer: Callable[..., None]
    name: str


def in_memory() -> Subject:
    queue = MemoryStoreQueue()
    return Subject(queue, queue.answer, "log:slack-messages:0:0-9")


def in_redis(server: Server) -> Subject:
    app = client(RedisSettings(**server.settings["redis"]))

    def answer(name: str, attempt: int, *, durable: bool) -> None:
        failure = {
            "exc_type": "TransientError",
            "exc_message": ["cassandra does not answer"],
            "exc_module": "sago.errors",
        }
        ended = {"status": "SUCCESS", "result": {}} if durable else {"status": "FAILURE", "result": failure}
        app.backend.client.set(app.backend.get_key_for_task(f"{name}#{attempt}"), json.dumps(ended))

    return Subject(CeleryStoreQueue(app), answer, f"log-{uuid.uuid4().hex}:slack-messages:0:0-9")


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.services)])
def subject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Subject:
    if request.param == "memory":
        return in_memory()
    server: Server = request.getfixturevalue("redis_server")
    name_addresses(server, monkeypatch)
    return in_redis(server)


def name_addresses(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """celeryconfig reads them at its first import."""
    addresses = {"REDIS__URL": server.settings["redis"]["url"], "KAFKA__BOOTSTRAP_SERVERS": "-", "POSTGRES__HOST": "-"}
    for name, value in addresses.items():
        monkeypatch.setenv(f"SAGO_{name}", value)


def test_who_has_not_answered_is_left_out(subject: Subject) -> None:
    assert subject.queue.confirmed({}) == {}
    assert subject.queue.confirmed({subject.name: 3}) == {}


@pytest.mark.services
def test_what_no_worker_has_taken_waits(redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    name_addresses(redis_server, monkeypatch)
    queue = in_redis(redis_server)
    before = queue.queue.waiting()
    queue.queue.enqueue(queue.name, 1, [b"{}"], [None])
    assert queue.queue.waiting() == before + 1


@pytest.mark.parametrize("durable", [True, False])
def test_the_latest_attempt_tells(subject: Subject, durable: bool) -> None:
    subject.answer(subject.name, 2, durable=durable)
    assert subject.queue.confirmed({subject.name: 2}) == {subject.name: durable}


def test_a_late_success_of_an_attempt_that_was_given_up_counts(subject: Subject) -> None:
    subject.answer(subject.name, 1, durable=True)
    assert subject.queue.confirmed({subject.name: 3}) == {subject.name: True}
    subject.answer(subject.name, 3, durable=False)
    assert subject.queue.confirmed({subject.name: 3}) == {subject.name: True}


def test_a_failure_of_an_attempt_that_was_given_up_says_nothing(subject: Subject) -> None:
    subject.answer(subject.name, 1, durable=False)
    assert subject.queue.confirmed({subject.name: 2}) == {}


def test_what_is_forgotten_is_answered_no_more(subject: Subject) -> None:
    subject.answer(subject.name, 1, durable=False)
    subject.answer(subject.name, 2, durable=True)
    subject.queue.forget({subject.name: 2})
    assert subject.queue.confirmed({subject.name: 2}) == {}
