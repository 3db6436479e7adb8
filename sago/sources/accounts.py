"""How accounts are connected and let go: one class for each vendor, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from sago.domain.connections import Token
from sago.ports import Vendor
from sago.sources.oauth import App
from sago.sources.visits import Visit

TABLE: dict[str, str] = {
    "slack": "sago.sources.slack_accounts:SlackAccounts",
    "gmail": "sago.sources.gmail_accounts:GmailAccounts",
}
"""`module:class` by the source's name; made with its section of the settings."""


class Account(NamedTuple):
    """Whose token it is."""

    account: str
    """As the vendor names it in what it sends."""
    name: str
    """As people call it."""


class Choice(NamedTuple):
    """A channel or label that can be shared."""

    id: str
    name: str
    problem: str = ""
    """Why it cannot be read yet, and how to mend it."""


class Accounts(Protocol):
    """What is asked of one vendor while a person connects an account."""

    vendor: str
    """As people call it."""
    container: str
    """What its messages lie in: `channel`, `label`."""
    api_url: str
    faster: str
    """What is faster than asking for what was said before."""

    taken_back_at: str
    """Where a person ends it at the vendor's."""

    def app(self) -> App:
        """Ours; raises ConfigError that names the settings that are missing."""

    def estimate(self, messages: int) -> timedelta:
        """How long so many take by the vendor's limits alone."""

    def who(self, visit: Visit) -> Account:
        """The account of the token; raises UsageError where the token cannot do what is needed."""

    def choices(self, vendor: Vendor) -> list[Choice]:
        """What can be shared, what can be read at once first."""

    def revoke(self, token: Token) -> None:
        """Make it useless; raises TransientError or PermanentError where the vendor does not."""


def accounts_of(source: str, section: object) -> Accounts:
    """Those of a source that is in the table."""
    module, _, kind = TABLE[source].partition(":")
    made: Accounts = getattr(import_module(module), kind)(section)
    return made


def rows(told: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in a list of an answer."""
    found = told.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
