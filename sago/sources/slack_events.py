"""What Slack's Events API delivers: whether Slack sent it, whose it is, and what of it is a message.

Forms: docs.slack.dev/apis/events-api, docs.slack.dev/authentication/verifying-requests-from-slack. A delivery that
Slack tries again (`x-slack-retry-num`) is signed anew and taken as any other: its messages are known by then.

An app that both sides of a Slack Connect channel have gets one delivery, not two, and of the installations it is for
one is named (docs.slack.dev/apis/slack-connect, "No duplicated event triggering"): the delivery is of that account, and
the other reads the message when its channel is fetched. `team_id` outside may be the other side's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from slack_sdk.signature import Clock, SignatureVerifier

from sago.domain.connections import EVERY_CONTAINER
from sago.domain.messages import Message
from sago.errors import ConfigError, InvalidMessageError, SignatureError
from sago.ports import Delivery, Item, Push
from sago.sources import slack, slack_subtypes
from sago.sources.slack_words import without_quotes

SIGNATURE = "x-slack-signature"
TIMESTAMP = "x-slack-request-timestamp"
WINDOW = 300
"""Seconds that a delivery may be old, as the library has it."""
DIRECT = ("im", "mpim")
"""As `channel_type` (docs.slack.dev/reference/events/message)."""
DEPTH = 100
"""Of a JSON body: what nests deeper is none of Slack's, and nothing here need recurse further."""

_AGAIN = "; connect the workspace again: `sago connect slack`"


class _At(Clock):
    """The moment a delivery came."""

    def __init__(self, delivery: Delivery) -> None:
        self._seconds = delivery.at.timestamp()

    def now(self) -> float:
        return self._seconds


def verify(delivery: Delivery, signing_secret: str) -> None:
    """Raise SignatureError unless Slack signed these very bytes within five minutes of `delivery.at`; its text holds
    neither a secret nor a signature."""
    if not signing_secret.strip():
        raise ConfigError("slack.signing_secret is empty: put SAGO_SLACK__SIGNING_SECRET into .env")
    sent = {name: delivery.headers.get(name, "").strip() for name in (SIGNATURE, TIMESTAMP)}
    for name, value in sent.items():
        if not value:
            raise SignatureError(f"header {name} is missing")
        if "," in value:
            raise SignatureError(f"header {name} has more than one value")
    stamp = sent[TIMESTAMP]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("253402300799")):
        raise SignatureError(f"header {TIMESTAMP} is no Unix time")
    clock = _At(delivery)
    if abs(clock.now() - int(stamp)) > WINDOW:
        raise SignatureError("signed more than five minutes before or after: an old delivery, or a wrong clock here")
    if not _is_signed(SignatureVerifier(signing_secret, clock), delivery.body, sent):
        raise SignatureError("not signed with our signing secret (slack.signing_secret)")


def _is_signed(verifier: SignatureVerifier, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        return verifier.is_valid_request(body, dict(headers))
    except (ValueError, TypeError):  # a body that is no UTF-8, a signature that is no ASCII
        return False


def unpack(delivery: Delivery) -> Push:
    """What a verified delivery holds; raises InvalidMessageError where it is nothing the Events API sends."""
    envelope = _envelope(delivery.body)
    kind = envelope.get("type")
    if kind == "url_verification":
        return _challenge(envelope)
    account = account_of(envelope)
    if kind == "event_callback":
        return _callback(slack.unwrap(envelope), account, _time(envelope.get("event_time")))
    if kind == "app_rate_limited":
        # Slack has dropped events of this account and says of no channel which.
        return Push(_named(account), wakes=(EVERY_CONTAINER,))
    if not isinstance(kind, str) or not kind:
        raise InvalidMessageError("the body says no type: not what Slack's Events API sends", field="type")
    return Push(account, ignored=f"delivery {slack_subtypes.label(kind)}")


def account_of(envelope: Mapping[str, Any]) -> str:
    """The workspace, or the organisation, whose installation of our app an event comes through; empty where none is
    named."""
    listed = envelope.get("authorizations")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], Mapping) else {}
    names = [first.get("team_id"), envelope.get("context_team_id"), envelope.get("team_id")]
    if first.get("is_enterprise_install") is True:
        names.insert(0, first.get("enterprise_id"))
    return next((each for each in names if isinstance(each, str) and each), "")


