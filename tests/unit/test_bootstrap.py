"""The container closes what it opened and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

from sago.bootstrap import build
from sago.config import Settings


def test_closing_closes_what_was_made() -> None:
    container = build(Settings())
    container.close()
    closed: list[str] = []
    for name in ("database", "cassandra", "log", "buffer"):
        container.__dict__[name] = SimpleNamespace(close=lambda name=name: closed.append(name))
    container.close()
    assert sorted(closed) == ["buffer", "cassandra", "database", "log"]
