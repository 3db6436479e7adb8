"""Who is asked for whom, and who instead while that one is out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.batches import ExtractionRequest
from sago.domain.companies import Company, ModelPolicy
from sago.domain.events import Finding
from sago.domain.model_calls import ModelJob
from sago.errors import (
    HeldBackError,
    PermanentError,
    ProviderSettingError,
    SagoError,
    TooDearError,
    TooLateError,
    TransientError,
    UnusableAnswerError,
)
from sago.llm.gateway import Gateway
from sago.llm.providers.marker import MarkerModel
from sago.ports import Model
from sago.stores.memory.clock import ManualClock

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OUT = (TransientError("503"), HeldBackError("the budget is spent", retry_after=timedelta(hours=3)))
NOT_OUT = (UnusableAnswerError("no JSON"), TooLateError("late"), PermanentError("blocked"), ProviderSettingError("key"))


class Named(MarkerModel):
    """A model known by its name; what it does when asked is up to the question."""

    def __init__(self, name: str, place: ModelPolicy) -> None:
        self.name = name  # type: ignore[misc]
        self.place = place  # type: ignore[misc]


IN_HOUSE = Named("in-house", ModelPolicy.OFFLINE)
VENDOR, OWN, HERE = (
    Named(place.value, place) for place in (ModelPolicy.VENDOR, ModelPolicy.OWN_HOUSE, ModelPolicy.OFFLINE)
)


def gateway(*models: Model, letters: Model | None = None, clock: ManualClock | None = None) -> Gateway:
    return Gateway(models[0], IN_HOUSE, clock or ManualClock(NOW), letters, models[1:])


def company(policy: ModelPolicy) -> Company:
    return Company(company_id="acme", name="Acme", model_policy=policy)


def name_of(model: Model) -> str:
    return model.name


def failing(**errors: SagoError) -> Callable[[Model], str]:
    """A question that these models fail at."""

    def question(model: Model) -> str:
        if model.name in errors:
            raise errors[model.name]
        return model.name

    return question


def test_text_goes_to_a_vendor_only_for_a_company_that_allows_it() -> None:
    companies = [None, *map(company, ModelPolicy)]
    asked = [gateway(VENDOR).ask(ModelJob.EXTRACTION, each, name_of)[0] for each in companies]
    assert asked == ["in-house", "in-house", "in-house", "vendor"]


def test_letters_go_to_their_own_model_where_there_is_one() -> None:
    both = gateway(OWN, letters=VENDOR)
    assert both.ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), name_of) == ("own_house", OWN)
    for job in (ModelJob.LETTER, ModelJob.PROPOSAL):
        assert both.ask(job, company(ModelPolicy.VENDOR), name_of) == ("vendor", VENDOR)
        assert both.ask(job, company(ModelPolicy.OWN_HOUSE), name_of) == ("own_house", OWN)
        assert both.ask(job, company(ModelPolicy.OFFLINE), name_of) == ("in-house", IN_HOUSE)
    assert gateway(OWN).ask(ModelJob.LETTER, company(ModelPolicy.OWN_HOUSE), name_of) == ("own_house", OWN)


@pytest.mark.parametrize("error", OUT)
def test_the_next_one_is_asked_while_one_is_out_and_is_the_one_named(error: TransientError) -> None:
    asked = gateway(VENDOR, OWN, HERE).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), failing(vendor=error))
    assert asked == ("own_house", OWN)


@pytest.mark.parametrize("error", NOT_OUT)
def test_whoever_answers_is_not_out_whatever_the_answer(error: SagoError) -> None:
    with pytest.raises(type(error)) as raised:
        gateway(VENDOR, HERE).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), failing(vendor=error))
    assert raised.value is error


def test_a_wrong_setting_of_a_fallback_blocks_none_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []

    class Log:
        def info(self, event: str, **fields: object) -> None:
            """One that is out is no warning."""

        def warning(self, event: str, *, reason: str, **fields: object) -> None:
            warned.append(reason)

    monkeypatch.setattr("sago.llm.gateway._log", Log())
    wrong = failing(vendor=TransientError("503"), own_house=ProviderSettingError("openai.model is not set"))
    assert gateway(VENDOR, OWN, HERE).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), wrong) == ("offline", HERE)
    assert warned == ["openai.model is not set"]
    with pytest.raises(TransientError, match=r"^503$"):
        gateway(VENDOR, OWN).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), wrong)


def test_a_budget_below_one_question_falls_back_and_without_a_fallback_names_the_setting() -> None:
    dear = failing(vendor=TooDearError("raise models.budget_usd_a_day.company"))
    assert gateway(VENDOR, HERE).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), dear) == ("offline", HERE)
    with pytest.raises(TooDearError, match="raise models"):
        gateway(VENDOR).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), dear)


def test_one_that_was_asked_too_long_leaves_no_time_for_another() -> None:
    clock = ManualClock(NOW)

    def slow(model: Model) -> str:
        clock.sleep(11)
        raise TransientError(f"{model.name} did not answer")

    with pytest.raises(TransientError, match=r"^vendor did not answer$"):
        gateway(VENDOR, HERE, clock=clock).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), slow)


def test_whoever_is_asked_next_has_what_is_left_of_the_tasks_time() -> None:
    clock, given = ManualClock(NOW), []

    class Timed(Named):
        def extract(self, request: ExtractionRequest) -> list[Finding]:
            given.append(request.within)
            clock.sleep(4)
            if self.place is not ModelPolicy.OFFLINE:
                raise TransientError("503")
            return []

    timed = [Timed(model.name, model.place) for model in (VENDOR, OWN, HERE)]
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=())
    _, model = gateway(*timed, clock=clock).ask(
        ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), lambda model: model.extract(request)
    )
    assert model is timed[2]
    assert given == [None, 221, 217]  # of 230, with 5 to spare


PLACES = st.sampled_from(list(ModelPolicy))
MODELS = st.lists(st.tuples(PLACES, st.booleans()), min_size=1, max_size=6)


@given(models=MODELS, policy=PLACES)
def test_asked_is_the_first_in_order_that_is_allowed_and_not_out(
    models: list[tuple[ModelPolicy, bool]], policy: ModelPolicy
) -> None:
    named = [Named(str(number), place) for number, (place, _) in enumerate(models)]
    out = {str(number): TransientError(f"{number} is out") for number, (_, is_out) in enumerate(models) if is_out}
    asked: list[str] = []

    def question(model: Model) -> str:
        asked.append(model.name)
        return failing(**out)(model)

    allowed = [model.name for model in named if policy.allows(model.place)] or ["in-house"]
    well = [name for name in allowed if name not in out]
    order = allowed[: allowed.index(well[0]) + 1] if well else allowed
    if well:
        answer, model = gateway(*named).ask(ModelJob.EXTRACTION, company(policy), question)
        assert (answer, model.name) == (well[0], well[0])
    else:
        with pytest.raises(TransientError) as raised:
            gateway(*named).ask(ModelJob.EXTRACTION, company(policy), question)
        assert str(raised.value) == "; ".join(f"{name} is out" for name in allowed)
    assert asked == order


@pytest.mark.parametrize(("waits", "then"), [((5, 3), 3), ((5, None), None), ((None, None), None)])
def test_where_all_are_out_they_are_asked_again_when_the_first_of_them_may_be(
    waits: tuple[int | None, int | None], then: int | None
) -> None:
    errors = [TransientError("out", retry_after=timedelta(hours=hours) if hours else None) for hours in waits]
    question = failing(vendor=errors[0], own_house=errors[1])
    with pytest.raises(TransientError, match=r"^out$") as raised:
        gateway(VENDOR, OWN).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), question)
    assert raised.value.retry_after == (timedelta(hours=then) if then else None)


def test_the_error_of_the_only_one_stays_itself() -> None:
    with pytest.raises(HeldBackError) as raised:
        gateway(VENDOR).ask(ModelJob.EXTRACTION, company(ModelPolicy.VENDOR), failing(vendor=OUT[1]))
    assert raised.value is OUT[1]
