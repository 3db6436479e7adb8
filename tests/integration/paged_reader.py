"""`python -m tests.integration.paged_reader URL MOST [AHEAD]`: a reader of the stream `R1` whose process is killed.

The first child is killed with SIGKILL at its first step, the next one at its second, and so on up to MOST; a child that
comes to an end by itself is the last. A step is before and after each transaction and each publish. Each child finds
the clock six minutes further, so that the lease of the one before has ended; AHEAD is how many minutes it is at first.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sago.bootstrap import Container, build
from sago.config import load
from sago.domain.connections import connection_id_of
from sago.pipeline.turns import End
from sago.sources.platform import Platform
from sago.sources.vendor import Bounds, Guards
from sago.stores.clock import SystemClock
from tests.standins.paged import ACCOUNT, PagedSettings
from tests.standins.told_vault import ToldVault

ID = connection_id_of("paged", ACCOUNT)


class Ahead(SystemClock):
    """A clock that is ahead of the others."""

    def __init__(self, minutes: float) -> None:
        self._by = timedelta(minutes=minutes)

    def now(self) -> datetime:
        return super().now() + self._by


class Steps:
    """Counts, and kills this process at one of them."""

    def __init__(self, last: int | None) -> None:
        self._left = last

    def step(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._left is not None:
            self._left -= 1


class Mortal:
    """An adapter whose process may end before each of its calls, and after."""

    def __init__(self, adapter: Any, steps: Steps) -> None:
        self._adapter = adapter
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    @contextmanager
    def begin(self) -> Iterator[Any]:
        self._steps.step()
        with self._adapter.begin() as tx:
            yield tx
            self._steps.step()
        self._steps.step()

    def publish(self, messages: Sequence[Any], **more: Any) -> Any:
        self._steps.step()
        for message in messages:
            found = self._adapter.publish([message], **more)
            self._steps.step()
        return found


def container(url: str, minutes: float, last: int | None) -> Container:
    """As the worker's, but for its clock, its vault, its sources and its mortality."""
    wired, steps = build(load()), Steps(last)
    parts = wired.__dict__
    parts["clock"] = Ahead(minutes)
    parts["database"], parts["log"] = Mortal(wired.database, steps), Mortal(wired.log, steps)
    # As over servers of one's own: Kafka's acknowledgement makes a message safe, and each turn has the same steps.
    parts["reception"] = replace(wired.reception, until_stored=False)
    parts["vault"] = ToldVault()
    guards = Guards(wired.database, wired.vault, wired.breakers, wired.rates, wired.clock, Bounds(answered_within=2.0))
    parts["sources"] = Platform(lambda _: PagedSettings(api_url=url), guards, {"paged": "tests.standins.paged:Paged"})
    return wired


def read(url: str, minutes: float, last: int | None) -> None:
    """Turn after turn until the window is read whole, or the process ends."""
    wired = container(url, minutes, last)
    for _ in range(100):
        pulled = wired.pulling.pull(ID, "R1")
        say(f"{pulled.end.value} {pulled.pages} {pulled.error}")
        if pulled.end is End.READ or pulled.end is End.LEFT:
            return
        wired.clock.sleep(0.2)


def say(line: str) -> None:
    """To whoever started us."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(url: str, most: int, minutes: float = 0.0) -> int:
    """How many children were killed is the last line."""
    container(url, minutes, None).pulling  # noqa: B018 - what is imported here each child shares
    for killed in range(most + 1):
        child = os.fork()
        if child == 0:
            try:
                read(url, minutes + killed * 6, killed if killed < most else None)
            except BaseException as error:  # noqa: BLE001 - whatever it was, this is no kill
                say(f"raised {error!r}")
                os._exit(1)
            os._exit(0)
        if os.WTERMSIG(os.waitpid(child, 0)[1]) != signal.SIGKILL:
            break
    say(f"killed {killed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), *map(float, sys.argv[3:])))
