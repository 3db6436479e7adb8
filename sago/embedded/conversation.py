"""What `sago up` and the supervisor it started say to each other while the stack starts: one JSON object a line.

The supervisor tells `step`, `note`, `ask` (it waits until the command has migrated the schema), and at last `ready` or
`error`. The command answers `migrated`, and `stay` once it knows that all is well. When either goes before that, the
stack goes too: the command's end is the end of the supervisor's stdin.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sago import errors
from sago.embedded.processes import Child, adopt, how_it_ended, last_line, open_log
from sago.errors import ConfigError, SagoError

STOPS_WITHIN = 60.0
"""Seconds a supervisor gets to stop a stack that is starting."""


class Command:
    """The command that waits for the stack, as the supervisor sees it."""

    def __init__(self, asked_to_stop: Callable[[], bool]) -> None:
        self._asked_to_stop = asked_to_stop
        self._heard = b""
        self._talking = True

    def tell(self, **what: Any) -> None:
        """Say one thing; nobody may be listening."""
        if self._talking:
            try:
                sys.stdout.write(json.dumps(what) + "\n")
                sys.stdout.flush()
            except BrokenPipeError:
                self._talking = False

    def go_on(self) -> None:
        """Raises KeyboardInterrupt when the command is gone or we were asked to stop: what Ctrl-C does to a command."""
        self._listen()
        self._give_up_if_alone()

    def wait_for(self, answer: str) -> None:
        """Return once the command has said it, even if it left right after; raises as `go_on` does."""
        self._listen()
        while answer.encode() + b"\n" not in self._heard:
            self._give_up_if_alone()
            select.select([sys.stdin], [], [], 0.2)
            self._listen()
        self._heard = b""

    def _give_up_if_alone(self) -> None:
        if self._asked_to_stop() or not self._talking:
            raise KeyboardInterrupt

    def _listen(self) -> None:
        while self._talking and select.select([sys.stdin], [], [], 0.0)[0]:
            more = os.read(sys.stdin.fileno(), 4096)
            self._heard += more
            self._talking = bool(more)

    def part(self) -> None:
        """The stack stays without the command: let go of its terminal."""
        self._talking = False
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (sys.stdin, sys.stdout):
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Call:
    """The supervisor a command has just started."""

    def __init__(self, words: list[str], environ: Mapping[str, str], log: Path) -> None:
        with open_log(log) as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sago.embedded.supervisor", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=dict(environ),
                start_new_session=True,
            )
        self._log = log
        self.child: Child = adopt("supervisor", self._process)

    def told(self) -> Iterator[dict[str, Any]]:
        """What it tells, until `ready`; raises the SagoError it tells, or ConfigError when it ends without a word."""
        assert self._process.stdout is not None  # noqa: S101 - PIPE
        for line in self._process.stdout:
            what = json.loads(line)
            if "error" in what:
                self.child.wait(STOPS_WITHIN)
                raise _error(what)
            yield what
            if "ready" in what:
                return
        self.child.wait(STOPS_WITHIN)
        raise self._ended()

    def answer(self, word: str) -> None:
        """Say that something is done; raises ConfigError when the supervisor is gone."""
        assert self._process.stdin is not None  # noqa: S101 - PIPE
        try:
            self._process.stdin.write(word.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            self.child.wait(STOPS_WITHIN)
            raise self._ended() from error

    def hang_up(self) -> None:
        """Without `stay` the supervisor stops what it has started; return when it has ended."""
        self.close()
        self.child.wait(STOPS_WITHIN)

    def close(self) -> None:
        """Let go of the pipes."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                with suppress(BrokenPipeError):  # what it did not read any more
                    pipe.close()

    def _ended(self) -> ConfigError:
        how = how_it_ended(self.child.exit_status(), last_line(self._log))
        return ConfigError(f"the supervisor ended while the stack started ({how}); nothing is left running")


def as_told(error: SagoError) -> dict[str, str]:
    """An error as `Call.told` raises it again."""
    return {"error": str(error), "type": type(error).__name__}


def _error(what: Mapping[str, str]) -> SagoError:
    kind = getattr(errors, what["type"], ConfigError)
    made: SagoError = kind(what["error"])
    return made
