"""Thin entry points: the Kafka bridge, Celery's app and its tasks."""
