"""Gmail as a source: it tells that a mailbox has news, and is asked for them.

Errors: developers.google.com/workspace/gmail/api/guides/handle-errors; tokens: RFC 6749, section 6, and
developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx2

from sago.domain.connections import Connection, Stream, Token, Window
from sago.domain.messages import Message
from sago.errors import AccountRefusedError, ConfigError, TransientError
from sago.ports import Delivery, Identity, Item, Page, Push, Vendor
from sago.source_sections import GmailSettings
from sago.sources import gmail, gmail_history, gmail_push
from sago.sources.oauth import token_of
from sago.sources.token_request import posted
from sago.sources.vendor_answers import json_object

PASSING = frozenset({"ratelimitexceeded", "userratelimitexceeded", "rate_limit_exceeded", "backenderror"})
WAITING = {
    "dailylimitexceeded": "the day's quota of your cloud project is used up: more is granted in the cloud console",
    "quotaexceeded": "a quota of your cloud project is used up: more is granted in the cloud console",
    "accessnotconfigured": "the Gmail API is not enabled in your cloud project: enable it in the cloud console",
    "service_disabled": "the Gmail API is not enabled in your cloud project: enable it in the cloud console",
}
"""What lasts until a quota is renewed or a person has mended it: asked again in an hour."""
REFUSED = {
    "insufficientpermissions": "it may not read mail",
    "access_token_scope_insufficient": "it may not read mail",
    "domainpolicy": "the domain's administrators do not let apps read its mail",
}
LATER = timedelta(hours=1)
MEND = (
    "connect it again with `sago connect gmail`; a cloud project whose consent screen is in Testing ends its tokens "
    "after 7 days, one that is In production does not"
)


class Gmail:
    """The `Source` port. One stream for each mailbox; a push only says that there is something to read."""

    name = gmail.SOURCE
    limits: Mapping[str, int] = {gmail_history.LIMIT: 2400}
    """15,000 units a minute and mailbox, of which a message costs 5."""

    def __init__(self, settings: GmailSettings) -> None:
        self._settings = settings
        self._certificates = gmail_push.Certificates(settings.certificates_url)

    def verify(self, delivery: Delivery) -> None:
        """By the OIDC token of the Pub/Sub subscription; raises TransientError where Google's keys cannot be had."""
        gmail_push.verify(delivery, self._settings, self._certificates)

    def unpack(self, delivery: Delivery) -> Push:
        """The mailbox, and its stream."""
        return gmail_push.unpack(delivery)

    def ignored(self, item: Item) -> str | None:
        """What nobody wrote or sent, and what is counted without having been fetched."""
        return gmail_history.ignored(item)

    def to_message(self, item: Item, company_id: str, names: Mapping[str, str]) -> Message:  # noqa: ARG002
        """The sender's own words."""
        return gmail.to_message(item.payload, company_id)

    def streams(self, connection: Connection, vendor: Vendor) -> list[str]:
        """One; none where nothing is shared. Raises PermanentError where the share names a label that the mailbox does
        not have."""
        if not connection.containers:
            return []
        gmail_history.shared(connection, vendor)
        return [gmail_push.STREAM]

    def page(self, connection: Connection, vendor: Vendor, stream: Stream, window: Window) -> Page:  # noqa: ARG002
        """See `gmail_history`."""
        return gmail_history.page(connection, vendor, stream)

    def people(self, connection: Connection, vendor: Vendor) -> Iterable[Identity]:
        """Nobody: addresses come with the messages. As this is asked when a mailbox was connected and daily from then
        on, Gmail is asked here to tell of news: where it will not, that is said, and the mailbox is read."""
        topic = self._settings.push_topic
        if topic and connection.containers:
            gmail_history.watch(connection, vendor, topic)
        return ()

    def judge(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:  # noqa: ARG002
        """What Gmail's reasons mean where the status alone does not say it."""
        for reason in _reasons(body) if status >= httpx2.codes.BAD_REQUEST else ():
            if reason in PASSING:
                raise TransientError(f"Gmail answers {status}: {reason}")
            if reason in WAITING:
                raise TransientError(f"Gmail answers {status}: {WAITING[reason]}", retry_after=LATER)
            if reason in REFUSED:
                raise AccountRefusedError(f"Gmail refuses the token, as {REFUSED[reason]}: {MEND}")

    def renew(self, token: Token, now: datetime) -> Token:
        """By the refresh token, which stays where Google gives no other."""
        client_id, secret = self._settings.client_id, self._settings.client_secret
        if client_id is None or secret is None:
            raise ConfigError("gmail.client_id or gmail.client_secret is not set: tokens end within an hour without")
        if token.refresh is None:
            raise AccountRefusedError(f"the token has ended, and there is none to renew it with: {MEND}")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token.refresh.get_secret_value(),
            "client_id": client_id,
            "client_secret": secret.get_secret_value(),
        }
        fresh = self._asked_for_token(form, now)
        return fresh.model_copy(
            update={"refresh": fresh.refresh or token.refresh, "scopes": fresh.scopes or token.scopes}
        )

    def _asked_for_token(self, form: Mapping[str, str], now: datetime) -> Token:
        """No error holds what was sent."""
        status, _, content = posted("Google gives no token", self._settings.token_url, form)
        answer = json_object("Google gives no token", content)
        if 200 <= status < 300:
            try:
                return token_of(answer, now)
            except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
                raise TransientError("Google answers without a token") from None
        reason = answer.get("error")
        if reason == "invalid_grant":
            raise AccountRefusedError(f"Google does not renew the token any more (invalid_grant): {MEND}")
        if reason in ("invalid_client", "unauthorized_client"):
            raise ConfigError(f"Google refuses gmail.client_id and gmail.client_secret ({reason}): copy them again")
        raise TransientError(f"Google gives no token: it answers {status}")


def _reasons(body: Mapping[str, Any]) -> list[str]:
    """In lower case: of the older form `errors` and of the newer `details`."""
    error = body.get("error")
    told = error if isinstance(error, Mapping) else {}
    rows = [each for name in ("errors", "details") for each in _listed(told.get(name)) if isinstance(each, Mapping)]
    return [str(row["reason"]).lower() for row in rows if row.get("reason")]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
