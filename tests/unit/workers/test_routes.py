"""Which queue a task goes to, and who tries it again: asked of another process, since Celery keeps its settings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from sago.bootstrap import PREPARED
from sago.config import PROJECT
from sago.domain.tasks import CATALOGUE

ASK = """
import inspect, json
from sago.sections import RedisSettings
from sago.stores.celery_dispatcher import client
from workers.app import app
app.loader.import_default_modules()
queue = lambda sender, name: sender.amqp.router.route({}, name)["queue"].name
print(json.dumps({name: {
    "queues": [queue(app, name), queue(client(RedisSettings(url="redis://127.0.0.1:1")), name)],
    "max_retries": task.max_retries,
    "after_worker_lost": task.retry_on_worker_lost,
    "takes": list(inspect.signature(task.run).parameters),
    "after_errors": hasattr(task, "_orig_run"),
} for name, task in app.tasks.items() if not name.startswith("celery.")}))
"""

SHORT = {
    "extract.start": "upkeep",
    "outreach.schedule": "upkeep",
    "outreach.digest": "upkeep",
    "extract.merge": "merge",
    "outreach.deliver": "mail",
    "sources.poll": "upkeep",
}
"""Tasks that must not wait behind the long ones of their kind."""


SENT_AGAIN = (
    "store.batch",
    "upkeep.flush_idle",
    "upkeep.reap",
    "upkeep.catch_up",
    "upkeep.coarsen",
    "outreach.deliver",
    "sources.poll",
    "sources.pull",
    "sources.refresh",
)
"""Tasks that the bridge or beat sends again after an error."""


def ask(script: str) -> Any:
    """The JSON that a process of its own prints; its servers are nowhere."""
    servers = {
        "SAGO_REDIS__URL": "redis://redis.invalid:6379",
        "SAGO_KAFKA__BOOTSTRAP_SERVERS": "kafka.invalid:9092",
        "SAGO_POSTGRES__HOST": "postgres.invalid",
    }
    command = [sys.executable, "-c", script]
    asked = subprocess.run(
        command, cwd=PROJECT, env=os.environ | servers, capture_output=True, text=True, timeout=300, check=True
    )
    return json.loads(asked.stdout)


@pytest.fixture(scope="module")
def tasks() -> dict[str, dict[str, Any]]:
    """Each task's queue as a worker and as a client routes it, and its retries."""
    found: dict[str, dict[str, Any]] = ask(ASK)
    return found


def test_each_task_has_its_queue(tasks: dict[str, dict[str, Any]]) -> None:
    for name, task in tasks.items():
        wanted = SHORT.get(name, name.partition(".")[0])
        assert task["queues"] == [wanted, wanted], name


SENT_OTHERWISE = {"outreach.compose": {"as_of"}, "outreach.judge": {"as_of", "watch_ids"}}
"""What a firm's task takes that no caller says: found in the firm's view, and the moment."""


def test_what_people_start_by_name_is_a_task_that_takes_what_they_say(tasks: dict[str, dict[str, Any]]) -> None:
    assert set(CATALOGUE) <= set(tasks)
    for name, kind in CATALOGUE.items():
        sent = set(kind.takes.model_fields) | SENT_OTHERWISE.get(name, set())
        sent -= {"watch_id"} if name == "outreach.judge" else set()
        assert sent <= set(tasks[name]["takes"]), name


def test_what_others_send_is_not_for_people_to_start(tasks: dict[str, dict[str, Any]]) -> None:
    assert set(tasks) - set(CATALOGUE) == {"store.batch", "extract.start", "extract.chunk", "extract.merge"}


def test_a_batch_that_is_read_and_a_claim_do_not_wait_behind_long_tasks() -> None:
    """Workers take their queues in the order of -Q."""
    options = ask("import celeryconfig, json; print(json.dumps(celeryconfig.broker_transport_options))")
    assert options["queue_order_strategy"] == "priority"
    for name in ("Procfile", "docker-compose.yml"):
        text = (PROJECT / name).read_text(encoding="utf-8")
        assert sorted(re.findall(r"-Q (\S+)", text)) == ["mail,outreach", "merge,extract", "sources", "upkeep,store"], (
            name
        )


def test_what_is_sent_again_anyway_tries_nothing_again_by_itself(tasks: dict[str, dict[str, Any]]) -> None:
    for name, task in tasks.items():
        assert task["after_worker_lost"] is (name != "store.batch"), name
        assert task["after_errors"] is (name not in SENT_AGAIN), name


def test_what_the_tasks_of_each_queue_need_is_imported_before_the_fork() -> None:
    queues = ask("import celeryconfig, json; print(json.dumps([queue.name for queue in celeryconfig.task_queues]))")
    assert set(queues) == set(PREPARED)
