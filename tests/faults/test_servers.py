"""Servers that are emptied, restarted, stopped or late while messages go in."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from sago.embedded.local_cassandra import START_TIMEOUT
from sago.embedded.record import read_record
from sago.errors import TransientError
from tests.faults.house import House, raised
from tests.faults.load import Load
from tests.faults.report import Report
from tests.faults.scale import lasts, load_of
from tests.faults.slow_proxy import Address, SlowProxy
from tests.integration.houses import eventually

QUIET = 150
STOPPED_FOR = 30.0
LATE_BY, LATE_FOR = 2.0, 30.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def proxies(folder: Path) -> Iterator[list[SlowProxy]]:
    """The ways to Cassandra and to Postgres."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(SlowProxy(partial(address, folder, name)).running())
            for name in ("cassandra", "postgres")
        ]


def address(folder: Path, name: str) -> Address:
    """Where a server of the stack listens; raises OSError where it does not yet."""
    record = read_record(folder / "state")
    found = record.services[name].address if record and name in record.services else ""
    parts = urlsplit(found if "//" in found else f"//{found}")
    if not parts.hostname or not parts.port:
        raise OSError(f"{name} has no address yet")
    return parts.hostname, parts.port


@pytest.fixture(scope="module")
def house(folder: Path, proxies: list[SlowProxy], local_servers: None) -> Iterator[House]:
    """A stack whose processes, this test's too, reach Cassandra and Postgres through the proxies."""
    to_cassandra, to_postgres = proxies
    ports = {"SAGO_CASSANDRA__PORT": str(to_cassandra.port), "SAGO_POSTGRES__PORT": str(to_postgres.port)}
    with raised(folder, **ports) as house:
        yield house


@pytest.fixture(autouse=True)
def errors_are_told_in_our_words(house: House) -> Iterator[None]:
    """Whatever a server did, a task that failed of it says which one does not answer."""
    yield
    lines = [line for name in ("store", "extract", "outreach") for line in house.said(name, 100_000)]
    failed = [json.loads(line) for line in lines if line.startswith("{") and '"event": "task failed"' in line]
    assert [each for each in failed if each["error_type"] != "TransientError"] == []


@pytest.mark.selected
def test_redis_is_emptied(house: House, report: Report) -> None:
    """Broker, results, buffer and caches at once: twice in mid-run, and with a company at 150 of 200 whose offsets
    are committed, so that nothing but recovery can find its messages."""
    quiet = Load("quiet", 1, QUIET)
    with house.under(quiet, 0.0) as before:
        pass
    assert eventually(lambda: waiting(house) == QUIET and not any(house.container.log.lag().values()), 60)
    load, length = load_of("emptied"), lasts(40.0)
    chance = report.chance(load.name)
    with house.under(load, length) as run, closing(client_of(house)) as client:
        for moment in sorted(chance.uniform(0.05, 0.7) * length for _ in range(2)):
            run.wait_for(moment)
            client.flushall()
            run.note_fault()
        assert waiting(house) == 0
        assert eventually(lambda: waiting(house) == QUIET, 90), "recovery did not find them"
        found_after = time.monotonic() - run.faulted_at
    report.add("Redis emptied", 2, house.settle(run))
    report.add(f"Redis emptied, a company at {QUIET} of 200", 2, replace(house.settle(before), recovered=found_after))
    assert eventually(house.all_up, 60)


def waiting(house: House) -> int:
    """Messages of the quiet company that wait in Redis for their batch."""
    with suppress(TransientError):
        return house.container.buffer.counts().get("quiet-00", 0)
    return 0


def client_of(house: House) -> redis.Redis:
    """A client of the test's own."""
    client: redis.Redis = redis.Redis.from_url(house.container.settings.redis.database(0))
    return client


@pytest.mark.parametrize("name", ["redis", "postgres", "cassandra"])
def test_a_server_is_restarted(house: House, report: Report, name: str) -> None:
    """Told to stop once and killed once; the supervisor starts it again."""
    load, length = load_of(f"restarted-{name}"), lasts(40.0)
    chance = report.chance(load.name)
    child = house.service(name).child
    assert child is not None
    numbers = [child.stop_signal, signal.SIGKILL]
    with house.under(load, length) as run:
        for moment, number in zip(sorted(chance.uniform(0.5, length) for _ in numbers), numbers, strict=True):
            run.wait_for(moment)
            assert eventually(lambda: house.is_up(name), START_TIMEOUT)
            house.kill(name, number)
            run.note_fault()
    report.add(f"{name.capitalize()} restarted", len(numbers), house.settle(run))
    assert eventually(house.all_up, 60)


def test_cassandra_is_stopped(house: House, report: Report) -> None:
    """By SIGSTOP: connections stay open, and nobody answers."""
    load, length, pause = load_of("stopped"), lasts(40.0), lasts(STOPPED_FOR)
    with house.under(load, length) as run:
        run.wait_for(report.chance(load.name).uniform(0.1, 0.4) * length)
        child = house.service("cassandra").child
        assert child is not None
        child.signal(signal.SIGSTOP)
        try:
            time.sleep(pause)
        finally:
            child.signal(signal.SIGCONT)
        run.note_fault()
    report.add(f"Cassandra stopped for {pause:.0f} s", 1, house.settle(run))
    assert eventually(house.all_up, 60)


def test_cassandra_and_postgres_are_late(house: House, proxies: list[SlowProxy], report: Report) -> None:
    load, length, pause = load_of("late"), lasts(40.0), lasts(LATE_FOR)
    with house.under(load, length) as run:
        run.wait_for(report.chance(load.name).uniform(0.1, 0.4) * length)
        for proxy in proxies:
            proxy.delay = LATE_BY
        before = [proxy.answered for proxy in proxies]
        time.sleep(pause)
        after = [proxy.answered for proxy in proxies]
        for proxy in proxies:
            proxy.delay = 0.0
        run.note_fault()
    assert all(now > then > 0 for then, now in zip(before, after, strict=True)), (before, after)
    report.add(f"Cassandra and Postgres {LATE_BY:g} s late for {pause:.0f} s", 1, house.settle(run))
    assert eventually(house.all_up, 60)
