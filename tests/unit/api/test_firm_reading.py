"""What a firm reads of companies, events and series: as its share shows it, and nothing of anybody else's."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from sago.domain.companies import Granularity
from sago.domain.events import CATALOGUE, EventType, MetricPoint, Observation, Rejection, Severity
from sago.domain.messages import Message
from sago.outreach import firm_reading
from sago.outreach.previewing import preview
from sago.pipeline import retelling
from sago.pipeline.extraction import refold
from sago.stores.memory.events import MemoryEvents
from sago.stores.memory.shares import MemoryShares
from sago.stores.memory.tenants import MemoryTenants
from tests.unit.api.api_house import NOW, MakeHouse
from tests.unit.api.firm_house import CHANNEL, COMPANIES, DAY, EVENTS, FirmHouse, mail, open_firm_house, said_in

NOBODYS = UUID(int=1)
SERIES = f"{COMPANIES}/scaleflow/series"
SHARES: list[dict[str, Any]] = [
    {"granularity": granularity, "sources": sources, "until": until}
    for granularity in Granularity
    for sources in (("*",), ("slack",), ("gmail",))
    for until in (None, NOW + DAY)
]


@pytest.fixture
def firms(make: MakeHouse) -> FirmHouse:
    """Two companies with a few events each; nothing is shared yet."""
    made = open_firm_house(make)
    made.name("scaleflow", "ScaleFlow", "Alex Reyes")
    made.name("quietco", "QuietCo")
    january = said_in(CHANNEL, 1, NOW - 40 * DAY, "Great news: we passed $1.8M ARR in January")
    made.tell(january, "we passed $1.8M ARR", ("arr", 1.8e6, "USD"), title="ARR passed $1.8M")
    deal = said_in(CHANNEL, 2, NOW - 20 * DAY, "Kestrel Air signed, $240k a year!")
    made.tell(
        deal,
        "Kestrel Air signed, $240k a year",
        ("contract_value", 240_000, "USD"),
        title="Kestrel Air signed a contract worth $240k a year",
        event_type=EventType.ENTERPRISE_DEAL,
        severity=Severity.MEDIUM,
        subject="Kestrel Air",
        stakeholders=("Kestrel Air",),
    )
    told = mail(3, NOW - 19 * DAY, "Kestrel Air: the contract over $240k a year is countersigned by Mara Voss", "t-1")
    made.tell(
        told,
        "Kestrel Air: the contract over $240k a year is countersigned by Mara Voss",
        ("contract_value", 240_000, "USD"),
        event_type=EventType.ENTERPRISE_DEAL,
        subject="Kestrel Air",
        stakeholders=("Mara Voss",),
    )
    arr = mail(4, NOW - 5 * DAY, "The board pack: ARR is $2.1M, NRR 143%", "t-2")
    made.tell(arr, "ARR is $2.1M, NRR 143%", ("arr", 2.1e6, "USD"), ("nrr", 143, "percent"), title="ARR is $2.1M")
    other = said_in(CHANNEL, 9, NOW - 4 * DAY, "MRR is $90k now", company_id="quietco")
    made.tell(other, "MRR is $90k", ("mrr", 90_000, "USD"))
    return made


def test_a_company_is_named_with_its_founder_and_never_with_an_address(firms: FirmHouse) -> None:
    firms.share("northgate", sources=("slack",), granularity=Granularity.BANDS, until=NOW + DAY)
    expected = {
        "id": "scaleflow",
        "name": "ScaleFlow",
        "founder": {"name": "Alex Reyes", "title": "CEO"},
        "share": {"sources": ["slack"], "granularity": "bands", "until": "2026-03-03T17:00:00Z"},
    }
    assert firms.ask(COMPANIES).json() == {"items": [expected], "next": None}
    assert firms.ask(f"{COMPANIES}/scaleflow").json() == expected
    assert "founder@" not in firms.ask(COMPANIES).text


def test_companies_come_in_pages(firms: FirmHouse) -> None:
    names = [f"co-{number}" for number in range(7)]
    for name in names:
        firms.share("northgate", name)
    pages = list(firms.pages(COMPANIES, limit=3))
    assert [[row["id"] for row in page] for page in pages] == [names[:3], names[3:6], names[6:]]


@pytest.mark.parametrize("share", SHARES, ids=str)
def test_the_api_shows_what_the_founder_was_shown_before_the_share(firms: FirmHouse, share: dict[str, Any]) -> None:
    given = firms.share("northgate", **share)
    with firms.database.begin() as tx:
        company = tx.companies.get("scaleflow")
        assert company is not None
        shown = preview(tx, company, given, NOW, 60, is_given=True).to_json()
    assert shown["events"]
    assert firms.items(EVENTS, limit=1) == shown["events"]
    for event in shown["events"]:
        one = firms.ask(f"{EVENTS}/{event['id']}").json()
        assert {key: value for key, value in one.items() if key != "contradicts"} == event
    points = [
        {"metric": point["metric"], "unit": point["unit"], "as_of": point["as_of"].replace("Z", "+00:00")}
        | ({"value": point["value"]} if point["value"] is not None else {"band": point["band"]["text"]})
        for point in firms.items(SERIES, limit=1)
    ]
    assert points == shown["figures"]
    visible = {event["id"] for event in shown["events"]}
    assert {point["event_id"] for point in firms.items(SERIES)} <= visible


def test_another_firms_company_and_one_that_never_was_are_the_same(firms: FirmHouse) -> None:
    firms.share("southgate")
    firms.share("northgate", "quietco")
    (event,) = [row for row in firms.items(EVENTS, "southgate") if row["event_type"] == "enterprise_deal"]
    pairs = [
        (f"{COMPANIES}/scaleflow", f"{COMPANIES}/nobody"),
        (SERIES, f"{COMPANIES}/nobody/series"),
        (f"{SERIES}?as_of=2026-02-20", f"{COMPANIES}/nobody/series?as_of=2026-02-20"),
        (f"{EVENTS}/{event['id']}", f"{EVENTS}/{uuid4()}"),
        (f"{EVENTS}/{event['id']}/evidence?context=3", f"{EVENTS}/{uuid4()}/evidence?context=3"),
        (f"{EVENTS}?company_id=scaleflow", f"{EVENTS}?company_id=nobody"),
        (f"{EVENTS}?company_id=scaleflow&as_of=2026-02-20", f"{EVENTS}?company_id=nobody&as_of=2026-02-20"),
    ]
    for theirs, nobodys in pairs:
        one, other = firms.ask(theirs), firms.ask(nobodys)
        assert one.status_code == (200 if "?company_id" in theirs else 404), theirs
        assert (one.status_code, one.content) == (other.status_code, other.content)
        assert {key for key in one.headers if key != "x-request-id"} == {
            k for k in other.headers if k != "x-request-id"
        }
    assert firms.ask(f"{EVENTS}/{event['id']}", "southgate").status_code == 200


def test_what_was_shared_is_not_there_any_more_once_the_share_has_ended(firms: FirmHouse) -> None:
    firms.share("northgate", until=NOW + DAY)
    (event, *_) = firms.items(EVENTS)
    firms.clock.advance(2 * DAY)
    assert firms.items(EVENTS) == firms.items(COMPANIES) == []
    assert firms.items(EVENTS, company_id="scaleflow", as_of="2026-02-20") == []
    gone = (f"{EVENTS}/{event['id']}", f"{EVENTS}/{event['id']}/evidence", SERIES, f"{COMPANIES}/scaleflow")
    assert {firms.ask(path).status_code for path in gone} == {404}


def test_events_are_filtered_by_company_type_severity_and_time(firms: FirmHouse) -> None:
    firms.share("northgate")
    firms.share("northgate", "quietco")

    def titles(**query: Any) -> list[str]:
        return [row["title"] for row in firms.items(EVENTS, limit=1, **query)]

    quiet, board, deal, january = titles()
    assert titles(company_id="quietco") == [quiet]
    assert titles(type="enterprise_deal") == [deal]
    assert titles(type=["enterprise_deal", "revenue_milestone"]) == [quiet, board, deal, january]
    assert titles(severity="low") == []
    since = (NOW - 20 * DAY).isoformat().replace("+00:00", "Z")
    assert titles(since=since) == [quiet, board, deal]
    assert titles(until=since) == [january]
    assert titles(company_id="scaleflow", severity="high", since=since) == [board, deal]


def test_an_event_is_found_by_the_id_it_once_had(firms: FirmHouse) -> None:
    firms.share("northgate")
    (before,) = firms.items(EVENTS, type="enterprise_deal")
    earlier = said_in(CHANNEL, 0, NOW - 21 * DAY, "Kestrel Air signed: $240k a year")
    firms.tell(
        earlier,
        "Kestrel Air signed: $240k a year",
        ("contract_value", 240_000, "USD"),
        event_type=EventType.ENTERPRISE_DEAL,
        subject="Kestrel Air",
    )
    (after,) = firms.items(EVENTS, type="enterprise_deal")
    assert after["id"] != before["id"]
    assert firms.ask(f"{EVENTS}/{before['id']}").json()["id"] == after["id"]
    assert len(firms.items(f"{EVENTS}/{before['id']}/evidence")) == 3


def test_events_that_contradict_each_other_say_so_where_figures_are_exact(firms: FirmHouse) -> None:
    other = said_in(CHANNEL, 5, NOW - 5 * DAY + timedelta(hours=2), "Halcrest deck says MAU: 4,100 and ARR $2.6M")
    firms.tell(other, "ARR $2.6M", ("arr", 2.6e6, "USD"), title="Deck: ARR $2.6M", subject="deck")
    firms.share("northgate")
    rows = {row["title"]: row["id"] for row in firms.items(EVENTS)}
    assert {"ARR is $2.1M", "Deck: ARR $2.6M"} <= rows.keys()
    against = firms.ask(f"{EVENTS}/{rows['ARR is $2.1M']}").json()["contradicts"]
    text = "$2.1M ARR here, $2.6M ARR there, both for February 2026"
    assert against == [{"event_id": rows["Deck: ARR $2.6M"], "text": text}]
    firms.share("northgate", sources=("gmail",))
    assert firms.ask(f"{EVENTS}/{rows['ARR is $2.1M']}").json()["contradicts"] == []
    firms.share("northgate", granularity=Granularity.BANDS)
    assert firms.ask(f"{EVENTS}/{rows['ARR is $2.1M']}").json()["contradicts"] == []


def test_a_series_is_of_one_metric_and_one_time_where_these_are_asked(firms: FirmHouse) -> None:
    firms.share("northgate")
    assert [point["value"] for point in firms.items(SERIES, metric="arr")] == [1.8e6, 2.1e6]
    middle = (NOW - 10 * DAY).isoformat().replace("+00:00", "Z")
    assert [point["value"] for point in firms.items(SERIES, metric="arr", since=middle)] == [2.1e6]
    assert [point["value"] for point in firms.items(SERIES, metric="arr", until=middle)] == [1.8e6]
    assert firms.ask(SERIES).json()["granularity"] == "exact"
    assert firms.ask(SERIES, metric="wealth").status_code == 422


def test_bands_tell_no_figure_and_none_tells_nothing(firms: FirmHouse) -> None:
    firms.share("northgate", granularity=Granularity.BANDS)
    first, *_ = firms.items(SERIES, metric="arr")
    assert (first["value"], first["band"]) == (None, {"low": 1e6, "high": 2e6, "text": "$1M–2M"})
    firms.share("northgate", granularity=Granularity.NONE)
    for query in ({}, {"as_of": "2026-03-01"}):
        assert firms.ask(SERIES, **query).json() == {"items": [], "next": None, "granularity": "none"}


def test_as_of_a_day_events_and_figures_are_those_known_by_its_end(firms: FirmHouse) -> None:
    firms.share("northgate")
    known = firms.items(EVENTS, company_id="scaleflow", as_of="2026-02-20", limit=1)
    assert [(row["event_type"], len(row["evidence"])) for row in known] == [
        ("enterprise_deal", 2),
        ("revenue_milestone", 1),
    ]
    before_the_mail = firms.items(EVENTS, company_id="scaleflow", as_of="2026-02-10", type="enterprise_deal")
    assert [len(row["evidence"]) for row in before_the_mail] == [1]
    assert [point["value"] for point in firms.items(SERIES, metric="arr", as_of="2026-02-20")] == [1.8e6]
    assert firms.items(EVENTS, company_id="scaleflow", as_of="2025-01-01") == []
    today = firms.items(EVENTS, company_id="scaleflow", as_of="2026-03-02")
    assert today == firms.items(EVENTS, company_id="scaleflow")


def test_a_figure_that_an_unshared_source_corrected_is_gone_live_and_as_of_that_day(firms: FirmHouse) -> None:
    firms.share("northgate", sources=("gmail",))
    before = firms.items(SERIES, metric="arr")
    assert [point["value"] for point in before] == [2.1e6]
    correction = said_in(CHANNEL, 5, NOW - 3 * DAY, "Correction: ARR is $2.0M, not $2.1M")
    firms.tell(correction, "ARR is $2.0M, not $2.1M", ("arr", 2.0e6, "USD"), title="ARR is $2.0M", corrects=True)
    live = firms.items(SERIES, metric="arr")
    days = [(NOW - days * DAY).date().isoformat() for days in (4, 3)]
    told = [firms.items(SERIES, metric="arr", as_of=day) for day in days]
    assert [[point["value"] for point in each] for each in (*told, live)] == [[2.1e6], [], []]


def test_what_is_not_shared_ends_no_page_as_of_a_day(firms: FirmHouse) -> None:
    firms.share("northgate", sources=("slack",))
    (page,) = firms.pages(EVENTS, company_id="scaleflow", as_of="2026-03-02", limit=2)
    assert page == firms.items(EVENTS, company_id="scaleflow", limit=2)
    assert len(page) == 2, "the newest event is of a mail"


def test_as_of_a_moment_a_message_says_what_it_said_then_and_still_says(firms: FirmHouse) -> None:
    firms.share("northgate")
    at = NOW - 3 * DAY
    text = "headcount is 41, runway is 14 months"
    hiring: dict[str, Any] = {"event_type": EventType.HIRING}
    firms.tell(said_in(CHANNEL, 20, at, text), "headcount is 41", ("headcount", 41, "count"), **hiring)

    def counted(as_of: str) -> list[float]:
        rows = firms.items(EVENTS, company_id="scaleflow", type="hiring", as_of=as_of)
        return [metric["value"] for row in rows for metric in row["metrics"]]

    assert counted("2026-02-27T18:00:00+01:00") == []
    assert counted("2026-02-27T20:00:00Z") == [41]
    firms.tell(_edited(at, f"Corrected: {text}"), "headcount is 41", ("headcount", 41, "count"), **hiring)
    assert counted("2026-02-27T20:00:00Z") == [41], "the words stand, at another place"
    event = firms.items(EVENTS, company_id="scaleflow", type="hiring", as_of="2026-02-27T20:00:00Z")[0]
    (proof,) = firms.items(f"{EVENTS}/{event['id']}/evidence")
    assert (proof["quote"], proof["span"]) == ("headcount is 41", {"start": 11, "end": 26})
    changed = _edited(at, "headcount is 43", later=timedelta(hours=9))
    firms.tell(changed, "headcount is 43", ("headcount", 43, "count"), **hiring)
    assert counted("2026-02-27T20:00:00Z") == [], "nobody says it any more"
    assert counted("2026-02-28") == [43]


def _edited(at: datetime, text: str, later: timedelta = timedelta(hours=6), **fields: Any) -> Message:
    edited = at + later
    return said_in(CHANNEL, 20, at, text, version=int(edited.timestamp() * 1e6), edited_at=edited, **fields)


@pytest.mark.parametrize("given", [NOW - 30 * DAY, NOW])
def test_what_was_deleted_before_the_share_or_after_it_is_quoted_as_of_no_day(
    firms: FirmHouse, given: datetime
) -> None:
    at = NOW - 10 * DAY
    first = said_in(CHANNEL, 20, at, "we lost the Fjord Bank renewal, runway is 14 months")
    lost = firms.tell(first, "we lost the Fjord Bank renewal", ("runway", 14, "months"), event_type=EventType.SETBACK)
    firms.share("northgate", created_at=given)
    asked = {"company_id": "scaleflow", "type": "setback", "as_of": "2026-02-21"}
    (event,) = firms.items(EVENTS, **asked)
    assert [point["value"] for point in firms.items(SERIES, metric="runway", as_of="2026-02-21")] == [14]
    deletion = _edited(at, "", 2 * DAY, deleted=True)
    firms.hear(deletion)
    firms.read(deletion)
    assert firms.items(EVENTS, **asked) == []
    assert firms.items(SERIES, metric="runway", as_of="2026-02-21") == []
    everything = firms.ask(EVENTS, company_id="scaleflow", as_of="2026-02-21").text
    assert lost.quote not in everything
    assert firms.ask(f"{EVENTS}/{event['id']}/evidence").status_code == 404


def test_what_a_person_called_wrong_is_not_there_as_of_a_day_after(firms: FirmHouse) -> None:
    firms.share("northgate")
    (event,) = firms.items(EVENTS, type="enterprise_deal")
    word = Rejection(
        company_id="scaleflow", event_id=event["id"], because="no", rejected_by="dana", rejected_at=NOW - 8 * DAY
    )
    with firms.database.begin() as tx:
        tx.events.reject(word)
        refold(tx, "scaleflow", NOW)
    assert firms.items(EVENTS, type="enterprise_deal") == []
    asked = {"company_id": "scaleflow", "type": "enterprise_deal"}
    assert firms.items(EVENTS, **asked, as_of="2026-02-23") == []
    assert [row["id"] for row in firms.items(EVENTS, **asked, as_of="2026-02-21")] == [event["id"]]
    firms.share("northgate", created_at=NOW - DAY)
    assert firms.items(EVENTS, **asked, as_of="2026-02-21") == []


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        (EVENTS, {"as_of": "2026-02-20"}, "company_id"),
        (EVENTS, {"as_of": "2026-03-04", "company_id": "scaleflow"}, "as_of"),
        (EVENTS, {"as_of": "9999-12-31", "company_id": "scaleflow"}, "as_of"),
        (EVENTS, {"as_of": "2026-02-20T10:00:00", "company_id": "scaleflow"}, "as_of"),
        (EVENTS, {"as_of": "yesterday", "company_id": "scaleflow"}, "as_of"),
        (SERIES, {"as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        (EVENTS, {"since": "2026-02-20T10:00:00"}, "since"),
        (EVENTS, {"until": "0001-01-01T00:00:00+14:00"}, "until"),
        (EVENTS, {"limit": "0"}, "limit"),
        (EVENTS, {"limit": "201"}, "limit"),
        (EVENTS, {"cursor": "x"}, "cursor"),
        (SERIES, {"cursor": "WyJhIl0"}, "cursor"),
        (SERIES, {"cursor": "ä"}, "cursor"),
        (COMPANIES, {"cursor": "WyJhIiwiYiJd"}, "cursor"),
        (f"{EVENTS}/{NOBODYS}/evidence", {"cursor": "WyIyMDI2IiwiYSIsImIiLCJjIl0"}, "cursor"),
        (f"{EVENTS}/{NOBODYS}/evidence", {"context": "21"}, "context"),
        (EVENTS, {"type": "rumour"}, "type.0"),
        (EVENTS, {"company_id": "No Company"}, "company_id"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_field(
    firms: FirmHouse, path: str, query: dict[str, str], field: str
) -> None:
    firms.share("northgate")
    answer = firms.ask(path, **query)
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, [field])


def test_a_cursor_of_figures_is_read_and_made_by_the_house_alone(
    firms: FirmHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts figures that are hidden: neither its own number is read, nor another taken."""
    monkeypatch.setattr(firm_reading, "STEP", 2)
    monkeypatch.setattr(firm_reading, "STEPS", 1)
    for firm in ("northgate", "southpoint"):
        firms.share(firm)
    first = firms.ask(SERIES, limit=1).json()
    cursor, shown = first["next"], first["items"][0]["event_id"]
    raw = base64.urlsafe_b64decode(cursor + "==")
    assert shown.encode() not in raw
    place = [first["items"][0]["as_of"], first["items"][0]["metric"], shown, first["items"][0]["unit"], "0"]
    flipped = raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:]
    forged = [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (json.dumps(place).encode(), flipped)]
    assert [firms.ask(SERIES, limit=1, cursor=each).status_code for each in forged] == [422, 422]
    assert firms.ask(SERIES, limit=7, cursor=cursor).status_code == 200
    for other in ({"metric": "arr"}, {"since": "2020-01-01"}, {"until": "2030-01-01"}, {"as_of": "2026-02-20"}):
        assert firms.ask(SERIES, cursor=cursor, **other).status_code == 422, other
    assert firms.ask(SERIES, "southpoint", cursor=cursor).status_code == 422


