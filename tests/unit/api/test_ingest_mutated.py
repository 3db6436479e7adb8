"""Ten thousand mutated bodies of ingest: none is a 500, and no good message is lost beside a bad one."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sago.api.examples import EXAMPLES
from sago.domain.messages import Message
from tests.unit.api.api_house import INGEST, House, MakeHouse, row
from tests.unit.api.slack_deliveries import OURS, Mutation, mutated, tree_wrong

RUNS, AT_ONCE = 500, 20
"""Of hypothesis, and mutated bodies in each."""
JSON = {"Content-Type": "application/json"}
MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.builds(Mutation, st.integers(0, 1), st.integers(0, 10_000), st.integers(0, 10_000))
    ),
    min_size=AT_ONCE,
    max_size=AT_ONCE,
)
TOPICS = ("slack-messages", "gmail-messages")


def handed_in() -> list[dict[str, Any]]:
    """Messages as they are handed in: rows, a list of rows as the data of one, and payloads of each source."""
    samples = [
        {"source_name": path.name.partition("_")[0], "data": json.loads(path.read_text("utf-8"))}
        for path in sorted(OURS.glob("*_*.json"))
        if path.name.startswith(("slack_", "gmail_"))
    ]
    examples = [each["value"] for name, each in EXAMPLES.items() if name != "list"]
    rows = [row(number)["data"] for number in (1, 2, 3)]
    return [*examples, {"source_name": "slack", "company_id": "acme", "data": rows}, *samples]


def _good(number: int, place: int) -> dict[str, Any]:
    return row(id=f"good-{number}-{place}")


def _send(house: House, body: bytes) -> Response:
    answer: Response = house.client.post(INGEST, content=body, headers=JSON)
    return answer


def _published(house: House) -> set[str]:
    """The ids of what went into the log, which is empty afterwards; every record of it can be read."""
    values = [record.value for topic in TOPICS for record in house.log.records(topic)]
    for pair in house.log.pairs():
        house.log.drop(pair, house.log.end(pair))
    with ThreadPoolExecutor(1) as bridge:  # a stack as flat as a process of its own has
        return {message.id for message in bridge.map(Message.from_json, values)}


@pytest.fixture
def quiet() -> Iterator[None]:
    """Only errors are logged: the rest takes its time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("quiet")
def test_ten_thousand_mutated_bodies(make: MakeHouse) -> None:
    house, bases = make(rate_limit=0), handed_in()
    statuses: Counter[int] = Counter()
    number = 0

    @given(MUTATIONS)
    @settings(max_examples=RUNS, database=None, suppress_health_check=list(HealthCheck))
    def run(mutations: list[tuple[int, Mutation]]) -> None:
        nonlocal number
        number += 1
        taken: set[str] = set()
        for base, mutation in mutations:
            answer = _send(house, mutated(bases[base % len(bases)], mutation))
            statuses[answer.status_code] += 1
            assert answer.status_code in (202, 207, 422), answer.text
            taken |= set(answer.json().get("ids", ()))
            assert answer.status_code == 202 or answer.json()["errors"], "each that is not taken is told"
        assert _published(house) == taken
        beside(mutations)

    def beside(mutations: list[tuple[int, Mutation]]) -> None:
        wrong = [tree_wrong(bases[base % len(bases)], how) for base, how in mutations[:6]]
        good = [_good(number, place) for place in range(3)]
        answer = _send(house, json.dumps([good[0], *wrong[:3], good[1], *wrong[3:], good[2]]).encode())
        statuses[answer.status_code] += 1
        assert answer.status_code in (202, 207), answer.text
        wanted = {f"slack:{each['data']['id']}" for each in good}
        told = answer.json()
        assert wanted <= set(told["ids"])
        assert {each["index"] for each in told["errors"]} <= {1, 2, 3, 5, 6, 7}
        assert len(told["ids"]) + len(told["errors"]) == 9
        assert _published(house) == set(told["ids"])

    run()
    assert statuses.total() == RUNS * (AT_ONCE + 1)
    assert min(statuses[202], statuses[207], statuses[422]) > 300, statuses
