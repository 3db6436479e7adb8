"""The last screen of a run: the verdicts, the letter of the first, one line of figures, and where the report lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sago.domain.events import Evidence
from sago.domain.letters import Letter
from sago.domain.watches import Outcome, Verdict
from sago.domain.wording import day, titled
from sago.report.data import ReportData
from sago.report.phrases import LABELS, counted, kind_of, one_line, passed_on, plumbing, visible

TONES = {Outcome.NOW: "green", Outcome.NOT_YET: "yellow", Outcome.DO_NOT_WRITE: "red", Outcome.UPDATE: "cyan"}
QUOTE_LIMIT = 240
"""Characters of a quote shown; the report has the whole message."""
WIDTH = 96
"""Columns at most: longer lines read badly."""


def screen(data: ReportData, folder: Path = Path("output"), look: str | None = None) -> RenderableType:
    """What `sago run` and the demo end with. Text of messages is shown as it is, never read as markup. `look` says how
    to see the events, where they are kept."""
    judged = data.judged()
    shown = [next((v for v in judged if v.outcome is outcome), None) for outcome in LABELS]
    parts: list[RenderableType] = [_verdict(verdict, data) for verdict in shown if verdict]
    rest = len(judged) - len(parts)
    if rest > 0:
        parts.append(Text(f"  and {counted(rest, 'more verdict')} in the report\n", style="dim"))
    letter = _first_letter(data, judged)
    parts.append(
        _letter(letter, data) if letter else Text("No letter: nothing new to tell, or it failed its checks.\n")
    )
    parts.append(_last_lines(data, folder, look if data.events else None))
    return Constrain(Group(Text(), *parts), WIDTH)


def _verdict(verdict: Verdict, data: ReportData) -> RenderableType:
    tone = TONES[verdict.outcome]
    said = Text.assemble((LABELS[verdict.outcome], f"bold {tone}"), "  ", one_line(_because(verdict)))
    lines: list[RenderableType] = [Text(passed_on(verdict, data)), Text(), said]
    lines += [_quote(verdict, evidence, data) for evidence in _proofs(verdict)]
    title = Text(data.name(verdict.watch.company_id), style=f"bold {tone}")
    return Panel(Group(*lines), title=title, title_align="left", border_style=tone, box=box.ROUNDED, padding=(0, 1))


def _because(verdict: Verdict) -> str:
    if verdict.outcome is Outcome.DO_NOT_WRITE and verdict.against:
        setback = verdict.against[0]
        return (
            f"What you asked for holds, but told on {day(setback.occurred_at, beside=verdict.as_of)}: {titled(setback)}"
        )
    return verdict.because


def _proofs(verdict: Verdict) -> Iterator[Evidence]:
    """A proof of each condition, or of those that are missing something; of a setback its quote."""
    if verdict.outcome is Outcome.DO_NOT_WRITE:
        yield from (event.evidence[0] for event in verdict.against[:1])
        return
    telling = [result for result in verdict.results if result.holds == (verdict.outcome is Outcome.NOW)]
    yield from (proof for result in telling for proof in result.proof[-(len(result.points) or 1) :])


def _quote(verdict: Verdict, evidence: Evidence, data: ReportData) -> RenderableType:
    proof = data.proof(verdict.watch.company_id, evidence)
    said = f"{one_line(proof.sender or '')}, {day(proof.sent_at, beside=data.as_of)}" if proof.sent_at else ""
    text = Text(f"“{one_line(proof.quote, QUOTE_LIMIT)}”", style="italic")
    return Padding(text.append(f"\n{said}" if said else "", style="not italic dim"), (0, 0, 0, 5))


def _first_letter(data: ReportData, judged: list[Verdict]) -> Letter | None:
    """The letter of the first NOW; without one the newest letter."""
    answers = [letter for verdict in judged if verdict.outcome is Outcome.NOW and (letter := data.letter_of(verdict))]
    return next(iter([*answers, *data.letters]), None)


def _letter(letter: Letter, data: ReportData) -> RenderableType:
    to = letter.recipient.name if letter.recipient else "(for you to choose)"
    head = Text.assemble(
        ("From     ", "dim"), one_line(letter.sender.name), "\n", ("To       ", "dim"), one_line(to), "\n",
        ("Subject  ", "dim"), (one_line(letter.subject), "bold"), "\n",
    )  # fmt: skip
    body = Group(*(_paragraph(line) for line in visible(letter.draft.body).split("\n")))
    title = Text(f"The {kind_of(letter, data)}, ready for your approval", style="bold")
    return Panel(Group(head, body), title=title, title_align="left", box=box.ROUNDED, padding=(1, 2))


def _paragraph(line: str) -> RenderableType:
    """One line of a letter; a bullet's further lines hang under its text."""
    if not line.startswith("- "):
        return Text(line)
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text("-"), Text(line[2:]))
    return grid


def _last_lines(data: ReportData, folder: Path, look: str | None) -> Text:
    found = f"{counted(len(data.events), 'event')} · {counted(len(data.letters), 'letter')}"
    lines = Text(f"{plumbing(data.figures)} · {found}\n", style="dim")
    if data.bad_rows:
        lines.append(
            f"{counted(len(data.bad_rows), 'row')} could not be read, first: {one_line(data.bad_rows[0], 120)}\n",
            "yellow",
        )
    return (
        lines.append("Report   ")
        .append(str(folder / "report.html"), "bold")
        .append(f"\nLetters  {folder / 'outreach'}\n")
        .append(f"Events   {look}\n" if look else "")
    )
