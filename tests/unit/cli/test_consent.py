"""Before anything is fed: is there a key, and does each company let its messages go there?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from pydantic import SecretStr
from typer.testing import CliRunner

from sago.bootstrap import Container
from sago.cli import extract, run
from sago.cli.consent import check_providers, settle
from sago.cli.session import Session
from sago.config import Settings
from sago.domain.companies import ModelPolicy
from sago.errors import ConfigError, UsageError
from sago.llm.registry import named
from sago.model_sections import GeminiSettings
from sago.pipeline.consent import Consent
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where something is sent after all, the test fails: it opens no socket."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAGO_GEMINI__BASE_URL", "http://127.0.0.1:9")
    path = tmp_path / "messages.csv"
    path.write_text(
        "id,is_chat,chat_sender,email_sender,timestamp,content\nc1,true,kim,,2025-10-06T09:00:00Z,hello there\n",
        encoding="utf-8",
    )
    return path


def call(command: str, *arguments: str) -> BaseException | None:
    app = typer.Typer()
    for module in (extract, run):
        module.register(app)
    return CliRunner().invoke(app, [command, *arguments]).exception


@pytest.mark.parametrize("command", ["run", "extract"])
def test_gemini_without_a_key_is_one_line_before_anything_starts(command: str, file: Path) -> None:
    error = call(command, str(file), "--provider", "gemini", "--allow-model")
    assert isinstance(error, ConfigError)
    assert "put GEMINI_API_KEY=… into .env" in str(error)
    assert not (file.parent / ".sago").exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        *(
            ("SAGO_GEMINI__BASE_URL", url, "SAGO_GEMINI__BASE_URL: write it as https://host")
            for url in (
                "http://h:abc",
                "http://h:70000",
                "localhost:8080",
                "ftp://x",
                "http://",
                "http://h/é",
                "x y",
                "http://u:9d2@h",
            )
        ),
        *(("GEMINI_API_KEY", key, "GEMINI_API_KEY: holds blanks") for key in ("clé-9d2", "9d2 x", "9d2\nx")),
    ],
)
@pytest.mark.parametrize("command", ["run", "extract"])
def test_an_address_or_a_key_that_cannot_be_is_one_line(
    command: str, name: str, value: str, told: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    monkeypatch.setenv(name, value)
    error = call(command, str(file), "--provider", "gemini", "--allow-model")
    assert isinstance(error, ConfigError)
    assert told in str(error)
    assert "\n" not in str(error)
    assert "9d2" not in str(error) + str(error.__cause__)


def test_blanks_around_a_key_are_not_part_of_it() -> None:
    assert GeminiSettings.model_validate({"api_key": " k\n"}).api_key == SecretStr("k")
    assert GeminiSettings.model_validate({"api_key": " "}).api_key is None


def test_run_starts_no_server_to_find_that_nobody_has_allowed_anything(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    error = call("run", str(file), "--provider", "gemini", "--company", "kite")
    assert isinstance(error, UsageError)
    assert "company kite: its model_policy is offline, gemini needs vendor: nothing was sent" in str(error)
    assert not (file.parent / ".sago").exists()


@pytest.mark.parametrize("variable", ["SAGO_MODELS__FALLBACK", "SAGO_OUTREACH__PROVIDER"])
def test_whoever_may_be_asked_later_must_be_askable_when_the_run_begins(
    variable: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv(variable, "openai")
    error = call("run", str(file), "--provider", "gemini", "--allow-model")
    assert isinstance(error, ConfigError)
    assert "openai.model is not set" in str(error)
    assert not (file.parent / ".sago").exists()


@pytest.mark.parametrize("command", ["run", "extract"])
def test_there_is_nothing_to_allow_where_messages_stay_here(command: str, file: Path) -> None:
    assert isinstance(call(command, str(file), "--allow-model"), UsageError)


@pytest.mark.parametrize("command", ["run", "extract"])
def test_an_unknown_provider_is_named_before_anything_starts(command: str, file: Path) -> None:
    error = call(command, str(file), "--provider", "oracle")
    assert isinstance(error, ConfigError)
    assert str(error) == ("--provider: there is no provider 'oracle'; choose one of offline, rules, gemini, openai")


def house(provider: str = "gemini") -> Container:
    """What `settle` needs of a container."""
    settings = Settings.model_validate({"extraction": {"provider": provider}})
    database = MemoryDatabase()
    consent = Consent(database, ManualClock(NOW))
    return cast("Container", SimpleNamespace(settings=settings, database=database, consent=consent))


def policies(container: Container) -> dict[str, ModelPolicy]:
    with container.database.begin() as tx:
        return {company.company_id: company.model_policy for company in tx.companies.all()}


def test_consent_is_saved_for_known_and_unknown_companies_and_then_suffices() -> None:
    container, session = house(), Session(quiet=True)
    with container.database.begin() as tx:
        tx.companies.ensure("acme", NOW)
    with pytest.raises(UsageError, match="company acme: its model_policy is offline, gemini needs vendor"):
        settle(session, container, ["acme", "new"], asked="gemini", allow=None)
    assert policies(container) == {"acme": ModelPolicy.OFFLINE}
    settle(session, container, ["acme", "new", "acme"], asked="gemini", allow=True)
    assert policies(container) == {"acme": ModelPolicy.VENDOR, "new": ModelPolicy.VENDOR}
    settle(session, container, ["acme", "new"], asked="gemini", allow=None)


@pytest.mark.parametrize("provider", ["gemini", "offline"])
def test_consent_is_taken_back_whichever_provider_reads_now(provider: str, capsys: pytest.CaptureFixture[str]) -> None:
    container = house()
    settle(Session(), container, ["acme", "new"], asked="gemini", allow=True)
    settle(Session(), container, ["acme", "third"], asked="gemini", allow=True)
    first, second = capsys.readouterr().err.replace("\n", " ").split("back")[:2]
    assert first == "acme, new: messages may now go to gemini; `--forbid-model` takes it "
    assert second.split(":")[0].strip() == "third"  # acme had allowed it before
    later = cast("Container", SimpleNamespace(**vars(container) | {"settings": house(provider).settings}))
    settle(Session(), later, ["acme"], asked=provider, allow=False)
    assert policies(container) == {
        "acme": ModelPolicy.OFFLINE,
        "new": ModelPolicy.VENDOR,
        "third": ModelPolicy.VENDOR,
    }
    assert capsys.readouterr().err.split() == ["acme:", "messages", "stay", "on", "this", "machine", "again"]


def test_a_provider_of_the_configuration_reads_who_allows_it_and_a_note_names_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    container = house()
    settle(Session(), container, ["acme"], asked=None, allow=None)
    told = " ".join(capsys.readouterr().err.split())
    assert "company acme: its model_policy is offline, gemini needs vendor: read on this machine instead" in told
    assert policies(container) == {}


def test_nobody_is_asked_where_messages_stay_here() -> None:
    def never() -> str:
        raise AssertionError("the file need not be read")

    settle(Session(), house("offline"), (never() for _ in range(1)), asked=None, allow=None)


@pytest.mark.parametrize("role", [{"outreach": {"provider": "gemini"}}, {"models": {"fallback": ["gemini"]}}])
def test_consent_reaches_as_far_as_the_furthest_provider_that_is_named(role: dict[str, Any]) -> None:
    settings = Settings.model_validate({"extraction": {"provider": "offline"}, **role, "gemini": {"api_key": "k"}})
    check_providers(named(settings), settings, allow=True)
    container = cast("Container", SimpleNamespace(**vars(house()) | {"settings": settings}))
    settle(Session(quiet=True), container, ["acme"], asked="offline", allow=True)
    assert policies(container) == {"acme": ModelPolicy.VENDOR}


def test_who_has_not_allowed_the_writer_of_letters_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.model_validate({"extraction": {"provider": "offline"}, "outreach": {"provider": "gemini"}})
    container = cast("Container", SimpleNamespace(**vars(house()) | {"settings": settings}))
    settle(Session(), container, ["acme"], asked="offline", allow=None)
    told = " ".join(capsys.readouterr().err.split())
    assert told == "company acme: its model_policy is offline, gemini needs vendor: writes none of its letters"
