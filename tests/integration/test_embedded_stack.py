"""The stack around small processes of a Procfile of the test: whole or not at all, and never an orphan."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sago.config import Settings, load
from sago.embedded.health import check_stack
from sago.embedded.postgres import data_folder, remove_data
from sago.embedded.record import read_record
from sago.embedded.stack import Stack
from sago.errors import ConfigError
from tests.integration.houses import eventually
from tests.integration.stacks import FAILS, NEVER_READY, READY, leftovers, no_schema, procfile, run_until

PARENT = """
import signal, sys, time
from pathlib import Path
from sago.embedded.stack import Stack
signal.signal(signal.SIGINT, signal.default_int_handler)
stack = Stack(Path(sys.argv[1]), migrate=lambda settings: None, procfile=Path(sys.argv[2]))
print("starting", flush=True)
with stack.running():
    print("running", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    remove_data(folder / "postgres")
    assert leftovers(folder) == []


def test_up_status_down(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(state))
    stack = Stack(state, migrate=no_schema, procfile=procfile(state, bridge=READY, store=READY))
    record = stack.start()
    assert list(record.services) == ["redis", "postgres", "kafka", "bridge", "store"]
    assert stat.S_IMODE((state / "stack.json").stat().st_mode) == 0o600
    health = check_stack(read_record(state), load())
    assert {name: each.reason for name, each in health.items()} == dict.fromkeys(record.services, "")
    assert all(each.as_json()["pid"] and each.memory for each in health.values())
    assert stack.start() == record
    assert stack.stop() == list(record.services)
    assert not (state / "stack.json").exists()
    assert stack.stop() == []


def test_a_process_that_ends_at_start_takes_all_with_it(state: Path) -> None:
    stack = Stack(state, migrate=no_schema, procfile=procfile(state, bridge=READY, store=FAILS))
    with pytest.raises(ConfigError, match="store ended at start: cannot: the reason"):
        stack.start()
    assert leftovers(state) == []
    assert read_record(state) is None


def test_a_schema_that_fails_takes_all_with_it(state: Path) -> None:
    def broken(settings: Settings) -> None:
        raise ConfigError("no such migration")

    with pytest.raises(ConfigError, match="no such migration"):
        Stack(state, migrate=broken, procfile=procfile(state)).start()
    assert leftovers(state) == []


def test_a_block_has_a_stack_of_its_own(state: Path) -> None:
    stack = Stack(state, migrate=no_schema, procfile=procfile(state, bridge=READY))
    with stack.running(discard=True) as settings:
        assert settings.kafka.embedded
        assert load().redis.url == settings.redis.url
        with pytest.raises(ConfigError, match=f"in use by another sago command .pid {os.getpid()}."):
            stack.start()
        with pytest.raises(ConfigError, match="in use by another sago command"):
            stack.stop()
    assert leftovers(state) == []
    assert not (state / "redis").exists()
    assert not data_folder(state / "postgres").exists()


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGINT])
def test_the_death_of_a_running_command_leaves_no_orphan(state: Path, killer: signal.Signals) -> None:
    path = procfile(state, bridge=READY, store=READY)
    parent = run_until("running", PARENT, str(state), str(path))
    record = read_record(state)
    parent.send_signal(killer)
    end(parent)
    assert record is not None
    assert len(record.children()) == 5
    assert eventually(lambda: not record.alive()), record.alive()
    assert eventually(lambda: leftovers(state) == []), leftovers(state)


def test_the_death_of_a_starting_command_leaves_no_orphan(state: Path) -> None:
    parent = run_until("starting", PARENT, str(state), str(procfile(state, bridge=NEVER_READY)))
    begun = eventually(lambda: any(NEVER_READY in line for line in leftovers(state)))
    record = read_record(state)
    parent.kill()
    end(parent)
    assert begun
    assert record is not None
    assert eventually(lambda: not record.alive()), record.alive()
    assert eventually(lambda: leftovers(state) == []), leftovers(state)


def end(process: subprocess.Popen[str]) -> None:
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def test_your_own_servers_are_asked_and_left_alone(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Stack(state, migrate=no_schema, procfile=procfile(state))
    section = ours.start().settings
    monkeypatch.setenv("SAGO_KAFKA__BOOTSTRAP_SERVERS", section["kafka"]["bootstrap_servers"])
    monkeypatch.setenv("SAGO_REDIS__URL", section["redis"]["url"])
    for key, value in section["postgres"].items():
        monkeypatch.setenv(f"POSTGRES_{key.upper()}", str(value))
    other = Stack(state.parent / "other", migrate=no_schema, procfile=procfile(state, bridge=READY))
    try:
        record = other.start()
        assert record.mode == "services"
        assert {each.kind for each in record.services.values()} == {"service", "process"}
        assert other.stop() == ["bridge"]
        monkeypatch.setenv("POSTGRES_PASSWORD", "wrong")
        with pytest.raises(ConfigError, match="refuses the password of postgres"):
            other.start()
    finally:
        ours.stop()
