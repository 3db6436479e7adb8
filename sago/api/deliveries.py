"""A webhook request read, and what its vendor is told: nothing of us but whether to send it again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request

from sago import telemetry
from sago.api.desk import Desk
from sago.api.intake import read_body
from sago.api.problems import RETRY_AFTER, ProblemError
from sago.bootstrap import Container
from sago.errors import ConfigError, InvalidMessageError, NotThereError, SagoError, SignatureError
from sago.pipeline.receiving import Received
from sago.ports import Delivery

LIMIT = 3_000_000
"""Bytes of a delivery. Vendors send a few kB, but Slack's of a message of 40,000 letters that was edited has a MB."""
BODY_SHARE = 0.6
"""Of `sources.answer_within` for the body to come, so that time is left to find that it is not signed."""

log = telemetry.logger(__name__)


class Letterbox(NamedTuple):
    """One delivery and whoever takes it in, until `until` on the container's monotonic clock."""

    source: str
    delivery: Delivery
    container: Container
    desk: Desk
    until: float

    async def receive(self) -> dict[str, Any]:
        """What the vendor wants to read, else what became of the delivery. Raises a problem."""
        with told(self.source):
            left = max(self.until - self.container.clock.monotonic(), 0.0)
            received = await self.desk.answer(
                lambda: self.container.receiving.receive(self.source, self.delivery), left
            )
        return dict(received.answer) if received.answer is not None else figures(received)


async def letterbox(source: str, request: Request) -> AsyncIterator[Letterbox]:
    """The delivery in a request; raises a problem with status 404, 408, 413 or 503. Time begins with the request."""
    container: Container = request.app.state.container
    within = container.settings.sources.answer_within
    until = container.clock.monotonic() + within
    headers = _headers(request)
    with told(source):
        container.receiving.source(source)  # else its body is not read
    with request.app.state.held.body() as grow:
        body = await read_body(request, LIMIT, within * BODY_SHARE, grow)
        delivery = Delivery(body, headers, container.clock.now())
        yield Letterbox(source, delivery, container, request.app.state.desk, until)


Delivered = Annotated[Letterbox, Depends(letterbox)]


def _headers(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def figures(received: Received) -> dict[str, Any]:
    """How many of it were taken, known before, left out on purpose, and refused; streams woken."""
    taken = received.taken
    return {
        "taken": len(taken.ids),
        "known": taken.known,
        "ignored": taken.ignored.total(),
        "refused": len(taken.refused),
        "woken": received.woken,
    }


@contextmanager
def told(source: str) -> Iterator[None]:
    """An error of the use case as its vendor reads it. Anybody may call: why, and where our servers are, the log alone
    says."""
    try:
        yield
    except SagoError as error:
        ended = _problem_of(error)
        # what is not there, or not signed, is counted: anybody may fill a log with it
        say = log.debug if ended.status in (401, 404) else log.warning
        say("a delivery was not taken", source=source[:64], status=ended.status, reason=str(error))
        raise ended from None


def _problem_of(error: SagoError) -> ProblemError:
    if isinstance(error, NotThereError):
        return ProblemError(404, "no source is called so")
    if isinstance(error, SignatureError):
        return ProblemError(401, "not signed by its vendor, or not within the last five minutes")
    if isinstance(error, InvalidMessageError):
        return ProblemError(422, "the delivery cannot be read")
    again = {"Retry-After": str(RETRY_AFTER)}
    if isinstance(error, ConfigError):
        return ProblemError(503, "this source is not set up here; the log says what is missing", headers=again)
    return ProblemError(503, "not taken in time: send it again", headers=again)
