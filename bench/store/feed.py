"""A load at a steady pace, from the moment on at which every company's queue is filled to another height."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from bench.store.load import Delivery, Load
from bench.store.rig import Rig

TICK = 0.05
"""Seconds between two handfuls."""
THRESHOLD = 200


def staggered(companies: int) -> Iterator[Delivery]:
    """Company n of m gets n/m of what fills it: fed evenly afterwards, they fill up one after the other."""
    load = Load.live("stagger", THRESHOLD * companies, companies)
    for company in range(companies):
        for turn in range(THRESHOLD * company // companies):
            yield load.delivery(turn * companies + company)


@contextmanager
def paced(rig: Rig, run: str, rate: float, companies: int) -> Iterator[None]:
    """Put `rate` messages a second into Kafka for the time of the block, each company in its turn."""
    stop = threading.Event()
    thread = threading.Thread(target=_feed, args=(rig, run, rate, companies, stop), name="bench-feed", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _feed(rig: Rig, run: str, rate: float, companies: int, stop: threading.Event) -> None:
    producer = rig.producer()
    load = Load.live(run, 1, companies)
    began, sent = time.monotonic(), 0
    while not stop.wait(TICK):
        due = int((time.monotonic() - began) * rate)
        load = replace(load, newest=datetime.now(UTC), messages=due)
        for n in range(sent, due):
            delivery = load.delivery(n)
            producer.produce(rig.settings.kafka.topic(delivery.source), delivery.value, delivery.company_id)
        sent = due
        producer.poll(0)
    producer.flush(30.0)
