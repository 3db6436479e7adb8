"""Letters without a model."""

from __future__ import annotations

import re

import pytest

from sago.domain.companies import Granularity
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.voices import Formality, Voice
from sago.domain.watches import Direction
from sago.errors import PermanentError
from sago.llm.letters import SUBJECT_LIMIT, compose_offline
from sago.outreach.checking import check
from tests.unit.outreach.stories import ARR, EVENTS, POINTS, SETBACK, event, metric, point, request, watch


def test_the_investors_letter_answers_the_very_reason() -> None:
    draft = compose_offline(request(watch("arr >= 2M")))
    assert draft.body.startswith("Hi Nell,\n")
    assert "on 2 March" in draft.body
    assert "“ARR below 2M”" in draft.body
    assert "Your ARR reached $2.1M on 14 November, past the $2M I had asked for." in draft.body
    assert draft.body.endswith("Ivo Brandt")


def test_the_founders_letter_is_signed_by_the_founder() -> None:
    draft = compose_offline(request(watch("arr >= 2M", direction=Direction.TO_INVESTOR)))
    assert draft.body.startswith("Hi Ivo,\n")
    assert "Our ARR reached $2.1M on 14 November, past the $2M you had asked for." in draft.body
    assert draft.body.endswith("Nell Quist, Orchard")


def test_an_unknown_recipient_and_founder_leave_no_placeholder() -> None:
    asked = request(watch(direction=Direction.TO_INVESTOR))
    nameless = asked.model_copy(
        update={
            "watch": asked.watch.model_copy(update={"investor": None}),
            "company": asked.company.model_copy(update={"founder": None}),
        }
    )
    body = compose_offline(nameless).body
    assert body.startswith("Hi there,\n")
    assert body.endswith("The Orchard team")
    assert "[" not in body
    assert "None" not in body


def test_every_fact_is_told_once_with_its_figure_and_its_day() -> None:
    for number in range(12):
        body = compose_offline(request(watch(name=str(number)))).body
        for told in ("$2.1M on 14 November", "$240k a year on 10 November", "143% on 15 November"):
            assert body.count(told) == 1


def test_the_subject_names_what_the_letter_tells_and_fits() -> None:
    draft = compose_offline(request(watch()))
    assert draft.subject == "Orchard: $2.1M ARR, Kestrel Air signed, 143% NRR"
    long = event("hiring", "A title " + "that goes on " * 12, "a quote")
    assert len(compose_offline(request(watch(), [long, ARR])).subject) <= SUBJECT_LIMIT


def test_figures_that_say_nothing_by_themselves_stay_out() -> None:
    deal = event(
        "enterprise_deal",
        "Larkspur signed a contract",
        "Larkspur signed for 3 years, 2 seats, before it was $5k",
        metric("term", 3, "years"),
        metric("seats", 2, "count"),
        metric("earlier contract_value", 5_000),
        metric("other amount", 38_000),
        metric("count 2", 4_000, "count"),
    )
    draft = compose_offline(request(watch(), [deal], []))
    assert "years" not in draft.body
    assert "$5" not in draft.body
    assert "ou signed Larkspur on 15 November." in draft.body


def test_one_watch_always_gets_the_same_letter_and_others_another() -> None:
    bodies = [compose_offline(request(watch(name=str(number)))).body for number in range(12)]
    again = [compose_offline(request(watch(name=str(number)))).body for number in range(12)]
    assert bodies == again
    assert len(set(bodies)) > 3


def test_without_events_there_is_no_letter() -> None:
    with pytest.raises(PermanentError, match="no event to write about"):
        compose_offline(request(watch(), [], []))


SPOKEN = (Direction.TO_FOUNDER, Direction.TO_INVESTOR)


def variants(*conditions: str, **changes: object) -> list[LetterDraft]:
    """Letters of a dozen watches that differ in their id alone, in both directions."""
    made = []
    for number in range(12):
        for direction in SPOKEN:
            asked = request(watch(*conditions, direction=direction, name=str(number)))
            made.append(compose_offline(asked.model_copy(update=changes)))
    return made


def test_letters_differ_by_structure() -> None:
    openings = {draft.body.split("\n\n")[1].split(" ")[0] for draft in variants("arr >= 2M")}
    assert {"When", "My", "Your", "Our"} <= openings


def test_two_reasons_are_answered_each_by_its_fact() -> None:
    for draft in variants("arr >= 2M", "enterprise_deal >= 1"):
        assert "ARR reached $2.1M on 14 November, past the $2M" in draft.body
        assert "signed Kestrel Air at $240k a year on 10 November." in draft.body
        assert draft.body.count("Kestrel Air") == 1, "no line repeats what the opening said"


