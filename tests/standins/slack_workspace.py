"""A Slack workspace in memory: people, channels, messages, threads, edits and deletions, and the event that Slack sends
for each change. Forms: docs.slack.dev/reference/events/message and its subtypes, …/reference/objects/."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

Fields = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)
THREAD = ("thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply", "subscribed", "is_locked")


def ts_of(moment: datetime) -> str:
    """As Slack names a moment: seconds with six decimals."""
    seconds, micro = divmod((moment - _EPOCH) // _MOMENT, 1_000_000)
    return f"{seconds}.{micro:06d}"


@lru_cache(maxsize=100_000)
def moment_of(ts: str) -> datetime:
    """The moment of a time stamp."""
    seconds, _, micro = ts.partition(".")
    return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(micro.ljust(6, "0")))


@dataclass
class Channel:
    """A channel with all its messages by ts, replies among them."""

    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    is_member: bool = True
    """Whether the app is in it."""
    is_shared: bool = False
    """With another workspace."""
    messages: dict[str, Fields] = field(default_factory=dict)

    def shown(self) -> list[Fields]:
        """What the channel itself shows: no replies but those that were broadcast; oldest first."""
        found = [each for each in self.messages.values() if is_in_channel(each)]
        return sorted(found, key=lambda each: moment_of(each["ts"]))

    def thread(self, root: str) -> list[Fields]:
        """The replies to a parent, oldest first."""
        found = [each for each in self.messages.values() if each.get("thread_ts") == root and each["ts"] != root]
        return sorted(found, key=lambda each: moment_of(each["ts"]))

    def described(self) -> Fields:
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_general": False,
            "is_shared": self.is_shared,
            "is_ext_shared": self.is_shared,
            "is_org_shared": False,
            "is_member": self.is_member,
            "created": 1449252889,
            "unlinked": 0,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }


def is_in_channel(message: Fields) -> bool:
    """Whether the channel itself shows it."""
    return message.get("thread_ts", message["ts"]) == message["ts"] or message.get("subtype") == "thread_broadcast"


class Workspace:
    """One team. Every change gives the event that Slack sends for it. Thread-safe."""

    def __init__(self, team: str = "T0STANDIN1", name: str = "Stand-in", bot: str = "U0SAGOBOT") -> None:
        self.team, self.name, self.bot = team, name, bot
        self.users: dict[str, Fields] = {}
        self.channels: dict[str, Channel] = {}
        self.lock = threading.RLock()
        self.add_user(bot, "sago", is_bot=True)

    def add_user(self, user: str, name: str, email: str = "", *, is_bot: bool = False, deleted: bool = False) -> str:
        """A person or a bot; `name` is shown."""
        profile = {"display_name": name, "real_name": name.title(), "team": self.team}
        self.users[user] = {
            "id": user,
            "team_id": self.team,
            "name": name.lower().replace(" ", "."),
            "deleted": deleted,
            "real_name": name.title(),
            "profile": profile | ({"email": email} if email else {}),
            "is_bot": is_bot,
            "is_app_user": False,
            "updated": 1502138686,
        }
        return user

    def add_channel(self, channel: str, name: str = "", **flags: bool) -> Channel:
        """A channel the app is in, unless `is_member` says otherwise."""
        with self.lock:
            self.channels[channel] = Channel(channel, name or channel.lower(), **flags)
            return self.channels[channel]

    def post(
        self,
        channel: str,
        user: str,
        text: str,
        at: datetime,
        *,
        thread: str | None = None,
        broadcast: bool = False,
        **more: Any,
    ) -> Fields:
        """A message, or with `thread` a reply; `more` are fields of its own (`subtype`, `bot_id`, `files`)."""
        with self.lock:
            held = self.channels[channel].messages
            while ts_of(at) in held:
                at += _MOMENT
            message: Fields = {
                "type": "message",
                "user": user,
                "text": text,
                "ts": ts_of(at),
                "team": self.team,
                **more,
            }
            if thread:
                message |= {"thread_ts": thread, "parent_user_id": held[thread]["user"]}
                message |= {"subtype": "thread_broadcast"} if broadcast else {}
            held[message["ts"]] = message
            if thread:
                self._count(channel, thread)
            return self._event(channel, self._seen(channel, message), message["ts"])

    def edit(self, channel: str, ts: str, text: str, at: datetime) -> Fields:
        """Another text for a message."""
        with self.lock:
            message = self.channels[channel].messages[ts]
            before = dict(message)
            message |= {"text": text, "edited": {"user": message["user"], "ts": ts_of(at)}}
            change = {"message": dict(message), "previous_message": before}
            return self._event(channel, {**self._hidden("message_changed", at), **change}, ts_of(at))

    def delete(self, channel: str, ts: str, at: datetime) -> Fields:
        """A deletion; a parent with replies stays as a tombstone, which Slack tells of as a change."""
        with self.lock:
            messages = self.channels[channel].messages
            before = messages.pop(ts)
            if before.get("reply_count"):
                stone = {"type": "message", "subtype": "tombstone", "text": "This message was deleted.", "ts": ts}
                stone |= {"user": "USLACKBOT", "hidden": True, **{key: before[key] for key in THREAD if key in before}}
                messages[ts] = stone
                change = {"message": dict(stone), "previous_message": before}
                return self._event(channel, {**self._hidden("message_changed", at), **change}, ts_of(at))
            if before.get("thread_ts", ts) != ts:
                self._count(channel, before["thread_ts"])
            gone = {"deleted_ts": ts, "previous_message": before}
            return self._event(channel, {**self._hidden("message_deleted", at), **gone}, ts_of(at))

    def unfurl(self, channel: str, ts: str, at: datetime) -> Fields:
        """A preview that Slack adds to a message with a link: a change that no person made."""
        with self.lock:
            message = self.channels[channel].messages[ts]
            before = dict(message)
            message["attachments"] = [{"id": 1, "from_url": "https://a.test", "title": "There", "text": "A page"}]
            change = {"message": dict(message), "previous_message": before}
            return self._event(channel, {**self._hidden("message_changed", at), **change}, ts_of(at))

    def remove_channel(self, channel: str) -> None:
        """Gone, as one that was deleted, or left."""
        with self.lock:
            del self.channels[channel]

    def _count(self, channel: str, root: str) -> None:
        """Write into a parent what its thread holds."""
        replies = self.channels[channel].thread(root)
        parent = self.channels[channel].messages[root]
        for key in THREAD:
            parent.pop(key, None)
        if replies:
            writers = list(dict.fromkeys(each["user"] for each in replies))
            parent |= {"thread_ts": root, "reply_count": len(replies), "reply_users": writers[:5]}
            parent |= {"reply_users_count": len(writers), "latest_reply": replies[-1]["ts"]}
            parent |= {"subscribed": False, "is_locked": False}

    def _seen(self, channel: str, message: Fields) -> Fields:
        """A message as `conversations.history` shows it: a broadcast reply has its parent's copy."""
        if message.get("subtype") != "thread_broadcast":
            return dict(message)
        return {**message, "root": dict(self.channels[channel].messages[message["thread_ts"]])}

    def history(self, channel: str, is_wanted: Callable[[str], bool]) -> Iterator[Fields]:
        """What the channel shows, newest first, of the time stamps that are wanted."""
        for each in reversed(self.channels[channel].shown()):
            if is_wanted(each["ts"]):
                yield self._seen(channel, each)

    def _hidden(self, subtype: str, at: datetime) -> Fields:
        return {"type": "message", "subtype": subtype, "hidden": True, "ts": ts_of(at)}

    def _event(self, channel: str, message: Fields, event_ts: str) -> Fields:
        kind = "group" if self.channels[channel].is_private else "channel"
        return {**message, "channel": channel, "channel_type": kind, "event_ts": event_ts}


