"""What Slack's Web API tells of the past: channels, messages with their threads, and people.

Forms: docs.slack.dev/reference/methods/conversations.history, …/conversations.replies, …/users.conversations,
…/users.list; limits: docs.slack.dev/apis/web-api/rate-limits.

What cannot be found this way, and comes by the Events API alone: a message that was deleted (history leaves it out; a
deleted parent stands there as a `tombstone`, which says neither when nor what), an edit of what was said before the
window, a reply to a parent that lies before the window, unless a reply to it was broadcast to the channel. On a free
plan Slack gives nothing that is older than 90 days.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from sago.domain.connections import EVERY_CONTAINER, Connection, Stream, Window
from sago.errors import InvalidMessageError, NotThereError, UnusableAnswerError
from sago.ports import Identity, Page, Vendor
from sago.source_sections import SlackSettings
from sago.sources import slack, slack_events

HISTORY, REPLIES, LISTS = "conversations.history", "conversations.replies", "lists"
"""Names of limits: Slack counts each of the first two methods by itself; everything else we ask is of tier 2 or above,
20 a minute."""
_MOMENT = timedelta(microseconds=1)
_SLACKBOT = "USLACKBOT"


class NoSuchThreadError(NotThereError):
    """The parent was deleted since the channel was read, and no reply is left."""


def limits_of(settings: SlackSettings) -> dict[str, int]:
    """Requests a minute of one workspace, by the name of the limit."""
    rate = 50 if settings.is_internal else 1
    return {HISTORY: rate, REPLIES: rate, LISTS: 20}


def page_size(settings: SlackSettings) -> int:
    """Messages a request of history or replies may ask for."""
    return 200 if settings.is_internal else 15


def estimate(messages: int, settings: SlackSettings, threads: int = 0) -> timedelta:
    """How long a back-fill takes by the limits alone. Each thread is a request too, of a limit of its own, so that the
    slower of the two counts."""
    requests = max(math.ceil(messages / page_size(settings)), threads)
    return timedelta(minutes=requests / limits_of(settings)[HISTORY])


def channels(connection: Connection, vendor: Vendor) -> list[str]:
    """Ids of the channels to read: those that are shared, or all that the app is in, private and archived ones too.

    A shared channel that the app is not in stays in the list: its stream then says how to mend it.
    """
    if EVERY_CONTAINER not in connection.containers:
        return sorted(set(connection.containers))
    asked = {"types": "public_channel,private_channel"}
    listed = _listed(vendor, "users.conversations", "channels", asked)
    return sorted({str(each["id"]) for each in listed if each.get("id")})


def people(vendor: Vendor) -> Iterator[Identity]:
    """Everyone in the workspace, those who left too; addresses need the scope users:read.email."""
    for user in _listed(vendor, "users.list", "members", {}):
        if not isinstance(user.get("id"), str):
            continue
        profile = user["profile"] if isinstance(user.get("profile"), Mapping) else {}
        said = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
        name = next((each for each in said if isinstance(each, str) and each), user["id"])
        address = profile.get("email")
        is_bot = user.get("is_bot") is True or user["id"] == _SLACKBOT
        yield Identity(user["id"], name, address if isinstance(address, str) else "", is_bot)


def read_page(vendor: Vendor, stream: Stream, window: Window, size: int) -> Page:
    """One request: of the channel, newest first, or of the threads that its last page showed.

    The cursor holds `next`, where the channel goes on; `threads`, the parents whose replies are to be read before;
    `replies`, where the first of them goes on.
    """
    cursor = stream.cursor or {}
    if cursor.get("threads"):
        return _thread_page(vendor, stream.name, cursor, window, size)
    body = vendor.get(HISTORY, _asked(stream.name, window, size, cursor.get("next")), limit=HISTORY)
    messages = _messages(body)
    going_on = _next(body, cursor.get("next"))
    return _page(stream.name, messages, {"next": going_on, "threads": _threads(messages, window)})


def _thread_page(vendor: Vendor, channel: str, cursor: Mapping[str, Any], window: Window, size: int) -> Page:
    parent, *others = cursor["threads"]
    asked = _asked(channel, window, size, cursor.get("replies")) | {"ts": parent}
    try:
        body = vendor.get(REPLIES, asked, limit=REPLIES)
    except NoSuchThreadError:
        return _page(channel, [], {"next": cursor.get("next"), "threads": others})
    # The parent comes first with each page, and what was broadcast stands in the channel as well.
    replies = [
        each for each in _messages(body) if each.get("ts") != parent and each.get("subtype") != "thread_broadcast"
    ]
    going_on = _next(body, cursor.get("replies"))
    rest = {"threads": cursor["threads"], "replies": going_on} if going_on else {"threads": others}
    return _page(channel, replies, {"next": cursor.get("next"), **rest})


def _page(channel: str, messages: Iterable[Mapping[str, Any]], cursor: dict[str, Any]) -> Page:
    items = tuple(slack_events.item_of({**each, "channel": channel}) for each in messages)
    return Page(items, cursor if cursor["threads"] or cursor["next"] else None)


def _asked(channel: str, window: Window, size: int, cursor: str | None) -> dict[str, str | int]:
    """Both edges are taken in or left out together at Slack: the last microsecond before the end is the edge."""
    edges = {"oldest": slack.to_ts(window.start), "latest": slack.to_ts(window.end - _MOMENT), "inclusive": "true"}
    return {"channel": channel, "limit": size, **edges, **({"cursor": cursor} if cursor else {})}


def _threads(messages: Iterable[Mapping[str, Any]], window: Window) -> list[str]:
    """Parents with replies in the window, as far as the channel shows them: by themselves, or where they lie before
    the window by a reply that was broadcast."""
    oldest = slack.to_ts(window.start)
    found: dict[str, None] = {}
    for each in messages:
        ts, parent = each.get("ts"), each.get("thread_ts")
        if not isinstance(parent, str) or not isinstance(ts, str):
            continue
        has_replies = parent == ts and each.get("reply_count") and _is_from(each.get("latest_reply"), oldest)
        if has_replies or (parent != ts and not _is_from(parent, oldest)):
            found[parent] = None
    return list(found)


def _is_from(ts: Any, oldest: str) -> bool:
    """Whether it is not before; what says nothing may be."""
    try:
        return slack.from_ts(ts) >= slack.from_ts(oldest)
    except InvalidMessageError:
        return True


def _messages(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The messages of an answer; what is none is kept as one that cannot be read, for the dead letters."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise UnusableAnswerError("Slack answered without messages")
    return [each if isinstance(each, Mapping) else {"type": "message", "unreadable": each} for each in messages]


def _next(body: Mapping[str, Any], asked: str | None) -> str | None:
    """Where the list goes on; raises UnusableAnswerError where it does, and nothing says where, or where it stands
    still."""
    metadata = body.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, Mapping) else None
    if cursor and isinstance(cursor, str):
        if cursor == asked:
            raise UnusableAnswerError("Slack gave the same page once more")
        return cursor
    if body.get("has_more"):
        raise UnusableAnswerError("Slack says that there is more and does not say where")
    return None


def _listed(vendor: Vendor, method: str, key: str, asked: Mapping[str, str | int]) -> Iterator[Mapping[str, Any]]:
    """Every object of a list, page by page."""
    cursor: str | None = None
    while True:
        params = {**asked, "limit": 200, **({"cursor": cursor} if cursor else {})}
        body = vendor.get(method, params, limit=LISTS)
        found = body.get(key)
        if not isinstance(found, list):
            raise UnusableAnswerError(f"Slack answered {method} without {key}")
        yield from (each for each in found if isinstance(each, Mapping))
        cursor = _next(body, cursor)
        if cursor is None:
            return
