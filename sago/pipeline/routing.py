"""Whose a message is: by the channel it lies in, then by the domains of the people in it, else by its connection."""

from __future__ import annotations

from collections.abc import Sequence

from sago.domain.connections import Connection, Route
from sago.ports import Item


def company_of(item: Item, connection: Connection, routes: Sequence[Route]) -> str | None:
    """The company; None where nothing tells, or where people of two companies are in it: unassigned rather than a
    guess."""
    goes = {(route.kind, route.key): route.company_id for route in routes}
    if item.container is not None and (found := goes.get(("container", item.container))):
        return found
    domains = (address.rpartition("@")[2].lower() for address in item.addresses)
    named = {company for domain in domains if (company := goes.get(("domain", domain)))}
    if named:
        return named.pop() if len(named) == 1 else None
    return connection.company_id
