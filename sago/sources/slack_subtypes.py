"""Which messages of Slack are taken, by their subtype (docs.slack.dev/reference/events/message, section "Message
subtypes", and those that only real payloads show).

`message_changed` and `message_deleted` are told in `slack`: they are about another message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sago.sources.slack_words import has_words

TAKEN = frozenset(
    {
        *("bot_message", "file_comment", "file_share", "me_message", "thread_broadcast"),
        *("slack_audio", "slack_image", "slack_video"),
    }
)
"""What a person or an app says; files are listed, not read."""
_NOTICE = "a notice"
_NO_ONE = "written by Slack"
_ELSEWHERE = "what it points to comes by itself"
IGNORED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("channel_archive", "channel_convert_to_private", "channel_convert_to_public", "channel_join"),
            *("channel_leave", "channel_name", "channel_posting_permissions", "channel_purpose", "channel_topic"),
            *("channel_unarchive", "group_archive", "group_join", "group_leave", "group_name", "group_purpose"),
            *("group_topic", "group_unarchive", "app_conversation_join", "app_conversation_leave", "bot_add"),
            *("bot_disable", "bot_enable", "bot_remove", "joiner_notification", "joiner_notification_for_inviter"),
            *("pinned_item", "unpinned_item", "reminder_add", "reminder_delete", "emoji_changed"),
            *("huddle_thread", "sh_room_created", "sh_room_shared", "share_shortcut"),
            *("canvas_sharing_message", "channel_canvas_updated", "tabbed_canvas_updated", "document_mention"),
            *("file_mention", "file_created", "file_changed", "file_deleted", "file_shared", "file_unshared"),
            *("file_public", "assistant_app_thread"),
        ),
        _NOTICE,
    ),
    "slackbot_response": _NO_ONE,
    "document_comment_root": "a section of a canvas",
    "message_replied": _ELSEWHERE,
    "reply_broadcast": _ELSEWHERE,
    "ekm_access_denied": "withheld by Slack, its key is revoked",
    "tombstone": "deleted before it was read",
    "thread_left_out": "Slack failed at its replies",
}
"""Why each of the others is left out on purpose."""
_SLACKBOT = "USLACKBOT"
_FORM = re.compile(r"[a-z][a-z0-9_]{0,39}")


def ignored(message: Mapping[str, Any]) -> str | None:
    """Why a message is left out by its subtype; None: it is to be taken. One of a subtype nobody knows is taken where a
    person says something in it."""
    subtype = message.get("subtype")
    if subtype is None or subtype == "":
        return None
    if not isinstance(subtype, str):
        return "subtype is no text"
    if subtype in TAKEN:
        return None
    if subtype in IGNORED:
        return f"subtype {subtype}: {IGNORED[subtype]}"
    return None if _is_a_persons(message) else f"subtype {label(subtype)}: not known, and no person's words"


def label(name: object) -> str:
    """A name of Slack's as it may be counted: nothing that anyone wrote."""
    return name if isinstance(name, str) and _FORM.fullmatch(name) else "of no known form"


def _is_a_persons(message: Mapping[str, Any]) -> bool:
    user = message.get("user")
    is_person = isinstance(user, str) and user != "" and user != _SLACKBOT and not message.get("bot_id")
    return is_person and has_words(message)
