"""Which channels or labels are shared: named on the command line, or chosen at the terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

import typer

from sago.cli.lookup import table
from sago.cli.session import Session
from sago.domain.connections import EVERY_CONTAINER
from sago.errors import UsageError
from sago.report.phrases import one_line
from sago.sources.accounts import Choice

RANGE = re.compile(r"(\d+)(?:-(\d+))?")
NEAR = 8
"""Names that an error lists."""


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def named(wanted: Sequence[str], choices: Sequence[Choice], kind: str) -> tuple[str, ...]:
    """Ids of what is named by id or name; raises UsageError for what there is not."""
    return tuple(dict.fromkeys(_id_of(each, choices, kind) for each in wanted))


def chosen(session: Session, choices: Sequence[Choice], kind: str, kept: Sequence[str] = ()) -> tuple[str, ...]:
    """Ask until the answer is understood; nothing typed keeps what was shared, or shares nothing."""
    heads = ("", kind, "")
    rows = [(str(number), each.name, _state(each, kept)) for number, each in enumerate(choices, 1)]
    err = Session(quiet=session.quiet, out=session.err, err=session.err)
    table(err, heads, rows, f"there is no {kind}")
    default = "as before" if kept else "none"
    while True:
        said = typer.prompt(
            f"Share which? Numbers, names, or all [{default}]", default="", show_default=False, err=True
        )
        if not said.strip():
            return tuple(kept)
        try:
            return understood(said, choices, kind)
        except UsageError as error:
            session.note(f"[yellow]{one_line(str(error))}[/]")


def understood(said: str, choices: Sequence[Choice], kind: str) -> tuple[str, ...]:
    """`1, 3-5, general` as ids; `all` is whatever there is and will be."""
    if said.strip().lower() == "all":
        return (EVERY_CONTAINER,)
    found: list[str] = []
    for part in filter(None, (each.strip() for each in said.split(","))):
        numbers = RANGE.fullmatch(part)
        if numbers and not any(part in (each.name, each.id) for each in choices):
            first, last = int(numbers[1]), int(numbers[2] or numbers[1])
            if not 1 <= first <= last <= len(choices):
                raise UsageError(f"{part}: the numbers go from 1 to {len(choices)}")
            found += [each.id for each in choices[first - 1 : last]]
        else:
            found.append(_id_of(part, choices, kind))
    return tuple(dict.fromkeys(found))


def _id_of(wanted: str, choices: Sequence[Choice], kind: str) -> str:
    name = wanted.strip().removeprefix("#")
    matching = [each for each in choices if name == each.id] or [each for each in choices if name == each.name]
    matching = matching or [each for each in choices if name.lower() == each.name.lower()]
    if len(matching) == 1:
        return matching[0].id
    if matching:
        raise UsageError(f"{kind} {one_line(wanted, 60)}: is the name of {len(matching)}; give one's id")
    near = [each.name for each in choices if name.lower() in each.name.lower()] or [each.name for each in choices]
    more = f" and {len(near) - NEAR} more" if len(near) > NEAR else ""
    there = ", ".join(one_line(each, 40) for each in near[:NEAR]) + more if near else "none"
    unseen = "; a private one is seen once the bot is in it" if kind == "channel" else ""
    raise UsageError(f"{kind} {one_line(wanted, 60)}: there is none; there are: {there}{unseen}")


def _state(choice: Choice, kept: Sequence[str]) -> str:
    shared = "shared" if choice.id in kept or EVERY_CONTAINER in kept else ""
    return "; ".join(filter(None, (shared, choice.problem)))
