"""Contracts told in German, French, Spanish and Portuguese: found with their customer and worth, or seen to be none."""

from __future__ import annotations

import pytest

from sago.domain.events import EventType, Status
from sago.llm.providers.offline import OfflineModel, RulesModel
from tests.unit.llm.said import Convinced, chat, extract, mail

YEAR = "annual contract value"
SIGNED = [
    ("Vertrag mit Kestrel unterschrieben, 340 T€ pro Jahr", "Kestrel", (YEAR, 340_000, "EUR")),
    ("Der Vertrag mit Kestrel ist seit heute unterschrieben: 340 T€ pro Jahr", "Kestrel", (YEAR, 340_000, "EUR")),
    ("Nordhafen hat den Rahmenvertrag unterzeichnet, 120.000 € im Jahr", "Nordhafen", (YEAR, 120_000, "EUR")),
    ("haben Elbkontor als Kunden gewonnen, 75 T€ pro Jahr", "Elbkontor", (YEAR, 75_000, "EUR")),
    ("Wir konnten Elbkontor als Kunden gewinnen, 75 T€ pro Jahr", "Elbkontor", (YEAR, 75_000, "EUR")),
    ("Neuer Kunde: Havelwerk, 48 T€ im Jahr", "Havelwerk", (YEAR, 48_000, "EUR")),
    ("Wartungsvertrag mit Elbkontor verlängert, 60 T€", "Elbkontor", ("contract_value", 60_000, "EUR")),
    ("Contrat signé avec Valmont, 340 k€ par an", "Valmont", (YEAR, 340_000, "EUR")),
    ("Le contrat avec Valmont est signé, 80 k€ par an", "Valmont", (YEAR, 80_000, "EUR")),
    ("On a décroché Valmont comme client, 80 k€ par an", "Valmont", (YEAR, 80_000, "EUR")),
    ("Valmont a renouvelé le contrat, 80 k€", "Valmont", ("contract_value", 80_000, "EUR")),
    ("Hemos firmado el contrato con Altamira, 340 mil euros al año", "Altamira", (YEAR, 340_000, "EUR")),
    ("Altamira firmó el contrato, 90.000 € al año", "Altamira", (YEAR, 90_000, "EUR")),
    ("Nuevo cliente: Altamira, 90.000 € al año", "Altamira", (YEAR, 90_000, "EUR")),
    ("Fechamos o contrato com a Serrana, R$ 200 mil por ano", "Serrana", (YEAR, 200_000, "BRL")),
    ("Conquistamos o cliente Serrana, R$ 200 mil por ano", "Serrana", (YEAR, 200_000, "BRL")),
    ("Renovámos o contrato com a Serrana por 24 meses", "Serrana", ("term", 24, "months")),
]
NAMED = [
    ("Wir haben Kestrel als Kunden gewonnen", "Kestrel"),
    ("Vertrag mit dem Kunden Kestrel unterschrieben, und nicht nur für ein Jahr", "Kestrel"),
    ("Nous avons gagné Valmont comme client", "Valmont"),
    ("Hemos ganado a Altamira como cliente", "Altamira"),
    ("Ganhamos a Serrana como cliente", "Serrana"),
]
UNSURE = [
    ("Vertrag mit Kestrel unterschrieben, nächste Woche geht es los", "Kestrel"),
    ("Fechou-se o contrato com a Serrana, assinado por todos", "Serrana"),
]
NOT_YET = [
    ("Der Vertrag mit Kestrel ist noch nicht unterschrieben", Status.DENIED),
    ("Der Vertrag mit Kestrel wird nächste Woche unterschrieben", Status.PLANNED),
    ("Hoffentlich ist der Vertrag mit Kestrel bald unterschrieben", Status.PLANNED),
    ("Wenn der Vertrag mit Kestrel unterschrieben ist, gibt es Kuchen", Status.HYPOTHETICAL),
    ("Le contrat avec Valmont n'est pas encore signé", Status.DENIED),
    ("Le contrat avec Valmont devrait être signé demain", Status.PLANNED),
    ("No hemos firmado el contrato con Altamira", Status.DENIED),
    ("Mañana firmamos el contrato con Altamira", Status.PLANNED),
    ("Ainda não fechamos o contrato com a Serrana", Status.DENIED),
    ("Amanhã assinamos o contrato com a Serrana", Status.PLANNED),
]
NONE = [
    "Ist der Vertrag mit Kestrel unterschrieben?",
    "Der Mietvertrag mit Berger ist unterschrieben, 4 T€ im Monat",
    "Der Wettbewerber hat den Vertrag mit Kestrel unterschrieben",
    "Er hat unterschrieben",
    "Der Kunde hat unterschrieben",
    "Contrat de travail signé avec Claire",
    "Le contrat avec Valmont est-il signé ?",
    "Contrato de alquiler firmado con Altamira, 2.000 € al mes",
    "Contrato de trabalho assinado com Joana",
    "Contrato com a Serrana assinado?",
    "Kestrel ist seit zwei Jahren unser Kunde",
]
OVER = [
    "Vertrag mit Kestrel gekündigt, den wir 2023 unterschrieben hatten",
    "Vertrag mit Kestrel unterschrieben und heute widerrufen",
    "Vertrag mit Kestrel unterschrieben. Heute hat man ihn storniert",
    "Wir haben 2023 den Vertrag mit Kestrel unterschrieben, 40 T€",
    "Gerücht: Nordhafen hat den Vertrag unterschrieben, 40 T€",
    "Der alte Vertrag mit Kestrel wurde 2021 unterschrieben",
    "Contrat avec Valmont signé en 2021, résilié hier",
    "Contrat signé avec Valmont puis annulé",
    "Sans contrat signé avec Valmont on ferme",
    "Rumeur : contrat signé avec Valmont",
    "El contrato con Altamira firmado en 2022 fue cancelado",
    "Contrato firmado con Altamira rescindido",
    "Sin contrato firmado con Altamira cerramos",
    "O contrato com a Serrana foi assinado e já cancelado",
    "O antigo contrato com a Serrana foi assinado por todos",
]
BOUGHT = [
    "Vertrag mit dem Lieferanten unterschrieben, 40 T€",
    "Vertrag mit der Bank unterschrieben",
    "Vertrag mit der Versicherung unterschrieben",
    "Vertrag mit der Gärtnerei unterschrieben, 2 T€",
    "Vertrag mit AWS unterschrieben",
    "Vertrag mit Google unterschrieben, 40 T€ pro Jahr für Ads",
    "Wir haben den Vertrag mit der Agentur unterschrieben",
    "Contrat signé avec OVH pour l'hébergement",
    "Contrat signé avec Valmont pour l'hébergement, 40 k€",
    "Contrat signé avec Deloitte pour l'audit",
    "Hemos cerrado el pedido con Amazon",
    "Contrato firmado con Altamira para la limpieza",
    "Contrato assinado com a Serrana, hospedagem por R$ 20 mil",
]
BY_OTHERS = [
    "Anna hat den Vertrag unterzeichnet",
    "Herr Müller hat den Vertrag unterzeichnet, 80 T€",
    "Der Betriebsrat hat den Vertrag unterzeichnet",
    "Nordhafen hat den Vertrag mit Salesforce unterschrieben",
    "Nordhafen hat den Vertrag mit Elbkontor unterschrieben, 40 T€",
    "Valmont a signé chez un autre",
    "Valmont a signé le contrat avec Lormeau, 40 k€",
    "Altamira firmó el contrato con Benavides, 40.000 €",
    "Serrana assinou o contrato com a Moreira, R$ 200 mil",
]


