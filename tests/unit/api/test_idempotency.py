"""Ingest under an `Idempotency-Key`, and by keys that open some companies."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sago.errors import TransientError
from sago.stores.memory.log import MemoryLog
from tests.unit.api.api_house import INGEST, House, MakeHouse, row
from tests.unit.api.callers import bearer

TOPICS = {"slack": "slack-messages", "gmail": "gmail-messages"}
KEY = '"8e03978e-40d5-43dd-bc93-6894a57f9324"'
REPLAYED = "Idempotency-Replayed"


def ingest(house: House, body: Any, key: str = KEY, **headers: str) -> Response:
    return house.ingest(body, **{"Idempotency-Key": key}, **headers)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (row(), 202),
        ([row(), row(2, content="")], 207),
        (row(content=""), 422),
        ([], 422),
        ([row()] * 1001, 413),
    ],
)
def test_the_same_request_again_gets_the_first_answer_again(house: House, body: Any, status: int) -> None:
    first, again = ingest(house, body), ingest(house, body)
    assert (first.status_code, again.status_code) == (status, status)
    assert first.json() == again.json()
    assert (REPLAYED in first.headers, again.headers.get(REPLAYED)) == (False, "true")
    assert len(house.published()) == (status < 400)


def test_a_large_answer_is_not_kept_and_the_same_again_has_no_further_effect(house: House) -> None:
    many = [row(number, content="") for number in range(200)]
    for key, body, status in (('"some"', [row(), *many], 207), ('"none"', many, 422)):
        first, again = ingest(house, body, key), ingest(house, body, key)
        assert (first.status_code, again.status_code) == (status, status)
        assert first.json() == again.json()
        assert ingest(house, [row(), *many[1:]], key).json()["errors"][0]["field"] == "Idempotency-Key"
    kept = house.container.__dict__["replies"]._kept.values()
    assert len(first.content) > 10_000 > 100 > max(len(answer) for *_, answer in kept)
    assert len(set(house.published())) == 1


def test_a_large_refusal_is_looked_at_anew_so_that_what_was_from_the_future_is_taken(house: House) -> None:
    clock: Any = house.container.clock
    soon = (clock.now() + timedelta(minutes=15)).isoformat()
    few, many = ([row(number, timestamp=soon) for number in range(length)] for length in (1, 100))
    sent = ((few, KEY), (many, '"large"'))
    assert [ingest(house, body, key).status_code for body, key in sent] == [422, 422]
    clock.advance(timedelta(minutes=10))
    assert [ingest(house, body, key).status_code for body, key in sent] == [422, 202]


def test_another_body_under_the_same_key_is_refused_and_not_taken(house: House) -> None:
    ingest(house, row())
    answer = ingest(house, row(2))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "index": 0,
            "field": "Idempotency-Key",
            "reason": "was sent with another body before: make a new key",
            "id": None,
        }
    ]
    assert len(house.published()) == 1
    assert ingest(house, row(2), '"another"').status_code == 202


def test_each_caller_has_keys_of_its_own(house: House) -> None:
    one, other = bearer(house, "ingest:acme"), bearer(house, "ingest:acme")
    assert ingest(house, row(), **one).status_code == 202
    answer = ingest(house, row(2), **other)
    assert (answer.status_code, REPLAYED in answer.headers) == (202, False)


def test_after_a_day_a_key_is_new(house: House) -> None:
    ingest(house, row())
    clock: Any = house.container.clock
    clock.advance(timedelta(hours=24, seconds=1))
    assert REPLAYED not in ingest(house, row()).headers


class Waiting(MemoryLog):
    """A log that acknowledges when it is told to, or not at all."""

    def __init__(self) -> None:
        super().__init__(TOPICS)
        self.asked, self.goes = threading.Event(), threading.Event()
        self.fails = False

    def publish(self, *given: Any, **more: Any) -> Any:
        self.asked.set()
        assert self.goes.wait(10)
        if self.fails:
            raise TransientError("Kafka does not answer")
        return super().publish(*given, **more)


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


def test_while_the_first_is_under_way_the_same_is_told_to_ask_again(make: MakeHouse, waiting: Waiting) -> None:
    house = make(adapters={"log": waiting})
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ingest, house, row())
        assert waiting.asked.wait(10)
        meanwhile, other = ingest(house, row()), ingest(house, row(2))
        waiting.goes.set()
        assert first.result().status_code == 202
    assert (meanwhile.status_code, meanwhile.headers["Retry-After"]) == (409, "1")
    assert other.status_code == 422
    assert ingest(house, row()).headers[REPLAYED] == "true"
    assert len(house.published()) == 1


def test_what_failed_on_our_side_is_tried_again(make: MakeHouse, waiting: Waiting) -> None:
    house = make(adapters={"log": waiting})
    waiting.goes.set()
    waiting.fails = True
    assert ingest(house, row()).status_code == 503
    waiting.fails = False
    answer = ingest(house, row())
    assert (answer.status_code, REPLAYED in answer.headers) == (202, False)


@pytest.mark.parametrize("key", ['"a b"', "a-b_c.d/e=", '"quote \\" and \\\\"', " plain "])
def test_a_key_is_a_string_and_of_plain_letters_also_without_quotes(house: House, key: str) -> None:
    assert ingest(house, row(), key).status_code == 202
    assert ingest(house, row(), key).headers[REPLAYED] == "true"


def test_with_quotes_and_without_it_is_one_key(house: House) -> None:
    ingest(house, row(), '"abc"')
    assert ingest(house, row(), "abc").headers[REPLAYED] == "true"


@pytest.mark.parametrize(
    "key", ["", '""', '"open', 'a"b', "two words", '"x";a=1', '"x", "y"', '"\u00e9"', '"' + "x" * 256 + '"']
)
def test_what_is_no_key_is_told_with_field_and_reason(house: House, key: str) -> None:
    headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key.encode("latin-1"))]
    answer = house.client.post(INGEST, content=json.dumps(row()).encode(), headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert house.published() == []


def test_two_keys_in_one_request_are_none(house: House) -> None:
    headers = [("Content-Type", "application/json"), ("Idempotency-Key", '"a"'), ("Idempotency-Key", '"a"')]
    assert house.client.post(INGEST, content=json.dumps(row()).encode(), headers=headers).status_code == 422


RUNS = count()


@pytest.fixture
def shared_house(make: MakeHouse) -> House:
    return make(rate_limit=0)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, 3)), max_size=6))
def test_whatever_is_sent_the_first_body_of_a_key_decides(shared_house: House, sent: list[tuple[str, int]]) -> None:
    run = next(RUNS)
    first: dict[str, tuple[int, Any]] = {}
    for key, number in sent:
        answer = ingest(shared_house, row(number), f'"{run}-{key}"')
        body, said = first.setdefault(key, (number, answer.json()))
        assert answer.status_code == (202 if body == number else 422)
        assert (answer.json() == said) is (body == number)


def test_a_key_without_any_ingest_scope_is_refused_before_its_body_is_read(make: MakeHouse) -> None:
    house = make(body_limit=10)
    for headers in (bearer(house, "read", "write", firm="alba"), bearer(house, "operate"), bearer(house, "share:acme")):
        answer = house.ingest(row(), **headers)
        assert answer.status_code == 403
        assert "does not open ingest" in answer.json()["detail"]


def test_messages_of_other_companies_are_refused_one_by_one_there_or_not(house: House) -> None:
    headers = bearer(house, "ingest:birch", firm="alba")
    with house.container.database.begin() as tx:
        tx.companies.ensure_all(["acme"], house.container.clock.now())
    rows = [row(1), row(2), row(3), row(4, company_id="birch")]
    bodies = [
        each | {"company_id": company} for each, company in zip(rows, ("acme", "nobody", "birch", "birch"), strict=True)
    ]
    answer = house.ingest(bodies, **headers)
    assert (answer.status_code, answer.json()["ids"]) == (207, ["slack:m-3", "slack:m-4"])
    there, not_there = answer.json()["errors"]
    assert there["reason"].replace("acme", "nobody") == not_there["reason"] == "this key does not open ingest:nobody"
    alone = [house.ingest(body, **headers) for body in bodies[:2]]
    assert [each.status_code for each in alone] == [422, 422]
    assert alone[0].text.replace("acme", "nobody").replace("m-1", "m-2") == alone[1].text


def test_who_may_not_hand_in_for_the_house_s_own_company_is_not_told_its_name(house: House) -> None:
    answer = house.ingest(row(), **bearer(house, "ingest:birch"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["reason"] == "say whose message it is"
    assert house.container.settings.company_id not in answer.text
