"""Connecting a Slack workspace: the app, its manifest, who and which channels a token reaches.

Forms: docs.slack.dev/reference/app-manifest, …/authentication/installing-with-oauth, …/reference/methods/auth.test,
team.info, conversations.list, auth.revoke. Slack sends browsers to https addresses only; a redirect to localhost may
not ask for bot scopes (docs.slack.dev/changelog/2026/03/30/pkce).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import yaml

from sago.domain.connections import Token
from sago.errors import AccountRefusedError, ConfigError, UsageError
from sago.ports import Vendor
from sago.source_sections import SlackSettings
from sago.sources.accounts import Account, Choice, rows
from sago.sources.oauth import App
from sago.sources.slack_errors import judge
from sago.sources.slack_history import estimate
from sago.sources.visits import Visit

SCOPES = (
    "channels:history",
    "channels:read",
    "groups:history",
    "groups:read",
    "users:read",
    "users:read.email",
    "team:read",
)
EVENTS = ("message.channels", "message.groups")
WEBHOOK = "/api/v1/data-flow/webhook/slack"
PAGE = 1000


class SlackAccounts:
    """The `Accounts` of Slack."""

    vendor = "Slack"
    container = "channel"
    taken_back_at = "slack.com/apps/manage, the app, Remove App"

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self.api_url = settings.api_url
        ours = "" if settings.is_internal else "SAGO_SLACK__IS_INTERNAL=true where the app is the workspace's own, or "
        self.faster = f"{ours}an export file, `sago run export.zip`"

    def app(self) -> App:
        settings = self._settings
        if settings.client_id is None or settings.client_secret is None:
            raise ConfigError(
                "slack.client_id and SAGO_SLACK__CLIENT_SECRET: the browser way needs both; they stand at "
                "api.slack.com/apps under Basic Information. Or paste a token: `sago connect slack`"
            )
        return App(
            vendor=self.vendor,
            authorize_url=settings.authorize_url,
            token_url=settings.api_url.rstrip("/") + "/oauth.v2.access",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            scopes=SCOPES,
            separator=",",
            settings="slack.client_id and SAGO_SLACK__CLIENT_SECRET",
        )

    def who(self, visit: Visit) -> Account:
        me = visit.get("auth.test")
        if visit.granted and (missing := [scope for scope in SCOPES if scope not in visit.granted]):
            raise UsageError(
                f"the token lacks {', '.join(missing)}: add them under OAuth & Permissions (or take the manifest of "
                "`sago connect slack --manifest`), install the app again, and use its new token"
            )
        if not me.get("bot_id"):
            raise UsageError("this is not a bot's token: copy the Bot User OAuth Token, which begins with xoxb-")
        team = me.get("team_id")
        if not isinstance(team, str) or not team:
            raise UsageError("the token is of no workspace: install the app into one, not into the organization")
        return Account(team, str(visit.get("team.info").get("team", {}).get("name") or me.get("team") or team))

    def estimate(self, messages: int) -> timedelta:
        return estimate(messages, self._settings)

    def choices(self, vendor: Vendor) -> list[Choice]:
        found, cursor = [], ""
        while True:
            asked: dict[str, str | int] = {
                "types": "public_channel,private_channel",
                "exclude_archived": "true",
                "limit": PAGE,
            }
            told = vendor.get("conversations.list", asked | ({"cursor": cursor} if cursor else {}))
            found += [_choice(row) for row in rows(told, "channels") if row.get("id")]
            following = str((told.get("response_metadata") or {}).get("next_cursor") or "")
            if not following or following == cursor:
                return sorted(found, key=lambda each: (bool(each.problem), each.name))
            cursor = following

    def revoke(self, token: Token) -> None:
        with suppress(AccountRefusedError):  # it is of no use any more already
            Visit(self.vendor, self.api_url, token, judge).get("auth.revoke")


def manifest(url: str | None) -> str:
    """The app's manifest in YAML; with the address under which the API is reached from outside Slack pushes too."""
    settings: dict[str, Any] = {
        "org_deploy_enabled": False,
        "socket_mode_enabled": False,
        "token_rotation_enabled": False,
    }
    if url:
        settings["event_subscriptions"] = {"request_url": url.rstrip("/") + WEBHOOK, "bot_events": list(EVENTS)}
    written = {
        "display_information": {"name": "Sago", "description": "Reads the channels it is invited to. Never writes."},
        "features": {"bot_user": {"display_name": "sago", "always_online": False}},
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": settings,
    }
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True)


def _choice(row: Any) -> Choice:
    name = str(row.get("name") or row["id"])
    problem = "" if row.get("is_member") else f"the bot is not in it: `/invite @sago` in #{name}"
    return Choice(str(row["id"]), name, problem)
