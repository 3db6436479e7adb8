"""`sago status` and the API's health tell the truth under load while a server or process is stopped or dead."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from tests.faults.house import PROCESSES, SLICE, House, raised
from tests.faults.load import Load
from tests.faults.watching import STATUS, Watch, watching
from tests.integration.houses import eventually

SERVERS = ("redis", "postgres", "kafka", "cassandra")
STOPPED_FOR = 10.0
EARLY, LATE = timedelta(seconds=2), timedelta(seconds=9)
"""Seconds before and after the fault that a moment given for it may lie: rounds are 2 s apart, probes take some."""
ANSWERS_WITHIN = 20.0
"""Of one that is halted between a probe and the question after it; else it is half of that."""
WELL_WITHIN = 120.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, local_servers: None) -> Iterator[House]:
    """One with an API."""
    with raised(tmp_path_factory.mktemp("status"), processes=(*PROCESSES, "api")) as house:
        yield house


@pytest.fixture
def watch(house: House) -> Iterator[Watch]:
    with watching(house) as watch:
        assert watch.well_again(WELL_WITHIN), watch.last_problems()
        watch.said.clear()
        yield watch


def halt(house: House, name: str) -> list[psutil.Process]:
    """SIGSTOP to the process and all below it, Postgres's backends as well; they are to be woken."""
    child = house.service(name).child
    assert child is not None
    first = psutil.Process(child.pid)
    every = [first, *first.children(recursive=True)]
    for each in every:
        each.suspend()
    return every


def check_moments(watch: Watch, name: str, at: datetime) -> None:
    moments = watch.down_since(name)
    assert moments
    assert all(at - EARLY <= moment <= at + LATE for moment in moments), (at, moments)


def load_of(name: str) -> Load:
    """Four fifths of it make a batch of each company."""
    return Load(name, 10, 300)


def tells_what_waits(watch: Watch, name: str) -> bool:
    """Whether the newest answer of each voice tells what piles up behind the process; True where nothing does."""
    if name in ("bridge", "store"):
        return all(each.lag > SLICE for each in watch.newest())
    return name != "extract" or all(each.unmerged > 0 for each in watch.newest())


@pytest.mark.parametrize("name", [*SERVERS, *PROCESSES])
def test_who_is_halted_is_told_with_the_moment_and_what_waits_and_well_once_it_goes_on(
    house: House, watch: Watch, name: str
) -> None:
    with house.under(load_of(f"halt-{name}"), STOPPED_FOR):
        at = datetime.now(UTC)
        halted = halt(house, name)
        try:
            told = eventually(lambda: watch.told_by_all(f"{name} is down"), 2 * STOPPED_FOR)
            time.sleep(max(0.0, STOPPED_FOR - (datetime.now(UTC) - at).total_seconds()))
            waits = eventually(lambda: tells_what_waits(watch, name), STOPPED_FOR)
            newest = watch.newest()
        finally:
            for each in halted:
                each.resume()
    assert told, watch.last_problems()
    assert waits, newest
    check_moments(watch, name, at)
    assert watch.well_again(WELL_WITHIN), watch.last_problems()
    assert eventually(lambda: not any(each.lag for each in watch.newest()), WELL_WITHIN), watch.newest()
    assert watch.slowest() < ANSWERS_WITHIN


@pytest.mark.parametrize("name", [*SERVERS, "store"])
def test_who_was_killed_is_told_with_the_moment_and_well_once_it_runs_again(
    house: House, watch: Watch, name: str
) -> None:
    voices = (STATUS,) if name == "redis" else watch.voices  # Redis may be back between two of the API's looks
    with house.under(load_of(f"kill-{name}"), STOPPED_FOR) as run:
        run.wait_for(1.0)
        at = datetime.now(UTC)
        house.kill(name, signal.SIGKILL)
        told = eventually(lambda: all(watch.told(f"{name} is down", voice) for voice in voices), 20)
    assert told, watch.last_problems()
    assert watch.well_again(WELL_WITHIN), watch.last_problems()
    check_moments(watch, name, at)
    assert watch.slowest() < ANSWERS_WITHIN
    assert house.service(name).restarts >= 1
