"""Who may call, and what: holders of keys, and, where `api.key` is not set, programs on this machine."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from sago.api import limits
from sago.api.desk import Desk
from sago.api.problems import ProblemError
from sago.api.queries import check_query
from sago.domain.hosts import is_loopback
from sago.domain.keys import EVERY, INGEST, OPERATE, READ, SHARE, WRITE, ApiKey, opens
from sago.errors import ConfigError
from sago.pipeline.keyring import Keyring
from sago.serving_sections import ApiSettings

BEARER = HTTPBearer(auto_error=False, description="A key of `sago keys create`, or `api.key` of the settings.")
NEEDED: dict[str, list[str]] = {BEARER.scheme_name: [f"{INGEST}:COMPANY"]}
"""How the document says so of a route that asks by itself."""
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LOOKED_UP_WITHIN = 5.0
"""Seconds for Postgres to say whose a key is."""
HOUSE = (OPERATE, f"{INGEST}:{EVERY}", f"{SHARE}:{EVERY}")
"""What the house itself opens. What firms see it reads by a firm's key, as they do."""


class Caller(NamedTuple):
    """Who asks: as the audit log names them, of which firm (None: of none), and what their key opens."""

    who: str
    firm_id: str | None
    scopes: tuple[str, ...]

    @property
    def is_house(self) -> bool:
        """Whether they give and end shares for the house: as no single founder."""
        return self.may(SHARE, EVERY)

    def may(self, kind: str, company_id: str | None = None) -> bool:
        """Whether the key opens this."""
        return opens(self.scopes, kind, company_id)

    def require(self, kind: str, company_id: str | None = None) -> None:
        """Raise a problem with status 403 where it does not: the same whether the company exists or not."""
        if not self.may(kind, company_id):
            wanted = f"{kind}:{company_id}" if company_id else kind
            raise ProblemError(403, f"this key does not open {wanted}; it has {', '.join(self.scopes)}")


class FirmCaller(NamedTuple):
    """A caller who asks for one firm."""

    who: str
    firm_id: str


def check_exposure(settings: ApiSettings) -> None:
    """Raise ConfigError where others could reach an API without a key."""
    if not settings.is_local and not settings.key:
        raise ConfigError(
            f"api.host is {settings.host}, which others can reach, and there is no key: set SAGO_API__KEY, "
            "or SAGO_API__HOST=127.0.0.1"
        )


async def caller_of(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> Caller:
    """Who calls; raises a problem with status 401, 403, 422 or 429.

    Async, as every dependency here: a plain one would wait for a thread, all of which may wait for Kafka.
    """
    caller = await _known(request, given)
    await limits.admit(request, caller.who)
    if request.scope["query_string"]:
        check_query(request)
    return caller


Calling = Annotated[Caller, Depends(caller_of)]


def opened_by(kind: str) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency: the caller, whose key opens this scope of no company."""

    async def check(caller: Calling) -> Caller:
        caller.require(kind)
        return caller

    return check


def for_a_firm(kind: str) -> Callable[[Caller], Awaitable[FirmCaller]]:
    """A dependency: the firm that is asked for, by a key of that firm."""

    async def check(caller: Calling) -> FirmCaller:
        if caller.firm_id is None:
            raise ProblemError(403, f"only a firm's key opens {kind}: sago keys create --firm FIRM --scope {kind}")
        caller.require(kind)
        return FirmCaller(caller.who, caller.firm_id)

    return check


async def hands_in(request: Request) -> Caller:
    """The caller, whose key opens `ingest` of some company; of which is looked at message by message.

    No dependency: that route asks by itself, as each costs the framework more than what it does here.
    """
    caller = await caller_of(request, await BEARER(request))
    if not any(scope.startswith(f"{INGEST}:") for scope in caller.scopes):
        caller.require(INGEST)
    return caller


async def starts_tasks(caller: Calling) -> Caller:
    """The caller, who starts tasks for the house, or those of a firm for that firm."""
    caller.require(OPERATE if caller.firm_id is None else WRITE)
    return caller


Starts = Annotated[Caller, Security(starts_tasks, scopes=[OPERATE, WRITE])]
"""Whoever starts tasks, and follows their own."""
House = Annotated[Caller, Security(opened_by(OPERATE), scopes=[OPERATE])]
"""Whoever runs this house: health, dead letters, tasks."""
Reader = Annotated[FirmCaller, Security(for_a_firm(READ), scopes=[READ])]
"""A firm that reads what is shared with it, and what is its own."""
Writer = Annotated[FirmCaller, Security(for_a_firm(WRITE), scopes=[WRITE])]
"""A firm that changes what is its own: watches and letters."""


async def _known(request: Request, given: HTTPAuthorizationCredentials | None) -> Caller:
    own = request.app.state.settings.api.key
    if given is None:
        if "authorization" in request.headers:
            raise await limits.refuse(request, "Authorization holds no key: send it as Authorization: Bearer KEY")
        if own is not None:
            raise await limits.refuse(request, "no key: send Authorization: Bearer KEY")
        _check_local(request)
        return Caller("local", None, HOUSE)
    if own is not None and _same(given.credentials, own.get_secret_value()):
        return Caller("api.key", None, HOUSE)
    key = await _looked_up(request, given.credentials)
    if key is None:
        raise await limits.refuse(request, "the key is wrong, or revoked, or has expired")
    return Caller(key.who, key.firm_id, key.scopes)


async def _looked_up(request: Request, text: str) -> ApiKey | None:
    keyring: Keyring = request.app.state.container.keyring
    if key := keyring.recent(text):
        return key
    desk: Desk = request.app.state.look_ups
    if keyring.knew(text):
        return await desk.answer(lambda: keyring.find(text), LOOKED_UP_WITHIN)
    room = await limits.look_up_room(request)
    strangers: limits.Strangers = request.app.state.strangers
    with strangers.looking(limits.address_of(request), room):
        return await desk.answer(lambda: keyring.find(text), LOOKED_UP_WITHIN)


def _same(given: str, key: str) -> bool:
    """In a time that tells nothing of the key. Headers come as Latin-1 of the bytes that were sent."""
    return hmac.compare_digest(given.encode("latin-1", "replace"), key.encode())


def _check_local(request: Request) -> None:
    """Without a key neither another machine may call, nor a web page whose own name was made to point here."""
    client = request.client.host if request.client else ""
    if not is_loopback(client) or request.url.hostname not in LOCAL_NAMES or _is_of_a_strange_page(request):
        raise ProblemError(403, "without a key (SAGO_API__KEY) this machine alone is served, as localhost")


def _is_of_a_strange_page(request: Request) -> bool:
    """Whether a browser sends it for a page that is neither ours nor listed: some bodies go without asking first."""
    origin = request.headers.get("origin")
    listed = request.app.state.settings.api.cors_origins
    return origin is not None and origin not in listed and _host_of(origin) not in LOCAL_NAMES


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None