def test_only_a_firms_key_that_may_read_reads(firms: FirmHouse) -> None:
    firms.share("northgate")
    for path in (COMPANIES, EVENTS, SERIES, f"{COMPANIES}/nobody", f"{EVENTS}/{uuid4()}"):
        assert firms.ask(path, scope="write").status_code == 403
        assert firms.house.client.get(path).status_code == 403


def test_the_types_of_events_are_told_with_what_they_mean(firms: FirmHouse) -> None:
    rows = firms.ask("/api/v1/event-types").json()
    assert [row["type"] for row in rows] == list(CATALOGUE)
    assert rows[0] == {"type": "funding", **CATALOGUE[EventType.FUNDING]._asdict()}


@pytest.mark.parametrize(
    ("fields", "quotes"),
    [
        ({"granularity": Granularity.BANDS}, ["we passed [$1M–2M] ARR"]),
        ({"sources": ("gmail",)}, []),
        ({"until": NOW - DAY}, []),
    ],
)
def test_what_is_shared_no_more_once_the_past_is_read_is_not_told(
    firms: FirmHouse, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], quotes: list[str]
) -> None:
    current, before = MemoryEvents.current, firms.share("northgate")

    def reading(store: MemoryEvents, *args: Any, **asked: Any) -> list[Observation]:
        MemoryShares(store._state).put(before.model_copy(update=fields))
        return current(store, *args, **asked)

    monkeypatch.setattr(MemoryEvents, "current", reading)
    asked = {"company_id": "scaleflow", "as_of": "2026-02-20"}
    told = firms.items(EVENTS, type="revenue_milestone", **asked)
    assert [proof["quote"] for row in told for proof in row["evidence"]] == quotes
    firms.share("northgate")
    answer = firms.ask(SERIES, metric="arr", as_of="2026-02-20")
    assert answer.status_code == (404 if "until" in fields else 200)
    assert not any(point["value"] for point in answer.json().get("items", []))


