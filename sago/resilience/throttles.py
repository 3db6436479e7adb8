"""The `Throttle` port: a bucket that fills evenly, in Redis for all processes or in memory."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
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
AHEAD = 0.1
"""Seconds for which requests are taken ahead."""
MOST_KEPT = 10_000
FREE = Room(is_given=True, left=1_000_000_000, wait=0.0, whole_in=0.0)
"""What everybody is given while nobody counts."""

_log = telemetry.logger(__name__)


_Told = tuple[int, int, int, int]
"""What the script says."""


@dataclass
class _Ahead:
    """What a process has taken for those to come."""

    count: int
    used: int
    """Since Redis was asked."""
    left: int
    whole_in: float
    until: float
    """On the monotonic clock."""
    refused_until: float

    def room(self, now: float) -> Room | None:
        """What can be said of one more request without asking Redis; None where it has to be asked."""
        if now < self.refused_until:
            return Room(is_given=False, left=0, wait=self.refused_until - now, whole_in=self.whole_in)
        if not self.count or now >= self.until:
            return None
        self.count -= 1
        self.used += 1
        return Room(is_given=True, left=self.left + self.count, wait=0.0, whole_in=self.whole_in)


def held_back(rate: Rate) -> int:
    """Requests of a burst that are kept for what was taken ahead: what the rate gives in `AHEAD`; of one that gives
    none in it, or whose burst is over in less than ten of it, nothing is taken ahead."""
    is_fast = rate.interval < AHEAD * 1000 and rate.burst * rate.interval >= AHEAD * 10_000
    return math.ceil(AHEAD * 1000 / rate.interval) if is_fast else 0


class RedisThrottle:
    """The port on a Redis database: one number a name. Of one event loop.

    Who comes while the same name is being asked for goes with the next question. Of a fast rate, as many more are taken
    ahead as came lately in `AHEAD`, for as long; so many are held back from its burst, so that what a process has taken
    ahead and gives a moment later is never more than was said.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock = clock
        self._redis = redis.asyncio.Redis.from_url(
            url, socket_timeout=WITHIN, socket_connect_timeout=WITHIN, retry=Retry(NoBackoff(), 0)
        )
        self._script: AsyncScript = self._redis.register_script(SCRIPT)
        self._waiting: dict[str, list[asyncio.Future[Room]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._away_until = 0.0
        self._ahead: dict[str, _Ahead] = {}

    async def take(self, name: str, rate: Rate) -> Room:
        if self._is_away():
            return FREE
        if (ahead := self._ahead.get(name)) and (room := ahead.room(self._clock.monotonic())):
            return room
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
            told = await self._ask(name, rate, len(group) + self._lately(name, rate))
            rooms = repeat(FREE) if told is None else shares(*self._keep(name, rate, len(group), told))
            for each, room in zip(group, rooms, strict=False):
                if not each.done():
                    each.set_result(room)
        del self._waiting[name]

    async def _ask(self, name: str, rate: Rate, wanted: int) -> _Told | None:
        now = self._clock.now().timestamp() * 1000
        args = (f"{now:.3f}", rate.interval, rate.burst - held_back(rate), wanted)
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

    def _lately(self, name: str, rate: Rate) -> int:
        """How many of this name came lately in `AHEAD`, at most what is held back."""
        ahead, most = self._ahead.get(name), held_back(rate)
        if ahead is None or not most:
            return 0
        passed = max(self._clock.monotonic() - ahead.until + AHEAD, AHEAD / 100)
        return min(int(ahead.used / passed * AHEAD), most)

    def _keep(self, name: str, rate: Rate, wanted: int, told: _Told) -> _Told:
        """What those who wait are told; what was given beyond them is kept for those who come in a moment."""
        given, left, wait, whole_in = told
        if held_back(rate):
            if len(self._ahead) >= MOST_KEPT:
                self._ahead.clear()
            more = max(given - wanted, 0)
            now = self._clock.monotonic()
            refused_until = now + wait / 1000 if given < wanted else now
            used = min(given, wanted)
            self._ahead[name] = _Ahead(more, used, left, whole_in / 1000, now + AHEAD, refused_until)
            left += more
        return min(given, wanted), left, wait, whole_in

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
