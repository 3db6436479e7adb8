"""Which queue a task goes to, and who tries it again: asked of another process, since Celery keeps its settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from sago.config import PROJECT

ASK = """
import json
from sago.sections import RedisSettings
from sago.stores.celery_dispatcher import client
from workers.app import app
app.loader.import_default_modules()
queue = lambda sender, name: sender.amqp.router.route({}, name)["queue"].name
print(json.dumps({name: {
    "queues": [queue(app, name), queue(client(RedisSettings(url="redis://127.0.0.1:1")), name)],
    "max_retries": task.max_retries,
    "after_worker_lost": task.retry_on_worker_lost,
    "after_errors": hasattr(task, "_orig_run"),
} for name, task in app.tasks.items() if not name.startswith("celery.")}))
"""

LETTERS = """
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID
from celery.exceptions import Retry, SoftTimeLimitExceeded
from sago.errors import ProviderSettingError, TransientError, UnusableAnswerError
from workers.app import app
app.loader.import_default_modules()
from workers.tasks import outreach
task = app.tasks["outreach.compose"]

def again(error, tried, patient=True):
    def fail(*_):
        raise error
    waits = []
    outreach.container = lambda: SimpleNamespace(compose_letter=fail)
    unsent = SimpleNamespace(apply_async=lambda: None)
    task.signature_from_request = lambda *_, countdown, **__: waits.append(countdown) or unsent
    task.push_request(retries=tried, called_directly=False, args=[], kwargs={})
    try:
        task.run(str(UUID(int=1)), datetime.now(UTC).isoformat(), patient=patient)
    except Retry:
        return waits[0]
    except type(error):
        return None

key, slow, refused = ProviderSettingError("no such key"), SoftTimeLimitExceeded(), UnusableAnswerError("no time left")
print(json.dumps({
    "refused key": [again(key, tried) for tried in (0, 287, 288)],
    "refused key, somebody looks on": [again(key, 0, patient=False)],
    "outage": [again(TransientError("503"), tried) for tried in (0, 287, 288)],
    "too slow": [again(slow, tried) for tried in (4, 5)],
    "no time to mend": [again(refused, tried) for tried in (4, 5)],
    "a bug": [again(ValueError("a bug"), 0)],
}))
"""
"""Seconds until a letter that fails so after so many retries is asked for again; null: never."""


def ask(script: str) -> Any:
    """The JSON that a process of its own prints; its servers are nowhere."""
    servers = {
        "SAGO_REDIS__URL": "redis://redis.invalid:6379",
        "SAGO_KAFKA__BOOTSTRAP_SERVERS": "kafka.invalid:9092",
        "SAGO_POSTGRES__HOST": "postgres.invalid",
    }
    command = [sys.executable, "-c", script]
    asked = subprocess.run(
        command, cwd=PROJECT, env=os.environ | servers, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(asked.stdout)


@pytest.fixture(scope="module")
def tasks() -> dict[str, dict[str, Any]]:
    """Each task's queue as a worker and as a client routes it, and its retries."""
    found: dict[str, dict[str, Any]] = ask(ASK)
    return found


def test_each_task_has_its_queue(tasks: dict[str, dict[str, Any]]) -> None:
    for name, task in tasks.items():
        wanted = "upkeep" if name == "extract.start" else name.partition(".")[0]
        assert task["queues"] == [wanted, wanted], name


def test_nobody_but_the_bridge_tries_a_micro_batch_again(tasks: dict[str, dict[str, Any]]) -> None:
    for name, task in tasks.items():
        wanted = name != "store.batch"
        assert (task["after_worker_lost"], task["after_errors"]) == (wanted, wanted), name


def test_a_letter_is_asked_for_again_as_long_as_that_may_help(tasks: dict[str, dict[str, Any]]) -> None:
    assert tasks["extract.chunk"]["max_retries"] == 5
    waits = ask(LETTERS)
    assert waits["refused key"] == [300, 300, None]
    assert waits["refused key, somebody looks on"] == [None]
    assert [wait is not None and wait <= 300 for wait in waits["outage"]] == [True, True, False]
    for costly in ("too slow", "no time to mend"):
        assert [wait is not None for wait in waits[costly]] == [True, False], costly
    assert waits["a bug"] == [None]
