"""One further question, only where a model found little and the detector much."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sago.domain.batches import ExtractionRequest
from sago.domain.events import Finding
from sago.errors import ProviderSettingError, SagoError, TransientError, UnusableAnswerError
from sago.llm.providers.marker import MarkerModel
from sago.llm.second_look import SecondLook, seen_by_rules
from sago.stores.memory.clock import ManualClock
from tests.unit.llm.said import START, chat

DEAL = "[[event enterprise_deal subject=Kite]]"


class Lazy(MarkerModel):
    """Reports nothing of a chunk but its first message, unless it is asked about few; each call takes its time."""

    def __init__(self, clock: ManualClock, seconds: float = 10, failing: SagoError | None = None) -> None:
        self.requests: list[ExtractionRequest] = []
        self._clock, self._seconds, self._failing = clock, seconds, failing

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        self.requests.append(request)
        self._clock.sleep(self._seconds)
        if len(self.requests) == 1:
            return [each for each in super().extract(request) if each.message_id == "slack:1"]
        if self._failing:
            raise self._failing
        return super().extract(request)


def marked(request: ExtractionRequest) -> set[str]:
    return {message.id for message in request.messages if message.text == DEAL}


def look(
    texts: Sequence[str], least: int = 2, seconds: float = 10, failing: SagoError | None = None
) -> tuple[list[str], list[ExtractionRequest]]:
    """The messages with findings, and what was asked."""
    clock = ManualClock(START)
    model = Lazy(clock, seconds, failing)
    request = ExtractionRequest(
        company_id="acme",
        company_name="Acme",
        messages=tuple(chat(number, text) for number, text in enumerate(texts, start=1)),
        context=(chat(0, "before", minutes=-5),),
    )
    found = SecondLook(model, marked, least, clock).extract(request)
    return [finding.message_id for finding in found], model.requests


def test_what_was_passed_over_is_asked_about_once_more_with_its_neighbours() -> None:
    found, requests = look([DEAL, "a", "b", "c", "d", DEAL, "e", DEAL, "f", "g", "h", "i"])
    assert found == ["slack:1", "slack:6", "slack:8"]
    first, second = requests
    assert [message.id for message in second.messages] == ["slack:6", "slack:8"]
    assert [message.text for message in second.context] == ["b", "c", "d", "e", "f", "g", "h"]
    assert second.within == 220
    assert len(first.messages) == 12


def test_a_chunk_with_less_time_leaves_less_for_the_second_question() -> None:
    clock = ManualClock(START)
    messages = tuple(chat(number, DEAL) for number in range(1, 5))
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=messages, within=100)
    model = Lazy(clock)
    SecondLook(model, marked, 2, clock).extract(request)
    assert [each.within for each in model.requests] == [100, 90]


@pytest.mark.parametrize(
    ("texts", "least"),
    [
        ([DEAL, "a", DEAL], 2),  # one alone was passed over
        ([DEAL, DEAL, DEAL], 3),
        (["a", "b", "c"], 2),
        ([], 2),
    ],
)
def test_little_that_was_passed_over_is_not_worth_a_call(texts: list[str], least: int) -> None:
    assert len(look(texts, least)[1]) == 1


def test_the_very_same_question_is_not_asked_again() -> None:
    class Silent(Lazy):
        def extract(self, request: ExtractionRequest) -> list[Finding]:
            self.requests.append(request)
            return []

    clock = ManualClock(START)
    model = Silent(clock)
    messages = tuple(chat(number, DEAL) for number in range(3))
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=messages)
    SecondLook(model, marked, 3, clock).extract(request)
    assert len(model.requests) == 1
    SecondLook(model, marked, 3, clock).extract(request.model_copy(update={"messages": (*messages, chat(3, "a"))}))
    assert len(model.requests) == 3


def test_a_model_that_found_more_than_it_passed_over_is_not_asked_again() -> None:
    class Thorough(Lazy):
        def extract(self, request: ExtractionRequest) -> list[Finding]:
            self.requests.append(request)
            return MarkerModel().extract(request)

    clock = ManualClock(START)
    model = Thorough(clock)
    messages = (*(chat(number, DEAL) for number in range(6)), chat(6, "a"), chat(7, "b"))
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=messages)
    SecondLook(model, lambda asked: {message.id for message in asked.messages}, 2, clock).extract(request)
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "error", [TransientError("503"), UnusableAnswerError("no JSON"), ProviderSettingError("the key is refused")]
)
def test_what_the_first_question_gave_is_kept_when_the_second_fails(error: SagoError) -> None:
    found, requests = look([DEAL, DEAL, DEAL], failing=error)
    assert (found, len(requests)) == (["slack:1"], 2)


def test_no_second_question_is_begun_that_could_outlast_its_task() -> None:
    found, requests = look([DEAL, DEAL, DEAL], seconds=215)
    assert (found, len(requests)) == (["slack:1"], 1)


def test_the_rules_are_a_detector_of_what_has_happened() -> None:
    texts = ["we signed Brookhaven Rail as a customer, $90k a year", "lunch?", "we hope to sign Marsh Bank next year"]
    messages = tuple(chat(number, text) for number, text in enumerate(texts))
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=messages)
    assert seen_by_rules(request) == {"slack:0"}


def test_name_and_place_are_the_models_and_the_version_tells_of_the_second_look() -> None:
    model = SecondLook(MarkerModel(), marked, 3, ManualClock(START))
    assert (model.name, model.place, model.version) == ("marker", MarkerModel.place, "1/second-look-3")
