"""The supervisor's rounds: everything on record is asked how it does, and who is silent since when is put on record."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime

from sago.embedded.health import STARTING, Health, check_stack
from sago.embedded.launch import Launch
from sago.embedded.record import Record

ROUND_EVERY = 2.0
"""Seconds from the end of a round to the next: what hangs has done so up to this long when it is noted."""

log = logging.getLogger("sago.supervisor")


class Rounds:
    """`look` never waits: a round runs in a thread of its own. What hangs is told, and left alone: a process may only
    be waiting for a server, and a wrong kill costs more than a late word."""

    def __init__(self, launch: Launch, clock: Callable[[], float] = time.monotonic) -> None:
        self._launch = launch
        self._clock = clock
        self._next_at = clock()
        self._began = 0.0
        self._round: Future[dict[str, Health]] | None = None

    def look(self) -> None:
        """Take up what a round has found, or begin the next one. Raises what a round raised."""
        if self._round is None:
            if self._clock() >= self._next_at:
                self._begin()
        elif self._round.done():
            found, self._round = self._round, None
            self._next_at = self._clock() + ROUND_EVERY
            for name, health in found.result().items():
                self._note(name, health)

    def _begin(self) -> None:
        record = self._launch.record
        asked = Record(record.mode, "", services=dict(record.services))
        self._began, self._round = time.time(), Future()
        # A daemon: `sago down` waits for no server that hangs.
        threading.Thread(target=self._ask, args=(asked, self._round), name="round", daemon=True).start()

    def _ask(self, record: Record, answer: Future[dict[str, Health]]) -> None:
        try:
            answer.set_result(check_stack(record, self._launch.plan.settings()))
        except BaseException as error:  # noqa: BLE001 - told where the round is taken up
            answer.set_exception(error)

    def _note(self, name: str, health: Health) -> None:
        """Put the change on record, unless it has ended or was started meanwhile."""
        now = self._launch.record.services[name]
        if now.child != health.service.child or now.trouble:
            return
        if health.healthy and now.down_since is not None:
            log.info("%s answers; it had been down since %s", name, _clock_time(now.down_since))
            self._launch.amend(name, down_since=None)
        elif health.reason not in ("", STARTING) and now.down_since is None:
            log.warning("%s is silent: %s", name, health.reason)
            self._launch.amend(name, down_since=self._began)


def _clock_time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%SZ}"
