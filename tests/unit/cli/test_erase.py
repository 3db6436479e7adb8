"""`sago erase` over stores in memory: what it asks, refuses and says."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import erase, lookup
from sago.domain.connections import Connection, connection_id_of
from sago.errors import UsageError
from sago.pipeline.persons import Persons
from sago.ports import Identity
from sago.sources.senders import sender_of
from sago.stores.memory.clock import ManualClock
from tests.unit.pipeline.house import NOW, House, deal


class Wired(House):
    """What the command uses of a container."""

    @property
    def clock(self) -> Wired:
        return self

    def now(self) -> datetime:
        return NOW

    @cached_property
    def persons(self) -> Persons:
        return Persons(self.database, ManualClock(NOW), sender_of)

    def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Wired:
    made = Wired(threshold=1)
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    made.store(deal(1), deal(2, "Nordbank", sender="ben"))
    made.run()
    return made


def sago(*arguments: str, says: str = "") -> Result:
    app = typer.Typer()
    erase.register(app)
    asked = ("--company", "acme", "--because", "asked on 3 March")
    return CliRunner().invoke(app, [*asked, *arguments], input=says)


def test_it_tells_how_many_rows_it_found_and_does_nothing_unasked(house: House) -> None:
    refused = sago("--sender", "ANA", says="n\n")
    assert "1 stored rows of acme are of ANA" in refused.stderr
    assert refused.exit_code == 1
    assert house.deals() == ["Delta", "Nordbank"]


def test_it_says_what_it_took_and_what_it_does_not_reach(house: House) -> None:
    done = sago("--sender", "ANA", says="y\n")
    assert done.exit_code == 0, done.output
    assert "1  raw rows emptied" in done.stdout
    assert "Kafka keeps its records" in done.stderr
    assert house.deals() == ["Nordbank"]


def test_json_names_the_erasure_and_its_counts(house: House) -> None:
    done = json.loads(sago("--message", "slack:2", "--yes", "--json").stdout)
    told = {name: done[name] for name in ("message_id", "rows", "observations", "events", "kept_letters")}
    assert told == {"message_id": "slack:2", "rows": 1, "observations": 1, "events": 1, "kept_letters": []}
    assert house.deals() == ["Delta"]


def connect(house: Wired) -> None:
    """Ana writes in Slack, and from the same address by mail, as `ana@acme.example`; there is another Ben by mail."""
    for source, people in (
        ("slack", [Identity("U1", "ana", "ana@acme.example"), Identity("U2", "ben")]),
        ("gmail", [Identity("ana@acme.example", "", "ana@acme.example"), Identity("b@acme.example", "Ben")]),
    ):
        known = Connection(
            id=connection_id_of(source, "1"), source=source, account="1", name="1", company_id="acme", created_at=NOW
        )
        with house.database.begin() as tx:
            tx.connections.save(known)
        house.persons.keep(known, people)
    house.store(deal(3, "Westbank", sender="ana@acme.example"), deal(4, "Ostbank", sender="U1"), name="log:2:0:0-9")
    house.run()


def test_a_senders_account_goes_with_its_id_and_the_person_is_offered(house: Wired) -> None:
    connect(house)
    done = sago("--sender", "ana", says="y\n")
    assert "2 stored rows of acme are of ana, U1" in done.stderr
    assert "ana also writes as gmail ana@acme.example: --person takes these along" in " ".join(done.stderr.split())
    assert house.deals() == ["Nordbank", "Westbank"]
    assert {each.name for each in house.persons.people("acme").persons} == {"ana@acme.example", "ben", "Ben"}


def test_a_person_goes_with_every_account(house: Wired) -> None:
    connect(house)
    done = sago("--sender", "ana", "--person", "--yes", "--json")
    assert json.loads(done.stdout)["rows"] == 3
    assert "also writes as" not in done.stderr
    assert house.deals() == ["Nordbank"]
    assert {each.name for each in house.persons.people("acme").persons} == {"ben", "Ben"}


def test_a_name_that_others_bear_is_not_erased_unasked(house: Wired) -> None:
    connect(house)
    done = sago("--sender", "U2", "--yes")
    assert "stays: messages of ben, as others are called so too" in " ".join(done.stderr.split())
    assert "Nordbank" in house.deals()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "either --sender or --message"),
        (("--sender", "ana", "--message", "slack:1"), "either --sender or --message"),
        (("--message", "slack:1", "--person"), "--person goes with --sender"),
        (("--sender", "ana", "--because", " "), "--because is empty"),
        (("--sender", "ana", "--company", "No Company"), "is no company id"),
    ],
)
@pytest.mark.usefixtures("house")
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], reason: str) -> None:
    result = sago(*arguments, "--yes")
    assert isinstance(result.exception, UsageError)
    assert reason in str(result.exception)


@pytest.mark.parametrize("message", ["slack:", "1042"])
def test_what_names_no_message_is_refused(house: House, message: str) -> None:
    refused = sago("--message", message, "--yes")
    assert isinstance(refused.exception, UsageError)
    assert str(refused.exception) == f"--message {message}: names no message, as slack:1042 does"
    assert house.deals() == ["Delta", "Nordbank"]
