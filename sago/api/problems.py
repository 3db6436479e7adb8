"""Every answer that is an error has one form: `detail`, a line for a person, and `errors`, the messages refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, Field
from starlette.exceptions import HTTPException

from sago import telemetry
from sago.domain.messages import COMPANY_ID, COMPANY_ID_IN_WORDS, SOURCE
from sago.errors import (
    ConfigError,
    InvalidMessageError,
    NotThereError,
    RestoredError,
    SagoError,
    TransientError,
    UngroundedError,
    UsageError,
    WrongFieldError,
)

_PLACE = re.compile(r" at [^\s,;]+:\d+")
_PATTERN = re.compile(r"String should match pattern '(.*)'")
_NAMED = re.compile(r"^[\w.]+: (?=(?:Input|String|List|Field|Extra) )")
"""The field, which stands beside the reason."""
_SHOULD = re.compile(r"^[A-Z][a-z]+ should ")
FORMS = {
    COMPANY_ID: f"is no company id: {COMPANY_ID_IN_WORDS}",
    rf"^\*$|{SOURCE}": "is no source: write slack, gmail, or * for all",
    r"^[a-z0-9](-?[a-z0-9])*$": "is no firm id: a-z, 0-9 and -, as northgate-capital",
    r"^[^@\s\x00]+@[^@\s\x00]+$": "is no mail address, as dana@northgate.example",
    r"\S": "is empty",
    r"^[0-9a-f]{64}$": "is no SHA-256: 64 of 0-9 and a-f",
    r"^[A-Za-z0-9_-]*$": "is no cursor: send `next` of the page before",
}
"""What is said of a text that has not the form of its field."""
MEANT = {
    "Field required": "is missing",
    "Extra inputs are not permitted": "is no field of this body",
    "Input should be a valid UUID": "is no id: it has 32 hex digits, as in 0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11",
    "UUID input should be": "is no id: it has 32 hex digits, as in 0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11",
    "Input should be a valid datetime": "is no moment: write 2026-03-02T17:00:00Z",
    "Input should be a valid date": "is no day: write 2026-03-02",
    "Input should be a valid string, unable": "is not valid Unicode (lone surrogate)",
    "Input should be a valid string": "must be text",
    "Input should be a valid integer": "must be a whole number",
    "Input should be a valid number": "must be a number",
    "Input should be a valid boolean": "must be true or false",
    "Input should be a valid list": "must be a list",
    "Input should be a valid array": "must be a list",
    "Input should be a valid dictionary": "must be an object",
}
"""What some sentences of pydantic's mean, by how they begin."""
SHOWN = 300
"""Characters of what was sent that an error repeats."""
MOST_REFUSED = 100
"""Wrong fields of one request that are told."""
NOT_THERE = "nothing is called so, or nothing that this key opens"
"""Whatever is asked for, and whether it is another's, or was shared once, or never was."""
HELD = "a backup was restored, and letters are held back until somebody of the house has looked"
RETRY_AFTER = 5
"""Seconds a caller is asked to wait when a server does not answer."""

log = telemetry.logger(__name__)


def _readable(text: object) -> object:
    """What was sent, as it can be sent back: no lone surrogates, and not without end."""
    return text[:SHOWN].encode("utf-8", "replace").decode() if isinstance(text, str) else text


Words = Annotated[str, BeforeValidator(_readable)]


class Refusal(BaseModel):
    """Why one message was not taken."""

    index: int = Field(description="Its place in the list, from 0; 0 for a single message.")
    field: Words | None = Field(
        description="What is wrong, as a path into the message; null: the message as a whole.",
        examples=["data.content"],
    )
    reason: Words = Field(examples=["text is empty"])
    id: Words | None = Field(None, description="The message's id, where it could be told.")


class Problem(BaseModel):
    """An error."""

    detail: str = Field(description="One line for a person.", examples=["data.content: text is empty"])
    errors: list[Refusal] = Field([], description="Each message that was refused.")


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self, status: int, detail: str, errors: list[Refusal] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.problem = Problem(detail=detail, errors=errors or [])
        self.headers = headers


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors a route may end with, for OpenAPI; 503 comes of the key alone, which Postgres is asked for."""
    return _told(401, 403, 422, 429, 503, *statuses)


def beside_pages(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same of a route without a key whose answers are pages: its errors are none."""
    said = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": MEANINGS[status], "content": said} for status in (*OF_BOUNDS, 503, *statuses)}


def _told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: told(status, MEANINGS[status]) for status in statuses}


def told(status: int, description: str, detail: str = "") -> dict[str, Any]:
    """An error of this status for OpenAPI, with an example."""
    example = {"detail": detail or SAID[status], "errors": WRONG.get(status, [])}
    return {"model": Problem, "description": description, "content": {"application/json": {"example": example}}}


MEANINGS = {
    401: "No key, or a wrong one.",
    403: "The key does not open this; or none is set, and the caller is not a program on this machine.",
    404: "Nothing is called so, or nothing that this key opens: the same whether it exists or not.",
    408: "The body did not come in time. Nothing was taken.",
    409: "What it is now forbids this: the line says what is possible instead. Nothing was changed.",
    413: "The body is too large, or the list too long. Nothing was taken.",
    414: "The query is too long.",
    415: "The body is not application/json.",
    422: "What was sent is wrong, each part with its field and reason. Nothing was changed.",
    428: "It is not said which text this is about: send `sha256`, or the header `If-Match`. Nothing was changed.",
    429: "Too many requests of this key, tasks of this firm, or wrong keys from here: wait `Retry-After` seconds.",
    431: "The headers are too many or too large.",
    503: "A server does not answer: try again after `Retry-After` seconds.",
}

