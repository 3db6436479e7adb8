"""How much of a request is read: its query, its headers, its body, and for how long."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sago.api.problems import Problem

BODY = 256_000
"""Bytes of a body, where its route does not read it by itself and says otherwise."""
QUERY = 8_000
"""Bytes."""
MOST_HEADERS = 100
HEADERS = 32_000
"""Bytes of all headers together. The server itself ends a connection at 64 kB."""
BOUND = "sago.body_bound"
CLOSE = {"Connection": "close"}
"""The rest of a body may still come, and would be taken for the next request."""


class Bounds:
    """ASGI middleware; `within` seconds a client has for a body of `BODY`."""

    def __init__(self, app: ASGIApp, within: float) -> None:
        self._app = app
        self._within = within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or answer 414 or 431; a body that is too much raises 413 or 408 where it is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (refused := _refusal(scope)) is not None:
            await refused(scope, receive, send)
        else:
            scope[BOUND] = bound = _Bound(scope, receive, self._within)
            await self._app(scope, bound, send)


def lift(scope: Scope) -> None:
    """The route reads the body by itself, with bounds of its own."""
    if (bound := scope.get(BOUND)) is not None:
        bound.is_lifted = True


class _Bound:
    """The request's `receive`, which counts."""

    def __init__(self, scope: Scope, receive: Receive, within: float) -> None:
        self.is_lifted = False
        self._scope = scope
        self._receive = receive
        self._within = within
        self._until: float | None = None
        self._size = 0
        self._is_whole = False

    async def __call__(self) -> Message:
        """The next part of the body; afterwards that the client has gone, which is waited for without end."""
        if self.is_lifted or self._is_whole:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + self._within
            self._check(int(Headers(scope=self._scope).get("content-length") or 0))
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"the body did not come within {self._within:g} s", CLOSE) from None
        self._size += len(message.get("body", b""))
        self._check(self._size)
        self._is_whole = not message.get("more_body", False)
        return message

    def _check(self, size: int) -> None:
        if size > BODY:
            raise HTTPException(413, f"the body is over {BODY // 1000} kB", CLOSE)


def _refusal(scope: Scope) -> JSONResponse | None:
    if len(scope["query_string"]) > QUERY:
        return _said(414, f"the query is over {QUERY // 1000} kB")
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS:
        return _said(431, f"more than {MOST_HEADERS} headers")
    if sum(len(name) + len(value) for name, value in headers) > HEADERS:
        return _said(431, f"the headers are over {HEADERS // 1000} kB together")
    return None


def _said(status: int, detail: str) -> JSONResponse:
    return JSONResponse(Problem(detail=detail).model_dump(mode="json"), status, CLOSE)
