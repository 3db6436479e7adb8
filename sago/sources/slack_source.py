"""Slack as a source of the platform: what it pushes (`slack_events`), what it tells when asked (`slack_history`), and
tokens that rotate (docs.slack.dev/authentication/using-token-rotation)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from sago.domain.connections import Connection, Stream, Token, Window
from sago.domain.messages import Message
from sago.errors import AccountRefusedError, ConfigError, UnusableAnswerError
from sago.ports import Delivery, Identity, Item, Page, Push, Vendor
from sago.source_sections import SlackSettings
from sago.sources import slack, slack_errors, slack_events, slack_history
from sago.sources.oauth import token_of
from sago.sources.token_request import posted
from sago.sources.vendor_answers import json_object


class Slack:
    """The `Source` of one app at Slack. Thread-safe."""

    name = slack.SOURCE

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self.limits: Mapping[str, int] = slack_history.limits_of(settings)

    def verify(self, delivery: Delivery) -> None:
        secret = self._settings.signing_secret
        if secret is None:
            raise ConfigError(
                "slack.signing_secret is not set: put SAGO_SLACK__SIGNING_SECRET into .env; Slack shows it under Basic "
                "Information of the app"
            )
        slack_events.verify(delivery, secret.get_secret_value())

    def unpack(self, delivery: Delivery) -> Push:
        return slack_events.unpack(delivery)

    def ignored(self, item: Item) -> str | None:
        return slack_events.ignored(item)

    def to_message(self, item: Item, company_id: str, names: Mapping[str, str]) -> Message:
        return slack_events.to_message(item, company_id, names)

    def streams(self, connection: Connection, vendor: Vendor) -> list[str]:
        return slack_history.channels(connection, vendor)

    def page(self, connection: Connection, vendor: Vendor, stream: Stream, window: Window) -> Page:  # noqa: ARG002
        return slack_history.read_page(vendor, stream, window, slack_history.page_size(self._settings))

    def people(self, connection: Connection, vendor: Vendor) -> Iterable[Identity]:  # noqa: ARG002
        return slack_history.people(vendor)

    def judge(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        slack_errors.judge(status, headers, body)

    def renew(self, token: Token, now: datetime) -> Token:
        """Another token by the refresh token, which is used up by that."""
        if token.refresh is None:
            raise AccountRefusedError(
                "Slack: the token has ended and has no refresh part; connect the workspace again: `sago connect slack`"
            )
        body = self._renewed(token.refresh)
        try:
            fresh = token_of(body, now)
        except (KeyError, TypeError, ValueError):
            raise UnusableAnswerError("Slack answered oauth.v2.access without a token") from None
        return fresh.model_copy(
            update={"refresh": fresh.refresh or token.refresh, "scopes": fresh.scopes or token.scopes}
        )

    def _renewed(self, refresh: SecretStr) -> Mapping[str, Any]:
        client_id, client_secret = self._settings.client_id, self._settings.client_secret
        if not client_id or client_secret is None:
            raise ConfigError(
                "slack.client_id and slack.client_secret are needed to renew a token: put SAGO_SLACK__CLIENT_ID and "
                "SAGO_SLACK__CLIENT_SECRET into .env"
            )
        form = {
            "client_id": client_id,
            "client_secret": client_secret.get_secret_value(),
            "grant_type": "refresh_token",
            "refresh_token": refresh.get_secret_value(),
        }
        url = self._settings.api_url.rstrip("/") + "/oauth.v2.access"
        status, headers, content = posted("Slack: oauth.v2.access", url, form)
        try:
            body = json_object("Slack: oauth.v2.access", content)
        except UnusableAnswerError:
            body = {}
        self.judge(status, headers, body)
        return body
