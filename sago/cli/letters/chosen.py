"""The letter that a command is about, and how it is named on a screen."""

from __future__ import annotations

import sys
from datetime import datetime

from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.lookup import the_one
from sago.cli.session import Session
from sago.domain.letters import Letter, LetterState
from sago.domain.mails import MailState, mail_id
from sago.ports import Transaction
from sago.report.phrases import one_line


def letter_named(container: Container, wanted: str) -> Letter:
    """The one whose id begins so; raises UsageError where there is none, or more than one."""
    with container.database.begin() as tx:
        return the_one("letter", wanted, tx.outreach.letters(live=False), lambda letter: letter.id)


def file_of(tx: Transaction, letter: Letter) -> str | None:
    """Where a letter that was `sent` into a folder lies; None where a server took it, or it is not sent."""
    mail = tx.mails.get(mail_id("letter", letter.id)) if letter.state is LetterState.SENT else None
    return mail.file if mail and mail.state is MailState.SENT else None


def stage(letter: Letter, file: str | None) -> str:
    """Its state for a person: `written` where it lies in a file for them to send."""
    return "written" if file else letter.state.value


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
