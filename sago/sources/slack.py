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

from sago.domain.json_words import in_json
from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.sources import slack_subtypes
from sago.sources.slack_text import escape, shown
from sago.sources.slack_words import has_words, why_wordless, without_quotes, words_of

SOURCE = "slack"
IMPORT_TEAM = "T0000IMPORT"
CHANGED = "message_changed"
DELETED = "message_deleted"
TOMBSTONE = "tombstone"
"""Stands where a message was that has replies; as a change it is the deletion."""
KEPT = ("type", "subtype", "channel", "channel_type", "team", "ts", "event_ts", "deleted_ts", "thread_ts")
"""Of the payload of a deletion."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TS = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?")


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
        "text": escape(text),
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

    An edit's version is its time in µs, a deletion's likewise; an edit that leaves no word is a deletion. Raises
    InvalidMessageError, also for what `ignored` names.
    """
    event = unwrap(payload)
    reason = ignored(event)
    if reason is not None:
        raise InvalidMessageError(f"not a message: {reason}", field="text" if reason == why_wordless(event) else "type")
    if event.get("subtype") == DELETED:
        return _deletion(event, company_id)
    if event.get("subtype") == CHANGED:
        return _change(event, company_id, users or {})
    return _message(event, company_id, users or {})


def unwrap(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event inside an Events API envelope, with the envelope's team; anything else as it is."""
    inner = payload.get("event")
    if payload.get("type") == "event_callback" and isinstance(inner, Mapping):
        return {"team": payload.get("team_id"), **inner}
    return payload


def ignored(payload: Mapping[str, Any]) -> str | None:
    """Why a payload is left out on purpose, without content, or None where it is a message to take."""
    event = unwrap(payload)
    if event.get("type") != "message":
        return f"type {slack_subtypes.label(event.get('type'))}"
    if event.get("subtype") == DELETED:
        return None
    if event.get("subtype") == CHANGED:
        return _unchanged(event)
    if reason := _left_out(event):
        return reason
    says = has_words(event) or _edited(event) or event.get("team") == IMPORT_TEAM
    return None if says else why_wordless(event)


def user_name(user: Mapping[str, Any]) -> str:
    """The name a workspace shows for a user of `users.list` or of an export, as Slack chooses it; else the id."""
    profile = user.get("profile")
    said = profile if isinstance(profile, Mapping) else {}
    return _first(
        *(said.get("display_name"), said.get("real_name")),
        *(user.get("real_name"), user.get("name"), user.get("id")),
    )


def _left_out(message: Mapping[str, Any]) -> str | None:
    if message.get("is_ephemeral"):
        return "shown to one person alone"
    if message.get("streaming_state") == "in_progress":
        return "an app is still writing it"
    return slack_subtypes.ignored(message)


def _unchanged(event: Mapping[str, Any]) -> str | None:
    inner = event.get("message")
    if not isinstance(inner, Mapping):
        return "a change without its message"
    if inner.get("subtype") == TOMBSTONE:
        return None
    if reason := _left_out(inner):
        return reason
    before = event.get("previous_message")
    if _is_marked(event) or not isinstance(before, Mapping) or words_of(before, {}) != words_of(inner, {}):
        return None
    return "a change of no word (an unfurled link)"


def _is_marked(event: Mapping[str, Any]) -> bool:
    """Whether a change has a mark of its own, `edited`: what an app changes, or Slack, may have none."""
    inner, before = event["message"], event.get("previous_message")
    edited = _edited(inner)
    return bool(edited) and (not isinstance(before, Mapping) or _edited(before) != edited)


def _edited(message: Mapping[str, Any]) -> Any:
    """The time stamp of the last edit, or None."""
    edited = message.get("edited")
    return edited.get("ts") if isinstance(edited, Mapping) else None


def to_ts(moment: datetime) -> str:
    """Slack's time stamp: seconds since the epoch with six decimals."""
    seconds, micro = divmod((moment - _EPOCH) // _MICROSECOND, 1_000_000)
    return f"{seconds}.{micro:06d}"


def from_ts(ts: Any) -> datetime:
    """The moment of a time stamp, without a float in between; raises InvalidMessageError."""
    said = str(ts) if isinstance(ts, str | int | float) else ""
    found = _TS.fullmatch(said)
    if found is None:
        shown_as = in_json(said[:40] or ts)
        raise InvalidMessageError(f"ts {shown_as} is not a Slack time stamp", field="ts")
    try:
        return _EPOCH + timedelta(seconds=int(found[1]), microseconds=int((found[2] or "0").ljust(6, "0")))
    except OverflowError as error:
        raise InvalidMessageError(f"ts {said[:40]!r} is out of range", field="ts") from error


def _change(event: Mapping[str, Any], company_id: str, users: Mapping[str, str]) -> Message:
    """The message as it is now; without a mark of its own a change is as old as its event."""
    message = {"channel": event.get("channel"), "team": event.get("team"), **event["message"]}
    if message.get("subtype") == TOMBSTONE:
        return _deletion({**event, "deleted_ts": message.get("ts")}, company_id)
    return _message(message, company_id, users, None if _is_marked(event) else event.get("event_ts", event.get("ts")))


def _message(event: Mapping[str, Any], company_id: str, users: Mapping[str, str], changed: Any = None) -> Message:
    changed = changed or _edited(event)
    edited_at = from_ts(changed) if changed else None
    text = _text(event, users)
    if edited_at and not text.strip():
        return _gone(event, company_id, event.get("ts"), edited_at, _sender(event, users))
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
            "raw": without_quotes(event),
        }
    )


def _text(event: Mapping[str, Any], users: Mapping[str, str]) -> str:
    """Of a row of our own files what it says, to the letter."""
    written = event.get("text")
    if event.get("team") == IMPORT_TEAM and isinstance(written, str) and written:
        return shown(written, users)
    return words_of(event, users)


def _deletion(event: Mapping[str, Any], company_id: str) -> Message:
    previous = event.get("previous_message")
    before = previous if isinstance(previous, Mapping) else {}
    deleted_ts = event.get("deleted_ts", before.get("ts"))
    gone_at = from_ts(event.get("event_ts", event.get("ts")))
    return _gone({**before, **event}, company_id, deleted_ts, gone_at, _sender(before, {}))


def _gone(event: Mapping[str, Any], company_id: str, ts: Any, gone_at: datetime, sender: str) -> Message:
    return Message.parse(
        {
            "id": f"{SOURCE}:{_native_id(event, ts)}",
            "version": _version(gone_at),
            "company_id": company_id,
            "source": SOURCE,
            "sender": sender,
            "sent_at": from_ts(ts),
            "edited_at": gone_at,
            "deleted": True,
            "text": "",
            # A deletion repeats the text that was deleted, in more than one place: it must not be kept.
            "raw": {key: event[key] for key in KEPT if isinstance(event.get(key), str)},
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
    """The name people know the writer by, else the id Slack gives. An app's is the one its message shows."""
    user, bot = event.get("user"), event.get("bot_id")
    known = [users.get(each) for each in (user, bot) if isinstance(each, str)]
    person = _named(event, "user_profile", ("display_name", "real_name", "name"))
    app = [event.get("username"), _named(event, "bot_profile", ("name",))]
    return _first(*((*app, *known) if bot else (*known, person, *reversed(app))), user, bot)


def _named(event: Mapping[str, Any], profile: str, keys: tuple[str, ...]) -> str:
    said = event.get(profile)
    return _first(*(said.get(key) for key in keys)) if isinstance(said, Mapping) else ""


def _first(*values: object) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")


def _rich_text(text: str) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}
