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

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
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


def _world(clients: ExitStack) -> World:
    calls = ManualClock(stories.NOW)

    def make(*, adapters: dict[str, Any], **api: Any) -> House:
        answers = MemoryAnswers(adapters["clock"], timedelta(hours=1))
        slack = Slack(SlackSettings(signing_secret=SecretStr(SECRET)))
        others = {"answers": answers, "sources": Table(slack), "throttle": MemoryThrottle(calls)}
        house = open_house(container_in_memory(settings_of(**api), **adapters, **others))
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
        if is_known and case.path_parameters:
            case.path_parameters |= {name: row for name, row in world.ids.items() if name in case.path_parameters}
        if is_whole and operation.label in world.bodies:
            case.headers.clear()
            case.body, case.media_type = world.bodies[operation.label], "application/json"
        for role in ROLES:
            case.validate_response(world.send(case, role), checks=CHECKS)

    run()
