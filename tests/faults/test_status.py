"""`sago status` and the API's health tell the truth while a server or process is stopped or dead, and recover."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from tests.faults.house import PROCESSES, House, raised
from tests.faults.watching import STATUS, Watch, watching
from tests.integration.houses import eventually

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


@pytest.mark.parametrize("name", ["redis", "postgres", "kafka", "cassandra", "bridge", "store"])
def test_who_is_halted_is_told_with_the_moment_and_well_once_it_goes_on(house: House, watch: Watch, name: str) -> None:
    at = datetime.now(UTC)
    halted = halt(house, name)
    try:
        told = eventually(lambda: watch.told_by_all(f"{name} is down"), 2 * STOPPED_FOR)
        time.sleep(max(0.0, STOPPED_FOR - (datetime.now(UTC) - at).total_seconds()))
    finally:
        for each in halted:
            each.resume()
    assert told, watch.last_problems()
    check_moments(watch, name, at)
    assert watch.well_again(WELL_WITHIN), watch.last_problems()
    assert watch.slowest() < ANSWERS_WITHIN


@pytest.mark.parametrize("name", ["redis", "postgres", "kafka", "cassandra", "store"])
def test_who_was_killed_is_told_with_the_moment_and_well_once_it_runs_again(
    house: House, watch: Watch, name: str
) -> None:
    at = datetime.now(UTC)
    house.kill(name, signal.SIGKILL)
    assert eventually(lambda: bool(watch.told(f"{name} is down", STATUS)), 20), watch.last_problems()
    assert watch.well_again(WELL_WITHIN), watch.last_problems()
    check_moments(watch, name, at)
    assert watch.slowest() < ANSWERS_WITHIN
    assert house.service(name).restarts >= 1
