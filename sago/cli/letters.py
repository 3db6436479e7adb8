"""`sago outreach`: letters as they would be read, and a person's decision about each."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from sago.bootstrap import Container
from sago.cli import receipts
from sago.cli.lookup import Because, CompanyOption, Wanted, me, opened, require_known, table, the_one
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.letters import Letter, LetterState
from sago.domain.watches import Watch
from sago.outreach.deciding import decide, resolve
from sago.outreach.receipts import proven
from sago.outreach.standing import lay_out
from sago.report.phrases import KINDS, letter_kind, one_line, visible

group = typer.Typer(no_args_is_help=True, help="Letters: read, approve or reject. Nothing goes out unapproved.")


@group.command("list")
def list_letters(
    company: CompanyOption = None,
    every: Annotated[bool, typer.Option("--all", help="Superseded and rejected ones too.")] = False,
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
        watches = tx.outreach.watches(company)
    if as_json:
        for letter in found:
            session.emit(letter.model_dump(mode="json"))
        return
    heads = ("id", "company", "kind", "state", "to", "subject")
    table(session, heads, [_letter_cells(each, watches) for each in found], "no letters yet")


@group.command("show")
def show_letter(
    letter: Wanted,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show one letter as it would be read.

    Example: [bold]sago outreach show 77c0d1aa[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = _letter(container, letter)
        with container.database.begin() as tx:
            kind = KINDS[letter_kind(found, tx.outreach.watches(found.company_id))]
    if as_json:
        session.emit(found.model_dump(mode="json"))
        return
    session.out.print(Text(one_line(found.subject), style="bold"))
    session.out.print(
        Text(f"{found.state}: {kind}; from {one_line(found.sender.name)} to {_recipient(found)}\n", style="dim")
    )
    session.out.print(Text(visible(found.draft.body)))


@group.command("receipt")
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
        found = _letter(container, letter)
        proofs = proven(found, container.database, container.raw)
    if as_json:
        session.emit(receipts.as_json(found, proofs))
    else:
        receipts.show(session, found, proofs)


@group.command("approve")
def approve_letter(
    letter: Wanted,
    because: Because = "approved on the command line",
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Approve a draft in your name.

    Example: [bold]sago outreach approve 77c0d1aa[/]
    """
    _decide(Session(as_json, verbose, quiet, config), letter, LetterState.APPROVED, because)


@group.command("reject")
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
    _decide(Session(as_json, verbose, quiet, config), letter, LetterState.REJECTED, because)


@group.command("resolve")
def resolve_letter(
    letter: Annotated[str, typer.Argument(help="Id, or its first characters: `sago outreach list` has the ids.")],
    because: Because,
    sent: Annotated[bool, typer.Option("--sent/--not-sent", help="Whether it went out; look at your mail program.")],
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say what became of a letter that is `unknown` after a backup was restored.

    Example: [bold]sago outreach resolve 77c0d1aa --sent --because "in my sent mail of Tuesday"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = _letter(container, letter)
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
    session.note(problem or "letters may be approved again")


def _decide(session: Session, wanted: str, state: LetterState, why: str) -> None:
    with opened(session) as container:
        found = _letter(container, wanted)
        is_new = found.state is not state
        decided = _decided(container, found, state, why) if is_new else found
        file = container.drafts.place(decided) if state is LetterState.APPROVED else ""
        if file and not is_new:
            container.generations.check()
            lay_out(decided, container.database, container.drafts)
    if session.as_json:
        session.emit(decided.model_dump(mode="json"))
    elif file:
        session.out.print(Text(file), soft_wrap=True)
    session.note(f"{decided.state} {decided.id}" if is_new else f"{decided.id} is {decided.state} already")
    if file:
        session.note("next: open the file in your mail program, read it and send it from there; Sago sends nothing")


def _decided(container: Container, letter: Letter, state: LetterState, why: str) -> Letter:
    return decide(
        letter.id,
        state,
        database=container.database,
        drafts=container.drafts,
        announce=container.generations.announce,
        who=me(),
        why=why,
        at=container.clock.now(),
    )


def _letter(container: Container, wanted: str) -> Letter:
    with container.database.begin() as tx:
        return the_one("letter", wanted, tx.outreach.letters(live=False), lambda letter: letter.id)


def _recipient(letter: Letter) -> str:
    return one_line(letter.recipient.name) if letter.recipient else "nobody yet"


def _letter_cells(letter: Letter, watches: list[Watch]) -> tuple[str, ...]:
    kind = letter_kind(letter, watches)
    to = _recipient(letter)
    return (str(letter.id)[:8], letter.company_id, kind, letter.state.value, to, letter.subject)
