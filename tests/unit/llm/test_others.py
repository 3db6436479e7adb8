"""What another firm did is no news of the company, whoever tells it; what the company did is told beside it."""

from __future__ import annotations

import pytest

from sago.domain.events import EventType, Finding, Status
from sago.llm.providers.offline import OfflineModel, RulesModel
from tests.unit.llm.said import Convinced, chat, extract, mail

E = EventType
OTHERS = [
    ("At my previous company, Larkfield, we hit $8M ARR before we hired a second engineer.", E.REVENUE_MILESTONE),
    ("We hit $8M ARR at my last startup", E.REVENUE_MILESTONE),
    ("Before Acme, I founded Larkfield, we reached $12M ARR.", E.REVENUE_MILESTONE),
    ("When I ran Larkfield we hit $8M ARR", E.REVENUE_MILESTONE),
    ("Back at Larkfield we did $40M ARR with 20 people", E.REVENUE_MILESTONE),
    ("At Larkfield we were at $5M ARR when I left", E.REVENUE_MILESTONE),
    ("At his last company, Oskar took ARR to $8M", E.REVENUE_MILESTONE),
    ("Larkfield, my old company, hit $8M ARR in year three", E.REVENUE_MILESTONE),
    ("My co-founder's last startup hit $8M ARR", E.REVENUE_MILESTONE),
    ("In meiner letzten Firma hatten wir 8 Mio. Euro ARR", E.REVENUE_MILESTONE),
    ("Dans mon ancienne boîte on a atteint 8 M€ d'ARR", E.REVENUE_MILESTONE),
    ("En mi anterior empresa llegamos a 8 millones de ARR", E.REVENUE_MILESTONE),
    ("Na minha empresa anterior chegamos a 8 milhões de ARR", E.REVENUE_MILESTONE),
    ("When I was at Larkfield we signed Siemens for $3M a year.", E.ENTERPRISE_DEAL),
    ("In my Larkfield days we signed Siemens for $3M a year", E.ENTERPRISE_DEAL),
    ("In my last job we hired Anna Lind as VP Sales within a month", E.HIRING),
    ("In my last job we raised a $30M Series B", E.FUNDING),
    ("My old company just raised a $20M Series B", E.FUNDING),
    ("During my time at Larkfield we had a data breach that exposed 40,000 records", E.SETBACK),
    ("A friend's startup just closed a $5M seed", E.FUNDING),
    ("A friend of mine hit $2M ARR with three people", E.REVENUE_MILESTONE),
    ("Another startup in our batch hit $3M ARR", E.REVENUE_MILESTONE),
    ("My brother's company was down for 12 hours yesterday", E.SETBACK),
    ("Saw Brightmoor's press release: they raised a $40M Series C led by Sequoia", E.FUNDING),
    ("Reading Brightmoor's blog. They closed a Series C of $40M.", E.FUNDING),
    ("Brightmoor closed a Series C of $40M", E.FUNDING),
    ("Brightmoor's platform was down for 9 hours yesterday", E.SETBACK),
    ("Brightmoor's app was down for 5 hours, we should call their customers", E.SETBACK),
    ("Brightmoor's ARR is $12M apparently, and they had a 9 hour outage last week", E.SETBACK),
    ("Brightmoor laid off 40 people, glad that's not us", E.SETBACK),
    ("Their checkout was down for six hours, good that it was not ours", E.SETBACK),
    ("The former CFO of Larkfield joins Brightmoor as CEO.", E.HIRING),
]
OURS = [
    ("Brightmoor's platform was down for 9 hours because of our webhook", E.SETBACK, "Outage of 9 hours"),
    ("Acme's platform was down for 9 hours yesterday", E.SETBACK, "Outage of 9 hours"),
    ("We were down for 3 hours lol", E.SETBACK, "Outage of 3 hours"),
    ("Their gateway was down for 6 hours and our payouts with it", E.SETBACK, "Outage of 6 hours"),
    ("Brightmoor's contract is signed, $120k a year", E.ENTERPRISE_DEAL,
     "Brightmoor signed a contract worth $120k a year"),
    ("My old company signed a contract with us: $40k a year", E.ENTERPRISE_DEAL,
     "A customer signed a contract worth $40k a year"),
    ("While at Brightmoor today they signed the renewal at $90k a year", E.ENTERPRISE_DEAL,
     "Brightmoor signed a contract worth $90k a year"),
    ("We signed Brightmoor, a client from my last company, at $40k a year", E.ENTERPRISE_DEAL,
     "Brightmoor signed a contract worth $40k a year"),
    ("At our last company meeting we said it: ARR is $3M", E.REVENUE_MILESTONE, "ARR reached $3M"),
    ("We hit $3M ARR today, twice as fast as at my last company", E.REVENUE_MILESTONE, "ARR reached $3M"),
    ("Our board at Larkfield signed off the $4M Series A", E.FUNDING, "Series A of $4M closed, with Larkfield"),
    ("Lena Fors joins Acme as CTO", E.HIRING, "Lena Fors joins as CTO"),
    ("Oskar Thiel joins us from his last company as VP Product", E.HIRING, "Oskar Thiel joins as VP Product"),
    ("The former CFO of Larkfield joins us as COO", E.HIRING, "A key hire joins as COO"),
    ("Tobias accepted. He ran sales at Larkfield for five years and joins us as VP Sales", E.HIRING,
     "Tobias joins as VP Sales"),
]  # fmt: skip


