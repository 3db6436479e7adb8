"""Where a stored message was said, read from its id and its source's own payload."""

from __future__ import annotations

from collections.abc import Mapping

from sago.domain.messages import Message
from sago.domain.readings import Conversation
from sago.sources import slack
from sago.sources.slack_events import DIRECT


def conversation_of(message: Message) -> Conversation:
    """Its channel, where its source has some, and its thread: that of a message which began one is named by itself."""
    if message.source != slack.SOURCE:
        return Conversation(None, message.thread_id or message.native_id)
    payload = slack.unwrap(message.raw)
    inner, _, ts = message.native_id.rpartition(":")
    channel = _id_of(payload.get("channel")) or inner or None
    is_direct = payload.get("channel_type") in DIRECT or (channel or "").startswith("D")
    return Conversation(channel, message.thread_id or ts, is_direct)


def _id_of(channel: object) -> str | None:
    named = channel.get("id") if isinstance(channel, Mapping) else channel
    return named if isinstance(named, str) and named else None
