"""Health tells of mails that cannot go: what waits, since when, for whom, and what a person has to look at."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from sago.cli.picture import picture
from sago.cli.status import Look
from sago.domain.companies import Person
from sago.domain.letters import LetterState
from sago.domain.mails import Mail, MailState, WaitsFor, new_mail
from sago.domain.vitals import Health
from sago.embedded.health import Health as Probe
from sago.embedded.record import Service
from tests.unit.api.api_house import HEALTH, NOW, House
from tests.unit.outreach.mailroom import letter

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OUT = "smtp server mail.example:587 does not answer: refused"


def mail(name: str, **other: Any) -> Mail:
    one = letter(name)
    person = Person(name=name, email=f"{name}@x.example")
    made = new_mail("letter", one.id, person, firm_id="default", company_id="acme", now=NOW - 3 * HOUR)
    return made.model_copy(update=other)


def held(name: str, since: timedelta, **other: Any) -> Mail:
    later = {"next_attempt_at": NOW + HOUR, "waits_since": NOW - since, "error": OUT, "attempts": 4}
    return mail(name, **{"waits_for": WaitsFor.SERVER} | later | other)


def told(house: House, *mails: Mail) -> Health:
    with house.container.database.begin() as tx:
        assert all(tx.mails.add(each) for each in mails)
    answer = house.client.get(HEALTH)
    assert answer.status_code == 200
    return Health.model_validate(answer.json())


@pytest.fixture
def server(house: House) -> House:
    house.container.vitals.limits = house.container.limits._replace(mail_server="smtp/mail.example:587")
    return house


def shown(health: Health) -> str:
    console = Console(width=200, file=StringIO())
    with console.capture() as captured:
        console.print(picture(None, {}, health, 200))
    return captured.get()


def exits_well(health: Health) -> bool:
    return Look(None, {"redis": Probe(Service("redis", "embedded"))}, health).is_well


def test_an_empty_outbox_is_well(server: House) -> None:
    health = told(server)
    assert health.overall_status == "healthy"
    assert "mails         none" in shown(health)
    assert exits_well(health)


def test_mails_that_wait_for_their_reader_are_told_and_are_no_problem(server: House) -> None:
    paced = {"next_attempt_at": NOW + HOUR, "waits_for": WaitsFor.PACE, "waits_since": NOW - 9 * HOUR}
    health = told(server, mail("a", **paced), mail("b", **paced))
    assert health.overall_status == "healthy"
    assert "2 queued (oldest 3 h)" in shown(health)
    assert exits_well(health)


def test_mails_that_wait_long_for_the_server_are_a_problem_with_its_last_error(server: House) -> None:
    waiting = mail("c", next_attempt_at=NOW - 20 * MINUTE)
    health = told(server, held("a", 20 * MINUTE), held("b", 5 * MINUTE, next_attempt_at=NOW), waiting)
    assert health.overall_status == "degraded"
    (problem,) = health.problems
    assert problem.startswith(f"3 mails wait for smtp/mail.example:587 since 16:40:00 UTC (20 min): {OUT}; nothing is ")
    assert "`sago doctor`" in problem
    assert f"3 queued (oldest 3 h), 3 of them for the server: {OUT}" in shown(health)
    assert "all is well" not in shown(health)
    assert not exits_well(health)


def test_a_short_wait_for_the_server_is_shown_and_no_problem(server: House) -> None:
    health = told(server, held("a", 5 * MINUTE))
    assert health.overall_status == "healthy"
    assert "1 queued (oldest 3 h), 1 of them for the server" in shown(health)


def test_what_is_to_go_and_nobody_sends_is_a_problem(server: House) -> None:
    health = told(server, mail("a", next_attempt_at=NOW - 2 * HOUR))
    (problem,) = health.problems
    assert problem.startswith("a mail is to go since 15:00:00 UTC (2 h) and nobody sends it: do beat and the outreach")
    assert not exits_well(health)


def test_an_approved_letter_that_nobody_queues_is_a_problem_too(server: House) -> None:
    left = letter("left", approved_at=NOW - HOUR)
    with server.container.database.begin() as tx:
        tx.companies.ensure(left.company_id, NOW)
        assert tx.outreach.add_letter(left)
        assert tx.outreach.add_letter(letter("nobody", recipient=None, approved_at=NOW - 9 * HOUR))
        assert tx.outreach.add_letter(letter("fresh", approved_at=NOW - MINUTE / 2))
    assert told(server).problems[0].startswith("a mail is to go since 16:01:00 UTC (59 min) and nobody sends it")
    with server.container.database.begin() as tx:
        tx.outreach.set_letter_state(left.id, LetterState.QUEUED, NOW, "sago", "")
    assert told(server).problems == []


def test_after_a_restored_backup_the_backup_alone_is_the_problem(server: House) -> None:
    server.container.vitals.restored = lambda: "Postgres is an older backup"
    assert told(server, mail("a", next_attempt_at=NOW - 2 * HOUR)).problems == ["Postgres is an older backup"]


def test_a_letter_whose_fate_is_unknown_is_told_until_a_person_has_looked(server: House) -> None:
    notice = mail("n", kind="notice", state=MailState.UNKNOWN)
    health = told(server, mail("a", state=MailState.UNKNOWN), notice)
    (problem,) = health.problems
    assert problem.startswith("of 1 letter nobody knows whether it arrived: `sago outreach outbox`")
    assert "1 unknown: `sago outreach outbox`" in shown(health)
