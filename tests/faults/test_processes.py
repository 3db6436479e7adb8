"""kill -9, at moments drawn from the seed: of a store worker, an extract worker, the bridge, beat, outreach."""

from __future__ import annotations

import pytest

from tests.faults.house import House
from tests.faults.report import Report
from tests.faults.scale import ALL, lasts, load_of

KILLS = 5 if ALL else 2


@pytest.mark.parametrize(
    "name", [pytest.param("store", marks=pytest.mark.selected), "extract", "bridge", "beat", "outreach"]
)
def test_a_killed_process_loses_and_doubles_nothing(house: House, report: Report, name: str) -> None:
    load, length = load_of(f"kill-{name}"), lasts(40.0)
    chance = report.chance(load.name)
    with house.under(load, length) as run:
        for moment in sorted(chance.uniform(0.5, length) for _ in range(KILLS)):
            run.wait_for(moment)
            house.kill(name)
            run.note_fault()
    report.add(f"kill -9 of {name}", KILLS, house.settle(run))
