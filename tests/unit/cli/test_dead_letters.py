"""`sago dlq` over stores in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import dead_letters, lookup
from sago.domain.batches import DeadLetter
from sago.domain.connections import Route
from sago.domain.dead_letters import letter_id
from sago.errors import InvalidMessageError, UsageError
from sago.pipeline.replaying import Replaying, message_of
from sago.stores.memory.database import MemoryDatabase
from tests.unit.pipeline.scripted_source import Table, connection_of, item
from tests.unit.pipeline.test_taking import SOURCE, House

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def letter(number: int) -> DeadLetter:
    return DeadLetter(
        origin=f"log/slack-messages/0/{number}",
        topic="slack-messages",
        company_id="acme",
        error="not JSON \x1b[2J",
        error_type="InvalidMessageError",
        failed_at=NOW + timedelta(minutes=number),
        value=b"\x1b]0;owned\x07 [red]{",
    )


@pytest.fixture
def closed() -> list[bool]:
    return []


@pytest.fixture
def sago(monkeypatch: pytest.MonkeyPatch, closed: list[bool]) -> Callable[..., Result]:
    database = MemoryDatabase()
    with database.begin() as tx:
        tx.ledger.add_dead_letters([letter(1), letter(2)])
    house = House()
    container = SimpleNamespace(
        database=database, replaying=Replaying(Table(), house.taking), close=lambda: closed.append(True)
    )
    monkeypatch.setattr(lookup, "build", lambda _settings: container)
    app = typer.Typer()
    dead_letters.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["dlq", *arguments])


def test_a_list_is_one_json_line_a_letter(sago: Callable[..., Result], closed: list[bool]) -> None:
    rows = [json.loads(line) for line in sago("list", "--json").stdout.splitlines()]
    assert [row["origin"] for row in rows] == ["log/slack-messages/0/2", "log/slack-messages/0/1"]
    assert closed == [True]


def test_the_lists_id_is_what_show_takes_however_narrow_the_screen(sago: Callable[..., Result]) -> None:
    rows = {row["origin"]: row["id"] for row in map(json.loads, sago("list", "--json").stdout.splitlines())}
    listed = sago("list").stdout
    for origin, short in rows.items():
        assert short in listed.split()
        assert json.loads(sago("show", short, "--json").stdout)["origin"] == origin
        assert json.loads(sago("show", letter_id(origin), "--json").stdout)["origin"] == origin


def test_what_is_shown_cannot_redraw_the_screen(sago: Callable[..., Result]) -> None:
    for arguments in (("list",), ("show", "log/slack-messages/0/1")):
        shown = sago(*arguments).stdout
        assert "not JSON" in shown.replace("\n", " ")
        assert not {"\x1b", "\x07"} & set(shown)
    assert "]0;owned [red]{" in sago("show", "log/slack-messages/0/1").stdout


def test_of_a_line_of_a_file_it_says_which_to_mend() -> None:
    of_a_file = letter(3).model_copy(update={"origin": f"{'0f' * 32}:3"})
    with pytest.raises(InvalidMessageError, match="mend line 3 of the file it came from, and ingest that again"):
        message_of(of_a_file)


def test_messages_of_nobody_are_sent_again_once_their_channels_have_a_company(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(connection_of(company_id=None))
    house.take([item("C7", id="1", text="a"), item("C8", id="2", text="b"), item("C7", id="3", text="")])
    house.settle()
    container = SimpleNamespace(
        database=house.database, replaying=Replaying(Table(SOURCE), house.taking), close=lambda: None
    )
    monkeypatch.setattr(lookup, "build", lambda _settings: container)
    app = typer.Typer()
    dead_letters.register(app)
    with house.database.begin() as tx:
        tx.connections.route(Route(connection_id=house.connection.id, kind="container", key="C7", company_id="acme"))
    said = CliRunner().invoke(app, ["dlq", "replay", "--unassigned"])
    assert (said.exit_code, said.stdout) == (1, "1 sent again, 1 still without a company\n")
    assert [message.id for message in house.published()] == ["slack:1"]
    for arguments in (["dlq", "replay"], ["dlq", "replay", "x", "--unassigned"]):
        assert isinstance(CliRunner().invoke(app, arguments).exception, UsageError)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("show", "log/"), UsageError),
        (("replay", "nowhere"), UsageError),
        (("replay", "log/slack-messages/0/1"), InvalidMessageError),
    ],
)
def test_an_error_leaves_nothing_open(
    sago: Callable[..., Result], closed: list[bool], arguments: tuple[str, ...], error: type[Exception]
) -> None:
    assert isinstance(sago(*arguments).exception, error)
    assert closed == [True]
