"""Postgres put back to a backup under a running house: all comes back, what was erased stays so, letters wait."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import redis

from sago.domain.erasures import Erasure
from sago.domain.letters import Letter, LetterState
from sago.domain.messages import Message
from sago.embedded.postgres import data_folder
from sago.embedded.record import read_record
from sago.errors import RestoredError, UsageError
from sago.outreach.deciding import decide, resolve
from sago.outreach.permission import ApprovalRules, TickRule
from tests.faults.house import House
from tests.faults.load import START
from tests.faults.report import Report
from tests.faults.scale import lasts, load_of
from tests.integration.houses import eventually

SECRET = "Xylophone-7731"
EVE = "Eve <eve@harbour.example>"


def of_eve(company: str, first: int = 0) -> list[Message]:
    """Mail that says it, and mail that means something."""
    return [
        Message(
            id=f"gmail:{company}-eve-{number}",
            company_id=company,
            source="gmail",
            sender=EVE,
            sent_at=START,
            subject=f"about {SECRET}",
            text=f"Subject: about {SECRET}\n\n[[event enterprise_deal subject={SECRET}]]",
            raw={"payload": SECRET},
        )
        for number in range(first, first + 20)
    ]


@contextmanager
def postgres_down(house: House) -> Iterator[Path]:
    """Stopped cleanly, its folder free to copy or put back; its supervisor looks away meanwhile, the load goes on."""
    record = read_record(house.stack.state_dir)
    assert record is not None
    assert record.supervisor is not None
    folder = data_folder(house.stack.state_dir / "services" / "postgres")
    record.supervisor.signal(signal.SIGSTOP)
    try:
        house.kill("postgres", signal.SIGINT)
        assert eventually(lambda: not (folder / "postmaster.pid").exists(), 60)
        yield folder
    finally:
        record.supervisor.signal(signal.SIGCONT)
    assert eventually(lambda: house.is_up("postgres"), 90), house.said("postgres")


def copy(source: Path, target: Path) -> None:
    """With owners: it is a user's of its own where we are root."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)
    for each in (source, *source.rglob("*")):
        status = each.lstat()
        shutil.chown(target / each.relative_to(source), status.st_uid, status.st_gid)


def flushed_now_and_then(house: House) -> Iterator[None]:
    """Each flush makes a batch of every company: asked for at each look they would be all the workers did."""
    flushed_at = 0.0
    while True:
        if time.monotonic() - flushed_at > 5.0:
            house.container.dispatcher.flush()
            flushed_at = time.monotonic()
        yield


def letter_of(house: House, company: str) -> Letter:
    """A draft about a company that has events by now."""
    wired = house.container
    drafts: list[Letter] = []
    flushes = flushed_now_and_then(house)

    def is_composed() -> bool:
        next(flushes)
        with wired.database.begin() as tx:
            watches = tx.outreach.watches(company)
        made = [wired.compose_letter(watch.id, wired.clock.now()) for watch in watches]
        drafts.extend(letter for letter in made if letter)
        return bool(drafts)

    assert eventually(is_composed, 300), "no letter"
    return drafts[-1]


def approve(house: House, letter: Letter) -> Letter:
    wired = house.container
    return decide(
        letter.id,
        LetterState.APPROVED,
        database=wired.database,
        drafts=wired.drafts,
        announce=wired.generations.announce,
        who="test",
        why="read",
        at=wired.clock.now(),
        rules=ApprovalRules(
            TickRule.NEVER, fresh_for=timedelta(days=9999)
        ),  # what is told of is as old as the sample data
    )


def erase(house: House, company: str) -> None:
    wired = house.container
    now = wired.clock.now()
    who = {"sender": EVE.upper(), "because": "asked", "requested_by": "test", "requested_at": now}
    done = wired.erasing.erase(Erasure(id=uuid4(), company_id=company, **who), now)
    wired.recovery.requeue(company, now)
    assert done.rows == 20


def read(house: House, company: str) -> bool:
    with house.container.database.begin() as tx:
        return bool(tx.events.find(company))


def states(house: House, *letters: Letter) -> list[LetterState]:
    with house.container.database.begin() as tx:
        found = {each.id: each.state for each in tx.outreach.letters(live=False)}
    return [found[letter.id] for letter in letters]


