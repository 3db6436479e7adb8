"""One suite for the Mirror port, run on memory, on a file and on Cassandra."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest

from sago.domain.erasures import Erasure
from sago.domain.generations import Announced
from sago.domain.letters import LetterState
from sago.embedded.servers import Server
from sago.errors import ConfigError
from sago.ports import Mirror
from sago.sections import CassandraSettings
from sago.stores.cassandra import migrate
from sago.stores.cassandra.mirror import CassandraMirror
from sago.stores.cassandra.session import CassandraConnection
from sago.stores.file_mirror import FileMirror
from sago.stores.memory.keeping import MemoryMirror

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def announced(name: str, generation: int, state: LetterState = LetterState.APPROVED) -> Announced:
    letter_id, watch_id = uuid5(NAMESPACE_URL, name), uuid5(NAMESPACE_URL, "watch")
    events = (uuid5(NAMESPACE_URL, "event"),)
    return Announced(generation, letter_id, state, "default", watch_id, "acme", "2026-03", events, NOW)


def erasure(name: str, minutes: int = 0, **whom: str) -> Erasure:
    return Erasure(
        id=uuid5(NAMESPACE_URL, name),
        company_id="acme",
        because="asked on the phone",
        requested_by="cli:ana",
        requested_at=NOW + timedelta(minutes=minutes),
        **(whom or {"sender": name}),
    )


@pytest.fixture(scope="module")
def connection(cassandra_server: Server) -> Iterator[CassandraConnection]:
    settings = CassandraSettings(**cassandra_server.settings["cassandra"], keyspace=f"mirror_{os.getpid()}")
    migrate(settings)
    connection = CassandraConnection(settings)
    yield connection
    connection.close()


@pytest.fixture(params=["memory", "file", "cassandra"])
def mirror(request: pytest.FixtureRequest, tmp_path: Path) -> Mirror:
    if request.param == "memory":
        return MemoryMirror()
    if request.param == "file":
        return FileMirror(tmp_path / "state")
    connection: CassandraConnection = request.getfixturevalue("connection")
    with connection.begin() as session:
        for table in ("erasures", "generation", "announced_letters"):
            session.driver.execute(f"TRUNCATE {table}")
    return CassandraMirror(connection)


def test_the_number_only_rises(mirror: Mirror) -> None:
    assert mirror.generation() == 0
    seen = []
    for number in (3, 2, 3, 7, 1):
        mirror.raise_generation(number)
        seen.append(mirror.generation())
    assert seen == [3, 3, 3, 7, 7]


def test_of_many_that_raise_it_at_once_the_highest_stays(mirror: Mirror) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(mirror.raise_generation, [5, 9, 2, 9, 4, 1, 8, 3]))
    assert mirror.generation() == 9


def test_letters_are_told_from_a_generation_on_each_once(mirror: Mirror) -> None:
    first, second = announced("first", 4), announced("second", 5)
    sent = announced("second", 5, LetterState.SENT)
    for letter in (second, first, sent, first):
        mirror.announce(letter)
    assert mirror.announced(after=0) == [first, second, sent]
    assert mirror.announced(after=4) == [second, sent]
    assert mirror.announced(after=5) == []


def test_erasures_are_kept_each_once_and_never_as_applied(mirror: Mirror) -> None:
    person, message = erasure("Åsa <asa@x>"), erasure("m", minutes=1, message_id="gmail:1")
    mirror.add_erasures([message.model_copy(update={"applied_at": NOW}), person])
    mirror.add_erasures([person])
    mirror.add_erasures([])
    assert mirror.erasures() == [person, message]


def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(tmp_path: Path) -> None:
    mirror = FileMirror(tmp_path)
    mirror.add_erasures([erasure("ana")])
    with (tmp_path / "mirror" / "notes.jsonl").open("a") as file:
        file.write('\n{"erasure": {"id": "4')
    mirror.add_erasures([erasure("ben", minutes=1)])
    assert [each.sender for each in FileMirror(tmp_path).erasures()] == ["ana", "ben"]


def test_a_broken_number_is_said_and_not_taken_for_none(tmp_path: Path) -> None:
    mirror = FileMirror(tmp_path)
    mirror.raise_generation(4)
    (tmp_path / "mirror" / "generation").write_text("4x")
    with pytest.raises(ConfigError, match="holds no number"):
        mirror.generation()


@pytest.mark.parametrize("broken", [b"{", b"\xff", b"4", b'{"erasure": {"id": 1}}', b'{"letter": []}'])
def test_a_line_broken_otherwise_than_by_a_crash_is_named(tmp_path: Path, broken: bytes) -> None:
    mirror = FileMirror(tmp_path)
    notes = tmp_path / "mirror" / "notes.jsonl"
    mirror.add_erasures([erasure("ana")])
    notes.write_bytes(b"\n" + broken + notes.read_bytes())
    with pytest.raises(ConfigError, match=r"notes\.jsonl:2: cannot be understood"):
        (mirror.announced(after=0), mirror.erasures())
