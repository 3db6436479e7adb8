"""How long the supervisor waits, and how logs are kept short while somebody writes to them."""

from __future__ import annotations

import os
from pathlib import Path

from sago.embedded.logs import KEPT, log_files, rotate, set_aside
from sago.embedded.plan import Plan
from sago.embedded.supervisor import STEADY_AFTER, Backoff


def test_each_wait_is_twice_the_last_up_to_a_minute() -> None:
    backoff = Backoff()
    assert [backoff.after(0.5) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_after_a_steady_minute_the_wait_is_short_again() -> None:
    backoff = Backoff()
    waits = [backoff.after(ran) for ran in (0.5, STEADY_AFTER - 1, STEADY_AFTER, 0.5)]
    assert waits == [1, 2, 1, 2]


def test_a_short_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert not rotate(log)
    log.write_text("short")
    assert not rotate(log, limit=5)
    assert log.read_text() == "short"


def test_a_writer_goes_on_in_the_emptied_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(KEPT + 3):
            writer.write(f"part {number}\n".encode())
            assert rotate(log, limit=3)
        writer.write(b"now")
    assert log.read_bytes() == b"now"
    assert [set_aside(log, n).read_text() for n in range(1, KEPT + 1)] == [f"part {n}\n" for n in (7, 6, 5, 4, 3)]
    assert len(list(tmp_path.iterdir())) == 1 + KEPT


def test_of_two_kinds_of_servers_the_log_that_was_written_last_counts(tmp_path: Path) -> None:
    old, new = tmp_path / "kafka" / "kafka.log", tmp_path / "services" / "kafka" / "kafka.log"
    for age, log in ((100, old), (10, new)):
        log.parent.mkdir(parents=True)
        log.touch()
        os.utime(log, (1e9 - age, 1e9 - age))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "bridge.log").touch()
    (tmp_path / "kafka" / "other.log").touch()
    assert log_files(tmp_path) == {"bridge": tmp_path / "logs" / "bridge.log", "kafka": new}
    os.utime(old)
    assert log_files(tmp_path)["kafka"] == old


def test_a_plan_arrives_as_it_was_sent(tmp_path: Path) -> None:
    plan = Plan(tmp_path, tmp_path / "config.yaml", tmp_path / "Procfile", "local", frozenset({"flower", "beat"}))
    assert Plan.from_arguments(plan.arguments()) == plan
    assert Plan.from_arguments(Plan(tmp_path).arguments()) == Plan(tmp_path)