def where_it_stands(house: House) -> list[str]:
    """Every place in Postgres, Cassandra, Redis and the letters' folder that holds the secret."""
    wired = house.container
    found = []
    with closing(psycopg2.connect(wired.settings.postgres.url().replace("+psycopg2", ""))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', (f"%{SECRET}%",))  # noqa: S608
            found += [f"postgres {table}"] * cursor.fetchall()[0][0]
        cursor.execute("SELECT count(*) FROM dead_letters WHERE position(%s in value) > 0", (SECRET.encode(),))
        found += ["dead letters"] * cursor.fetchall()[0][0]
    with wired.cassandra.connection.begin() as session:
        for table in session.cluster.metadata.keyspaces[wired.settings.cassandra.keyspace].tables:
            rows = session.driver.execute(f"SELECT JSON * FROM {table}")  # noqa: S608
            found += [f"cassandra {table}" for row in rows if SECRET in row[0]]
    settings = wired.settings.redis
    for number in (settings.broker_db, settings.results_db, settings.buffer_db, settings.cache_db):
        client = redis.Redis.from_url(settings.database(number))
        found += [f"redis {number} {key!r}" for key in client.scan_iter() if SECRET in repr(value_of(client, key))]
        client.close()
    folder = wired.settings.outreach.folder
    return found + [str(path) for path in folder.glob("*") if SECRET.encode() in path.read_bytes()]


def value_of(client: Any, key: bytes) -> object:
    """What a key of whichever type holds; a dump would be compressed."""
    kind = client.type(key).decode()
    if kind in ("list", "zset"):
        return (client.lrange if kind == "list" else client.zrange)(key, 0, -1)
    return {"string": client.get, "hash": client.hgetall, "set": client.smembers}.get(kind, lambda _: None)(key)


def test_a_restored_backup(house: House, report: Report, tmp_path: Path) -> None:
    load, length = load_of("backup"), lasts(60.0)
    wired, backup = house.container, tmp_path / "backup"
    eve, first, second = "restored-eve", *sorted(load.stories)[:2]
    with house.under(load, length) as run:
        wired.log.publish(of_eve(eve))
        before = letter_of(house, first)
        assert eventually(lambda: read(house, eve), 120)
        with postgres_down(house) as data:
            copy(data, backup)
        run.note_fault()
        with wired.database.begin() as tx:
            made_at = tx.generation.get().number
        assert {"postgres observations", "postgres significant_events", "cassandra email_messages"} <= {
            *where_it_stands(house)
        }
        erase(house, eve)
        assert eventually(lambda: where_it_stands(house) == [], 60), where_it_stands(house)
        after = letter_of(house, second)
        for letter in (before, after):
            approve(house, letter)
        assert eventually(lambda: wired.mirror.generation() > made_at + 2, 60)
        run.wait_for(length * 0.7)
        with postgres_down(house) as data:
            copy(backup, data)
        run.note_fault()
        with pytest.raises((RestoredError, UsageError), match="sago outreach resolve"):  # held, or unknown by now
            approve(house, before)
    outcome = house.settle(run)
    assert wired.raw.count(eve) == 20
    assert where_it_stands(house) == []
    wired.log.publish(of_eve(eve, first=20))
    assert eventually(lambda: wired.raw.count(eve) == 40, 60)
    assert eventually(lambda: where_it_stands(house) == [], 30), where_it_stands(house)
    assert states(house, before, after) == [LetterState.UNKNOWN, LetterState.UNKNOWN]
    third = letter_of(house, sorted(load.stories)[2])
    for letter in (before, after):
        with pytest.raises(RestoredError, match="are `unknown`"):
            approve(house, third)
        ours = {"database": wired.database, "drafts": wired.drafts, "who": "test", "why": "looked"}
        resolve(letter.id, letter is before, at=wired.clock.now(), **ours)
    assert approve(house, third).state is LetterState.APPROVED
    assert states(house, before, after) == [LetterState.SENT, LetterState.SUPERSEDED]
    report.add("a backup of Postgres restored", 1, outcome)
