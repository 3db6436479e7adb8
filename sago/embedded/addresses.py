"""The addresses of the servers of a set of settings, ours or yours."""

from __future__ import annotations

from typing import Any

from sago.config import Settings


def sections(settings: Settings) -> dict[str, dict[str, Any]]:
    """What `servers.probe` needs of each server; Cassandra is one where raw messages lie in it."""
    postgres = settings.postgres
    needed: dict[str, dict[str, Any]] = {
        "kafka": {"bootstrap_servers": settings.kafka.bootstrap_servers, "security": settings.kafka.security},
        "redis": {"url": settings.redis.url},
        "postgres": {
            "host": postgres.host,
            "port": postgres.port,
            "db": postgres.db,
            "user": postgres.user,
            "password": postgres.password.get_secret_value(),
        },
    }
    if settings.raw_store.kind == "cassandra":
        password = settings.cassandra.password
        needed["cassandra"] = {
            **settings.cassandra.model_dump(include={"contact_points", "port", "username", "tls", "ca_file"}),
            "password": password.get_secret_value() if password else None,
        }
    return needed


def address_of(name: str, settings: Settings) -> str:
    """What a client connects with, credentials included."""
    if name == "kafka":
        return settings.kafka.bootstrap_servers or ""
    if name == "redis":
        return settings.redis.url or ""
    if name == "cassandra":
        return ",".join(f"{host}:{settings.cassandra.port}" for host in settings.cassandra.contact_points)
    return settings.postgres.url().replace("+psycopg2", "", 1)
