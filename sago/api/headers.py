"""What every answer tells browsers: guess, keep, embed and pass on nothing; and whose pages may read it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sago.api.problems import Problem

ALWAYS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of what is no page; pages bring their own."""
YEAR = "max-age=31536000"
"""Of Strict-Transport-Security, told where the request came by TLS, as a proxy in `FORWARDED_ALLOW_IPS` says."""


class Hardened:
    """ASGI middleware: adds those headers that an answer does not bring itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def harden(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message), scope)
            await send(message)

        await self._app(scope, receive, harden)


def _add(headers: MutableHeaders, scope: Scope) -> None:
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", NOTHING)
    if scope["path"].startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
    if scope["scheme"] == "https":
        headers.setdefault("Strict-Transport-Security", YEAR)
    for name, value in scope.get("state", {}).get("rate_headers", {}).items():
        headers[name] = value


class Cors(CORSMiddleware):
    """Pages of these origins may call, with a key and without cookies. A preflight that fails has the house's form."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Idempotency-Key", "If-Match", "X-Request-ID"),
            expose_headers=(
                "X-Request-ID",
                "ETag",
                "Idempotency-Replayed",
                "Location",
                "Retry-After",
                "RateLimit",
                "RateLimit-Policy",
            ),
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """What may be asked; 400 where this may not."""
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:
            return answer
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        return JSONResponse(Problem(detail=bytes(answer.body).decode()).model_dump(mode="json"), 400, kept)
