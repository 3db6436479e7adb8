"""The `Answers` port on a Redis database: `answers:{company}:<digest>`, each for a time."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import redis
from redis.exceptions import RedisError

from sago.errors import TransientError
from sago.resilience.quiet_redis import QuietRedis

AT_ONCE = 500
"""Keys deleted by one command."""


class RedisAnswers:
    """What is kept may quote messages: an erasure has it forgotten."""

    def __init__(self, url: str, ttl: timedelta) -> None:
        self._redis = QuietRedis(url, "no answer is kept: the cache cannot be reached")
        self._url = url
        self._ttl = ttl

    def get(self, company_id: str, digest: str) -> Any:
        kept = self._redis.ask(lambda redis: redis.get(_key(company_id, digest)))
        return json.loads(kept) if kept else None

    def put(self, company_id: str, digest: str, answer: Any) -> None:
        text = json.dumps(answer)
        self._redis.ask(lambda redis: redis.set(_key(company_id, digest), text, px=self._ttl))

    def forget(self, company_id: str) -> None:
        """Raises TransientError where it is not sure that nothing is left."""
        try:
            with redis.Redis.from_url(self._url, socket_timeout=10.0, socket_connect_timeout=5.0) as connected:
                keys = list(connected.scan_iter(match=_key(company_id, "*"), count=1000))
                for first in range(0, len(keys), AT_ONCE):
                    connected.unlink(*keys[first : first + AT_ONCE])
        except RedisError as error:
            raise TransientError(f"kept answers of {company_id} cannot be deleted: {error}") from error

    def count(self, company_id: str) -> int:
        try:
            with redis.Redis.from_url(self._url, socket_timeout=10.0, socket_connect_timeout=5.0) as connected:
                return sum(1 for _ in connected.scan_iter(match=_key(company_id, "*"), count=1000))
        except RedisError as error:
            raise TransientError(f"kept answers of {company_id} cannot be counted: {error}") from error

    def close(self) -> None:
        """Let go of connections."""
        self._redis.close()


def _key(company_id: str, digest: str) -> str:
    return f"answers:{{{company_id}}}:{digest}"
