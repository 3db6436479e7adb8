"""The stack around small processes of a Procfile of the test: whole or not at all, and never an orphan."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sago.config import Settings, load
from sago.embedded.health import check_stack
from sago.embedded.postgres import data_folder, remove_data
from sago.embedded.record import read_record
from sago.embedded.stack import Stack
from sago.errors import ConfigError

READY = "import os, pathlib, time; pathlib.Path(os.environ['SAGO_READY_FILE']).touch(); time.sleep(300)"
FAILS = "raise SystemExit('cannot: the reason')"
NEVER_READY = "import time; time.sleep(300)"
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


def no_schema(settings: Settings) -> None:
    """These processes need none; the addresses must be there already."""
    assert settings.has_servers


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    remove_data(folder / "postgres")
    assert leftovers(folder) == []


def procfile(state: Path, **codes: str) -> Path:
    path = state.parent / "Procfile"
    path.write_text("".join(f'{name}: python -c "{code}"\n' for name, code in codes.items()))
    return path


def leftovers(state: Path) -> list[str]:
    """Command lines of everything that still runs for this state folder."""
    marks = {str(state), str(data_folder(state / "postgres").parent)}
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.environ().get("SAGO_STATE_DIR", "")]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(mark in word for word in words for mark in marks):
            found.append(" ".join(words))
    return found


def eventually(holds: Callable[[], bool], seconds: float = 15.0) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


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


def test_half_a_stack_is_named_and_can_be_stopped(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGO_STATE_DIR", str(state))
    stack = Stack(state, migrate=no_schema, procfile=procfile(state, bridge=READY, store=READY))
    record = stack.start()
    store = record.services["store"].child
    assert store is not None
    store.signal(signal.SIGKILL)
    store.wait(5)
    assert check_stack(read_record(state), load())["store"].reason == "ended"
    with pytest.raises(ConfigError, match=r"half a stack runs .* \(store ended\): `sago down`, then `sago up`"):
        stack.start()
    assert "store" not in stack.stop()


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


def test_a_block_keeps_out_of_a_stack_that_stays(state: Path) -> None:
    stack = Stack(state, migrate=no_schema, procfile=procfile(state, bridge=READY))
    stack.start()
    with pytest.raises(ConfigError, match="a stack runs already"), stack.running():
        pytest.fail("two stacks in one folder")
    assert len(stack.stop()) == 4


def test_down_asks_whether_all_is_stored(state: Path) -> None:
    stack = Stack(state, migrate=no_schema, procfile=procfile(state, bridge=READY))
    stack.start()
    answers = iter([False, False, True])
    stack.stop(drained=lambda: next(answers))
    assert next(answers, None) is None


def test_down_gives_up_on_what_cannot_be_stored(state: Path) -> None:
    steps: list[str] = []
    stack = Stack(state, migrate=no_schema, procfile=procfile(state, bridge=READY), on_step=steps.append)
    stack.start()
    stack.stop(drained=lambda: False, drain_within=0.2)
    assert "not everything was stored within 0 s; feed the same files again" in steps


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_death_of_a_running_command_leaves_no_orphan(state: Path, killer: signal.Signals) -> None:
    path = procfile(state, bridge=READY, store=READY)
    parent = start_parent(state, path, until="running")
    record = read_record(state)
    parent.send_signal(killer)
    parent.wait()
    assert record is not None
    assert len(record.children()) == 5
    assert eventually(lambda: not record.alive()), record.alive()
    assert eventually(lambda: leftovers(state) == []), leftovers(state)
    stack = Stack(state, migrate=no_schema, procfile=path)
    stack.start()
    assert len(stack.stop()) == 5


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGINT])
def test_the_death_of_a_starting_command_leaves_no_orphan(state: Path, killer: signal.Signals) -> None:
    parent = start_parent(state, procfile(state, bridge=NEVER_READY), until="starting")
    begun = eventually(lambda: any(NEVER_READY in line for line in leftovers(state)))
    record = read_record(state)
    parent.send_signal(killer)
    parent.wait()
    assert begun
    assert record is not None
    assert eventually(lambda: not record.alive()), record.alive()
    assert eventually(lambda: leftovers(state) == []), leftovers(state)


def start_parent(state: Path, path: Path, until: str) -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(state), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        for line in parent.stdout:
            if line.strip() == until:
                return parent
    parent.wait()
    raise AssertionError(f"the parent ended before it was {until}")


def test_a_stack_left_behind_by_a_reboot_is_cleared_away(state: Path) -> None:
    stack = Stack(state, migrate=no_schema, procfile=procfile(state, bridge=READY))
    stack.start()
    before = (state / "stack.json").read_text()
    stack.stop()
    (state / "stack.json").write_text(before)
    again = stack.start()
    assert again.services["redis"].child != json.loads(before)["services"]["redis"]["pid"]
    assert len(stack.stop()) == 4


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
