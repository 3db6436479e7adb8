"""What the supervisor promises: what ends starts again, what is hopeless stays down, no way out leaves orphans."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from sago.config import PROJECT, load
from sago.embedded.health import check_stack
from sago.embedded.postgres import data_folder, remove_data
from sago.embedded.processes import Account, Child, spawn
from sago.embedded.record import Record, read_record
from sago.embedded.stack import Stack
from sago.errors import ConfigError
from tests.integration.houses import eventually
from tests.integration.stacks import NEVER_READY, READY, UP, leftovers, no_schema, procfile, run_until

HOPELESS = READY.replace("time.sleep(300)", "time.sleep(0.5); print('100 dead letters in a row'); raise SystemExit(78)")
LISTENS = (
    "import os, socket, time; s = socket.create_server(('127.0.0.1', int(os.environ['SAGO_API__PORT']))); "
    "time.sleep(300)"
)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "state"
    monkeypatch.setenv("SAGO_STATE_DIR", str(folder))
    yield folder
    remove_data(folder / "postgres")
    assert leftovers(folder) == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """For tests that bear what others have done to it: it keeps its data, and is up for whoever asks for `running`."""
    state = tmp_path_factory.mktemp("shared") / "state"
    stack = Stack(state, no_schema, procfile=procfile(state, bridge=HOPELESS, store=READY))
    yield stack
    stack.stop()
    remove_data(state / "postgres")
    assert leftovers(state) == []


@pytest.fixture
def running(shared: Stack, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a stack that is up."""
    monkeypatch.setenv("SAGO_STATE_DIR", str(shared.state_dir))
    shared.start()
    return shared.state_dir


def record_of(state: Path) -> Record:
    record = read_record(state)
    assert record is not None
    return record


def child_of(state: Path, name: str) -> Child:
    child = record_of(state).services[name].child
    assert child is not None
    return child


def supervisor_of(state: Path) -> Child:
    supervisor = record_of(state).supervisor
    assert supervisor is not None
    return supervisor


def reason(state: Path, name: str) -> str:
    return check_stack(read_record(state), load())[name].reason


def supervised(state: Path) -> str:
    return (state / "logs" / "supervisor.log").read_text()


def test_what_ends_starts_again_and_what_is_beyond_help_does_not(running: Path) -> None:
    """The first of the shared stack: it counts restarts."""
    before = load()
    for name in ("store", "redis"):
        child_of(running, name).signal(signal.SIGKILL)
    assert eventually(lambda: all(f"{name} started again" in supervised(running) for name in ("store", "redis")))
    assert eventually(lambda: reason(running, "store") == reason(running, "redis") == "")
    health = check_stack(record_of(running), load())
    assert [health[name].as_json()["restarts"] for name in ("bridge", "store", "redis")] == [0, 1, 1]
    assert health["redis"].as_json()["since"]
    assert load().redis == before.redis
    client = redis.Redis.from_url(load().redis.database(0))
    assert client.ping()
    client.close()
    assert eventually(lambda: reason(running, "bridge") == "stopped (78): 100 dead letters in a row")
    assert "store ended (killed by SIGKILL); starts again in 1 s" in supervised(running)
    assert "bridge stopped with status 78 and is not started again" in supervised(running)


def test_a_new_small_kafka_is_told_to_all(running: Path) -> None:
    before, store = load().kafka, child_of(running, "store")
    child_of(running, "kafka").signal(signal.SIGKILL)
    assert eventually(lambda: load().kafka.log_id != before.log_id)
    assert eventually(lambda: child_of(running, "store") != store and reason(running, "store") == "")
    assert load().kafka.bootstrap_servers != before.bootstrap_servers
    assert reason(running, "kafka") == ""
    assert not store.alive()


def test_a_killed_supervisor_takes_all_with_it_and_the_next_up_says_so(running: Path) -> None:
    record, supervisor = record_of(running), supervisor_of(running)
    supervisor.signal(signal.SIGKILL)
    assert eventually(lambda: record.alive() == [] and leftovers(running) == [])
    assert record_of(running).abandoned()
    assert not load().has_servers
    notes: list[str] = []
    again = Stack(running, no_schema, procfile=running.parent / "Procfile", on_note=notes.append)
    again.start()
    assert [f"(pid {supervisor.pid}) was killed" in note for note in notes] == [True]
    assert supervisor_of(running) != supervisor


def test_a_killed_guard_is_replaced(running: Path) -> None:
    record, supervisor = record_of(running), supervisor_of(running)
    (first,) = guards_of(supervisor)
    first.kill()
    assert eventually(lambda: [each.pid for each in guards_of(supervisor)] not in ([], [first.pid]))
    supervisor.signal(signal.SIGKILL)
    assert eventually(lambda: record.alive() == [] and leftovers(running) == [])


def guards_of(supervisor: Child) -> list[psutil.Process]:
    return [each for each in psutil.Process(supervisor.pid).children() if is_guard(each)]


def is_guard(process: psutil.Process) -> bool:
    try:
        return "sago.embedded.guard" in process.cmdline()
    except psutil.NoSuchProcess:  # it is ending: gone, or a zombie
        return False


