"""Handing in messages: what is taken, what is refused and why, and what the caller is told."""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp
from starlette.types import Message as ASGIMessage

from sago.api.handing import Handing
from sago.domain.batches import Progress
from sago.domain.messages import Message
from sago.errors import InvalidMessageError, TransientError
from sago.sources import payloads
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.log import MemoryLog
from tests.unit.api.api_house import HEALTH, INGEST, LOCAL, METRICS, NOW, House, MakeHouse, row

SLACK = {"type": "message", "channel": "C1", "user": "U1", "ts": "1772442251.000200", "text": "a"}

SAMPLES = Path(__file__).resolve().parents[2] / "data"
JSON = {"Content-Type": "application/json"}


def test_a_row_is_taken_and_its_id_told(house: House) -> None:
    answer = house.ingest(row() | {"company_id": "scaleflow"})
    assert answer.status_code == 202
    assert answer.json() == {"ids": ["slack:m-1"], "companies": ["scaleflow"], "stored": False, "errors": []}
    (value,) = house.published()
    message = Message.from_json(value.encode())
    assert (message.company_id, message.sender, message.text) == ("scaleflow", "dana", "line 1")


@pytest.mark.parametrize(
    ("source", "sample", "id_"),
    [
        ("slack", "slack_message.json", "slack:"),
        ("slack", "slack_changed.json", "slack:"),
        ("slack", "slack_deleted.json", "slack:"),
        ("gmail", "gmail_message.json", "gmail:"),
    ],
)
def test_payloads_are_taken_as_their_source_sends_them(house: House, source: str, sample: str, id_: str) -> None:
    data = json.loads((SAMPLES / sample).read_text(encoding="utf-8"))
    answer = house.ingest({"source_name": source, "data": data})
    assert answer.status_code == 202, answer.text
    assert answer.json()["ids"][0].startswith(id_)
    assert len(house.published(f"{source}-messages")) == 1


def test_whose_message_it_is(house: House) -> None:
    house.ingest(row(1))
    house.ingest(row(2, company_id="inrow"))
    house.ingest(row(3) | {"company_id": "outside"})
    answer = house.ingest(row(4, company_id="inrow") | {"company_id": "outside"})
    assert sorted(json.loads(value)["company_id"] for value in house.published()) == ["acme", "inrow", "outside"]
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "company_id"


def test_good_messages_of_a_list_go_on(house: House) -> None:
    answer = house.ingest([row(1), row(2, content=" "), row(3, source="gmail"), row(4, timestamp="soon"), 5])
    assert answer.status_code == 207
    said = answer.json()
    assert said["ids"] == ["slack:m-1", "gmail:m-3"]
    assert [(each["index"], each["field"]) for each in said["errors"]] == [
        (1, "data.content"),
        (3, "data.timestamp"),
        (4, None),
    ]
    assert len(house.published()) == 1
    assert house.published("slack-messages.dlq") == []


def test_a_list_of_data_under_one_source(house: House) -> None:
    answer = house.ingest({"source_name": "gmail", "data": [row(n)["data"] for n in (1, 2)]})
    assert answer.status_code == 202
    assert answer.json()["ids"] == ["gmail:m-1", "gmail:m-2"]


def test_the_receipt_names_the_companies_of_what_was_taken(house: House) -> None:
    rows = [row(1), row(2) | {"company_id": "scalflow"}, row(3, content="") | {"company_id": "birch"}]
    assert house.ingest(rows).json()["companies"] == ["acme", "scalflow"]


def test_a_thousand_at_once_and_no_more(house: House) -> None:
    assert len(house.ingest([row(n) for n in range(1000)]).json()["ids"]) == 1000
    answer = house.ingest([row(n) for n in range(1001)])
    assert answer.status_code == 413
    assert "at most 1,000" in answer.json()["detail"]
    assert len(house.published()) == 1000


