"""A stack with real Kafka and Cassandra: its servers outlive their own death, and `sago down` leaves their data.

That a server started anew on such data has all of it is asked of each alone, in test_local_servers.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sago.bootstrap import build
from sago.cli.stack import prepare
from sago.config import PROJECT, load
from sago.embedded.health import check_stack
from sago.embedded.postgres import remove_data
from sago.embedded.procfile import read_procfile
from sago.embedded.record import read_record
from sago.embedded.stack import Stack
from tests.integration.houses import chat, eventually
from tests.integration.stacks import leftovers

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

COUNT = 300


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local_servers: None) -> Iterator[Stack]:
    state = tmp_path / "state"
    monkeypatch.setenv("SAGO_STATE_DIR", str(state))
    commands = read_procfile(PROJECT / "Procfile")
    procfile = tmp_path / "Procfile"
    procfile.write_text("".join(f"{name}: {commands[name]}\n" for name in ("bridge", "store")), encoding="utf-8")
    stack = Stack(state, prepare, procfile=procfile, servers="local")
    yield stack
    stack.stop()
    remove_data(state / "services" / "postgres")
    assert leftovers(state) == []


def stored() -> int:
    with closing(build(load())) as container:
        return container.raw.count("acme")


def publish(first: int) -> None:
    with closing(build(load())) as container:
        container.log.publish([chat(number) for number in range(first, first + COUNT)])


def test_what_was_sent_survives_a_killed_server_and_its_data_survives_down(stack: Stack) -> None:
    services = stack.start().services
    kinds = {name: each.kind for name, each in services.items()}
    ours = {"redis": "embedded", "postgres": "embedded", "kafka": "local", "cassandra": "local"}
    assert kinds == ours | {"bridge": "process", "store": "process"}
    settings = load()
    assert (settings.mode, settings.raw_store.kind, settings.kafka.embedded) == ("services", "cassandra", False)
    publish(0)
    kafka = services["kafka"].child
    assert kafka is not None
    kafka.signal(signal.SIGKILL)
    assert eventually(lambda: kafka_is_back(stack), 60)
    assert load().kafka.bootstrap_servers == settings.kafka.bootstrap_servers
    publish(COUNT)
    assert eventually(lambda: stored() == 2 * COUNT, 60)
    stack.stop()
    for name in ("kafka", "cassandra"):
        assert any((stack.state_dir / "services" / name / "data").iterdir())


def kafka_is_back(stack: Stack) -> bool:
    kafka = check_stack(read_record(stack.state_dir), load())["kafka"]
    return kafka.healthy and kafka.service.restarts == 1