def test_few_facts_stand_in_sentences_and_many_in_a_list() -> None:
    more = [
        event("hiring", "Ada Long joins as VP Sales", "Ada Long joins us as VP Sales", days_ago=4),
        event("market_expansion", "Opened in Denmark", "We are live in Denmark", days_ago=3),
    ]
    few, many = request(watch("arr >= 2M")), request(watch("arr >= 2M"), [*EVENTS, *more])
    assert "\n- " not in compose_offline(few).body
    listed = compose_offline(many)
    assert "- Team: You hired Ada Long as VP Sales on 16 November." in listed.body
    assert {line.heading for line in listed.highlights} == {"Customers", "Revenue", "Team", "Market"}
    assert all(f"- {line.heading}: {line.text}" in listed.body for line in listed.highlights)


@pytest.mark.parametrize("direction", SPOKEN)
def test_a_setback_the_verdict_knows_is_named_in_one_sentence(direction: Direction) -> None:
    asked = request(watch("arr >= 2M", direction=direction))
    draft = compose_offline(asked.model_copy(update={"events": (*asked.events, SETBACK)}))
    assert draft.body.count("Fjord Bank will not renew (18 November)") == 1
    assert "Fjord" not in draft.subject


@pytest.mark.parametrize("direction", SPOKEN)
def test_all_setbacks_of_high_severity_are_told_in_the_order_given(direction: Direction) -> None:
    said = "Brack & Daughter are gone, $720k a year"
    outage = event("setback", "Outage of 5 hours affected 410 sites", "down for 5 hours, 410 sites", days_ago=3)
    leaver = event("setback", "Jan Beck is leaving as CTO", "Jan Beck leaves us", days_ago=4)
    lost = event("setback", "Brack & Daughter cancelled their contract", said, days_ago=5)
    asked = request(watch(direction=direction))
    asked = asked.model_copy(update={"events": (*asked.events, outage, leaver, lost)})
    draft = compose_offline(asked)
    assert check(draft, asked) == []
    told = ("had an outage of 5 hours on 17 November", "Jan Beck, ", "Brack & Daughter cancelled their contract")
    places = [draft.body.index(each) for each in told]
    assert places == sorted(places)


def test_the_investor_repeats_to_no_founder_what_other_investors_do() -> None:
    rival = event("investor_interest", "Saltmarsh began due diligence", "Saltmarsh began due diligence")
    assert "Saltmarsh" not in compose_offline(request(watch(), [ARR, rival])).body
    own = compose_offline(request(watch(direction=Direction.TO_INVESTOR), [ARR, rival]))
    assert "Saltmarsh has begun due diligence (15 November)" in own.body


def test_a_fragment_of_chat_is_told_by_what_is_known_of_it() -> None:
    said = "cedar grove said yes to paid. one tower, starts wed"
    chat = event("enterprise_deal", said, said)
    assert "cedar" not in compose_offline(request(watch(), [ARR, chat], [])).body
    draft = compose_offline(request(watch(), [chat], []))
    assert "I noted an enterprise deal on 15 November." in draft.body
    assert "cedar" not in draft.body
    assert draft.subject == "Orchard: news on customers"
    named = chat.model_copy(update={"stakeholders": ("Cedar Grove",)})
    assert "an enterprise deal with Cedar Grove on 15" in compose_offline(request(watch(), [named], [])).body


def test_a_sentence_of_the_proof_is_quoted_where_the_title_says_too_little() -> None:
    quote = "The pumps at Sakai wait 61 seconds, which was 90 before"
    said = event("technical_achievement", "Measured: latency 61 seconds", quote, metric("latency", 61, "seconds"))
    assert f"On the product, on 15 November: “{quote}”." in compose_offline(request(watch(), [said], [])).body
    chat = said.model_copy(update={"evidence": (said.evidence[0].model_copy(update={"quote": "ok so we are at 61"}),)})
    asked = request(watch("technical_achievement >= 1"), [chat], [])
    draft = compose_offline(asked)
    assert "There was a technical result (latency of 61 seconds) on 15 November." in draft.body
    assert "ok so" not in draft.body
    assert check(draft, asked) == []


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Dr Ingrid Solheim", "Ingrid"),
        ("Solheim, Ingrid", "Ingrid"),
        ("Kim Lo", "Kim"),
        ("田中 太郎", "田中 太郎"),
        ("Łukasz Żak", "Łukasz"),
        ("Bo", "Bo"),
    ],
)
def test_a_reader_is_greeted_by_the_first_name(name: str, greeted: str) -> None:
    asked = request(watch("arr >= 2M"))
    named = asked.model_copy(update={"company": asked.company.model_copy(update={"founder": name})})
    draft = compose_offline(named)
    assert draft.body.startswith(f"Hi {greeted},\n")
    assert check(draft, named) == []


