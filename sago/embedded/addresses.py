"""The addresses of the servers of a set of settings, ours or yours."""

from __future__ import annotations

from typing import Any

from sago.config import Settings


def sections(settings: Settings) -> dict[str, dict[str, Any]]:
    """What `servers.probe` needs of each server."""
    postgres = settings.postgres
    return {
        "kafka": {"bootstrap_servers": settings.kafka.bootstrap_servers},
        "redis": {"url": settings.redis.url},
        "postgres": {
            "host": postgres.host,
            "port": postgres.port,
            "db": postgres.db,
            "user": postgres.user,
            "password": postgres.password.get_secret_value(),
        },
    }


def address_of(name: str, settings: Settings) -> str:
    """What a client connects with, credentials included."""
    if name == "kafka":
        return settings.kafka.bootstrap_servers or ""
    if name == "redis":
        return settings.redis.url or ""
    return settings.postgres.url().replace("+psycopg2", "", 1)