SAID = {
    401: "no key: send Authorization: Bearer KEY",
    403: "this key does not open read; it has ingest:acme",
    404: NOT_THERE,
    408: "the body did not come within 30 s",
    409: "the letter is sent: it cannot be edited",
    413: "the body is over 10 MB: send it in parts",
    414: "the query is over 8 kB",
    415: "the body is text/plain: send Content-Type: application/json",
    422: "limit: must be less than or equal to 200",
    428: "say which text you have seen: its sha256 in the body, or in the header If-Match",
    429: "too many requests of this key: try again in 3 s",
    431: "the headers are over 32 kB together",
    503: "Postgres does not answer",
}
WRONG = {422: [{"index": 0, "field": "limit", "reason": "must be less than or equal to 200", "id": None}]}
"""Examples of each: its line, and what was wrong."""

OF_BOUNDS = (413, 414, 431)
EVERYWHERE = _told(*OF_BOUNDS)
"""Of the bounds that stand before every route, for OpenAPI."""


def register(app: FastAPI) -> None:
    """Make every error of ours and of the framework a problem."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(SagoError, _sago_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


def of(error: SagoError) -> ProblemError:
    """The one place that says which error is which status."""
    if isinstance(error, InvalidMessageError):
        reason = reason_of(error.reason, error.field or "")
        detail = f"{error.field}: {reason}" if error.field else reason
        return ProblemError(422, detail, [Refusal(index=0, field=error.field, reason=reason)])
    if isinstance(error, WrongFieldError):
        reason = reason_of(error.reason, error.field)
        return ProblemError(422, f"{error.field}: {reason}", [Refusal(index=0, field=error.field, reason=reason)])
    if isinstance(error, UngroundedError):
        refused = [Refusal(index=0, field=where, reason=reason) for where, reason in error.claims]
        return ProblemError(422, str(error)[:SHOWN], refused[:MOST_REFUSED])
    if isinstance(error, NotThereError):
        return ProblemError(404, NOT_THERE)
    if isinstance(error, UsageError):
        return ProblemError(409, str(error))
    if isinstance(error, RestoredError):
        return ProblemError(503, HELD, headers={"Retry-After": str(RETRY_AFTER)})
    if isinstance(error, TransientError):
        return ProblemError(503, _without_places(error), headers={"Retry-After": str(RETRY_AFTER)})
    what = "the installation is wrong: " if isinstance(error, ConfigError) else ""
    return ProblemError(500, f"{what}{_without_places(error)}")


def reason_of(said: str, field: str = "") -> str:
    """What pydantic says of a field, as whoever sent it reads it; what is said in our own words stays."""
    said = _NAMED.sub("", said.removeprefix("Value error, ").removeprefix(f"{field}: "))
    if pattern := _PATTERN.fullmatch(said):
        return FORMS.get(pattern[1], "holds what cannot stand here")
    if meant := next((meant for begins, meant in MEANT.items() if said.startswith(begins)), None):
        return meant
    return _SHOULD.sub("must ", said, count=1)


def _without_places(error: SagoError) -> str:
    """Where our servers are the log alone says."""
    return _PLACE.sub("", str(error))


def _problem(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    ended = cast("ProblemError", error)
    return JSONResponse(ended.problem.model_dump(mode="json"), ended.status, dict(ended.headers or {}))


def _sago_error(request: Request, error: Exception) -> JSONResponse:
    ended = of(cast("SagoError", error))
    if ended.status < 500:  # the reason may quote a letter, or what was sent
        log.debug("a request was refused", status=ended.status, error=type(error).__name__)
    else:
        log.warning("a request failed", status=ended.status, reason=str(error))
    return _problem(request, ended)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    """The framework's own: no such path, another method."""
    ended = cast("HTTPException", error)
    if isinstance(ended.__cause__, (ValueError, RecursionError)):  # raised by what reads JSON
        return _problem(request, unreadable(ended.__cause__))
    said = {404: "no such path: /docs lists them", 405: f"{request.method} is not for this path: see /docs"}
    detail = said.get(ended.status_code, str(ended.detail))
    return _problem(request, ProblemError(ended.status_code, detail, headers=ended.headers))


def unreadable(error: BaseException) -> ProblemError:
    """What is said of a body that is no JSON, or more deeply nested than any reader follows."""
    reason = "is nested too deeply" if isinstance(error, RecursionError) else "is not JSON in UTF-8"
    return ProblemError(422, f"the body {reason}", [Refusal(index=0, field="body", reason=reason)])


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    """A wrong query, path or body: each field with its reason, nothing else of what was sent."""
    found = cast("RequestValidationError", error).errors()
    errors = [_refusal(each) for each in found[:MOST_REFUSED]]
    first = errors[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return _problem(request, ProblemError(422, f"{first.field}: {first.reason}"[:SHOWN] + more, errors))


def _refusal(said: Mapping[str, Any]) -> Refusal:
    place = [str(part) for part in said["loc"] if part not in ("body", "query", "path", "header")]
    field = ".".join(place) or str(said["loc"][0])
    if said["type"] == "json_invalid":
        return Refusal(index=0, field="body", reason=f"is not JSON: {said['ctx']['error']} at character {place[0]}")
    return Refusal(index=0, field=field, reason=reason_of(said["msg"], field))