@pytest.mark.parametrize("name", ["Now", "The Reason", "Studio 54", "Ramp {x}", "$2.1M"])
def test_a_companys_name_may_be_any_word(name: str) -> None:
    asked = request(watch("arr >= 2M"))
    draft = compose_offline(asked.model_copy(update={"company": asked.company.model_copy(update={"name": name})}))
    assert name in draft.subject


def test_a_long_reason_is_recalled_to_the_end_of_a_part() -> None:
    long = (
        "ARR below 2M, no enterprise logo and nobody who has sold to one before; " + "we would like to see more. " * 20
    )
    asked = request(watch("arr >= 2M"))
    told = asked.model_copy(update={"watch": asked.watch.model_copy(update={"reason": long})})
    draft = compose_offline(told)
    assert "“ARR below 2M, no enterprise logo and nobody who has sold to one before" in draft.body
    assert len(draft.body) < 1_200
    assert check(draft, told) == []


def test_money_without_a_currency_gets_no_sign() -> None:
    said = event("revenue_milestone", "ARR reached 2.1M", "ARR is 2.1M", metric("arr", 2.1e6, "XXX"))
    draft = compose_offline(request(watch("arr >= 2M"), [said], [point(said, "arr", 2.1e6, "XXX")]))
    assert "ARR reached 2.1M on 15 November, past the 2M I had asked for" in draft.body
    assert "$" not in draft.subject + draft.body


def banded(of: LetterRequest, granularity: Granularity, *titles: str) -> LetterRequest:
    """The request as it comes where figures are told in bands: coarse titles, no metrics."""
    events = [
        each.model_copy(
            update={"title": title, "metrics": (), "evidence": (each.evidence[0].model_copy(update={"quote": title}),)}
        )
        for each, title in zip(of.events, titles, strict=True)
    ]
    return of.model_copy(update={"events": tuple(events), "granularity": granularity, "metric_points": ()})


def test_bands_are_told_as_bands_and_nothing_more_exact() -> None:
    asked = request(watch("arr >= 2M"))
    titles = ["ARR reached [$2M–5M]", "Kestrel Air signed a contract worth [$200k–500k] a year", "NRR was [140–150%]"]
    draft = compose_offline(banded(asked, Granularity.BANDS, *titles))
    assert "Your ARR is now at least the $2M I had asked for." in draft.body
    assert "$200k–500k a year" in draft.body
    assert "140–150%" in draft.body
    assert "2.1" not in draft.subject + draft.body


def test_where_no_figures_are_shared_none_is_told() -> None:
    asked = request(watch("arr >= 2M", "enterprise_deal >= 1"))
    titles = [
        "ARR reached [not shared]",
        "Kestrel Air signed a contract worth [not shared] a year",
        "NRR was [not shared]",
    ]
    draft = compose_offline(banded(asked, Granularity.NONE, *titles))
    assert "ou signed Kestrel Air on 10 November" in draft.body
    assert "not shared" not in draft.body
    theirs = (draft.subject + draft.body).replace("“ARR below 2M”", "")
    assert not re.search(r"[$%]|\d[kM]", theirs)


def test_a_growth_that_was_asked_for_is_answered_without_a_figure_of_ours() -> None:
    asked = request(watch("arr >= 2M"))
    result = asked.verdict.results[0]
    grown = result.condition.model_copy(
        update={"kind": "change", "value": 20.0, "within": "3m", "text": "arr growth 3m >= 20%"}
    )
    verdict = asked.verdict.model_copy(
        update={"results": (result.model_copy(update={"condition": grown, "seen": 31.0}),)}
    )
    body = compose_offline(asked.model_copy(update={"verdict": verdict})).body
    assert "Your ARR has grown by at least the 20% I had asked for: your ARR reached $2.1M on 14 November." in body
    assert "31" not in body


def test_an_absence_that_was_asked_for_is_said() -> None:
    asked = request(watch("arr >= 2M", "setback == 0"))
    assert "There has been no setback since we met." in compose_offline(asked).body


def test_a_senders_voice_is_kept_to() -> None:
    terse = Voice(
        sender="ivo@fund.example",
        greeting="{name} –",
        sign_off="Cheers,",
        words=40,
        formality=Formality.CASUAL,
        samples=4,
    )
    formal = Voice(
        sender="ivo@fund.example",
        greeting="Dear {name},",
        sign_off="Yours sincerely,",
        words=190,
        formality=Formality.FORMAL,
        samples=4,
    )
    bodies = {}
    for voice in (terse, formal):
        asked = request(watch("arr >= 2M"))
        asked = asked.model_copy(update={"watch": asked.watch.model_copy(update={"voice": voice})})
        draft = compose_offline(asked)
        assert check(draft, asked) == []
        bodies[voice.words] = draft.body
    assert bodies[40].startswith("Nell –\n")
    assert bodies[40].endswith("Cheers,\n\nIvo")
    assert bodies[190].startswith("Dear Nell,\n")
    assert bodies[190].endswith("Yours sincerely,\n\nIvo Brandt")
    assert "’d" not in bodies[190]
    assert "’ve" not in bodies[190]
    assert len(bodies[40].split()) < 0.75 * len(bodies[190].split())


