"""Gmail's news by Cloud Pub/Sub: whether Google sent it, and whose mailbox it is about.

A delivery names a mailbox and holds no mail, so a late, doubled or replayed one only has it read once more. Its token
says who sent it, not what: Pub/Sub may use one for an hour and delivers for days, so the five minutes of other
webhooks do not hold here.
Forms: cloud.google.com/pubsub/docs/authenticate-push-subscriptions, …/docs/push,
developers.google.com/workspace/gmail/api/guides/push, RFC 7517 (keys), RFC 7519 (token)
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from google.auth import jwt
from google.auth.crypt import RSAVerifier

from sago.errors import ConfigError, InvalidMessageError, SignatureError, TransientError
from sago.ports import Delivery, Push
from sago.source_sections import GmailSettings
from sago.sources.token_request import fetched

STREAM = "*"
"""The one stream of a mailbox."""
ISSUERS = ("https://accounts.google.com", "accounts.google.com")
ALGORITHM = "RS256"
SKEW = timedelta(seconds=60)
"""How far Google's clock may be from ours."""
ANSWERED_WITHIN = 1.0
"""Seconds for the certificates: Pub/Sub waits for us meanwhile."""
PAUSE = timedelta(seconds=5)
"""Nobody is asked again so soon after it did not answer."""
ASKED_AGAIN = timedelta(minutes=1)
"""A key that is not among them may be new; whoever makes keys up has us ask no more often than this."""
USUAL, LONGEST = timedelta(minutes=5), timedelta(days=1)
_UNREADABLE = (ValueError, TypeError, KeyError, RecursionError)


class _Keys(NamedTuple):
    """What the certificate server said, and until when it holds."""

    by_id: Mapping[str, RSAPublicKey]
    fetched_at: datetime
    until: datetime

    def settles(self, key_id: str, at: datetime) -> bool:
        """Whether nobody need be asked about this key."""
        return at < self.until and (key_id in self.by_id or at < self.fetched_at + ASKED_AGAIN)


class Certificates:
    """The public keys at one address, as long as their Cache-Control lets them be kept. Thread-safe: one thread asks,
    the others wait for what it hears."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._keys: _Keys | None = None
        self._silent_until: datetime | None = None

    def key(self, key_id: str, at: datetime) -> RSAPublicKey | None:
        """None where the server knows no such key; raises TransientError where it does not answer."""
        keys = self._keys
        if keys is None or not keys.settles(key_id, at):
            with self._lock:
                keys = self._keys
                if keys is None or not keys.settles(key_id, at):
                    keys = self._keys = self._asked(at)
        return keys.by_id.get(key_id)

    def _asked(self, at: datetime) -> _Keys:
        if self._silent_until and self._silent_until - PAUSE <= at < self._silent_until:
            raise TransientError("Google's certificates could not be had a moment ago")
        name = "Google's certificates cannot be had"
        try:
            answer = fetched(name, self._url, ANSWERED_WITHIN)
            if answer.status != 200:
                raise TransientError(f"{name}: status {answer.status}")
            by_id = {str(e["kid"]): _public_key(e) for e in json.loads(answer.content)["keys"] if e["kty"] == "RSA"}
        except (TransientError, *_UNREADABLE) as error:
            self._silent_until = at + PAUSE
            told = str(error) if isinstance(error, TransientError) else f"{name}: {type(error).__name__}"
            raise TransientError(told) from None
        return _Keys(by_id, at, at + _kept_for(answer.headers))


def verify(delivery: Delivery, settings: GmailSettings, certificates: Certificates) -> None:
    """Raise SignatureError unless the service account of our subscription sent it, with a token that holds at
    `delivery.at`; ConfigError where a setting is missing, TransientError where Google's keys cannot be had."""
    for name in ("push_audience", "push_account"):
        if not getattr(settings, name):
            raise ConfigError(
                f"gmail.{name} is not set: without it nobody can tell Google's pushes from others'; "
                "copy it from the Pub/Sub subscription"
            )
    kind, _, token = delivery.headers.get("authorization", "").strip().partition(" ")
    if kind.lower() != "bearer" or not token:
        raise SignatureError("header authorization holds no bearer token")
    try:
        header, claims = jwt.decode_header(token), jwt.decode(token, verify=False)
        signed, _, signature = token.rpartition(".")
        told = signed.encode("ascii")
        seal = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except _UNREADABLE:
        raise SignatureError("the bearer token is no JWT") from None  # the error holds the token
    if header.get("alg") != ALGORITHM or not isinstance(header.get("kid"), str):
        raise SignatureError(f"the bearer token is not signed by {ALGORITHM} with a named key")
    _check(claims, settings, delivery.at)
    key = certificates.key(header["kid"], delivery.at)
    if key is None or not RSAVerifier(key).verify(told, seal):
        raise SignatureError("the bearer token is not signed by Google")


def unpack(delivery: Delivery) -> Push:
    """Whose mailbox has news; raises InvalidMessageError."""
    try:
        envelope = json.loads(delivery.body)
        data = envelope["message"]["data"]
        news = json.loads(base64.b64decode(data.replace("-", "+").replace("_", "/") + "=" * (-len(data) % 4)))
        account = news["emailAddress"]
    except (*_UNREADABLE, AttributeError):
        raise InvalidMessageError("no push of Pub/Sub: message.data holds no object with emailAddress") from None
    if not isinstance(account, str) or not account.strip():
        raise InvalidMessageError("emailAddress names no mailbox", field="message.data")
    return Push(account.strip().lower(), wakes=(STREAM,))


def _check(claims: Mapping[str, Any], settings: GmailSettings, at: datetime) -> None:
    """Raise SignatureError with the first claim that does not hold."""
    if not _is_moment(claims.get("iat")) or claims["iat"] > (at + SKEW).timestamp():
        raise SignatureError("the bearer token does not hold yet (iat)")
    if not _is_moment(claims.get("exp")) or claims["exp"] <= (at - SKEW).timestamp():
        raise SignatureError("the bearer token has ended (exp)")
    if claims.get("iss") not in ISSUERS:
        raise SignatureError("the bearer token was not issued by Google (iss)")
    if claims.get("aud") != settings.push_audience:
        raise SignatureError("the bearer token is for somebody else (aud): compare gmail.push_audience")
    if claims.get("email") != settings.push_account or claims.get("email_verified") is not True:
        raise SignatureError("the bearer token is of another account (email): compare gmail.push_account")


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _public_key(key: Mapping[str, Any]) -> RSAPublicKey:
    return RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()


def _number(value: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))


def _kept_for(headers: Mapping[str, str]) -> timedelta:
    """As RFC 9111 says: `max-age` without the age it has already; nothing of it where it must not be kept."""
    said = headers.get("cache-control", "").lower()
    if "no-store" in said or "no-cache" in said:
        return timedelta()
    found = re.search(r"max-age=(\d{1,9})", said)
    age = headers.get("age", "")
    kept = timedelta(seconds=int(found[1]) - (int(age) if age.isdecimal() else 0)) if found else USUAL
    return min(max(kept, timedelta()), LONGEST)
