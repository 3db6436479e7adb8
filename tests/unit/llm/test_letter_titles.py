"""Titles as an offline letter tells them: in the past, without notes, with no word that is not shared."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest

from sago.domain.companies import Granularity
from sago.domain.events import Event
from sago.domain.letters import LetterDraft
from sago.domain.watches import Direction, Outcome
from sago.llm.letters import compose_offline
from sago.llm.letters.titles import as_clause, as_level, bare_title, is_speech, noun, told_title
from sago.outreach.checking import check
from tests.unit.outreach.corpus import requests
from tests.unit.outreach.stories import ARR, CFO, DEAL, SETBACK, event, metric, request, watch

LETTERS = 60


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("August sales reach a record MXN 11.2M (corrected from 11.6M)", "August sales reach a record MXN 11.2M"),
        ("11,240 active subscribers (not 11,400)", "11,240 active subscribers"),
        ("ARR passes 19, at SEK 19.4M, corrected from 21M", "ARR passes 19, at SEK 19.4M"),
        ("Contract (three years) signed.", "Contract (three years) signed"),
        ("ARR of $2.1M (was $1.9M)", "ARR of $2.1M"),
        ("Launch on 9 May (not 2 May)", "Launch on 9 May"),
        ("Orders at €2.1m (originally €1.9m)", "Orders at €2.1m"),
    ],
)
def test_a_note_that_a_figure_was_corrected_is_no_news(title: str, told: str) -> None:
    assert bare_title(title) == told


@pytest.mark.parametrize(
    "title",
    [
        "EU licence granted (was suspended until May)",
        "Kestrel Air signed a contract (not binding before May)",
        "Halden renewed for a year (not exclusive)",
        "Halden renewed for a year (amended to exclude Norway)",
        "Series A terms signed (previously declined by 2 funds)",
        "Shipments reached 400 (not 4,200; 400 never left the dock)",
        "Forecast for the year revised from $5M to $3M",
    ],
)
def test_a_qualification_stays_with_its_title(title: str) -> None:
    assert bare_title(title) == title


@pytest.mark.parametrize(
    ("kind", "title", "bracket"),
    [
        ("compliance", "EU licence granted (was suspended until May)", "(was suspended until May)"),
        ("enterprise_deal", "Kestrel Air signed a contract (not binding before May)", "(not binding before May)"),
        ("hiring", "Ruth Adeyemi joined as CFO (not full time)", "(not full time)"),
        ("revenue_milestone", "ARR reached $2.1M (not yet audited)", "(not yet audited)"),
    ],
)
def test_no_letter_tells_a_title_without_its_qualification(kind: str, title: str, bracket: str) -> None:
    figures = [metric("arr", 2.1e6)] if kind == "revenue_milestone" else []
    asked = request(watch(), [event(kind, title, f"{title}, at last", *figures)], [])
    draft = compose_offline(asked)
    assert bracket in draft.body
    assert bracket in draft.subject or not any(word in draft.subject for word in ("Kestrel", "licence", "Ruth", "ARR"))
    assert check(draft, asked) == []


def test_no_letter_has_such_a_note() -> None:
    title = "April net revenue of $6.3M is the highest month so far (corrected from 6.8M)"
    said = event("revenue_milestone", title, "$6.3M in April, the highest", metric("monthly net revenue", 6.3e6))
    asked = request(watch(), [said], [])
    draft = compose_offline(asked)
    assert "Your April net revenue of $6.3M is the highest month so far." in draft.body
    assert "corrected" not in draft.subject + draft.body
    assert check(draft, asked) == []


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Banco Aroeira signs a 24-month contract", "Banco Aroeira signed a 24-month contract"),
        ("Halden renews for a year and starts in May", "Halden renewed for a year and started in May"),
        ("Operator licence granted for 15 years", "the operator licence was granted for 15 years"),
        ("Bid latency cut from 900 ms to 140 ms", "bid latency was cut from 900 ms to 140 ms"),
        ("Series A terms received and signed", "the Series A terms were received and signed"),
        ("Holm, a pension fund, starts diligence", "Holm, a pension fund, started diligence"),
        ("Growers sign", ""),
        ("Customer visits reach 20", "customer visits reached 20"),
        ("Kelp growers signed supply agreement", "Kelp growers signed a supply agreement"),
        ("Record March originations of $2.3m", ""),
    ],
)
def test_a_headline_is_told_in_the_past(title: str, told: str) -> None:
    assert as_clause(title) == told


def test_a_verb_whose_past_no_text_of_the_event_has_is_left_as_it_is() -> None:
    assert as_clause("Chef Barragán cuts food cost from 30% to 20%") == ""
    assert as_clause("Amélie Kpodo joins from Plan", "we get her in May, she joins from Plan") == ""
    assert as_clause("Amélie Kpodo joins from Plan", "she joined on the 1st") == "Amélie Kpodo joined from Plan"
    cut = "Chef Barragán cut food cost from 30% to 20%"
    assert as_clause("Chef Barragán cuts food cost from 30% to 20%", "she cut it to 20%") == cut


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Term sheet from Savannah Gate: $3.5M", "a term sheet from Savannah Gate: $3.5M"),
        ("Record March originations of $2.3m", "the record March originations of $2.3m"),
        ("Two-day rider strike", ""),
    ],
)
def test_a_title_without_a_verb_names_a_thing(title: str, told: str) -> None:
    assert noun(title) == told


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("January revenue KES 41.2m, the first above 40", "January revenue was KES 41.2m, the first above 40"),
        ("Record March originations of $2.3m, up a third", "record March originations were $2.3m, up a third"),
        ("Grant of $2m", ""),
    ],
)
def test_a_figure_beside_its_name_is_told_as_a_level(title: str, told: str) -> None:
    assert as_level(title) == told


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Vasant loan of an undisclosed figure signed for stock", "Vasant loan signed for stock"),
        ("Term sheet signed: an undisclosed figure at some pre-money", "Term sheet signed"),
        ("Kvalsund signs a some time agreement, an undisclosed figure", "Kvalsund signs an agreement"),
        ("Halden renews and grows from some to some locations", "Halden renews"),
        ("Agreement for some pick-up points", "Agreement for some pick-up points"),
        ("Monitored assets pass some", ""),
        ("Titer raised to 20–50 g/L from 20–50 g/L over 0–5 runs", "Titer raised to 20–50 g/L"),
        ("Wimmera signs 5–10 years for 0–5 batteries", "Wimmera signs 5–10 years for batteries"),
        ("Latency cut from 500–1,000 ms to 100–200 ms", "Latency cut from 500–1,000 ms to 100–200 ms"),
        ("Freight reached SAR 10M–20M, up from 10,000,000–20,000,000 in July", "Freight reached SAR 10M–20M"),
    ],
)
def test_what_is_not_shared_falls_out_of_a_title(title: str, told: str) -> None:
    assert told_title(title) == told


def test_of_a_title_that_is_not_shared_the_kind_is_told() -> None:
    said = event("revenue_milestone", "Year closed at an undisclosed figure revenue", "[not shared] for the year")
    asked = request(watch(), [said], []).model_copy(update={"granularity": Granularity.NONE})
    draft = compose_offline(asked)
    assert "I noted a milestone in revenue on 15 November." in draft.body
    assert draft.subject == "Orchard: news on revenue"
    assert check(draft, asked) == []


def test_a_word_of_the_chat_is_nobodys_name() -> None:
    said = event("enterprise_deal", "Copy signed a contract", "I have the signed copy open")
    said = said.model_copy(update={"stakeholders": ("copy",)})
    draft = compose_offline(request(watch(), [said], []))
    assert "ou signed a new customer on 15 November" in draft.body
    assert "Copy" not in draft.subject + draft.body


def test_a_clause_with_a_day_of_its_own_gets_no_second_one() -> None:
    hire = event("hiring", "Ada Long joins as VP Sales on 3 June", "Ada Long joins us as VP Sales on 3 June")
    body = compose_offline(request(watch(), [hire], [])).body
    assert "hired Ada Long as VP Sales on 3 June" in body
    assert "15 November" not in body


def test_a_round_is_told_in_words_that_its_check_takes() -> None:
    closed = event("funding", "Funding round of $24M closed", "The round is closed at $24m", metric("round", 24e6))
    asked = request(watch(), [closed], [])
    draft = compose_offline(asked)
    assert "your funding round of $24M closed on 15 November" in draft.body.replace("Your", "your")
    assert check(draft, asked) == []


def test_a_setback_that_answers_a_condition_is_told_once() -> None:
    asked = request(watch("setback >= 1"))
    verdict = asked.verdict.model_copy(
        update={
            "outcome": Outcome.NOW,
            "results": (asked.verdict.results[0].model_copy(update={"holds": True, "event_id": SETBACK.id}),),
        }
    )
    draft = compose_offline(asked.model_copy(update={"events": (*asked.events, SETBACK), "verdict": verdict}))
    assert draft.body.count("Fjord Bank") == 1


@pytest.mark.parametrize(("direction", "asker"), [(Direction.TO_FOUNDER, "I"), (Direction.TO_INVESTOR, "you")])
def test_a_subject_without_fact_and_reason_recalls_the_meeting(direction: Direction, asker: str) -> None:
    said = "cedar grove said yes to paid. one tower"
    chat = event("enterprise_deal", said, said)
    of = watch("enterprise_deal >= 1", direction=direction).model_copy(update={"reason": "too early"})
    asked = request(of, [chat], [])
    draft = compose_offline(asked)
    assert draft.subject == f"Orchard: what {asker} asked for in March"
    assert check(draft, asked) == []
    of = of.model_copy(update={"met_on": date(2024, 3, 2)})
    assert compose_offline(request(of, [chat], [])).subject == f"Orchard: what {asker} asked for"


def drafts() -> list[LetterDraft]:
    return [compose_offline(asked) for asked in requests(LETTERS)]


def test_no_opening_and_no_request_for_a_call_stands_in_a_third_of_the_letters() -> None:
    first, last = Counter[str](), Counter[str]()
    for draft in drafts():
        paragraphs = draft.body.split("\n\n")
        call = next(each for each in paragraphs if "next week" in each)
        first[" ".join(paragraphs[1].split()[:3])] += 1
        last[re.sub(r"I’d like to [^.]*\.|\d+ minutes|so that I can [^?]*", "…", call)] += 1
    assert max(first.values()) <= LETTERS / 3, first.most_common(3)
    assert max(last.values()) <= LETTERS / 3, last.most_common(3)


def test_no_subject_is_a_bare_kind_of_news() -> None:
    bare = re.compile(r": (?:a|the|an) \w+(?:, |$| –)|: (?:revenue|funding|usage|compliance)\b(?:,|$)")
    subjects = [draft.subject for draft in drafts()]
    assert [subject for subject in subjects if bare.search(subject) or len(subject) > 90] == []


SAID = "We measured it: overtime hours fell by 27% since we roster with Orchard."
RESULT = event("customer_success", SAID, SAID, metric("relative decline", 27, "percent"), severity="medium")
LOSS = "We lost Dunmore Care ($96k a year)."


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("conditions", [(), ("customer_success >= 1",)])
@pytest.mark.parametrize("beside", [(), (ARR, DEAL, CFO)])
def test_what_somebody_else_says_of_themselves_is_quoted_or_left_out(
    direction: Direction, conditions: tuple[str, ...], beside: tuple[Event, ...]
) -> None:
    asked = request(watch(*conditions, direction=direction), [RESULT, *beside])
    draft = compose_offline(asked)
    assert check(draft, asked) == []
    assert "measured" not in draft.subject
    is_quoted = f"A customer’s result, on 15 November: “{SAID.rstrip('.')}”." in draft.body
    assert is_quoted or ("measured" not in draft.body and not conditions and beside)


@pytest.mark.parametrize("direction", list(Direction))
def test_a_loss_that_its_title_tells_in_the_first_person_is_quoted(direction: Direction) -> None:
    loss = event("setback", LOSS, LOSS)
    asked = request(watch(direction=direction))
    asked = asked.model_copy(update={"events": (*asked.events, loss)})
    draft = compose_offline(asked)
    assert check(draft, asked) == []
    assert f"A setback, on 15 November: “{LOSS.rstrip('.')}”." in draft.body


def test_nobody_is_quoted_in_the_first_person_where_it_is_unknown_who_speaks() -> None:
    for kind in ("partnership", "technical_achievement", "funding"):
        said = event(kind, "Our team and Vireo have agreed on terms", "Our team and Vireo have agreed on terms")
        draft = compose_offline(request(watch(), [said], []))
        assert "Our team" not in draft.subject + draft.body
        assert "on 15 November." in draft.body


@pytest.mark.parametrize("title", ["SOC 2 Type I passed", "Trial phase I completed", "US market opened"])
def test_a_numeral_and_a_country_are_nobody_who_speaks(title: str) -> None:
    assert not is_speech(title)