def test_no_letter_has_empty_words() -> None:
    empty = re.compile(
        r"excit|thrill|hope (?:this|you)|delighted|amazing|pleased to|reach(?:ing)? out|circle back|synerg", re.I
    )
    assert not any(empty.search(draft.body) for draft in [*variants(), *variants("arr >= 2M")])


def test_a_subject_without_a_fact_of_its_own_recalls_the_reason() -> None:
    chat = event("enterprise_deal", "cedar grove said yes to paid", "cedar grove said yes to paid. one tower")
    asked = watch("enterprise_deal >= 1")
    draft = compose_offline(request(asked.model_copy(update={"reason": "no enterprise logo"}), [chat], []))
    assert draft.subject == "Orchard: “no enterprise logo” no longer holds"
    draft = compose_offline(request(asked, [chat], []))
    assert draft.subject == "Orchard: “ARR below 2M” and what has changed"


def test_a_reason_is_gone_only_when_each_part_of_it_is_answered() -> None:
    for direction in SPOKEN:
        for number in range(12):
            asked = watch("arr >= 2M", direction=direction, name=str(number))
            reason = "churn too high, ARR below 2M, no enterprise logo"
            part = request(asked.model_copy(update={"reason": reason}), [ARR], POINTS[:1])
            draft = compose_offline(part)
            assert f"“{reason}”" in draft.body
            assert not re.search(r"no longer holds|That has changed|is gone", draft.subject + draft.body)
            assert check(draft, part) == []


def test_a_reason_that_is_only_too_early_is_not_quoted() -> None:
    early = request(watch("arr >= 2M").model_copy(update={"reason": "Too early."}))
    draft = compose_offline(early)
    assert early.answers_all
    assert "“" not in draft.subject + draft.body


def test_a_contract_that_the_proof_calls_a_renewal_is_told_as_one() -> None:
    title, quote = "Halden signed a contract worth $54k a year", "Halden renewed at $54k a year, up from $40k"
    deal = event("enterprise_deal", title, quote, metric("contract_value", 54_000))
    asked = request(watch(), [deal], [])
    draft = compose_offline(asked)
    assert "Halden renewed and expanded at $54k a year" in draft.body
    assert draft.subject == "Orchard: Halden renewed"
    assert check(draft, asked) == []


def test_a_count_is_a_subject_only_where_the_event_is_about_it() -> None:
    beside = event(
        "partnership",
        "Reseller agreement signed with Gruber Systems, covering 63 users",
        "Reseller agreement signed with Gruber Systems, covering 63 users",
        metric("users", 63, "count"),
    )
    grown = event("user_growth", "Reached 900 users", "we have 900 users now", metric("users", 900, "count"))
    assert "63" not in compose_offline(request(watch(), [ARR, beside])).subject
    assert "900 users" in compose_offline(request(watch(), [ARR, grown])).subject


@pytest.mark.parametrize(
    ("kind", "title", "subject"),
    [
        ("enterprise_deal", "Galil Bakeries signed for two years", "Orchard: Galil Bakeries signed"),
        ("funding", "Series A closes with the money in the account", "Orchard: Series A closed"),
        ("partnership", "Agreement with the port of Kalmar", "Orchard: Agreement with the port of Kalmar"),
    ],
)
def test_a_subject_names_the_customer_or_the_kind_of_news(kind: str, title: str, subject: str) -> None:
    assert compose_offline(request(watch(), [event(kind, title, "as was said")], [])).subject == subject


@pytest.mark.parametrize("direction", SPOKEN)
def test_a_setback_that_only_its_title_tells_is_introduced(direction: Direction) -> None:
    fire = event("setback", "Fire burns two towers at Derrynagun", "a fire burnt two of our towers", days_ago=2)
    asked = request(watch("arr >= 2M", direction=direction))
    draft = compose_offline(asked.model_copy(update={"events": (*asked.events, fire)}))
    assert ": Fire burns two towers at Derrynagun (18 November)." in draft.body


def test_a_title_that_names_its_day_gets_no_second_one() -> None:
    hire = event("hiring", "Ruthi Alon joined on December 1st", "Ruthi joins, December 1st", days_ago=1)
    assert "Ruthi Alon joined on December 1st." in compose_offline(request(watch(), [hire], [])).body


def test_letters_end_in_several_ways() -> None:
    ends = {draft.body.split("\n\n")[-3].rsplit(", ", 1)[-1] for draft in variants("arr >= 2M")}
    assert len(ends) >= 6
