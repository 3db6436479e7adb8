"""`sago watch add … --voice FOLDER` over stores in memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import lookup, people
from sago.config import PROJECT
from sago.domain.voices import Voice
from tests.unit.cli.test_people import House

DANA = PROJECT / "samples" / "dana"
ADD = ("watch", "add", "orchard", "--when", "arr >= 2M", "--reason", "ARR below 2M")
INVESTOR = ("--investor", "Dana Reed <dana@northgate.example>")


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    made = House()
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    return made


@pytest.fixture
def sago(house: House) -> Callable[..., Result]:
    app = typer.Typer()
    people.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def kept(house: House) -> list[Voice | None]:
    with house.database.begin() as tx:
        return [watch.voice for watch in tx.outreach.watches("orchard") if watch.conditions]


def test_the_manuals_example_learns_a_voice(sago: Callable[..., Result], house: House) -> None:
    result = sago(*ADD, *INVESTOR, "--direction", "to_founder", "--voice", str(DANA), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["voice"]
    assert (told["sender"], told["greeting"], told["samples"]) == ("dana@northgate.example", "Hi {name},", 4)
    assert [voice.sign_off for voice in kept(house) if voice] == ["Best,"]
    assert "voice of dana@northgate.example: “Hi {name},” … “Best,”, about" in " ".join(result.stderr.split())


def test_the_same_watch_takes_a_voice_later(sago: Callable[..., Result], house: House) -> None:
    assert sago(*ADD, *INVESTOR).exit_code == 0
    assert kept(house) == [None]
    assert sago(*ADD, *INVESTOR, "--voice", str(DANA)).exit_code == 0
    assert [voice is not None for voice in kept(house)] == [True]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (INVESTOR, ""),
        (("--investor", "Eve Hall <eve@other.example>"), "none of its 4 mails is from eve@other.example"),
        (("--investor", "Dana Reed"), "has no mail address"),
        ((*INVESTOR, "--direction", "to_investor"), "none of its 4 mails is from nell@orchard.example"),
    ],
)
def test_mails_of_somebody_else_are_an_error_and_nothing_is_added(
    sago: Callable[..., Result], house: House, arguments: tuple[str, ...], said: str
) -> None:
    result = sago(*ADD, *arguments, "--voice", str(DANA))
    assert (result.exit_code == 0) is (not said)
    assert said in str(result.exception or "")
    assert len(kept(house)) == int(not said)


def test_two_mails_are_too_few_which_is_said(sago: Callable[..., Result], house: House, tmp_path: Path) -> None:
    for path in sorted(DANA.glob("*.eml"))[:2]:
        shutil.copy(path, tmp_path)
    result = sago(*ADD, *INVESTOR, "--voice", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "too few to tell a habit (3 at least): not used" in " ".join(result.stderr.split())
    assert kept(house) == [None]
