"""`sago up`, `status` and `down` as a person calls them, with the project's own processes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sago.bootstrap import build
from sago.config import PROJECT, load
from sago.embedded.places import listens
from sago.embedded.postgres import remove_data
from sago.embedded.procfile import read_procfile
from sago.embedded.record import read_record
from sago.embedded.stack import Stack
from tests.integration.houses import chat
from tests.integration.stacks import no_schema, procfile

pytestmark = pytest.mark.services

PROCESSES = set(read_procfile(PROJECT / "Procfile"))
MEGABYTE = 1_000_000


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "state"
    monkeypatch.setenv("SAGO_STATE_DIR", str(folder))
    for process in ("API", "FLOWER"):  # another stack may run on this machine
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            monkeypatch.setenv(f"SAGO_{process}__PORT", str(free.getsockname()[1]))
    yield folder
    if read_record(folder) is not None:
        sago("down")
    remove_data(folder / "postgres")


def sago(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "sago"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)


def test_messages_on_their_way_survive_down(state: Path) -> None:
    up = sago("up")
    assert up.returncode == 0, up.stderr
    assert "Kafka is in memory and small" in " ".join(up.stderr.split())
    record = read_record(state)
    assert record is not None
    shown = sago("status", "--json")
    value = json.loads(shown.stdout)
    assert shown.returncode == 0, shown.stdout
    assert value["mode"] == "embedded"
    assert set(value["services"]) == {"redis", "postgres", "kafka", *PROCESSES}
    assert all(service["healthy"] for service in value["services"].values())
    assert value["services"]["redis"]["address"] == load().redis.url
    for name in ("api", "flower"):
        assert listens(value["services"][name]["address"])
    assert sum(service["memory"] for service in value["services"].values()) < 1000 * MEGABYTE
    table = sago("status")
    assert table.returncode == 0
    assert load().postgres.password.get_secret_value() not in table.stdout
    assert ":***@" in table.stdout
    doctor = sago("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "supervisor: pid" in doctor.stdout
    with closing(build(load())) as container:
        container.log.publish([chat(number) for number in range(300)])
    down = sago("down", "--json")
    assert set(json.loads(down.stdout)["stopped"]) == set(value["services"]), down.stderr
    assert record.alive() == []
    with servers_alone(state), closing(build(load())) as container:
        assert container.raw.count() == 300


@contextmanager
def servers_alone(state: Path) -> Iterator[None]:
    """The stores with what lies in them, and nobody who would add to it."""
    nobody = Stack(state, no_schema, procfile=procfile(state))
    nobody.start()
    yield
    nobody.stop()
