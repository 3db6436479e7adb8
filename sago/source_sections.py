"""The blocks of config.yaml about sources: the platform's, and one for each vendor. Times are in seconds."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from sago.domain.hosts import is_loopback
from sago.sections import Section, said


def _private(address: str) -> str:
    parts = urlsplit(address)
    host = parts.hostname or ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise ValueError("must begin with https://, or with http:// to this machine: tokens would go in clear")
    return address


Address = Annotated[str, AfterValidator(_private)]
"""Of a server that gets tokens or secrets, or whose keys are believed."""


class SourcesSettings(Section):
    """What holds for every source."""

    token_keys: Annotated[SecretStr | None, BeforeValidator(said)] = None
    """Fernet keys that seal tokens, newest first, with commas between them; from the environment alone."""
    poll_every: float = Field(15.0, ge=1)
    """Between looks for streams that are due."""
    pull_every: float = Field(300.0, ge=1)
    """Between two windows of one stream, where no webhook wakes it."""
    run_for: float = Field(60.0, gt=0, le=240)
    """How long one task goes on with a stream before others have their turn."""
    look_back_days: int = Field(7, ge=0, le=90)
    """How far before the last window it is read again, once a day: for edits and late replies."""
    answer_within: float = Field(2.5, gt=0, lt=3)
    """Until a webhook is answered with 503: vendors give 3 seconds."""


class SlackSettings(Section):
    """An app of yours at Slack."""

    api_url: Address = "https://slack.com/api/"
    authorize_url: Address = "https://slack.com/oauth/v2/authorize"
    client_id: str | None = None
    client_secret: Annotated[SecretStr | None, BeforeValidator(said)] = None
    signing_secret: Annotated[SecretStr | None, BeforeValidator(said)] = None
    is_internal: bool = False
    """An app of the workspace itself, or one of the marketplace: 50 requests a minute and 200 messages each for
    `conversations.history`; any other app has 1 and 15."""


class GmailSettings(Section):
    """A cloud project of yours at Google."""

    api_url: Address = "https://gmail.googleapis.com/"
    authorize_url: Address = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: Address = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    revoke_url: Address = "https://oauth2.googleapis.com/revoke"
    certificates_url: Address = "https://www.googleapis.com/oauth2/v3/certs"
    client_id: str | None = None
    client_secret: Annotated[SecretStr | None, BeforeValidator(said)] = None
    push_audience: str | None = None
    """What the Pub/Sub subscription puts into its OIDC tokens: the webhook's address, unless it says otherwise."""
    push_account: str | None = None
    """The service account that the subscription signs with."""
    push_topic: str | None = None
    """`projects/…/topics/…`: where Gmail tells of news; not set: mailboxes are only asked."""