@pytest.mark.parametrize(
    ("fields", "status"), [({"granularity": Granularity.NONE}, 200), ({"until": NOW - DAY}, 404)], ids=str
)
def test_bands_that_are_shared_no_more_once_they_are_read_are_not_told(
    firms: FirmHouse, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], status: int
) -> None:
    points, before = MemoryEvents.points, firms.share("northgate", granularity=Granularity.BANDS)
    assert firms.items(SERIES)

    def reading(store: MemoryEvents, *args: Any) -> list[MetricPoint]:
        MemoryShares(store._state).put(before.model_copy(update=fields))
        return points(store, *args)

    monkeypatch.setattr(MemoryEvents, "points", reading)
    answer = firms.ask(SERIES)
    assert (answer.status_code, answer.json().get("items", [])) == (status, [])


def test_a_page_of_the_past_looks_for_its_share_twice(firms: FirmHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    firms.share("northgate")
    view, views = MemoryTenants.view, []
    monkeypatch.setattr(MemoryTenants, "view", lambda *args: views.append(args) or view(*args))
    for path, query in ((EVENTS, {"company_id": "scaleflow"}), (SERIES, {})):
        views.clear()
        assert firms.ask(path, as_of="2026-02-20", **query).json()["items"]
        assert len(views) == 2


def test_one_event_is_cut_once(firms: FirmHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    firms.share("northgate")
    (event, *_) = firms.items(EVENTS)
    cut, as_shared = [], firm_reading.as_shared
    monkeypatch.setattr(firm_reading, "as_shared", lambda *args: cut.append(args) or as_shared(*args))
    assert firms.ask(f"{EVENTS}/{event['id']}").json()["id"] == event["id"]
    assert len(cut) == 1


def test_the_past_is_read_as_slowly_by_each_firm_whoever_read_it_before(
    firms: FirmHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    words = retelling._words
    monkeypatch.setattr(retelling, "_words", lambda text: read.append(text) or words(text))
    counts = []
    for firm in ("northgate", "southpoint"):
        firms.share(firm)
        read.clear()
        firms.items(EVENTS, firm, company_id="scaleflow", as_of="2026-03-02")
        counts.append(len(read))
    assert counts[0] == counts[1] > 0
