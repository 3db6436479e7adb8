"""Thin entry points: the Kafka bridge, Celery's app and its tasks. `celery -A workers` finds the app here."""

from workers.app import app

__all__ = ["app"]
