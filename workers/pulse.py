"""The bridge's sign of life: its ready file, written anew every two seconds with what it waits for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from sago import telemetry
from sago.pipeline.bridging import Bridge
from sago.ports import Clock

EVERY = 2.0

log = telemetry.logger(__name__)


class Pulse:
    """Writes nothing before `begin`, and nothing where nobody named a file (SAGO_READY_FILE)."""

    def __init__(self, bridge: Bridge, clock: Clock, stopping: Callable[[], bool]) -> None:
        self._bridge = bridge
        self._clock = clock
        self._stopping = stopping
        self._file: Path | None = None
        self._next = 0.0
        self._waits: dict[str, str | float] = {}

    def begin(self) -> None:
        """The bridge has its partitions."""
        log.info("the bridge has its partitions")
        if marker := os.environ.get("SAGO_READY_FILE"):
            self._file = Path(marker)
            self._write(self._file)

    def stop(self) -> bool:
        """What the bridge asks before each step, which is a sign of life; a full disk is no reason to stop."""
        if self._file is not None and self._clock.monotonic() >= self._next:
            self._write(self._file)
        return self._stopping()

    def _write(self, file: Path) -> None:
        self._next = self._clock.monotonic() + EVERY
        reason = self._bridge.waits_for
        if not reason:
            self._waits = {}
        else:
            self._waits = {"since": self._clock.now().timestamp()} | self._waits | {"waits_for": reason}
        half = file.with_suffix(".half")
        try:
            half.write_text(json.dumps(self._waits) if self._waits else "", encoding="utf-8")
            half.replace(file)
        except OSError as error:
            log.debug("no sign of life could be written", reason=str(error))
