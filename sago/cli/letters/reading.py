"""`sago outreach list`, `show` and `history`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from sago.cli import receipts
from sago.cli.letters.chosen import (
    ago,
    crowds,
    doubted,
    file_of,
    lacks,
    letter_named,
    next_steps,
    recipient,
    say_crowd,
    short,
    stage,
    steps_of,
)
from sago.cli.lookup import CompanyOption, Wanted, opened, require_known, table
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.letters import Letter, LetterChange, LetterState
from sago.domain.mails import MailState
from sago.outreach.permission import ApprovalRules, notes, unticked
from sago.outreach.receipts import proven
from sago.report.phrases import KINDS, letter_kind, one_line, visible


def list_letters(
    company: CompanyOption = None,
    every: Annotated[bool, typer.Option("--all", help="Superseded, expired and rejected ones too.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List letters, newest first.

    Example: [bold]sago outreach list --all[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        require_known(tx, company)
        found = tx.outreach.letters(company, live=not every)
        listed = {letter.id for letter in found}
        crowded = [each for each in crowds(tx.outreach.letters()) if listed & {letter.id for letter in each}]
        rules, now = container.approval_rules, container.clock.now()
        files = {mail.ref: mail.file for mail in tx.mails.find([MailState.SENT]) if mail.file}
    if as_json:
        for letter in found:
            session.emit(letter.model_dump(mode="json") | {"file": files.get(letter.id)})
        return
    rows = [_cells(letter, rules, now, files.get(letter.id)) for letter in found]
    table(session, ("id", "company", "state", "age", "ticks", "to", "subject"), rows, "no letters yet")
    for each in crowded:
        say_crowd(session, container, each)
    if drafts := [letter for letter in found if letter.state is LetterState.DRAFT]:
        next_steps(session, drafts[0], "show")


def show_letter(
    letter: Wanted,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show one letter as it would be read, and what it needs before it can go.

    Example: [bold]sago outreach show 77c0d1aa[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = letter_named(container, letter)
        left = lacks(container, found)
        steps, own_words = steps_of(container, found, left), doubted(container, found)
        with container.database.begin() as tx:
            kind = KINDS[letter_kind(found, tx.outreach.watches(found.company_id))]
            file = file_of(tx, found)
    if as_json:
        session.emit(found.model_dump(mode="json") | {"needed": left, "doubts": own_words, "file": file})
        return
    session.out.print(Text(one_line(found.subject), style="bold"))
    session.out.print(
        Text(f"{stage(found, file)}: {kind}; from {one_line(found.sender.name)} to {recipient(found)}\n", style="dim")
    )
    session.out.print(Text(visible(found.draft.body)))
    session.out.print()
    for line in left:
        session.out.print(Text(f"✗ {line}", style="yellow"))
    for line in (*notes(found), *own_words):
        session.out.print(Text(f"• {line}", style="dim"))
    if file:
        session.note(escape(f"written to {file}: send it by hand, in your mail program; nothing was mailed"))
    elif found.state is not LetterState.DRAFT:
        session.note(escape(f"{found.state}: {found.state.instead}"))
    next_steps(session, found, *steps)


def show_history(
    letter: Wanted,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show what was done about a letter, by whom, when and why.

    Example: [bold]sago outreach history 77c0d1aa[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = letter_named(container, letter)
        with container.database.begin() as tx:
            changes = tx.outreach.history(found.id)
            file = file_of(tx, found)
    if as_json:
        for change in changes:
            session.emit(change.model_dump(mode="json"))
        return
    session.out.print(Text(f"{found.created_at:%Y-%m-%d %H:%M:%S}  composed by {found.composed_by}"))
    for change in changes:
        session.out.print(_told(change, file))


def _told(change: LetterChange, file: str | None) -> Text:
    """`2026-11-20 09:00:12  approved by cli:ana: reads well`."""
    what = change.action.removeprefix("letter.")
    what = "written" if what == LetterState.SENT and file else what
    what = "back to draft" if what == "draft" else what
    claims = [str(number + 1) for number in change.detail.get("claims", ())]
    about = f" claim{'s' if len(claims) > 1 else ''} {', '.join(claims)}" if claims else ""
    why = f": {one_line(change.why)}" if change.why else ""
    line = Text(f"{change.at:%Y-%m-%d %H:%M:%S}  {what}{about} by {one_line(change.who)}{why}")
    if text := change.detail.get("after") or change.detail.get("text"):
        line.append(f"  text {text[:8]}", "dim")
    return line


def _cells(letter: Letter, rules: ApprovalRules, now: datetime, file: str | None) -> tuple[str, ...]:
    place = (short(letter), letter.company_id, stage(letter, file), ago(letter.created_at, now))
    return (*place, _ticks(letter, rules), recipient(letter), letter.subject)


def _ticks(letter: Letter, rules: ApprovalRules) -> str:
    """`3/9` of the claims are ticked; nothing where nobody has to."""
    if not letter.ticked and not unticked(letter, rules.tick):
        return ""
    return f"{len(letter.to_tick & letter.ticked)}/{len(letter.to_tick)}"


def show_receipts(
    letter: Wanted,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show where each figure, date and name of a letter comes from, and whether its proof still stands.

    Example: [bold]sago outreach receipt 77c0d1aa[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = letter_named(container, letter)
        proofs = proven(found, container.database, container.raw)
        with container.database.begin() as tx:
            file = file_of(tx, found)
    if as_json:
        session.emit(receipts.as_json(found, proofs) | {"file": file})
    else:
        receipts.show(session, found, proofs, file)
