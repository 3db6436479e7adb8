"""A Redis whose absence costs nothing but what it would have told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError
from redis.lock import Lock
from redis.retry import Retry

from sago import telemetry

_log = telemetry.logger(__name__)


class QuietRedis:
    """Connects when first asked. One line in the log when Redis goes away, which says what that means (`away`), one
    when it is back."""

    def __init__(self, url: str, away: str, timeout: float = 2.0) -> None:
        self._away = away
        self._is_away = False
        self._redis: redis.Redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            health_check_interval=25,
            retry=Retry(NoBackoff(), 1),
        )

    def ask(self, question: Callable[[redis.Redis], Any], *, without: Any = None) -> Any:
        """The answer; `without` where there is none. Never raises."""
        try:
            answer = question(self._redis)
        except LockError:  # Redis has given the place away, or forgotten it
            return without
        except RedisError as error:
            if not self._is_away:
                _log.warning(self._away, reason=str(error))
            self._is_away = True
            return without
        if self._is_away:
            _log.info("back again", after=self._away)
        self._is_away = False
        return answer

    def run(self, commands: Callable[[Any], object]) -> Any:
        """The answers to several commands at once, or None. Never raises."""

        def together(connected: redis.Redis) -> Any:
            pipe = connected.pipeline()
            commands(pipe)
            return pipe.execute()

        return self.ask(together)

    def lock(self, name: str, within: timedelta) -> Lock:
        """A lock, not taken yet, that is given up after `within`."""
        lock: Lock = self._redis.lock(name, timeout=within.total_seconds(), thread_local=False)
        return lock

    def close(self) -> None:
        """Let go of connections; further calls open new ones."""
        self._redis.close()
