"""Whatever is sent to the API with whichever key: no answer is a 500, none is outside the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
import schemathesis
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sago.api.app import create_app
from sago.domain.keys import INGEST, SHARE
from sago.errors import TransientError
from sago.pipeline.keyring import TRUSTED_FOR
from sago.resilience.throttles import MemoryThrottle
from sago.source_sections import SlackSettings
from sago.sources.slack_source import Slack
from sago.stores.memory.answers import MemoryAnswers
from sago.stores.memory.clock import ManualClock
from tests.unit.api.api_house import House, container_in_memory, open_house, row, settings_of
from tests.unit.api.firms import COMPANY, MINE, Firms, two_firms
from tests.unit.api.slack_deliveries import SECRET, signed
from tests.unit.outreach import stories
from tests.unit.pipeline.scripted_source import Table

OF_DOCUMENT = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
CHECKS = [not_a_server_error, *OF_DOCUMENT]
ROLES = ("reader", "writer", "founder", "house", "none", "wrong")
EXAMPLES = 20
"""Requests to one operation, each with every key; about one in three is wrong somewhere."""


@dataclass
class World:
    """An API with two firms' rows behind it, and the ids of some of one of them."""

    firms: Firms
    calls: ManualClock
    """That of rates: requests with a wrong key are counted by the minute."""
    ids: dict[str, str]
    bodies: dict[str, Any]
    """By operation: what is taken."""

    def name_rows(self, case: schemathesis.Case) -> None:
        """Its path is of something that is there."""
        for name in {*self.ids} & {*case.path_parameters}:
            case.path_parameters[name] = self.ids[name]

    def fill_body(self, case: schemathesis.Case, operation: APIOperation) -> None:
        """Its body is taken, where it has one."""
        if operation.label in self.bodies:
            case.headers.clear()
            case.body, case.media_type = self.bodies[operation.label], "application/json"

    def send(self, case: schemathesis.Case, role: str) -> Response:
        """As the case says, with the key of this role."""
        asked = requests.Request(**case.as_transport_kwargs(base_url="http://localhost:8000")).prepare()
        headers = {name: value for name, value in asked.headers.items() if name.lower() != "authorization"}
        if "webhook" in asked.url:
            headers |= signed(asked.body or b"", stories.NOW)
        if role != "none":
            headers["Authorization"] = f"Bearer {self.firms.keys[role]}"
        answer: Response = self.firms.house.client.request(
            asked.method, asked.url, content=asked.body, headers=headers, follow_redirects=False
        )
        return answer


def _world(clients: ExitStack, **limits: int) -> World:
    calls = ManualClock(stories.NOW)

    def make(*, adapters: dict[str, Any], **api: Any) -> House:
        answers = MemoryAnswers(adapters["clock"], timedelta(hours=1))
        slack = Slack(SlackSettings(signing_secret=SecretStr(SECRET)))
        others = {"answers": answers, "sources": Table(slack), "throttle": MemoryThrottle(calls)}
        house = open_house(container_in_memory(settings_of(**(api | limits)), **adapters, **others))
        clients.enter_context(house.client)
        return house

    firms = two_firms(make)
    keyring = firms.house.container.keyring
    firms.keys["writer"] = firms.keys[MINE]
    firms.keys["founder"], _ = keyring.issue("test", [f"{INGEST}:{COMPANY}", f"{SHARE}:{COMPANY}"], None, "cli:ana")
    firms.keys["wrong"] = "sago_of_nobody"
    watch = firms.watch()
    letter = firms.compose(watch)
    return World(
        firms,
        calls,
        {
            "company_id": COMPANY,
            "firm_id": MINE,
            "watch_id": str(watch.id),
            "letter_id": str(letter.id),
            "event_id": str(stories.EVENTS[0].id),
            "source": "slack",
        },
        {
            "POST /api/v1/data-flow/ingest": row(),
            "POST /api/v1/watches": {"company_id": COMPANY, "conditions": ["arr >= 2M"], "reason": "ARR below 2M"},
            "PUT /api/v1/outreach/{letter_id}": {
                "subject": letter.draft.subject,
                "body": letter.draft.body,
                "sha256": letter.draft.sha256,
            },
            "POST /api/v1/outreach/{letter_id}/approve": {
                "sha256": letter.draft.sha256,
                "tick": sorted(letter.to_tick),
            },
        },
    )


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as clients:
        yield _world(clients)


