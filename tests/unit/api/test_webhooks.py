"""What vendors push: who is let in, what is taken, and what each is told."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from fastapi import Request
from httpx2 import Response

from sago.api import deliveries
from sago.api.desk import Desk
from sago.api.held import Held
from sago.api.intake import read_body
from sago.domain.connections import ConnectionState
from sago.domain.messages import Message
from sago.errors import TransientError
from sago.stores.memory.deliveries import MemoryDeliveryCounts
from sago.stores.memory.dispatcher import MemoryDispatcher
from sago.stores.memory.log import MemoryLog
from tests.unit.api.api_house import HOUSE_KEY, METRICS, NOW, House, MakeHouse
from tests.unit.pipeline.scripted_source import Scripted, Table, connection_of, signed

WEBHOOK = "/api/v1/data-flow/webhook/slack"
TEXT = "nobody may read this text"
TOPICS = {"slack": "slack-messages"}


def delivery(*items: dict[str, Any], account: str = "T1", **more: Any) -> bytes:
    return json.dumps({"account": account, "items": list(items), **more}).encode()


def message(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"m-{number}", "text": f"line {number}", **more}


@pytest.fixture
def hooked(make: MakeHouse) -> MakeHouse:
    """Makes houses with a scripted source that one account is connected to."""

    def made(*, adapters: dict[str, Any] | None = None, **more: Any) -> House:
        house = make(adapters={"sources": Table(Scripted()), **(adapters or {})}, **more)
        with house.container.database.begin() as tx:
            tx.connections.save(connection_of())
        return house

    return made


@pytest.fixture
def house(hooked: MakeHouse) -> House:
    return hooked()


def deliver(house: House, body: bytes, headers: dict[str, str] | None = None, path: str = WEBHOOK) -> Response:
    answer: Response = house.client.post(path, content=body, headers=signed(body) if headers is None else headers)
    return answer


def counted(house: House) -> Any:
    return house.client.get(METRICS).json()["webhooks"]


def store(house: House, topic: str = "slack-messages") -> None:
    """What the bridge and a store task do."""
    for record in house.log.records(topic):
        house.container.raw.store([Message.from_json(record.value)], str(record.position), NOW)


def test_what_is_signed_is_taken_and_once_it_is_stored_known(house: House) -> None:
    body = delivery(message())
    first = deliver(house, body)
    assert first.status_code == 200
    assert first.json() == {"taken": 1, "known": 0, "ignored": 0, "refused": 0, "woken": 0}
    (value,) = house.published()
    assert json.loads(value)["company_id"] == "acme"
    store(house)
    again = deliver(house, body, signed(body) | {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"})
    assert again.json() == {"taken": 0, "known": 1, "ignored": 0, "refused": 0, "woken": 0}
    assert len(house.published()) == 1
    assert counted(house)["sources"]["slack"] | {"ignored": None} == counts(taken=1, known=1) | {"ignored": None}


def counts(**said: int) -> dict[str, int]:
    messages, deliveries = "taken known refused", "woken ended wrong_signature unreadable not_set_up unavailable"
    return dict.fromkeys(f"{messages} {deliveries}".split(), 0) | said


@pytest.mark.parametrize("key", [None, HOUSE_KEY])
def test_from_outside_no_key_is_asked_for_but_the_signature(hooked: MakeHouse, key: str | None) -> None:
    house = hooked(key=key, caller=("203.0.113.9", 4711))
    body = delivery(message())
    assert deliver(house, body, {**signed(body), "Host": "sago.example"}).status_code == 200
    assert house.client.get(METRICS).status_code == (401 if key else 403), "nothing else is open"


def test_what_its_vendor_did_not_sign_is_refused_and_counted(house: House) -> None:
    body = delivery(message(text=TEXT))
    right = signed(body)
    bad: list[tuple[bytes, dict[str, str]]] = [
        (body, {}),
        (body, {"X-At": right["X-At"]}),
        (body + b" ", right),
        (body, right | {"X-Signature": right["X-Signature"][:-1]}),
        (body, right | {"X-Signature": ""}),
        (body, signed(body, NOW - timedelta(minutes=5, seconds=1))),
        (body, signed(body, NOW + timedelta(minutes=5, seconds=1))),
    ]
    for content, headers in bad:
        answer = deliver(house, content, headers)
        assert answer.status_code == 401, headers
        assert TEXT not in answer.text
    assert house.published() == []
    assert counted(house)["sources"]["slack"]["wrong_signature"] == len(bad)
    assert deliver(house, body, signed(body, NOW - timedelta(minutes=4, seconds=59))).status_code == 200


@pytest.mark.parametrize("name", ["nothing", "Slack", "a%2Fb", "%00", "x" * 5000])
def test_an_unknown_source_is_404_and_counted_without_its_name(house: House, name: str) -> None:
    answer = deliver(house, b"{}", path=f"/api/v1/data-flow/webhook/{name}")
    assert answer.status_code == 404
    if name != "a%2Fb":  # two segments: no path of ours
        assert counted(house) == {"sources": {}, "unknown_source": 1}


def test_a_missing_setting_is_told_to_the_log_alone(
    hooked: MakeHouse, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    house = hooked(adapters={"sources": Table(Scripted(secret=None))})
    with caplog.at_level(logging.INFO):
        answer = deliver(house, delivery(message(text=TEXT)))
    logged = caplog.text + "".join(capsys.readouterr())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "signing_secret" not in answer.text
    assert "slack.signing_secret is not set" in logged
    assert TEXT not in logged
    assert counted(house)["sources"]["slack"]["not_set_up"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"raise": "nobody may read this text"}', b"\x1f\x8b\x08"]
)
def test_a_signed_body_that_cannot_be_read_is_422_and_counted(
    house: House, body: bytes, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert deliver(house, body).status_code == 422
    assert counted(house)["sources"]["slack"]["unreadable"] == 1
    assert TEXT not in caplog.text + "".join(capsys.readouterr())


def test_a_body_over_the_limit_is_read_no_further(house: House) -> None:
    assert deliver(house, b" " * 3_000_001).status_code == 413
    assert deliver(house, delivery(message(more=" " * 2_500_000))).status_code == 200


def test_of_an_unknown_source_no_body_is_read(house: House) -> None:
    too_large = b" " * 3_000_001
    assert deliver(house, too_large, path=f"{WEBHOOK}-of-nobody").status_code == 404


def test_more_headers_than_any_vendor_sends_are_refused(house: House) -> None:
    body = delivery(message())
    many = [*signed(body).items(), *(("a", "b") for _ in range(12_500))]
    assert house.client.post(WEBHOOK, content=body, headers=many).status_code == 431
    assert house.client.post(WEBHOOK, content=body, headers=many[:50]).status_code == 200


def test_large_bodies_share_so_much_memory_and_small_ones_get_past_them(house: House) -> None:
    house.client.app.state.held = Held(most=1_000_000)
    large = delivery(message(more=" " * 1_500_000))
    answer = deliver(house, large, {})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    fits = delivery(message(more=" " * 900_000))
    with house.client.app.state.held.body() as grow:
        grow(1_000_000)
        assert deliver(house, fits).status_code == 503
        assert deliver(house, delivery(message())).status_code == 200
    assert [deliver(house, fits).status_code for _ in range(3)] == [200] * 3, "what was held is let go"


def test_a_slow_body_ends_before_the_time_is_up_and_warns_of_nothing(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    given: list[float] = []

    async def reading(request: Request, limit: int, within: float, grow: Callable[[int], object]) -> bytes:
        given.append(within)
        return await read_body(request, limit, 0.01, grow)

    async def receive() -> dict[str, Any]:
        return await asyncio.Event().wait()

    monkeypatch.setattr(deliveries, "read_body", reading)

    async def send(event: Any) -> None:
        sent.append(event)

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": WEBHOOK, "query_string": b""}
    scope |= {"headers": [(b"host", b"localhost")]}
    scope |= {"client": ("203.0.113.9", 4711), "scheme": "http"}
    asyncio.run(house.client.app(scope, receive, send))
    assert sent[0]["status"] == 408
    assert 0 < given[0] < house.container.settings.sources.answer_within
    assert "warning" not in "".join(capsys.readouterr())


def test_the_answer_is_what_the_vendor_wants_to_read(house: House) -> None:
    challenge = delivery(account="", answer={"challenge": "abc"}, ignored="url_verification")
    assert deliver(house, challenge).json() == {"challenge": "abc"}
    assert deliver(house, delivery(message(), answer={"ok": True})).json() == {"ok": True}
    assert len(house.published()) == 1
    assert counted(house)["sources"]["slack"]["ignored"] == {"url_verification": 1}


def test_of_an_account_that_nobody_connected_or_somebody_removed_nothing_is_taken(house: House) -> None:
    with house.container.database.begin() as tx:
        tx.connections.save(connection_of(account="T2", state=ConnectionState.REMOVED))
        tx.connections.save(connection_of(account="T3", state=ConnectionState.REFUSED))
    for account in ("T2", "T9"):
        answer = deliver(house, delivery(message(1), message(2), account=account, wakes=["*"]))
        assert (answer.status_code, answer.json()["ignored"]) == (200, 2)
    assert house.published() == []
    assert counted(house)["sources"]["slack"]["ignored"] == {"no such connection": 4}
    assert deliver(house, delivery(message(), account="T3")).json()["taken"] == 1, "its token ended, not its share"


def test_good_items_go_on_beside_bad_ones(house: House) -> None:
    items = [
        message(1),
        message(2, text=""),
        message(3, ignore="a bot of ours"),
        message(4, **{"raise": 1}),
        message(5, sent_at="2031-01-01T00:00:00Z"),
        message(6, text="\ud800"),
        message(7),
    ]
    answer = deliver(house, delivery(*items))
    assert answer.json() == {"taken": 2, "known": 0, "ignored": 1, "refused": 4, "woken": 0}
    assert {json.loads(value)["id"] for value in house.published()} == {"slack:m-1", "slack:m-7"}
    assert len(house.published("slack-messages.dlq")) == 4
    assert sum(answer.json().values()) == len(items)


def test_news_makes_a_stream_due_and_is_read_at_once(house: House) -> None:
    connection = connection_of()
    with house.container.database.begin() as tx:
        tx.streams.ensure(connection.id, ["C1", "C2"], NOW + timedelta(hours=1))
    assert deliver(house, delivery(wakes=["C1"])).json()["woken"] == 1
    with house.container.database.begin() as tx:
        assert [each.name for each in tx.streams.of(connection.id) if each.due_at <= NOW] == ["C1"]
    dispatcher: Any = house.container.dispatcher
    assert eventually(lambda: dispatcher.sent == [("sources.pull", (connection.id, "C1"))])
    assert deliver(house, delivery(wakes=["*"])).json()["woken"] == 2
    with house.container.database.begin() as tx:
        assert [each.name for each in tx.streams.of(connection.id) if each.due_at <= NOW] == ["C1", "C2"]
    assert deliver(house, delivery(wakes=["C9"])).json()["woken"] == 0, "nobody reads it"
    assert counted(house)["sources"]["slack"]["woken"] == 3


def test_a_stream_that_is_woken_again_and_again_is_sent_once(house: House) -> None:
    connection = connection_of()
    with house.container.database.begin() as tx:
        tx.streams.ensure(connection.id, ["C1"], NOW)
    for _ in range(10):
        assert deliver(house, delivery(wakes=["*"])).json()["woken"] == 1
    dispatcher: Any = house.container.dispatcher
    assert eventually(lambda: dispatcher.sent == [("sources.pull", (connection.id, "C1"))])
    with house.container.database.begin() as tx:
        read = tx.streams.claim(connection.id, "C1", NOW, NOW + timedelta(minutes=1))
        assert read
        tx.streams.release(read)
    deliver(house, delivery(wakes=["*"]))
    assert eventually(lambda: len(dispatcher.sent) == 2), "it has been read since"


def test_of_many_streams_that_are_woken_a_few_are_sent_at_once_and_poll_finds_the_others(hooked: MakeHouse) -> None:
    dispatcher = SilentDispatcher()
    house = hooked(adapters={"dispatcher": dispatcher})
    names = {f"C{number}" for number in range(300)}
    with house.container.database.begin() as tx:
        tx.streams.ensure(connection_of().id, names, NOW)
    before = threading.active_count()
    try:
        assert deliver(house, delivery(wakes=["*"])).json()["woken"] == len(names)
        assert threading.active_count() < before + 10
        with house.container.database.begin() as tx:
            found = tx.streams.queue(NOW, NOW + timedelta(minutes=1), len(names))
        assert len(names) - 100 < len(found) < len(names)
    finally:
        dispatcher.released.set()


def test_news_that_could_not_be_sent_are_found_as_soon_as_the_broker_is_back(hooked: MakeHouse) -> None:
    dispatcher = SilentDispatcher()
    house = hooked(adapters={"dispatcher": dispatcher})
    dispatcher.released.set()
    names = ["C1", "C2"]

    def found() -> list[str]:
        with house.container.database.begin() as tx:
            return [each.name for each in tx.streams.of(connection_of().id) if each.queued_until is None]

    with house.container.database.begin() as tx:
        tx.streams.ensure(connection_of().id, names, NOW)
    deliver(house, delivery(wakes=["*"]))
    assert eventually(lambda: found() == names)


def test_what_its_vendor_has_ended_waits_for_a_person_to_connect_it_again(house: House) -> None:
    body = delivery(ended="removed")
    assert [deliver(house, body).status_code for _ in range(2)] == [200, 200]
    with house.container.database.begin() as tx:
        connection = tx.connections.get(connection_of().id)
    assert connection is not None
    assert (connection.state, connection.reason) == (ConnectionState.REFUSED, "removed")
    assert counted(house)["sources"]["slack"]["ended"] == 2
    removed = connection_of(account="T2", state=ConnectionState.REMOVED)
    with house.container.database.begin() as tx:
        tx.connections.save(removed)
    deliver(house, delivery(account="T2", ended="gone"))
    with house.container.database.begin() as tx:
        assert tx.connections.get(removed.id) == removed


def test_an_end_from_before_it_was_connected_again_is_over(house: House) -> None:
    again = connection_of(connected_at=NOW - timedelta(minutes=1))
    with house.container.database.begin() as tx:
        tx.connections.save(again)
    late = delivery(ended="removed", ended_at=(NOW - timedelta(minutes=3)).isoformat())
    assert deliver(house, late).json()["ignored"] == 1
    with house.container.database.begin() as tx:
        assert tx.connections.get(again.id) == again
    assert counted(house)["sources"]["slack"]["ignored"] == {"ended before it was connected again": 1}
    deliver(house, delivery(ended="removed", ended_at=NOW.isoformat()))
    with house.container.database.begin() as tx:
        assert tx.connections.get(again.id) != again


def eventually(holds: Any) -> bool:
    until = time.monotonic() + 60
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(holds())


class SilentDispatcher(MemoryDispatcher):
    """A broker that does not answer until the test ends."""

    def __init__(self) -> None:
        super().__init__()
        self.released, self.has_answered = Event(), False

    def pull(self, *_: Any) -> None:
        self.released.wait(20)
        self.has_answered = True
        raise TransientError("broker does not answer")


def test_a_silent_broker_holds_up_no_answer(hooked: MakeHouse) -> None:
    dispatcher = SilentDispatcher()
    house = hooked(adapters={"dispatcher": dispatcher})
    try:
        with house.container.database.begin() as tx:
            tx.streams.ensure(connection_of().id, ["C1"], NOW)
        for number in range(3):
            answer = deliver(house, delivery(message(number), wakes=["C1"]))
            assert (answer.status_code, answer.json()["woken"]) == (200, 1)
        assert not dispatcher.has_answered
    finally:
        dispatcher.released.set()


class SilentLog(MemoryLog):
    """A Kafka that acknowledges nothing until the test ends."""

    def __init__(self) -> None:
        super().__init__(TOPICS)
        self.released = Event()

    def publish(self, *given: Any, **more: Any) -> Any:
        self.released.wait(20)
        return super().publish(*given, **more)


class Hasty(Desk):
    """Waits for nothing, or as long as is said; notes for how long it was asked to."""

    within = 0.0
    gives = 0.0

    async def answer(self, question: Callable[[], Any], within: float, *turns: asyncio.Semaphore) -> Any:
        self.within = within
        return await super().answer(question, self.gives, *turns)


def test_a_silent_kafka_is_503_in_time_and_what_it_takes_later_is_taken(hooked: MakeHouse) -> None:
    log = SilentLog()
    house = hooked(adapters={"log": log})
    body = delivery(message())
    house.client.app.state.desk = hasty = Hasty()
    try:
        answer = deliver(house, body)
        assert answer.status_code == 503
        assert hasty.within == house.container.settings.sources.answer_within
        assert int(answer.headers["Retry-After"]) > 0
        assert "Kafka" not in answer.text
    finally:
        log.released.set()
    assert eventually(lambda: counted(house)["sources"]["slack"]["taken"] == 1)
    store(house)
    house.client.app.state.desk = Desk()
    assert deliver(house, body).json()["known"] == 1


def test_what_a_body_took_is_not_left_for_its_delivery(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reading(*given: Any) -> bytes:
        house.container.clock.sleep(1.5)
        return await read_body(*given)

    monkeypatch.setattr(deliveries, "read_body", reading)
    house.client.app.state.desk = hasty = Hasty()
    deliver(house, delivery(message()))
    assert hasty.within == house.container.settings.sources.answer_within - 1.5


def test_while_more_wait_than_there_are_threads_others_are_told_to_come_again(hooked: MakeHouse) -> None:
    log = SilentLog()
    house = hooked(adapters={"log": log})
    house.client.app.state.desk = desk = Hasty(most=5)
    try:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda number: deliver(house, delivery(message(number))), range(20)))
            assert Counter(answer.status_code for answer in answers) == {503: 20}
            assert house.client.get("/health/live").status_code == 200
    finally:
        log.released.set()
    desk.gives = 20
    assert deliver(house, delivery(message(99))).status_code == 200


class BrokenCounts(MemoryDeliveryCounts):
    """Redis is away."""

    def totals(self) -> None:
        return None


def test_without_redis_the_figures_say_so(hooked: MakeHouse) -> None:
    house = hooked(adapters={"deliveries": BrokenCounts()})
    assert deliver(house, delivery(message())).status_code == 200
    assert counted(house) is None
