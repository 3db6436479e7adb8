"""The learned reader: what it is sure of, and how statements are packed for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.batches import ExtractionRequest
from sago.domain.events import EventType
from sago.domain.messages import CompactMessage
from sago.errors import ConfigError
from sago.llm.providers.offline import OfflineModel, encoder
from sago.llm.providers.offline.encoder import Encoder
from sago.llm.providers.offline.encoding import LEAST_CONTEXT, LONGEST, Encoding, packed
from sago.llm.providers.offline.reading import read

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ENCODER = Encoder()


def chat(*texts: str) -> list[CompactMessage]:
    return [
        CompactMessage(
            id=f"slack:{n}", source="slack", sent_at=START + n * timedelta(minutes=2), sender="kim", text=text
        )
        for n, text in enumerate(texts)
    ]


def likeliest(text: str) -> tuple[EventType, float]:
    readings = [read(message, frozenset()) for message in chat(text)]
    ((opinion,),) = ENCODER.opinions(readings, {"slack:0"}).values()
    return max(opinion.items(), key=lambda pair: pair[1])


@pytest.mark.parametrize(
    ("text", "event_type"),
    [
        ("they countersigned this morning, Brookhaven Rail is a customer", EventType.ENTERPRISE_DEAL),
        ("the wire has landed, the round is closed", EventType.FUNDING),
        ("the auditors had nothing, we have the ISO 27001 certificate", EventType.COMPLIANCE),
        ("checkout was down for three hours, every customer was hit", EventType.SETBACK),
    ],
)
def test_news_without_a_rule_of_its_own_is_seen(text: str, event_type: EventType) -> None:
    found, likely = likeliest(text)
    assert found is event_type
    assert likely > 0.5


@pytest.mark.parametrize("text", ["lunch at one?", "can you look at my branch", "the printer is out of paper again"])
def test_everyday_talk_tells_nothing(text: str) -> None:
    assert likeliest(text)[1] < 0.2


def test_only_the_messages_asked_for_are_judged_and_those_around_them_explain() -> None:
    readings = [read(message, frozenset()) for message in chat("who was it?", "Brookhaven, the ink is dry")]
    assert list(ENCODER.opinions(readings, {"slack:1"})) == ["slack:1"]


def test_the_same_request_gives_the_same_findings() -> None:
    request = ExtractionRequest(
        company_id="acme",
        company_name="Acme",
        messages=tuple(chat("they countersigned this morning, Brookhaven Rail", "lunch?", "34k a month, 40 seats")),
    )
    first, again = OfflineModel(ENCODER).extract(request), OfflineModel().extract(request)
    assert first == again
    assert [finding.event_type for finding in first][:1] == [EventType.ENTERPRISE_DEAL]


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name))
    with pytest.raises(ConfigError, match=r"pip install 'sago\[encoder\]'.*provider rules"):
        OfflineModel()


def test_what_else_is_read_changes_no_opinion() -> None:
    both = [read(message, frozenset()) for message in chat("the ink is dry with Brookhaven", "lunch?")]
    alone = ENCODER.opinions(both[:1], {"slack:0"})["slack:0"]
    assert ENCODER.opinions(both, {"slack:0", "slack:1"})["slack:0"] == alone


@given(st.text(max_size=600), st.text(max_size=600))
def test_a_sequence_has_the_statement_first_and_is_never_too_long(statement: str, before: str) -> None:
    tokens = Encoding(encoder._file("encoder_tokenizer.json")).tokens(statement, before)
    assert len(tokens.ids) == len(tokens.types) <= LONGEST
    assert tokens.types == sorted(tokens.types)
    assert tokens.types.count(0) <= LONGEST - LEAST_CONTEXT + 2


def test_shorter_sequences_are_padded_behind_the_mask() -> None:
    encoding = Encoding(encoder._file("encoder_tokenizer.json"))
    ids, types, mask = packed([encoding.tokens("a", ""), encoding.tokens("three more words", "said before")], 8)
    assert ids.shape == types.shape == mask.shape == (2, 8)
    assert mask.sum(1).tolist() == [4, 8]
    assert (ids[0, 4:] == 0).all()


@pytest.mark.parametrize("text", ["We raised $5M from Blackbird.", "We raised €12m Series A led by Index."])
def test_what_a_rule_reads_plainly_is_not_doubted(text: str) -> None:
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=tuple(chat(text)))
    assert [finding.event_type for finding in OfflineModel(ENCODER).extract(request)] == [EventType.FUNDING]


@pytest.mark.parametrize("text", ["Churn fell to 1.2% from 3.4%.", "complaints halved this month, from 80 to 40"])
def test_what_is_better_low_and_fell_is_no_setback(text: str) -> None:
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=tuple(chat(text)))
    found = OfflineModel(ENCODER).extract(request)
    assert EventType.SETBACK not in {finding.event_type for finding in found}
