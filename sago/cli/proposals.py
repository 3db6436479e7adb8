"""Conditions proposed from a reason, and a person's word about them."""

from __future__ import annotations

import shlex
import sys

import typer
from rich.markup import escape
from rich.text import Text

from sago.cli.session import Session
from sago.domain.watches import Condition
from sago.errors import UsageError
from sago.outreach.proposing import Proposals


def confirmed(session: Session, proposals: Proposals, *, accepted: bool) -> tuple[Condition, ...]:
    """What a person waits for, of what their reason proposes. Without a terminal nobody can be asked: the proposals
    are printed as flags. Raises UsageError where nothing is accepted, or nothing could be proposed."""
    conditions = tuple(proposed.condition for proposed in proposals.conditions)
    if not conditions:
        tell(session, proposals)
        raise UsageError("--reason: proposes no condition; say with --when what you wait for")
    if accepted:
        _note_unclear(session, proposals)
        return conditions
    tell(session, proposals)
    if session.as_json or not has_terminal():
        or_all = "" if proposals.is_by_model else ", or with --accept-proposed"
        raise UsageError(f"nothing added: repeat the command with these --when{or_all}")
    if not typer.confirm("Wait for these?", default=True, err=True):
        raise UsageError("nothing added; say with --when what you wait for")
    return conditions


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def tell(session: Session, proposals: Proposals) -> None:
    """The proposals as flags on stdout, each with the words it answers; on stderr what gives none."""
    if session.as_json:
        session.emit(
            {
                "proposed": [{"when": each.condition.text, "because": each.because} for each in proposals.conditions],
                "unclear": [each._asdict() for each in proposals.unclear],
                "dropped": list(proposals.dropped),
                "by": proposals.by,
            }
        )
    else:
        for each in proposals.conditions:
            flag = f"--when {shlex.quote(each.condition.text)}"
            session.out.print(Text.assemble(f"{flag:<36}", (f"  # {each.because}", "dim")), soft_wrap=True)
    _note_unclear(session, proposals)
    if proposals.is_by_model:
        session.note(f"proposed by {proposals.by}, each held against your words; what counts is what you confirm")


def _note_unclear(session: Session, proposals: Proposals) -> None:
    for line in (*(f"“{each.words}” {each.hint}" for each in proposals.unclear), *proposals.dropped):
        session.note(escape(line))
    if proposals.note:
        session.note(f"[yellow]note:[/] {escape(proposals.note)}; the rules proposed instead")
