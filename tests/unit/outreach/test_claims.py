"""Letters as a model writes them: what is true in other words passes, each way to say something else is refused."""

from __future__ import annotations

import hashlib

import pytest

from sago.domain.companies import Granularity
from sago.domain.letters import Highlight, LetterDraft, LetterRequest
from sago.domain.watches import Direction
from sago.outreach.checking import Checked, Problem, check, examine, written
from tests.unit.outreach.stories import NOW, event, metric, point, request, watch

ARR = event(
    "revenue_milestone", "ARR reached $2.1M", "We just passed $2.104M ARR!", metric("arr", 2_104_000), days_ago=6
)
HALDEN = event(
    "enterprise_deal",
    "Halden Foods signed a three-year contract worth $240k a year",
    "Halden Foods signed today: $240k a year, three years. Next we want Osprey, maybe $900k by March.",
    metric("contract_value", 240_000),
    metric("term", 3, "years"),
    days_ago=10,
)
MERIDIAN = event(
    "partnership",
    "Reseller agreement with Meridian Rail",
    "the reseller agreement with Meridian Rail is in force, Ruth Adeyemi leads it",
    days_ago=20,
)
USERS = event(
    "user_growth",
    "4,120 active users, up from 3,900 in September",
    "we count 4,120 active users now, up from 3,900 in September",
    metric("active users", 4120, "count"),
    metric("earlier active users", 3900, "count"),
    days_ago=12,
    severity="medium",
)
CHURN = event(
    "revenue_milestone", "Churn fell to 2%", "churn fell to 2% in October", metric("churn", 2, "percent"), days_ago=15
)
KEPT = event("customer_success", "Osprey Health did not cancel", "Osprey Health did not cancel after all", days_ago=18)
AUDIT = event("compliance", "SOC 2 Type II report issued", "our SOC 2 Type II report is issued", days_ago=19)
EVENTS = [ARR, HALDEN, MERIDIAN, USERS, CHURN, KEPT, AUDIT]


def asked(**other: object) -> LetterRequest:
    made = request(watch("arr >= 2M"), EVENTS, [point(ARR, "arr", 2_104_000)])
    return made.model_copy(update={"events": tuple(EVENTS), **other})


def letter(sentence: str, subject: str = "Orchard: $2.1M ARR", highlights: tuple[Highlight, ...] = ()) -> LetterDraft:
    lines = "".join(f"- {written(line)}\n" for line in highlights)
    body = f"Hi Nell,\n\n{sentence}\n\n{lines}\nCould we speak for 30 minutes next week?\n\nBest,\n\nIvo Brandt"
    return LetterDraft(subject=subject, body=body, highlights=highlights)


def said(sentence: str, **other: object) -> Checked:
    return examine(letter(sentence), asked(**other))


