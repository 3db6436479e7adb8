"""The connection of one call: the whole of it within its time, and a 200 of another protocol told apart."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import httpx2

from sago.errors import TransientError
from sago.resilience.time_limit import TimeLimit

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
        with TimeLimit(times["read"]) as limit:
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


def _has_any(keys: frozenset[str], response: httpx2.Response) -> bool:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and not keys.isdisjoint(body)
