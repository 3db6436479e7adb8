"""A load at a steady pace, from the moment on at which every company's queue is filled to another height."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bench.store.background import beside
from bench.store.load import Delivery, Load
from bench.store.rig import LostError, Rig

TICK = 0.05
"""Seconds between two handfuls."""
THRESHOLD = 200
KEPT = 0.98
"""The share of the pace below which what was measured is not of that pace."""


def staggered(companies: int) -> Iterator[Delivery]:
    """Company n of m gets n/m of what fills it: fed evenly afterwards, they fill up one after the other."""
    load = Load.live("stagger", THRESHOLD * companies, companies)
    for company in range(companies):
        for turn in range(THRESHOLD * company // companies):
            yield load.delivery(turn * companies + company)


@dataclass
class Feed:
    """Messages put into Kafka; complete when the block is left."""

    sent: int = 0

    def check(self, due: float) -> None:
        """Raises LostError where the pace was not kept."""
        if self.sent < KEPT * due:
            raise LostError(f"{self.sent} messages were fed of {due:,.0f}: the pace was not kept")


@contextmanager
def paced(rig: Rig, run: str, rate: float, companies: int) -> Iterator[Feed]:
    """Put `rate` messages a second into Kafka for the time of the block, each company in its turn.

    On leaving the block LostError is raised where less than 98% of them were sent, or Kafka did not take them all.
    """
    feed, began = Feed(), time.monotonic()
    with beside("bench-feed", lambda stop: _feed(rig, Load.live(run, 1, companies), rate, feed, stop)):
        yield feed
        seconds = time.monotonic() - began
    feed.check(rate * seconds)


def _feed(rig: Rig, load: Load, rate: float, feed: Feed, stop: threading.Event) -> None:
    producer, began = rig.producer(), time.monotonic()
    while not stop.wait(TICK):
        due = int((time.monotonic() - began) * rate)
        load = replace(load, newest=datetime.now(UTC), messages=due)
        rig.put(producer, map(load.delivery, range(feed.sent, due)))
        feed.sent = due
    rig.flush(producer)
