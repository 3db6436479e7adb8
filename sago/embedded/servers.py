"""One running server of our own: what a client connects with, whether it answers, and how it ends."""

from __future__ import annotations

import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sago.embedded.probes import probe_cassandra, probe_kafka, probe_postgres, probe_redis
from sago.embedded.processes import Child, last_line
from sago.errors import ConfigError, SagoError, TransientError

ServerName = Literal["kafka", "redis", "postgres", "cassandra"]
LOCALHOST = "127.0.0.1"
START_TIMEOUT = 20.0
STOP_TIMEOUT = 20.0
"""Cassandra writes its memtables to the disk before it ends."""
_GIVEN: deque[int] = deque(maxlen=100)
"""Free ports of which nobody may have made use yet."""


@dataclass(frozen=True)
class Server:
    """A started server; `address` holds its credentials, so it is not printed by repr."""

    name: ServerName
    child: Child
    address: str = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    """The overlay for sago.config, such as {"redis": {"url": …}}."""
    kind: str = "embedded"
    """`embedded` (from a wheel), `local` (from Maven's jars) or `service` (a container of the tests)."""

    @property
    def pid(self) -> int:
        """Of the server's main process."""
        return self.child.pid

    def healthy(self) -> bool:
        """Whether it runs and answers its own protocol, password included."""
        if not self.child.alive():
            return False
        try:
            self.probe()
        except SagoError:
            return False
        return True

    def probe(self) -> None:
        """Return when it answers; raises TransientError or ConfigError with the reason."""
        probe(self.name, self.settings[self.name])

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """Shut it down and wait; killed after `timeout` seconds. True when it ended by itself."""
        return self.child.stop(timeout)


def probe(name: str, section: Mapping[str, Any]) -> None:
    """Ask a server by the settings of its section; raises TransientError or ConfigError with the reason."""
    if name == "redis":
        probe_redis(section["url"])
    elif name == "postgres":
        probe_postgres(section)
    elif name == "cassandra":
        probe_cassandra(section)
    else:
        probe_kafka(section["bootstrap_servers"], section.get("security"))


def password_of(folder: Path) -> str:
    """The server's password, made at its first start; only the owner of the folder can read it."""
    path, half = folder / "password", folder / "password.half"
    known = path.read_text(encoding="ascii").strip() if path.exists() else ""
    if not known:  # a file we were cut off at is none: an empty password would let everybody in
        known = secrets.token_urlsafe(24)
        half.touch(mode=0o600)
        half.write_text(known, encoding="ascii")
        half.replace(path)
    return known


def free_port(host: str = LOCALHOST) -> int:
    """A port of our own address `host` nobody listens on at this moment, and none of those given just before."""
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe_socket:
            probe_socket.bind((host, 0))
            port = int(probe_socket.getsockname()[1])
        if port not in _GIVEN:
            _GIVEN.append(port)
            return port


def port_taken(port: int) -> bool:
    """Whether somebody listens on this port of 127.0.0.1."""
    with socket.socket() as probe_socket:
        probe_socket.settimeout(1.0)
        return probe_socket.connect_ex((LOCALHOST, port)) == 0


def on_a_port(name: str, port: int, start: Callable[[int], Server]) -> Server:
    """Start on the wanted port, or (0) on free ones until nobody was quicker to take it.

    Raises ConfigError when the wanted port is taken.
    """
    if port:
        if port_taken(port):
            raise ConfigError(f"{name}: port {port} of {LOCALHOST} is in use; stop what listens there, or use another")
        return start(port)
    for _ in range(2):
        chosen = free_port()
        try:
            return start(chosen)
        except ConfigError:
            if not port_taken(chosen):
                raise
    return start(free_port())


def wait_until_ready(
    child: Child,
    log: Path,
    check: Callable[[], None],
    timeout: float = START_TIMEOUT,
    reason: Callable[[Path], str] = last_line,
) -> None:
    """Return when `check` stops raising TransientError; on death or time-out stop the child and raise ConfigError.

    `reason` finds in the log why it ended.
    """
    deadline = time.monotonic() + timeout
    try:
        while True:
            try:
                return check()
            except TransientError as error:
                if not child.alive():
                    raise ConfigError(f"{child.name} ended at start: {reason(log)} (log: {log})") from error
                if time.monotonic() > deadline:
                    raise ConfigError(
                        f"{child.name} did not answer in {timeout:.0f} s: {error} (log: {log})"
                    ) from error
            time.sleep(0.02)
    except BaseException:
        child.stop(2.0)
        raise
