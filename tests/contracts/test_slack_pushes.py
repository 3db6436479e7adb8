"""Slack's events over HTTP: the stand-in posts them to the real API, again and again as Slack does, while the same
messages are fetched."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import uvicorn

from sago.api.app import create_app
from sago.domain.messages import Message
from sago.errors import TransientError
from sago.stores.memory.clock import ManualClock
from tests.standins.slack_house import NOW, House
from tests.standins.slack_pushes import Pushes
from tests.standins.slack_server import SlackServer, slack_server
from tests.standins.slack_workspace import fill
from tests.unit.api.api_house import container_in_memory, settings_of

CHANNEL = "C0GENERAL01"
WEBHOOK = "/api/v1/data-flow/webhook/slack"


@pytest.fixture
def server() -> Iterator[SlackServer]:
    with slack_server() as server:
        server.workspace.add_channel(CHANNEL)
        yield server


@pytest.fixture
def house(server: SlackServer) -> House:
    house = House(server, ManualClock(NOW))
    house.pulling.refresh(house.id)
    return house


@contextmanager
def served(house: House, **adapters: Any) -> Iterator[str]:
    """The API over the house's stores, on a port of its own; gives the webhook's address."""
    held = {"sources": house.platform, "taking": house.taking, "raw": house.raw, "clock": house.clock}
    container = container_in_memory(settings_of(), **held, log=house.log, database=house.database, **adapters)
    config = uvicorn.Config(create_app(container), port=0, log_level="warning", ws="none")
    api = uvicorn.Server(config)
    thread = threading.Thread(target=api.run)
    thread.start()
    try:
        while not api.started:
            time.sleep(0.01)
        port = api.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}{WEBHOOK}"
    finally:
        api.should_exit = True
        thread.join()


def pushes_to(house: House, url: str) -> Pushes:
    return house.server.pushes(url, factor=600.0, now=lambda: house.clock.now().timestamp())


def test_the_address_is_verified_as_slack_does(house: House) -> None:
    with served(house) as url:
        assert pushes_to(house, url).verify_address()
        assert not house.server.pushes(url, now=lambda: NOW.timestamp() - 301).verify_address()


def test_events_and_history_of_the_same_messages_are_stored_once(house: House, server: SlackServer) -> None:
    events = fill(server.workspace, CHANNEL, 200, NOW)
    server.methods.most = 5
    with served(house) as url:
        pushes = pushes_to(house, url)
        for number, event in enumerate(events):
            if number == len(events) // 3:
                house.pulling.pull(house.id, CHANNEL)
            assert pushes.deliver(event)
            if number % 10 == 0:
                assert pushes.deliver(event)
    house.read()
    assert set(house.log.published.values()) == {1}
    assert house.log.conflicts == []
    there = {f"slack:{CHANNEL}:{each['ts']}" for each in server.workspace.channels[CHANNEL].messages.values()}
    stones = {each for each in there if _is_stone(server, each)}
    assert {each.id for each in house.newest().values() if not each.deleted} == there - stones


def test_an_event_that_we_could_not_keep_is_sent_again_until_we_can(
    house: House, server: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = house.log.publish
    broken = [True, True]

    def stumbling(messages: Sequence[Message], *, replay_of: str | None = None) -> Any:
        if broken:
            broken.pop()
            raise TransientError("Kafka is away")
        return publish(messages, replay_of=replay_of)

    monkeypatch.setattr(house.log, "publish", stumbling)
    event = server.workspace.post(CHANNEL, "U0PERSON1", "hello", NOW - timedelta(minutes=1))
    with served(house) as url:
        pushes = pushes_to(house, url)
        assert pushes.deliver(event)
    assert [(number, said) for _, number, said in pushes.attempts] == [(0, "503"), (1, "503"), (2, "200")]
    assert len(house.raw.rows) == 1


def test_slack_gives_up_after_three_more_attempts_and_history_finds_what_was_missed(
    house: House, server: SlackServer
) -> None:
    event = server.workspace.post(CHANNEL, "U0PERSON1", "hello", NOW - timedelta(minutes=1))
    pushes = pushes_to(house, "http://127.0.0.1:9/")
    assert not pushes.deliver(event)
    assert [(number, said) for _, number, said in pushes.attempts] == [
        (number, "connection_failed") for number in range(4)
    ]
    house.read()
    assert len(house.raw.rows) == 1


def test_who_answers_too_late_is_asked_again_at_once(house: House, server: SlackServer) -> None:
    server.misbehave("hang", "webhook", times=1)
    pushes = server.pushes(f"{server.api_url}webhook", factor=600.0, answer_within=2.0)
    pushes.deliver(server.workspace.post(CHANNEL, "U0PERSON1", "hello", datetime.now(UTC)))
    assert [said for _, _, said in pushes.attempts][:1] == ["http_timeout"]
    assert len(pushes.attempts) == 2


def test_the_authorize_page_leads_back_with_a_code_that_is_good_once(server: SlackServer) -> None:
    asked = {"client_id": server.client_id, "redirect_uri": "http://127.0.0.1:1/back", "state": "s-1"}
    answer = httpx2.get(server.authorize_url, params=asked)
    back = httpx2.URL(answer.headers["location"])
    assert (answer.status_code, back.path, back.params["state"]) == (302, "/back", "s-1")
    form = {"client_id": server.client_id, "client_secret": server.client_secret, "code": back.params["code"]}
    granted = httpx2.post(f"{server.api_url}oauth.v2.access", data=form).json()
    assert granted["team"]["id"] == server.workspace.team
    told = httpx2.post(f"{server.api_url}auth.test", headers={"Authorization": f"Bearer {granted['access_token']}"})
    assert told.json()["ok"]
    again = httpx2.post(f"{server.api_url}oauth.v2.access", data=form).json()
    assert again == {"ok": False, "error": "invalid_code"}
    server.denies = True
    denied = httpx2.URL(httpx2.get(server.authorize_url, params=asked).headers["location"])
    assert dict(denied.params) == {"error": "access_denied", "state": "s-1"}


def _is_stone(server: SlackServer, message_id: str) -> bool:
    message = server.workspace.channels[CHANNEL].messages[message_id.rpartition(":")[2]]
    return message.get("subtype") == "tombstone"
