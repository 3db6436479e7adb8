"""Firms as a person names them."""

from __future__ import annotations

from typing import Annotated

import typer

from sago.domain.companies import firm_id_of
from sago.errors import UsageError
from sago.ports import Transaction
from sago.report.phrases import one_line

Firm = Annotated[str, typer.Option("--firm", metavar="NAME", help="The firm, by its name or id.")]


def firm_of(name: str) -> str:
    """The id of the firm of that name; raises UsageError where the name holds no letter that an id can."""
    if found := firm_id_of(name):
        return found
    raise UsageError(f"--firm {one_line(name, 60)!r}: write its name with letters or digits, as 'Northgate Capital'")


def require_firm(tx: Transaction, firm_id: str | None) -> None:
    """Raises UsageError, naming those that are known, where it is none of them; None is any."""
    known = tx.shares.firms()
    if firm_id is not None and firm_id not in known:
        raise UsageError(f"--firm {firm_id}: not known; known are: {', '.join(sorted(known)) or 'none'}")


def ensured(tx: Transaction, name: str) -> str:
    """The firm's id; one that is not known yet is from here on."""
    firm_id = firm_of(name)
    tx.shares.ensure_firm(firm_id, one_line(name, 200))
    return firm_id
