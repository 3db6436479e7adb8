"""The plot of a backtest: a panel a condition, as one SVG that opens anywhere, light and dark, wide and narrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from sago.domain.backtests import Backtest, Stretch
from sago.domain.watches import Condition
from sago.domain.wording import day, figure
from sago.report.phrases import one_line
from sago.report.tables import write_text

WIDTH, LEFT, RIGHT = 480.0, 58.0, 16.0
TOP, PANEL, GAP, BOTTOM = 104.0, 140.0, 60.0, 40.0
"""Heights of the heading, of a panel, of what stands between two, and of the legend, in units of the view box."""
TICKS = 4
LONGEST_NAME, LONGEST_TITLE = 48, 58
LEAST_BAND = 2.0
"""A stretch of one day is still seen."""


class Mark(NamedTuple):
    """A label at a place of an axis."""

    at: float
    text: str


class Band(NamedTuple):
    """A stretch of days as a rectangle, with what a pointer over it says."""

    x: float
    width: float
    kind: str
    text: str


class Panel(NamedTuple):
    """One condition: its values as steps, its threshold, and where they lie."""

    title: str
    top: float
    lines: list[str]
    dots: list[tuple[float, float, str]]
    threshold: float | None
    asked: str
    marks: list[Mark]


def write_plot(backtest: Backtest, company: str, path: Path) -> None:
    """Write the SVG; all text in it is escaped by the template engine."""
    environment = Environment(
        loader=PackageLoader("sago.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["px"] = lambda value: f"{value:.1f}".rstrip("0").rstrip(".")
    panels = [_panel(backtest, index) for index in range(len(backtest.conditions))]
    text = environment.get_template("backtest.svg.j2").render(
        backtest=backtest,
        company=one_line(company, LONGEST_NAME),
        panels=panels,
        bands=list(_bands(backtest)),
        firings=[Mark(_x(backtest, each.first), _named(each)) for each in backtest.firings],
        days=_day_marks(backtest),
        summary=summary(backtest),
        lead=lead(backtest),
        width=WIDTH,
        height=TOP + len(panels) * (PANEL + GAP) + BOTTOM,
        left=LEFT,
        right=WIDTH - RIGHT,
        panel=PANEL,
    )
    write_text(path, text)


def summary(backtest: Backtest) -> str:
    """`fired on 4 May 2026, 1 more time; held 44 days`."""
    if not backtest.firings:
        return "never fired"
    first, more = backtest.firings[0], len(backtest.firings) - 1
    held = sum(each.days for each in backtest.firings)
    again = f", {more} more time{'s' if more > 1 else ''}" if more else ""
    fired = "held already on" if first.first == backtest.start else "fired on"
    return f"{fired} {day(first.first)}{again}; held {_days(held)}"


def lead(backtest: Backtest) -> str:
    """`lead time 27 days to 31 May 2026`."""
    number = backtest.lead_days
    if number is None:
        return "no lead time: it never fired"
    if number < 0:
        return f"{_days(-number)} after {day(backtest.against)}"
    return f"lead time {_days(number)} to {day(backtest.against)}"


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"


def _named(stretch: Stretch) -> str:
    last = "" if stretch.last == stretch.first else f" to {day(stretch.last)}"
    return f"{day(stretch.first)}{last}: {stretch.because}"


def _bands(backtest: Backtest) -> Iterator[Band]:
    """Days held, missed and held by mistake."""
    kinds = (("held", backtest.firings), ("missed", backtest.misses), ("mistaken", backtest.mistakes))
    for kind, stretches in kinds:
        for each in stretches:
            start = _x(backtest, each.first)
            end = _x(backtest, min(each.last + timedelta(days=backtest.step), backtest.end))
            yield Band(start, max(end - start, LEAST_BAND), kind, _named(each))


def _panel(backtest: Backtest, index: int) -> Panel:
    condition = backtest.conditions[index]
    top = TOP + index * (PANEL + GAP)
    known = [(each.day, each.seen[index].value) for each in backtest.days]
    unit = next((each.seen[index].unit for each in reversed(backtest.days) if each.seen[index].unit), None)
    low, high, step = _scale([condition.value, *(value for _, value in known if value is not None)], condition)

    def y(value: float) -> float:
        return top + PANEL - (value - low) / (high - low) * PANEL

    ticks = [low + number * step for number in range(round((high - low) / step) + 1)]
    return Panel(
        title=one_line(condition.text, LONGEST_TITLE),
        top=top,
        lines=list(_steps([(_x(backtest, when), None if value is None else y(value)) for when, value in known])),
        dots=list(_changes(backtest, known, y, unit)),
        threshold=y(condition.value),
        asked=figure(condition.value, unit) if unit else f"{condition.value:g}",
        marks=[Mark(y(value), figure(round(value, 9), unit) if unit else f"{value:g}") for value in ticks],
    )


def _steps(points: Sequence[tuple[float, float | None]]) -> Iterator[str]:
    """Path data of each run of known values: one holds until the next is known."""
    path: list[str] = []
    for x, y in points:
        if y is None:
            if path:
                yield " ".join(path)
            path = []
        else:
            path.append(f"H{x:.1f} V{y:.1f}" if path else f"M{x:.1f} {y:.1f}")
    if path:
        yield " ".join(path)


def _changes(
    backtest: Backtest, known: Sequence[tuple[date, float | None]], y: Callable[[float], float], unit: str | None
) -> Iterator[tuple[float, float, str]]:
    """A dot where the value became another, with its figure."""
    before: float | None = None
    for when, value in known:
        if value is not None and value != before:
            yield _x(backtest, when), y(value), f"{figure(value, unit)}, {day(when)}"
        before = value


def _scale(values: Sequence[float], condition: Condition) -> tuple[float, float, float]:
    """Ends of the axis and the step of its marks: round numbers around all values, with 0 where that is near."""
    low, high = min(values), max(values)
    low = min(low, 0.0) if condition.kind != "metric" or low < 0.6 * high else low
    raw = (high - low) / TICKS or max(abs(high), 1.0) / TICKS
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw)
    step = max(step, 1.0) if condition.kind == "count" else step
    return math.floor(low / step) * step, math.ceil(high / step + 0.15) * step, step


def _x(backtest: Backtest, when: date) -> float:
    length = max((backtest.end - backtest.start).days, 1)
    return LEFT + (when - backtest.start).days / length * (WIDTH - LEFT - RIGHT)


def _day_marks(backtest: Backtest) -> list[Mark]:
    """The first days of at most six months, or the two ends of a shorter time."""
    firsts = [backtest.start + timedelta(days=n) for n in range((backtest.end - backtest.start).days + 1)]
    firsts = [each for each in firsts if each.day == 1]
    if len(firsts) < 2:
        return [Mark(_x(backtest, each), f"{each:%-d %b}") for each in dict.fromkeys((backtest.start, backtest.end))]
    every = math.ceil(len(firsts) / 6)
    shown = firsts[::every]
    return [
        Mark(_x(backtest, each), format(each, "%b %y" if each is shown[0] or each.month == 1 else "%b"))
        for each in shown
    ]