def test_what_outlives_supervisor_and_guard_is_ended_by_down(running: Path) -> None:
    record, supervisor = record_of(running), supervisor_of(running)
    (guard,) = guards_of(supervisor)
    supervisor.signal(signal.SIGSTOP)  # it would replace the guard
    guard.kill()
    supervisor.signal(signal.SIGKILL)
    assert eventually(lambda: not supervisor.alive())
    assert len(record.alive()) >= 4  # the bridge ends by itself
    notes: list[str] = []
    Stack(running, no_schema, on_note=notes.append).stop()
    assert "its processes were ended, its data is kept" in notes[0]
    assert record.alive() == []
    assert leftovers(running) == []
    assert read_record(running) is None


def test_a_stack_whose_file_is_gone_does_not_stay_behind(running: Path) -> None:
    supervisor = supervisor_of(running)
    (running / "stack.json").unlink()
    assert eventually(lambda: not supervisor.alive())
    assert eventually(lambda: leftovers(running) == [])


@pytest.mark.parametrize(
    ("phase", "killer"),
    [
        ("redis, postgres, kafka", signal.SIGKILL),
        ("schema", signal.SIGKILL),
        ("processes", signal.SIGINT),
    ],
)
def test_an_up_that_dies_leaves_nothing(state: Path, phase: str, killer: signal.Signals) -> None:
    path = procfile(state, bridge=READY, store=NEVER_READY)
    command = run_until(phase, UP, str(state), str(path), "30" if phase == "schema" else "0")
    command.send_signal(killer)
    command.communicate()
    assert eventually(lambda: leftovers(state) == []), leftovers(state)
    assert read_record(state) is None


def test_an_up_whose_supervisor_dies_says_so_and_leaves_nothing(state: Path) -> None:
    stack = Stack(state, lambda _settings: kill_supervisor(state), procfile=procfile(state, store=READY))
    with pytest.raises(ConfigError, match=r"the supervisor ended .*killed by SIGKILL.*; nothing is left running"):
        stack.start()
    assert eventually(lambda: leftovers(state) == [])
    assert read_record(state) is None


def kill_supervisor(state: Path) -> None:
    owner = record_of(state).owner
    assert owner is not None
    owner.signal(signal.SIGKILL)
    owner.wait(5)


def test_a_usual_port_that_is_taken_is_left_to_its_owner(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = procfile(state, api=LISTENS)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr("sago.embedded.places._PREFERRED", {"api": taken})
        monkeypatch.setenv("SAGO_API__PORT", str(taken))
        with pytest.raises(ConfigError, match=rf"api: port {taken} .* in use: .* set api.port \(SAGO_API__PORT\)"):
            Stack(state, no_schema, procfile=path).start()
        assert leftovers(state) == []
    monkeypatch.delenv("SAGO_API__PORT")
    first = Stack(state, no_schema, procfile=path)
    second = Stack(state.parent / "second", no_schema, procfile=path)
    try:
        addresses = {stack.start().services["api"].address for stack in (first, second)}
        assert reason(state, "api") == "does not answer: timed out"  # it listens and never says a word
    finally:
        first.stop()
        second.stop()
    assert len(addresses) == 2


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    stack = Stack(tmp_path / "file" / "state", no_schema, procfile=procfile(tmp_path / "state", store=READY))
    with pytest.raises(ConfigError, match=r"cannot be written .*: set state_dir \(SAGO_STATE_DIR\), or mend its mode"):
        stack.start()


def reaches(user: pwd.struct_passwd, program: Path) -> bool:
    try:
        return (
            subprocess.run([program, "-c", "import sago"], user=user.pw_uid, cwd=PROJECT, check=False).returncode == 0
        )
    except PermissionError:
        return False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_starts_and_stops_a_stack_too(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    if not reaches(nobody, Path(sys.executable)):
        pytest.skip("this interpreter lies where nobody but root can reach it")
    home = Path("/var/tmp") / f"sago-test-{os.getpid()}"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    path = procfile(tmp_path / "state", store=READY)
    shutil.copy(path, home / "Procfile")
    code = (
        "import sys; from pathlib import Path; from sago.embedded.stack import Stack; state = Path(sys.argv[1]); "
        "stack = Stack(state, lambda settings: None, procfile=state.parent / 'Procfile'); "
        "print(*stack.start().services); print(*stack.stop())"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(home / "state")],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "SAGO_STATE_DIR": str(home / "state")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines() == ["redis postgres kafka store"] * 2, done.stderr
        assert leftovers(home / "state") == []
    finally:
        shutil.rmtree(home)


def test_a_pid_file_that_names_a_stranger_is_no_obstacle(state: Path, tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else None
    stack = Stack(state, no_schema, procfile=procfile(state))
    stack.start()
    stack.stop()
    stranger = spawn("stranger", ["sleep", "60"], log=tmp_path / "stranger.log", account=account)
    try:
        (data_folder(state / "postgres") / "postmaster.pid").write_text(f"{stranger.pid}\n")
        assert [child.name for child in stack.start().alive()] == ["redis", "postgres", "kafka"]
        stack.stop()
        assert stranger.alive()
    finally:
        stranger.stop(1.0)
