"""The `Replies` port on a Redis database: `replies:{caller}:<name>`, a JSON of digest and answer, and
`replies:{caller}`, these keys by when each got its answer. The braces are literal: one slot a caller."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sago.ports import MOST_REPLIES, Begun
from sago.resilience.quiet_redis import QuietRedis

WITHIN = 0.25
"""Seconds that Redis has to answer: somebody waits, and can do without."""
UNDER_WAY, KEPT = timedelta(minutes=1), timedelta(hours=24)
MILLISECOND = timedelta(milliseconds=1)
END = """
local there = redis.call('GET', KEYS[2])
if there and there ~= ARGV[4] then return end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2] * 1000)
redis.call('ZADD', KEYS[1], now, KEYS[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if over > 0 then
    for index, each in ipairs(redis.call('ZPOPMIN', KEYS[1], over)) do
        if index % 2 == 1 then redis.call('DEL', each) end
    end
end
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisReplies:
    """One key a name, set at once with the end of its time."""

    def __init__(self, url: str, most: int = MOST_REPLIES) -> None:
        self._most = most
        self._redis = QuietRedis(url, "requests are not known again: the cache cannot be reached", WITHIN)

    def begin(self, caller: str, name: str, digest: str) -> Begun:
        mine = _text(digest, token=(token := uuid4().hex))

        def take(pipe: Any) -> None:
            pipe.set(_key(caller, name), mine, nx=True, px=UNDER_WAY)
            pipe.get(_key(caller, name))

        _, there = self._redis.run(take) or (None, None)
        if there in (None, mine):  # mine also where the first try was answered too late to be heard
            return Begun(is_first=True, digest=digest, token=token)
        kept = json.loads(there)
        return Begun(is_first=False, digest=kept["digest"], answer=kept["answer"])

    def end(self, caller: str, name: str, begun: Begun, answer: Any) -> None:
        keys = f"replies:{{{caller}}}", _key(caller, name)
        mine = _text(begun.digest, token=begun.token)
        args = _text(begun.digest, answer), str(KEPT // MILLISECOND), str(self._most), mine
        self._redis.ask(lambda redis: redis.eval(END, len(keys), *keys, *args))

    def release(self, caller: str, name: str, begun: Begun) -> None:
        mine = _text(begun.digest, token=begun.token)
        self._redis.ask(lambda redis: redis.eval(RELEASE, 1, _key(caller, name), mine))

    def close(self) -> None:
        self._redis.close()


def _key(caller: str, name: str) -> str:
    return f"replies:{{{caller}}}:{name}"


def _text(digest: str, answer: Any = None, token: str = "") -> str:
    return json.dumps({"digest": digest, "answer": answer, "token": token})
