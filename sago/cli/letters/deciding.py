"""`sago outreach approve`, `reject`, `undo` and `resolve`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.letters.chosen import (
    crowds,
    doubted,
    is_terminal,
    lacks,
    letter_named,
    next_steps,
    say_crowd,
    short,
    steps_of,
    undo_within,
)
from sago.cli.lookup import Because, Wanted, me, opened
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.letters import Letter, LetterState
from sago.errors import UsageError
from sago.outreach.deciding import decide, resolve, undo
from sago.outreach.permission import notes, objections
from sago.outreach.standing import lay_out
from sago.report.phrases import one_line

Yes = Annotated[bool, typer.Option("--yes", help="You have read it, and stand by what it is in doubt about.")]


KEPT_TO = timedelta(milliseconds=1)
"""The audit log's moments are whole milliseconds."""


def approve_letter(
    letter: Wanted,
    because: Because = "approved on the command line",
    yes: Yes = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Approve a draft in your name.

    Example: [bold]sago outreach approve 77c0d1aa --because "reads well"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = letter_named(container, letter)
        _confirm(found, doubted(container, found), yes=yes)
        decided, is_new = _decided(session, container, found, LetterState.APPROVED, because)
        if not is_new:
            container.generations.check()
            lay_out(decided, container.database, container.drafts)
        file, within = container.drafts.place(decided), container.approval_rules.undo
        way = _way(container, decided)
        with container.database.begin() as tx:
            crowded = [each for each in crowds(tx.outreach.letters()) if decided.id in {one.id for one in each}]
    if as_json:
        session.emit(decided.model_dump(mode="json"))
    else:
        session.out.print(Text(file), soft_wrap=True)
    for line in notes(decided):
        session.note(line)
    session.note(way)
    for each in crowded:
        say_crowd(session, container, each)
    steps = ("resolve --sent",) if notes(decided) else ()
    next_steps(session, decided, *_while_fresh(is_new, within), *steps)


def reject_letter(
    letter: Wanted,
    because: Because,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Reject a letter; its window gets no other.

    Example: [bold]sago outreach reject 77c0d1aa --because "already in touch"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        decided, _ = _decided(session, container, letter_named(container, letter), LetterState.REJECTED, because)
        steps = steps_of(container, decided, ())
    if as_json:
        session.emit(decided.model_dump(mode="json"))
    next_steps(session, decided, *steps)


def undo_decision(
    letter: Wanted,
    because: Because = "undone on the command line",
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Take a fresh approval or rejection back: the letter is a draft again.

    Example: [bold]sago outreach undo 77c0d1aa[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = letter_named(container, letter)
        undone = undo(
            found.id,
            database=container.database,
            drafts=container.drafts,
            who=me(),
            why=because,
            at=container.clock.now(),
            within=container.approval_rules.undo,
        )
        steps = steps_of(container, undone, lacks(container, undone))
    if as_json:
        session.emit(undone.model_dump(mode="json"))
    session.note(f"{undone.id} is a draft again")
    next_steps(session, undone, *steps)


def resolve_letter(
    letter: Annotated[str, typer.Argument(help="Id, or its first characters: `sago outreach list` has the ids.")],
    sent: Annotated[bool, typer.Option("--sent/--not-sent", help="Whether it went out; look at your mail program.")],
    because: Because = "said on the command line",
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say what became of an `unknown` letter, or that you sent an approved one yourself.

    Example: [bold]sago outreach resolve 77c0d1aa --sent --because "in my sent mail of Tuesday"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = letter_named(container, letter)
        resolved = resolve(
            found.id,
            sent,
            database=container.database,
            drafts=container.drafts,
            who=me(),
            why=because,
            at=container.clock.now(),
        )
        problem = container.generations.problem()
    if as_json:
        session.emit(resolved.model_dump(mode="json"))
    session.note(f"{resolved.state} {resolved.id}")
    if problem or found.state is LetterState.UNKNOWN:
        session.note(problem or "letters may be approved again")


def _way(container: Container, letter: Letter) -> str:
    """When and where an approved letter goes: all that a person need know, or do, about it."""
    if notes(letter):
        return "open the file in your mail program and send it from there; then say so"
    with container.database.begin() as tx:
        against = objections(tx, letter, container.clock.now(), container.approval_rules.fresh_for)
    if letter.state is LetterState.APPROVED and against:
        return f"will not go: {'; '.join(against)}"
    when = _when(container, letter)
    if container.settings.smtp.host:
        return f"goes out by mail {when}, as far as outreach.caps allow; sago outreach outbox tells how it stands"
    return (
        f"is written into {container.settings.outreach.folder / 'sent'} {when}, as far as outreach.caps allow: send it "
        "from there, nothing is mailed without smtp.host; sago outreach deliver then does it at once"
    )


def _when(container: Container, letter: Letter) -> str:
    """`from Monday 23 November, 9:00 Europe/Berlin`, or how long it can be undone where its window is open then."""
    outreach, undo = container.settings.outreach, container.approval_rules.undo
    with container.database.begin() as tx:
        contact = tx.contacts.get((letter.recipient and letter.recipient.email) or "")
    zone = (contact and contact.timezone) or outreach.timezone
    at = (letter.approved_at or container.clock.now()) + undo
    opens = outreach.window.next_open(at, zone).astimezone(ZoneInfo(zone))
    if opens > at:
        return f"from {opens:%A} {opens.day} {opens:%B}, {opens:%H:%M} {zone}"
    return f"once {undo.total_seconds():g} s to undo it are over"


def _while_fresh(is_new: bool, within: timedelta) -> tuple[str, ...]:
    return (undo_within(within),) if is_new and within else ()


def _confirm(letter: Letter, doubts: Sequence[str], *, yes: bool) -> None:
    """Ask once about what only a person can answer for; raises UsageError where nobody can be asked."""
    if yes or not doubts:
        return
    if not is_terminal():
        raise UsageError(f"letter {letter.id}: {'; '.join(doubts)}; read it, then approve it with --yes, or edit it")
    for line in doubts:
        typer.echo(f"{one_line(letter.draft.subject)}: {line}", err=True)
    if not typer.confirm("Have you read it, and is it true?", err=True):
        raise UsageError(f"letter {letter.id}: is a draft still; sago outreach show {short(letter)}")


def _decided(
    session: Session, container: Container, found: Letter, state: LetterState, why: str
) -> tuple[Letter, bool]:
    """The letter as it is decided, and whether by this command; says by whom it was before."""
    who, at = me(), container.clock.now()
    decided = decide(
        found.id,
        state,
        database=container.database,
        drafts=container.drafts,
        announce=container.generations.announce,
        who=who,
        why=why,
        at=at,
        rules=container.approval_rules,
        seen=found,
    )
    with container.database.begin() as tx:
        made = [each for each in tx.outreach.history(found.id) if each.action == f"letter.{state}"]
    is_ours = bool(made) and (made[-1].who, made[-1].why) == (who, why) and abs(made[-1].at - at) < KEPT_TO
    is_new = found.state is not state and is_ours
    if is_new:
        session.note(f"{decided.state} {decided.id}")
    else:
        by = f", by {one_line(made[-1].who)} at {made[-1].at:%Y-%m-%d %H:%M}: {one_line(made[-1].why)}" if made else ""
        session.note(escape(f"{decided.id} is {decided.state} already{by}"))
    return decided, is_new
