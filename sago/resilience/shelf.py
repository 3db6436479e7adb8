"""Where the state of breakers lies: in Redis for all processes, or in memory for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

from pybreaker import STATE_HALF_OPEN, STATE_OPEN

from sago.resilience.quiet_redis import QuietRedis

KEPT_FOR = timedelta(days=2)
"""How long a breaker is remembered without news: above the longest time that one is open."""
UNTIL = "breakers"
"""Sorted set in Redis: breaker → until when it was opened, in seconds of the epoch."""


class Shelf(Protocol):
    """State of breakers by name. Never raises: what cannot be read is empty, what cannot be written is lost."""

    def read(self, name: str) -> dict[str, str]:
        """`state`, `failures`, `since`, `until` (seconds of the epoch) and `reason`, as far as they are known."""

    def fail(self, name: str) -> None:
        """One failure more."""

    def recover(self, name: str) -> None:
        """No failures."""

    def open(self, name: str, reason: str, since: datetime, until: datetime) -> None:
        """State open; an earlier `since` and a later `until` that are there stay."""

    def half_open(self, name: str) -> None:
        """State half-open."""

    def close(self, name: str) -> None:
        """Forget everything."""

    def names(self) -> list[str]:
        """Those that were opened and not closed since."""

    def trial(self, name: str, within: timedelta) -> AbstractContextManager[bool]:
        """Whether the block is the only one under way in all processes; a place is given up after `within`."""

    def disconnect(self) -> None:
        """Let go of connections; further calls open new ones."""


class RedisShelf:
    """The Shelf on a Redis database: a hash a breaker."""

    def __init__(self, url: str, timeout: float = 2.0) -> None:
        self._redis = QuietRedis(url, "breakers count as closed: their state cannot be reached", timeout)

    def read(self, name: str) -> dict[str, str]:
        def ask(pipe: Any) -> Any:
            pipe.hgetall(_key(name)).zscore(UNTIL, name)

        fields, until = self._redis.run(ask) or ({}, None)
        return fields | {"until": str(until or 0)} if fields else {}

    def fail(self, name: str) -> None:
        self._redis.run(lambda pipe: pipe.hincrby(_key(name), "failures", 1).expire(_key(name), KEPT_FOR))

    def recover(self, name: str) -> None:
        self._redis.ask(lambda redis: redis.hdel(_key(name), "failures"))

    def open(self, name: str, reason: str, since: datetime, until: datetime) -> None:
        def write(pipe: Any) -> None:
            pipe.hset(_key(name), mapping={"state": STATE_OPEN, "reason": reason})
            pipe.hsetnx(_key(name), "since", since.timestamp())
            pipe.zadd(UNTIL, {name: until.timestamp()}, gt=True)
            pipe.expire(_key(name), KEPT_FOR).expire(UNTIL, KEPT_FOR)

        self._redis.run(write)

    def half_open(self, name: str) -> None:
        self._redis.run(lambda pipe: pipe.hset(_key(name), "state", STATE_HALF_OPEN).expire(_key(name), KEPT_FOR))

    def close(self, name: str) -> None:
        self._redis.run(lambda pipe: pipe.delete(_key(name)).zrem(UNTIL, name))

    def names(self) -> list[str]:
        return sorted(self._redis.ask(lambda redis: redis.zrange(UNTIL, 0, -1), without=[]))

    @contextmanager
    def trial(self, name: str, within: timedelta) -> Iterator[bool]:
        """Where Redis does not answer, each is the only one it knows of."""
        lock = self._redis.lock(f"{_key(name)}:trial", within)
        is_ours: bool = self._redis.ask(lambda _: lock.acquire(blocking=False), without=True)
        try:
            yield is_ours
        finally:
            if is_ours:
                self._redis.ask(lambda _: lock.release())

    def disconnect(self) -> None:
        self._redis.close()


class MemoryShelf:
    """The Shelf of one process."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, str]] = {}
        self._trials: set[str] = set()

    def read(self, name: str) -> dict[str, str]:
        return dict(self._fields.get(name, {}))

    def fail(self, name: str) -> None:
        fields = self._fields.setdefault(name, {})
        fields["failures"] = str(int(fields.get("failures", 0)) + 1)

    def recover(self, name: str) -> None:
        self._fields.get(name, {}).pop("failures", None)

    def open(self, name: str, reason: str, since: datetime, until: datetime) -> None:
        fields = self._fields.setdefault(name, {})
        fields |= {"state": STATE_OPEN, "reason": reason}
        fields.setdefault("since", str(since.timestamp()))
        fields["until"] = str(max(until.timestamp(), float(fields.get("until", 0))))

    def half_open(self, name: str) -> None:
        self._fields.setdefault(name, {})["state"] = STATE_HALF_OPEN

    def close(self, name: str) -> None:
        self._fields.pop(name, None)

    def names(self) -> list[str]:
        return sorted(name for name, fields in self._fields.items() if "until" in fields)

    @contextmanager
    def trial(self, name: str, within: timedelta) -> Iterator[bool]:  # noqa: ARG002 - nobody in this process dies
        is_ours = name not in self._trials
        self._trials.add(name)
        try:
            yield is_ours
        finally:
            if is_ours:
                self._trials.remove(name)

    def disconnect(self) -> None:
        """There are none."""


def _key(name: str) -> str:
    return f"breaker:{name}"
