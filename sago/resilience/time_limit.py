"""A bound of a whole HTTP call, where httpx itself begins its time anew with each byte that trickles in."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from threading import Lock, Timer
from typing import Any, Self


class TimeLimit:
    """Cuts the call's connections when `seconds` are over: whoever reads from one then sees its end."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._lock = Lock()
        self._connections: list[socket.socket] = []
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """httpx's `trace` extension. The connection is known by a number of our own: TLS takes the first one over."""
        if event == "connection.connect_tcp.complete":
            theirs = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._connections.append(socket.socket(fileno=os.dup(theirs.fileno())))
                if self.is_over:
                    self._cut()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            self._cut()

    def _cut(self) -> None:
        for connection in self._connections:
            with suppress(OSError):  # closed by the other side already
                connection.shutdown(socket.SHUT_RDWR)
