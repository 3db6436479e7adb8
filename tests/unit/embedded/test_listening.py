"""Who is silent since when: what a look finds, what the supervisor's rounds put on record, what the API sees of it."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sago.config import load
from sago.embedded import health, listening
from sago.embedded.health import Health, check_stack, stack_seen_by
from sago.embedded.listening import ROUND_EVERY, Rounds
from sago.embedded.processes import Child, ourselves, spawn
from sago.embedded.procfile import ready_file
from sago.embedded.record import Record, Service
from tests.unit.embedded.test_supervisor import Stumbling


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Child]:
    child = spawn("store", [sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "store.log")
    yield child
    child.stop(0.0)


def test_a_halted_process_is_told_at_once(sleeper: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    ready_file(tmp_path, "store").parent.mkdir()
    ready_file(tmp_path, "store").touch()
    record = Record("local", "", supervisor=ourselves(), services={"store": Service("store", "process", "", sleeper)})
    assert check_stack(record, load())["store"].healthy
    sleeper.signal(signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while not sleeper.halted() and time.monotonic() < deadline:
        time.sleep(0.01)
    said = f"halted by a signal (pid {sleeper.pid}): it does nothing until SIGCONT"
    assert check_stack(record, load())["store"].reason == said
    sleeper.signal(signal.SIGCONT)


def test_a_probe_that_hangs_is_not_sent_again_and_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    answers, probing = threading.Event(), []

    def probe(name: str, _section: object) -> None:
        probing.append(threading.current_thread())
        answers.wait(10)

    monkeypatch.setattr(health, "probe", probe)
    record = Record("local", "", services={"redis": Service("redis", "embedded", "redis://x", ourselves())})
    for _ in range(3):
        assert check_stack(record, load())["redis"].reason == "no answer within 0.05 s"
    (thread,) = probing
    assert thread.daemon
    record.services["redis"] = replace(record.services["redis"], trouble="killed")
    assert "killed" in check_stack(record, load())["redis"].reason
    answers.set()
    thread.join(5)
    monkeypatch.setattr(health, "PATIENCE", 10.0)
    record.services["redis"] = replace(record.services["redis"], trouble="", down_since=1.5e9)
    found = check_stack(record, load())["redis"]
    assert found.healthy
    assert found.service.down_since == 1.5e9
    assert len(probing) == 2


def test_a_sign_of_life_that_cannot_be_read_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    ready = ready_file(tmp_path, "bridge")
    ready.parent.mkdir()
    ready.write_text("{")
    record = Record("local", "", services={"bridge": Service("bridge", "process", child=ourselves())})
    assert check_stack(record, load())["bridge"].reason.startswith("JSONDecodeError: Expecting")


def test_what_the_api_sees_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    assert stack_seen_by("api", load()) == ({}, {}, {})
    ready = ready_file(tmp_path, "bridge")
    ready.parent.mkdir()
    ready.write_text(json.dumps({"since": 1.6e9, "waits_for": "Redis's memory is 81% used"}))
    record = Record("local", "", supervisor=ourselves())
    record.services = {
        "redis": Service("redis", "embedded", child=ourselves(), down_since=1.5e9),
        "bridge": Service("bridge", "process", child=ourselves()),
        "store": Service("store", "process", child=ourselves(), trouble="killed", down_since=1.7e9),
        "api": Service("api", "process", "http://127.0.0.1:1", ourselves()),
    }
    record.write(tmp_path)
    seen = stack_seen_by("api", load())
    assert seen.processes.keys() == {"bridge", "store"}
    bridge, store = seen.processes["bridge"], seen.processes["store"]
    assert (bridge.up, bridge.reason) == (True, "Redis's memory is 81% used")
    assert bridge.since is not None
    assert bridge.since.timestamp() == 1.6e9
    assert (store.up, store.reason) == (False, "killed")
    assert {name: at.timestamp() for name, at in seen.silent_since.items()} == {"redis": 1.5e9, "store": 1.7e9}


def test_a_round_notes_who_is_silent_and_who_answers_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = {"redis": ""}
    launch: Any = Stumbling(tmp_path, ValueError())
    launch.plan = SimpleNamespace(settings=lambda: None)
    launch.record = SimpleNamespace(mode="local", services={"redis": Service("redis", "embedded", child=ourselves())})

    def check(record: Record, _settings: object) -> dict[str, Health]:
        return {"redis": Health(record.services["redis"], reasons["redis"])}

    monkeypatch.setattr(listening, "check_stack", check)
    now = [0.0]
    rounds = Rounds(launch, lambda: now[0])

    def go_round() -> Service:
        now[0] += ROUND_EVERY
        rounds.look()
        assert rounds._round is not None
        rounds._round.exception(5)
        rounds.look()
        found: Service = launch.record.services["redis"]
        return found

    assert go_round().down_since is None
    reasons["redis"] = "no answer"
    before = time.time()
    since = go_round().down_since
    assert since is not None
    assert before <= since <= time.time()
    assert go_round().down_since == since
    reasons["redis"] = ""
    assert go_round().down_since is None
