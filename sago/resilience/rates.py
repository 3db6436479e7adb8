"""The `RateLimit` port: a window of one minute that moves with the clock, in Redis for all processes or in memory."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import resources
from threading import Lock
from uuid import uuid4

from sago.ports import Clock
from sago.resilience.quiet_redis import QuietRedis

MILLISECOND = timedelta(milliseconds=1)
WINDOW = timedelta(minutes=1)
SCRIPT = resources.files("sago.resilience").joinpath("rate.lua").read_text(encoding="utf-8")
HOLD = """if tonumber(ARGV[1]) > tonumber(redis.call('GET', KEYS[1]) or 0) then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end"""
"""A shorter word does not end a longer one."""


class RedisRates:
    """The port on a Redis database: a sorted set of moments a name. Processes on several machines need clocks that
    agree, as far apart as theirs are the limit is wrong."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._redis = QuietRedis(url, "calls are not counted: their rate has no limit")
        self._clock = clock

    def take(self, name: str, most: int) -> timedelta:
        now = round(self._clock.now().timestamp() * 1000)
        args = (now, round(WINDOW.total_seconds() * 1000), most, uuid4().hex)
        wait = self._redis.ask(lambda redis: redis.eval(SCRIPT, 1, f"rate:{name}", *map(str, args)), without=0)
        return timedelta(milliseconds=int(wait))

    def hold(self, name: str, wait: timedelta) -> None:
        args = ((self._clock.now() + wait).timestamp(), max(round(wait / MILLISECOND), 1))
        self._redis.ask(lambda redis: redis.eval(HOLD, 1, f"held:{name}", *map(str, args)))

    def held(self, name: str) -> timedelta:
        until = self._redis.ask(lambda redis: redis.get(f"held:{name}")) or 0
        return max(timedelta(seconds=float(until) - self._clock.now().timestamp()), timedelta())

    def close(self) -> None:
        """Let go of connections."""
        self._redis.close()


class MemoryRates:
    """The port of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[str, list[float]] = {}
        self._held: dict[str, datetime] = {}
        self._lock = Lock()

    def take(self, name: str, most: int) -> timedelta:
        now = self._clock.now().timestamp()
        with self._lock:
            recent = [at for at in self._asked.get(name, []) if at > now - WINDOW.total_seconds()]
            self._asked[name] = recent
            if len(recent) < most:
                recent.append(now)
                return timedelta()
            return timedelta(seconds=recent[-most] - now) + WINDOW

    def hold(self, name: str, wait: timedelta) -> None:
        until = self._clock.now() + wait
        self._held[name] = max(until, self._held.get(name, until))

    def held(self, name: str) -> timedelta:
        now = self._clock.now()
        return max(self._held.get(name, now) - now, timedelta())
