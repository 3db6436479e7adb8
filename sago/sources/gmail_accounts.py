"""Connecting a Gmail mailbox: the cloud project's client, whose mailbox it is, its labels.

Forms: developers.google.com/identity/protocols/oauth2/native-app (loopback address, PKCE, revocation),
developers.google.com/gmail/api/reference/rest/v1/users/getProfile and users.labels/list.
"""

from __future__ import annotations

from datetime import timedelta

from sago.domain.connections import Token
from sago.errors import ConfigError, PermanentError, TransientError, UsageError
from sago.ports import Vendor
from sago.source_sections import GmailSettings
from sago.sources.accounts import Account, Choice, rows
from sago.sources.oauth import WITHIN, App
from sago.sources.token_request import posted
from sago.sources.visits import Visit

SCOPE = "https://www.googleapis.com/auth/gmail.readonly"
MAILS_A_SECOND = 50
"""250 units a second and person, 5 for messages.get (developers.google.com/gmail/api/reference/quota)."""
HIDDEN = frozenset({"CHAT", "DRAFT", "SPAM", "TRASH", "UNREAD", "STARRED"})
"""Labels of the system that say nothing of whose mail it is, or hold none that was sent."""


class GmailAccounts:
    """The `Accounts` of Gmail."""

    vendor = "Google"
    container = "label"
    taken_back_at = "myaccount.google.com/connections"
    faster = "Google Takeout's mbox, `sago run mails.mbox`"

    def __init__(self, settings: GmailSettings) -> None:
        self._settings = settings
        self.api_url = settings.api_url

    def app(self) -> App:
        settings = self._settings
        if settings.client_id is None or settings.client_secret is None:
            raise ConfigError(
                "gmail.client_id and SAGO_GMAIL__CLIENT_SECRET: both are needed; make an OAuth client of the type "
                "Desktop app in a Google Cloud project of yours, with the Gmail API enabled (README, Connect Gmail)"
            )
        return App(
            vendor=self.vendor,
            authorize_url=settings.authorize_url,
            token_url=settings.token_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            scopes=(SCOPE,),
            more={"access_type": "offline", "prompt": "consent"},
            pkce=True,
            settings="gmail.client_id and SAGO_GMAIL__CLIENT_SECRET",
        )

    def who(self, visit: Visit) -> Account:
        if visit.token.scopes and SCOPE not in visit.token.scopes:
            raise UsageError("Google gave no leave to read mail: run it again and tick that box on Google's page")
        if visit.token.refresh is None:
            raise UsageError(
                "Google gave no refresh token: take Sago's access away at myaccount.google.com, run it again"
            )
        address = visit.get("gmail/v1/users/me/profile").get("emailAddress")
        if not isinstance(address, str) or "@" not in address:
            raise TransientError("Google answered without an address: try again")
        return Account(address.lower(), address.lower())

    def estimate(self, messages: int) -> timedelta:
        return timedelta(seconds=messages / MAILS_A_SECOND)

    def choices(self, vendor: Vendor) -> list[Choice]:
        told = vendor.get("gmail/v1/users/me/labels")
        found = [
            Choice(str(row["id"]), str(row.get("name") or row["id"])) for row in rows(told, "labels") if "id" in row
        ]
        return sorted((each for each in found if each.id not in HIDDEN), key=lambda each: each.name)

    def revoke(self, token: Token) -> None:
        ended = (token.refresh or token.access).get_secret_value()
        url = self._settings.revoke_url
        status = posted(f"Google cannot be reached at {url}", url, {"token": ended}, WITHIN).status
        if status not in (200, 400):  # 400: it was of no use any more
            raise PermanentError(f"Google answers {status}")
