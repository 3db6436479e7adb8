"""One suite for the Throttle port, on memory and on Redis; then what only Redis can do: many at once, and be away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from sago.ports import Rate, Throttle
from sago.resilience.throttles import MemoryThrottle, RedisThrottle
from sago.stores.memory.clock import ManualClock

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RATE = Rate(a_minute=60, burst=3)
Scene = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(params=["memory", "redis"])
def play(request: pytest.FixtureRequest, clock: ManualClock) -> Callable[[Scene], None]:
    """Plays a scene with two processes that count together."""
    url = request.getfixturevalue("cache_url") if request.param == "redis" else None

    async def run(scene: Scene) -> None:
        if url is None:
            memory = MemoryThrottle(clock)
            await scene(memory, memory)
            return
        processes = RedisThrottle(url, clock), RedisThrottle(url, clock)
        await scene(*processes)
        for each in processes:
            await each.close()

    return lambda scene: asyncio.run(run(scene))


def test_a_burst_is_given_at_once_and_then_one_each_interval(play: Callable[[Scene], None], clock: ManualClock) -> None:
    async def scene(one: Throttle, other: Throttle) -> None:
        rooms = [await each.take("a", RATE) for each in (one, other, one)]
        assert [room.left for room in rooms] == [2, 1, 0]
        assert [room.whole_in for room in rooms] == [1.0, 2.0, 3.0]
        refused = await other.take("a", RATE)
        assert (refused.is_given, refused.left, refused.wait, refused.whole_in) == (False, 0, 1.0, 3.0)
        clock.advance(timedelta(seconds=0.4))
        assert (await one.take("a", RATE)).wait == 0.6
        clock.advance(timedelta(seconds=0.6))
        assert (await one.take("a", RATE)).is_given
        assert not (await other.take("a", RATE)).is_given
        clock.advance(timedelta(hours=1))
        assert (await one.take("a", RATE)).left == 2, "it fills to the burst and no further"

    play(scene)


def test_each_name_has_a_rate_of_its_own(play: Callable[[Scene], None]) -> None:
    async def scene(one: Throttle, other: Throttle) -> None:
        lowest = Rate(1, 1)
        assert [(await one.take(name, lowest)).is_given for name in ("a", "b", "a")] == [True, True, False]

    play(scene)


def test_who_looks_is_not_counted(play: Callable[[Scene], None]) -> None:
    async def scene(one: Throttle, other: Throttle) -> None:
        assert [(await one.look("a", RATE)).left for _ in range(5)] == [3] * 5
        await other.take("a", Rate(60, 1))
        assert (await one.look("a", Rate(60, 1))).is_given is False

    play(scene)


def test_a_rate_that_was_raised_holds_at_once(play: Callable[[Scene], None]) -> None:
    async def scene(one: Throttle, other: Throttle) -> None:
        await one.take("a", Rate(1, 1))
        assert not (await one.take("a", Rate(1, 1))).is_given
        refused = await other.take("a", Rate(600, 10))
        assert (refused.is_given, refused.wait) == (False, 0.1)

    play(scene)


@pytest.mark.parametrize("seed", range(3))
def test_in_no_window_are_more_given_than_burst_and_rate_allow(
    play: Callable[[Scene], None], clock: ManualClock, seed: int
) -> None:
    rate, chance = Rate(a_minute=600, burst=7), random.Random(seed)  # noqa: S311 - no secret
    given: list[float] = []

    async def scene(one: Throttle, other: Throttle) -> None:
        for _ in range(80):
            rooms = await asyncio.gather(*(each.take("a", rate) for each in (one, other) for _ in range(5)))
            given.extend([clock.monotonic()] * sum(room.is_given for room in rooms))
            clock.advance(timedelta(seconds=chance.choice((0, 0.01, 0.05, 0.1, 0.33, 2))))

    play(scene)
    assert len(given) > 80
    for first, began in enumerate(given):
        for last in range(first, len(given)):
            assert last - first + 1 <= rate.burst + (given[last] - began) * 10 + 1e-3


def test_of_many_at_once_no_more_are_let_through(cache_url: str, clock: ManualClock) -> None:
    async def scene() -> list[bool]:
        processes = [RedisThrottle(cache_url, clock) for _ in range(8)]
        rooms = await asyncio.gather(*(processes[n % 8].take("a", Rate(60, 25)) for n in range(400)))
        for each in processes:
            await each.close()
        return [room.is_given for room in rooms]

    assert asyncio.run(scene()).count(True) == 25
    with redis.Redis.from_url(cache_url) as client:
        assert client.keys("*") == [b"limit:a"]
        assert client.strlen("limit:a") < 20
        assert 60_000 < client.pttl("limit:a") <= 85_000  # type: ignore[operator]


@pytest.mark.parametrize(("pace", "most"), [(0.001, 700), (0.004, 1_500), (0.01, 700), (0.03, 1_500)])
def test_a_busy_key_is_taken_ahead_and_no_window_has_more_than_allowed(
    cache_url: str, clock: ManualClock, pace: float, most: int
) -> None:
    rate, given = Rate(a_minute=6_000, burst=150), []

    async def scene() -> int:
        processes = [RedisThrottle(cache_url, clock) for _ in range(3)]
        asked = [_counted(each) for each in processes]
        for n in range(1_500):
            if (await processes[n % 3].take("a", rate)).is_given:
                given.append(clock.monotonic())
            clock.advance(timedelta(seconds=pace if n % 500 else 0.7))
        for each in processes:
            await each.close()
        return sum(count[0] for count in asked)

    asked = asyncio.run(scene())
    assert asked <= most, "where it is busy, most cost no question"
    for first in range(0, len(given), 7):
        for last in range(first, len(given)):
            assert last - first + 1 <= rate.burst + (given[last] - given[first]) * 100 + 1e-3
    assert len(given) >= min(1_500, 1_500 * pace * 100 * 0.9)


def _counted(throttle: RedisThrottle) -> list[int]:
    count, ask = [0], throttle._ask

    async def counting(*args: Any) -> Any:
        count[0] += 1
        return await ask(*args)

    throttle._ask = counting  # type: ignore[method-assign]
    return count


def test_a_clock_that_runs_behind_is_given_no_more(cache_url: str, clock: ManualClock) -> None:
    async def scene() -> None:
        ahead, behind = RedisThrottle(cache_url, clock), RedisThrottle(cache_url, ManualClock(NOW - timedelta(hours=1)))
        assert [(await ahead.take("a", RATE)).is_given for _ in range(4)] == [True, True, True, False]
        refused = await behind.take("a", RATE)
        assert (refused.is_given, refused.wait) == (False, 1.0)
        for each in (ahead, behind):
            await each.close()

    asyncio.run(scene())


def test_who_gave_up_waiting_holds_up_nobody(cache_url: str, clock: ManualClock) -> None:
    async def scene() -> None:
        throttle = RedisThrottle(cache_url, clock)
        gone = asyncio.create_task(throttle.take("a", RATE))
        await asyncio.sleep(0)
        others = [asyncio.create_task(throttle.take("a", RATE)) for _ in range(2)]
        await asyncio.sleep(0)
        gone.cancel()
        assert [room.is_given for room in await asyncio.gather(*others)] == [True, True]
        await throttle.close()

    asyncio.run(scene())


def test_without_redis_everybody_may_ask_and_few_wait_for_it(clock: ManualClock) -> None:
    async def scene() -> None:
        throttle = RedisThrottle("redis://127.0.0.1:1/3", clock)
        for _ in range(3):
            room = await throttle.take("a", Rate(1, 1))
            assert (room.is_given, room.whole_in) == (True, 0.0)
            assert (await throttle.look("a", Rate(1, 1))).is_given
        await throttle.close()

    asyncio.run(scene())


def test_a_redis_that_is_back_counts_again(cache_url: str, clock: ManualClock) -> None:
    async def scene() -> None:
        throttle = RedisThrottle(cache_url, clock)
        with redis.Redis.from_url(cache_url) as client:
            client.set("limit:a", "no number")
            assert (await throttle.take("a", Rate(1, 1))).whole_in == 0.0
            client.delete("limit:a")
            assert (await throttle.take("a", Rate(1, 1))).whole_in == 0.0, "not asked for a moment"
        clock.advance(timedelta(seconds=5))
        assert [(await throttle.take("a", Rate(1, 1))).is_given for _ in range(2)] == [True, False]
        await throttle.close()

    asyncio.run(scene())
