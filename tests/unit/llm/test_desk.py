"""Work at a desk is no news, whatever a second reader takes it for: somebody reads something, and paper has pages."""

from __future__ import annotations

import pytest

from sago.domain.amounts import find_amounts
from sago.domain.events import EventType, Status
from sago.llm.providers.offline import OfflineModel, RulesModel
from tests.unit.llm.said import Convinced, chat, extract

AT_WORK = [
    "reading the billing-worker code",
    "still reviewing the migration branch",
    "reviewing the ledger-worker branch from last year.",
    "I'm going through Northwind's contract",
    "going through the SOC 2 controls",
    "ok, proofreading chapter two again",
    "writing page 12 of the handbook",
    "debugging the nightly import from Contoso",
    "looking at the Lisbon lease",
    "lese gerade den Vertrag mit Nordhafen",
    "je relis le contrat de Valmont",
    "estoy revisando el contrato de Altamira",
    "estou revisando o contrato da Serrana",
]
PAPER = [
    "212 questions.",
    "All 212 answers are off to Contoso this morning, finally",
    "They asked for 31 documents and we found every one of those by lunch",
    "87 pages, no pictures",
    "the vendor form has 140 questions",
    "36 slides, 9 of them good",
    "sent them 18 attachments in one mail, sorry to whoever pays for storage",
    "212 Fragen, uns bleiben 3 Tage",
    "on a répondu aux 96 questions du formulaire de sécurité hier soir",
    "les 140 réponses sont parties ce matin, bravo à toute la petite équipe",
    "ya están las 96 respuestas",
    "faltam 40 páginas",
]
NEWS = [
    ("reading Contoso's mail: they signed, $120k a year", EventType.ENTERPRISE_DEAL),
    ("Writing this from the bank, the whole $4M is in our account", EventType.FUNDING),
    ("testing went well and Contoso starts on Monday with 40 clinics", EventType.ENTERPRISE_DEAL),
    ("reading is now live for everyone in Portugal", EventType.MARKET_EXPANSION),
    ("9,400 clinics use it every single day now", EventType.USER_GROWTH),
    ("We are at 12,000 learners", EventType.USER_GROWTH),
    ("Contoso signed, 14 pages and 3 annexes", EventType.ENTERPRISE_DEAL),
    ("release review went from 11 days to 9 hours across 38,000 documents", EventType.CUSTOMER_SUCCESS),
    ("we parse 40,000 documents in 12 seconds", EventType.TECHNICAL_ACHIEVEMENT),
    ("212 hospitals.", EventType.USER_GROWTH),
    ("the auditors closed all 14 findings, the certificate is on the wall", EventType.COMPLIANCE),
    ("wir haben jetzt 1.200 Praxen", EventType.USER_GROWTH),
    ("Writing to say Kestrel Air signed", EventType.ENTERPRISE_DEAL),
    ("writing to let you know Kestrel Air has signed our enterprise contract", EventType.ENTERPRISE_DEAL),
    ("Writing to tell you Ruth Okafor resigned as CTO", EventType.SETBACK),
    ("Just writing to say Kestrel Air renewed its contract", EventType.ENTERPRISE_DEAL),
    ("Looking at the signed term sheet from Sequoia", EventType.FUNDING),
    ("Reading the signed term sheet", EventType.FUNDING),
    ("Reviewing the contract Kestrel Air sent", EventType.ENTERPRISE_DEAL),
    ("Reviewing the countersigned contract Kestrel Air just sent back", EventType.ENTERPRISE_DEAL),
    ("relisant le contrat que Valmont a signé", EventType.ENTERPRISE_DEAL),
    ("revisando el contrato firmado de Altamira", EventType.ENTERPRISE_DEAL),
    ("Cleaning up after the data breach", EventType.SETBACK),
    ("Sorting out the outage at our payments provider since this morning", EventType.SETBACK),
    ("Fighting with Oracle's lawsuit against us", EventType.SETBACK),
    ("Looking into the data breach", EventType.SETBACK),
]


@pytest.mark.parametrize("event_type", [EventType.REVENUE_MILESTONE, EventType.ENTERPRISE_DEAL])
@pytest.mark.parametrize("text", [*AT_WORK, *PAPER])
def test_work_at_a_desk_is_no_event(text: str, event_type: EventType) -> None:
    assert extract(OfflineModel(Convinced(event_type)), chat(1, text)) == []


@pytest.mark.parametrize("text", PAPER)
def test_nor_is_paper_a_setback(text: str) -> None:
    assert extract(OfflineModel(Convinced(EventType.SETBACK)), chat(1, text)) == []


@pytest.mark.parametrize("text", [*AT_WORK, *PAPER])
def test_neither_do_the_rules_find_one(text: str) -> None:
    assert [each for each in extract(RulesModel(), chat(1, text)) if each.status is Status.ACTUAL] == []


@pytest.mark.parametrize(("text", "event_type"), NEWS)
def test_news_is_told_beside_a_desk(text: str, event_type: EventType) -> None:
    found = extract(OfflineModel(Convinced(event_type)), chat(1, text))
    assert event_type in {finding.event_type for finding in found}


def test_who_asks_an_investors_questions_is_interested_and_a_bare_count_names_nobody() -> None:
    model = OfflineModel(Convinced(EventType.INVESTOR_INTEREST))
    asked = "Tidewater's actuary sent 64 questions on monday's doc"
    assert [each.event_type for each in extract(model, chat(1, asked))] == [EventType.INVESTOR_INTEREST]
    assert extract(model, chat(1, "64 questions.")) == []


@pytest.mark.parametrize("text", ["we hit 2,400 questions in the forum", "we passed 3,000 pages of docs"])
def test_paper_is_nobody_who_uses_the_product(text: str) -> None:
    assert extract(RulesModel(), chat(1, text)) == []


@pytest.mark.parametrize("text", ["the 510(k) is with the FDA", "our 401(k) plan", "a 501(c)(3)", "we filed a 510(k)."])
def test_a_paragraph_of_a_law_is_no_figure(text: str) -> None:
    assert find_amounts(text) == []


def test_a_figure_before_a_bracket_is_one() -> None:
    assert [each.value for each in find_amounts("we have 510 (known) users")] == [510]
