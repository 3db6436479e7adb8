"""Whose a message is: by the channel it lies in, then by the domains of the people in it, else by its connection."""

from __future__ import annotations

from collections.abc import Sequence

from sago.domain.connections import EVERY_CONTAINER, LEFT_ALONE, Connection, Route
from sago.ports import Item


def company_of(item: Item, connection: Connection, routes: Sequence[Route]) -> str | None:
    """The company; None where nothing tells, or where people of two companies are in it: unassigned rather than a
    guess. LEFT_ALONE of what was a company's that is not shared any more, whoever else is in it."""
    containers = {route.key: route.company_id for route in routes if route.kind == "container"}
    if item.container in containers:
        return containers[item.container]
    domains = {route.key.lower(): route.company_id for route in routes if route.kind == "domain"}
    named = {domains[domain] for domain in map(domain_of, item.addresses) if domain in domains}
    if LEFT_ALONE in named:
        return LEFT_ALONE
    if named:
        return named.pop() if len(named) == 1 else None
    return connection.company_id or containers.get(EVERY_CONTAINER)


def domain_of(address: str) -> str:
    """What stands behind the last @, in lower case; empty where there is none: a name alone says nothing."""
    _, at, domain = address.strip().rpartition("@")
    return domain.strip().rstrip(".").lower() if at else ""
