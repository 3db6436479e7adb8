"""OAuth 2.0 by authorization code (RFC 6749, 4.1), with PKCE (RFC 7636) where the vendor takes it.

Forms: docs.slack.dev/authentication/installing-with-oauth, developers.google.com/identity/protocols/oauth2/native-app.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from pydantic import SecretStr

from sago.domain.connections import Token
from sago.errors import ConfigError, TransientError, UsageError
from sago.sources.token_request import posted

WITHIN = 20.0
"""Seconds for one call to a vendor while a person waits."""
LONGEST = timedelta(days=365)
CODE = re.compile(r"[a-z0-9_.-]{1,60}")
OURS = {"bad_client_secret", "invalid_client", "invalid_client_id", "unauthorized_client"}
"""What a vendor calls a client id or secret that is wrong: Slack's words and RFC 6749's."""
REDIRECT = {"bad_redirect_uri", "redirect_uri_mismatch"}


@dataclass(frozen=True)
class App:
    """An app of ours at a vendor, as far as it asks people for access."""

    vendor: str
    """As people call it."""
    authorize_url: str
    token_url: str
    client_id: str
    client_secret: SecretStr
    scopes: tuple[str, ...]
    separator: str = " "
    """Between scopes."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Further parameters of the question."""
    pkce: bool = False
    settings: str = ""
    """Where id and secret stand, for errors."""


class Question(NamedTuple):
    """What a browser is sent with; `state` and `verifier` prove that an answer is to this question."""

    url: str
    state: str
    verifier: str
    redirect_url: str


def ask(app: App, redirect_url: str) -> Question:
    """A question that has never been asked before."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    asked = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_url,
        "scope": app.separator.join(app.scopes),
        "state": state,
        **app.more,
    }
    if app.pkce:
        digest = hashlib.sha256(verifier.encode()).digest()
        asked["code_challenge"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        asked["code_challenge_method"] = "S256"
    return Question(f"{app.authorize_url}?{urlencode(asked)}", state, verifier, redirect_url)


def exchange(app: App, question: Question, code: str, now: datetime) -> tuple[Token, Mapping[str, Any]]:
    """The token for a code, and what the vendor said beside it. Raises ConfigError for a wrong id or secret, UsageError
    where the person must go through the browser again, TransientError where the vendor does not answer."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": question.redirect_url,
        "client_id": app.client_id,
        "client_secret": app.client_secret.get_secret_value(),
    }
    if app.pkce:
        form["code_verifier"] = question.verifier
    told = _post(app, form)
    if error := told.get("error"):
        raise _refused(app, question, error)
    try:
        return token_of(told, now), told
    except (KeyError, TypeError, ValueError):
        raise TransientError(f"{app.vendor} answered without a token: run the command again") from None


def token_of(told: Mapping[str, Any], now: datetime) -> Token:
    """The token in an answer (RFC 6749, 5.1; Slack's has its scopes with commas). Raises KeyError, TypeError or
    ValueError where there is none."""
    lasts = told.get("expires_in")
    refresh = told.get("refresh_token")
    return Token(
        access=SecretStr(_words(told["access_token"])),
        refresh=SecretStr(_words(refresh)) if refresh else None,
        expires_at=now + _lifetime(lasts) if lasts else None,
        scopes=tuple(re.split(r"[ ,]+", told["scope"])) if told.get("scope") else (),
    )


def _lifetime(seconds: object) -> timedelta:
    """At most a year: what a vendor says beyond that is no promise."""
    lasts = float(seconds) if isinstance(seconds, str) else seconds
    if not isinstance(lasts, int | float):
        raise TypeError("no number of seconds")
    return timedelta(seconds=int(min(max(lasts, 0), LONGEST.total_seconds())))


def _words(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no token")
    return value


def _post(app: App, form: Mapping[str, str]) -> Mapping[str, Any]:
    """The JSON object of the answer, whatever its status; nothing of the request stands in an error."""
    name = f"{app.vendor} cannot be reached at {app.token_url}"
    status, _, content = posted(name, app.token_url, form, WITHIN)
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise TransientError(f"{app.vendor} answered {status} without JSON: try again") from None
    if not isinstance(told, dict) or (status >= 500 and "error" not in told):
        raise TransientError(f"{app.vendor} answered {status}: try again")
    return told


def _refused(app: App, question: Question, error: object) -> ConfigError | UsageError:
    name = error if isinstance(error, str) and CODE.fullmatch(error) else "an unknown error"
    if name in OURS:
        return ConfigError(f"{app.settings}: {app.vendor} does not know this pair ({name}); copy both anew")
    if name in REDIRECT:
        return ConfigError(
            f"{app.vendor} does not know the redirect address {question.redirect_url} ({name}): register exactly this "
            "one with your app"
        )
    return UsageError(f"{app.vendor} did not take its own code ({name}): it is good once, for minutes; run it again")