SERVERS = {
    "kafka": ("log",),
    "redis": ("buffer", "replies", "dispatcher", "answers", "deliveries"),
    "postgres": ("database", "tenants", "raw"),
}
"""Whose adapters they are, where each keeps what it keeps by default."""


def take_down(world: World, server: str) -> None:
    """From now on it does not answer whatever it is asked."""

    def away(*_: Any, **__: Any) -> Any:
        raise TransientError(f"{server} at nowhere:1 does not answer")

    for port in SERVERS[server]:
        adapter = world.firms.house.container.__dict__[port]
        for name in dir(adapter):
            if name != "close" and not name.startswith("_") and callable(getattr(adapter, name)):
                setattr(adapter, name, away)


def _operations() -> list[APIOperation]:
    document = create_app(container_in_memory(settings_of())).openapi()
    return [each.ok() for each in schemathesis.openapi.from_dict(document).get_all_operations()]


@pytest.mark.parametrize("operation", _operations(), ids=lambda each: each.label)
def test_every_answer_is_one_of_the_document(world: World, operation: APIOperation) -> None:
    right, wrong = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @given(st.one_of(right, right, wrong), st.booleans(), st.booleans())
    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
    def run(case: schemathesis.Case, is_known: bool, is_whole: bool) -> None:
        world.calls.advance(timedelta(minutes=1))
        if is_known:
            world.name_rows(case)
        if is_whole:
            world.fill_body(case, operation)
        for role in ROLES:
            case.validate_response(world.send(case, role), checks=CHECKS)

    run()


ASKS_NOBODY = {"GET /health/live"}
ASKED_AGAIN_ANYWAY = {"GET /health/ready"}
"""By machines, every few seconds."""


def asked_in_vain(world: World, operation: APIOperation) -> set[int]:
    """Statuses of what is sent by those whose key was looked up a moment ago, and by those of whom it is longer ago."""
    statuses: set[int] = set()

    @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), st.booleans())
    @settings(max_examples=3, database=None, suppress_health_check=list(HealthCheck))
    def run(case: schemathesis.Case, is_long_ago: bool) -> None:
        world.calls.advance(timedelta(minutes=1))
        if is_long_ago:
            world.firms.clock.advance(TRUSTED_FOR)
        world.name_rows(case)
        world.fill_body(case, operation)
        for role in ROLES:
            answer = world.send(case, role)
            case.validate_response(answer, checks=OF_DOCUMENT)
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            if answer.status_code == 503 and operation.label not in ASKED_AGAIN_ANYWAY:
                assert int(answer.headers["Retry-After"]) > 0
            statuses.add(answer.status_code)

    run()
    return statuses


@pytest.mark.parametrize("operation", _operations(), ids=lambda each: each.label)
def test_without_a_server_every_answer_is_still_one_of_the_document(operation: APIOperation) -> None:
    statuses: set[int] = set()
    for server in SERVERS:
        with ExitStack() as clients:
            world = _world(clients)
            for role in ("reader", "writer", "founder"):
                world.firms.get("/api/v1/event-types", role)
            take_down(world, server)
            statuses |= asked_in_vain(world, operation)
    assert (503 in statuses) is (operation.label not in ASKS_NOBODY), statuses


@pytest.mark.parametrize("operation", _operations(), ids=lambda each: each.label)
def test_what_is_asked_too_often_is_told_so_in_the_words_of_the_document(operation: APIOperation) -> None:
    statuses: list[int] = []
    with ExitStack() as clients:
        world = _world(clients, rate_limit=1, rate_burst=1)

        @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        @settings(max_examples=5, database=None, suppress_health_check=list(HealthCheck))
        def run(case: schemathesis.Case) -> None:
            for role in (*ROLES, *["wrong"] * 10):
                answer = world.send(case, role)
                case.validate_response(answer, checks=CHECKS)
                assert answer.status_code != 429 or int(answer.headers["Retry-After"]) > 0
                statuses.append(answer.status_code)

        run()
    is_keyed = bool(operation.definition.raw.get("security"))
    assert (statuses.count(429) > len(statuses) / 4) is is_keyed, statuses
