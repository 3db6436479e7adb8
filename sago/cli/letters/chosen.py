"""The letter that a command is about, and how it is named on a screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.lookup import the_one
from sago.cli.session import Session
from sago.domain.letters import Letter, LetterState
from sago.domain.mails import MailState, mail_id
from sago.outreach.permission import doubts, needed, unticked
from sago.outreach.reading import last_change
from sago.ports import Transaction
from sago.report.phrases import one_line

OPEN = (LetterState.DRAFT, LetterState.APPROVED, LetterState.QUEUED)
UNDONE = (LetterState.APPROVED, LetterState.REJECTED)
_STEPS = {
    LetterState.APPROVED: ("reject --because …",),
    LetterState.REJECTED: ("history",),
    LetterState.QUEUED: ("recall --because …",),
    LetterState.UNKNOWN: ("resolve --sent", "resolve --not-sent"),
}


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


def lacks(container: Container, letter: Letter) -> list[str]:
    """What a draft or an approved letter needs still."""
    if letter.state not in OPEN:
        return []
    with container.database.begin() as tx:
        return needed(tx, letter, container.clock.now(), container.approval_rules)


def doubted(container: Container, letter: Letter) -> list[str]:
    """What a person answers for who approves it."""
    with container.database.begin() as tx:
        return doubts(tx, letter)


def steps_of(container: Container, letter: Letter, lacking: Sequence[str]) -> tuple[str, ...]:
    """What may be done about it now, the likeliest first."""
    rules = container.approval_rules
    if letter.state is LetterState.DRAFT:
        first = ("tick", "edit") if unticked(letter, rules.tick) else ("edit",) if lacking else ("approve", "edit")
        return (*first, "reject --because …")
    if letter.state not in _STEPS:
        return ("history",)
    with container.database.begin() as tx:
        made = last_change(tx, letter)
    can_undo = letter.state in UNDONE and made and container.clock.now() - made.at <= rules.undo
    return (*([undo_within(rules.undo)] if can_undo else []), *_STEPS[letter.state])


def undo_within(time: timedelta) -> str:
    """As a step: how long it can be taken."""
    return f"undo  (for {time.total_seconds():.0f} s)"


def crowds(letters: Iterable[Letter]) -> list[list[Letter]]:
    """The open ones that one person would get, where those are several."""
    by_reader: dict[str, list[Letter]] = {}
    for letter in letters:
        if letter.state in OPEN and letter.recipient:
            by_reader.setdefault((letter.recipient.email or letter.recipient.name).casefold(), []).append(letter)
    return [found for found in by_reader.values() if len(found) > 1]


def say_crowd(session: Session, container: Container, letters: Sequence[Letter]) -> None:
    """That one person has several letters waiting, which, and how many of them may go."""
    cap = container.settings.outreach.caps.person
    named = ", ".join(f"{short(letter)} ({letter.state}, {letter.company_id})" for letter in letters)
    session.note(
        f"[yellow]note:[/] {len(letters)} letters wait for {escape(recipient(letters[0]))}: {escape(named)}; at most "
        f"{cap.most} in {cap.days} days go to one person (outreach.caps), so reject what you do not mean to send"
    )


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()
