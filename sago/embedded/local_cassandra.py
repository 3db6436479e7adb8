"""Real Cassandra on this machine: one node without neighbours, its data kept in the folder.

What it acknowledged is on the disk: `commitlog_sync: batch`. Cassandra's own default answers first and may lose the
last 100 ms of a node that is killed, which a cluster mends from other replicas; this node has none.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sago.embedded.jars import resolve
from sago.embedded.jvm import reason, run_java
from sago.embedded.probes import probe_cassandra
from sago.embedded.processes import Child, Watch, unwatched
from sago.embedded.servers import LOCALHOST, Server, free_port, on_a_port, wait_until_ready
from sago.errors import ConfigError

START_TIMEOUT = 120.0
"""Seconds; about 9 s on two idle cores, several times that on a busy machine."""
# What Cassandra reaches of the JDK's inside: conf/jvm17-server.options of its repository, which is not in the jar.
EXPORTS = {
    "java.base": ["jdk.internal.misc"],
    "java.management.rmi": ["com.sun.jmx.remote.internal.rmi"],
    "java.rmi": ["sun.rmi.registry", "sun.rmi.server"],
    "jdk.compiler": ["com.sun.tools.javac.file"],
    "jdk.attach": ["sun.tools.attach"],
}
OPENS = {
    "java.base": [
        *("java.io", "java.lang", "java.lang.module", "java.lang.reflect", "java.util", "sun.nio.ch"),
        *(f"jdk.internal.{part}" for part in ("loader", "ref", "reflect", "math", "module", "util.jar")),
    ],
    "jdk.management": ["com.sun.management.internal"],
    "jdk.compiler": ["com.sun.tools.javac"],
}
FLAGS = (
    "-Xms128m",
    "-Xmx1g",  # its memtables take a quarter; with 512 MB it starts, and collects all the time under bulk writes
    "-Xss512k",
    # A single node has nobody to wait for: 8 s of gossip, 30 s of ring, 10 s before its first role, 2 s of farewell.
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.ring_delay_ms=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
    "-Dcassandra.shutdown_announce_in_ms=0",
    "-Dcassandra-foreground=yes",
    "-Djava.security.manager=allow",  # it sets one, which Java 18 and newer refuse without this
    "-Djdk.attach.allowAttachSelf=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
)
ONE_NODE: dict[str, Any] = {
    "cluster_name": "sago",
    "num_tokens": 1,
    "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
    "endpoint_snitch": "SimpleSnitch",  # names its data centre datacenter1
    "listen_address": LOCALHOST,
    "rpc_address": LOCALHOST,
    "start_native_transport": True,
    "commitlog_sync": "batch",
    "auto_snapshot": False,  # a dropped table is gone; it would stay on the disk as a snapshot
}
LOGBACK = """<configuration>
  <statusListener class="ch.qos.logback.core.status.NopStatusListener"/>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{yyyy-MM-dd'T'HH:mm:ss'Z',UTC} %-5level %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <!-- How to tune a server's kernel, at each start. -->
  <logger name="org.apache.cassandra.service.StartupChecks" level="ERROR"/>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""


def start_local_cassandra(
    folder: Path, *, port: int = 0, watch: Watch = unwatched, options: Mapping[str, Any] | None = None
) -> Server:
    """Start on 127.0.0.1 with its data in `folder`; port 0 is any free one. Raises ConfigError.

    `options` go into cassandra.yaml and win over ours.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    class_path = resolve("cassandra")

    def start(port: int) -> Server:
        child = _run(folder, class_path, _configuration(folder / "data", port) | dict(options or {}))
        watch(child)
        section = {"contact_points": [LOCALHOST], "port": port}
        wait_until_ready(child, folder / "cassandra.log", lambda: _answers(section), START_TIMEOUT, reason)
        settings = {"cassandra": section, "raw_store": {"kind": "cassandra"}}
        return Server("cassandra", child, f"{LOCALHOST}:{port}", settings, "local")

    return on_a_port("cassandra", port, start)


def _answers(section: Mapping[str, Any]) -> None:
    """A node that asks for a login, as `options` may want it, has answered: who it lets in is not our question."""
    with contextlib.suppress(ConfigError):
        probe_cassandra(section)


def _run(folder: Path, class_path: list[Path], configuration: Mapping[str, Any]) -> Child:
    (folder / "logback.xml").write_text(LOGBACK, encoding="utf-8")
    path = folder / "cassandra.yaml"
    path.touch(mode=0o600)
    path.write_text(json.dumps(configuration, indent=1), encoding="utf-8")  # JSON is YAML
    jamm = next(jar for jar in class_path if jar.name.startswith("jamm-"))
    flags = [
        *FLAGS,
        *_module_flags(),
        f"-javaagent:{jamm}",  # measures memtables
        f"-Dcassandra.config={path.as_uri()}",
        f"-Dcassandra.storagedir={folder / 'data'}",
        f"-Dlogback.configurationFile={folder / 'logback.xml'}",
    ]
    return run_java("cassandra", "org.apache.cassandra.service.CassandraDaemon", class_path, flags, folder=folder)


def _configuration(data: Path, port: int) -> dict[str, Any]:
    storage_port = free_port()
    return ONE_NODE | {
        "native_transport_port": port,
        "storage_port": storage_port,
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{LOCALHOST}:{storage_port}"}],
            }
        ],
        "data_file_directories": [str(data / "data")],
        "commitlog_directory": str(data / "commitlog"),
        "hints_directory": str(data / "hints"),
        "saved_caches_directory": str(data / "saved_caches"),
        "cdc_raw_directory": str(data / "cdc_raw"),
    }


def _module_flags() -> list[str]:
    return [
        f"--add-{verb}={module}/{package}=ALL-UNNAMED"
        for verb, modules in (("exports", EXPORTS), ("opens", OPENS))
        for module, packages in modules.items()
        for package in packages
    ]
