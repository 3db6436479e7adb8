"""Thin entry points: the Kafka bridge, Celery's app and its tasks. `celery -A workers` finds the app here."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """The Celery app, made when first asked for: importing a sibling module must not build it."""
    if name != "app":
        raise AttributeError(f"module 'workers' has no attribute {name!r}")
    from workers.app import app

    return app
