"""The methods of Slack's Web API that Sago uses, over a workspace in memory: arguments, paging and errors as
docs.slack.dev/reference/methods/ tells them of each."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tests.canaries import CLIENT_SECRET, SLACK_TOKEN, slack_refresh, slack_token
from tests.standins.slack_workspace import Channel, Fields, Workspace, moment_of

CLIENT_ID, SIGNING_SECRET = "1234.5678", "8f742231b10e8888abcd99yyyzzz85a5"
SCOPES = (
    "channels:history",
    "channels:read",
    "groups:history",
    "groups:read",
    "users:read",
    "users:read.email",
    "team:read",
)
LASTS = 43200
"""Seconds of a token that rotates."""


class SlackError(Exception):
    """`{"ok": false, "error": …}` with what else stands beside it."""

    def __init__(self, name: str, **more: Any) -> None:
        super().__init__(name)
        self.body = {"ok": False, "error": name, **more}


@dataclass
class Methods:
    """Each method is asked with its arguments, and answers with its object or raises SlackError."""

    workspace: Workspace
    most: int = 15
    """Messages a page of history or replies holds: 15 outside the marketplace, else 999."""
    rotates: bool = False
    """Whether tokens end and are renewed."""
    scopes: tuple[str, ...] = SCOPES
    tokens: dict[str, str] = field(default_factory=lambda: {SLACK_TOKEN: "active"})
    """Access token → active, token_expired, token_revoked or account_inactive."""
    codes: set[str] = field(default_factory=set)
    refreshes: set[str] = field(default_factory=set)
    _issued: int = 0

    def call(self, method: str, asked: Mapping[str, str], token: str) -> Fields:
        """What a request is answered with."""
        found: Callable[[Mapping[str, str]], Fields] | None = getattr(self, "_" + method.replace(".", "_"), None)
        if found is None or "." not in method:
            raise SlackError("unknown_method", req_method=method)
        if method != "oauth.v2.access":
            self._check(token)
        with self.workspace.lock:
            return {"ok": True, **found(asked)}

    def expire_tokens(self) -> None:
        """Every token ends now."""
        self.tokens = dict.fromkeys(self.tokens, "token_expired")

    def _check(self, token: str) -> None:
        if not token:
            raise SlackError("not_authed")
        state = self.tokens.get(token, "invalid_auth")
        if state != "active":
            raise SlackError(state)

    def _needs(self, scope: str) -> None:
        if scope not in self.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(self.scopes))

    def _oauth_v2_access(self, asked: Mapping[str, str]) -> Fields:
        if asked.get("client_id") != CLIENT_ID:
            raise SlackError("invalid_client_id")
        if asked.get("client_secret") != CLIENT_SECRET:
            raise SlackError("bad_client_secret")
        kept, given, error = self.codes, asked.get("code", ""), "invalid_code"
        if asked.get("grant_type") == "refresh_token":
            kept, given, error = self.refreshes, asked.get("refresh_token", ""), "invalid_refresh_token"
        if given not in kept:
            raise SlackError(error)
        kept.remove(given)
        return self._grant()

    def _grant(self) -> Fields:
        self._issued += 1
        access = f"{'xoxe.' if self.rotates else ''}{slack_token(f'{self._issued}')}"
        self.tokens[access] = "active"
        granted = {
            "app_id": "A0STANDIN1",
            "authed_user": {"id": "U0PERSON1"},
            "scope": ",".join(self.scopes),
            "token_type": "bot",
            "access_token": access,
            "bot_user_id": self.workspace.bot,
            "team": {"id": self.workspace.team, "name": self.workspace.name},
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if self.rotates:
            self.refreshes.add(slack_refresh(f"{self._issued}"))
            granted |= {"refresh_token": slack_refresh(f"{self._issued}"), "expires_in": LASTS}
        return granted

    def _auth_test(self, asked: Mapping[str, str]) -> Fields:
        team = {"url": "https://standin.slack.test/", "team": self.workspace.name, "team_id": self.workspace.team}
        return {
            **team,
            "user": "sago",
            "user_id": self.workspace.bot,
            "bot_id": "B0SAGO",
            "is_enterprise_install": False,
        }

    def _auth_revoke(self, asked: Mapping[str, str]) -> Fields:
        self.tokens = dict.fromkeys(self.tokens, "token_revoked")
        return {"revoked": True}

    def _team_info(self, asked: Mapping[str, str]) -> Fields:
        self._needs("team:read")
        return {"team": {"id": self.workspace.team, "name": self.workspace.name, "domain": "standin"}}

    def _users_list(self, asked: Mapping[str, str]) -> Fields:
        self._needs("users:read")
        members = [dict(self.workspace.users[user]) for user in sorted(self.workspace.users)]
        if "users:read.email" not in self.scopes:
            members = [{**each, "profile": {**each["profile"], "email": None}} for each in members]
        shown, cursor = _by_name(members, asked, "user")
        return {"members": shown, "cache_ts": 1498777272, "response_metadata": {"next_cursor": cursor}}

    def _users_conversations(self, asked: Mapping[str, str]) -> Fields:
        listed = self._channels(asked, lambda channel: channel.is_member)
        for each in listed["channels"]:
            del each["is_member"]
        return listed

    def _conversations_list(self, asked: Mapping[str, str]) -> Fields:
        return self._channels(asked, lambda channel: channel.is_member or not channel.is_private)

    def _channels(self, asked: Mapping[str, str], is_seen: Callable[[Channel], bool]) -> Fields:
        kinds = asked.get("types", "public_channel").split(",")
        for kind, scope in (("public_channel", "channels:read"), ("private_channel", "groups:read")):
            if kind in kinds:
                self._needs(scope)
        leaves_out = asked.get("exclude_archived") == "true"
        found = [
            channel.described()
            for _, channel in sorted(self.workspace.channels.items())
            if is_seen(channel)
            and ("private_channel" if channel.is_private else "public_channel") in kinds
            and not (leaves_out and channel.is_archived)
        ]
        shown, cursor = _by_name(found, asked, "team")
        return {"channels": shown, "response_metadata": {"next_cursor": cursor}}

    def _conversations_info(self, asked: Mapping[str, str]) -> Fields:
        return {"channel": self._channel(asked, "read").described()}

    def _conversations_history(self, asked: Mapping[str, str]) -> Fields:
        channel = self._readable(asked)
        after = _cursor(asked, "next_ts")

        def is_wanted(ts: str) -> bool:
            return _is_between(ts, asked) and (not after or moment_of(ts) <= moment_of(after))

        most = min(_limit(asked, 100), self.most) + 1
        found = list(islice(self.workspace.history(channel.id, is_wanted), most))
        return {**self._page(found, asked), "pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}

    def _conversations_replies(self, asked: Mapping[str, str]) -> Fields:
        channel = self._readable(asked)
        named = channel.messages.get(asked.get("ts", ""))
        if named is None:
            raise SlackError("thread_not_found")
        root = channel.messages[named.get("thread_ts", named["ts"])]
        found = [dict(each) for each in channel.thread(root["ts"]) if _is_between(each["ts"], asked)]
        after = _cursor(asked, "next_ts")
        if after:
            found = [each for each in found if moment_of(each["ts"]) >= moment_of(after)]
        page = self._page(found, asked)
        return {**page, "messages": [dict(root), *page["messages"]]}

    def _page(self, found: Sequence[Fields], asked: Mapping[str, str]) -> Fields:
        size = min(_limit(asked, 100), self.most)
        page: Fields = {"messages": list(found[:size]), "has_more": len(found) > size}
        if page["has_more"]:
            page["response_metadata"] = {"next_cursor": _encoded("next_ts", found[size]["ts"])}
        return page

    def _readable(self, asked: Mapping[str, str]) -> Channel:
        channel = self._channel(asked, "history")
        if not channel.is_member:
            raise SlackError("not_in_channel")
        return channel

    def _channel(self, asked: Mapping[str, str], right: str) -> Channel:
        channel = self.workspace.channels.get(asked.get("channel", ""))
        if channel is None or (channel.is_private and not channel.is_member):
            raise SlackError("channel_not_found")
        self._needs(f"{'groups' if channel.is_private else 'channels'}:{right}")
        return channel


def _limit(asked: Mapping[str, str], usual: int) -> int:
    said = asked.get("limit", str(usual))
    if not said.isdigit() or not 1 <= int(said) <= 1000:
        raise SlackError("invalid_limit")
    return int(said)


def _is_between(ts: str, asked: Mapping[str, str]) -> bool:
    """Both edges are out, unless `inclusive` takes them in."""
    moment = moment_of(ts)
    oldest, latest = (moment_of(asked[key]) if asked.get(key) else None for key in ("oldest", "latest"))
    if asked.get("inclusive") in ("true", "1"):
        return (oldest is None or moment >= oldest) and (latest is None or moment <= latest)
    return (oldest is None or moment > oldest) and (latest is None or moment < latest)


def _by_name(found: Sequence[Fields], asked: Mapping[str, str], word: str) -> tuple[list[Fields], str]:
    """A page of what is sorted by id, and the cursor of the next."""
    after = _cursor(asked, word)
    rest = [each for each in found if each["id"] >= after]
    size = _limit(asked, 100)
    return list(rest[:size]), _encoded(word, rest[size]["id"]) if len(rest) > size else ""


def _encoded(word: str, value: str) -> str:
    return base64.b64encode(f"{word}:{value}".encode()).decode()


def _cursor(asked: Mapping[str, str], word: str) -> str:
    if not asked.get("cursor"):
        return ""
    try:
        said, _, value = base64.b64decode(asked["cursor"], validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
    if said != word:
        raise SlackError("invalid_cursor")
    return value
