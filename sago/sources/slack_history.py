"""What Slack's Web API tells of the past: channels, messages with their threads, and people.

Forms: docs.slack.dev/reference/methods/conversations.history, …/conversations.replies, …/users.conversations,
…/users.list; limits: docs.slack.dev/apis/web-api/rate-limits.

What cannot be found this way, and comes by the Events API alone: a message that was deleted (history leaves it out; a
deleted parent stands there as a `tombstone`, which says neither when nor what), an edit of what was said before the
window, or in a thread without a reply since the day of the last one, a reply to a parent that lies before the window,
unless a reply to it was broadcast to the channel. On a free plan Slack gives nothing that is older than 90 days.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sago.domain.connections import EVERY_CONTAINER, Connection, Stream, Window
from sago.errors import CursorExpiredError, InvalidMessageError, NotThereError, UnusableAnswerError
from sago.ports import Identity, Item, Page, Vendor, guarded
from sago.source_sections import SlackSettings
from sago.sources import slack, slack_events

HISTORY, REPLIES, LISTS = "conversations.history", "conversations.replies", "lists"
"""Names of limits: Slack counts each of the first two methods by itself; everything else we ask is of tier 2 or above,
20 a minute."""
LARGEST_LIST = 999
"""Objects a page of a list holds at most, by the documents of users.conversations and users.list."""
_MOMENT = timedelta(microseconds=1)
TRIES = 8
"""Windows that ask for a thread at which Slack fails, each once; the channel goes on meanwhile. After that the first
window of each further day asks for it."""
_SLACKBOT = "USLACKBOT"


class NoSuchThreadError(NotThereError):
    """The parent was deleted since the channel was read, and no reply is left."""


class FaultOfSlackError(UnusableAnswerError):
    """Slack failed at this one call, and says so itself: breakers take it for an answer."""


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
        profile = user.get("profile")
        address = profile.get("email") if isinstance(profile, Mapping) else None
        is_bot = user.get("is_bot") is True or user["id"] == _SLACKBOT
        yield Identity(user["id"], slack.user_name(user), address if isinstance(address, str) else "", is_bot)


def read_page(vendor: Vendor, stream: Stream, window: Window, size: int) -> Page:
    """One request: of the channel, newest first, or of the threads that its last page showed.

    The cursor holds `next`, where Slack says that the channel goes on; `threads`, the parents whose replies are read
    before that; `replies`, where the first of them goes on; `is_forgotten`, that Slack did not know that any more once;
    `seen`, the oldest message so far, and `latest`, the edge that `next` belongs to; `left_out`, threads that could not
    be read, each with the edge `from` which on and the `tries` so far; the mark keeps them for windows to come. Where
    Slack does not know `next` any more, the channel is read on from `seen`: hours of reading are not begun anew.
    """
    cursor = stream.cursor or {}
    if cursor.get("threads"):
        return _thread_page(vendor, stream, cursor, window, size)
    asked = _asked(stream.name, window, size, cursor.get("next"))
    latest = cursor.get("latest") or asked["latest"]
    try:
        body = vendor.get(HISTORY, asked | {"latest": latest}, limit=HISTORY)
    except CursorExpiredError:
        if not cursor.get("next") or not cursor.get("seen"):
            raise
        return Page((), {"latest": cursor["seen"], "seen": cursor["seen"], "left_out": _left_out(stream)})
    messages, left_out = _messages(body), _left_out(stream)
    seen = _oldest(messages) or cursor.get("seen")
    place = {"next": _next(body, cursor.get("next")), "latest": latest, "seen": seen, "left_out": left_out}
    is_of_another_day = stream.read_until is not None and stream.read_until.date() < window.end.date()
    again = [ts for ts, each in left_out.items() if is_of_another_day or each["tries"] < TRIES] if not cursor else []
    threads = list(dict.fromkeys([*again, *_threads(messages, window, stream)]))
    return _page(stream, messages, place | {"threads": threads})


def _thread_page(vendor: Vendor, stream: Stream, cursor: Mapping[str, Any], window: Window, size: int) -> Page:
    parent, *others = cursor["threads"]
    before = _left_out(stream)
    asked = _asked(stream.name, window, size, cursor.get("replies")) | {"ts": parent}
    known = before.get(parent, {"from": asked["oldest"], "tries": 0})
    asked |= {"oldest": known["from"]}
    read = {**cursor, "threads": others, "replies": None, "is_forgotten": False}
    read["left_out"] = {ts: each for ts, each in before.items() if ts != parent}
    unread = read | {"left_out": {**before, parent: known | {"tries": known["tries"] + 1}}}
    told = {"type": "message", "subtype": "thread_left_out", "thread_ts": parent}
    try:
        body = vendor.get(REPLIES, asked, limit=REPLIES)
    except NoSuchThreadError:
        return _page(stream, [], read)
    except CursorExpiredError:
        if not cursor.get("replies"):
            raise
        if cursor.get("is_forgotten"):
            return _page(stream, [told], unread)
        return _page(stream, [], {**cursor, "replies": None, "is_forgotten": True})
    except FaultOfSlackError:
        return _page(stream, [told], unread)
    # The parent comes first with each page, and what was broadcast stands in the channel as well.
    replies = [
        each for each in _messages(body) if each.get("ts") != parent and each.get("subtype") != "thread_broadcast"
    ]
    going_on = _next(body, cursor.get("replies"))
    return _page(stream, replies, {**cursor, "replies": going_on} if going_on else read)


def _page(stream: Stream, messages: Iterable[Mapping[str, Any]], cursor: dict[str, Any]) -> Page:
    said = [{**each, "channel": stream.name} for each in messages]
    items = tuple(guarded(Item(each, stream.name), partial(slack_events.item_of, each)) for each in said)
    if cursor.get("threads") or cursor.get("next"):
        return Page(items, cursor)
    left_out = cursor["left_out"]
    return Page(items, None, {"left_out": left_out} if left_out or stream.mark else None)


def _left_out(stream: Stream) -> dict[str, dict[str, Any]]:
    """Threads that could not be read: as the window has them, or those before it."""
    found: dict[str, dict[str, Any]] | None = (stream.cursor or {}).get("left_out")
    return found if found is not None else (stream.mark or {}).get("left_out", {})


def _asked(channel: str, window: Window, size: int, cursor: str | None) -> dict[str, str | int]:
    """Both edges are taken in or left out together at Slack: the last microsecond before the end is the edge."""
    edges = {"oldest": slack.to_ts(window.start), "latest": slack.to_ts(window.end - _MOMENT), "inclusive": "true"}
    return {"channel": channel, "limit": size, **edges, **({"cursor": cursor} if cursor else {})}


def _oldest(messages: Iterable[Mapping[str, Any]]) -> str | None:
    """The time stamp of the message that was said first."""
    found = []
    for each in messages:
        with suppress(InvalidMessageError):
            found.append((slack.from_ts(each.get("ts")), str(each["ts"])))
    return min(found)[1] if found else None


def _threads(messages: Iterable[Mapping[str, Any]], window: Window, stream: Stream) -> list[str]:
    """Parents with replies in the window, as far as the channel shows them: by themselves, or where they lie before
    the window by a reply that was broadcast. Those whose newest reply was read by the last whole look-back, which ended
    on the day of the last window or later, are left alone."""
    until = stream.read_until
    read_before = until and until.replace(hour=0, minute=0, second=0, microsecond=0)
    found: dict[str, None] = {}
    for each in messages:
        ts, parent = each.get("ts"), each.get("thread_ts")
        if not isinstance(parent, str):
            continue
        is_told = parent == ts and each.get("reply_count") and not _is_before(each.get("latest_reply"), read_before)
        if is_told or (parent != ts and _is_before(parent, window.start)):
            found[parent] = None
    return list(found)


def _is_before(ts: object, moment: datetime | None) -> bool:
    with suppress(InvalidMessageError):
        return ts is not None and moment is not None and slack.from_ts(ts) < moment
    return False


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
    """Every object of a list, page by page, as large as Slack has them: a large workspace is read within a minute."""
    cursor: str | None = None
    while True:
        params = {**asked, "limit": LARGEST_LIST, **({"cursor": cursor} if cursor else {})}
        body = vendor.get(method, params, limit=LISTS)
        found = body.get(key)
        if not isinstance(found, list):
            raise UnusableAnswerError(f"Slack answered {method} without {key}")
        yield from (each for each in found if isinstance(each, Mapping))
        cursor = _next(body, cursor)
        if cursor is None:
            return