@pytest.mark.parametrize(
    "sentence",
    [
        "Your ARR reached $2.1M on 14 November, past the $2M I had asked for.",
        "Your ARR now stands at $2,104,000.",
        "ARR is at 2.1 million dollars.",
        "Halden Foods signed for three years at $240k a year.",
        "On 10 November Halden Foods signed a contract worth $240,000 a year.",
        "I saw that Halden signed a three-year contract, and that your ARR reached $2.1M.",
        "Your active users went from 3,900 to 4,120.",
        "You count 4,120 active users, up from 3,900 in September.",
        "Churn fell to 2%.",
        "Churn is down to 2% in October.",
        "Meridian Rail resells your product now, and Ruth Adeyemi leads the agreement.",
        "The reseller agreement with Meridian Rail was signed on 31 October.",
        "Osprey Health did not cancel.",
        "Your SOC 2 Type II report was issued.",
        "When we met on 2 March, my reason for passing was “ARR below 2M”.",
        "As you wrote, “churn fell to 2% in October”.",
        "You now count 4,120 active users; ARR reached $2.1M.",
        "$2.1M ARR, a $240k contract and 4,120 active users: that is a different company from the one I met in March.",
    ],
)
def test_what_is_true_in_other_words_passes(sentence: str) -> None:
    assert [str(each) for each in said(sentence).problems] == []


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        # another metric, unit, period, role or direction
        ("MRR reached $2.1M.", "figure"),
        ("Bookings of $2.1M are a good sign.", "figure"),
        ("Halden Foods signed at $240k a month.", "figure"),
        ("Halden Foods signed at €240k a year.", "figure"),
        ("Halden Foods signed for three months.", "figure"),
        ("You count 4,120 paying customers.", "figure"),
        ("Your active users went from 4,120 to 3,900.", "figure"),
        ("You count 3,900 active users.", "figure"),
        ("ARR fell to $2.1M.", "figure"),
        ("Churn rose to 2%.", "figure"),
        ("Churn fell by 2 points.", "figure"),
        ("ARR grew by $2.1M.", "figure"),
        ("ARR is $2M.", "figure"),
        ("ARR is $2.14M.", "figure"),
        ("ARR is -$2.1M.", "figure"),
        ("ARR is $2.1M%.", "figure"),
        ("MRR is past the two million dollars I had asked for.", "figure"),
        ("Together that is $2.34M.", "figure"),
        # a plan told as done, and the other way round
        ("Osprey signed at $900k.", "figure"),
        ("Halden Foods will sign a contract worth $240k a year.", "wording"),
        # figures in words
        ("ARR is two million dollars.", "figure"),
        ("You count half a million active users.", "figure"),
        ("A dozen customers signed.", "figure"),
        ("ARR has doubled.", "figure"),
        ("Active users tripled.", "figure"),
        ("Half of your customers renewed.", "figure"),
        ("Hundreds of users joined.", "figure"),
        # dates
        ("ARR reached $2.1M on 15 November.", "date"),
        ("ARR reached $2.1M on 14 October.", "date"),
        ("ARR reached $2.1M on 14 November 2025.", "date"),
        ("ARR reached $2.1M on 14/12/2026.", "figure"),
        ("ARR reached $2.1M on Monday, 14 November.", "date"),
        ("ARR reached $2.1M on 10 November.", "date"),
        ("ARR reached $2.1M on 2 March.", "date"),
        ("ARR reached $2.1M yesterday.", "date"),
        ("ARR reached $2.1M in Q1.", "date"),
        ("When we met on 10 November, you had no such customer.", "date"),
        # names
        ("Meridian Rail signed a three-year contract worth $240k a year.", "name"),
        ("Meridian Rail signed a contract.", "wording"),
        ("Walmart signed too.", "name"),
        ("walmart signed too.", "name"),
        ("meridian signed a contract worth $240k a year.", "name"),
        ("Osprey Foods signed a contract worth $240k a year.", "name"),
        ("Karl Adeyemi leads the reseller agreement.", "name"),
        ("I would like to take a fresh look at Halden Foods.", "name"),
        ("Ivo Brandt signed a contract worth $240k a year.", "name"),
        # opposites and superlatives
        ("Halden Foods did not sign a contract worth $240k a year.", "wording"),
        ("Halden Foods no longer pays $240k a year.", "wording"),
        ("Osprey Health cancelled.", "wording"),
        ("ARR reached a record $2.1M.", "wording"),
        ("Halden Foods is your largest customer.", "wording"),
        ("Halden Foods is your first enterprise customer.", "wording"),
        ("You are the leading vendor in this market.", "wording"),
        ("ARR fell again.", "wording"),
        ("Allegedly ARR reached $2.1M.", "wording"),
        # disguises
        ("Мeridian Rail resells your product.", "wording"),
        ("Meri\u200bdian Rail resells your product.", "wording"),
        ("ARR is $２.1M.", "wording"),
        ("ARR is $٢.١M.", "wording"),
        ("ARR is $2.\n1M.", "wording"),
        ("ARR is $2.1M, see https://orchard.example/deck.", "wording"),
        ("ARR is $2.1M, see orchard.io/deck.", "wording"),
        ("Write to nell.quist@evil.example about the $2.1M ARR.", "wording"),
        ("[ARR](javascript:x) is $2.1M.", "wording"),
        ("<b>ARR</b> is $2.1M.", "wording"),
        ("ARR is **$2.1M**.", "wording"),
        ("You wrote “churn fell to 2% for good”.", "wording"),
        ("You now hold ISO 27001.", "figure"),
        ("Your SOC 3 Type II report was issued.", "figure"),
    ],
)
def test_what_is_not_so_is_refused(sentence: str, kind: str) -> None:
    problems = said(sentence).problems
    assert kind in {problem.kind for problem in problems}, problems


def test_a_highlight_speaks_of_its_own_event_alone() -> None:
    own = Highlight(
        heading="Enterprise deal", text="Halden Foods signed at $240k a year (10 November).", event_id=HALDEN.id
    )
    assert check(letter("A short update.", highlights=(own,)), asked()) == []
    for text in (
        "Halden Foods signed at $2.1M (10 November).",
        "Meridian Rail signed at $240k a year.",
        "Signed on 14 November.",
    ):
        line = own.model_copy(update={"text": text})
        assert check(letter("A short update.", highlights=(line,)), asked())


