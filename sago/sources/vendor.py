"""A vendor's HTTP API as one connection may ask it. Nothing is tried again here, and no redirect is followed: a token
goes to the address that is set and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from sago.domain.connections import Connection, Token
from sago.errors import AccountRefusedError, HeldBackError, PermanentError, TransientError
from sago.ports import Breakers, Clock, Database, RateLimit, Source, Vault
from sago.resilience.time_limit import TimeLimit
from sago.sources import vendor_answers as answers

REACHED_WITHIN = 10.0
"""Seconds to connect."""
ANSWERED_WITHIN = 30.0
"""Seconds for a whole call."""
LARGEST = 64 * 1024 * 1024
"""Bytes of one answer: a mail of 25 MB in base64 is 34."""
ENDS_SOON = timedelta(seconds=60)
"""A token that ends within it is renewed before it is used: clocks differ."""


class Bounds(NamedTuple):
    """How much one call may cost."""

    reached_within: float = REACHED_WITHIN
    answered_within: float = ANSWERED_WITHIN
    largest: int = LARGEST


USUAL = Bounds()


@dataclass(frozen=True)
class Guards:
    """What every vendor is asked with."""

    database: Database
    vault: Vault
    breakers: Breakers
    rates: RateLimit
    clock: Clock
    bounds: Bounds = USUAL


class _Call(NamedTuple):
    method: str
    path: str
    limit: str
    content: dict[str, Any]


class HttpVendor:
    """The `Vendor` port for one connection. Its breaker is named `slack/T123`, its limits `slack/T123/<limit>`."""

    def __init__(self, connection: Connection, source: Source, base_url: str, guards: Guards) -> None:
        self._connection = connection
        self._source = source
        self._base_url = base_url.rstrip("/") + "/"
        self._guards = guards
        self._name = f"{connection.source}/{connection.account}"
        bounds = guards.bounds
        self._client = httpx2.Client(
            verify=_trusted(),
            follow_redirects=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
            timeout=httpx2.Timeout(bounds.answered_within, connect=min(bounds.reached_within, bounds.answered_within)),
        )

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        """As the port says. An answer of more than 64 MB is a PermanentError."""
        return self._call(_Call("GET", path, limit, {"params": params}))

    def post(self, path: str, body: Mapping[str, Any], *, limit: str = "") -> dict[str, Any]:
        """As `get`."""
        return self._call(_Call("POST", path, limit, {"json": dict(body)}))

    def _call(self, call: _Call) -> dict[str, Any]:
        """With another token where the first is refused."""
        token = self._token()
        try:
            return self._spared(call, token)
        except AccountRefusedError as error:
            fresh = self._renewed(token, error)
        try:
            return self._spared(call, fresh)
        except AccountRefusedError as error:
            raise self._refused(str(error)) from None

    def _spared(self, call: _Call, token: Token) -> dict[str, Any]:
        """Behind the breaker; what our limits hold back is no call."""

        def ask() -> dict[str, Any]:
            self._take_turn(call.limit)
            return self._ask(call, token)

        return self._guards.breakers.call(self._name, ask)

    def _take_turn(self, limit: str) -> None:
        if wait := self._guards.rates.held(f"{self._name}/{limit}"):
            raise HeldBackError(f"{self._name} has had all calls of its vendor's window", retry_after=wait)
        most = self._source.limits.get(limit)
        if most and (wait := self._guards.rates.take(f"{self._name}/{limit}", most)):
            raise HeldBackError(f"{self._name} has had its {most} calls a minute ({limit})", retry_after=wait)

    def _ask(self, call: _Call, token: Token) -> dict[str, Any]:
        status, headers, body = self._fetch(call, token)
        now = self._now()
        if answers.is_spent(headers) and (wait := answers.reset_in(headers, now)):
            self._guards.rates.hold(f"{self._name}/{call.limit}", wait)
        answers.raise_passing(self._name, status, headers, now)
        is_well = 200 <= status < 300
        try:
            told = answers.json_object(self._name, body)
        except TransientError:
            if is_well:
                raise
            told = {}
        self._source.judge(status, headers, told)
        answers.raise_refusal(self._name, status, call.path)
        return told

    def _fetch(self, call: _Call, token: Token) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and bytes, all within the time and the size of a call."""
        bounds = self._guards.bounds
        sent = {"Authorization": f"Bearer {token.access.get_secret_value()}", "Accept": "application/json"}
        with TimeLimit(bounds.answered_within) as limit:
            try:
                url, watched = self._base_url + call.path.lstrip("/"), {"trace": limit.watch}
                with self._client.stream(
                    call.method, url, headers=sent, extensions=watched, **call.content
                ) as response:
                    body = self._read(response)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                host = urlsplit(self._base_url).hostname
                line = f"{self._name} cannot be read: the connection to {host} broke off"
                if isinstance(error, httpx2.ConnectError):
                    line = f"{self._name} cannot be read: no connection to {host}"
                if limit.is_over or isinstance(error, httpx2.TimeoutException):
                    line = f"{self._name} cannot be read: no answer within {bounds.answered_within:g} s"
                raise TransientError(line) from None  # it may hold the request
        if limit.is_over:  # an answer without a length ends where the connection was cut
            raise TransientError(f"{self._name} cannot be read: no answer within {bounds.answered_within:g} s")
        return response.status_code, response.headers, body

    def _read(self, response: httpx2.Response) -> bytes:
        body, largest = bytearray(), self._guards.bounds.largest
        for part in response.iter_bytes():
            body += part
            if len(body) > largest:
                raise PermanentError(f"{self._name} answers with more than {largest} bytes")
        return bytes(body)

    def _token(self) -> Token:
        with self._guards.database.begin() as tx:
            sealed = tx.connections.token(self._connection.id)
        if sealed is None:
            raise self._refused(f"there is no token for {self._name}")
        token = self._guards.vault.open(sealed, self._connection.id)
        if token.refresh is not None and token.ends_by(self._now() + ENDS_SOON):
            return self._renewed(token, AccountRefusedError(f"the token for {self._name} has ended"))
        return token

    def _renewed(self, stale: Token, why: AccountRefusedError) -> Token:
        """Another token than this one. The row is locked meanwhile: of several processes one renews, and the others
        find what it got; a source bounds its `renew` well below their wait. Accepted: where the commit fails after the
        vendor used up the refresh token, the account is refused, and a person connects it again."""
        with self._guards.database.begin() as tx:
            sealed = tx.connections.token(self._connection.id, lock=True)
            if sealed is None:
                raise self._refused(f"there is no token for {self._name}")
            token = self._guards.vault.open(sealed, self._connection.id)
            if token.access != stale.access:
                return token
            if token.refresh is None:
                raise self._refused(str(why)) from None
            try:
                fresh = self._source.renew(token, self._now())
            except AccountRefusedError as error:
                raise self._refused(str(error)) from None
            tx.connections.keep_token(self._connection.id, self._guards.vault.seal(fresh, self._connection.id))
            return fresh

    def _refused(self, why: str) -> AccountRefusedError:
        mend = f"sago connect {self._connection.source}"
        return AccountRefusedError(why if mend in why else f"{why}: connect it again with `{mend}`")

    def _now(self) -> datetime:
        return self._guards.clock.now()


@cache
def _trusted() -> Any:
    """Reading the bundle of certificates costs more than a call."""
    return httpx2.create_ssl_context()
