"""Real Kafka on this machine: one node that is broker and controller (KRaft), its log kept in the folder.

It differs from a production broker in nothing a client sees but its size. What it acknowledged lies in the page cache:
that outlives a kill -9 of the broker, not a power cut.
"""

from __future__ import annotations

import base64
import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from sago.embedded.jars import resolve
from sago.embedded.jvm import reason, run_java
from sago.embedded.probes import probe_kafka
from sago.embedded.processes import Watch, unwatched
from sago.embedded.servers import LOCALHOST, Server, free_port, on_a_port, wait_until_ready
from sago.errors import ConfigError
from sago.sections import KafkaSecurity

START_TIMEOUT = 120.0
"""Seconds; 2.5 s on two idle cores, 6 s after a kill -9, many times that on a busy machine."""
FORMAT_TIMEOUT = 60.0
FLAGS = (
    "-Xms64m",
    "-Xmx512m",  # Kafka's own default of 1 GB is for thousands of partitions; a log's bytes are in the page cache
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss'Z'",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
)
SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "offsets.topic.replication.factor": "1",
    # 50 partitions of each are Kafka's default: 100 folders to make and to open again at each start.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "auto.create.topics.enable": "false",
    # A first member of a group waits 3 s for others by default.
    "group.initial.rebalance.delay.ms": "0",
    # Kafka's default: the largest value we write has 900 kB and fits with its headers. A larger limit here would hide
    # what a broker of yours refuses.
    "message.max.bytes": "1048588",
    # A killed broker is let in again only when its session is over, 9 s by default. Shorter ones end by themselves on a
    # busy machine.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "16777216",
}


def start_local_kafka(
    folder: Path,
    *,
    port: int = 0,
    watch: Watch = unwatched,
    options: Mapping[str, str] | None = None,
    security: KafkaSecurity | None = None,
) -> Server:
    """Start on 127.0.0.1 with its log in `folder`; port 0 is any free one. Raises ConfigError.

    `options` go into server.properties and win over ours. Clients reach the listener named CLIENT; `security` is what
    they need for it, and its protocol becomes the listener's.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    class_path = resolve("kafka")

    def start(port: int) -> Server:
        properties = _properties(folder / "data", port, security) | dict(options or {})
        _format_once(folder, properties, class_path)
        path = _write(folder / "server.properties", properties)
        child = run_java("kafka", "kafka.Kafka", class_path, FLAGS, str(path), folder=folder)
        watch(child)
        address = f"{LOCALHOST}:{port}"
        log = folder / "kafka.log"
        wait_until_ready(child, log, lambda: probe_kafka(address, security), START_TIMEOUT, reason)
        section = {"bootstrap_servers": address} | ({"security": security} if security else {})
        return Server("kafka", child, address, {"kafka": section}, "local")

    return on_a_port("kafka", port, start)


def _properties(data: Path, port: int, security: KafkaSecurity | None) -> dict[str, str]:
    controller = f"{LOCALHOST}:{free_port()}"
    protocol = security.protocol if security else "PLAINTEXT"
    return SINGLE_NODE | {
        "log.dirs": str(data),
        "listeners": f"CLIENT://{LOCALHOST}:{port},CONTROLLER://{controller}",
        "listener.security.protocol.map": f"CLIENT:{protocol},CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"1@{controller}",
    }


def _format_once(folder: Path, properties: Mapping[str, str], class_path: list[Path]) -> None:
    """Give the node its cluster id, beside `data`, then rename: a format that was cut off leaves nothing behind."""
    data, half = folder / "data", folder / "data.half"
    if data.exists():
        return
    shutil.rmtree(half, ignore_errors=True)
    path = _write(folder / "format.properties", {**properties, "log.dirs": str(half)})
    # As Kafka's own Uuid: 16 bytes in base64 without padding; a leading `-` would be read as an option.
    cluster = "s" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
    arguments = ["format", "--cluster-id", cluster, "--config", str(path)]
    child = run_java("kafka", "kafka.tools.StorageTool", class_path, FLAGS, *arguments, folder=folder)
    if not child.wait(FORMAT_TIMEOUT) or not (half / "meta.properties").exists():
        child.stop(0.0)
        log = folder / "kafka.log"
        raise ConfigError(f"kafka: cannot make its log in {data}: {reason(log)} (log: {log})")
    half.rename(data)


def _write(path: Path, properties: Mapping[str, str]) -> Path:
    """As java.util.Properties reads it: with JSON's escapes. Open to the owner alone: it may hold passwords."""
    path.touch(mode=0o600)
    lines = (f"{key}={json.dumps(value)[1:-1]}\n" for key, value in properties.items())
    path.write_text("".join(lines), encoding="ascii")
    return path
