"""One log line a request, under an id that the answer carries too; never a query, a header or a body."""

from __future__ import annotations

import random
import re
import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sago import telemetry
from sago.api.meters import Meters
from sago.api.problems import Problem

HEADER = "X-Request-ID"
QUIET = ("/health/live", "/health/ready")
"""Asked every few seconds by machines."""
BEFORE_TOKENS = "/unsubscribe/"
"""What follows in a path is a credential, also where no route has it, as with one slash too many."""
LEFT = 499
"""Logged for a request whose client has gone, as nginx does; nobody is there to be answered."""
_RAW_HEADER = HEADER.lower().encode()
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = telemetry.logger(__name__)


class Journal:
    """ASGI middleware, outermost. Counts what it logs."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given(scope) or f"{random.getrandbits(128):032x}"
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((_RAW_HEADER, request_id.encode()))
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            with self._meters.in_flight.track_inprogress():
                await self._app(scope, receive, note)
        except ClientDisconnect:
            status = LEFT
            log.debug("the client left before all of its request had come")
        seconds = time.perf_counter() - started
        self._meters.served(scope, status, seconds)
        _log_request(scope, status, seconds)
        structlog.contextvars.reset_contextvars(**bound)


def _given(scope: Scope) -> str | None:
    """The id that the client sent, where it is one."""
    for name, value in scope["headers"]:
        if name == _RAW_HEADER:
            given: str = value.decode("latin-1")
            return given if _ID.fullmatch(given) else None
    return None


class LastResort:
    """ASGI middleware, innermost, so that also this answer gets the headers of all. An error nobody foresaw is logged
    without its text, which may quote a message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; 500 where an error comes before its answer."""
        is_begun = False

        async def note(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            log.error("unforeseen error", error=type(error).__name__, where=telemetry.place_of(error))
            if not is_begun:
                await _sorry(scope["state"]["request_id"])(scope, receive, send)


def _sorry(request_id: str) -> JSONResponse:
    detail = f"an error on our side; the log has it under {request_id}"
    return JSONResponse(Problem(detail=detail).model_dump(mode="json"), 500)


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    say = log.debug if scope["path"] in QUIET and status == 200 else log.info
    path, secret, _ = scope["path"].partition(BEFORE_TOKENS)
    shown = f"{path}{secret}{{token}}" if secret else path
    say("request", method=scope["method"], path=shown, status=status, ms=round(seconds * 1000, 1))
