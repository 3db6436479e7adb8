"""What every answer tells browsers: guess, keep, embed and pass on nothing; and whose pages may read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sago.api.problems import Problem

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of what is no page; pages bring their own."""
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", NOTHING.encode()),
)
UNSTORED = (b"cache-control", b"no-store")
YEAR = (b"strict-transport-security", b"max-age=31536000")
"""Told where the request came by TLS, as a proxy in `FORWARDED_ALLOW_IPS` says."""


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
                headers = message["headers"]
                brought = {name for name, _ in headers}
                headers.extend(pair for pair in _wanted(scope) if pair[0] not in brought)
            await send(message)

        await self._app(scope, receive, harden)


def _wanted(scope: Scope) -> Iterator[tuple[bytes, bytes]]:
    yield from ALWAYS
    if scope["path"].startswith("/api/"):
        yield UNSTORED
    if scope["scheme"] == "https":
        yield YEAR
    yield from scope["state"].get("rate_headers", ())


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
