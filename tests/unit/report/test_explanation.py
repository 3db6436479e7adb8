"""A verdict on the screen: every part under its heading, nothing read as markup, nothing cut."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from rich.console import Console

from sago.domain.significance import Arrivals, Scale
from sago.domain.watches import Verdict
from sago.outreach.verdicts import judge
from sago.outreach.weighing import Grounds, assess
from sago.report.explanation import explanation
from tests.unit.outreach.stories import ARR, EVENTS, NOW, POINTS, SETBACK, event, watch
from tests.unit.outreach.test_counterevidence import NOT_SIGNED
from tests.unit.outreach.test_promises import plan

PLAN = plan("We will be at $3M ARR by December.", arr=3e6)
QUIET = [
    Arrivals("slack", day, 28)
    for day in (date(2026, 8, 31) + timedelta(days=n) for n in range(68))
    if day.weekday() < 5
]  # fmt: skip


def verdict(*conditions: str, on: Grounds | None = None) -> Verdict:
    full = Grounds([*EVENTS, SETBACK], POINTS, [PLAN, NOT_SIGNED], QUIET)
    grounds = on or full
    return assess(judge(watch(*conditions), grounds.events, grounds.metric_points, NOW, 60), grounds, NOW, Scale())


def lines(of: Verdict, width: int = 80, changes: tuple[str, ...] = (), before: Verdict | None = None) -> list[str]:
    screen = io.StringIO()
    titles = {ARR.id: ARR.title}
    Console(width=width, file=screen).print(explanation(of, before, changes, "Orchard [red]", titles))
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_each_part_stands_under_its_heading_in_one_order() -> None:
    shown = lines(verdict("arr >= 2M"), changes=("was NOW, is DO NOT WRITE",), before=verdict("arr >= 2M"))
    headings = [line for line in shown if line and not line.startswith(" ")]
    assert headings == [
        "DO NOT WRITE  Orchard [red] · Ivo Brandt, met on 2 March",
        f"{str(watch().id)[:8]} as of 20 November 2026",
        "Said no because: ARR below 2M",
        "What you asked for holds, but told on 18 November: “Fjord Bank told us they will",
        "not renew”",
        "Conditions",
        f"Significance {verdict('arr >= 2M').score:.2f}",
        "Against it",
        "Said and done",
        "How fresh this is",
        "Since 20 November",
    ]
    assert "    open  $3M ARR by 31 December: still open, $2.1M on 14 November" in shown
    assert "  Nobody has written for 14 days; usually 140 messages a week come from Slack." in shown


def test_what_is_not_there_has_no_heading() -> None:
    shown = lines(verdict(on=Grounds([], [])))
    assert [line for line in shown if line] == [
        "NOT YET  Orchard [red] · Ivo Brandt, met on 2 March",
        f"{str(watch().id)[:8]} as of 20 November 2026",
        "Nothing worth a letter: significance 0.0 of 1.0.",
    ]


def test_what_is_missing_stands_beside_its_condition() -> None:
    shown = lines(verdict("arr >= 3M", "enterprise_deal >= 1"))
    assert "  ✗ arr >= 3M: $2.1M of $3M, $900k to go" in shown
    assert "  ✓ enterprise_deal >= 1: 1 on 10 November" in shown


def test_scores_beyond_the_first_are_summed_up() -> None:
    hires = [event("hiring", f"Hire {n}", f"Hire {n} joined", days_ago=n) for n in range(8)]
    shown = lines(verdict("arr >= 2M", on=Grounds(hires, [])))
    assert sum(line.strip().endswith("more, none above these") for line in shown) == 1


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_longer_than_the_screen_and_no_word_is_lost(width: int) -> None:
    of = verdict("arr >= 2M")
    wide, narrow = ("".join("".join(lines(of, at)).split()) for at in (300, width))
    assert max(map(len, lines(of, width))) <= width
    assert narrow == wide
