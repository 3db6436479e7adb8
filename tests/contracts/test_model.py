"""What every provider of the table promises, whatever the text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.config import Settings
from sago.domain.companies import Company
from sago.domain.reasons import ReasonRequest, suggest
from sago.llm.registry import PROVIDERS, load
from sago.llm.remote.proposals import MOST
from sago.model_sections import GeminiSettings, OpenAISettings
from sago.pipeline.grounding import NO_QUOTE, UNKNOWN_MESSAGE, ground
from sago.ports import Model
from sago.stores.clock import SystemClock
from sago.stores.memory.model_calls import MemoryCallLedger
from tests.gemini_server import KEY, gemini_server
from tests.openai_server import openai_server
from tests.unit.llm.said import START, chat, extract, mail
from tests.unit.llm.test_bad_input import GROWTH, UNNOTICED, seconds

PIECES = st.sampled_from(
    [
        "we signed Contoso", "$5M", "NRR is 143%, not 134%", " not ", "if ", "?", "\n", "> quoted",
        "• ", "😂", "\u202e", "\u200b",
        "e\u0301", "漢字", "<div>", "```", "https://x.example/1", "MRR 450k", "Subject: ", "From: ", "three years",
        "[[event funding subject=A]]", "was down for 40 min",
        "raised", "Series A", "term sheet", "DAU", "12.4k", " and ", ". ",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=300), st.lists(PIECES, max_size=25).map(" ".join), st.lists(PIECES, max_size=25).map("".join)
)


@pytest.fixture(scope="module")
def outside() -> Iterator[Settings]:
    """Where vendors' protocols are spoken; what their models say is up to them, here they read marks."""
    with gemini_server() as gemini, openai_server() as openai:
        yield Settings(
            gemini=GeminiSettings.model_validate({"api_key": KEY, "base_url": gemini.url}),
            openai=OpenAISettings.model_validate({"model": "test", "base_url": f"{openai.url}/v1"}),
        )


@pytest.fixture(scope="module", params=sorted(PROVIDERS))
def model(request: pytest.FixtureRequest, outside: Settings) -> Model:
    """Each provider in turn."""
    return load(request.param, outside, MemoryCallLedger(), SystemClock())


@settings(max_examples=100)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_any_text_is_read_and_grounds(model: Model, texts: list[str]) -> None:
    messages = [(mail if number % 2 else chat)(number, text) for number, text in enumerate(texts)]
    found = extract(model, *messages)
    assert found == extract(model, *reversed(messages))
    observations, dropped = ground(
        found, messages, company_id="acme", extractor=model.name, extractor_version=model.version, recorded_at=START
    )
    assert not dropped.keys() & {NO_QUOTE, UNKNOWN_MESSAGE}
    assert len(observations) <= len(found)


def test_context_explains_and_is_not_read_itself(model: Model) -> None:
    context = (chat(1, "Contoso signed for $90k [[event funding]]"),)
    assert all(found.message_id == "slack:2" for found in extract(model, chat(2, "great"), context=context))


def test_nothing_is_found_in_nothing(model: Model) -> None:
    assert extract(model) == []


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-06 12:00:01 INFO req=1 10.0.0.1 took 12ms\n" * 2000,
        "QUJDREVGR0hJSktM" * 6000,
        "<div><p>signed a $5M deal</p></div>" * 3000,
        "signed a contract with Contoso for $5M " * 2500,
        "\u202esigned\u200b" * 12000,
        "😀" * 25000,
    ],
    ids=["logs", "base64", "html", "repetition", "directions", "emoji"],
)
def test_the_time_for_a_large_text_grows_with_it_and_no_faster(model: Model, text: str) -> None:
    short, long = (
        seconds(lambda said: extract(model, chat(1, said), mail(2, said)), part)
        for part in (text[: len(text) // 4], text)
    )
    assert long < UNNOTICED or long < GROWTH * short, (short, long)


@given(reason=TEXTS)
@settings(max_examples=25)
def test_any_reason_is_proposed_from_as_the_rules_would(model: Model, reason: str) -> None:
    asked = ReasonRequest(company=Company(company_id="acme", name="Acme"), reason=reason)
    found, plain = model.propose(asked), suggest(reason)
    assert found.conditions[:MOST] == plain.conditions[:MOST]
    assert {each.words for each in found.unclear} <= {each.words for each in plain.unclear}


def test_name_and_version_are_told(model: Model) -> None:
    assert model.name in PROVIDERS
    assert model.version