def test_a_list_of_bad_ones_alone_is_refused(house: House) -> None:
    answer = house.ingest([row(1, content=""), row(2, content="")])
    assert answer.status_code == 422
    assert answer.json()["detail"] == "data.content: text is empty (and 1 more)"
    assert house.published() == []


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"data": {}}, "source_name", "is no source: say gmail or slack"),
        ({"source_name": "Slack", "data": {}}, "source_name", "did you mean slack?"),
        ({"source_name": "slack"}, "data", "must be an object, not null"),
        ({"source_name": "slack", "data": {}}, "data", "neither a message as slack sends it nor a row"),
        ({"source_name": "gmail", "data": {"id": "1"}}, "data", "neither a message as gmail sends it nor a row"),
        (row() | {"sauce": 1}, "sauce", "unknown field; a message has source_name, company_id, data"),
        (row() | {"company_id": "Acme Inc"}, "company_id", "'Acme Inc' is no company id"),
        (row(id=""), "data.id", "id is empty"),
        (row(id=None), "data.id", "id is empty"),
        (row(timestamp=None), "data.timestamp", "timestamp is empty"),
        (
            row(timestamp="2026-03-02T17:11:00Z"),
            "data.timestamp",
            "timestamp 2026-03-02T17:11:00.000Z is more than 10 minutes in the future",
        ),
        (row(content=["a"]), "data.content", "must be text, not a list"),
        (row(content="x" * 262_145), "data.content", "text is over 256 kB"),
        (row(id="\ud800"), "data.id", "is not valid Unicode"),
        (row() | {"\ud800" * 999: 1}, "?" * 300, "unknown field"),
        (row(sender="\ud800"), "data.sender", "is not valid Unicode"),
        (7, None, "must be an object with source_name and data, not 7"),
        ({"source_name": "slack", "data": SLACK | {"ts": None}}, "data.ts", "ts null is not a Slack time stamp"),
        ({"source_name": "slack", "data": SLACK | {"ts": {}}}, "data.ts", "ts an object is not a Slack time stamp"),
        ({"source_name": "slack", "data": SLACK | {"thread_ts": 7}}, "data.thread_ts", "must be text"),
        (row(is_chat=False), "data.is_chat", "false does not fit source_name slack"),
        ({"source_name": "slack", "data": {"type": "message", "ts": "x", "text": "a"}}, "data.channel", "no channel"),
        (
            {"source_name": "slack", "data": {"type": "message", "channel": "C1", "ts": "x", "text": "a"}},
            "data.ts",
            "'x' is not a Slack time stamp",
        ),
        ({"source_name": "slack", "data": {"type": "reaction_added"}}, "data.type", "not a message"),
        (
            {"source_name": "gmail", "data": {"id": "1", "payload": {}, "internalDate": "soon"}},
            "data.internalDate",
            "internalDate is missing or no time in ms",
        ),
    ],
)
def test_what_is_wrong_is_told_by_field_and_reason(house: House, body: Any, field: str, reason: str) -> None:
    answer = house.ingest(body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["index"] == 0
    assert error["field"] == field
    assert reason in error["reason"]
    assert house.published() == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" * 100_000, "is nested too deeply"),
        (b"\xff\xfe\xff", "is not JSON in UTF-8"),
        (b"1" * 5_000, "is not JSON: 11111111111111111111 is too large a number"),
        (b"1e999", "is not JSON: 1e999 is too large a number"),
    ],
)
def test_a_body_that_cannot_be_read_is_told_in_our_words(house: House, body: bytes, reason: str) -> None:
    answer = house.client.post(INGEST, content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["reason"] == reason
    assert answer.json()["detail"] == f"the body {reason}"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"source_name": NaN}', b'{"data": 1e999}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_that_cannot_be_read(house: House, body: bytes) -> None:
    answer = house.client.post(INGEST, content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body"


@pytest.mark.parametrize("depth", [10, 600, 800, 850, 900, 950])
def test_what_is_taken_however_nested_the_bridge_can_read(house: House, depth: int) -> None:
    deep = (
        '{"source_name": "slack", "data": {"type": "message", "channel": "C1", "ts": "1772467451.1", "text": "a", "x": '
    )
    body = f"[{deep}{'[' * depth}{']' * depth}}}}}, {json.dumps(row(2))}]"
    answer = house.client.post(INGEST, content=body.encode(), headers=JSON)
    assert answer.status_code in (202, 207, 422)
    with ThreadPoolExecutor(1) as bridge:  # a stack as flat as a process of its own has
        ids = {message.id for message in bridge.map(Message.from_json, map(str.encode, house.published()))}
    assert ids == set(answer.json().get("ids", ()))


def test_only_json_is_read(house: House) -> None:
    answer = house.client.post(INGEST, content=json.dumps(row()).encode(), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert house.client.post(INGEST, content=b"{}").status_code == 415


def test_a_body_over_the_limit_is_read_no_further(make: MakeHouse) -> None:
    house = make(body_limit=1000)
    read: list[int] = []

    def parts() -> Any:
        for number in range(100):
            read.append(number)
            yield b" " * 500

    for content in (b" " * 1001, parts()):
        answer = house.client.post(INGEST, content=content, headers=JSON)
        assert answer.status_code == 413
        assert answer.headers["Connection"] == "close"
        assert answer.json()["detail"] == "the body is over 0.001 MB: send it in parts"


def test_the_same_id_twice_in_a_list(house: House) -> None:
    answer = house.ingest([row(1), row(1), row(1, content="another")])
    assert answer.status_code == 207
    assert answer.json()["ids"] == ["slack:m-1", "slack:m-1"]
    assert answer.json()["errors"][0]["reason"] == "same id, other content as message 0"


class Stuck(MemoryLog):
    """A log that acknowledges nothing until the test ends."""

    def __init__(self, topics: dict[str, str]) -> None:
        super().__init__(topics)
        self.released, self.answered = Event(), 0

    def publish(self, *given: Any, **more: Any) -> Any:
        self.released.wait(60)
        self.answered += 1
        return super().publish(*given, **more)


def test_while_more_wait_for_kafka_than_there_are_threads_others_are_answered(
    make: MakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, take, handed = Stuck({"slack": "slack-messages"}), Handing.take, Semaphore(0)

    async def taking(*each: Any) -> list[Message]:
        handed.release()
        return await take(*each)

    monkeypatch.setattr(Handing, "take", taking)
    house = make(adapters={"log": log})
    with ThreadPoolExecutor(45) as pool:
        try:
            waiting = [pool.submit(house.ingest, row(number)) for number in range(45)]
            assert all(handed.acquire(timeout=60) for _ in waiting)
            for path in ("/health/live", "/health/ready", HEALTH, METRICS):
                assert house.client.get(path).status_code == 200
            assert (log.answered, any(each.done() for each in waiting)) == (0, False)
        finally:
            log.released.set()
        assert {each.result().status_code for each in waiting} == {202}


async def half_sent(app: ASGIApp, then: ASGIMessage | None) -> list[ASGIMessage]:
    """What is answered to half a body, after which comes nothing, or something."""
    events = [{"type": "http.request", "body": b'{"source', "more_body": True}, *([then] if then else [])]
    answer: list[ASGIMessage] = []

    async def receive() -> ASGIMessage:
        return events.pop(0) if events else await asyncio.Event().wait()

    async def send(message: ASGIMessage) -> None:
        answer.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": INGEST, "raw_path": INGEST.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "client": LOCAL, "server": ("localhost", 8000),
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await app(scope, receive, send)
    return answer


def test_a_body_that_stops_coming_is_not_waited_for(make: MakeHouse) -> None:
    app = make(body_within=0.05).client.app
    start, end = asyncio.run(asyncio.wait_for(half_sent(app, None), 5))
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"], "what still comes is no next request"
    assert json.loads(end["body"]) == {"detail": "the body did not come within 0.05 s", "errors": []}


def test_a_client_that_leaves_is_no_error(
    house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert asyncio.run(half_sent(house.client.app, {"type": "http.disconnect"})) == []
    logged = caplog.text + "".join(capsys.readouterr())
    assert "the client left" in logged
    assert "499" in logged
    assert "error" not in logged.lower()


class BridgeClock(ManualClock):
    """Each time somebody waits, what is in the log is stored and the watermarks advance."""

    house: House | None = None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.house is not None:
            store(self.house)


def store(house: House) -> None:
    """What the bridge and a store task do."""
    records = house.log.records("slack-messages")
    with house.container.database.begin() as tx:
        for record in records:
            at = record.position
            message = Message.from_json(record.value)
            outcome = house.container.raw.store([message], str(at), NOW)
            if outcome.conflicts:
                tx.ledger.add_dead_letters([conflict(message)])
            tx.ledger.save_progress([Progress(at.log_id, at.topic, at.partition, at.offset + 1)], NOW)


def conflict(message: Message) -> Any:
    from sago.domain.batches import DeadLetter
    from sago.pipeline.storing import CONFLICT, conflict_origin

    return DeadLetter(
        origin=conflict_origin(message), topic="slack-messages", error=CONFLICT, error_type="InvalidMessageError",
        failed_at=NOW,
    )  # fmt: skip


def test_over_a_log_in_memory_the_answer_waits_for_the_raw_store(make: MakeHouse) -> None:
    clock = BridgeClock(NOW)
    house = make(embedded=True, adapters={"clock": clock})
    clock.house = house
    first = house.ingest([row(1), row(2)])
    assert first.status_code == 202
    assert first.json()["stored"] is True
    assert house.container.raw.count() == 2
    assert house.ingest(row(1)).status_code == 202, "a duplicate is no error"
    again = house.ingest([row(1, content="other"), row(3)])
    assert again.status_code == 207
    assert again.json()["ids"] == ["slack:m-3"]
    assert again.json()["errors"][0]["reason"] == "same id, other content as the message stored before"


def test_a_bridge_that_stands_still_is_waited_for_so_long(make: MakeHouse) -> None:
    clock = ManualClock(NOW)
    house = make(embedded=True, adapters={"clock": clock}, answer_within=7.0)
    answer = house.ingest(row())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "did not store everything in time" in answer.json()["detail"]
    assert 7 <= clock.monotonic() < 8


class Down(MemoryLog):
    """A log nobody reaches."""

    def publish(self, *_: Any, **__: Any) -> Any:
        raise TransientError("Kafka at nowhere:1 does not answer: refused")


def test_kafka_down_is_one_clear_line(make: MakeHouse) -> None:
    answer = make(adapters={"log": Down({"slack": "slack-messages"})}).ingest(row())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json() == {"detail": "Kafka does not answer: refused", "errors": []}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["type", "subtype", "ts", "channel", "text", "user", "message", "edited", "blocks", "thread_ts", "deleted_ts",
     "previous_message", "event", "id", "payload", "headers", "parts", "body", "data", "internalDate", "threadId",
     "timestamp", "content", "sender", "is_chat", "thread_id", "files", "attachments", "user_profile"]
)  # fmt: skip
WORDS = st.sampled_from(["message", "message_changed", "message_deleted", "event_callback", "1772467451.1", "C1", "1"])
DATA = st.dictionaries(KEYS, WORDS | JSON_VALUES | st.dictionaries(KEYS, WORDS | JSON_VALUES, max_size=5), max_size=9)


@pytest.mark.parametrize("source", ["slack", "gmail"])
@given(data=DATA)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_handed_in_is_a_message_or_refused(source: str, data: dict[str, Any]) -> None:
    try:
        message = payloads.to_message(source, data, "acme", NOW)
    except InvalidMessageError:
        return
    assert Message.from_json(message.to_json()).key == message.key
