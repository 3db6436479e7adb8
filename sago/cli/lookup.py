"""What the people's commands share: the container, an id by its first characters, a table, and who decides."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, TypeVar

import typer

from sago.bootstrap import Container, build
from sago.cli.session import Session
from sago.cli.tables import laid_out
from sago.errors import UsageError
from sago.ports import Transaction
from sago.report.phrases import one_line

CompanyOption = Annotated[str | None, typer.Option("--company", help="Only this company.")]
Because = Annotated[str, typer.Option("--because", help="Your reason, kept in the audit log.")]
Wanted = Annotated[str, typer.Argument(help="Id, or its first characters.")]
T = TypeVar("T")


@contextmanager
def opened(session: Session) -> Iterator[Container]:
    """The container of the running stack, closed afterwards. Raises ConfigError where no stack runs."""
    container = build(session.settings)
    try:
        yield container
    finally:
        container.close()


def the_one(what: str, wanted: str, found: Sequence[T], identity: Callable[[T], object]) -> T:
    """The one whose id begins with `wanted`; raises UsageError where there is none, or more than one."""
    matching = [each for each in found if wanted and str(identity(each)).startswith(wanted.lower())]
    if len(matching) == 1:
        return matching[0]
    see = {
        "event": "events list",
        "rejected event": "events rejected",
        "letter": "outreach list",
        "notice": "notices list",
        "watch": "watch list",
        "key": "keys list",
        "person": "people list",
        "proposal": "people proposals",
        "decision": "people proposals --decided",
    }[what]
    reason = f"{len(matching)} begin so; give more characters" if matching else f"there is none; see `sago {see}`"
    raise UsageError(f"{what} {one_line(wanted, 60)}: {reason}")


def require_known(tx: Transaction, company: str | None) -> None:
    """Raises UsageError, naming those that are known, where no message of this company was ever taken; None is any."""
    if company is None or tx.companies.get(company) is not None:
        return
    known = ", ".join(each.company_id for each in tx.companies.all())
    told = f"known are: {known}" if known else "none is yet: bring messages in, `sago ingest FILE`"
    raise UsageError(f"company {one_line(company, 60)}: not known; {told}")


def table(
    session: Session, heads: Sequence[str], rows: Sequence[Sequence[str]], empty: str, right: Sequence[str] = ()
) -> None:
    """Rows on stdout, whatever they hold shown as it is; `empty` on stderr where there are none."""
    if rows:
        session.out.print(laid_out(heads, rows, session.out.width, right))
    else:
        session.note(empty)


def me() -> str:
    """Who decides, as the audit log names them: the login name."""
    return f"cli:{getpass.getuser()}"
