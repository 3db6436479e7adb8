"""How often one key may ask, and one address without a key of ours (draft-ietf-httpapi-ratelimit-headers-11)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request

from sago.api.problems import ProblemError
from sago.ports import Rate, Room
from sago.serving_sections import ApiSettings

STRANGERS = Rate(a_minute=30, burst=30)
"""Wrong keys of one address; right ones do not count."""
TASKS = Rate(a_minute=30, burst=60)
"""Tasks that a firm starts, by all of its keys together: they wait in a queue that all firms share."""
V6_NETWORK = 64
"""Bits that a provider gives to one customer."""


class Strangers:
    """Look-ups that are under way for addresses whose key is not known, so that no more of them are begun than may
    fail. Of one event loop."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def looking(self, address: str, room: Room) -> Iterator[None]:
        """For the time of one look-up; raises a problem with status 429 where all that is left may be used up."""
        if self._under_way[address] >= room.left:
            raise too_many("wrong keys from this address", room)
        self._under_way[address] += 1
        try:
            yield
        finally:
            self._under_way[address] -= 1
            if not self._under_way[address]:
                del self._under_way[address]


async def admit(request: Request, who: str) -> None:
    """Count a request of this caller; raises a problem with status 429 where it is one too many."""
    settings: ApiSettings = request.app.state.settings.api
    if not settings.rate_limit:
        return
    rate = Rate(settings.rate_limit, settings.rate_burst)
    room: Room = await request.app.state.container.throttle.take(f"api:{who}", rate)
    if room.whole_in:  # else nobody counts
        _tell(request, "key", rate, room)
    if not room.is_given:
        raise too_many("requests of this key", room)


async def admit_task(request: Request, firm_id: str) -> None:
    """Count a task of this firm; raises a problem with status 429 where it is one too many."""
    if not request.app.state.settings.api.rate_limit:
        return
    room: Room = await request.app.state.container.throttle.take(f"tasks:{firm_id}", TASKS)
    if not room.is_given:
        raise too_many("tasks of this firm", room)


async def look_up_room(request: Request) -> Room:
    """What is left to the caller's address."""
    room: Room = await request.app.state.container.throttle.look(f"401:{address_of(request)}", STRANGERS)
    return room


async def refuse(request: Request, reason: str) -> ProblemError:
    """What is said to a caller without a key of ours, which counts: 401, or 429 where that was one too many."""
    room: Room = await request.app.state.container.throttle.take(f"401:{address_of(request)}", STRANGERS)
    if not room.is_given:
        return too_many("wrong keys from this address", room)
    return ProblemError(401, reason, headers={"WWW-Authenticate": 'Bearer realm="sago"'})


def address_of(request: Request) -> str:
    """Whose request it is, as far as one can tell: of IPv6 the network, as one holder has all of its addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((int(address), V6_NETWORK), strict=False))
    return str(address)


def too_many(of_what: str, room: Room) -> ProblemError:
    """429, with the seconds after which it is worth while."""
    seconds = max(math.ceil(room.wait), 1)
    return ProblemError(429, f"too many {of_what}: try again in {seconds} s", headers={"Retry-After": str(seconds)})


def _tell(request: Request, name: str, rate: Rate, room: Room) -> None:
    """What the answer says of the rate, whichever answer it is."""
    within = math.ceil(room.whole_in if room.is_given else room.wait)
    policy = f'"{name}";q={rate.a_minute};w=60;sago-burst={rate.burst}'
    left = f'"{name}";r={room.left};t={max(within, 1)}'
    request.state.rate_headers = ((b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode()))
