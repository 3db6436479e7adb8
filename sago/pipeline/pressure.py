"""How much the bridge may have under way, and when it must stop fetching."""

from __future__ import annotations

from dataclasses import dataclass

from sago.errors import TransientError
from sago.ports import Buffer, Clock
from sago.telemetry import logger

LOOK_EVERY = 1.0
"""Seconds between looks at Redis's memory."""

log = logger(__name__)


@dataclass(frozen=True)
class BridgeLimits:
    """Seconds, bytes and counts; the names are those of config.yaml's `bridge`, `dlq` and `cache` blocks."""

    batch_messages: int = 1000
    batch_bytes: int = 4_000_000
    linger: float = 5.0
    quiet: float = 0.5
    in_flight_batches: int = 8
    in_flight_bytes: int = 32_000_000
    confirm_deadline: float = 10.0
    drain_timeout: float = 20.0
    max_consecutive: int = 100
    memory_pause_at: float = 0.8


class MemoryPressure:
    """Whether Redis is too full to be fed. Looks once a second; a Redis that does not answer counts as full."""

    def __init__(self, buffer: Buffer, clock: Clock, pause_at: float) -> None:
        self._buffer = buffer
        self._clock = clock
        self._pause_at = pause_at
        self._looked_at = float("-inf")
        self._is_high = False
        self.why = ""
        """Why the bridge pauses; empty while it does not."""

    def is_high(self) -> bool:
        """At or over the share at which the bridge pauses; never raises TransientError."""
        if self._clock.monotonic() - self._looked_at >= LOOK_EVERY:
            self._looked_at = self._clock.monotonic()
            share = self._share()
            is_high = share is None or share >= self._pause_at
            if is_high != self._is_high:
                log.warning("Redis's memory stops fetching" if is_high else "fetching again", share=share)
            self._is_high = is_high
            told = "Redis does not tell its memory" if share is None else f"Redis's memory is {share:.0%} used"
            self.why = told if is_high else ""
        return self._is_high

    def _share(self) -> float | None:
        """None where Redis does not tell."""
        try:
            return round(self._buffer.memory_share(), 3)
        except TransientError as error:
            log.debug("Redis did not tell its memory", reason=str(error))
            return None
