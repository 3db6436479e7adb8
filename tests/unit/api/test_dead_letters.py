"""Dead letters over HTTP: found, shown and replayed."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx2 import Response

from sago.domain.batches import DeadLetter
from sago.pipeline.storing import CONFLICT
from tests.unit.api.api_house import HOUSE_KEY, NOW, House, MakeHouse, row
from tests.unit.api.callers import bearer
from tests.unit.pipeline.bridge_world import message

LETTERS = "/api/v1/dead-letters"
MINUTE = timedelta(minutes=1)


def dead(origin: str = "log-1/slack-messages/0/42", minutes: int = 0, **other: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "origin": origin,
        "topic": "slack-messages",
        "company_id": "acme",
        "message_id": "slack:m-1",
        "error": "text is empty",
        "error_type": "InvalidMessageError",
        "failed_at": NOW + minutes * MINUTE,
        "value": b'{"id": "\xc3\xa9"}',
    }
    return DeadLetter(**(fields | other))


def keep(house: House, *letters: DeadLetter) -> None:
    with house.container.database.begin() as tx:
        tx.ledger.add_dead_letters(letters)


def ids(house: House, **asked: Any) -> dict[str, str]:
    """Origin → id."""
    items = house.client.get(LETTERS, params={"limit": 200} | asked).json()["items"]
    return {each["origin"]: each["id"] for each in items}


def replay(house: House, letter_id: str) -> Response:
    answer: Response = house.client.post(f"{LETTERS}/{letter_id}/replay")
    return answer


def test_the_list_tells_each_letter_without_its_bytes(house: House) -> None:
    keep(house, dead())
    (item,) = house.client.get(LETTERS).json()["items"]
    assert item == {
        "id": base64.urlsafe_b64encode(b"log-1/slack-messages/0/42").decode().rstrip("="),
        "short_id": hashlib.sha256(b"log-1/slack-messages/0/42").hexdigest()[:8],
        "origin": "log-1/slack-messages/0/42",
        "topic": "slack-messages",
        "company_id": "acme",
        "message_id": "slack:m-1",
        "error": "text is empty",
        "error_type": "InvalidMessageError",
        "failed_at": "2026-03-02T17:00:00Z",
        "attempts": 1,
        "replayed_at": None,
    }


def test_filters_choose_and_go_together(house: House) -> None:
    keep(
        house,
        dead("a"),
        dead("b", 1, topic="gmail-messages"),
        dead("c", 2, company_id="birch"),
        dead("d", 3, error_type="WorkerLostError"),
        dead("e", 4, company_id=None, replayed_at=NOW + 9 * MINUTE),
    )
    assert list(ids(house)) == ["e", "d", "c", "b", "a"]
    assert list(ids(house, topic="gmail-messages")) == ["b"]
    assert list(ids(house, company_id="birch")) == ["c"]
    assert list(ids(house, error_type="WorkerLostError")) == ["d"]
    assert list(ids(house, replayed=True)) == ["e"]
    assert list(ids(house, replayed=False, topic="slack-messages", company_id="acme")) == ["d", "a"]


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_show_each_letter_once_newest_first(house: House, limit: int) -> None:
    long = "item:gmail/a@x.example/gmail:" + "y" * 1500
    keep(house, dead("a"), dead("b"), dead("c", 1), dead(long, 1), dead("e", 2))
    shown, cursor = [], None
    while True:
        asked = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = house.client.get(LETTERS, params=asked).json()
        shown += [each["origin"] for each in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert shown == ["e", long, "c", "b", "a"]


def test_one_is_shown_with_its_bytes_only_where_they_are_asked_for(house: House) -> None:
    keep(house, dead("a"), dead("b", value=b"\x00\xff{"))
    found = ids(house)
    plain = house.client.get(f"{LETTERS}/{found['a']}").json()
    assert (plain["value"], plain["size"]) == (None, 12)
    assert plain["headers"] == {
        "error": "text is empty",
        "error_type": "InvalidMessageError",
        "origin": "a",
        "failed_at": "2026-03-02T17:00:00.000Z",
        "attempts": "1",
    }
    whole = house.client.get(f"{LETTERS}/{found['a']}", params={"value": True}).json()["value"]
    assert (base64.b64decode(whole["base64"]), whole["text"]) == ('{"id": "é"}'.encode(), '{"id": "é"}')
    odd = house.client.get(f"{LETTERS}/{found['b']}?value=true").json()["value"]
    assert (base64.b64decode(odd["base64"]), odd["text"]) == (b"\x00\xff{", None)


def test_a_replay_sends_the_message_again_and_says_so(house: House) -> None:
    kept = message(1)
    keep(house, dead("a", value=kept.to_json(), message_id=kept.id))
    answer = replay(house, ids(house)["a"])
    assert answer.json() == {"id": ids(house)["a"], "outcome": "sent", "message_id": kept.id, "reason": None}
    (record,) = house.log.records("slack-messages")
    assert (record.value, record.headers["replay_of"]) == (kept.to_json(), "a")


def test_a_letter_is_found_by_the_short_id_of_the_command_line_too(house: House) -> None:
    keep(house, dead("a", value=message(1).to_json()), dead("b"))
    named = house.client.get(LETTERS, params={"limit": 200}).json()["items"]
    (short,) = [each["short_id"] for each in named if each["origin"] == "a"]
    for name in (short, short.upper()):
        assert house.client.get(f"{LETTERS}/{name}").json()["origin"] == "a"
    assert replay(house, short).json()["outcome"] == "sent"


def test_what_would_be_refused_again_is_not_sent_again(house: House) -> None:
    house.container.raw.store([message(1)], "batch", NOW)
    other = message(1).model_copy(update={"text": "other words"})
    keep(house, dead("a", value=other.to_json(), error=CONFLICT), dead("b", value=message(2).to_json(), error=CONFLICT))
    refused = replay(house, ids(house)["a"])
    assert refused.status_code == 409
    assert "stored with other content, so it would be refused again: hand it in under an id of its own" in refused.text
    assert replay(house, ids(house)["b"]).json()["outcome"] == "sent"


def test_one_replayed_before_is_not_sent_again(house: House) -> None:
    keep(house, dead("a", value=message(1).to_json(), replayed_at=NOW))
    answer = replay(house, ids(house)["a"])
    assert (answer.status_code, answer.json()["outcome"]) == (200, "replayed before")
    assert house.published() == []


def test_what_holds_no_message_is_refused_with_what_to_mend(house: House) -> None:
    keep(house, dead(f"{'ab' * 32}:7"))
    answer = replay(house, *ids(house).values())
    assert answer.status_code == 409
    assert "mend line 7 of the file it came from" in answer.json()["detail"]
    assert house.published() == []


@pytest.mark.parametrize("letter_id", ["bm9ib2R5", "no base64!", "_w", "=", "%00", "replay"])
def test_what_is_not_there_is_not_there(house: House, letter_id: str) -> None:
    shown = house.client.get(f"{LETTERS}/{letter_id}")
    assert (shown.status_code, replay(house, letter_id).status_code) == (404, 404)
    assert shown.json() == house.client.get(f"{LETTERS}/bm9ib2R5").json()


def test_those_of_a_filter_are_replayed_page_by_page_and_a_bad_one_keeps_none_back(house: House) -> None:
    messages = [message(number) for number in range(4)]
    keep(
        house,
        *(dead(f"o{each.id}", number, value=each.to_json()) for number, each in enumerate(messages)),
        dead("bad", 9, value=b"{"),
        dead("other", 9, topic="gmail-messages"),
        dead("before", 9, replayed_at=NOW + 10 * MINUTE),
    )
    outcomes, cursor = [], None
    for _ in range(4):
        which = {"topic": "slack-messages", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = house.client.post(f"{LETTERS}/replay", json=which).json()
        outcomes += [each["outcome"] for each in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert outcomes == ["refused", "sent", "sent", "sent", "sent"]
    assert sorted(house.published()) == sorted(each.to_json().decode() for each in messages)


@pytest.mark.parametrize(
    ("which", "field"),
    [
        ({}, "body"),
        ({"limit": 5}, "body"),
        ({"topic": "slack-messages", "limit": 201}, "limit"),
        ({"topic": "slack-messages", "cursor": "x"}, "cursor"),
        ({"company_id": "No Company"}, "company_id"),
        ({"origin": "a"}, "origin"),
    ],
)
def test_a_replay_of_many_says_which(house: House, which: dict[str, Any], field: str) -> None:
    answer = house.client.post(f"{LETTERS}/replay", json=which)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("asked", ["limit=0", "limit=201", "cursor=!", "company_id=No+Company", "replayed=perhaps"])
def test_wrong_parameters_are_told_by_their_names(house: House, asked: str) -> None:
    answer = house.client.get(f"{LETTERS}?{asked}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, asked.partition("=")[0])


def test_only_the_house_sees_dead_letters(make: MakeHouse) -> None:
    house = make()
    keep(house, dead("a"))
    letter_id = ids(house)["a"]
    paths = [("GET", LETTERS), ("POST", f"{LETTERS}/replay")]
    paths += [
        (method, path)
        for method, path in (("GET", f"{LETTERS}/{letter_id}"), ("POST", f"{LETTERS}/{letter_id}/replay"))
    ]
    for headers in (
        bearer(house, "read", "write", "ingest:*", firm="alba"),
        bearer(house, "ingest:*"),
        bearer(house, "share:*"),
    ):
        for method, path in paths:
            assert house.client.request(method, path, headers=headers).status_code == 403, path
    assert house.client.get(LETTERS, headers=bearer(house, "operate")).status_code == 200


def test_without_a_key_nothing_is_told(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, caller=("203.0.113.9", 4711))
    keep(house, dead("a"))
    for path in (LETTERS, f"{LETTERS}/YQ", "/api/v1/tasks", "/api/v1/tasks/names", f"/api/v1/tasks/{UUID(int=1)}"):
        assert house.client.get(path).status_code == 401, path
    for path in (f"{LETTERS}/replay", f"{LETTERS}/YQ/replay", "/api/v1/tasks"):
        assert house.client.post(path, json={}).status_code == 401, path


def test_what_ingest_refuses_is_no_dead_letter(house: House) -> None:
    house.ingest(row(content=""))
    assert ids(house) == {}
