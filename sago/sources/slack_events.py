"""What Slack's Events API delivers: whose it is, what of it is a message, and whether Slack sent it at all.

Forms: docs.slack.dev/apis/events-api, …/authentication/verifying-requests-from-slack, …/apis/slack-connect.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from slack_sdk.signature import Clock, SignatureVerifier

from sago.domain.messages import Message
from sago.errors import InvalidMessageError, SignatureError
from sago.ports import Delivery, Item, Push
from sago.sources import slack

SIGNATURE = "x-slack-signature"
TIMESTAMP = "x-slack-request-timestamp"


class _At(Clock):
    """The moment a delivery came, for the library's replay window."""

    def __init__(self, delivery: Delivery) -> None:
        self._seconds = delivery.at.timestamp()

    def now(self) -> float:
        return self._seconds


def verify(delivery: Delivery, signing_secret: str) -> None:
    """Raise SignatureError unless Slack signed these very bytes within five minutes of `delivery.at`."""
    for name in (SIGNATURE, TIMESTAMP):
        if not delivery.headers.get(name):
            raise SignatureError(f"header {name} is missing")
    try:
        is_valid = SignatureVerifier(signing_secret, _At(delivery)).is_valid_request(
            delivery.body, dict(delivery.headers)
        )
    except (ValueError, TypeError):
        is_valid = False
    if not is_valid:
        raise SignatureError("not signed by Slack with our signing secret, or not within five minutes")


def unpack(delivery: Delivery) -> Push:
    """What a verified delivery holds; raises InvalidMessageError where it is no envelope of the Events API."""
    envelope = _envelope(delivery.body)
    kind = envelope.get("type")
    if kind == "url_verification":
        return Push(ignored="url_verification", answer={"challenge": envelope.get("challenge")})
    account = account_of(envelope)
    if kind != "event_callback":
        return Push(account, ignored=f"type {kind!r}"[:60])
    event = envelope.get("event")
    if not isinstance(event, Mapping):
        raise InvalidMessageError("the envelope has no event", field="event")
    if not account:
        raise InvalidMessageError("the envelope names no workspace", field="team_id")
    return Push(account, (item_of(slack.unwrap(envelope)),))


def account_of(envelope: Mapping[str, Any]) -> str:
    """The workspace whose installation of our app an event comes through; empty where none is named."""
    listed = envelope.get("authorizations")
    first = listed[0] if isinstance(listed, list) and listed else None
    named = [first.get("team_id")] if isinstance(first, Mapping) else []
    named += [envelope.get("context_team_id"), envelope.get("team_id")]
    return next((each for each in named if isinstance(each, str) and each), "")


def item_of(message: Mapping[str, Any]) -> Item:
    """A message, which names its channel, as the platform takes it."""
    channel = message.get("channel")
    return Item(message, channel if isinstance(channel, str) else None)


def ignored(item: Item) -> str | None:
    """Why an item is left out on purpose, without content; None: it is to be taken."""
    return slack.ignored(item.payload)


def to_message(item: Item, company_id: str, names: Mapping[str, str]) -> Message:
    """The message in an item; `names` are people's names by their user id. Raises InvalidMessageError."""
    payload = item.payload if item.container is None else {"channel": item.container, **item.payload}
    return slack.to_message(payload, company_id, names)


def _envelope(body: bytes) -> Mapping[str, Any]:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidMessageError("the body is not JSON") from None
    if not isinstance(envelope, dict):
        raise InvalidMessageError("the body is not a JSON object")
    return envelope
