"""`sago people` over stores in memory: what it lists, decides and takes back."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from sago.cli import lookup, persons
from sago.errors import UsageError
from sago.ports import Identity
from tests.unit.pipeline.test_persons import NOW, House, mail


class Wired(House):
    """What the commands use of a container."""

    def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    made = Wired()
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    people = [Identity("U1", "Ana Diaz", "ana@scaleflow.example"), Identity("U2", "Ben [b]Ito")]
    made.persons.keep(made.slack, people)
    made.persons.meet(made.gmail, [mail(), mail("ana.diaz@home.example", "")])
    with made.database.begin() as tx:
        tx.companies.ensure("scaleflow", NOW)
    return made


def sago(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(persons.group, arguments)


def lines(*arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in sago(*arguments, "--json").stdout.splitlines()]


@pytest.mark.usefixtures("house")
def test_persons_are_listed_with_their_accounts() -> None:
    said = sago("list", "--company", "scaleflow").stdout
    assert "gmail ana@scaleflow.example, slack U1" in said or "slack U1, gmail ana@scaleflow.example" in said
    assert "Ben [b]Ito" in said
    assert sorted(str(each["name"]) for each in lines("list")) == ["Ana Diaz", "Ben [b]Ito", "ana.diaz@home.example"]


@pytest.mark.usefixtures("house")
def test_one_person_is_shown_with_how_messages_name_them() -> None:
    (ana,) = [each for each in lines("list") if each["name"] == "Ana Diaz"]
    said = sago("show", str(ana["id"])[:8]).stdout
    assert "Ana Diaz, of scaleflow" in said
    assert "U1" in said
    assert "2026-11-03" in said
    assert lines("show", str(ana["id"])) == [ana]


def test_a_proposal_is_confirmed_and_taken_back(house: House) -> None:
    before = lines("list")
    (proposal,) = lines("proposals")
    assert "the name Ana Diaz fits the mailbox ana.diaz@home.example" in sago("proposals").stdout
    done = sago("confirm", str(proposal["id"])[:8])
    assert "sago people undo" in done.stderr
    assert len(lines("list")) == 2
    assert lines("proposals") == []
    assert "nothing is doubtful" in sago("proposals").stderr
    assert "confirmed" in sago("proposals", "--decided").stdout
    assert [each["verdict"] for each in lines("proposals", "--decided")] == ["confirmed"]
    (undone,) = lines("undo", str(proposal["id"]), "--because", "another Ana")
    assert undone["verdict"] == "undone"
    assert lines("list") == before
    assert lines("proposals") == [proposal]
    assert house.database.state.audit_log[-1].why == "another Ana"


@pytest.mark.usefixtures("house")
def test_a_rejected_proposal_is_not_made_again() -> None:
    (proposal,) = lines("proposals")
    (done,) = lines("reject", str(proposal["id"]))
    assert (done["id"], done["verdict"]) == (proposal["id"], "rejected")
    assert lines("proposals") == []
    refused = sago("confirm", str(proposal["id"]))
    assert isinstance(refused.exception, UsageError)
    assert "see `sago people proposals`" in str(refused.exception)


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    ("arguments", "see"),
    [
        (("show", "none"), "person none: there is none; see `sago people list`"),
        (("undo", "none"), "decision none: there is none; see `sago people proposals --decided`"),
        (("list", "--company", "acme"), "company acme: not known; known are: scaleflow"),
    ],
)
def test_what_is_not_there_is_said_with_where_to_look(arguments: tuple[str, ...], see: str) -> None:
    refused = sago(*arguments)
    assert isinstance(refused.exception, UsageError)
    assert str(refused.exception) == see


def test_nobody_is_known_before_a_source_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "build", lambda _settings: Wired())
    assert "nobody is known yet" in sago("list").stderr
