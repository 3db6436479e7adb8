"""Slack: messages in the shape of its API (docs.slack.dev/reference/events/message), made and read back.

The native id is `<channel>:<ts>`, which every delivery, edit and deletion names. Rows of our own files are made for the
team `IMPORT_TEAM`, which Slack never issues: there the file's id is the native id and lies in `client_msg_id`.
A text goes through `to_payload` and `to_message` to the letter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.sources import block_kit

SOURCE = "slack"
IMPORT_TEAM = "T0000IMPORT"
TAKEN_SUBTYPES = frozenset(
    {None, "bot_message", "me_message", "thread_broadcast", "file_share", "message_changed", "message_deleted"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TS = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_CONTROL = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}


def to_payload(
    *,
    native_id: str,
    sender: str,
    sent_at: datetime,
    text: str,
    thread_id: str | None = None,
    channel: str = "C0000IMPORT",
) -> dict[str, Any]:
    """A message as `conversations.history` would give it, of a row that came from a file.

    `thread_id` may be any string: it is kept as `thread_ts`.
    """
    payload: dict[str, Any] = {
        "type": "message",
        "text": _escape(text),
        "ts": to_ts(sent_at),
        "channel": channel,
        "team": IMPORT_TEAM,
        "client_msg_id": native_id,
        "blocks": [_rich_text(text)],
    }
    if sender:
        payload["user"] = "U" + hashlib.sha256(sender.encode("utf-8", "replace")).hexdigest()[:10].upper()
        payload["user_profile"] = {"name": sender, "display_name": sender}
    if thread_id:
        payload["thread_ts"] = thread_id
    return payload


def to_message(payload: Mapping[str, Any], company_id: str, users: Mapping[str, str] | None = None) -> Message:
    """The message in a payload or in an Events API envelope; `users` maps user ids to names.

    An edit's version is its time in µs, a deletion's likewise. Raises InvalidMessageError, also for what `ignored`
    names.
    """
    event = unwrap(payload)
    reason = ignored(event)
    if reason is not None:
        raise InvalidMessageError(f"not a message: {reason}", field="type")
    if event.get("subtype") == "message_deleted":
        return _deletion(event, company_id)
    if event.get("subtype") == "message_changed":
        inner = event["message"]
        event = {"channel": event.get("channel"), "team": event.get("team"), **inner}
    return _message(event, company_id, users or {})


def unwrap(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event inside an Events API envelope, with the envelope's team; anything else as it is."""
    inner = payload.get("event")
    if payload.get("type") == "event_callback" and isinstance(inner, Mapping):
        return {"team": payload.get("team_id"), **inner}
    return payload


def ignored(payload: Mapping[str, Any]) -> str | None:
    """Why a payload is left out on purpose, or None where it is a message to take."""
    event = unwrap(payload)
    kind, subtype = event.get("type"), event.get("subtype")
    if kind != "message":
        return f"type {kind!r}"
    if not (subtype is None or isinstance(subtype, str)) or subtype not in TAKEN_SUBTYPES:
        return f"subtype {subtype!r}"
    if subtype == "message_changed":
        return _unchanged(event.get("message"))
    return None


def _unchanged(inner: Any) -> str | None:
    if not isinstance(inner, Mapping):
        return "a change without its message"
    if "edited" not in inner:
        return "a change that no person made (an unfurled link)"
    return None if inner.get("subtype") in TAKEN_SUBTYPES else f"subtype {inner.get('subtype')!r}"


def to_ts(moment: datetime) -> str:
    """Slack's time stamp: seconds since the epoch with six decimals."""
    seconds, micro = divmod((moment - _EPOCH) // _MICROSECOND, 1_000_000)
    return f"{seconds}.{micro:06d}"


def from_ts(ts: Any) -> datetime:
    """The moment of a time stamp, without a float in between; raises InvalidMessageError."""
    found = _TS.fullmatch(str(ts))
    if found is None:
        raise InvalidMessageError(f"ts {str(ts)[:40]!r} is not a Slack time stamp", field="ts")
    try:
        return _EPOCH + timedelta(seconds=int(found[1]), microseconds=int((found[2] or "0").ljust(6, "0")))
    except OverflowError as error:
        raise InvalidMessageError(f"ts {str(ts)[:40]!r} is out of range", field="ts") from error


def _message(event: Mapping[str, Any], company_id: str, users: Mapping[str, str]) -> Message:
    edited = event.get("edited")
    edited_at = from_ts(edited.get("ts")) if isinstance(edited, Mapping) else None
    written = event.get("text")
    text = _unescape(written, users) if isinstance(written, str) and written else block_kit.text_of(event, users)
    return Message.parse(
        {
            "id": f"{SOURCE}:{_native_id(event, event.get('ts'))}",
            "version": _version(edited_at) if edited_at else 0,
            "company_id": company_id,
            "source": SOURCE,
            "sender": _sender(event, users),
            "sent_at": from_ts(event.get("ts")),
            "edited_at": edited_at,
            "thread_id": event.get("thread_ts"),
            "text": text,
            "raw": dict(event),
        }
    )


def _deletion(event: Mapping[str, Any], company_id: str) -> Message:
    previous = event.get("previous_message")
    before = previous if isinstance(previous, Mapping) else {}
    deleted_ts = event.get("deleted_ts", before.get("ts"))
    gone_at = from_ts(event.get("event_ts", event.get("ts")))
    return Message.parse(
        {
            "id": f"{SOURCE}:{_native_id({**before, **event}, deleted_ts)}",
            "version": _version(gone_at),
            "company_id": company_id,
            "source": SOURCE,
            "sender": _sender(before, {}),
            "sent_at": from_ts(deleted_ts),
            "edited_at": gone_at,
            "deleted": True,
            "text": "",
            # The payload of a deletion repeats the text that was deleted: it must not be kept.
            "raw": {key: value for key, value in event.items() if key != "previous_message"},
        }
    )


def _native_id(event: Mapping[str, Any], ts: Any) -> str:
    if event.get("team") == IMPORT_TEAM and event.get("client_msg_id"):
        return str(event["client_msg_id"])
    channel = event.get("channel")
    if isinstance(channel, Mapping):
        channel = channel.get("id")
    if not isinstance(channel, str) or not channel:
        raise InvalidMessageError("the payload names no channel", field="channel")
    return f"{channel}:{ts}"


def _version(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _sender(event: Mapping[str, Any], users: Mapping[str, str]) -> str:
    """The name people know the writer by, else the id Slack gives."""
    user = event.get("user")
    if isinstance(user, str) and user in users:
        return users[user]
    for profile, keys in (("user_profile", ("display_name", "real_name", "name")), ("bot_profile", ("name",))):
        said = event.get(profile)
        if isinstance(said, Mapping):
            for key in keys:
                if isinstance(said.get(key), str) and said[key]:
                    return str(said[key])
    return str(event.get("username") or user or event.get("bot_id") or "")


def _escape(text: str) -> str:
    """Slack's three entities (docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescape(text: str, users: Mapping[str, str]) -> str:
    """Control sequences as a person sees them, then the entities; a bare `<` is always Slack's own."""
    return _ENTITY.sub(lambda found: _CHARACTERS[found[1]], _CONTROL.sub(lambda found: _shown(found, users), text))


def _shown(found: re.Match[str], users: Mapping[str, str]) -> str:
    sign, target, label = found[1], found[2], found[3]
    if sign == "@":
        return "@" + (users.get(target) or label or target)
    if sign == "#":
        return "#" + (label or target)
    if sign == "!":
        return label or "@" + target.partition("^")[0]
    return label or target.removeprefix("mailto:")


def _rich_text(text: str) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}
