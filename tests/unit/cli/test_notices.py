"""`sago notices` over stores in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import lookup, people
from sago.config import Settings
from sago.domain.mails import Contact, Suppression
from sago.errors import ConfigError, UsageError
from sago.outreach.digests import Digests
from sago.stores.memory.database import MemoryDatabase
from tests.unit.outreach.stories import NOW, database, watch

FIRING = watch("arr >= 2M", name="firing")
IVO = "ivo@fund.example"


class House:
    """What the commands use of a container, in memory."""

    def __init__(self) -> None:
        self.database: MemoryDatabase = database(FIRING)
        self.settings = Settings()

    @property
    def clock(self) -> House:
        return self

    def now(self) -> datetime:
        return NOW

    @property
    def digests(self) -> Digests:
        return Digests(self.database, self, 60, 5, 8, "UTC")  # type: ignore[arg-type]

    def close(self) -> None:
        pass


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    made = House()
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    return made


@pytest.fixture
def sago(house: House) -> Callable[..., Result]:
    app = typer.Typer()
    people.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["notices", *arguments])


def contact(house: House) -> Contact | None:
    with house.database.begin() as tx:
        return tx.contacts.get(IVO)


def test_notices_are_off_until_somebody_turns_them_on(sago: Callable[..., Result], house: House) -> None:
    assert "off" in sago("list").stdout
    assert house.digests.make(NOW) == []
    said = sago("on", "Ivo@Fund.example", "--at", "7", "--timezone", "Europe/Berlin")
    assert said.exit_code == 0
    assert "ivo@fund.example is told what is new at 7:00, Europe/Berlin" in said.stderr
    assert contact(house) == Contact(email=IVO, name="Ivo Brandt", timezone="Europe/Berlin", digest_at=7)
    (notice,) = house.digests.make(NOW)
    assert str(notice.id)[:8] in sago("list").stdout
    assert "gets no notices" in sago("off", IVO).stderr
    assert house.digests.make(NOW) == []


def test_what_is_not_said_again_stays(sago: Callable[..., Result], house: House) -> None:
    sago("on", IVO, "--timezone", "Asia/Tokyo")
    assert contact(house) == Contact(email=IVO, name="Ivo Brandt", timezone="Asia/Tokyo", digest_at=8)
    sago("on", IVO, "--at", "0")
    sago("off", IVO)
    sago("on", IVO)
    assert contact(house) == Contact(email=IVO, name="Ivo Brandt", timezone="Asia/Tokyo", digest_at=8)


def test_turning_on_says_what_stands_against_it(sago: Callable[..., Result], house: House) -> None:
    said = " ".join(sago("on", "x@y.example").stderr.split())
    assert "x@y.example is in no watch, so nothing is mailed there until one names them: who said no by" in said
    assert "--investor 'NAME <x@y.example>'`, a founder by `sago company set`" in said
    with house.database.begin() as tx:
        tx.contacts.suppress(Suppression(email=IVO, because="[asked] by phone", who="x", at=NOW))
    assert "they get no mail: [asked] by phone" in sago("on", IVO).stderr
    smtp = house.settings.smtp.model_copy(update={"host": "mail.example.com"})
    house.settings = house.settings.model_copy(update={"smtp": smtp})
    assert "outreach.notice.sender is not set" in sago("on", IVO).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["on", "nonsense"], "nonsense: is no mail address"),
        (["on", IVO, "--timezone", "Mars/Base"], "--timezone Mars/Base: is no time zone"),
        (["off", "nobody@x.example"], "nobody@x.example: gets no notices"),
        (["preview", "nobody@x.example"], "nobody@x.example: no letter goes in their name"),
        (["preview", "--html", "x.html"], "--html FILE: holds one notice"),
        (["show", "77"], "notice 77: there is none; see `sago notices list`"),
    ],
)
def test_a_wrong_word_is_answered(sago: Callable[..., Result], arguments: list[str], said: str) -> None:
    result = sago(*arguments)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


def test_a_preview_shows_the_next_notice_and_keeps_nothing(
    sago: Callable[..., Result], house: House, tmp_path: Path
) -> None:
    file = tmp_path / "notice.html"
    shown = sago("preview", IVO, "--html", str(file))
    assert shown.exit_code == 0
    assert shown.stdout.startswith("Orchard: ARR passed the $2M you asked for\nto ivo@fund.example\n")
    assert "WRITE NOW" in shown.stdout
    assert "ARR passed the $2M" in file.read_text(encoding="utf-8")
    assert sago("preview").stdout == shown.stdout
    (emitted,) = [json.loads(line) for line in sago("preview", "--json").stdout.splitlines()]
    assert emitted["items"][0]["change"] == "met"
    assert "NOT YET  No ARR was ever stated." in sago("preview", IVO, "--as-of", "2026-01-01").stdout
    with house.database.begin() as tx:
        assert tx.notices.of(IVO) == []
    cannot = sago("preview", IVO, "--html", str(tmp_path / "no" / "file.html"))
    assert isinstance(cannot.exception, ConfigError)


def test_a_notice_that_was_made_is_shown_by_its_first_characters(sago: Callable[..., Result], house: House) -> None:
    sago("on", IVO)
    (notice,) = house.digests.make(NOW)
    assert "WRITE NOW" in sago("show", str(notice.id)[:6]).stdout
    assert "nothing new to tell" in sago("preview").stderr


@pytest.mark.parametrize("columns", [40, 80])
def test_it_keeps_to_the_width_of_the_terminal(
    sago: Callable[..., Result], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = sago("preview").stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert any(len(line) > columns // 2 for line in lines)
