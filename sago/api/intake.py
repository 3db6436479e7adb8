"""The body of an ingest request, read into messages; what is wrong with each is told by its place and field."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, NoReturn

from fastapi import Request
from pydantic import BaseModel, Field

from sago.api.bounds import CLOSE, lift
from sago.api.problems import ProblemError, Refusal, reason_of, unreadable
from sago.domain.keys import INGEST
from sago.domain.messages import Message, MessageKey
from sago.errors import InvalidMessageError
from sago.sources import payloads

LIST_LIMIT = 1000
"""Messages of one request."""
LONGEST_NUMBER = 400
"""Digits of a whole number."""
NAMES = ("source_name", "company_id", "data")


class Receipt(BaseModel):
    """What became of the messages of a request."""

    ids: list[str] = Field(
        description="Of the messages taken, in the order given; one taken before is among them.",
        examples=[["slack:m-1042"]],
    )
    companies: list[str] = Field(
        [],
        description="Whose messages these are. One that is not known yet begins with its first message: look here for "
        "an id that was misspelt.",
        examples=[["acme"]],
    )
    stored: bool = Field(
        description="True: in the raw store. False: acknowledged by Kafka, which has them stored in a moment."
    )
    errors: list[Refusal] = Field([], description="The messages that were not taken; the others were.")


class Intake(NamedTuple):
    """The messages of a request, each with its place in the list, and those that cannot be taken."""

    messages: list[tuple[int, Message]]
    errors: list[Refusal]


async def body_of(request: Request) -> bytes:
    """The body, read no further than `api.body_limit`; raises a problem with status 408, 413 or 415.

    ClientDisconnect where the client has gone.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # A web page of another site can send text/plain to a local address without asking, but not this.
        raise ProblemError(415, f"the body is {kind or 'of no type'}: send Content-Type: application/json")
    return await read_body(request, request.app.state.settings.api.body_limit)


async def read_body(
    request: Request, limit: int, within: float | None = None, grow: Callable[[int], object] = bool
) -> bytes:
    """The body, read no further than `limit` bytes, for `api.body_within` seconds or those given; raises a problem
    with status 408 or 413. `grow` hears how many bytes have come and may raise."""
    within = within or request.app.state.settings.api.body_within
    lift(request.scope)
    try:
        async with asyncio.timeout(within):
            return await _read_up_to(limit, request, grow)
    except TimeoutError:
        raise ProblemError(408, f"the body did not come within {within:g} s", headers=CLOSE) from None


async def _read_up_to(limit: int, request: Request, grow: Callable[[int], object]) -> bytes:
    if int(request.headers.get("content-length") or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for part in request.stream():
        if len(body) + len(part) > limit:
            raise _too_large(limit)
        grow(len(body) + len(part))
        body += part
    return bytes(body)


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, f"the body is over {limit / 1e6:g} MB: send it in parts", headers=CLOSE)


def read(body: bytes, company_id: str, now: datetime, may: Callable[[str], bool]) -> Intake:
    """The messages in a body; `company_id` is that of messages that name none; those of a company that the
    caller may not hand in for are refused. Raises a problem: 413, or 422 where the
    body as a whole is wrong."""
    found = Intake([], [])
    first: dict[tuple[str, MessageKey], tuple[Message, int]] = {}
    for index, item in enumerate(_items(body)):
        try:
            message = _message(item, company_id, now, may)
            seen, at = first.setdefault((message.company_id, message.key), (message, index))
            if seen is not message and seen.content_sha() != message.content_sha():
                raise InvalidMessageError(
                    f"same id, other content as message {at}", message_id=message.id, field="data"
                )
        except InvalidMessageError as error:
            reason = reason_of(error.reason)
            found.errors.append(Refusal(index=index, field=error.field, reason=reason, id=error.message_id))
        else:
            found.messages.append((index, message))
    return found


def conclude(intake: Intake, conflicts: Sequence[Message], *, stored: bool) -> Receipt:
    """What to answer; raises a problem with status 422 where no message was taken."""
    gone = {id(message) for message in conflicts}
    reason = "same id, other content as the message stored before"
    errors = [
        Refusal(index=index, field="data", reason=reason, id=message.id)
        for index, message in intake.messages
        if id(message) in gone
    ]
    errors = sorted(intake.errors + errors, key=lambda refusal: refusal.index)
    taken = [message for _, message in intake.messages if id(message) not in gone]
    if not taken:
        first = errors[0]
        where = f"{first.field}: " if first.field else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise ProblemError(422, f"{where}{first.reason}{more}", errors)
    companies = sorted({message.company_id for message in taken})
    return Receipt(ids=[message.id for message in taken], companies=companies, stored=stored, errors=errors)


def _items(body: bytes) -> list[Any]:
    """The single message, or those of a list: of whole messages, or as `data` of one."""
    try:
        said = json.loads(body, parse_constant=_no_number, parse_float=_number, parse_int=_whole)
    except (RecursionError, UnicodeError) as error:
        raise unreadable(error) from None
    except ValueError as error:
        raise _unreadable(f"is not JSON: {error}") from error
    items = said if isinstance(said, list) else [said]
    if isinstance(said, dict) and isinstance(said.get("data"), list):
        items = [{**said, "data": each} for each in said["data"]]
    if not items:
        raise _unreadable("is an empty list: send at least one message")
    if len(items) > LIST_LIMIT:
        raise ProblemError(413, f"{len(items)} messages in one request, at most {LIST_LIMIT:,}: send them in parts")
    return items


def _unreadable(reason: str) -> ProblemError:
    return ProblemError(422, f"the body {reason}", [Refusal(index=0, field="body", reason=reason)])


def _number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is too large a number")
    return number


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"{digits[:20]} is too large a number")
    return int(digits)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _message(item: object, default: str, now: datetime, may: Callable[[str], bool]) -> Message:
    """One message of the body; raises InvalidMessageError, whose `field` is a path into the message as it was sent."""
    if not isinstance(item, dict):
        raise InvalidMessageError(f"must be an object with source_name and data, not {payloads.shown(item)}")
    unknown = [name for name in item if name not in NAMES]
    if unknown:
        raise InvalidMessageError(f"unknown field; a message has {', '.join(NAMES)}", field=unknown[0])
    source = payloads.check_source(item.get("source_name"))
    data = item.get("data")
    if not isinstance(data, dict):
        raise InvalidMessageError(f"must be an object, not {payloads.shown(data)}", field="data")
    said = _company(item, data)
    company_id = said or default
    if not may(company_id):
        reason = f"this key does not open {INGEST}:{said}" if said else "say whose message it is"
        raise InvalidMessageError(reason, field="company_id")
    try:
        return payloads.to_message(source, data, company_id, now)
    except InvalidMessageError as error:
        field = f"data.{error.field}" if error.field else "data"
        raise InvalidMessageError(error.reason, message_id=error.message_id, field=field) from error
    except RecursionError:
        raise InvalidMessageError("is nested too deeply", field="data") from None


def _company(item: dict[str, Any], data: dict[str, Any]) -> str | None:
    """Whose message it is: as the request says, else as a plain row says; None where neither does."""
    said = item.get("company_id")
    in_row = data.get("company_id") if payloads.is_plain(data) else None
    if said is not None and in_row is not None and said != in_row:
        raise InvalidMessageError(f"data.company_id says {payloads.shown(in_row)}", field="company_id")
    company_id = said if said is not None else in_row
    return None if company_id is None else payloads.check_company(company_id)
