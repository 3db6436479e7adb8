"""The commands by which tests get servers from Docker; an engine itself is asked where there is one."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sago.errors import ConfigError, TransientError
from tests.docker_servers import docker_answers, image_of, start_cassandra_container, start_kafka_container


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


def test_kafka_tells_its_clients_the_published_port_and_goes_with_the_block() -> None:
    engine = Engine(refuses=2)
    with start_kafka_container(4711, engine.run, engine.probe) as server:
        (started,) = engine.commands
        assert started[:4] == ["docker", "run", "--rm", "--detach"]
        assert "127.0.0.1:4711:9092" in started
        assert "KAFKA_ADVERTISED_LISTENERS=CLIENT://127.0.0.1:4711" in started
        assert started[-1] == image_of("kafka")
        assert server.address == "127.0.0.1:4711"
        assert engine.asked == [("kafka", server.settings["kafka"])] * 3
    assert engine.commands[1:] == [["docker", "rm", "--force", "--volumes", "c0ffee"]]


def test_cassandra_is_removed_also_when_it_refuses_us() -> None:
    def refuses(*_: object) -> None:
        raise ConfigError("a login is needed")

    engine = Engine()
    with pytest.raises(ConfigError), start_cassandra_container(4711, engine.run, refuses):
        pytest.fail("it did not answer")
    assert [command[:2] for command in engine.commands] == [["docker", "run"], ["docker", "rm"]]
    assert engine.commands[0][-1] == image_of("cassandra")
