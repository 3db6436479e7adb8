"""A letter passes when all it says is in what it cites; one changed figure, day or name is refused."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.letters import Highlight, LetterDraft, LetterRequest
from sago.domain.watches import Direction
from sago.llm.letters import compose_offline
from sago.outreach.checking import check, examine
from tests.unit.outreach.stories import ARR, EVENTS, POINTS, event, metric, point, request, watch

WATCHES = st.builds(
    lambda conditions, direction, number: watch(*conditions, direction=direction, name=str(number)),
    st.sampled_from([(), ("arr >= 2M",), ("arr >= 2M", "enterprise_deal >= 1"), ("nrr > 120%",)]),
    st.sampled_from(Direction),
    st.integers(min_value=0, max_value=50),
)
FIGURE = re.compile(r"\$\d[\d.]*[kM]|\d+%")
DAY = re.compile(r"\b\d{1,2} November\b")
NAMES = ("Kestrel", "Air", "Ivo", "Brandt", "Nell", "Quist", "Orchard")


def _changed(draft: LetterDraft, old: str, new: str) -> LetterDraft:
    lines = tuple(line.model_copy(update={"text": line.text.replace(old, new)}) for line in draft.highlights)
    subject, body = draft.subject.replace(old, new), draft.body.replace(old, new)
    return draft.model_copy(update={"subject": subject, "body": body, "highlights": lines})


@given(WATCHES)
def test_an_offline_letter_passes(of: object) -> None:
    asked = request(of)  # type: ignore[arg-type]
    assert check(compose_offline(asked), asked) == []


@given(WATCHES, st.data())
def test_a_changed_figure_is_refused(of: object, data: st.DataObject) -> None:
    asked = request(of)  # type: ignore[arg-type]
    draft = compose_offline(asked)
    old = data.draw(st.sampled_from(sorted(set(FIGURE.findall(draft.body)))))
    digit = data.draw(st.sampled_from("356789"))
    new = re.sub(r"\d", digit, old, count=1)
    if new != old:
        assert "figure" in {problem.kind for problem in check(_changed(draft, old, new), asked)}


@given(WATCHES, st.integers(min_value=21, max_value=30))
def test_a_changed_day_is_refused(of: object, number: int) -> None:
    asked = request(of)  # type: ignore[arg-type]
    draft = compose_offline(asked)
    for old in set(DAY.findall(draft.body)):
        problems = check(_changed(draft, old, f"{number} November"), asked)
        assert "date" in {problem.kind for problem in problems}


@given(WATCHES, st.sampled_from(["Delta", "Zephyr", "Kestrul", "Brand"]))
def test_a_changed_name_is_refused(of: object, new: str) -> None:
    asked = request(of)  # type: ignore[arg-type]
    draft = compose_offline(asked)
    for old in NAMES:
        if old in draft.body:
            assert "name" in {problem.kind for problem in check(_changed(draft, old, new), asked)}


def _with_body(asked: LetterRequest, sentence: str) -> LetterDraft:
    draft = compose_offline(asked)
    return draft.model_copy(update={"body": f"{draft.body}\n\n{sentence}"})


@pytest.mark.parametrize(
    "sentence",
    [
        "ARR is $2,100,000 now.",
        "ARR is $2.1M.",
        "Kestrel Air pays $240,000.",
        "Kestrel Air pays $240k a year, NRR is 143 percent.",
        "Could we talk for 15 minutes?",
    ],
)
def test_the_same_fact_in_another_form_passes(sentence: str) -> None:
    asked = request(watch())
    assert check(_with_body(asked, sentence), asked) == []


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("ARR is $2M.", "figure"),
        ("ARR is $2.11M.", "figure"),
        ("ARR is €2.1M.", "figure"),
        ("We answer within 15 minutes.", "figure"),
        ("Walmart signed too.", "name"),
        ("The customer is walled off from Goldman Sachs.", "name"),
        ("In October 2019 all was different.", "date"),
        ("MRR is $450k (~$5.4M ARR).", "figure"),
    ],
)
def test_what_nobody_said_is_refused(sentence: str, kind: str) -> None:
    asked = request(watch())
    assert kind in {problem.kind for problem in check(_with_body(asked, sentence), asked)}


def test_twelve_times_mrr_passes_only_when_marked() -> None:
    said = event("revenue_milestone", "MRR reached $450k", "MRR hit $450k", metric("mrr", 450_000))
    asked = request(watch(), [said], [])
    assert "(~$5.4M ARR)" in compose_offline(asked).body
    assert check(compose_offline(asked), asked) == []
    unmarked = _changed(compose_offline(asked), "~$5.4M", "$5.4M")
    assert [problem.kind for problem in check(unmarked, asked)][:1] == ["figure"]


def _listed(asked: LetterRequest) -> LetterDraft:
    """A letter that tells each of its events in a line of its own."""
    draft = compose_offline(asked)
    lines = tuple(Highlight(heading="News", text=f"{each.title}.", event_id=each.id) for each in asked.events)
    body = "\n".join([draft.body, "", *(f"- {line.heading}: {line.text}" for line in lines)])
    return draft.model_copy(update={"body": body, "highlights": lines})


def test_a_highlight_may_not_borrow_another_events_figure() -> None:
    asked = request(watch())
    draft = _listed(asked)
    index = next(i for i, line in enumerate(draft.highlights) if line.event_id == ARR.id)
    borrowed = draft.highlights[index].model_copy(update={"text": "ARR reached $240k (14 November)."})
    lines = (*draft.highlights[:index], borrowed, *draft.highlights[index + 1 :])
    problems = check(draft.model_copy(update={"highlights": lines}), asked)
    assert any(problem.where == f"highlight {index + 1}" and problem.text == "$240k" for problem in problems)


def test_a_highlight_of_an_event_outside_the_request_is_refused() -> None:
    asked = request(watch())
    draft = _listed(asked)
    fewer = asked.model_copy(update={"events": asked.events[:-1]})
    assert "event" in {problem.kind for problem in check(draft, fewer)}
    assert len(EVENTS) == len(draft.highlights)


def test_a_figure_in_the_companys_own_name_is_no_claim() -> None:
    asked = request(watch())
    named = asked.model_copy(update={"company": asked.company.model_copy(update={"name": "Studio 54"})})
    draft = compose_offline(named)
    assert "Studio 54" in draft.subject + draft.body
    assert check(draft, named) == []


def _grown() -> LetterRequest:
    """ARR that grew from $1.5M on 29 March, as an event says that the letter does not tell."""
    early = event("revenue_milestone", "ARR was $1.5M", "we are at $1.5M ARR", metric("arr", 1.5e6), days_ago=236)
    of = watch("arr growth 6m >= 20%", "no setback high in 60d")
    asked = request(of, [*EVENTS, early], [point(early, "arr", 1.5e6), *POINTS])
    return asked.model_copy(update={"events": tuple(each for each in asked.events if each.id != early.id)})


@pytest.mark.parametrize(
    "sentence",
    [
        "ARR has grown 40%, from $1.5M to $2.1M.",
        "ARR is up 40% in the last 6 months.",
        "ARR went from $1.5M on 29 March to $2.1M on 14 November.",
        "I had asked for ARR growth of at least 20%.",
        "There has been no serious setback in the last 60 days.",
    ],
)
def test_a_change_may_be_told_in_other_words(sentence: str) -> None:
    asked = _grown()
    assert [str(each) for each in check(_with_body(asked, sentence), asked)] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "ARR fell 40%.",
        "MRR grew 40%.",
        "ARR grew 40% over the 9 months to 14 November.",
        "ARR grew 40% in the 6 months to 29 March.",
        "ARR is $1.5M.",
        "ARR grew from $2.1M to $1.5M.",
        "ARR was $1.5M on 14 November.",
        "Kestrel Air grew 40%.",
        "I had asked for at least 30%.",
        "I had asked for at least 20 percentage points.",
        "There has been no serious setback in the last 6 months.",
        "There has been no setback in the last 60 days.",
        "There has been no serious setback in the last 90 days.",
    ],
)
def test_another_change_or_absence_is_refused(sentence: str) -> None:
    asked = _grown()
    assert check(_with_body(asked, sentence), asked)


def test_each_end_of_a_change_is_proven_by_its_own_event() -> None:
    asked = _grown()
    by_claim = {each.claim: each for each in examine(compose_offline(asked), asked).receipts if each.where == "body"}
    before, after = asked.verdict.results[0].points
    assert (by_claim["$1.5M"].event_id, by_claim["$1.5M"].quote) == (before.event_id, "we are at $1.5M ARR")
    assert (by_claim["$2.1M"].event_id, by_claim["$2.1M"].quote) == (after.event_id, "We just passed $2.1M ARR!")
    assert by_claim["40%"].transformation == "ARR $1.5M on 29 March → $2.1M on 14 November"


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize(
    ("conditions", "answer"),
    [
        (("arr growth 6m >= 20%", "no setback high in 60d"), "ARR grew 40% in the 6 months to 14 November, from $1.5M"),
        (("enterprise_deal high >= 1 in 90d", "no setback"), "signed Kestrel Air"),
    ],
)
def test_a_letter_that_answers_a_change_or_an_absence_passes(
    direction: Direction, conditions: tuple[str, ...], answer: str
) -> None:
    half_a_year = POINTS[0].as_of - timedelta(days=184)
    before = POINTS[0].model_copy(update={"value": 1.5e6, "as_of": half_a_year, "said_at": half_a_year})
    asked = request(watch(*conditions, direction=direction), points=[before, *POINTS])
    draft = compose_offline(asked)
    assert check(draft, asked) == []
    assert answer in draft.body
    assert "There has been no " in draft.body
    assert (
        "figure" in {problem.kind for problem in check(_changed(draft, "40%", "45%"), asked)} or "40%" not in draft.body
    )