@pytest.mark.parametrize("tell", [chat, mail])
@pytest.mark.parametrize(("text", "who", "worth"), SIGNED)
def test_who_signed_and_for_how_much(text: str, who: str, worth: tuple[str, float, str], tell: object) -> None:
    (found,) = extract(RulesModel(), tell(1, text))  # type: ignore[operator]
    assert (found.event_type, found.status, found.stakeholders) == (EventType.ENTERPRISE_DEAL, Status.ACTUAL, (who,))
    assert [(each.name, each.value, each.unit) for each in found.metrics] == [worth]


@pytest.mark.parametrize(("text", "who"), NAMED)
def test_a_named_customer_is_believed_the_rules_whatever_a_second_reader_thinks(text: str, who: str) -> None:
    found = extract(OfflineModel(Convinced(EventType.COMPLIANCE)), chat(1, text))
    assert (EventType.ENTERPRISE_DEAL, (who,)) in {(each.event_type, each.stakeholders) for each in found}


@pytest.mark.parametrize(("text", "who"), UNSURE)
def test_a_signed_contract_of_no_worth_is_told_unless_a_second_reader_doubts_it(text: str, who: str) -> None:
    (found,) = extract(RulesModel(), chat(1, text))
    assert (found.event_type, found.stakeholders) == (EventType.ENTERPRISE_DEAL, (who,))
    found_by_both = extract(OfflineModel(Convinced(EventType.COMPLIANCE)), chat(1, text))
    assert EventType.ENTERPRISE_DEAL not in {each.event_type for each in found_by_both}


@pytest.mark.parametrize("tell", [chat, mail])
@pytest.mark.parametrize("text", [*OVER, *BOUGHT, *BY_OTHERS])
def test_a_contract_that_is_over_or_another_s_is_no_sale(text: str, tell: object) -> None:
    assert extract(RulesModel(), tell(1, text)) == []  # type: ignore[operator]


@pytest.mark.parametrize(("text", "status"), NOT_YET)
def test_what_is_not_signed_yet_is_no_event(text: str, status: Status) -> None:
    assert [each.status for each in extract(RulesModel(), chat(1, text))] == [status]


@pytest.mark.parametrize("text", NONE)
def test_what_else_is_signed_is_no_sale(text: str) -> None:
    assert extract(RulesModel(), chat(1, text)) == []
