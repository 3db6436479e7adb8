"""One suite for the Breakers port, on memory and on Redis; then what only Redis can do: many processes, and be away."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
import redis

from sago.embedded.servers import Server
from sago.errors import (
    HeldBackError,
    PermanentError,
    ProviderSettingError,
    TooDearError,
    TooLateError,
    TransientError,
    UnusableAnswerError,
)
from sago.resilience.breakers import SharedBreakers
from sago.resilience.shelf import MemoryShelf, RedisShelf, Shelf
from sago.sections import BreakerSettings, RedisSettings
from sago.stores.clock import SystemClock
from sago.stores.memory.clock import ManualClock

PROJECT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NAME = "gemini/test"
DATABASE = 3
OPEN_FOR = timedelta(seconds=30)
WITHIN = timedelta(seconds=60)
SETTINGS = BreakerSettings(fail_max=3, open_for=OPEN_FOR.total_seconds())


def failing(error: Exception) -> Callable[[], NoReturn]:
    def ask() -> NoReturn:
        raise error

    return ask


def answering() -> str:
    return "well"


class World:
    """Breakers as several processes have them, over one shelf or one Redis, and a clock."""

    def __init__(self, make: Callable[[], Shelf]) -> None:
        self.clock = ManualClock(NOW)
        self.make = make
        self.one = self.another()

    def another(self) -> SharedBreakers:
        return SharedBreakers(self.make(), self.clock, SETTINGS, WITHIN)

    def fail(self, error: Exception, times: int = 1) -> Exception:
        """The error of the last call."""
        for _ in range(times):
            with pytest.raises(type(error)) as raised:
                self.one.call(NAME, failing(error))
        return raised.value

    def refusal(self, breakers: SharedBreakers | None = None) -> TransientError:
        """What a call meets that is not made."""
        asked: list[bool] = []
        with pytest.raises(TransientError) as raised:
            (breakers or self.one).call(NAME, lambda: asked.append(True))
        assert not asked
        return raised.value


@pytest.fixture(scope="session")
def url(redis_server: Server) -> str:
    return RedisSettings(**redis_server.settings["redis"]).database(DATABASE)


@pytest.fixture
def emptied(url: str) -> Iterator[str]:
    """A Redis that knows of no breaker, before and after."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture(params=["memory", "redis"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        shelf = MemoryShelf()
        yield World(lambda: shelf)
        return
    url = request.getfixturevalue("emptied")
    shelves: list[RedisShelf] = []

    def make() -> RedisShelf:
        shelves.append(RedisShelf(url))
        return shelves[-1]

    yield World(make)
    for made in shelves:
        made.disconnect()


def test_a_closed_breaker_is_not_noticed(world: World) -> None:
    assert world.one.call(NAME, answering) == "well"
    error = TransientError("gemini answers 503")
    assert world.fail(error) is error
    assert error.retry_after is None
    assert world.one.open() == []


def test_outages_in_a_row_open_it_for_all_processes_and_the_error_stays_itself(world: World) -> None:
    error = TransientError("gemini/test answers 503")
    assert world.fail(error, 3) is error
    assert error.retry_after == OPEN_FOR
    refusal = world.refusal(world.another())
    assert str(refusal) == "gemini/test is not asked for now: answers 503"
    assert type(refusal) is TransientError
    assert refusal.retry_after == OPEN_FOR
    assert world.another().open() == [(NAME, NOW, NOW + OPEN_FOR, "gemini/test answers 503")]
    world.clock.advance(timedelta(seconds=10))
    assert world.refusal().retry_after == OPEN_FOR - timedelta(seconds=10)
    assert world.one.call("gemini/other", answering) == "well"


def test_an_answer_in_between_begins_the_count_anew(world: World) -> None:
    for _ in range(3):
        world.fail(TransientError("503"), 2)
        world.another().call(NAME, answering)
    assert world.one.open() == []


@pytest.mark.parametrize(
    "error",
    [
        UnusableAnswerError("no JSON"),
        PermanentError("blocked"),
        ProviderSettingError("the key is refused"),
        KeyError("a mistake of ours"),
    ],
)
def test_who_answers_is_not_out_whatever_the_answer(world: World, error: Exception) -> None:
    world.fail(TransientError("503"), 2)
    world.fail(error, 5)
    world.fail(TransientError("503"), 2)
    assert world.one.open() == []


def test_whoever_we_hold_back_ourselves_was_neither_well_nor_out(world: World) -> None:
    held = HeldBackError("the budget is spent", retry_after=timedelta(hours=3))
    dear = TooDearError("one question may cost more than the budget")
    world.fail(TransientError("503"), 2)
    assert world.fail(held, 5) is held
    assert world.fail(dear, 5) is dear
    assert held.retry_after == timedelta(hours=3)
    assert world.one.open() == []
    world.fail(TransientError("503"))
    world.clock.advance(OPEN_FOR)
    world.fail(dear)
    world.fail(held)  # let through as the trial: the breaker is as open as before, and the next one may try
    assert [each.reason for each in world.one.open()] == ["503"]
    world.fail(TransientError("500"))
    assert world.refusal().retry_after == OPEN_FOR


def test_silence_counts_also_where_less_might_be_answered(world: World) -> None:
    error = TooLateError("gemini did not answer within 200 s")
    assert world.fail(error, 3) is error
    assert error.retry_after == OPEN_FOR
    assert [each.name for each in world.one.open()] == [NAME]


def test_who_says_when_is_believed_at_once_and_for_that_long_at_least(world: World) -> None:
    asked = TransientError("gemini answers 429", retry_after=timedelta(minutes=10))
    assert world.fail(asked) is asked
    assert world.refusal().retry_after == timedelta(minutes=10)
    world.clock.advance(timedelta(minutes=10))
    world.fail(TransientError("429", retry_after=timedelta(seconds=2)))
    assert world.refusal().retry_after == OPEN_FOR  # a trial that failed


