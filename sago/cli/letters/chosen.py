"""The letter that a command is about, and how it is named on a screen."""

from __future__ import annotations

import sys
from datetime import datetime

from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.lookup import the_one
from sago.cli.session import Session
from sago.domain.letters import Letter
from sago.report.phrases import one_line


def letter_named(container: Container, wanted: str) -> Letter:
    """The one whose id begins so; raises UsageError where there is none, or more than one."""
    with container.database.begin() as tx:
        return the_one("letter", wanted, tx.outreach.letters(live=False), lambda letter: letter.id)


def short(letter: Letter) -> str:
    """As much of its id as a person types."""
    return str(letter.id)[:8]


def recipient(letter: Letter) -> str:
    """Their name, on one line."""
    return one_line(letter.recipient.name) if letter.recipient else "nobody yet"


def ago(moment: datetime, now: datetime) -> str:
    """`3 d`, `5 h`, `12 min`, `now`."""
    seconds = max(0.0, (now - moment).total_seconds())
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {name}"
    return "now"


def next_steps(session: Session, letter: Letter, *commands: str) -> None:
    """What a person may type next, a line each, so that it can be copied whole from a narrow window."""
    for number, command in enumerate(commands):
        name, _, options = command.partition(" ")
        typed = f"sago outreach {name} {short(letter)} {options}".strip()
        if not session.quiet:
            session.err.print(escape(f"{'next' if number == 0 else 'or':>4}: {typed}"), soft_wrap=True)


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()
