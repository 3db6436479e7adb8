"""A small Kafka-protocol broker in a child process: in memory, at most 5 MB and 100,000 messages a partition.

Clients need `api_version=(2, 1)`. Its port is random, and each start is a new, empty log with a `log_id` of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sago.embedded.broker import library_path
from sago.embedded.probes import probe_kafka
from sago.embedded.processes import Watch, spawn, unwatched
from sago.embedded.servers import Server, wait_until_ready
from sago.errors import ConfigError, TransientError


def start_kafka(folder: Path, topics: Sequence[str], partitions: int, *, watch: Watch = unwatched) -> Server:
    """Start a broker that has these topics; raises ConfigError."""
    try:
        library_path()
    except FileNotFoundError as error:
        raise ConfigError(
            f"no embedded Kafka: {error}; use Linux x86-64 and `make setup`, or a broker of yours"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    ready, log = folder / "kafka.json", folder / "kafka.log"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "sago.embedded.broker", str(ready), str(partitions), *topics]
    child = spawn("kafka", command, log=log)
    watch(child)
    wait_until_ready(child, log, lambda: probe_kafka(_read(ready)["bootstrap_servers"]))
    found = _read(ready)
    return Server("kafka", child, found["bootstrap_servers"], {"kafka": {**found, "embedded": True}})


def _read(ready: Path) -> dict[str, str]:
    try:
        return dict(json.loads(ready.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise TransientError("the broker is not there yet") from error
