"""The `Throttle` port: a bucket that fills evenly, in Redis for all processes or in memory."""

from __future__ import annotations

import asyncio
import math
from importlib import resources
from itertools import chain, repeat

import redis.asyncio
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError
from redis.retry import Retry

from sago import telemetry
from sago.ports import Clock, Rate, Room

SCRIPT = resources.files("sago.resilience").joinpath("gcra.lua").read_text(encoding="utf-8")
WITHIN = 0.25
"""Seconds that Redis has to answer."""
AGAIN_AFTER = 5.0
"""Seconds for which Redis is not asked when it did not."""
FREE = Room(is_given=True, left=1_000_000_000, wait=0.0, whole_in=0.0)
"""What everybody is given while nobody counts."""

_log = telemetry.logger(__name__)


class RedisThrottle:
    """The port on a Redis database: one number a name. Of one event loop. Who comes while the same name is being asked
    for goes with the next question, so that a name costs one question at a time, however many requests it has."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock = clock
        self._redis = redis.asyncio.Redis.from_url(
            url, socket_timeout=WITHIN, socket_connect_timeout=WITHIN, retry=Retry(NoBackoff(), 0)
        )
        self._script: AsyncScript = self._redis.register_script(SCRIPT)
        self._waiting: dict[str, list[asyncio.Future[Room]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._away_until = 0.0

    async def take(self, name: str, rate: Rate) -> Room:
        if self._is_away():
            return FREE
        mine: asyncio.Future[Room] = asyncio.get_running_loop().create_future()
        others = self._waiting.get(name)
        if others is not None:
            others.append(mine)
        else:
            self._waiting[name] = [mine]
            task = asyncio.create_task(self._serve(name, rate))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await mine

    async def look(self, name: str, rate: Rate) -> Room:
        if self._is_away():
            return FREE
        told = await self._ask(name, rate, 0)
        return FREE if told is None else Room(told[1] > 0, told[1], told[2] / 1000, told[3] / 1000)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._redis.aclose()

    async def _serve(self, name: str, rate: Rate) -> None:
        """Answer all who wait for this name, until nobody does."""
        while group := self._waiting[name]:
            self._waiting[name] = []
            told = await self._ask(name, rate, len(group))
            rooms = repeat(FREE) if told is None else shares(*told)
            for each, room in zip(group, rooms, strict=False):
                if not each.done():
                    each.set_result(room)
        del self._waiting[name]

    async def _ask(self, name: str, rate: Rate, wanted: int) -> tuple[int, int, int, int] | None:
        now = self._clock.now().timestamp() * 1000
        args = (f"{now:.3f}", rate.interval, rate.burst, wanted)
        try:
            given, left, wait, whole_in = await self._script(keys=[f"limit:{name}"], args=args)
        except (RedisError, OSError, TimeoutError) as error:
            if not self._away_until:
                _log.warning("requests are not counted: they have no limit", reason=str(error))
            self._away_until = self._clock.monotonic() + AGAIN_AFTER
            return None
        if self._away_until:
            _log.info("back again", after="requests are not counted: they have no limit")
            self._away_until = 0.0
        return int(given), int(left), int(wait), int(whole_in)

    def _is_away(self) -> bool:
        return bool(self._away_until) and self._clock.monotonic() < self._away_until


class MemoryThrottle:
    """The port of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full: dict[str, float] = {}

    async def take(self, name: str, rate: Rate) -> Room:
        given, left, wait, whole_in = self._count(name, rate, 1)
        return Room(given == 1, left, wait / 1000, whole_in / 1000)

    async def look(self, name: str, rate: Rate) -> Room:
        _, left, wait, whole_in = self._count(name, rate, 0)
        return Room(left > 0, left, wait / 1000, whole_in / 1000)

    async def close(self) -> None:
        """Nothing is open."""

    def _count(self, name: str, rate: Rate, wanted: int) -> tuple[int, int, int, int]:
        """As the script does."""
        now = self._clock.now().timestamp() * 1000
        deepest = now + rate.burst * rate.interval
        full = min(max(self._full.get(name, now), now), deepest)
        left = math.floor((deepest - full) / rate.interval + 1e-6)
        given = min(wanted, left)
        self._full[name] = full = full + given * rate.interval
        left -= given
        wait = 0 if left > 0 else max(1, math.ceil(full + rate.interval - deepest))
        return given, left, wait, math.ceil(full - now)


def shares(given: int, left: int, wait: int, whole_in: int) -> chain[Room]:
    """What each of those is told that were asked for together: the first are given, all that follow are not."""
    before = (Room(is_given=True, left=left + more, wait=0.0, whole_in=whole_in / 1000) for more in range(given)[::-1])
    refused = Room(is_given=False, left=0, wait=wait / 1000, whole_in=whole_in / 1000)
    return chain(before, repeat(refused))