def fill(workspace: Workspace, channel: str, messages: int, until: datetime, seed: int = 7) -> list[Fields]:
    """So many messages in a channel, one every few minutes up to a moment: people and bots, a third of them replies,
    some broadcast, some edited, a few deleted. Gives every event in the order it happened."""
    chance = Random(seed)  # noqa: S311 - invented messages, no secret
    people = [
        workspace.add_user(f"U0PERSON{number}", f"Person {number}", f"p{number}@a.test") for number in range(1, 8)
    ]
    at = until - timedelta(minutes=5 * messages + 60)
    events: list[Fields] = []
    roots: list[str] = []
    for number in range(messages):
        at += timedelta(minutes=5, microseconds=chance.randrange(900_000))
        thread = chance.choice(roots[-20:]) if roots and chance.random() < 0.35 else None
        more: Fields = {}
        if chance.random() < 0.1:
            more = {"subtype": "bot_message", "bot_id": "B0STANDIN1", "username": "Deploys"} if not thread else {}
        user, text = chance.choice(people), f"Message {number} of {channel}: all is well & <https://a.test|there>"
        is_broadcast = thread is not None and chance.random() < 0.15
        events.append(workspace.post(channel, user, text, at, thread=thread, broadcast=is_broadcast, **more))
        ts = events[-1]["ts"]
        if not thread:
            roots.append(ts)
        if chance.random() < 0.05:
            events.append(workspace.edit(channel, ts, f"{text}, as was found later", at + timedelta(minutes=1)))
        elif chance.random() < 0.05:
            events.append(workspace.unfurl(channel, ts, at + timedelta(seconds=2)))
        elif chance.random() < 0.02:
            gone = chance.choice([ts, *roots[-20:]])
            events.append(workspace.delete(channel, gone, at + timedelta(minutes=2)))
            roots = [each for each in roots if each != gone]
    return events