def actual(found: list[Finding]) -> list[tuple[EventType, str]]:
    return [(each.event_type, each.title) for each in found if each.status is Status.ACTUAL]


@pytest.mark.parametrize(("text", "event_type"), OTHERS)
def test_what_another_firm_did_is_no_event(text: str, event_type: EventType) -> None:
    assert extract(RulesModel(), chat(1, text)) == []
    assert extract(OfflineModel(Convinced(event_type)), chat(1, text)) == []


@pytest.mark.parametrize(("text", "event_type", "title"), OURS)
def test_what_the_company_did_is_told_beside_another_firms_name(text: str, event_type: EventType, title: str) -> None:
    assert actual(extract(RulesModel(), chat(1, text))) == [(event_type, title)]


def test_a_sentence_that_turns_back_to_the_company_tells_what_it_did() -> None:
    text = "At my last company we hit $8M ARR in three years, here we just hit $3M ARR after two."
    (found,) = extract(RulesModel(), chat(1, text))
    assert (found.title, [metric.value for metric in found.metrics]) == ("ARR reached $3M", [3e6])


def test_another_firms_figure_is_not_taken_into_what_stands_around_it() -> None:
    text = "We closed our Series A of $4M. Brightmoor's ARR is $12M apparently. First wires: $3M."
    for model in (RulesModel(), OfflineModel(Convinced(E.FUNDING))):
        found = extract(model, chat(1, text))
        assert found
        assert all(12e6 not in [metric.value for metric in each.metrics] for each in found)
        assert all("Brightmoor" not in each.quote for each in found)


def test_another_firms_outage_takes_no_figure_from_the_companys_own() -> None:
    ours = "Outage from 02:10 to 04:10, logins were down for 2 hours, customers noticed"
    found = extract(RulesModel(), chat(1, ours), chat(2, "Brightmoor's platform was down for 9 hours lol"))
    assert [(each.message_id, each.title) for each in found] == [("slack:1", "Outage of 2 hours")]


def test_what_the_company_calls_its_own_is_no_other_firm() -> None:
    down = chat(2, "Atlas's API was down for 3 hours")
    assert actual(extract(RulesModel(), chat(1, "our Atlas release is late"), down)) == [
        (E.SETBACK, "Outage of 3 hours")
    ]
    assert extract(RulesModel(), down) == []


def test_whom_an_outsider_speaks_of_is_told_by_who_writes() -> None:
    text = "Subject: Contract\n\nWe signed. At my last company we paid $40k a year, here it is $60k a year."
    assert extract(RulesModel(), mail(1, text, sender="pia@brightmoor.example"))


@pytest.mark.parametrize(
    "text",
    ["We were at $5M ARR on the old sheet, which was wrong.", "We said $5M ARR and that was a typo"],
)
def test_a_figure_that_was_wrong_is_none(text: str) -> None:
    assert extract(RulesModel(), chat(1, text)) == []
    assert extract(OfflineModel(Convinced(E.REVENUE_MILESTONE)), chat(1, text)) == []


def test_the_figure_that_is_right_is_told_beside_the_wrong_one() -> None:
    text = "Our ARR is $2.1M, not the $5M of the sheet, which was wrong"
    assert actual(extract(RulesModel(), chat(1, text))) == [(E.REVENUE_MILESTONE, "ARR reached $2.1M")]
