"""Kafka, Redis and Postgres with one API over them, and a bare handler beside it; one is asked at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient, NewTopic

from bench.api.bare import TOPIC
from bench.api.client import Heard, Orders
from bench.store.rig import Rig, cpu_of, running
from sago.config import PROJECT
from sago.embedded.places import listens
from sago.embedded.procfile import process_environment, read_procfile
from sago.embedded.servers import free_port
from sago.stores.kafka import client_options

KEY = "the-key-of-the-house-of-the-bench"
BARE = read_procfile(PROJECT / "Procfile")["api"].replace("--factory sago.api.app:create_app", "bench.api.bare:app")
"""The same server with the same options, another application."""
UNLIMITED = {"SAGO_API__RATE_LIMIT": "60000000", "SAGO_API__RATE_BURST": "1000000"}
"""Counted as ever, and never reached."""


@dataclass
class Server:
    """One uvicorn."""

    name: str
    url: str
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        return cpu_of(self.pid)


@dataclass
class House:
    """What is measured."""

    rig: Rig
    folder: Path

    @contextmanager
    def serving(self, name: str, command: str, environ: Mapping[str, str]) -> Iterator[Server]:
        """A server of this command, which is stopped at the end."""
        port = free_port()
        environment = process_environment(self.rig.state_dir, None, {"SAGO_API__PORT": str(port), **environ})
        environment["BENCH_KAFKA"] = self.rig.settings.kafka.bootstrap_servers or ""
        with (self.folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"], env=environment, stdout=log, stderr=log, cwd=PROJECT
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, child, self.folder / f"{name}.log")
            yield Server(name, url, child.pid)
        finally:
            child.terminate()
            child.wait(30)

    @contextmanager
    def ours(self, **environ: str) -> Iterator[Server]:
        """The API as the Procfile starts it."""
        command = read_procfile(PROJECT / "Procfile")["api"]
        with self.serving("sago", command, {"SAGO_API__KEY": KEY, "SAGO_LOGGING__FORMAT": "json", **environ}) as server:
            yield server

    @contextmanager
    def bare(self) -> Iterator[Server]:
        """The handler beside it."""
        with self.serving("bare", BARE, {}) as server:
            yield server


@contextmanager
def opened() -> Iterator[House]:
    """Servers without Cassandra, which no request of these reaches; all gone afterwards."""
    os.environ["SAGO_RAW_STORE__KIND"] = "sql"
    with running((), {}) as rig:
        admin = KafkaAdminClient(**client_options(rig.settings.kafka))
        admin.create_topics([NewTopic(TOPIC, num_partitions=6, replication_factor=1)])
        admin.close()
        yield House(rig, rig.state_dir.parent)


def load(orders: Orders) -> Heard:
    """Let the generator run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.api.client"],
        input=json.dumps(asdict(orders)),
        capture_output=True,
        text=True,
        check=True,
        timeout=orders.seconds + 120,
        cwd=PROJECT,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return Heard(**said)


def _wait(url: str, child: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while not listens(url):
        if child.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{url} does not come up: see {log}\n{log.read_text()[-2000:]}")
        time.sleep(0.1)
