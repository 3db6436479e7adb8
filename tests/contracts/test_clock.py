"""One suite for the Clock port."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sago.ports import Clock
from sago.stores.clock import SystemClock
from sago.stores.memory.clock import ManualClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(params=["memory", "system"])
def clock(request: pytest.FixtureRequest) -> Clock:
    return ManualClock(START) if request.param == "memory" else SystemClock()


def test_now_is_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta()


def test_sleep_lets_both_times_pass(clock: Clock) -> None:
    now, monotonic = clock.now(), clock.monotonic()
    clock.sleep(0.02)
    assert clock.now() - now >= timedelta(seconds=0.02)
    assert clock.monotonic() - monotonic >= 0.02


def test_a_negative_sleep_does_not_go_back(clock: Clock) -> None:
    now, monotonic = clock.now(), clock.monotonic()
    clock.sleep(-5)
    assert clock.now() >= now
    assert clock.monotonic() >= monotonic


def test_the_manual_clock_stands_still_and_never_goes_back() -> None:
    clock = ManualClock(START)
    assert clock.now() == clock.now() == START
    clock.advance(timedelta(hours=1))
    assert clock.now() == START + timedelta(hours=1)
    with pytest.raises(ValueError, match="go back"):
        clock.advance(timedelta(seconds=-1))
