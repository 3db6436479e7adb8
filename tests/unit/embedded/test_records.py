"""The stack's file, the Procfile and addresses: read as they were written, refused in one line when they are wrong."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
import time
from pathlib import Path

import pytest

from sago.config import PROJECT, load
from sago.embedded.health import check_stack
from sago.embedded.lock import locked
from sago.embedded.probes import hide
from sago.embedded.processes import Child, ourselves
from sago.embedded.procfile import process_environment, read_procfile, ready_file
from sago.embedded.record import Record, Service, read_record
from sago.embedded.servers import password_of
from sago.errors import ConfigError

GONE = 2**22 + 1
"""Above the kernel's highest pid."""


def a_record(child: Child = Child("redis", GONE, 1.0)) -> Record:  # noqa: B008
    return Record(
        mode="embedded",
        started_at="2026-03-02T09:00:00+00:00",
        services={
            "redis": Service("redis", "embedded", "redis://:pw@127.0.0.1:1", child),
            "kafka": Service("kafka", "service", "broker:9092"),
        },
        settings={
            "redis": {"url": "redis://:pw@127.0.0.1:1"},
            "kafka": {"bootstrap_servers": "127.0.0.1:2", "embedded": True},
            "postgres": {"host": "127.0.0.1"},
        },
    )


def test_a_record_is_read_as_written_and_private(tmp_path: Path) -> None:
    a_record().write(tmp_path)
    assert read_record(tmp_path) == a_record()
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
    assert "pw" not in repr(a_record())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mode": "embedded", "services": {"a": {}}}'])
def test_a_broken_record_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(ConfigError, match=r"stack\.json: not a stack file .*; delete it, then `sago up`"):
        read_record(tmp_path)


def test_the_state_folder_is_closed_to_others(tmp_path: Path) -> None:
    with locked(tmp_path / "state"):
        assert stat.S_IMODE((tmp_path / "state").stat().st_mode) & 0o066 == 0


def test_an_empty_password_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "password").touch()
    made = password_of(tmp_path)
    assert len(made) >= 24
    assert password_of(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "age", "reason"),
    [
        ("store", 10, ""),
        ("store", 75, r"has said nothing for 7\d s"),
        ("bridge", 35, r"has said nothing for 3\d s"),
        ("watcher", 3600, ""),
        ("beat", None, "still starting"),
    ],
)
def test_a_worker_without_a_heartbeat_is_not_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, age: int | None, reason: str
) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    services = {name: Service(name, "process", child=ourselves())}
    if age is not None:
        ready = ready_file(tmp_path, name)
        ready.parent.mkdir()
        ready.touch()
        os.utime(ready, (time.time() - age, time.time() - age))
    found = check_stack(Record("embedded", "2026-03-02T09:00:00+00:00", services=services), load())
    assert re.fullmatch(reason, found[name].reason)


def test_no_record_no_stack(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None


def test_settings_of_a_dead_stack_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    a_record().write(tmp_path)
    assert not load().has_servers
    a_record(dataclasses.replace(ourselves(), born=1.0)).write(tmp_path)  # our pid, before a reboot
    assert not load().has_servers
    a_record(ourselves()).write(tmp_path)
    assert load().kafka.bootstrap_servers == "127.0.0.1:2"


def test_the_password_of_another_server_is_not_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("POSTGRES_PASSWORD", "of another server")
    record = a_record(ourselves())
    record.settings["postgres"]["password"] = "ours"
    record.write(tmp_path)
    assert load().postgres.password.get_secret_value() == "ours"


def test_the_projects_own_procfile_has_every_process() -> None:
    commands = read_procfile(PROJECT / "Procfile")
    assert list(commands) == ["bridge", "store", "extract", "outreach", "sources", "beat", "flower", "api"]
    assert "-Q upkeep,store" in commands["store"]


@pytest.mark.parametrize("text", ["no command here", "a:", "a: true\na: false"])
def test_a_wrong_line_of_a_procfile_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Procfile"
    path.write_text(f"# comment\n\n{text}\n")
    with pytest.raises(ConfigError, match=r"Procfile:[34]: must be `name: command`, each name once"):
        read_procfile(path)


def test_a_missing_procfile_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_procfile(tmp_path / "Procfile")


def test_processes_find_the_stack_and_our_interpreter(tmp_path: Path) -> None:
    environ = process_environment(tmp_path, tmp_path / "config.yaml", {"SAGO_LOGGING__LEVEL": "DEBUG"})
    assert environ["SAGO_STATE_DIR"] == str(tmp_path)
    assert environ["SAGO_CONFIG"] == str(tmp_path / "config.yaml")
    assert environ["SAGO_LOGGING__LEVEL"] == "DEBUG"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://:secret@127.0.0.1:1", "redis://:***@127.0.0.1:1"),
        ("postgresql://me:secret@h:5/db", "postgresql://me:***@h:5/db"),
        ("broker-1:9092,broker-2:9092", "broker-1:9092,broker-2:9092"),
        ("", ""),
    ],
)
def test_passwords_are_hidden(address: str, shown: str) -> None:
    assert hide(address) == shown
