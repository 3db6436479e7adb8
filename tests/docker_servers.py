"""Kafka and Cassandra from Docker, for tests, where an engine answers: the images of docker-compose.yml.

A container lives as long as the block, on a free port of 127.0.0.1, and is removed by its own id; its data go with it.
That is done by a shell that waits for the end of a pipe from us, so it happens also where the tests are killed.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from sago.config import PROJECT
from sago.embedded.servers import LOCALHOST, free_port, probe
from sago.errors import ConfigError, TransientError

START_TIMEOUT = 180.0
"""Seconds, once the image is here."""
PULL_TIMEOUT = 600.0

REMOVE_TIMEOUT = 60.0
REMOVE = 'read -r _; exec docker rm --force --volumes "$0"'
"""What the shell does; nobody writes to it, so `read` returns when we close the pipe, or have ended."""

Run = Callable[[Sequence[str]], str]
"""Runs a command and gives what it printed; raises OSError or CalledProcessError."""
Probe = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class DockerServer:
    """A server in a container; `settings` is the overlay for sago.config, as of an embedded one."""

    name: str
    address: str
    settings: Mapping[str, Any] = field(repr=False)


def run_command(command: Sequence[str]) -> str:
    """The standard output of a command that succeeds."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PULL_TIMEOUT)
    return done.stdout.strip()


def docker_answers(run: Run = run_command) -> bool:
    """Whether an engine runs containers for us; a client alone does not count."""
    try:
        return bool(run(["docker", "info", "--format", "{{.ServerVersion}}"]))
    except (OSError, subprocess.SubprocessError):
        return False


@contextmanager
def start_kafka_container(port: int = 0, run: Run = run_command, ask: Probe = probe) -> Iterator[DockerServer]:
    """One node without topics. Its clients are told the published port, so that is chosen before (0: any free one)."""
    port = port or free_port()
    environ = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": "CLIENT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"CLIENT://{LOCALHOST}:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "CLIENT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
    }
    section = {"bootstrap_servers": f"{LOCALHOST}:{port}"}
    with _container("kafka", f"{port}:9092", environ, run):
        _wait(lambda: ask("kafka", section))
        yield DockerServer("kafka", f"{LOCALHOST}:{port}", {"kafka": section})


@contextmanager
def start_cassandra_container(port: int = 0, run: Run = run_command, ask: Probe = probe) -> Iterator[DockerServer]:
    """One node without keyspaces and without a login; port 0 is any free one."""
    port = port or free_port()
    environ = {
        "MAX_HEAP_SIZE": "1G",
        "HEAP_NEWSIZE": "256M",
        "JVM_EXTRA_OPTS": "-Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0",
    }
    section = {"contact_points": [LOCALHOST], "port": port}
    with _container("cassandra", f"{port}:9042", environ, run):
        _wait(lambda: ask("cassandra", section))
        yield DockerServer("cassandra", f"{LOCALHOST}:{port}", {"cassandra": section})


def image_of(service: str) -> str:
    """The image that docker-compose.yml pins."""
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    return str(compose["services"][service]["image"])


@contextmanager
def _container(service: str, ports: str, environ: Mapping[str, str], run: Run) -> Iterator[None]:
    variables = [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
    command = ["docker", "run", "--rm", "--detach", "--publish", f"{LOCALHOST}:{ports}", *variables]
    with _removed_with_us(run([*command, image_of(service)])):
        yield


@contextmanager
def _removed_with_us(container: str) -> Iterator[None]:
    """In a session of its own: what is sent to our group, Ctrl-C too, leaves the shell to its duty."""
    shell = subprocess.Popen(
        ["sh", "-c", REMOVE, container], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        shell.communicate(timeout=REMOVE_TIMEOUT)
        if shell.returncode:
            raise subprocess.CalledProcessError(shell.returncode, shell.args)


def _wait(answers: Callable[[], None]) -> None:
    until = time.monotonic() + START_TIMEOUT
    while True:
        try:
            return answers()
        except TransientError as error:
            if time.monotonic() > until:
                raise ConfigError(f"the container did not answer in {START_TIMEOUT:.0f} s: {error}") from error
        time.sleep(0.2)
