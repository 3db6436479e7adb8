"""One line of `sago doctor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sago.errors import SagoError


class Check(NamedTuple):
    """A check's name, whether it passed, and what was found or how to mend it."""

    name: str
    says: str
    ok: bool = True


def attempt(name: str, find: Callable[[], str]) -> Check:
    """What `find` found, or the reason of the SagoError it raised."""
    try:
        return Check(name, find())
    except SagoError as error:
        return Check(name, str(error), ok=False)
