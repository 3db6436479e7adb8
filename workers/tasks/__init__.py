"""Celery tasks, named `noun.verb`: load, call a use case, return."""
