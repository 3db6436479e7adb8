"""How often a key may ask, and an address that has none."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from sago.api.limits import STRANGERS, Strangers, address_of
from sago.api.problems import ProblemError
from sago.domain.keys import new_key
from sago.ports import Rate, Room
from sago.resilience.throttles import shares
from tests.unit.api.api_house import HEALTH, HOUSE_KEY, INGEST, House, MakeHouse, row

FAR = ("203.0.113.9", 4711)
CONSOLE = "https://console.sago.example"


def issue(house: House, *scopes: str) -> dict[str, str]:
    """The header of a new key."""
    key, _ = house.container.keyring.issue("a program", scopes or ("operate", "ingest:*"), None, "test")
    return {"Authorization": f"Bearer {key}"}


def test_a_key_may_ask_so_often_and_is_told_when_again(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, rate_limit=60, rate_burst=2, cors_origins=[CONSOLE])
    bearer = issue(house)
    first, second, third = (house.client.get(HEALTH, headers=bearer | {"Origin": CONSOLE}) for _ in range(3))
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert first.headers["RateLimit-Policy"] == '"key";q=60;w=60;sago-burst=2'
    assert first.headers["RateLimit"] == '"key";r=1;t=1'
    assert second.headers["RateLimit"] == '"key";r=0;t=2'
    assert third.headers["RateLimit"] == '"key";r=0;t=1'
    assert third.headers["Retry-After"] == "1"
    assert third.json() == {"detail": "too many requests of this key: try again in 1 s", "errors": []}
    assert third.headers["Access-Control-Allow-Origin"] == CONSOLE
    assert third.headers["Cache-Control"] == "no-store"
    house.container.clock.sleep(1)
    assert house.client.get(HEALTH, headers=bearer).status_code == 200


def test_each_key_has_a_rate_of_its_own_also_the_house(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, rate_limit=60, rate_burst=1)
    callers = issue(house), issue(house), {"Authorization": f"Bearer {HOUSE_KEY}"}
    assert [house.client.get(HEALTH, headers=each).status_code for each in callers] == [200] * 3
    assert [house.client.get(HEALTH, headers=each).status_code for each in callers] == [429] * 3


def test_one_too_many_hands_in_nothing_and_its_body_is_not_read(make: MakeHouse) -> None:
    house = make(rate_limit=60, rate_burst=1, body_limit=300)
    assert house.ingest(row(1)).status_code == 202
    assert house.ingest({"x": "x" * 1_000}).status_code == 429
    assert len(house.published()) == 1


def test_the_default_lets_200_a_second_through(house: House) -> None:
    api = house.container.settings.api
    for second in range(5):
        for n in range(200):
            house.container.clock.sleep(0.005)
            if n % 40 == 0:  # the others are counted without an answer
                assert house.client.get(HEALTH).status_code == 200, second
            else:
                asyncio.run(house.container.throttle.take("api:local", Rate(api.rate_limit, api.rate_burst)))


def test_without_a_limit_nothing_is_counted_or_told(make: MakeHouse) -> None:
    house = make(rate_limit=0, rate_burst=1)
    answers = [house.client.get(HEALTH) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_wrong_keys_of_one_address_end_with_429_before_any_look_up(
    make: MakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make(key=HOUSE_KEY, caller=FAR)
    ring = house.container.keyring
    asked: list[str] = []
    find = ring.find
    monkeypatch.setattr(ring, "find", lambda text: asked.append(text) or find(text))
    guesses = [{"Authorization": f"Bearer {new_key().key}"} for _ in range(STRANGERS.burst + 20)]
    statuses = [house.client.get(HEALTH, headers=each).status_code for each in guesses]
    assert statuses == [401] * STRANGERS.burst + [429] * 20
    assert len(asked) == STRANGERS.burst
    again = house.client.get(HEALTH)  # no key at all
    assert again.status_code == 429
    assert int(again.headers["Retry-After"]) == 2
    house.container.clock.sleep(2)
    assert house.client.get(HEALTH, headers=guesses[0]).status_code == 401


def test_right_keys_of_that_address_are_served_all_the_same(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, caller=FAR)
    bearer = issue(house)
    assert house.client.get(HEALTH, headers=bearer).status_code == 200
    for _ in range(STRANGERS.burst + 5):
        house.client.get(HEALTH, headers={"Authorization": "Bearer wrong"})
    house.container.clock.sleep(6)  # it is to be looked up again
    assert house.client.get(HEALTH, headers=bearer).status_code == 200
    assert house.client.get(HEALTH, headers={"Authorization": f"Bearer {HOUSE_KEY}"}).status_code == 200


def test_a_key_that_was_revoked_is_a_strangers(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, caller=FAR)
    bearer = issue(house)
    assert house.client.get(HEALTH, headers=bearer).status_code == 200
    prefix = re.search("sago_([0-9a-f]{8})_", bearer["Authorization"])
    assert prefix is not None
    house.container.keyring.revoke(prefix[1], "test", "lost")
    assert not house.container.keyring.knew(bearer["Authorization"].removeprefix("Bearer "))
    statuses = [house.client.get(HEALTH, headers=bearer).status_code for _ in range(STRANGERS.burst + 1)]
    assert statuses == [401] * STRANGERS.burst + [429]


def test_no_more_look_ups_are_begun_than_may_fail() -> None:
    strangers, room = Strangers(), Room(is_given=True, left=2, wait=0.0, whole_in=56.0)
    with strangers.looking("a", room), strangers.looking("a", room):
        with pytest.raises(ProblemError, match="wrong keys from this address"), strangers.looking("a", room):
            pass
        with strangers.looking("b", room):
            pass
    with strangers.looking("a", room):
        pass


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
    ],
)
def test_an_address_is_counted_as_far_as_one_holder_has_it(host: str, address: str) -> None:
    request: Any = type("Request", (), {"client": type("Client", (), {"host": host})()})()
    assert address_of(request) == address


def test_those_that_are_asked_for_together_share_what_is_left() -> None:
    told = shares(2, 0, 400, 9_000)
    given = [Room(is_given=True, left=left, wait=0.0, whole_in=9.0) for left in (1, 0)]
    refused = Room(is_given=False, left=0, wait=0.4, whole_in=9.0)
    assert [next(told) for _ in range(4)] == [*given, refused, refused]


def test_each_path_under_api_tells_of_429(house: House) -> None:
    paths = house.client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        if path.startswith("/api/") and "webhook" not in path:
            assert all("429" in route["responses"] for route in methods.values()), path
    assert INGEST in paths
    assert timedelta(minutes=1) / STRANGERS.a_minute == timedelta(seconds=2)
