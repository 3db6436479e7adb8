"""The table of providers, and who reads for whom."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from sago.config import Settings
from sago.domain.batches import ExtractionRequest
from sago.domain.companies import ModelPolicy
from sago.domain.cues import learned
from sago.domain.messages import CompactMessage
from sago.errors import ConfigError, ProviderSettingError, TransientError
from sago.llm.registry import PROVIDERS, Guards, gateway, guarded, load, longest_call, missing, named, place_of
from sago.llm.remote.client import RemoteClient
from sago.llm.remote.guards import Budgeted, Cached, Limited, Spared
from sago.ports import Model
from sago.resilience.breakers import SharedBreakers
from sago.resilience.rates import MemoryRates
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.stores.clock import SystemClock
from sago.stores.memory.answers import MemoryAnswers
from sago.stores.memory.model_calls import MemoryCallLedger
from tests.unit.outreach.stories import request as letter_request
from tests.unit.outreach.stories import watch


def made(name: str) -> Model:
    return load(name, Settings(), MemoryCallLedger(), SystemClock())


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_provider_of_the_table_can_be_made_and_is_where_the_table_says(name: str) -> None:
    model = made(name)
    assert (model.name, model.place) == (name, place_of(name, Settings()))


def test_a_providers_own_section_says_what_commands_ask_of_it() -> None:
    settings = Settings()
    assert "put GEMINI_API_KEY=… into .env" in (missing("gemini", settings) or "")
    assert missing("gemini", Settings.model_validate({"gemini": {"api_key": "k"}})) is None
    assert missing("offline", settings) is None


@pytest.mark.parametrize(
    ("section", "lacks"),
    [
        ({}, "put OPENAI_API_KEY=… into .env"),
        ({"base_url": "http://10.0.0.7:8000/v1"}, "openai.model is not set"),
        ({"api_key": "k"}, "openai.model is not set"),
        ({"base_url": "http://10.0.0.7:8000/v1", "model": "m"}, None),
        ({"api_key": "k", "model": "m"}, None),
    ],
)
def test_a_server_of_ones_own_needs_no_key_and_every_server_a_model(section: dict[str, str], lacks: str | None) -> None:
    line = missing("openai", Settings.model_validate({"openai": section}))
    assert (lacks is None and line is None) or (lacks and line and lacks in line)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (None, "vendor"),
        ("http://localhost:11434/v1", "own_house"),
        ("http://127.0.0.1:8080/v1", "own_house"),
        ("http://[::1]:8080/v1", "own_house"),
        ("http://192.168.1.20:8000/v1", "own_house"),
        ("https://172.16.3.4/v1", "own_house"),
        ("https://172.32.3.4/v1", "vendor"),
        ("http://[fd00::7]/v1", "own_house"),
        ("http://[::ffff:8.8.8.8]/v1", "vendor"),
        ("http://ollama:11434/v1", "vendor"),
        ("https://localhost.example/v1", "vendor"),
        ("https://8.8.8.8/v1", "vendor"),
    ],
)
def test_text_stays_in_the_house_only_at_an_address_that_is_surely_there(url: str | None, place: str) -> None:
    assert place_of("openai", Settings.model_validate({"openai": {"base_url": url}})) == place
    for said in ("own_house", "vendor"):
        settings = Settings.model_validate({"openai": {"base_url": url, "place": said}})
        assert place_of("openai", settings) == said


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'oracle'; choose one of offline, rules, gemini, openai$"):
        made("oracle")


def test_a_vendors_sdk_is_not_imported_for_the_others() -> None:
    script = "import sys, sago.bootstrap, sago.cli; sys.exit('google.genai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("policy", "place", "allowed"),
    [
        ("offline", "offline", True),
        ("offline", "own_house", False),
        ("offline", "vendor", False),
        ("own_house", "own_house", True),
        ("own_house", "vendor", False),
        ("vendor", "offline", True),
        ("vendor", "vendor", True),
    ],
)
def test_a_policy_allows_its_place_and_nearer_ones(policy: str, place: str, *, allowed: bool) -> None:
    assert ModelPolicy(policy).allows(ModelPolicy(place)) is allowed


@pytest.mark.parametrize(("name", "is_guarded"), [("gemini", True), ("marker", False), ("offline", False)])
def test_chunks_and_letters_for_a_model_outside_this_process_share_its_breaker(name: str, *, is_guarded: bool) -> None:
    shelf, clock = MemoryShelf(), SystemClock()
    model = guarded(name, Settings.model_validate({"gemini": {"model": "m-1"}}), guards(shelf))
    assert (model.name, model.place) == (name, place_of(name, Settings()))
    said = CompactMessage(
        id="slack:1", source="slack", sent_at=datetime(2026, 3, 2, tzinfo=UTC), sender="x", text="up 3%"
    )
    request = ExtractionRequest(company_id="a", company_name="A", messages=(said,))
    if not is_guarded:
        assert model.extract(request) == []
        return
    with pytest.raises(ProviderSettingError):  # it has no key: let through
        model.extract(request)
    now = clock.now()
    shelf.open("gemini/m-1", "503", now, now + timedelta(minutes=1))
    for ask in (lambda: model.extract(request), lambda: model.compose(letter_request(watch()))):
        with pytest.raises(TransientError, match="gemini/m-1 is not asked for now: 503"):
            ask()


def guards(shelf: MemoryShelf | None = None) -> Guards:
    clock = SystemClock()
    breakers = SharedBreakers(shelf or MemoryShelf(), clock, BreakerSettings(), timedelta(minutes=6))
    return Guards(MemoryCallLedger(), clock, breakers, MemoryRates(clock), MemoryAnswers(clock, timedelta(hours=1)))


def test_a_question_goes_past_the_cache_then_its_rate_then_the_budget() -> None:
    limits = {"requests_a_minute": {"gemini": 5}, "budget_usd_a_day": {"total": 1}, "cache_ttl": 60}
    bare = {"second_pass": 0, "triage": False}
    model = guarded("gemini", Settings.model_validate({"models": limits, "extraction": bare}), guards())
    line, kinds = model.line, []  # type: ignore[attr-defined]
    while not isinstance(line, RemoteClient):
        kinds.append(type(line))
        line = line._line
    assert kinds == [Cached, Spared, Limited, Budgeted]
    plain = guarded("gemini", Settings.model_validate({"extraction": bare}), guards())
    assert isinstance(plain.line, Spared)  # type: ignore[attr-defined]
    assert isinstance(plain.line._line, RemoteClient)  # type: ignore[attr-defined]


def test_chunks_letters_and_what_falls_back_have_the_models_that_the_settings_name() -> None:
    said = {"extraction": {"provider": "marker"}, "outreach": {"provider": "gemini"}, "openai": {"timeout": 7}}
    settings = Settings.model_validate(said | {"models": {"fallback": "openai, rules"}})
    made = gateway(settings, guards())
    names = [made.configured.name, made.in_house.name, made.letters and made.letters.name]
    assert names == ["marker", "marker", "gemini"]
    assert [model.name for model in made.fallback] == ["openai", "rules"]
    assert named(settings) == ["marker", "gemini", "openai", "rules"]
    assert (longest_call(settings), longest_call(Settings())) == (200.0, 0.0)
    alone = gateway(Settings.model_validate({"extraction": {"provider": "gemini"}}), guards())
    assert (alone.in_house.name, alone.letters) == ("offline", alone.configured)
    spare = {"extraction": {"provider": "gemini"}, "models": {"fallback": ["offline"]}}
    one = gateway(Settings.model_validate(spare), guards())
    assert one.in_house is one.fallback[0]


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"outreach": {"provider": "oracle"}}, "outreach.provider"),
        ({"models": {"fallback": ["offline", "oracle"]}}, "models.fallback"),
        ({"models": {"requests_a_minute": {"oracle": 5}}}, "models.requests_a_minute"),
    ],
)
def test_a_name_that_nobody_has_is_told_with_its_place(settings: dict[str, object], where: str) -> None:
    with pytest.raises(ConfigError, match=f"{where}: there is no provider 'oracle'"):
        gateway(Settings.model_validate(settings), guards())


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        ({}, f"m-1/extraction-2/second-look-3/triage-{learned().digest}"),
        ({"redact": True}, f"m-1/extraction-2/redacted/second-look-3/triage-{learned().digest}"),
        ({"second_pass": 0, "triage": False}, "m-1/extraction-2"),
    ],
)
def test_persons_are_hidden_and_a_second_look_taken_as_the_settings_say(
    settings: dict[str, object], version: str
) -> None:
    read = Settings.model_validate({"gemini": {"model": "m-1"}, "extraction": settings})
    assert load("gemini", read, MemoryCallLedger(), SystemClock()).version == version
    assert guarded("gemini", read, guards()).version == version
    assert load("rules", read, MemoryCallLedger(), SystemClock()).version == made("rules").version
