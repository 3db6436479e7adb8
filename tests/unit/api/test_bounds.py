"""How much of a request is read, and in which form wrong ones are told."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from fastapi import Query
from pydantic import BaseModel, Field
from starlette.types import Message

from sago.api.bounds import BODY, Bounds
from tests.unit.api.api_house import House, MakeHouse

NOTES = "/notes"
SECRET = "nobody may read this " * 100


class Note(BaseModel):
    """What a route takes whose body the framework reads."""

    title: Annotated[str, Field(max_length=20)]
    tags: list[int] = []
    more: Any = None


def add_note(note: Note, page: Annotated[int, Query(ge=1)] = 1) -> dict[str, int]:
    """A route as others are."""
    return {"page": page, "tags": len(note.tags)}


@pytest.fixture
def noting(make: MakeHouse) -> House:
    house = make(body_within=5.0)
    house.client.app.add_api_route(NOTES, add_note, methods=["POST"])
    return house


def post(house: House, body: bytes, **given: Any) -> Any:
    headers = {"Content-Type": "application/json"}
    return house.client.post(NOTES, content=body, headers=headers | given.pop("headers", {}), **given)


def test_a_route_whose_body_the_framework_reads_takes_so_much(noting: House) -> None:
    body = b'{"title": "a", "more": "%s"}'
    assert post(noting, body % (b"x" * (BODY - len(body) + 2))).status_code == 200
    answer = post(noting, body % (b"x" * (BODY - len(body) + 3)))
    assert answer.status_code == 413
    assert answer.json() == {"detail": "the body is over 256 kB", "errors": []}
    assert answer.headers["Connection"] == "close"


def test_a_body_that_does_not_tell_its_length_is_read_no_further(noting: House) -> None:
    parts = (b"x" * 100_000 for _ in range(1_000))
    answer = noting.client.post(NOTES, content=parts, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_ingest_takes_more_as_its_own_setting_says(house: House) -> None:
    assert house.ingest({"source_name": "slack", "data": {"x": "x" * 2 * BODY}}).status_code == 422
    assert house.ingest({"x": "x" * 10_000_001}).status_code == 413


@pytest.mark.parametrize("depth", [60_000, 120_000])
def test_json_that_is_nested_deeply_is_422(noting: House, depth: int) -> None:
    answer = post(noting, b'{"title": "a", "more": %s}' % (b"[" * depth + b"]" * depth))
    assert answer.status_code == 422
    assert answer.json()["errors"][0] == {
        "index": 0, "field": "body", "reason": "is nested too deeply", "id": None,
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"\xff\xfe\xfd{}", b'{"title": "\xff"}', b'{"tags": [%s]}' % (b"9" * 5_000)])
def test_a_body_that_cannot_be_read_is_422(noting: House, body: bytes) -> None:
    answer = post(noting, body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body"


def test_what_is_wrong_is_told_by_field_and_reason(noting: House) -> None:
    answer = post(noting, b'{"tags": [1, "two"]}', params={"page": 0})
    assert answer.status_code == 422
    told = {each["field"]: each["reason"] for each in answer.json()["errors"]}
    assert set(told) == {"page", "title", "tags.1"}
    assert told["title"] == "is missing"
    assert answer.json()["detail"].endswith("(and 2 more)")


def test_broken_json_is_told_by_its_place(noting: House) -> None:
    (error,) = post(noting, b'{"title" 1}').json()["errors"]
    assert error["field"] == "body"
    assert error["reason"] == "is not JSON: Expecting ':' delimiter at character 9"


def test_what_was_sent_is_not_repeated(noting: House) -> None:
    answer = post(noting, b'{"title": "%s", "tags": ["%s"]}' % (SECRET.encode(), SECRET.encode()))
    assert answer.status_code == 422
    assert SECRET[:30] not in answer.text


def test_of_many_wrong_fields_a_hundred_are_told(noting: House) -> None:
    answer = post(noting, b'{"title": "a", "tags": [%s]}' % b",".join([b'"x"'] * 5_000))
    assert len(answer.json()["errors"]) == 100
    assert "(and 4999 more)" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/health/live?{'q' * 8_001}", [], 414),
        (f"/health/live?{'q' * 8_000}", [], 200),
        ("/health/live", [("a", "b")] * 101, 431),
        ("/health/live", [("a", "b" * 32_000)], 431),
    ],
)
def test_a_query_and_headers_have_their_bounds(
    house: House, path: str, headers: list[tuple[str, str]], status: int
) -> None:
    answer = house.client.get(path, headers=headers)
    assert answer.status_code == status
    assert len(answer.headers["X-Request-ID"]) == 32
    if status != 200:
        assert set(answer.json()) == {"detail", "errors"}


def test_a_slow_body_is_waited_for_so_long_and_a_client_that_stays_for_ever() -> None:
    heard: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.append(await receive())
        await asyncio.wait_for(receive(), 0.05)

    async def receive() -> Message:
        if heard:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def never() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    scope = {"type": "http", "query_string": b"", "headers": []}
    with pytest.raises(TimeoutError):  # by whoever waits for the client's going away, not by the bound
        asyncio.run(Bounds(app, within=0.01)(scope, receive, None))  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"did not come within 0\.01 s"):
        asyncio.run(Bounds(app, within=0.01)(dict(scope), never, None))  # type: ignore[arg-type]
