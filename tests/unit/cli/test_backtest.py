"""`sago backtest` over a store in memory, and its plot."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import backtest, lookup
from sago.errors import UsageError
from sago.outreach.backtesting import Backtesting
from sago.pipeline.folding import Folding
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from tests.unit.outreach.histories import arr, keep, told

START = date(2026, 1, 1)


class House:
    """What the command uses of a container."""

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        days = ((0, 1.4e6), (45, 1.8e6), (80, 2.1e6), (200, 1.9e6), (260, 2.4e6))
        said = [arr(n, START + timedelta(days=day), value) for n, (day, value) in enumerate(days)]
        late = told(9, START + timedelta(days=275), "ARR reached $2.6M in August", ("arr", 2.6e6, "USD"))
        keep(self.database, [*said, late])

    @property
    def backtesting(self) -> Backtesting:
        return Backtesting(self.database, Folding)

    @property
    def clock(self) -> ManualClock:
        return ManualClock(datetime(2026, 12, 1, tzinfo=UTC))

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def sago(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    house = House()
    monkeypatch.setattr(lookup, "build", lambda _settings: house)
    app = typer.Typer()
    app.callback()(lambda: None)
    backtest.register(app)
    base = ("backtest", "--company", "orchard", "--from", "2026-01-01")
    return lambda *arguments: CliRunner().invoke(app, [*base, *arguments], env={"COLUMNS": "160"})


def test_tells_firings_misses_and_the_lead_time(sago: Callable[..., Result]) -> None:
    told = sago("--when", "arr >= 2M", "--against", "2026-12-01")
    assert told.exit_code == 0, told.output
    rows = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert any(row.startswith("fired 2026-03-22 2026-07-19 120 ARR was $2.1M on 22 March") for row in rows)
    assert any(row.startswith("missed 2026-08-31") for row in rows)
    assert rows[-1] == (
        "1 January 2026 to 3 October 2026, 276 looks: lead time 254 days to 1 December 2026 "
        "(the house's own view, whatever is shared)"
    )


def test_the_same_as_json(sago: Callable[..., Result]) -> None:
    row = json.loads(sago("--when", "arr >= 2M", "--json").stdout)
    assert [each["first"] for each in row["firings"]] == ["2026-03-22", "2026-09-18"]
    assert (row["firings"][0]["days"], row["held_days"], row["lead_days"]) == (120, 136, 195)
    assert "days" not in row


def test_what_never_fired_ends_with_1_and_is_plotted_all_the_same(sago: Callable[..., Result], tmp_path: Path) -> None:
    told = sago("--when", "arr >= 9M", "--svg", str(tmp_path / "plot.svg"))
    assert told.exit_code == 1
    assert "no lead time: it never fired" in told.stdout
    assert "never fired" in (tmp_path / "plot.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--when", "arr >= 2M", "--step", "0d"), "--step 0d: write it in days or weeks"),
        (("--when", "arr >= 2M", "--step", "3m"), "--step 3m: write it in days or weeks"),
        (("--when", "arr => 2M"), "column 5"),
        (("--when", "arr >= 2M", "--to", "2025-01-01"), "lies before --from"),
        (("--when", "arr >= 2M", "--company", "orchrad"), "known are: orchard"),
        (("--when", "arr >= 2M", "--from", "2026-12-02"), "--from 2026-12-02: has not come yet; begin by 2026-12-01"),
        (("--when", "arr >= 2M", "--from", "2026-10-04"), "orchard says nothing after 2026-10-03"),
    ],
)
def test_a_wrong_question_says_how_to_mend_it(
    sago: Callable[..., Result], arguments: tuple[str, ...], reason: str
) -> None:
    result = sago(*arguments)
    assert isinstance(result.exception, UsageError)
    assert reason in str(result.exception)


def test_the_plot_shows_each_condition_with_its_threshold_and_firings(
    sago: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "plot.svg"
    when = ("--when", "arr >= 2M", "--when", "arr growth 6m > 0%", "--when", "no setback high in 60d")
    assert sago(*when, "--svg", str(file)).exit_code == 0
    drawing = ET.parse(file).getroot()  # noqa: S314 - written here
    space = "{http://www.w3.org/2000/svg}"
    texts = ["".join(each.itertext()) for each in drawing.iter(f"{space}text")]
    assert [text for text in texts if text in when] == [when[1], when[3], when[5]]
    assert len([each for each in drawing.iter(f"{space}line") if each.get("class") == "asked"]) == 3 + 1
    assert any(each.get("class") == "held" for each in drawing.iter(f"{space}rect"))
    width, height = (float(part) for part in drawing.attrib["viewBox"].split()[2:])
    for each in drawing.iter():
        assert 0 <= float(each.get("x", "0").rstrip("%")) <= width
        assert 0 <= float(each.get("y", "0").rstrip("%")) <= height
