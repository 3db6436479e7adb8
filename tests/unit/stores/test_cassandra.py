"""What of the Cassandra adapter needs no server: settings, the cutting of batches, the files of the schema."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from sago.config import load
from sago.domain.messages import Message
from sago.errors import ConfigError
from sago.sections import CassandraSettings
from sago.stores.cassandra.claims import MAX_BYTES, MAX_ROWS, _batches
from sago.stores.cassandra.migrate import TAKE, _locked, migrations
from sago.stores.cassandra.rows import Row, row_of, table_of


@pytest.mark.parametrize("given", ["one, two", '["one", "two"]'])
def test_nodes_are_named_with_commas_or_as_a_list(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("SAGO_CASSANDRA__CONTACT_POINTS", given)
    assert load().cassandra.contact_points == ("one", "two")


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"username": "sago"}, "go together"),
        ({"password": "secret"}, "go together"),
        ({"ca_file": "ca.pem"}, "ca_file is set, tls is not"),
        ({"keyspace": "sago; DROP"}, "keyspace"),
        ({"contact_points": "[broken"}, "contact_points"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(other: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CassandraSettings(**other)


def test_a_source_has_its_table() -> None:
    ids = ["slack:1", "gmail:1", "calls:1", "slack_archive:1"]
    assert [table_of(each) for each in ids] == ["chat_messages", "email_messages", "records", "records"]


def test_batches_are_cut_by_rows_and_bytes() -> None:
    small, large = row("x"), row("x" * 200_000)
    assert [len(each) for each in _batches([small] * (2 * MAX_ROWS + 1))] == [MAX_ROWS, MAX_ROWS, 1]
    assert [len(each) for each in _batches([small, large, small, large, large])] == [3, 1, 1]
    assert large.size < MAX_BYTES < 2 * large.size


def row(text: str) -> Row:
    message = Message(
        id="slack:1", company_id="acme", source="slack", sender="x", sent_at=datetime(2026, 3, 2, tzinfo=UTC), text=text
    )
    return row_of(message, message.content_sha(), "b1", message.sent_at)


def test_schema_files_are_read_in_order_without_gaps(tmp_path: Path) -> None:
    (tmp_path / "0002_more.cql").write_text("CREATE TABLE b (\n  n int PRIMARY KEY\n);\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="without a gap"):
        migrations(tmp_path)
    first = "-- why; and how\nCREATE TABLE a (n int PRIMARY KEY);\n\nALTER TABLE a ADD t text;\n"
    (tmp_path / "0001_first.cql").write_text(first, encoding="utf-8")
    assert [(each.number, each.name, len(each.statements)) for each in migrations(tmp_path)] == [
        (1, "0001_first", 2),
        (2, "0002_more", 1),
    ]
    assert migrations(tmp_path)[0].statements[1] == "ALTER TABLE a ADD t text"


class OneRow:
    """Answers conditional writes of one row as Cassandra does; the first answer is lost, and the driver asks again."""

    def __init__(self) -> None:
        self.driver = self
        self.owner: str | None = None
        self.asked = 0

    def execute(self, statement: str, values: tuple[Any, ...]) -> Any:
        if statement == TAKE:
            self.asked += 1
            lost, self.owner = self.owner is None, self.owner or values[0]
            answer = SimpleNamespace(applied=False, owner=self.owner)
            return SimpleNamespace(one=lambda: answer if lost or self.owner != values[0] else pytest.fail("again"))
        assert values == (self.owner,)
        self.owner = None
        return None


def test_a_lock_whose_answer_was_lost_is_ours_all_the_same() -> None:
    table = OneRow()
    with _locked(table):  # type: ignore[arg-type]
        assert table.owner
    assert (table.owner, table.asked) == (None, 1)


def test_every_statement_of_the_schema_may_run_again() -> None:
    statements = [statement for migration in migrations() for statement in migration.statements]
    assert len(statements) >= 4
    assert all("IF NOT EXISTS" in statement or "IF EXISTS" in statement for statement in statements)
