"""One verdict on the screen with all its parts: what it weighs, proofs, counter-evidence, promises, freshness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sago.domain.events import Evidence
from sago.domain.significance import CounterEvidence, Fate, Promise
from sago.domain.watches import ConditionResult, Verdict
from sago.domain.wording import day, figure
from sago.report.phrases import LABELS, one_line
from sago.report.terminal import QUOTE_LIMIT, TONES, WIDTH

SHOWN = 5
"""Scores that are listed; the others are summed up in one line."""
_FATES = {
    Fate.REACHED: ("kept", "green"),
    Fate.LATE: ("late", "yellow"),
    Fate.MISSED: ("missed", "red"),
    Fate.OPEN: ("open", "dim"),
}


def explanation(
    verdict: Verdict, before: Verdict | None, changes: Sequence[str], name: str, titles: Mapping[UUID, str]
) -> RenderableType:
    """The verdict and its reasons, each under a heading; headings with nothing under them are left out. Text of
    messages is shown as it is, never read as markup. `titles` are those of the events that scores are of."""
    parts: list[RenderableType] = [*_head(verdict, name)]
    for heading, lines in (
        ("Conditions", [_condition(result, verdict) for result in verdict.results]),
        (f"Significance {verdict.score:.2f}", list(_scores(verdict, titles))),
        ("Against it", [_counter(each, verdict) for each in verdict.counter]),
        ("Said and done", [_promise(each, verdict) for each in verdict.promises]),
        ("How fresh this is", [Text(f"{gap.text}.") for gap in verdict.gaps]),
        (_since(verdict, before), [Text(one_line(change)) for change in changes]),
    ):
        if lines:
            parts += [Text(f"\n{heading}", style="bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines)]
    return Constrain(Group(*parts, Text()), WIDTH)


def _head(verdict: Verdict, name: str) -> Iterator[RenderableType]:
    watch, tone = verdict.watch, TONES[verdict.outcome]
    who = f" · {one_line(watch.investor.name)}" if watch.investor else ""
    met = f", met on {day(watch.met_on, beside=verdict.as_of)}" if watch.met_on else ""
    head = Text.assemble((LABELS[verdict.outcome], f"bold {tone}"), "  ", (one_line(name), "bold"), who, met)
    yield head.append(f"\n{str(watch.id)[:8]} as of {day(verdict.as_of)}", style="dim")
    if watch.reason and watch.conditions:
        yield Text(f"Said no because: {one_line(watch.reason)}", style="dim")
    yield Text(one_line(verdict.because))


def _condition(result: ConditionResult, verdict: Verdict) -> RenderableType:
    mark, tone = ("✓", "green") if result.holds else ("✗", "yellow")
    seen = f": {figure(result.seen, result.unit)}" if result.seen is not None and result.holds else ""
    when = f" on {day(result.as_of, beside=verdict.as_of)}" if result.as_of and result.holds else ""
    missing = f": {result.missing}" if result.missing else ""
    note = f" ({result.note})" if result.note else ""
    line = Text.assemble((f"{mark} ", tone), one_line(result.condition.text), f"{seen}{when}{missing}{note}")
    return Group(line, *_quotes(result.proof[-1:]))


def _scores(verdict: Verdict, titles: Mapping[UUID, str]) -> Iterator[RenderableType]:
    for met in verdict.newly_met:
        yield _part(met.value, met.condition, met.because)
    for each in verdict.scores[:SHOWN]:
        yield _part(each.value, titles.get(each.event_id, str(each.event_id)), each.because)
    if rest := verdict.scores[SHOWN:]:
        yield _row(f"{sum(each.value for each in rest):.2f}", Text(f"{len(rest)} more, none above these", style="dim"))


def _part(value: float, what: str, because: str) -> RenderableType:
    return _row(f"{value:.2f}", Text.assemble(one_line(what), (f"\n{because}", "dim")))


def _counter(each: CounterEvidence, verdict: Verdict) -> RenderableType:
    when = "" if each.kind == "fall" else f", {day(each.at, beside=verdict.as_of)}"
    said = Text(one_line(f"{each.text}{when}"))
    return _row(f"{each.strength:.2f}", Group(said, *_quotes([each.proof], indent=0)), "red")


def _promise(each: Promise, verdict: Verdict) -> RenderableType:
    word, tone = _FATES[each.fate]
    said = f"said on {day(each.said_at, beside=verdict.as_of)}"
    done = f"on {day(each.fact_at, beside=verdict.as_of)}" if each.fact_at else ""
    facts = [each.fact] if each.fact else []
    words = _quotes([each.plan], said, 0), _quotes(facts, done, 0)
    return _row(word, Group(Text(one_line(each.text)), *words[0], *words[1]), tone)


def _row(first: str, rest: RenderableType, tone: str = "") -> RenderableType:
    """A narrow first column, so that what follows keeps its edge where lines wrap."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True, width=6, style=tone)
    grid.add_column(overflow="fold")
    grid.add_row(first, rest)
    return grid


def _quotes(proofs: Iterable[Evidence], said: str = "", indent: int = 2) -> Iterator[RenderableType]:
    for proof in proofs:
        text = Text(f"“{one_line(proof.quote, QUOTE_LIMIT)}”", style="italic")
        yield Padding(text.append(f" {said}" if said else "", style="not italic dim"), (0, 0, 0, indent))


def _since(verdict: Verdict, before: Verdict | None) -> str:
    return f"Since {day(before.as_of, beside=verdict.as_of)}" if before else ""
