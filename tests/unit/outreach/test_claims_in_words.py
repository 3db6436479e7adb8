"""What a letter claims without changing a figure: money that somebody promises, acts turned round, times, offices."""

from __future__ import annotations

import pytest

from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.watches import Direction
from sago.outreach.checking import check
from tests.unit.outreach.stories import event, metric, point, request, watch

ARR = event(
    "revenue_milestone",
    "ARR reached $2.1M",
    "We just passed $2.1M ARR, up from $1.4M in January!",
    metric("arr", 2_100_000),
    metric("earlier arr", 1_400_000),
    days_ago=3,
)
KESTREL = event(
    "enterprise_deal",
    "Kestrel Air signed a contract worth $340k a year",
    "Kestrel Air signed! $340k a year, three years. Meera closed it.",
    metric("contract_value", 340_000),
    metric("term", 3, "years"),
    days_ago=11,
)
CFO = event("hiring", "Ruth Adeyemi joined as CFO", "Ruth Adeyemi joined us as CFO on Monday", days_ago=25)
CUSTOMERS = event(
    "user_growth",
    "214 paying customers, up from 198",
    "214 paying customers now, up from 198",
    metric("customers", 214, "count"),
    metric("earlier customers", 198, "count"),
    days_ago=17,
)
PAUSED = event("setback", "Osprey Health paused its pilot", "Osprey Health paused their pilot until budget season")
NRR = event("revenue_milestone", "NRR was 118%", "NRR came in at 118% this quarter", metric("nrr", 118, "percent"))
EVENTS = (ARR, KESTREL, CFO, CUSTOMERS, PAUSED, NRR)


def asked(direction: Direction = Direction.TO_FOUNDER, *, answers_all: bool = True) -> LetterRequest:
    made = request(watch("arr >= 2M", direction=direction), [ARR], [point(ARR, "arr", 2_100_000)])
    return made.model_copy(update={"events": EVENTS, "answers_all": answers_all})


def problems(sentence: str, wanted: LetterRequest) -> list[str]:
    to_founder = wanted.watch.direction is Direction.TO_FOUNDER
    reader, sender = ("Nell", "Ivo Brandt") if to_founder else ("Ivo", "Nell Quist")
    body = f"Hi {reader},\n\n{sentence}\n\nCould we speak for 30 minutes next week?\n\nBest,\n\n{sender}"
    return [str(each) for each in check(LetterDraft(subject="Orchard: $2.1M ARR", body=body), wanted)]


@pytest.mark.parametrize(
    "sentence",
    [
        "We want to invest $2M.",
        "I can invest the $2M you asked for.",
        "We set aside $2M for Orchard.",
        "We would invest $2M at the level you named.",
        "You asked for $2M.",
        "You need $2M to break even.",
        "I had asked for $2M ARR within a year.",
        "I had asked for $2M ARR by March.",
        "The $2M I had asked for was reached on 6 November.",
    ],
)
def test_a_threshold_is_no_licence_for_other_money(sentence: str) -> None:
    assert problems(sentence, asked())


@pytest.mark.parametrize(
    "sentence",
    [
        "We are looking for $2M.",
        "We want $2M from you.",
        "We need $2M by the end of the month.",
        "We set a price of $2M.",
        "You mentioned $2M as your ticket.",
        "You hoped for $2M back.",
        "We have set $2M aside for you.",
        "We need $2M ARR to break even.",
        "We owe $2M against the mark we set.",
        "Please wire $2M, the level you named.",
    ],
)
def test_a_founder_asks_for_no_money_in_a_threshold_s_name(sentence: str) -> None:
    assert problems(sentence, asked(Direction.TO_INVESTOR))


@pytest.mark.parametrize(
    "sentence",
    [
        *(
            f"Kestrel Air {act} at $340k a year."
            for act in (
                "rejected the contract",
                "sued over the contract",
                "considered a contract",
                "could sign",
                "almost signed",
                "verbally signed",
                "supposedly signed",
                "was close to signing",
                "signed a non-binding letter",
                "terminated its contract",
                "postponed its contract",
                "denied a contract",
            )
        ),
        "Kestrel Air signed on 11 November and cancelled a day later.",
        "Kestrel Air signed; it has left since.",
        "You lost Kestrel Air at $340k a year.",
        "Osprey Health started its pilot.",
        "Osprey Health extended its pilot.",
        "Your ARR nearly reached $2.1M.",
        "Your ARR briefly reached $2.1M.",
        "Your ARR reached $2.1M, then slipped.",
        "NRR came in at 118%, down from the peak.",
        "Your ARR hit $2.1M, excluding the lost accounts.",
        "Meera left after she closed Kestrel Air.",
    ],
)
def test_an_act_is_neither_reversed_nor_hedged_nor_ended(sentence: str) -> None:
    assert problems(sentence, asked())


@pytest.mark.parametrize(
    "sentence",
    [
        "Your ARR reached $2.1M this morning.",
        "Your ARR reached $2.1M yesterday.",
        "Your ARR reached $2.1M two months ago.",
        "Your ARR has been above $2M since January.",
        "ARR reached $2.1M, up from $1.4M a year ago.",
        "Your ARR was $1.4M when we met.",
        "It happened within a week of our meeting.",
        "We met on 2 March and on 17 November.",
        "On 17 November you asked for a call.",
        "Kestrel Air signed at $340k in total.",
        "Kestrel Air pays $340k for three years.",
        "The CTO left.",
        "Your CEO Ruth Adeyemi joined.",
        "You have 214 enterprise customers.",
        "You have 214 new customers.",
    ],
)
def test_times_totals_offices_and_kinds_of_customers_need_a_text(sentence: str) -> None:
    assert problems(sentence, asked())


@pytest.mark.parametrize(
    "sentence",
    [
        "We have decided to invest.",
        "Our partners approved the investment.",
        "I can offer a term sheet.",
        "We wired the money.",
        "You closed a bridge round.",
        "The valuation we discussed still stands.",
        "The lawsuit is settled.",
        "Churn is low.",
        "Your churn is very low and your team is excellent.",
        "NRR came in at 118% and gross retention is excellent.",
        "Your ARR reached $2.1M with healthy margins.",
        "Your runway is long.",
        "You are profitable.",
        "Please send your bank details.",
    ],
)
def test_a_claim_without_a_figure_needs_a_text_too(sentence: str) -> None:
    assert problems(sentence, asked())


@pytest.mark.parametrize("sentence", ["That no longer holds.", "The reason is gone.", "That has changed."])
def test_a_reason_answered_in_part_is_not_gone(sentence: str) -> None:
    assert problems(sentence, asked(answers_all=False))
    assert problems(sentence, asked()) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Are you around on Tuesday or Wednesday?",
        "I would be glad to hear how you won Kestrel Air.",
        "You now have more than 200 paying customers.",
        "Both conditions I named in March are met.",
        "It has been 37 weeks since we met.",
        "When we met in March, ARR was below $2M and there was no enterprise logo.",
        "Give my regards to Meera.",
        "You have since passed $2M ARR and signed Kestrel Air.",
        "Your ARR reached $2.1M, past the $2M I had asked for.",
        "Ruth Adeyemi started as CFO in October.",
        "I also saw that Osprey Health paused its pilot; I would like to hear why.",
        "ARR reached $2.1M, up from $1.4M in January.",
        "I have also seen that Osprey Health paused its pilot, and would like to hear how you are dealing with it.",
    ],
)
def test_ordinary_true_sentences_pass(sentence: str) -> None:
    assert problems(sentence, asked()) == []
