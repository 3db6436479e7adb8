"""No room: on the disk, in memory, in Redis. What cannot be done is said, left whole, and done once there is room."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import psutil
import redis

from sago.config import PROJECT
from sago.domain.letters import CompositionState
from sago.stores.celery_dispatcher import client
from sago.stores.letter_mail import DOMAIN
from tests.faults.house import House
from tests.faults.load import Load, text
from tests.faults.report import Report
from tests.faults.scale import lasts, load_of
from tests.faults.test_processes import A_CHUNK, KEEPS_ITS_RESULT, at_work
from tests.integration.houses import eventually

ROOM = 1500
"""Bytes a file may have: more than a line of a log, less than a letter."""
AS_OF = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
"""Of the letters: after what the loads tell."""


def test_redis_is_at_its_memory_ceiling(house: House, report: Report) -> None:
    """First near it, where the bridge pauses by itself, then over it, where Redis refuses every write."""
    load, length = load_of("memory"), lasts(40.0)
    url = house.container.settings.redis.database(0)
    with house.under(load, length) as run, closing(redis.Redis.from_url(url)) as server:
        given = server.config_get("maxmemory")["maxmemory"]
        try:
            run.wait_for(length * 0.2)
            server.config_set("maxmemory", int(server.info("memory")["used_memory"] / 0.9))
            assert eventually(lambda: heard(house, "bridge", "Redis's memory stops fetching"), 20)
            run.wait_for(length * 0.5)
            server.config_set("maxmemory", int(server.info("memory")["used_memory"] * 0.5))
            time.sleep(length * 0.25)
        finally:
            server.config_set("maxmemory", given)
        run.note_fault()
    report.add("Redis at its memory ceiling", 2, house.settle(run))
    assert heard(house, "bridge", "fetching again")
    assert eventually(house.all_up, 60)


def heard(house: House, name: str, words: str) -> bool:
    """Whether a process's log holds these words."""
    return any(words in line for line in house.said(name, 10_000))


def test_children_are_killed_as_if_out_of_memory(house: House, report: Report) -> None:
    """Of store and outreach at moments drawn from the seed, of extract in mid-chunk; the worker itself goes on."""
    load, length = load_of("children"), lasts(40.0)
    chance = report.chance(load.name)
    workers = {name: house.service(name).child for name in ("store", "extract", "outreach")}
    with house.under(load, length) as run:
        for moment in sorted(chance.uniform(0.5, length * 0.7) for _ in range(3)):
            run.wait_for(moment)
            for name in ("store", "outreach"):
                house.kill_pool_child(name, chance.randrange(2))
            run.note_fault()
        with at_work(house, A_CHUNK, KEEPS_ITS_RESULT):
            for number in range(2):
                house.kill_pool_child("extract", number)
        run.note_fault()
    report.add("a child killed as if out of memory: store, outreach, extract in mid-chunk", 8, house.settle(run))
    assert workers == {name: house.service(name).child for name in workers}
    assert eventually(house.all_up, 60)


def test_the_folder_of_the_letters_is_full(house: House, report: Report) -> None:
    """They are due until they are written; the rest of the work goes on."""
    told = Load("told", 3, 240)
    with house.under(told, 0.0) as before:
        pass
    house.settle(before)
    load = load_of("folder")
    with house.under(load, lasts(40.0)) as run:
        with without_room(house, "outreach"):
            app = client(house.container.settings.redis)
            app.send_task("outreach.schedule", kwargs={"as_of": AS_OF.isoformat()})
            assert eventually(lambda: all_refused(house, told), 60), (reasons(house, told), house.said("outreach"))
            assert files(house, told) == []
        run.note_fault()
        assert eventually(lambda: reasons(house, told) == {}, 120), reasons(house, told)
        written_after = time.monotonic() - run.faulted_at
    assert files(house, told) == sorted(live(house, told))
    outcome = house.settle(run)
    report.add("the folder of the letters full", 1, replace(outcome, recovered=max(outcome.recovered, written_after)))
    assert eventually(house.all_up, 60)


@contextmanager
def without_room(house: House, name: str) -> Iterator[None]:
    """A worker and its pool whose files may have ROOM bytes; its log begins anew, so that its lines fit in."""
    os.truncate(house.stack.state_dir / "logs" / f"{name}.log", 0)
    limit(house, name, ROOM)
    try:
        yield
    finally:
        limit(house, name, resource.RLIM_INFINITY)


def limit(house: House, name: str, size: int) -> None:
    """How large a file of a process and its children may become."""
    child = house.service(name).child
    assert child is not None
    parent = psutil.Process(child.pid)
    for each in [parent, *parent.children()]:
        each.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def reasons(house: House, load: Load) -> dict[str, str]:
    """Company → why its letter that is due is not there yet."""
    with house.container.database.begin() as tx:
        company_of = {watch.id: watch.company_id for watch in tx.outreach.watches()}
        due = tx.compositions.find(CompositionState.DUE)
    found = {company_of[each.watch_id]: each.error or "" for each in due}
    return {company: error for company, error in found.items() if company in load.stories}


def all_refused(house: House, load: Load) -> bool:
    """Whether each company's letter waits because its file found no room."""
    found = reasons(house, load)
    return len(found) == len(load.stories) and all(
        "cannot be written (File too large)" in each for each in found.values()
    )


def files(house: House, load: Load) -> list[str]:
    """Message-IDs of the drafts in the folder, each with its whole text; other files by their names."""
    folder = house.container.settings.outreach.folder
    found = [path for path in folder.glob("*") if path.name.startswith(f"{load.name}-")]
    return sorted(str(message_from_bytes(path.read_bytes())["Message-ID"] or path.name) for path in found)


def live(house: House, load: Load) -> list[str]:
    """Message-IDs that the live letters of these companies must have."""
    with house.container.database.begin() as tx:
        letters = [each for company in load.stories for each in tx.outreach.letters(company)]
    return [f"<{letter.id}@{DOMAIN}>" for letter in letters]


def test_the_folder_of_a_report_is_full(house: House, report: Report, tmp_path: Path) -> None:
    """`sago run` ends with one line and no half file; run again with room it reports the same messages."""
    rows = tmp_path / "rows.csv"
    with rows.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(["id", "is_chat", "chat_sender", "email_sender", "timestamp", "content"])
        writer.writerows([n, "true", "ana", "", f"2026-01-05T08:{n:02}:00Z", text(n)] for n in range(60))
    load = load_of("report")
    out = tmp_path / "out"
    with house.under(load, lasts(40.0)) as run:
        full = sago_run(rows, out, preexec_fn=no_room)
        run.note_fault()
        assert full.returncode == 1, full.stderr
        last_line = full.stderr.strip().splitlines()[-1]
        assert (
            last_line
            == f"sago: {out}/report.html: cannot be written (File too large); choose another folder with --out"
        )
        assert "Traceback" not in full.stderr
        assert [path.name for path in out.iterdir() if path.is_file()] == []
        again = sago_run(rows, out)
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["duplicates"] == 60
        assert {path.name for path in out.iterdir() if path.is_file()} >= {"report.html", "events.jsonl"}
    report.add("the folder of a report full", 1, house.settle(run))
    assert eventually(house.all_up, 60)


def no_room() -> None:
    """In the child, before it becomes `sago`."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


def sago_run(rows: Path, out: Path, preexec_fn: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """`sago run` on the running stack."""
    command = [
        str(Path(sys.executable).parent / "sago"),
        "run",
        str(rows),
        "--company",
        "reported",
        "--out",
        str(out),
        "--json",
    ]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, cwd=PROJECT, preexec_fn=preexec_fn
    )
