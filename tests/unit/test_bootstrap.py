"""The container closes what it opened and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

from sago.bootstrap import build
from sago.config import Settings
from sago.sections import KafkaSettings, PostgresSettings, RedisSettings


def test_closing_closes_what_was_made() -> None:
    container = build(Settings())
    container.close()
    closed: list[str] = []
    for name in ("database", "keys_database", "cassandra", "log", "buffer"):
        container.__dict__[name] = SimpleNamespace(close=lambda name=name: closed.append(name))
    container.close()
    assert sorted(closed) == ["buffer", "cassandra", "database", "keys_database", "log"]


def test_keys_are_looked_up_by_connections_of_their_own() -> None:
    container = build(Settings())
    assert container.keyring.database is container.keys_database
    assert container.keys_database is not container.database
    container.close()


def test_a_worker_of_sources_prepares_no_reader() -> None:
    container = build(
        Settings(
            kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"),
            redis=RedisSettings(url="redis://127.0.0.1:1"),
            postgres=PostgresSettings(host="127.0.0.1", port=1),
        )
    )
    container.prepare(["sources"])
    assert "pulling" in container.__dict__
    assert not {"models", "extracting", "storing", "drafts"} & set(container.__dict__)
    container.close()
