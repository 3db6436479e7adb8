"""Who may call: the holder of `api.key`, or, where none is set, programs on this machine."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from sago.api.problems import ProblemError
from sago.errors import ConfigError
from sago.sections import ApiSettings

BEARER = HTTPBearer(auto_error=False, description="`api.key` of the settings: `SAGO_API__KEY`.")
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def check_exposure(settings: ApiSettings) -> None:
    """Raise ConfigError where others could reach an API without a key."""
    if not settings.is_local and not settings.key:
        raise ConfigError(
            f"api.host is {settings.host}, which others can reach, and there is no key: set SAGO_API__KEY, "
            "or SAGO_API__HOST=127.0.0.1"
        )


async def check_caller(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> None:
    """Let the caller pass, or raise a problem with status 401 or 403.

    Async, as every dependency here: a plain one would wait for a thread, all of which may wait for Kafka.
    """
    key = request.app.state.settings.api.key
    if key is None:
        _check_local(request)
    elif given is None or not _same(given.credentials, key.get_secret_value()):
        reason = "no key: send Authorization: Bearer KEY" if given is None else "the key is wrong"
        raise ProblemError(401, reason, headers={"WWW-Authenticate": 'Bearer realm="sago"'})


def _same(given: str, key: str) -> bool:
    """In a time that tells nothing of the key. Headers come as Latin-1 of the bytes that were sent."""
    return hmac.compare_digest(given.encode("latin-1", "replace"), key.encode())


def _check_local(request: Request) -> None:
    """Without a key neither another machine may call, nor a web page whose own name was made to point here."""
    client = request.client.host if request.client else ""
    if not _is_loopback(client) or request.url.hostname not in LOCAL_NAMES:
        raise ProblemError(403, "without a key (SAGO_API__KEY) this machine alone is served, as localhost")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
