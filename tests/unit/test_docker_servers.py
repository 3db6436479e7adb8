"""The commands by which tests get servers from Docker; an engine itself is asked where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sago.config import PROJECT
from sago.errors import ConfigError, TransientError
from tests.docker_servers import docker_answers, image_of, start_cassandra_container, start_kafka_container

REMOVED = "rm --force --volumes c0ffee\n"
KILLED = """
import os, signal
from tests.docker_servers import start_kafka_container
with start_kafka_container(4711, lambda _: "c0ffee", lambda *_: None):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a `docker` of the test's own, first on PATH, writes down what it is told."""
    calls, docker = tmp_path / "calls", tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$*" >>{calls}\n')
    docker.chmod(0o755)
    calls.touch()
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return calls


class Engine:
    """Writes down what it is told; `refuses` is how often its container does not answer yet."""

    def __init__(self, refuses: int = 0) -> None:
        self.commands: list[list[str]] = []
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.refuses = refuses

    def run(self, command: Sequence[str]) -> str:
        self.commands.append(list(command))
        return "c0ffee"

    def probe(self, name: str, section: Mapping[str, Any]) -> None:
        self.asked.append((name, section))
        if len(self.asked) <= self.refuses:
            raise TransientError("still starting")


def test_an_engine_answers_or_does_not() -> None:
    def broken(command: Sequence[str]) -> str:
        raise subprocess.CalledProcessError(1, command)

    def absent(command: Sequence[str]) -> str:
        raise FileNotFoundError(command[0])

    assert docker_answers(Engine().run)
    assert not docker_answers(lambda _: "")
    assert not docker_answers(broken)
    assert not docker_answers(absent)


def test_kafka_tells_its_clients_the_published_port_and_goes_with_the_block(removed: Path) -> None:
    engine = Engine(refuses=2)
    with start_kafka_container(4711, engine.run, engine.probe) as server:
        (started,) = engine.commands
        assert started[:4] == ["docker", "run", "--rm", "--detach"]
        assert "127.0.0.1:4711:9092" in started
        assert "KAFKA_ADVERTISED_LISTENERS=CLIENT://127.0.0.1:4711" in started
        assert started[-1] == image_of("kafka")
        assert server.address == "127.0.0.1:4711"
        assert engine.asked == [("kafka", server.settings["kafka"])] * 3
        assert removed.read_text() == ""
    assert removed.read_text() == REMOVED


def test_a_container_goes_when_the_tests_are_killed(removed: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED], cwd=PROJECT, check=False).returncode < 0
    until = time.monotonic() + 60
    while not removed.read_text() and time.monotonic() < until:
        time.sleep(0.01)
    assert removed.read_text() == REMOVED


def test_cassandra_is_removed_also_when_it_refuses_us(removed: Path) -> None:
    def refuses(*_: object) -> None:
        raise ConfigError("a login is needed")

    engine = Engine()
    with pytest.raises(ConfigError), start_cassandra_container(4711, engine.run, refuses):
        pytest.fail("it did not answer")
    (started,) = engine.commands
    assert started[-1] == image_of("cassandra")
    assert removed.read_text() == REMOVED
