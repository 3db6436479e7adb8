"""Through every operation of the document, over real Postgres: another firm's rows are as rows that never were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sago.domain.keys import WRITE
from sago.domain.tasks import CATALOGUE
from sago.stores.postgres import PostgresDatabase
from tests.contracts.isolating import (
    BODIES,
    IDS,
    LATER,
    NOBODY,
    OTHER,
    PLACES,
    SHA,
    USED,
    WATCH,
    Isolated,
    Operation,
    Request,
    document,
    open_isolated,
    operations,
    under,
)
from tests.unit.api.api_house import HOUSE_KEY
from tests.unit.api.firms import COMPANY, MINE, OTHERS, PRIVATE

READ_BY_FIRMS = tuple(f"/api/v1/{each}" for each in ("audit", "companies", "events", "outreach", "tasks", "watches"))

pytestmark = pytest.mark.services


@pytest.fixture
def isolated(postgres: PostgresDatabase) -> Iterator[Isolated]:
    with open_isolated(postgres) as found:
        yield found


@st.composite
def _requests(draw: st.DrawFn, world: Isolated, operation: Operation) -> Request:
    """Of a firm, or a founder of the shared company, about what is none of theirs."""
    method, path, parameters = operation
    caller = draw(st.sampled_from([MINE, "ingester", "founder"]))
    query, headers = [], []
    for place, name in parameters:
        value = draw(st.sampled_from(world.theirs.get(name) or OTHER[name]))
        if place == "path":
            path = path.replace(f"{{{name}}}", value)
        elif draw(st.booleans()):
            (query if place == "query" else headers).append((name, value))
    sent = BODIES.get(operation[:2])
    text_of = draw(st.sampled_from([SHA, *world.shas]))
    marked = tuple((name, value.replace(SHA, text_of)) for name, value in headers)
    watch = world.theirs["watch_id"][0]
    body = None if sent is None else json.dumps(sent).replace(SHA, text_of).replace("WATCH", watch)
    return Request(caller, method, path, tuple(query), marked, body)


def test_each_parameter_and_body_of_the_document_is_covered_here() -> None:
    described = document()
    named = {name for _, _, parameters in operations(described) for _, name in parameters}
    assert named <= IDS | PLACES | set(OTHER), "say of a new parameter whether it names rows: IDS, PLACES or OTHER"
    bodies = {
        (method.upper(), path)
        for path, methods in described["paths"].items()
        for method, route in methods.items()
        if "requestBody" in route
    }
    assert bodies <= set(BODIES), "say what body of a new route names the other firm's company"


def test_no_route_is_left_out_of_the_document(isolated: Isolated) -> None:
    routes = [each for each in isolated.firms.house.client.app.routes if isinstance(each, APIRoute)]
    told = {path for _, path, _ in isolated.operations}
    assert {each.path for each in routes} - told <= {"/docs"}, "its answers are compared nowhere"


def test_what_is_of_another_firm_is_there_for_that_firm(isolated: Isolated) -> None:
    """Else the tests below would find nothing."""
    for method, template, parameters in isolated.operations:
        if method != "GET" or not template.startswith(READ_BY_FIRMS):
            continue
        path = template
        for name in (name for place, name in parameters if place == "path"):
            path = path.replace(f"{{{name}}}", isolated.theirs[name][0])
        assert isolated.firms.ask("GET", path, key=OTHERS).status_code == 200, path


def test_an_idempotency_key_of_another_firm_is_a_new_one(isolated: Isolated) -> None:
    told = [
        isolated.firms.ask("POST", "/api/v1/watches", WATCH | {"company_id": company}, **{"Idempotency-Key": USED})
        for company in (PRIVATE, NOBODY, COMPANY, COMPANY)
    ]
    assert [each.status_code for each in told] == [404, 404, 201, 201]
    assert told[2].json() == told[3].json()
    assert [each.headers.get("Idempotency-Replayed") for each in told] == [None, None, None, "true"]
    assert told[2].json()["id"] not in isolated.theirs["watch_id"]


@pytest.mark.parametrize("caller", [MINE, "house"])
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_each_task_with_a_watch_of_the_other_firm_does_what_it_does_with_one_that_never_was(
    isolated: Isolated, name: str, caller: str
) -> None:
    isolated.firms.keys["house"] = HOUSE_KEY
    sent, before, told = isolated.sent(), isolated.rows(), set()
    for watch_id in isolated.theirs["watch_id"]:
        for each in (watch_id, isolated.never[watch_id]):
            for key in ({}, {"Idempotency-Key": f'"{name} {each}"'}):
                task = {"name": name, "arguments": {"watch_id": each}}
                answer = isolated.firms.ask("POST", "/api/v1/tasks", task, caller, **key)
                told.add((answer.status_code, isolated.unnamed(answer.text)))
    ((status, _),) = told
    is_a_firms = CATALOGUE[name].scope == WRITE
    assert status == {MINE: 404 if is_a_firms else 403, "house": 403 if is_a_firms else 422}[caller]
    assert (isolated.sent(), isolated.rows()) == (sent, before), "nothing was begun"


def test_a_firm_that_judges_all_its_watches_judges_no_other_firms(isolated: Isolated) -> None:
    isolated.firms.ask("POST", "/api/v1/tasks", {"name": "outreach.judge", "arguments": {}})
    name, (watch_ids, as_of) = isolated.sent()[-1]
    assert name == "outreach.judge"
    mine = [each["id"] for each in isolated.firms.get("/api/v1/watches")["items"]]
    assert watch_ids == mine
    judging = isolated.firms.house.container.judging
    assert judging.keep({UUID(each) for each in watch_ids}, datetime.fromisoformat(as_of)) == len(mine)
    with isolated.postgres.begin() as tx:
        assert all(tx.verdicts.newest(UUID(each), date.max) is None for each in isolated.theirs["watch_id"])


def test_another_firms_rows_are_as_rows_that_never_were_and_as_a_world_without_them(isolated: Isolated) -> None:
    asked: dict[Request, Any] = {}

    def run(operation: Operation) -> None:
        @given(_requests(isolated, operation))
        @settings(max_examples=8, database=None, suppress_health_check=list(HealthCheck))
        def ask(request: Request) -> None:
            told = isolated.told(request)
            assert told == isolated.told(isolated.twin(request)), request
            asked.setdefault(request, told)

        ask()

    for operation in isolated.operations:
        run(operation)
    isolated.forget_the_other_firm()
    assert isolated.firms.get("/api/v1/watches")["items"], "what is the firm's own is there"
    for request, told in asked.items():
        assert isolated.told(under(request, LATER)) == told, request
    assert {status for status, _, _ in asked.values()} >= {200, 403, 404}