def test_a_short_word_opens_it_shortly(world: World) -> None:
    world.fail(TransientError("429", retry_after=timedelta(seconds=2)))
    assert world.refusal().retry_after == timedelta(seconds=2)
    world.clock.advance(timedelta(seconds=2))
    assert world.one.call(NAME, answering) == "well"


def test_a_call_that_was_under_way_shortens_nothing(world: World) -> None:
    def late() -> NoReturn:
        world.fail(TransientError("429", retry_after=timedelta(minutes=10)))
        raise TransientError("503", retry_after=timedelta(seconds=1))

    with pytest.raises(TransientError) as raised:
        world.another().call(NAME, late)
    assert raised.value.retry_after == timedelta(minutes=10)
    assert world.refusal().retry_after == timedelta(minutes=10)


def test_then_one_call_alone_may_try_and_its_success_closes(world: World) -> None:
    world.fail(TransientError("503"), 3)
    world.clock.advance(OPEN_FOR)

    def trial() -> str:
        refusal = world.refusal(world.another())
        assert refusal.retry_after == OPEN_FOR
        assert world.one.open() == [(NAME, NOW, NOW + OPEN_FOR, "503")]
        return "well"

    assert world.one.call(NAME, trial) == "well"
    assert world.one.open() == []
    world.fail(TransientError("503"), 2)
    assert world.another().call(NAME, answering) == "well"


def test_a_failed_trial_opens_it_again_and_it_is_open_since_the_beginning(world: World) -> None:
    world.fail(TransientError("503"), 3)
    world.clock.advance(OPEN_FOR)
    error = world.fail(TransientError("500"))
    assert isinstance(error, TransientError)
    assert error.retry_after == OPEN_FOR
    assert world.refusal().retry_after == OPEN_FOR
    assert world.one.open() == [(NAME, NOW, NOW + 2 * OPEN_FOR, "500")]
    world.clock.advance(OPEN_FOR)
    assert world.one.call(NAME, answering) == "well"


def test_an_open_breaker_that_nobody_tries_is_not_told_of_for_ever(world: World) -> None:
    world.fail(TransientError("503"), 3)
    world.clock.advance(timedelta(hours=2))
    assert world.one.open() == []
    world.fail(TransientError("503"))
    assert [each.since for each in world.one.open()] == [NOW]


CALLER = """
import sys, time
from datetime import timedelta
from sago.errors import TransientError
from sago.resilience.breakers import SharedBreakers
from sago.resilience.shelf import RedisShelf
from sago.sections import BreakerSettings
from sago.stores.clock import SystemClock

url, fate = sys.argv[1:]
breakers = SharedBreakers(
    RedisShelf(url), SystemClock(), BreakerSettings(fail_max=3, open_for=0.5), timedelta(seconds=60)
)

def ask():
    time.sleep(1)
    if fate == "fail":
        raise TransientError("503")
    return "well"

print("ready", flush=True)
sys.stdin.readline()
try:
    print(breakers.call("gemini/test", ask))
except TransientError as error:
    print(error)
"""
"""A process that asks when told to, in vain or not, and says what came of it."""


def at_once(url: str, fate: str, times: int) -> list[str]:
    """What so many processes say that all ask at the same moment."""
    command = [sys.executable, "-c", CALLER, url, fate]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=PROJECT) for _ in range(times)]
    assert [process.stdout.readline() for process in started if process.stdout] == ["ready\n"] * times
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return sorted(process.communicate(timeout=120)[0].strip() for process in started)


def test_failures_of_several_processes_add_up_and_one_of_them_alone_tries(emptied: str) -> None:
    assert at_once(emptied, "fail", 3) == ["503"] * 3
    breakers = SharedBreakers(RedisShelf(emptied), SystemClock(), SETTINGS, WITHIN)
    assert [each.reason for each in breakers.open()] == ["503"]
    time.sleep(0.5)
    assert at_once(emptied, "succeed", 4) == ["gemini/test is not asked for now: 503"] * 3 + ["well"]
    assert breakers.open() == []
    assert at_once(emptied, "succeed", 2) == ["well"] * 2
    breakers.close()


def test_whoever_died_trying_makes_room_when_its_time_is_over(emptied: str) -> None:
    world = World(lambda: RedisShelf(emptied))
    world.fail(TransientError("503"), 3)
    world.clock.advance(OPEN_FOR)
    dead = RedisShelf(emptied)
    trial = dead.trial(NAME, timedelta(seconds=2))
    assert trial.__enter__()  # and never left
    assert world.refusal().retry_after == OPEN_FOR
    time.sleep(2.1)
    assert world.one.call(NAME, answering) == "well"


def test_an_emptied_redis_has_closed_breakers(emptied: str) -> None:
    world = World(lambda: RedisShelf(emptied))
    world.fail(TransientError("503"), 3)

    def trial() -> str:
        with redis.Redis.from_url(emptied) as client:
            client.flushdb()
        return "well"

    with redis.Redis.from_url(emptied) as client:
        client.flushdb()
    assert world.one.call(NAME, trial) == "well"
    world.fail(TransientError("503"), 3)
    world.clock.advance(OPEN_FOR)
    assert world.one.call(NAME, trial) == "well"
    assert world.one.open() == []


def test_without_redis_every_call_is_made_and_its_error_is_its_own() -> None:
    world = World(lambda: RedisShelf("redis://127.0.0.1:1/3"))
    error = TransientError("503")
    assert world.fail(error, 8) is error
    assert error.retry_after is None
    assert world.one.call(NAME, answering) == "well"
    assert world.one.open() == []
