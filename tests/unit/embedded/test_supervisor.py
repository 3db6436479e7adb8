"""How long the supervisor waits, and how logs are kept short while somebody writes to them."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sago.embedded.logs import KEPT, log_files, rotate, set_aside
from sago.embedded.plan import Plan
from sago.embedded.record import Service
from sago.embedded.supervisor import ROTATE_EVERY, STEADY_AFTER, Backoff, Supervisor, _stay


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


class Stumbling:
    """A launch of one server on a machine that is out of memory, disk and luck."""

    def __init__(self, folder: Path, trouble: Exception) -> None:
        self.plan, self._trouble = Plan(folder), trouble
        self.stopped: list[str] = []
        dead: Any = SimpleNamespace(alive=lambda: False, stop=lambda _seconds: True, exit_status=lambda: 1)
        services = {"postgres": Service("postgres", "local", child=dead)}
        self.record: Any = SimpleNamespace(mode="local", services=services)

    def keep_guarded(self) -> None:
        raise self._trouble

    def start_server(self, name: str) -> None:
        raise self._trouble

    def stop_child(self, name: str) -> None:
        self.stopped.append(name)

    def change(self, name: str, service: Service) -> None:
        self.record.services[name] = service

    def amend(self, name: str, **changes: Any) -> None:
        self.change(name, replace(self.record.services[name], **changes))


def looks(launch: Stumbling, times: int, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What a supervisor logs in so many looks, each so late that everything is due."""
    now = [0.0]
    supervisor = Supervisor(launch, clock=lambda: now[0])  # type: ignore[arg-type]
    logger = logging.getLogger("sago.supervisor")
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO, logger.name)
    try:
        for _ in range(times):
            now[0] += ROTATE_EVERY
            supervisor.look()
            for life in supervisor._lives.values():
                if life.reviving is not None:
                    life.reviving.join()
    finally:
        logger.removeHandler(caplog.handler)
    return caplog.messages


def test_a_guard_that_cannot_be_made_and_a_log_that_is_gone_do_not_end_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "store.log").symlink_to(tmp_path / "nowhere")
    said = looks(Stumbling(tmp_path, BlockingIOError(11, "Resource temporarily unavailable")), 1, caplog)
    assert said[0] == "guard: [Errno 11] Resource temporarily unavailable"
    assert log_files(tmp_path) == {}


def test_a_restart_that_fails_in_any_way_is_told_in_one_line_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    launch = Stumbling(tmp_path, ValueError("no space\nleft"))
    launch.keep_guarded = lambda: None  # type: ignore[method-assign]
    said = looks(launch, 3, caplog)
    assert said[-1] == "postgres ended (no space left); starts again in 2 s"
    assert launch.record.services["postgres"].trouble == "no space left"
    assert launch.stopped == ["postgres"]


def test_a_full_disk_does_not_keep_it_from_stopping_in_order() -> None:
    done: list[str] = []

    def take_back() -> None:
        raise OSError(28, "No space left on device")

    launch: Any = SimpleNamespace(
        record=SimpleNamespace(services={}),
        take_back=take_back,
        stop=lambda: done.append("stopped"),
        guard=SimpleNamespace(close=lambda: done.append("guard closed")),
    )
    asked: Any = Asked()
    _stay(launch, asked)
    assert done == ["stopped", "guard closed"]


class Asked:
    """A Stopping that was asked already."""

    def __call__(self) -> bool:
        return True

    def hurry_next_time(self) -> None:
        """Nobody is in a hurry."""
