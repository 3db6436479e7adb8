"""One suite for the RateLimit port, on memory and on Redis; then what only Redis can do: many at once, and be away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis

from sago.ports import RateLimit
from sago.resilience.rates import MemoryRates, RedisRates
from sago.stores.memory.clock import ManualClock

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NONE = timedelta()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Callable[[], RateLimit]]:
    """The rates of one process more."""
    if request.param == "memory":
        rates = MemoryRates(clock)
        yield lambda: rates
        return
    url, made = request.getfixturevalue("cache_url"), []

    def another() -> RateLimit:
        made.append(RedisRates(url, clock))
        return made[-1]

    yield another
    for each in made:
        each.close()


def test_so_many_may_ask_in_a_minute_and_the_next_when_the_first_is_a_minute_old(
    make: Callable[[], RateLimit], clock: ManualClock
) -> None:
    one, other = make(), make()
    for rates in (one, other, one):
        assert rates.take("gemini", 3) == NONE
        clock.advance(10 * SECOND)
    assert other.take("gemini", 3) == one.take("gemini", 3) == 30 * SECOND
    clock.advance(30 * SECOND)
    assert one.take("gemini", 3) == NONE
    assert other.take("gemini", 3) == 10 * SECOND


def test_each_name_has_a_rate_of_its_own(make: Callable[[], RateLimit]) -> None:
    rates = make()
    assert [rates.take(name, 1) for name in ("gemini", "openai")] == [NONE, NONE]
    assert rates.take("gemini", 1) == 60 * SECOND


def test_a_lower_limit_counts_what_was_asked_before(make: Callable[[], RateLimit], clock: ManualClock) -> None:
    rates = make()
    for _ in range(4):
        rates.take("gemini", 10)
        clock.advance(SECOND)
    assert rates.take("gemini", 2) == 58 * SECOND  # the third must leave the window
    assert rates.take("gemini", 5) == NONE


def test_what_the_other_side_says_holds_for_every_process_until_its_time_is_over(
    make: Callable[[], RateLimit], clock: ManualClock
) -> None:
    one, other = make(), make()
    assert other.held("slack") == NONE
    one.hold("slack", 30 * SECOND)
    other.hold("slack", SECOND)
    clock.advance(10 * SECOND)
    assert [other.held(name) for name in ("slack", "gmail")] == [20 * SECOND, NONE]
    clock.advance(20 * SECOND)
    assert other.held("slack") == NONE


def test_of_many_at_once_no_more_are_let_through(cache_url: str, clock: ManualClock) -> None:
    processes = [RedisRates(cache_url, clock) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda n: processes[n % 8].take("gemini", 25), range(200)))
    assert waits.count(NONE) == 25
    with redis.Redis.from_url(cache_url) as client:
        assert 0 < client.pttl("rate:gemini") <= 60_000  # type: ignore[operator]
    for rates in processes:
        rates.close()


def test_without_redis_everybody_may_ask(clock: ManualClock) -> None:
    rates = RedisRates("redis://127.0.0.1:1/3", clock)
    assert [rates.take("gemini", 1) for _ in range(3)] == [NONE] * 3
    rates.hold("gemini", SECOND)
    assert rates.held("gemini") == NONE
