"""The `DeliveryCounts` in Redis's cache: a hash whose fields are `source|outcome|reason`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import Any

from sago.domain.deliveries import Counted, Outcome
from sago.resilience.questions import Questions
from sago.resilience.quiet_redis import QuietRedis

KEY = "webhooks"


class RedisDeliveryCounts:
    """Written by a thread of its own, so that nobody waits for a Redis that is silent. Thread-safe."""

    def __init__(self, url: str, timeout: float = 2.0) -> None:
        self._redis = QuietRedis(url, "what webhooks deliver is counted when Redis is back", timeout)
        self._unwritten: Counter[Counted] = Counter()
        self._lock = Lock()
        self._questions = Questions("webhook-counts")

    def add(self, counts: Mapping[Counted, int]) -> None:
        with self._lock:
            self._unwritten.update(counts)
        self._questions.ask(KEY, self._write)

    def totals(self) -> Counter[Counted] | None:
        self._write()
        fields: dict[str, str] | None = self._redis.ask(lambda redis: redis.hgetall(KEY))
        if fields is None:
            return None
        return Counter({_counted(name): int(count) for name, count in fields.items() if _is_known(name)})

    def close(self) -> None:
        """Write what is left, and let go of connections."""
        self._write()
        self._redis.close()

    def _write(self) -> None:
        """Until nothing is left: who adds meanwhile does not start another thread."""
        while counts := self._taken():
            if self._redis.run(partial(_increase, counts)) is None:
                with self._lock:
                    self._unwritten.update(counts)
                return

    def _taken(self) -> Counter[Counted]:
        with self._lock:
            counts, self._unwritten = self._unwritten, Counter()
        return counts


def _increase(counts: Mapping[Counted, int], pipe: Any) -> None:
    for counted, count in counts.items():
        pipe.hincrby(KEY, "|".join(counted), count)


def _is_known(name: str) -> bool:
    """False for what a later version of ours has counted before it was rolled back."""
    return name.partition("|")[2].partition("|")[0] in set(Outcome)


def _counted(name: str) -> Counted:
    source, outcome, reason = name.split("|", 2)
    return Counted(source, Outcome(outcome), reason)
