"""The bridge process, `python -m workers.bridge`: runs until SIGTERM or SIGINT, then drains, commits and leaves.

Exit status 0 after a stop, 1 with a line that says what is wrong, 78 (EX_CONFIG) when the deploy is wrong, and then no
supervisor restarts it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from sago import telemetry
from sago.bootstrap import Container, build
from sago.config import load
from sago.errors import BadDeployError, SagoError, TransientError
from sago.pipeline.bridging import Bridge
from workers.pulse import Pulse

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts to reach the servers at start."""

log = telemetry.logger(__name__)


def main() -> int:
    """Bridge until stopped; the exit status."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        settings = load()
        telemetry.configure(settings.logging.level, settings.logging.format)
        container = build(settings)
        try:
            if bridge := _start(container, stopping):
                pulse = Pulse(bridge, container.clock, stopping.is_set)
                bridge.run(pulse.stop, pulse.begin)
        finally:
            container.close()
    except SagoError as error:
        sys.stderr.write(f"sago bridge: {error}\n")
        return os.EX_CONFIG if isinstance(error, BadDeployError) else 1
    return 0


def _start(container: Container, stopping: threading.Event) -> Bridge | None:
    """The bridge once Kafka answers; None when stopped before."""
    pause = FIRST_PAUSE
    while not stopping.is_set():
        try:
            container.log.ensure_topics()
            return container.bridge()
        except TransientError as error:
            if pause == FIRST_PAUSE:
                log.warning("the bridge waits for its servers", reason=str(error))
            stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
    return None


if __name__ == "__main__":
    sys.exit(main())
