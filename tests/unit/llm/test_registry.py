"""The table of providers, and who reads for whom."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from sago.config import Settings
from sago.domain.batches import ExtractionRequest
from sago.domain.messages import CompactMessage
from sago.domain.outreach import Company, ModelPolicy
from sago.errors import ConfigError, ProviderSettingError, TransientError
from sago.llm.gateway import Gateway
from sago.llm.registry import PROVIDERS, guarded, lacks_key, load, longest_call, no_key
from sago.ports import Model
from sago.resilience.breakers import SharedBreakers
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.stores.clock import SystemClock
from sago.stores.memory.model_calls import MemoryCallLedger


def made(name: str) -> Model:
    return load(name, Settings(), MemoryCallLedger(), SystemClock())


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_provider_of_the_table_can_be_made_and_is_where_the_table_says(name: str) -> None:
    model = made(name)
    assert (model.name, model.place) == (name, PROVIDERS[name].place)


def test_a_providers_own_section_says_what_commands_ask_of_it() -> None:
    settings = Settings.model_validate({"gemini": {"timeout": 7}})
    with_key = Settings.model_validate({"gemini": {"api_key": "k"}})
    assert [(lacks_key(name, settings), longest_call(name, settings)) for name in ("gemini", "offline")] == [
        (True, 7.0),
        (False, 0.0),
    ]
    assert not lacks_key("gemini", with_key)
    assert "put GEMINI_API_KEY=… into .env" in no_key("gemini")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'oracle'; choose one of gemini, marker, offline"):
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


def test_text_goes_to_a_vendor_only_for_a_company_that_allows_it() -> None:
    gateway = Gateway(made("gemini"), made("offline"))
    companies = [None, *(Company(company_id="a", name="A", model_policy=policy) for policy in ModelPolicy)]
    assert [gateway.for_company(company).name for company in companies] == ["offline", "offline", "offline", "gemini"]


@pytest.mark.parametrize(("name", "is_guarded"), [("gemini", True), ("marker", False), ("offline", False)])
def test_chunks_and_letters_for_a_model_outside_this_process_share_its_breaker(name: str, *, is_guarded: bool) -> None:
    shelf, clock = MemoryShelf(), SystemClock()
    breakers = SharedBreakers(shelf, clock, BreakerSettings(), timedelta(minutes=6))
    model = guarded(name, Settings.model_validate({"gemini": {"model": "m-1"}}), MemoryCallLedger(), clock, breakers)
    assert (model.name, model.place) == (name, PROVIDERS[name].place)
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
    for ask in (lambda: model.extract(request), lambda: model.compose(None)):  # type: ignore[arg-type]
        with pytest.raises(TransientError, match="gemini/m-1 is not asked for now: 503"):
            ask()
