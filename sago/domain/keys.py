"""Keys of the HTTP API: who holds one, and what it opens."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sago.domain.companies import EVERY_SOURCE
from sago.domain.messages import COMPANY_ID, COMPANY_ID_IN_WORDS, Moment

READ, WRITE, OPERATE, INGEST, SHARE = "read", "write", "operate", "ingest", "share"
FOR_FIRMS = (READ, WRITE)
"""What only a key of a firm can open: what founders share with it, and its own watches and letters."""
FOR_THE_HOUSE = (OPERATE, SHARE)
"""What no key of a firm can open."""
OF_A_COMPANY = (INGEST, SHARE)
"""Scopes that name a company, or `*` for every one: `ingest:scaleflow`."""
EVERY = EVERY_SOURCE

_FORM = re.compile(r"sago_(?P<prefix>[0-9a-f]{8})_[A-Za-z0-9_-]{43}")


class ApiKey(BaseModel):
    """One row of `api_keys`: the key itself is known to its holder alone.

    A key without a firm is the house's own, or a founder's: it hands in messages, or gives, changes and ends shares,
    and reads nothing of a firm.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str = Field(min_length=1, max_length=100)
    prefix: str
    """The part of the key by which it is looked up; no secret."""
    key_sha256: bytes = Field(repr=False)
    firm_id: str | None = None
    scopes: tuple[str, ...] = Field(min_length=1)
    created_at: Moment
    created_by: str
    expires_at: Moment | None = None
    revoked_at: Moment | None = None
    used_at: Moment | None = None
    """When it was last used, to the minute."""

    @model_validator(mode="after")
    def _opens_what_it_can(self) -> Self:
        for scope in self.scopes:
            if problem := problem_of(scope, self.firm_id):
                raise ValueError(problem)
        return self

    @property
    def who(self) -> str:
        """As the audit log names whoever uses it."""
        return f"key:{self.prefix}"

    def holds_at(self, moment: datetime) -> bool:
        """Whether it is neither revoked nor expired by then."""
        ends = [end for end in (self.expires_at, self.revoked_at) if end is not None]
        return all(moment < end for end in ends)

    def is_of(self, key: str) -> bool:
        """Whether this is the row of that key, in a time that tells nothing of it."""
        return hmac.compare_digest(self.key_sha256, digest(key))


class Issued(NamedTuple):
    """A new key as its holder gets it, once, and what is stored of it."""

    key: str
    prefix: str
    key_sha256: bytes


def new_key() -> Issued:
    """`sago_1f0c93ab_…`: a prefix to look it up by, and 32 random bytes."""
    prefix = secrets.token_hex(4)
    key = f"sago_{prefix}_{secrets.token_urlsafe(32)}"
    return Issued(key, prefix, digest(key))


def prefix_of(key: str) -> str | None:
    """The prefix of what has the form of a key, else None."""
    found = _FORM.fullmatch(key)
    return found["prefix"] if found else None


def digest(key: str) -> bytes:
    """What is stored of a key: 32 random bytes need no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def opens(scopes: tuple[str, ...], kind: str, company_id: str | None = None) -> bool:
    """Whether these scopes open this: for `ingest` and `share` with the company."""
    return kind in scopes if company_id is None else bool({f"{kind}:{company_id}", f"{kind}:{EVERY}"} & set(scopes))


def problem_of(scope: str, firm_id: str | None) -> str | None:
    """Why a key, of a firm or of none, cannot have this scope; None where it can."""
    kind, colon, company_id = scope.partition(":")
    if kind not in (*FOR_FIRMS, OPERATE, *OF_A_COMPANY):
        there_are = "read, write, operate, ingest:COMPANY, share:COMPANY, each with a --scope of its own"
        return f"scope {scope[:60]!r}: none is called so; there are {there_are}"
    if (kind in OF_A_COMPANY) is not bool(colon):
        form = f"{kind}:COMPANY, or {kind}:* for every one" if kind in OF_A_COMPANY else kind
        return f"scope {scope[:60]!r}: write {form}"
    if colon and company_id != EVERY and not re.fullmatch(COMPANY_ID, company_id):
        return f"scope {scope[:80]!r}: {company_id[:60]!r} is no company id: {COMPANY_ID_IN_WORDS}"
    if kind in FOR_FIRMS and firm_id is None:
        return f"scope {scope!r}: opens what a firm sees, so the key must be a firm's: add --firm NAME"
    if kind in FOR_THE_HOUSE and firm_id is not None:
        return f"scope {scope[:60]!r}: is not for a firm's key: leave --firm away"
    return None
