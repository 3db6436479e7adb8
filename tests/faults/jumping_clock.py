"""`python jumping_clock.py COMMAND …` runs a command of the Procfile with a wall clock that jumps when told.

The file named by CLOCK_FILE holds by how many seconds the clock is ahead. Whoever waits by the monotonic clock, as
time-outs do, notices nothing; the product is run as it stands.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

POLL = 0.02
_ahead = 0.0


def _follow() -> None:
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    global _ahead  # noqa: PLW0603 - one clock a process, kept over a fork
    while True:
        told = float(CLOCK.read_text() or _ahead)
        CLOCKWORK.shift(timedelta(seconds=told - _ahead))
        _ahead = told
        time.sleep(POLL)


if __name__ == "__main__":
    CLOCK = Path(os.environ["CLOCK_FILE"])
    CLOCKWORK = time_machine.travel(datetime.now(UTC), tick=True).start()
    _follow()
    os.register_at_fork(after_in_child=_follow)
    sys.argv = sys.argv[3:] if sys.argv[1:3] == ["python", "-m"] else sys.argv[1:]
    sys.path[0] = os.getcwd()  # noqa: PTH109 - as `python -m` has it
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
