"""Flower beside a real worker: it shows the tasks of a run, to whom the password says, and outlives a Redis."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from sago.bootstrap import build, migrate
from sago.config import PROJECT, Settings
from sago.embedded.places import listens
from sago.embedded.procfile import read_procfile, ready_file
from sago.embedded.servers import free_port
from sago.embedded.stack import Stack
from tests.integration.houses import chat, eventually

pytestmark = pytest.mark.services

SECRET = "a-secret-word"
TEXT = "[[event enterprise_deal subject=Anvil]]"
PATHS = ["/", "/tasks", "/api/tasks", "/api/workers", "/metrics", "/healthcheck", "/static/css/flower.css", "/nothing"]
FLOWER = [str(Path(sys.executable).parent / "celery"), "-A", "workers", "flower"]
ALONE = {
    "SAGO_REDIS__URL": "redis://redis.invalid:6379",
    "SAGO_KAFKA__BOOTSTRAP_SERVERS": "kafka.invalid:9092",
    "SAGO_POSTGRES__HOST": "postgres.invalid",
    "SAGO_FLOWER__PASSWORD": "",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A stack with Flower behind a password, that reads 200 messages."""
    folder = tmp_path_factory.mktemp("flower")
    commands = read_procfile(PROJECT / "Procfile")
    wanted = ("bridge", "store", "extract", "flower")
    lines = [f"{name}: {commands[name]}\n" for name in wanted]
    (folder / "Procfile").write_text("".join(lines), encoding="utf-8")
    environ = {
        "SAGO_EXTRACTION__PROVIDER": "marker",
        "SAGO_OUTREACH__FOLDER": str(folder / "outreach"),
        "SAGO_FLOWER__PASSWORD": SECRET,
        "SAGO_FLOWER__PORT": str(free_port()),
    }
    stack = Stack(folder / "state", migrate, procfile=folder / "Procfile", environ=environ)
    with stack.running(discard=True) as settings, closing(build(settings)) as container:
        container.log.publish([chat(number, TEXT) for number in range(200)])
        yield settings


@pytest.fixture
def browser(run: Settings) -> Iterator[httpx2.Client]:
    """Speaks to Flower, without a password yet."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{run.flower.port}") as client:
        yield client


def tasks(browser: httpx2.Client) -> list[dict[str, Any]]:
    return list(browser.get("/api/tasks", auth=("sago", SECRET)).raise_for_status().json().values())


def test_it_shows_the_tasks_of_a_run_and_no_message(browser: httpx2.Client) -> None:
    def succeeded() -> Counter[str]:
        return Counter(task["name"] for task in tasks(browser) if task["state"] == "SUCCESS")

    assert eventually(lambda: succeeded()["extract.merge"] == 1), tasks(browser)
    assert succeeded()["extract.chunk"] == 2
    assert succeeded()["store.batch"] >= 1
    (first,) = [task for task in tasks(browser) if task["name"] == "extract.start"]
    assert "'acme'" in first["args"]
    assert "enterprise_deal" not in str(tasks(browser))
    workers = browser.get("/api/workers?refresh=1", auth=("sago", SECRET)).json()
    assert sorted(name.partition("@")[0] for name in workers) == ["extract", "store"]


@pytest.mark.parametrize("path", PATHS)
def test_every_path_asks_for_the_password(browser: httpx2.Client, path: str) -> None:
    refused = browser.get(path)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="flower"')
    assert browser.get(path, auth=("sago", "wrong")).status_code == 401
    assert browser.post(path, auth=("other", SECRET)).status_code == 401
    assert browser.get(path, auth=("sago", SECRET)).status_code == (404 if path == "/nothing" else 200)


def test_the_password_lets_operate(browser: httpx2.Client) -> None:
    sent = browser.post("/api/task/send-task/upkeep.flush_idle", auth=("sago", SECRET), json={})
    assert sent.status_code == 200
    wanted = sent.json()["task-id"]
    assert eventually(lambda: {"SUCCESS"} == {task["state"] for task in tasks(browser) if task["uuid"] == wanted})


def test_a_worker_goes_on_telling_that_it_lives(run: Settings) -> None:
    ready = ready_file(run.state_dir, "extract")
    before = ready.stat().st_mtime
    assert eventually(lambda: ready.stat().st_mtime > before)


def test_it_listens_again_after_redis_has_dropped_everybody(run: Settings, browser: httpx2.Client) -> None:
    with closing(redis.Redis.from_url(run.redis.database(run.redis.broker_db))) as client:
        for kind in ("pubsub", "normal"):
            client.client_kill_filter(_type=kind, skipme=True)

    def shown() -> bool:
        sent = browser.post("/api/task/send-task/upkeep.flush_idle", auth=("sago", SECRET), json={})
        time.sleep(1)
        return sent.status_code == 200 and sent.json()["task-id"] in {task["uuid"] for task in tasks(browser)}

    assert eventually(shown)


@contextmanager
def started(**environ: str) -> Iterator[httpx2.Client]:
    """A Flower of the test's own, that listens."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(FLOWER, env=os.environ | environ | {"SAGO_FLOWER__PORT": str(port)})
    try:
        assert eventually(lambda: listens(address) or process.poll() is not None)
        with httpx2.Client(base_url=address) as client:
            yield client
    finally:
        process.terminate()
        assert process.wait(60) == 0


def test_without_a_password_this_machine_may_look_and_no_other_site(run: Settings) -> None:
    with started(SAGO_FLOWER__PASSWORD="") as browser:
        assert browser.get("/api/tasks").status_code == 200
        assert browser.get("/").status_code == 200
        assert browser.post("/api/task/send-task/upkeep.reap", json={}).text == "Read only mode is enabled"
        assert browser.get("/api/tasks", headers={"Origin": "http://elsewhere.example"}).status_code == 403
        assert browser.get("/api/tasks", headers={"Host": "elsewhere.example"}).status_code == 403
        assert browser.get("/api/tasks", headers={"Origin": str(browser.base_url).rstrip("/")}).status_code == 200


def refused(*arguments: str, **environ: str) -> tuple[int, str]:
    ended = subprocess.run(
        [*FLOWER, *arguments],
        env=os.environ | ALONE | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ended.returncode, ended.stderr


def test_a_public_address_needs_a_password() -> None:
    line = "sago flower: flower.host is 0.0.0.0 and there is no password: set SAGO_FLOWER__PASSWORD, or "
    for status, said in (refused(SAGO_FLOWER__HOST="0.0.0.0"), refused("--address=0.0.0.0")):  # noqa: S104
        assert status == 78
        assert said.startswith(line)
        assert said.count("\n") == 1


def test_a_port_in_use_is_one_line() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        status, said = refused(SAGO_FLOWER__PORT=str(taken.getsockname()[1]))
    assert status == 1
    assert said.splitlines()[-1].endswith("Address already in use; flower.port names another")
    assert "Traceback" not in said
