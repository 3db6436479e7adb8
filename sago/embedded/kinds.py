"""The two kinds of servers a stack of ours can have: embedded ones from wheels, or real Kafka and Cassandra.

Messages of one are not in the stores of the other, so their data lie apart; both survive `sago down`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sago.config import Settings
from sago.embedded.kafka import start_kafka
from sago.embedded.postgres import remove_data, start_postgres
from sago.embedded.processes import Watch
from sago.embedded.redis import start_redis
from sago.embedded.servers import Server
from sago.errors import ConfigError

Starter = Callable[[int], Server]
"""Starts one server on a port, 0 for any; raises ConfigError."""
SERVERS = ("redis", "postgres", "kafka", "cassandra")


class Choice(NamedTuple):
    """The kind of servers, and why in a few words."""

    kind: str
    why: str


def choose(wanted: str | None, state_dir: Path) -> Choice:
    """What `embedded`, `local` or `auto` means here; None and `auto` keep to the kind whose stores hold messages.

    Raises ConfigError where `local` cannot be.
    """
    from sago.embedded import jars

    kept = held(state_dir) if wanted in (None, "auto") else None
    if kept is not None:
        other = "local" if kept == "embedded" else "embedded"
        return Choice(kept, f"messages of earlier commands lie there (`--servers {other}` has stores of its own)")
    if wanted in (None, "embedded"):
        return Choice("embedded", "")
    missing = jars.missing()
    if missing is None:
        return Choice("local", "real Kafka and Cassandra, as Java and their jars can be had here")
    if wanted == "local":
        raise ConfigError(f"servers: local: {missing}; mend that, or use `--servers embedded`")
    return Choice("embedded", f"a small Kafka, no Cassandra ({missing})")


def held(state_dir: Path) -> str | None:
    """The kind of servers that ran in this folder, the last one where both did."""
    started = {kind: folder_of(state_dir, kind) / "redis" / "redis.conf" for kind in ("embedded", "local")}
    when = {kind: path.stat().st_mtime for kind, path in started.items() if path.exists()}
    return max(when, key=lambda kind: when[kind], default=None)


def folder_of(state_dir: Path, kind: str) -> Path:
    """Where the servers of a kind keep their data, each in a folder of its name."""
    return state_dir if kind == "embedded" else state_dir / "services"


def starters(kind: str, state_dir: Path, settings: Settings, watch: Watch) -> dict[str, Starter]:
    """How each server of this kind is started."""
    folder = folder_of(state_dir, kind)
    starts: dict[str, Starter] = {
        "redis": lambda port: start_redis(folder / "redis", port=port, watch=watch),
        "postgres": lambda port: start_postgres(folder / "postgres", port=port, watch=watch),
    }
    return starts | (_small(folder, settings, watch) if kind == "embedded" else _real(folder, watch))


def _small(folder: Path, settings: Settings, watch: Watch) -> dict[str, Starter]:
    from sago.stores.kafka import all_topics

    topics, partitions = all_topics(settings.kafka), settings.kafka.partitions
    return {"kafka": lambda _port: start_kafka(folder / "kafka", topics, partitions, watch=watch)}


def _real(folder: Path, watch: Watch) -> dict[str, Starter]:
    from sago.embedded.local_cassandra import start_local_cassandra
    from sago.embedded.local_kafka import start_local_kafka

    starts: dict[str, Starter] = {
        "kafka": lambda port: start_local_kafka(folder / "kafka", port=port, watch=watch),
        "cassandra": lambda port: start_local_cassandra(folder / "cassandra", port=port, watch=watch),
    }
    if os.environ.get("SAGO_RAW_STORE__KIND") == "sql":  # the environment wins: nobody would write to it
        del starts["cassandra"]
    return starts


def remove_servers(state_dir: Path) -> None:
    """Delete the data of the stopped servers of both kinds, wherever they lie."""
    for kind in ("embedded", "local"):
        folder = folder_of(state_dir, kind)
        remove_data(folder / "postgres")
        for name in SERVERS:
            shutil.rmtree(folder / name, ignore_errors=True)
    shutil.rmtree(folder_of(state_dir, "local"), ignore_errors=True)
