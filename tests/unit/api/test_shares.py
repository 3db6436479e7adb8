"""`/api/v1/shares` over stores in memory: what founders show, give and take back, and whose key may."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from sago.api.desk import LongDesk
from sago.api.shapes.shares import PREVIEWED, ShareShown
from sago.domain.companies import Granularity, Share
from sago.domain.events import Fold
from sago.domain.messages import Message
from sago.errors import TransientError
from sago.stores.memory.answers import MemoryAnswers
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore
from tests.unit.api.api_house import House, MakeHouse
from tests.unit.outreach.stories import COMPANY, EVENTS, NOW, POINTS, watch

SHARES = "/api/v1/shares"
OURS = f"{SHARES}/orchard/northgate"
BANDS = {"firm": "Northgate", "sources": ["slack", "slack"], "granularity": "bands", "until": "2027-01-01T00:00:00Z"}
WHOLE = {"sources": ["*"], "granularity": "exact"}
EXACT_FIGURES = r"2\.1|2100000|240000|143"


@dataclass
class Sharing:
    """A house where Orchard is known, and Tidewell is shared with another firm alone."""

    house: House
    clock: ManualClock
    keys: dict[str, str]

    def ask(self, method: str, path: str, by: str = "founder", **more: Any) -> Response:
        answer: Response = self.house.client.request(
            method, path, headers={"Authorization": f"Bearer {self.keys[by]}"}, **more
        )
        return answer

    def noted(self, kind: str = "share.") -> list[tuple[str, str, str]]:
        log = self.house.container.database.state.audit_log  # type: ignore[attr-defined]
        return [(line.action, line.who[:4], line.why) for line in log if line.action.startswith(kind)]


@pytest.fixture
def sharing(make: MakeHouse) -> Sharing:
    return opened(make)


def opened(make: MakeHouse, **settings: Any) -> Sharing:
    clock, database = ManualClock(NOW), MemoryDatabase()
    adapters = {
        "clock": clock,
        "database": database,
        "drafts": MemoryDrafts(),
        "answers": MemoryAnswers(clock, timedelta(hours=1)),
    }
    with database.begin() as tx:
        for company in ("orchard", "tidewell"):
            tx.companies.ensure(company, NOW - timedelta(days=90))
        tx.companies.save(COMPANY)
        tx.events.replace("orchard", Fold(EVENTS, POINTS), NOW)
        for firm in ("northgate", "alder"):
            tx.shares.ensure_firm(firm, firm.capitalize())
        tx.shares.put(Share(firm_id="alder", company_id="tidewell", created_at=NOW))
        tx.outreach.add_watch(watch("arr >= 2M").model_copy(update={"firm_id": "northgate"}))
    house = make(adapters=adapters, **settings)
    ring = house.container.keyring
    scopes = {
        "founder": (["share:orchard"], None),
        "house": (["share:*", "operate"], None),
        "ingest": (["ingest:orchard"], None),
        "firm": (["read", "write"], "northgate"),
        "other": (["read"], "alder"),
    }
    keys = {name: ring.issue(name, kinds, firm, "test")[0] for name, (kinds, firm) in scopes.items()}
    return Sharing(house, clock, keys)


def test_a_founder_sees_what_a_share_would_show_gives_it_and_the_firm_has_it(sharing: Sharing) -> None:
    query = {"sources": "slack", "granularity": "bands"}
    shown = sharing.ask("GET", f"{OURS}/preview", params=query).json()
    assert shown["is_given"] is False
    assert shown["share"]["granularity"] == "bands"
    assert (len(shown["events"]), shown["hidden_events"]) == (3, 0)
    assert {each["band"] for each in shown["figures"]} == {"$2M–5M", "140–150%"}
    assert not re.search(EXACT_FIGURES, str(shown["events"]) + str(shown["figures"]))
    assert sharing.ask("GET", SHARES, "firm").json()["items"] == []
    assert sharing.ask("PUT", OURS, json=BANDS).status_code == 409
    assert sharing.ask("PUT", OURS, "house", json=WHOLE | {"granularity": "none"}).status_code == 200
    given = sharing.ask("PUT", OURS, json=BANDS)
    assert given.status_code == 200
    assert given.json() == {
        "company_id": "orchard",
        "firm_id": "northgate",
        "firm": "Northgate",
        "sources": ["slack"],
        "granularity": "bands",
        "until": "2027-01-01T00:00:00Z",
        "created_at": "2026-11-20T09:00:00Z",
        "holds": True,
        "shows": "sources slack; figures in bands; until 31 December 2026",
    }
    (mine,) = sharing.ask("GET", SHARES, "firm").json()["items"]
    assert mine == {name: value for name, value in given.json().items() if name != "firm"}
    assert [each["firm_id"] for each in sharing.ask("GET", f"{SHARES}/orchard").json()] == ["default", "northgate"]
    assert sharing.ask("GET", f"{OURS}/preview").json()["is_given"] is True


def test_a_preview_has_the_latest_of_much_and_says_how_much_there_is(sharing: Sharing) -> None:
    first = EVENTS[0]
    many = [
        first.model_copy(update={"id": uuid4(), "occurred_at": first.occurred_at + timedelta(hours=n)})
        for n in range(PREVIEWED + 5)
    ]
    points = [POINTS[0].model_copy(update={"event_id": each.id, "as_of": each.occurred_at}) for each in many]
    with sharing.house.container.database.begin() as tx:
        tx.events.replace("orchard", Fold(many, points), NOW)
    shown = sharing.ask("GET", f"{OURS}/preview").json()
    assert (shown["shown_events"], shown["shown_figures"]) == (PREVIEWED + 5, PREVIEWED + 5)
    assert [each["id"] for each in shown["events"]] == [str(each.id) for each in reversed(many[5:])]
    assert [datetime.fromisoformat(each["as_of"]) for each in shown["figures"]] == [each.as_of for each in points[5:]]


def test_what_a_firm_watches_for_is_not_told_to_a_founder(sharing: Sharing) -> None:
    shown = sharing.ask("GET", f"{OURS}/preview")
    assert shown.status_code == 200
    assert "verdict" not in shown.text
    assert "2M" not in shown.text.replace("$2.1M", "")


def test_the_same_share_again_changes_nothing(sharing: Sharing) -> None:
    first = sharing.ask("PUT", OURS, "house", json=BANDS).json()
    sharing.clock.advance(timedelta(hours=1))
    assert sharing.ask("PUT", OURS, json=BANDS).json() == first
    assert sharing.noted() == [
        ("share.granted", "key:", "sources slack; figures in bands; until 31 December 2026"),
    ]
    wider = sharing.ask("PUT", OURS, json=WHOLE).json()
    assert (wider["sources"], wider["granularity"], wider["until"]) == (["*"], "exact", None)
    assert len(sharing.noted()) == 2


def test_a_firm_begins_with_its_first_share_by_the_name_that_its_id_is_made_of(sharing: Sharing) -> None:
    new = f"{SHARES}/orchard/birch-partners"
    assert sharing.ask("PUT", new, "house", json=WHOLE | {"firm": "Birch  Partners"}).json()["firm"] == "Birch Partners"
    wrong = sharing.ask("PUT", f"{SHARES}/orchard/elm", json=WHOLE | {"firm": "Birch Partners"})
    assert wrong.status_code == 422
    assert wrong.json()["detail"] == "firm: the id of a firm of this name is birch-partners"


def test_ending_a_share_erases_what_came_of_it_and_says_what_is_left(sharing: Sharing) -> None:
    sharing.ask("PUT", OURS, "house", json=BANDS)
    held = sharing.ask("GET", f"{OURS}/left")
    assert (held.status_code, held.json()["detail"]) == (409, "the share still holds: revoke it first")
    done = sharing.ask("POST", f"{OURS}/revoke", json={"because": "the round is closed"})
    assert done.status_code == 200
    assert done.json()["share"]["holds"] is False
    assert done.json()["evidence"] is None
    assert done.json()["proof"] == {"left": {}, "evidence_too": False, "sources": [], "kafka": []}
    assert sharing.ask("GET", f"{OURS}/left").json() == done.json()["proof"]
    (ended,) = sharing.ask("GET", SHARES, "firm").json()["items"]
    assert ended["holds"] is False
    told = [("share.revoked", "key:", "the round is closed"), ("share.erased", "key:", "the round is closed")]
    assert sharing.noted()[1:] == told
    again = sharing.ask("POST", f"{OURS}/revoke", json={"because": "again"})
    assert again.json()["share"] == done.json()["share"]
    assert sharing.noted()[1:] == told


def test_the_last_share_takes_the_evidence_and_what_was_said_since_the_revocation_goes_too(sharing: Sharing) -> None:
    raw = sharing.house.container.raw
    assert isinstance(raw, MemoryRawStore)
    said = Message(
        id="slack:1", company_id="orchard", source="slack", sender="nell", sent_at=NOW - timedelta(days=1), text="ARR"
    )
    raw.store([said], "batch", NOW)
    last = f"{SHARES}/orchard/default"
    done = sharing.ask("POST", f"{last}/revoke", "house", json={"because": "raised elsewhere"}).json()
    assert done["evidence"] == {"rows": 1, "observations": 0, "dead_letters": 0, "events": 3, "letters": 0}
    assert (done["letters"], done["verdicts"]) == (0, 0)
    assert done["proof"]["left"] == {}
    assert done["proof"]["evidence_too"] is True
    raw.store([said.model_copy(update={"id": "slack:2"})], "batch", NOW)
    assert sharing.ask("GET", f"{last}/left", "house").json()["left"] == {"raw rows": 1}
    assert sharing.ask("GET", f"{last}/left").json()["left"] == {"raw rows": None}
    again = sharing.ask("POST", f"{last}/revoke", json={"because": "again"}).json()
    assert (again["evidence"]["rows"], again["proof"]["left"]) == (1, {})


FIRMS = ("letters", "held_back", "mails", "notices", "verdicts")


def test_how_much_came_of_a_share_for_its_firm_is_told_to_the_house_alone(sharing: Sharing) -> None:
    sharing.ask("PUT", OURS, "house", json=BANDS)
    log = sharing.house.container.log
    assert isinstance(log, MemoryLog)
    log.append("slack-messages", b"orchard", b"{}")
    sharing.house.container.judging.keep_all(NOW)
    done = sharing.ask("POST", f"{OURS}/revoke", json={"because": "closed"}).json()
    assert {done[each] for each in FIRMS} == {None}
    (held,) = done["proof"]["kafka"]
    assert held == {"topic": "slack-messages", "partition": None, "first": None, "last": None} | {
        "records": 1,
        "until": held["until"],
    }
    sharing.ask("PUT", OURS, json=BANDS)
    sharing.house.container.judging.keep_all(NOW)
    done = sharing.ask("POST", f"{OURS}/revoke", "house", json={"because": "closed"}).json()
    assert [done[each] for each in FIRMS] == [0, 0, 0, 0, 1]
    sharing.house.container.judging.keep_all(NOW)  # by a worker that was slow
    assert sharing.ask("GET", f"{OURS}/left").json()["left"] == {"firms": None}
    assert sharing.ask("GET", f"{OURS}/left", "house").json()["left"] == {"verdicts": 1}
    last = sharing.ask("POST", f"{SHARES}/orchard/default/revoke", json={"because": "closed"}).json()
    assert {last["evidence"]["letters"], *(last[each] for each in FIRMS)} == {None}


def test_a_revocation_that_takes_too_long_says_so_and_ends_what_is_left_when_asked_again(sharing: Sharing) -> None:
    sharing.ask("PUT", OURS, "house", json=BANDS)
    drafts = sharing.house.container.drafts
    broken = sharing.house.container.answers
    assert isinstance(drafts, MemoryDrafts)

    def silent(company_id: str) -> int:
        raise TransientError(f"Redis does not answer for {company_id}")

    forget, broken.forget = broken.forget, silent  # type: ignore[method-assign, assignment]
    held = sharing.ask("POST", f"{OURS}/revoke", json={"because": "closed"})
    assert held.status_code == 503
    assert held.headers["Retry-After"] == "5"
    (mine,) = sharing.ask("GET", SHARES, "firm").json()["items"]
    assert mine["holds"] is False
    assert [action for action, *_ in sharing.noted()] == ["share.granted", "share.revoked"]
    broken.forget = forget  # type: ignore[method-assign]
    assert sharing.ask("POST", f"{OURS}/revoke", json={"because": "closed"}).status_code == 200
    assert [action for action, *_ in sharing.noted()][-1] == "share.erased"


def test_a_share_ends_though_others_fill_the_desk_and_the_hourly_run_does_the_rest(make: MakeHouse) -> None:
    sharing = opened(make)
    sharing.ask("PUT", OURS, "house", json=BANDS)
    sharing.house.client.app.state.endings = LongDesk(most=0, each=1, within=0.2)
    assert sharing.ask("POST", f"{OURS}/revoke", json={"because": "closed"}).status_code == 503
    (mine,) = sharing.ask("GET", SHARES, "firm").json()["items"]
    assert mine["holds"] is False
    assert sharing.ask("POST", f"{OURS}/revoke", json={"because": "again"}).status_code == 503
    assert [why for *_, why in sharing.noted("share.revoked")] == ["closed"]
    (done,) = sharing.house.container.revoking.end_due(NOW)
    assert done.name == "northgate/orchard"
    assert [action for action, *_ in sharing.noted()] == ["share.granted", "share.revoked", "share.erased"]


ACTS = [
    ("GET", "/{company}", None),
    ("GET", "/{company}/{firm}/preview", None),
    ("PUT", "/{company}/{firm}", WHOLE),
    ("POST", "/{company}/{firm}/revoke", {"because": "x"}),
    ("GET", "/{company}/{firm}/left", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ACTS)
def test_only_a_key_of_that_company_opens_them_and_nobody_learns_which_there_are(
    sharing: Sharing, method: str, path: str, body: dict[str, Any] | None
) -> None:
    def answer(by: str, company: str, firm: str = "alder") -> tuple[int, str]:
        said = sharing.ask(method, SHARES + path.format(company=company, firm=firm), by, json=body)
        return said.status_code, said.json()["detail"].replace(company, "COMPANY") if said.is_error else ""

    for by in ("firm", "other", "ingest"):
        assert answer(by, "tidewell")[0] == 403
        assert answer(by, "orchard")[0] == 403 if by != "ingest" else True
        assert answer(by, "tidewell") == answer(by, "nobody")
    assert answer("founder", "tidewell")[0] == 403
    assert answer("founder", "tidewell") == answer("founder", "nobody")
    assert answer("house", "nobody") == (404, "nothing is called so, or nothing that this key opens")
    assert answer("house", "tidewell")[0] == (409 if path.endswith("/left") else 200)


@pytest.mark.parametrize(("method", "path", "body"), ACTS[3:])
def test_a_share_that_never_was_is_not_there(
    sharing: Sharing, method: str, path: str, body: dict[str, Any] | None
) -> None:
    answers = [
        sharing.ask(method, SHARES + path.format(company="orchard", firm=firm), json=body) for firm in ("alder", "elm")
    ]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


def test_a_founder_is_not_told_which_firms_there_are_before_they_share(sharing: Sharing) -> None:
    known, unknown = (
        sharing.ask("GET", f"{SHARES}/orchard/{firm}/preview").text.replace(firm, "FIRM") for firm in ("alder", "larch")
    )
    assert known == unknown


def test_a_founder_begins_no_share_with_a_firm_and_learns_of_none(sharing: Sharing) -> None:
    def said(firm: str, method: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = sharing.ask(method, f"{SHARES}/orchard/{firm}{path}", json=body)
        return answer.status_code, answer.text.replace(firm, "FIRM")

    for firm in ("alder", "larch"):
        assert said(firm, "PUT", "", WHOLE | {"firm": firm.capitalize()})[0] == 409
    for asked in (("PUT", "", WHOLE), ("GET", "/left"), ("POST", "/revoke", {"because": "x"}), ("GET", "/preview")):
        assert said("alder", *asked) == said("larch", *asked)
    with sharing.house.container.database.begin() as tx:
        assert "larch" not in tx.shares.firms()
    assert "Alder" not in sharing.ask("GET", f"{SHARES}/orchard").text


def test_who_runs_the_house_and_gives_shares_of_one_company_is_a_founder_there(sharing: Sharing) -> None:
    house = sharing.house.container
    key, _ = house.keyring.issue("both", ["operate", "share:orchard"], None, "test")
    asking = replace(sharing, keys=sharing.keys | {"both": key})
    assert asking.ask("PUT", OURS, "both", json=BANDS).status_code == 409
    assert asking.ask("PUT", OURS, "house", json=BANDS).status_code == 200
    assert asking.ask("POST", f"{OURS}/revoke", "both", json={"because": "over"}).json()["letters"] is None


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"sources": ["fax"]}, "sources", "fax is no source; known are gmail, slack, or * for all"),
        ({"sources": []}, "sources", "at least 1 item"),
        ({"sources": ["No Source"]}, "sources.0", "is no source: write slack, gmail, or *"),
        ({"granularity": "coarse"}, "granularity", "'exact', 'bands' or 'none'"),
        ({"until": "2026-11-20T08:59:59Z"}, "until", "is over; to end a share revoke it"),
        ({"until": "2027-01-01T00:00:00"}, "until", "no moment with its time zone"),
        ({"until": "0001-01-01T00:00:00+23:00"}, "until", "years 1 to 9999"),
        ({"untill": None}, "untill", "is no field of this body"),
        ({"firm": "??"}, "firm", "write it with letters or digits"),
        ({"sources": None}, "sources", "must be a list"),
        ({"granularity": None}, "granularity", "'exact', 'bands' or 'none'"),
    ],
)
def test_what_cannot_be_shared_is_refused_with_its_field(
    sharing: Sharing, body: dict[str, Any], field: str, reason: str
) -> None:
    answer = sharing.ask("PUT", OURS, json=WHOLE | body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert reason in error["reason"]
    assert sharing.noted() == []


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (None, ["sources", "granularity"]),
        ({}, ["sources", "granularity"]),
        ({"sources": ["*"]}, ["granularity"]),
        ({"granularity": "none", "until": None}, ["sources"]),
    ],
)
def test_what_a_share_shows_is_said_and_never_left_out(
    sharing: Sharing, body: dict[str, Any] | None, missing: list[str]
) -> None:
    before = sharing.ask("PUT", OURS, "house", json=BANDS).json()
    answer = sharing.ask("PUT", OURS, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == missing
    assert sharing.ask("GET", f"{SHARES}/orchard").json()[-1] == before


@pytest.mark.parametrize("because", [None, "", "  ", "x" * 501])
def test_a_revocation_has_its_reason(sharing: Sharing, because: str | None) -> None:
    sharing.ask("PUT", OURS, "house", json=BANDS)
    body = {} if because is None else {"because": because}
    answer = sharing.ask("POST", f"{OURS}/revoke", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "because")
    (mine,) = sharing.ask("GET", SHARES, "firm").json()["items"]
    assert mine["holds"] is True


def test_a_firm_reads_its_shares_page_by_page(sharing: Sharing) -> None:
    database = sharing.house.container.database
    with database.begin() as tx:
        for number in range(5):
            tx.companies.ensure(f"c-{number}", NOW)
            tx.shares.put(
                Share(
                    firm_id="northgate",
                    company_id=f"c-{number}",
                    granularity=Granularity.NONE,
                    until=NOW if number % 2 else None,
                    created_at=NOW,
                )
            )
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = sharing.ask("GET", SHARES, "firm", params=query).json()
        seen += [(each["company_id"], each["holds"]) for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [(f"c-{number}", number % 2 == 0) for number in range(5)]
    assert sharing.ask("GET", SHARES, "firm", params={"cursor": "!"}).status_code == 422
    assert sharing.ask("GET", SHARES, "founder").status_code == 403


def test_a_share_that_was_revoked_at_once_did_not_end_before_it_began() -> None:
    given = Share(firm_id="northgate", company_id="orchard", created_at=NOW, until=NOW - timedelta(seconds=50))
    shown = ShareShown.of(given, NOW)
    assert (shown.until, shown.holds) == (NOW, False)
