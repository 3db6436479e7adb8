"""The `Replies` port on a Redis database: `replies:<name>`, a JSON of digest and answer."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sago.ports import Begun
from sago.resilience.quiet_redis import QuietRedis

WITHIN = 0.25
"""Seconds that Redis has to answer: somebody waits, and can do without."""
UNDER_WAY, KEPT = timedelta(minutes=1), timedelta(hours=24)


class RedisReplies:
    """One key a name, set at once with the end of its time."""

    def __init__(self, url: str) -> None:
        self._redis = QuietRedis(url, "requests are not known again: the cache cannot be reached", WITHIN)

    def begin(self, name: str, digest: str) -> Begun:
        mine = _text(digest, token=uuid4().hex)

        def take(pipe: Any) -> None:
            pipe.set(_key(name), mine, nx=True, px=UNDER_WAY)
            pipe.get(_key(name))

        _, there = self._redis.run(take) or (None, None)
        if there in (None, mine):  # mine also where the first try was answered too late to be heard
            return Begun(is_first=True, digest=digest)
        kept = json.loads(there)
        return Begun(is_first=False, digest=kept["digest"], answer=kept["answer"])

    def end(self, name: str, digest: str, answer: Any) -> None:
        self._redis.ask(lambda redis: redis.set(_key(name), _text(digest, answer), px=KEPT))

    def release(self, name: str) -> None:
        self._redis.ask(lambda redis: redis.delete(_key(name)))

    def close(self) -> None:
        self._redis.close()


def _key(name: str) -> str:
    return f"replies:{name}"


def _text(digest: str, answer: Any = None, token: str = "") -> str:
    return json.dumps({"digest": digest, "answer": answer, "token": token})
