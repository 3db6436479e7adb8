"""What is said of a request that is wrong: in words of whoever sent it, naming what there is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from sago.api.moments import Since, Until
from tests.unit.api.api_house import House
from tests.unit.api.callers import bearer

EVENTS, SERIES, LETTERS = "/api/v1/events", "/api/v1/companies/acme/series", "/api/v1/outreach"
RAW = ("Input should", "String should", "List should", "Value error", "Field required", "Extra inputs", "pattern")


@pytest.fixture
def firm(house: House) -> dict[str, str]:
    return bearer(house, "read", "write", firm="northgate")


@pytest.mark.parametrize(
    ("path", "query", "field", "reason"),
    [
        (EVENTS, {"company_id": "Lumenta GmbH"}, "company_id", "is no company id: a-z, 0-9, _ and -, at most 64"),
        (EVENTS, {"limit": "201"}, "limit", "must be less than or equal to 200"),
        (EVENTS, {"since": "2026-11-01T00:00"}, "since", "is no day and no moment with its time zone: write"),
        (EVENTS, {"since": "yesterday"}, "since", "is no day and no moment with its time zone"),
        (EVENTS, {"since": "2026-02-30"}, "since", "is no day and no moment"),
        (EVENTS, {"until": "9999-12-31"}, "until", "is no day and no moment"),
        (EVENTS, {"as_of": "soon"}, "as_of", "is no day and no moment with its time zone"),
        (SERIES, {"metric": "happiness"}, "metric", "is no metric: there are "),
        (LETTERS, {"watch_id": "7"}, "watch_id", "is no id: it has 32 hex digits"),
    ],
)
def test_a_wrong_query_is_told_in_our_words(
    house: House, firm: dict[str, str], path: str, query: dict[str, str], field: str, reason: str
) -> None:
    answer = house.client.get(path, params=query, headers=firm)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, field)
    assert error["reason"].startswith(reason)
    assert answer.json()["detail"] == f"{field}: {error['reason']}"
    assert not any(words in answer.text for words in RAW)


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("/api/v1/watches", {}, "company_id: is missing"),
        ("/api/v1/watches", {"company_id": "acme", "why": "x"}, "why: is no field of this body"),
        ("/api/v1/dead-letters/replay", {}, "body: say which: topic, company_id or error_type"),
        (
            "/api/v1/tasks",
            {"name": "upkeep.flush_idle", "arguments": {"older_than": -1}},
            "arguments.older_than: must be greater than or equal",
        ),
        (
            "/api/v1/tasks",
            {"name": "outreach.digest", "arguments": {"as_of": "1200-01-01T00:00:00Z"}},
            "is not between 1990",
        ),
    ],
)
def test_a_wrong_body_is_told_in_our_words(
    house: House, firm: dict[str, str], path: str, body: dict[str, Any], detail: str
) -> None:
    answer = house.client.post(path, json=body, headers=firm if path.endswith("watches") else {})
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]
    assert not any(words in answer.text for words in RAW)


@pytest.mark.parametrize(
    ("path", "there_are"),
    [
        (EVENTS, "there are as_of, company_id, cursor, limit, severity, since, type, until"),
        (f"{EVENTS}/00000000-0000-4000-8000-000000000000", "it takes none"),
        ("/api/v1/dead-letters", "there are company_id, cursor, error_type, limit, replayed, topic"),
        ("/api/v1/data-flow/health", "it takes none"),
    ],
)
def test_a_parameter_that_there_is_not_is_refused_with_those_that_there_are(
    house: House, firm: dict[str, str], path: str, there_are: str
) -> None:
    given = firm if path.startswith(EVENTS) else {}
    answer = house.client.get(path, params={"company": "lumenta"}, headers=given)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "company"
    assert answer.json()["detail"].endswith(there_are)


def test_one_value_that_is_given_twice_is_refused_and_a_list_is_none(house: House, firm: dict[str, str]) -> None:
    for name, values in {"company_id": ["a", "b"], "limit": ["1", "1"], "cursor": ["x", "y"]}.items():
        answer = house.client.get(EVENTS, params={name: values}, headers=firm)
        assert answer.status_code == 422
        assert answer.json()["detail"] == f"{name}: is given more than once: one value is taken"
        assert answer.json()["errors"][0]["field"] == name
    assert house.client.get(EVENTS, params={"severity": ["high", "low"]}, headers=firm).status_code == 200


def test_a_path_with_a_slash_too_many_is_none_and_leads_nowhere(house: House, firm: dict[str, str]) -> None:
    answer = house.client.get(f"{EVENTS}/", headers=firm, follow_redirects=False)
    assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert answer.json()["detail"] == "no such path: /docs lists them"


def test_a_parameter_is_looked_at_behind_the_key_and_not_at_all_where_none_is_asked_for(house: House) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert house.client.get(EVENTS, params={"company": "x"}, headers=wrong).status_code == 401
    assert house.client.get("/health/live", params={"from": "a proxy"}).status_code == 200


def test_a_day_begins_since_and_ends_until_and_a_moment_is_itself() -> None:
    since, until = TypeAdapter(Since), TypeAdapter(Until)
    assert since.validate_json('"2026-11-01"') == datetime(2026, 11, 1, tzinfo=UTC)
    assert until.validate_json('"2026-11-01"') == datetime(2026, 11, 2, tzinfo=UTC)
    moment = "2026-11-01T09:30:00+02:00"
    assert since.validate_python(moment) == until.validate_python(moment) == datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    with pytest.raises(ValidationError, match="time zone"):
        since.validate_python("2026-11-01T09:30:00")
