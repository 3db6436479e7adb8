"""`/api/v1/audit` over stores in memory: a firm's log, and nobody else's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from sago.api.paging import cursor_of_parts
from sago.domain.companies import DEFAULT_FIRM, Share
from sago.domain.erasures import ENDED
from sago.domain.letters import EVENT_REJECTED
from sago.outreach.firm_words import told_line
from sago.ports import AuditLine, Note
from tests.unit.api.api_house import NOW, House, MakeHouse

AUDIT = "/api/v1/audit"


def note(number: int, firm: str | None = "northgate", action: str = "watch.added", company: str = "orchard") -> Note:
    return Note(NOW, "key:1f0c93ab", action, f"w-{number}", firm, company, f"reason {number}")


@pytest.fixture
def house(make: MakeHouse) -> House:
    made = make()
    with made.container.database.begin() as tx:
        tx.companies.ensure("orchard", NOW)
        for firm in ("northgate", "alder"):
            tx.shares.ensure_firm(firm, firm.capitalize())
        for number in range(5):
            tx.erasures.note(note(number))
            tx.erasures.note(note(number, "alder"))
        tx.erasures.note(note(5, None))
        tx.erasures.note(note(6, action="letter.approved"))
        tx.erasures.note(note(7, action="share.granted"))
    return made


def ask(house: House, firm: str | None = "northgate", **query: Any) -> Response:
    scopes = ["read"] if firm else ["operate"]
    key, row = house.container.keyring.issue("a program", scopes, firm, "test")
    with house.container.database.begin() as tx:
        tx.keys.used(row.id, NOW)
    answer: Response = house.client.get(AUDIT, params=query, headers={"Authorization": f"Bearer {key}"})
    return answer


def subjects(answer: Response) -> list[str]:
    return [each["subject"] for each in answer.json()["items"] if not each["subject"].startswith("key:")]


def test_a_firm_reads_its_own_lines_newest_first(house: House) -> None:
    lines = ask(house).json()["items"]
    assert lines[0]["action"] == "key.created"
    newest = lines[1]
    assert {name: value for name, value in newest.items() if name != "id"} == {
        "at": "2026-03-02T17:00:00Z",
        "who": "key:1f0c93ab",
        "action": "share.granted",
        "subject": "w-7",
        "company_id": "orchard",
        "detail": {"why": "reason 7"},
    }
    assert subjects(ask(house)) == ["w-7", "w-4", "w-3", "w-2", "w-1", "w-0"], "nothing is shared: no letter's line"


def test_it_is_asked_for_an_action_a_subject_and_page_by_page(house: House) -> None:
    assert subjects(ask(house, action="share.granted")) == ["w-7"]
    assert subjects(ask(house, subject="w-3")) == ["w-3"]
    assert subjects(ask(house, subject="w-3", action="share.granted")) == []
    first = ask(house, action="watch.added", limit=3).json()
    assert [each["subject"] for each in first["items"]] == ["w-4", "w-3", "w-2"]
    rest = ask(house, action="watch.added", limit=3, cursor=first["next"]).json()
    assert ([each["subject"] for each in rest["items"]], rest["next"]) == (["w-1", "w-0"], None)


def test_a_cursor_of_another_firm_ends_as_one_of_nobody_does(house: House) -> None:
    theirs = ask(house, "alder", action="watch.added", limit=1).json()["next"]
    assert theirs is not None
    assert ask(house, cursor=theirs).json() == {"items": [], "next": None}
    assert ask(house, cursor="e30").status_code == 422
    assert ask(house, cursor=cursor_of_parts("2026-03-02T10:00:00+00:00", "w-3")).status_code == 422, "names no row"
    for at in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-03-02T10:00:00+00:00:01.000001"):
        forged = cursor_of_parts("audit", at, str(uuid4()))
        assert ask(house, cursor=forged).status_code in (200, 422), at


def test_no_line_tells_a_mail_address_nor_who_asked_for_no_mail() -> None:
    why = "nell@orchard.example gets no mail: asked us, at the fair"
    line = AuditLine(uuid4(), NOW, "sago", "letter.rejected", "w-1", "orchard", {"why": why, "from": "draft"})
    told = told_line(line, "northgate").detail
    assert told == {"why": "[address] gets no mail any more", "from": "draft"}


@pytest.mark.parametrize(
    ("who", "action", "why", "told_as"),
    [
        ("cli:root", "letter.superseded", "rejected event: on Slack she says 1.79M", ("the house", "")),
        ("cli:root", "letter.superseded", EVENT_REJECTED, ("the house", EVENT_REJECTED)),
        ("cli:root", "letter.superseded", ENDED, ("the house", ENDED)),
        ("cli:root", "letter.rejected", "their fund is empty", ("the house", "")),
        ("cli:root", "share.revoked", "they talk", ("the house", "")),
        ("cli:root", "share.erased", "they talk", ("the house", "")),
        ("cli:root", "share.granted", "all sources", ("the house", "all sources")),
        ("cli:root", "key.revoked", "leaked by Dana", ("the house", "")),
        ("cli:root", "key.created", "late payers: their CRM: read, ingest:*", ("the house", "read, ingest:*")),
        ("api.key", "share.revoked", "they talk", ("the house", "")),
        ("local", "share.revoked", "they talk", ("the house", "")),
        ("sago", "letter.queued", "approved by cli:root, and not undone since", None),
        ("key:1f0c93ab", "share.revoked", "the round is closed", ("key:1f0c93ab", "the round is closed")),
        ("key:1f0c93ab", "letter.rejected", "no", ("key:1f0c93ab", "no")),
    ],
)
def test_what_people_of_the_house_typed_and_their_accounts_are_told_to_no_other_firm(
    house: House, who: str, action: str, why: str, told_as: tuple[str, str] | None
) -> None:
    with house.container.database.begin() as tx:
        tx.shares.put(Share(firm_id="northgate", company_id="orchard", created_at=NOW))
        for firm in ("northgate", DEFAULT_FIRM):
            tx.erasures.note(Note(NOW, who, action, "x-1", firm, "orchard", why))
    (line,) = ask(house, subject="x-1").json()["items"]
    expected = told_as or (who, "approved by the house, and not undone since")
    assert (line["who"], line["detail"]["why"]) == expected
    (own,) = ask(house, DEFAULT_FIRM, subject="x-1").json()["items"]
    assert (own["who"], own["detail"]["why"]) == (who, why)


@pytest.mark.parametrize("query", [{"action": "a\0b"}, {"subject": "x" * 201}, {"limit": 0}, {"limit": 201}])
def test_what_cannot_be_asked_is_refused(house: House, query: dict[str, Any]) -> None:
    answer = ask(house, **query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(query)))


def test_the_house_reads_no_firms_log(house: House) -> None:
    assert ask(house, None).status_code == 403
    assert house.client.get(AUDIT).status_code == 403
