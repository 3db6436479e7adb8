"""One suite for the DeliveryCounts port, on memory and on Redis; then what only Redis can do: be away, and silent."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from sago.domain.deliveries import Counted, Outcome
from sago.embedded.servers import Server
from sago.ports import DeliveryCounts
from sago.stores.memory.deliveries import MemoryDeliveryCounts
from sago.stores.redis_deliveries import KEY, RedisDeliveryCounts

TAKEN = Counted("slack", Outcome.TAKEN)
LEFT_OUT = Counted("slack", Outcome.IGNORED, "a bot | of ours, said “so”")
UNKNOWN = Counted("", Outcome.UNKNOWN_SOURCE)


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[], DeliveryCounts]]:
    """The counts of one process more."""
    if request.param == "memory":
        counts = MemoryDeliveryCounts()
        yield lambda: counts
        return
    url, made = request.getfixturevalue("cache_url"), []

    def another() -> DeliveryCounts:
        made.append(RedisDeliveryCounts(url))
        return made[-1]

    yield another
    for each in made:
        each.close()


def test_what_is_counted_adds_up_over_processes(make: Callable[[], DeliveryCounts]) -> None:
    one, other = make(), make()
    assert one.totals() == {}
    one.add({TAKEN: 3, LEFT_OUT: 1})
    other.add({TAKEN: 2, UNKNOWN: 1})
    other.add({LEFT_OUT: 1})
    assert one.totals() is not None
    assert other.totals() == one.totals() == {TAKEN: 5, LEFT_OUT: 2, UNKNOWN: 1}


def test_of_many_at_once_none_is_lost(make: Callable[[], DeliveryCounts]) -> None:
    counts = make()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: counts.add({TAKEN: 1}), range(500)))
    assert eventually(lambda: make().totals() == {TAKEN: 500}) or counts.totals() == {TAKEN: 500}


def test_what_a_later_version_counted_is_left_out(cache_url: str) -> None:
    counts = RedisDeliveryCounts(cache_url)
    counts.add({TAKEN: 2})
    with redis.Redis.from_url(cache_url) as client:
        client.hset(KEY, "slack|held|until morning", 3)
    assert eventually(lambda: counts.totals() == {TAKEN: 2})
    counts.close()


def test_without_redis_nobody_waits_and_nothing_is_told() -> None:
    counts = RedisDeliveryCounts("redis://127.0.0.1:1/3")
    started = time.monotonic()
    for _ in range(1000):
        counts.add({TAKEN: 1})
    assert time.monotonic() - started < 1
    assert counts.totals() is None


@pytest.mark.services
def test_while_redis_is_silent_nobody_waits_and_it_is_written_afterwards(cache_url: str, redis_server: Server) -> None:
    counts = RedisDeliveryCounts(cache_url, timeout=1.0)
    counts.add({TAKEN: 1})
    assert eventually(lambda: counts.totals() == {TAKEN: 1})
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        for _ in range(1000):
            counts.add({LEFT_OUT: 1})
        assert time.monotonic() - started < 1
        time.sleep(1.5)
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    counts.add({TAKEN: 1})
    assert eventually(lambda: (counts.totals() or {}).get(TAKEN) == 2)
    found = counts.totals()
    assert found is not None
    assert found[LEFT_OUT] >= 1000, "what Redis heard without our hearing it may count twice"
    counts.close()


def eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 60
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()
