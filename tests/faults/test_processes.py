"""Processes that die or are told to stop under load: at moments drawn from the seed, in mid-chunk, in a chord's body.

A worker is killed with all of its pool. To be sure that it dies in the middle of its work and not between two pieces,
the test holds a lock of Postgres that the work needs, and kills whoever waits for it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from sago.domain.letters import Letter
from tests.faults.house import PROCESSES, House, second_bridge
from tests.faults.load import Load
from tests.faults.report import Report
from tests.faults.scale import ALL, lasts, load_of
from tests.integration.houses import eventually

KILLS = 5 if ALL else 2
WORKERS = ("store", "extract", "outreach")
A_CHUNK = "SELECT 1 FROM batch_chunks WHERE state = 'pending' AND begun > 0 LIMIT 20 FOR UPDATE SKIP LOCKED"
KEEPS_ITS_RESULT = "UPDATE batch_chunks SET state%"
"""What a worker does last with a chunk that it has read."""
A_BATCH = "SELECT 1 FROM batches WHERE state = 'extracting' LIMIT 20 FOR UPDATE SKIP LOCKED"
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"


@pytest.mark.parametrize("name", ["store", "extract", "bridge", "beat", "outreach"])
def test_a_killed_process_loses_and_doubles_nothing(house: House, report: Report, name: str) -> None:
    load, length = load_of(f"kill-{name}"), lasts(40.0)
    chance = report.chance(load.name)
    with house.under(load, length) as run:
        for moment in sorted(chance.uniform(0.5, length) for _ in range(KILLS)):
            run.wait_for(moment)
            house.schedule_letters()
            house.kill(name)
            run.note_fault()
    outcome = house.settle(run)
    house.schedule_letters()
    assert eventually(lambda: letters_of(house, load) == (load.companies, load.companies), 60), letters_of(house, load)
    report.add(f"kill -9 of {name}", KILLS, outcome)


def letters_of(house: House, load: Load) -> tuple[int, int]:
    """Live letters, and the files laid out for a person."""
    live = [letter for company in load.stories for letter in live_letters(house, company)]
    return len(live), len(list(house.letters.glob(f"{load.name}-*.eml")))


def live_letters(house: House, company: str) -> list[Letter]:
    """All that are not superseded, rejected or expired."""
    with house.container.database.begin() as tx:
        return tx.outreach.letters(company)


@pytest.mark.parametrize(
    ("where", "held", "waiting"),
    [
        ("mid-chunk", A_CHUNK, KEEPS_ITS_RESULT),
        pytest.param("chord-body", A_BATCH, "UPDATE batches%", marks=pytest.mark.selected),
    ],
)
def test_a_worker_killed_in_the_middle_of_its_work(
    house: House, report: Report, where: str, held: str, waiting: str
) -> None:
    load = load_of(where)
    with house.under(load, lasts(40.0)) as run:
        for _ in range(KILLS):
            with at_work(house, held, waiting):
                house.kill("extract")
            run.note_fault()
    report.add(f"kill -9 of extract, {where}", KILLS, house.settle(run))


@contextmanager
def at_work(house: House, held: str, waiting: str) -> Iterator[None]:
    """The block runs while a worker waits for the row that we hold."""
    url = house.container.settings.postgres.url().replace("+psycopg2", "")
    with closing(psycopg2.connect(url)) as holder, closing(psycopg2.connect(url)) as looker:
        looker.autocommit = True

        def somebody_waits() -> bool:
            looker.cursor().execute("SELECT 1")
            cursor = looker.cursor()
            cursor.execute(WAITS, (waiting,))
            ((count,),) = cursor.fetchall()
            return bool(count)

        def hold() -> bool:
            cursor = holder.cursor()
            cursor.execute(held)
            return (cursor.fetchone() is not None and eventually(somebody_waits, 2.0)) or holder.rollback() is not None

        assert eventually(hold, 120), "nobody was seen at work"
        yield
        holder.rollback()


@pytest.mark.selected
def test_a_restarted_kafka(house: House, report: Report) -> None:
    """Told to stop once and killed once; the bridge says at most once each time that it is away, and back."""
    load, length = load_of("kafka"), lasts(40.0)
    chance, said = report.chance(load.name), len(house.said("bridge", 10_000))
    numbers = [signal.SIGTERM, signal.SIGKILL]
    with house.under(load, length) as run:
        for moment, number in zip(sorted(chance.uniform(0.5, length) for _ in numbers), numbers, strict=True):
            run.wait_for(moment)
            house.kill("kafka", number)
            run.note_fault()
    report.add("Kafka restarted", len(numbers), house.settle(run))
    lines = "\n".join(house.said("bridge", 10_000)[said:])
    assert lines.count("Kafka is away") == lines.count("Kafka is back") <= len(numbers), lines


@pytest.mark.selected
def test_a_second_bridge_joins_and_leaves(house: House, report: Report, tmp_path: Path) -> None:
    load, length = load_of("bridges"), lasts(45.0)
    with house.under(load, length) as run:
        for round_, number in enumerate([signal.SIGTERM, signal.SIGKILL][: 2 if ALL else 1]):
            run.wait_for(length * (0.05 + 0.4 * round_))
            with second_bridge(tmp_path / f"ready-{round_}") as bridge:
                run.wait_for(length * (0.3 + 0.4 * round_))
                assert bridge.poll() is None
                bridge.send_signal(number)
                assert bridge.wait(30) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
            run.note_fault()
    report.add("a second bridge joins and leaves", 2 if ALL else 1, house.settle(run))


def test_everything_is_told_to_stop(house: House, report: Report) -> None:
    """A rolling deploy: each process gets SIGTERM at once, ends within 30 s, and its successor goes on."""
    load, length = load_of("deploy"), lasts(30.0)
    with house.under(load, length) as run:
        run.wait_for(length * report.chance(load.name).uniform(0.2, 0.8))
        before = {name: house.service(name).child for name in PROCESSES}
        said = {name: len(house.said(name, 100_000)) for name in WORKERS}
        for name in PROCESSES:
            house.kill(name, signal.SIGTERM)
        asked_at = time.monotonic()
        for child in before.values():
            assert child is not None
            assert child.wait(30.0 - (time.monotonic() - asked_at)), f"{child.name} did not stop within 30 s"
        for name in WORKERS:
            assert any("Warm shutdown" in line for line in house.said(name, 100_000)[said[name] :]), house.said(name)
        run.note_fault()
    report.add("SIGTERM to everything", 1, house.settle(run))
