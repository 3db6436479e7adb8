"""`sago outreach tick`: the claims of a letter, each beside the quote that bears it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.letters.chosen import is_terminal, letter_named, next_steps
from sago.cli.lookup import Wanted, me, opened
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.letters import Letter
from sago.errors import UsageError
from sago.outreach.permission import unticked
from sago.outreach.ticking import Claim, claims_of, require_draft, tick
from sago.report.phrases import counted, one_line

Numbers = Annotated[list[int] | None, typer.Option("--claim", min=1, help="Tick this claim. Repeatable.")]
Every = Annotated[bool, typer.Option("--all", help="Tick every claim; needs --because.")]
Reason = Annotated[str, typer.Option("--because", help="Your reason, kept in the audit log.")]


def tick_claims(
    letter: Wanted,
    claim: Numbers = None,
    every: Every = False,
    because: Reason = "",
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Look at a draft's claims one by one: y ticks one, n says it is wrong, s leaves it for later.

    Example: [bold]sago outreach tick 77c0d1aa[/]; in a script [bold]--claim 3[/], or [bold]--all --because "…"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    if every and not because.strip():
        raise UsageError('--all: say why all of them are true: --because "compared with the thread"')
    with opened(session) as container:
        found = letter_named(container, letter)
        require_draft(found, "ticked")
        claims = claims_of(found)
        if every or claim:
            numbers = range(len(claims)) if every else [number - 1 for number in claim or ()]
            found = _ticked(container, found, numbers, because)
        elif not is_terminal():
            raise UsageError(f"letter {found.id}: nobody can be asked here; name claims, --claim 3, or --all --because")
        else:
            found = _walked(session, container, found, claims, because)
        left = unticked(found, container.approval_rules.tick)
    if as_json:
        session.emit(found.model_dump(mode="json"))
    session.note(_what_is_left(found, left))
    next_steps(session, found, *(("tick", "edit", "reject --because …") if left else ("approve",)))


def _walked(session: Session, container: Container, letter: Letter, claims: Sequence[Claim], why: str) -> Letter:
    """Each tick is kept at once: whoever is interrupted goes on where they were."""
    wrong = []
    for each in claims:
        if each.number not in letter.to_tick - letter.ticked:
            continue
        session.err.print(_shown(each, len(claims)))
        answer = ""
        while answer not in ("y", "n", "s"):
            answer = typer.prompt("true? y, n, or s for later", err=True).strip().lower()[:1]
        if answer == "y":
            letter = _ticked(container, letter, [each.number], why)
        elif answer == "n":
            wrong.append(each)
    for each in wrong:
        session.note(escape(f"claim {each.number + 1} is wrong, you said: “{one_line(each.receipt.claim)}”"))
    return letter


def _ticked(container: Container, letter: Letter, numbers: Sequence[int], why: str) -> Letter:
    at = container.clock.now()
    return tick(letter, numbers, database=container.database, who=me(), why=why, at=at)


def _shown(claim: Claim, of: int) -> Text:
    """The claim in its sentence, and what bears it out."""
    receipt = claim.receipt
    shown = Text(f"\n{claim.number + 1} of {of}  ", "dim")
    before, found, after = one_line(claim.sentence).partition(one_line(receipt.claim))
    shown.append(before, "not dim").append(found, "bold not dim").append(after, "not dim")
    if receipt.quote:
        shown.append(f"\n  “{one_line(receipt.quote)}”", "not dim italic")
        shown.append(f"\n  {one_line(receipt.message_id or 'your watch, or the profile of the company')}")
    else:
        shown.append("\n  your watch, or the profile of the company, says so")
    return shown.append(f"\n  {one_line(receipt.transformation)}") if receipt.transformation else shown


def _what_is_left(letter: Letter, left: Sequence[int]) -> str:
    if not letter.to_tick:
        return "no claim of it rests on an event: nothing to tick"
    if not left:
        return f"{counted(len(letter.to_tick & letter.ticked), 'claim')} ticked"
    return f"left of {counted(len(letter.to_tick), 'claim')}: {', '.join(str(number + 1) for number in left)}"
