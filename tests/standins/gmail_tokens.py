"""Google's tokens as its servers give and sign them: OAuth for people, OIDC for Pub/Sub's pushes.

Forms: developers.google.com/identity/protocols/oauth2/native-app, RFC 6749, RFC 7636, RFC 7515, RFC 7517
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.canaries import CLIENT_SECRET, gmail_refresh, gmail_token

CLIENT_ID = "1234567890-standin.apps.googleusercontent.example"
SCOPE = "https://www.googleapis.com/auth/gmail.readonly"


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A key pair of a certificate server."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(20)
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self._private.public_key().public_numbers()
        n, e = (b64url(each.to_bytes((each.bit_length() + 7) // 8)) for each in (numbers.n, numbers.e))
        return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.id, "n": n, "e": e}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A JWT; `header` replaces fields of its head."""
        head = {"alg": "RS256", "kid": self.id, "typ": "JWT"} | header
        signed = ".".join(b64url(json.dumps(each).encode()) for each in (head, dict(claims)))
        return f"{signed}.{b64url(self._private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@dataclass
class Tokens:
    """The token endpoint. `lasts` in seconds; with `rotates` a refresh token is good once."""

    client_secret: str = CLIENT_SECRET
    lasts: int = 3600
    rotates: bool = False
    scope: str = SCOPE
    access: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def grant(self) -> tuple[str, str]:
        """An access and a refresh token as a person who said yes gives them."""
        access, refresh = gmail_token(secrets.token_hex(8)), gmail_refresh(secrets.token_hex(8))
        self.access.add(access)
        self.refresh.add(refresh)
        return access, refresh

    def code(self, asked: Mapping[str, str]) -> str:
        code = f"4/0{secrets.token_urlsafe(16)}"
        self._codes[code] = dict(asked)
        return code

    def answer(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """What `POST /token` says."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, self.client_secret):
            return 401, {"error": "invalid_client", "error_description": "The OAuth client was not found."}
        if form.get("grant_type") == "refresh_token":
            return self._renewed(form.get("refresh_token", ""))
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or not _fits(asked, form):
            return 400, {"error": "invalid_grant", "error_description": "Malformed auth code."}
        access, refresh = self.grant()
        return 200, self._told(access) | {"refresh_token": refresh}

    def _renewed(self, refresh: str) -> tuple[int, dict[str, Any]]:
        if refresh not in self.refresh:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        if self.rotates:
            self.refresh.discard(refresh)
        access, other = self.grant()
        if not self.rotates:
            self.refresh.discard(other)
        return 200, self._told(access) | ({"refresh_token": other} if self.rotates else {})

    def _told(self, access: str) -> dict[str, Any]:
        return {"access_token": access, "expires_in": self.lasts, "scope": self.scope, "token_type": "Bearer"}


def _fits(asked: Mapping[str, str], form: Mapping[str, str]) -> bool:
    """The redirect address is the one that was asked with, and the verifier fits its challenge."""
    if asked.get("redirect_uri") != form.get("redirect_uri"):
        return False
    challenge = asked.get("code_challenge")
    return not challenge or challenge == b64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