def item_of(message: Mapping[str, Any]) -> Item:
    """A message, which names its channel, as the platform takes it: without what others said in it, a deletion
    without what was deleted."""
    channel = message.get("channel")
    container = channel if isinstance(channel, str) else None
    is_direct = message.get("channel_type") in DIRECT or (container or "").startswith("D")
    said = (message.get("message"), message.get("previous_message"), message)
    users = [each.get("user") for each in said if isinstance(each, Mapping)]
    sender = next((each for each in users if isinstance(each, str)), "")
    if _is_deletion(message):
        return Item(_wordless(message), container, is_direct=is_direct, sender=sender, deletes=True)
    return Item(_unquoted(message), container, is_direct=is_direct, sender=sender, at=_said_at(message))


def ignored(item: Item) -> str | None:
    """Why an item is left out on purpose, without content; None: it is to be taken."""
    return slack.ignored(item.payload)


def to_message(item: Item, company_id: str, names: Mapping[str, str]) -> Message:
    """The message in an item; `names` are people's names by their user id. Raises InvalidMessageError."""
    payload = item.payload if item.payload.get("channel") else {**item.payload, "channel": item.container}
    return slack.to_message(payload, company_id, names)


def _is_deletion(event: Mapping[str, Any]) -> bool:
    """Whether an event tells that a message is gone."""
    inner = event.get("message")
    is_tombstone = isinstance(inner, Mapping) and inner.get("subtype") == slack.TOMBSTONE
    return event.get("subtype") == slack.DELETED or (event.get("subtype") == slack.CHANGED and is_tombstone)


def _wordless(deletion: Mapping[str, Any]) -> dict[str, Any]:
    """Its ids and times, by which it is read as before: it repeats the text that was deleted, more than once."""
    kept = _ids_of(deletion)
    inner = {
        name: _ids_of(each)
        for name in ("message", "previous_message")
        if isinstance(each := deletion.get(name), Mapping)
    }
    return kept | inner


def _unquoted(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event without what others said in its message."""
    inner = {
        name: without_quotes(each)
        for name in ("message", "previous_message")
        if isinstance(each := event.get(name), Mapping)
    }
    return without_quotes(event) | inner


def _said_at(event: Mapping[str, Any]) -> datetime | None:
    """When the message of an event was said; None where that cannot be read."""
    inner = event.get("message")
    message = inner if event.get("subtype") == slack.CHANGED and isinstance(inner, Mapping) else event
    try:
        return slack.from_ts(message.get("ts"))
    except InvalidMessageError:
        return None


def _ids_of(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: message[key]
        for key in (*slack.KEPT, "user", "bot_id", "client_msg_id")
        if isinstance(message.get(key), str)
    }


def _challenge(envelope: Mapping[str, Any]) -> Push:
    challenge = envelope.get("challenge")
    if not isinstance(challenge, str):
        raise InvalidMessageError("the challenge is no text", field="challenge")
    return Push(ignored="a challenge, answered", answer={"challenge": challenge})


def _callback(event: Mapping[str, Any], account: str, at: datetime | None) -> Push:
    kind = event.get("type")
    if kind == "event_callback":
        raise InvalidMessageError("the envelope holds no event", field="event")
    if kind == "message":
        return Push(_named(account), (item_of(event),))
    if kind == "app_uninstalled":
        return Push(_named(account), ended=f"the app was removed from the workspace{_AGAIN}", ended_at=at)
    if kind == "tokens_revoked" and _is_ours(event.get("tokens")):
        return Push(_named(account), ended=f"the app's token was revoked{_AGAIN}", ended_at=at)
    return Push(account, ignored=f"event {slack_subtypes.label(kind)}")


def _time(seconds: object) -> datetime | None:
    """When an event happened; None where that cannot be told."""
    if not isinstance(seconds, int):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _is_ours(revoked: object) -> bool:
    """Whether the bot's token is among those revoked: we have no other, and users' come and go."""
    return isinstance(revoked, Mapping) and bool(revoked.get("bot"))


def _named(account: str) -> str:
    if not account:
        raise InvalidMessageError("the envelope names no workspace", field="team_id")
    return account


def _envelope(body: bytes) -> Mapping[str, Any]:
    try:
        envelope = json.loads(body, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        raise InvalidMessageError("the body is not JSON") from None
    if not isinstance(envelope, dict):
        raise InvalidMessageError("the body is not a JSON object")
    level: list[Any] = [envelope]
    for _ in range(DEPTH):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return envelope
    raise InvalidMessageError("the body is nested too deeply")


def _inside(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [each for each in inner if isinstance(each, dict | list)]


def _finite(written: str) -> float:
    return float(written) if abs(float(written)) < float("inf") else _no_number(written)


def _no_number(written: str) -> float:
    raise ValueError(f"{written[:20]} is no number of JSON")
