"""The StoreQueue port over memory and over Celery's results in Redis: which answer counts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import NamedTuple

import pytest

from sago.embedded.servers import Server
from sago.ports import Fate, StoreQueue
from sago.sections import RedisSettings
from sago.stores.celery_dispatcher import CeleryStoreQueue, client
from sago.stores.memory.log import MemoryStoreQueue


class Subject(NamedTuple):
    """A queue, and how a worker answers one attempt of a batch."""

    queue: StoreQueue
    answer: Callable[[str, int, Fate], None]
    name: str


def in_memory() -> Subject:
    queue = MemoryStoreQueue()
    return Subject(queue, queue.answer, "log:slack-messages:0:0-9")


def in_redis(server: Server) -> Subject:
    app = client(RedisSettings(**server.settings["redis"]))

    def answer(name: str, attempt: int, fate: Fate) -> None:
        failure = {
            "exc_type": "TransientError",
            "exc_message": ["cassandra does not answer"],
            "exc_module": "sago.errors",
        }
        told = {
            Fate.RUNNING: {"status": "STARTED", "result": {"pid": 7, "hostname": "store@house"}},
            Fate.DURABLE: {"status": "SUCCESS", "result": {}},
            Fate.FAILED: {"status": "FAILURE", "result": failure},
        }
        app.backend.client.set(app.backend.get_key_for_task(f"{name}#{attempt}"), json.dumps(told[fate]))

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
    assert subject.queue.fates({}) == {}
    assert subject.queue.fates({subject.name: 3}) == {}


@pytest.mark.services
def test_what_no_worker_has_taken_waits(redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    name_addresses(redis_server, monkeypatch)
    queue = in_redis(redis_server)
    before = queue.queue.waiting()
    queue.queue.enqueue(queue.name, 1, [b"{}"], [None])
    assert queue.queue.waiting() == before + 1


@pytest.mark.parametrize("fate", Fate)
def test_the_latest_attempt_tells(subject: Subject, fate: Fate) -> None:
    subject.answer(subject.name, 2, fate)
    assert subject.queue.fates({subject.name: 2}) == {subject.name: fate}


def test_a_late_success_of_an_attempt_that_was_given_up_counts(subject: Subject) -> None:
    subject.answer(subject.name, 1, Fate.DURABLE)
    assert subject.queue.fates({subject.name: 3}) == {subject.name: Fate.DURABLE}
    subject.answer(subject.name, 3, Fate.FAILED)
    assert subject.queue.fates({subject.name: 3}) == {subject.name: Fate.DURABLE}


@pytest.mark.parametrize("fate", [Fate.RUNNING, Fate.FAILED])
def test_an_attempt_that_was_given_up_and_made_nothing_durable_says_nothing(subject: Subject, fate: Fate) -> None:
    subject.answer(subject.name, 1, fate)
    assert subject.queue.fates({subject.name: 2}) == {}


def test_what_is_forgotten_is_answered_no_more(subject: Subject) -> None:
    subject.answer(subject.name, 1, Fate.FAILED)
    subject.answer(subject.name, 2, Fate.DURABLE)
    subject.queue.forget({subject.name: 2})
    assert subject.queue.fates({subject.name: 2}) == {}
