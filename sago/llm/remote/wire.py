"""The connection of one call: the whole of it within its time, and a 200 of another protocol told apart."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from contextvars import ContextVar
from threading import Lock, Timer
from typing import Any, Self

import httpx2

from sago.errors import TransientError

REACHED_WITHIN = 20.0
"""Seconds to connect to one of the server's addresses: there is nothing to cut yet."""
answered: ContextVar[bool] = ContextVar("answered", default=False)
"""Whether the call under way got an answer of the protocol; what fails before that is not the messages' fault."""


class StrangerError(TransientError):
    """Something else than the provider's server answers: a portal, a proxy's page, another service."""


class Wire(httpx2.Client):
    """A client without kept connections. A request's `read` timeout bounds the whole call, where httpx itself begins
    it anew with each byte that trickles in; raises httpx2.ReadTimeout then, StrangerError for a 200 of somebody else,
    whose JSON has none of the `keys` of an answer. `is_direct`: no proxy of the environment is used.
    """

    def __init__(self, keys: frozenset[str], *, is_direct: bool = False) -> None:
        mounts = dict.fromkeys(("all://", "http://", "https://")) if is_direct else None
        super().__init__(limits=httpx2.Limits(max_keepalive_connections=0), mounts=mounts)
        self._keys = keys

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """The response, read to its end."""
        times = request.extensions["timeout"]
        with _TimeLimit(times["read"]) as limit:
            reach = min(REACHED_WITHIN, times["connect"])
            request.extensions |= {"timeout": times | {"connect": reach}, "trace": limit.watch}
            try:
                response = super().send(request, **options)
            except httpx2.TransportError:
                if not limit.is_over:
                    raise
        if limit.is_over:  # an answer without a length ends where the connection was cut
            raise httpx2.ReadTimeout("the call took too long", request=request)
        if response.status_code == httpx2.codes.OK:
            if not _has_any(self._keys, response):
                raise StrangerError
            answered.set(True)
        return response


class _TimeLimit:
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


def _has_any(keys: frozenset[str], response: httpx2.Response) -> bool:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and not keys.isdisjoint(body)
