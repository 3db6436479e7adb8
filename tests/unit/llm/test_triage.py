"""Chatter stays out of what a model outside this process reads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.config import Settings
from sago.domain.batches import ExtractionRequest
from sago.domain.companies import ModelPolicy
from sago.domain.messages import CompactMessage
from sago.errors import ProviderSettingError
from sago.llm.providers.marker import MarkerModel
from sago.llm.registry import Guards, guarded, load
from sago.llm.triage import Triaged, without_chatter
from sago.resilience.breakers import SharedBreakers
from sago.resilience.rates import MemoryRates
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.stores.clock import SystemClock
from sago.stores.memory.answers import MemoryAnswers
from sago.stores.memory.model_calls import MemoryCallLedger
from tests.unit.llm.said import chat, mail

NEWS = "We signed Halvorsen Freight, a three-year contract worth $480k a year."
MARKED = f"{NEWS} [[event enterprise_deal subject=Halvorsen]]"
TALK = "good morning all"


def request(*messages: CompactMessage, context: tuple[CompactMessage, ...] = ()) -> ExtractionRequest:
    return ExtractionRequest(company_id="acme", company_name="Acme", messages=messages, context=context)


def in_thread(number: int, text: str, thread: str) -> CompactMessage:
    return chat(number, text).model_copy(update={"thread_id": thread})


def test_chatter_is_left_out_and_what_was_said_just_before_is_context() -> None:
    said = [chat(1, TALK), chat(2, "who has the projector"), chat(3, NEWS), chat(4, TALK)]
    left = without_chatter(request(*said))
    assert (left.messages, left.context) == ((said[2],), (said[1],))


def test_context_of_a_kept_messages_thread_and_of_its_half_hour_stays() -> None:
    of_its_thread = [chat(n, TALK, minutes=n - 900).model_copy(update={"thread_id": "t"}) for n in range(4)]
    of_another = chat(4, TALK, minutes=-800).model_copy(update={"thread_id": "u"})
    too_early, early, late, too_late = (chat(10 + n, TALK, minutes=n) for n in (-31, -30, 30, 31))
    told = in_thread(0, NEWS, "t").model_copy(update={"id": "slack:news"})
    context = (*of_its_thread, of_another, too_early, early, late, too_late)
    left = without_chatter(request(told, context=context))
    assert left.context == (*of_its_thread, early, late)


def test_context_far_from_all_that_is_kept_goes_but_for_what_was_said_just_before() -> None:
    earlier = (chat(1, "who has the projector", minutes=-90), chat(2, TALK, minutes=-60))
    assert without_chatter(request(chat(3, NEWS), context=earlier)).context == (earlier[1],)
    assert without_chatter(request(chat(3, TALK), context=earlier)).context == ()


def test_what_was_said_before_is_looked_for_in_the_same_thread() -> None:
    asked, other, answered = in_thread(1, TALK, "a"), in_thread(2, TALK, "b"), in_thread(3, NEWS, "a")
    assert without_chatter(request(asked, other, mail(4, TALK), answered)).context == (asked,)


def test_a_kept_message_is_numbered_and_never_context() -> None:
    first, second = chat(1, NEWS), chat(2, NEWS)
    left = without_chatter(request(first, second))
    assert (left.messages, left.context) == ((first, second), ())


@given(
    st.lists(
        st.tuples(st.sampled_from([NEWS, TALK, "ok", "their time fell by 33%"]), st.sampled_from("abc")), max_size=15
    )
)
def test_kept_messages_keep_their_order_and_context_comes_before_what_it_explains(said: list[tuple[str, str]]) -> None:
    messages = [in_thread(n, text, thread) for n, (text, thread) in enumerate(said)]
    left = without_chatter(request(*messages))
    assert list(left.messages) == [m for m in messages if m.text in (NEWS, "their time fell by 33%")]
    assert not {m.key for m in left.messages} & {m.key for m in left.context}
    assert len({m.key for m in left.context}) == len(left.context) <= len(left.messages)
    for before in left.context:
        assert any(m.thread_id == before.thread_id and m.sent_at > before.sent_at for m in left.messages)


def test_the_model_is_asked_about_the_rest_and_not_at_all_where_all_is_chatter() -> None:
    class Silent(MarkerModel):
        def extract(self, request: ExtractionRequest) -> list:  # type: ignore[type-arg]
            raise AssertionError("asked")

    assert [found.message_id for found in Triaged(MarkerModel()).extract(request(chat(1, TALK), chat(2, MARKED)))] == [
        "slack:2"
    ]
    assert Triaged(Silent()).extract(request(chat(1, TALK))) == []


def test_the_version_tells_that_there_was_triage() -> None:
    model = Triaged(MarkerModel())
    assert model.version.startswith("1/triage-")
    assert (model.name, model.place) == ("marker", ModelPolicy.OFFLINE)


@pytest.mark.parametrize(
    ("name", "triage", "expected"), [("gemini", True, True), ("gemini", False, False), ("offline", True, False)]
)
def test_a_switch_decides_and_a_reader_of_this_process_reads_all(name: str, *, triage: bool, expected: bool) -> None:
    settings = Settings.model_validate({"extraction": {"triage": triage}})
    version = load(name, settings, MemoryCallLedger(), SystemClock()).version
    assert ("/triage-" in version) is expected


def test_chatter_says_nothing_of_a_breaker_and_is_read_while_it_is_open() -> None:
    shelf, clock = MemoryShelf(), SystemClock()
    breakers = SharedBreakers(shelf, clock, BreakerSettings(), timedelta(minutes=6))
    rates, answers = MemoryRates(clock), MemoryAnswers(clock, timedelta(hours=1))
    model = guarded("gemini", Settings(), Guards(MemoryCallLedger(), clock, breakers, rates, answers))
    with pytest.raises(ProviderSettingError):
        model.extract(request(chat(1, NEWS)))
    (name,) = [f"gemini/{Settings().gemini.model}"]
    now = clock.now()
    shelf.open(name, "503", now, now + timedelta(minutes=1))
    assert model.extract(request(chat(1, TALK))) == []
    assert [each.name for each in breakers.open()] == [name]
