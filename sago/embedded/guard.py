"""A small process that ends our children when we are gone, however we went.

It holds the reading end of a pipe whose writing end only we have: when we end, even by SIGKILL, it reads the end of
the file and stops every child it was told of. PR_SET_PDEATHSIG would not do: it fires when the thread that started
the child ends.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time

from sago.embedded.processes import Child

GRACE = 8.0
"""Seconds all children together get to end by themselves."""


class Guard:
    """Watches over children of this process until it is closed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sago.embedded.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The guard's own process."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it can still do its duty."""
        return self._process.poll() is None

    def watch(self, child: Child) -> None:
        """End this child when we end."""
        self._say(json.dumps(child.record()))

    def forget(self, child: Child) -> None:
        """This child has ended."""
        self._say(f"forget {child.pid}")

    def close(self) -> None:
        """End the guard, and whatever it watches that still runs."""
        if self._process.stdin and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            return
        with contextlib.suppress(BrokenPipeError):  # somebody killed it: `alive` says so
            pipe.write(line.encode() + b"\n")
            pipe.flush()


def stop_all(children: list[Child], grace: float = GRACE) -> None:
    """End all at once, the last started first; what does not end within `grace` seconds is killed."""
    deadline = time.monotonic() + grace
    for child in reversed(children):
        child.signal(child.stop_signal)
    for child in reversed(children):
        child.wait(max(0.0, deadline - time.monotonic()))
    for child in reversed(children):
        child.stop(0.0)


def main() -> None:
    """Read children, one JSON line each, or `forget PID`, until the end of the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    children: dict[int, Child] = {}
    for line in sys.stdin:
        if line.startswith("forget "):
            children.pop(int(line.split()[1]), None)
            continue
        child = Child.from_record(json.loads(line))
        children[child.pid] = child
    stop_all(list(children.values()))


if __name__ == "__main__":
    main()