def test_a_greeting_and_a_signature_hold_their_own_people() -> None:
    good = letter("Your ARR reached $2.1M.")
    assert check(good, asked()) == []
    for old, new in (
        ("Hi Nell", "Hi Ivo"),
        ("Hi Nell", "Hi Halden"),
        ("Ivo Brandt", "Nell Quist"),
        ("Ivo Brandt", "Ivo Quist"),
    ):
        assert check(good.model_copy(update={"body": good.body.replace(old, new)}), asked())


@pytest.mark.parametrize(
    "subject", ["Orchard: " + "news " * 20, "Orchard: news\r\nBcc: eve@evil.example", "Halden: $2.1M ARR"]
)
def test_a_subject_is_one_short_line_about_the_company(subject: str) -> None:
    draft = letter("Your ARR reached $2.1M.").model_copy(update={"subject": subject})
    assert {problem.where for problem in check(draft, asked())} == {"subject"}


def test_no_exact_figure_stands_in_a_letter_to_somebody_who_sees_bands() -> None:
    for granularity in (Granularity.BANDS, Granularity.NONE):
        assert said("Your ARR reached $2.1M.", granularity=granularity).problems
        plain = letter("Halden Foods signed a contract.", subject="Orchard: a contract signed")
        assert check(plain, asked(granularity=granularity)) == []


def test_another_company_of_the_house_is_named_only_where_an_event_names_it() -> None:
    draft = letter("Your ARR reached $2.1M, ahead of what I see at north harbour.")
    assert check(draft, asked()) == []
    assert [each.text for each in check(draft, asked(), others=["North Harbour"])] == ["north harbour"]
    assert check(letter("Halden Foods signed a contract."), asked(), others=["Halden Foods"]) == []


def test_every_claim_has_a_receipt_with_what_was_done_to_it() -> None:
    receipts = said(
        "Your ARR reached $2.1M on 14 November, past the $2M I had asked for. Halden Foods signed."
    ).receipts
    by_claim = {receipt.claim: receipt for receipt in receipts if receipt.where == "body"}
    arr = by_claim["$2.1M"]
    assert (arr.event_id, arr.message_id, arr.quote) == (ARR.id, ARR.evidence[0].message_id, ARR.evidence[0].quote)
    assert arr.sha256 == hashlib.sha256(arr.quote.encode()).hexdigest()
    assert arr.transformation == "$2,104,000 → $2.1M"
    assert by_claim["14 November"].event_id == ARR.id
    assert (by_claim["$2M"].event_id, by_claim["$2M"].transformation) == (None, "the watch's own threshold")
    assert by_claim["Halden Foods"].event_id == HALDEN.id
    body = letter("Your ARR reached $2.1M on 14 November, past the $2M I had asked for. Halden Foods signed.").body
    assert all(body[r.start : r.end] == r.claim for r in receipts if r.where == "body")


def test_twelve_times_mrr_says_so_in_its_receipt() -> None:
    mrr = event("revenue_milestone", "MRR reached $450k", "MRR hit $450k", metric("mrr", 450_000))
    made = request(watch(direction=Direction.TO_FOUNDER), [mrr], [])
    receipts = examine(letter("Your MRR reached $450k (~$5.4M ARR).", subject="Orchard: $450k MRR"), made).receipts
    assert "MRR $450k × 12 → $5.4M ARR" in {receipt.transformation for receipt in receipts}


def test_an_objection_tells_a_model_what_the_event_says_instead() -> None:
    problem = next(each for each in said("MRR reached $2.1M, they said.").problems if each.kind == "figure")
    assert problem == Problem("figure", "$2.1M", "body", problem.why, "MRR reached $2.1M, they said.")
    assert str(problem) == (
        "body: figure '$2.1M' is told of MRR; in “ARR reached $2.1M” it is of ARR, in “MRR reached $2.1M, they said.”"
    )
    (date,) = (each for each in said("ARR reached $2.1M on 1 June.").problems)
    assert "14 November" in str(date)


def test_the_day_is_read_as_of_the_letter() -> None:
    later = asked(as_of=NOW.replace(year=2028))
    assert check(letter("ARR reached $2.1M on 14 November."), later)
    assert check(letter("ARR reached $2.1M on 14 November 2026."), later) == []
