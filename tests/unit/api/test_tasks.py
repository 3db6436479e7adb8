"""Tasks started by name: by the house, by a firm, each following its own."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sago.domain.tasks import CATALOGUE, LOST, TaskOutcome, TaskState
from sago.errors import TransientError
from sago.stores.memory.dispatcher import MemoryDispatcher
from tests.unit.api.api_house import HOUSE_KEY, NOW, House, MakeHouse
from tests.unit.api.callers import bearer

TASKS = "/api/v1/tasks"
FLUSH = {"name": "upkeep.flush_idle", "arguments": {"older_than": 0}}
NOBODY = UUID(int=404)


def start(house: House, body: Any, headers: dict[str, str] | None = None, key: str | None = None) -> Response:
    more = {"Idempotency-Key": key} if key else {}
    return house.client.post(TASKS, json=body, headers=(headers or {}) | more)


def sent(house: House) -> MemoryDispatcher:
    dispatcher: MemoryDispatcher = house.container.__dict__["dispatcher"]
    return dispatcher


def test_a_house_task_is_started_and_followed_until_it_is_done(house: House) -> None:
    answer = start(house, FLUSH)
    assert answer.status_code == 202
    follow = answer.json()["follow"]
    assert (answer.headers["Location"], follow) == (follow, f"{TASKS}/{answer.json()['id']}")
    assert sent(house).sent == [("upkeep.flush_idle", (0.0,))]
    waiting = house.client.get(follow).json()
    assert waiting == {
        "id": answer.json()["id"],
        "name": "upkeep.flush_idle",
        "arguments": {"older_than": 0.0},
        "who": "local",
        "state": "waiting",
        "started_at": "2026-03-02T17:00:00Z",
        "ended_at": None,
        "result": None,
        "error": None,
    }
    task_id = UUID(answer.json()["id"])
    sent(house).kept[task_id] = TaskOutcome(TaskState.RUNNING)
    assert house.client.get(follow).json()["state"] == "running"
    sent(house).kept[task_id] = TaskOutcome(TaskState.DONE, NOW, ["acme:1", "acme:2"])
    done = house.client.get(follow).json()
    assert (done["state"], done["result"], done["ended_at"]) == ("done", "batches: 2", "2026-03-02T17:00:00Z")


def test_what_a_task_failed_with_is_told_to_the_house_in_a_line(house: House) -> None:
    follow = start(house, FLUSH).json()["follow"]
    failed = TaskOutcome(
        TaskState.FAILED, NOW, error="Redis\ndoes not answer " + "x" * 400, error_type="TransientError"
    )
    sent(house).kept[UUID(follow.rpartition("/")[2])] = failed
    told = house.client.get(follow).json()
    assert (told["state"], told["error"][:22], len(told["error"])) == ("failed", "Redis does not answer ", 300)


def test_of_a_result_that_redis_lost_it_is_said_that_nothing_is_known(house: House) -> None:
    follow = start(house, FLUSH).json()["follow"]
    sent(house).kept.clear()
    told = house.client.get(follow).json()
    assert (told["state"], told["result"]) == ("unknown", LOST)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"name": "store.batch"}, "name", "GET /api/v1/tasks/names"),
        ({"name": "celery.backend_cleanup"}, "name", "GET /api/v1/tasks/names"),
        ({"arguments": {}}, "name", "is missing"),
        ({"name": "upkeep.reap", "more": 1}, "more", "is no field of this body"),
        ({"name": "upkeep.reap", "arguments": {"tick": True}}, "arguments.tick", "takes nothing"),
        ({"name": "upkeep.flush_idle", "arguments": {"older_than": "0"}}, "arguments.older_than", "number"),
        ({"name": "upkeep.flush_idle", "arguments": {"older_than": -1}}, "arguments.older_than", "greater"),
        ({"name": "upkeep.flush_idle", "arguments": {"older_than": True}}, "arguments.older_than", "number"),
        (
            {"name": "outreach.schedule", "arguments": {"as_of": "soon"}},
            "arguments.as_of",
            "is no moment: write 2026-03-02T17:00:00Z",
        ),
        (
            {"name": "outreach.schedule", "arguments": {"as_of": 5}},
            "arguments.as_of",
            "is no moment: write 2026-03-02T17:00:00Z",
        ),
        ({"name": "outreach.schedule", "arguments": {"as_of": "0001-01-01T00:00:00+14:00"}}, "arguments.as_of", "1990"),
        ({"name": "outreach.digest", "arguments": {"email": "nobody"}}, "arguments.email", "is no mail address"),
        ({"name": "sources.pull", "arguments": {"stream": "C1"}}, "arguments.connection_id", "is missing"),
        (
            {"name": "sources.refresh", "arguments": {"connection_id": "7"}},
            "arguments.connection_id",
            "is no id: it has 32 hex digits",
        ),
        ({"name": "upkeep.reap", "arguments": []}, "arguments", "object"),
        ([], "body", "object"),
    ],
)
def test_what_cannot_be_started_is_told_with_field_and_reason(house: House, body: Any, field: str, words: str) -> None:
    answer = start(house, body)
    assert answer.status_code == 422, answer.text
    (refusal,) = answer.json()["errors"]
    assert (refusal["field"], words in refusal["reason"]) == (field, True), refusal
    assert sent(house).sent == []
    assert house.client.get(TASKS).json()["items"] == []


def test_a_moment_without_a_zone_is_utc(house: House) -> None:
    start(house, {"name": "outreach.schedule", "arguments": {"as_of": "2026-04-01T09:00:00"}})
    assert sent(house).sent == [("outreach.schedule", ("2026-04-01T09:00:00Z",))]


def test_a_body_must_say_that_it_is_json(house: House) -> None:
    assert house.client.post(TASKS, content=json.dumps(FLUSH)).status_code == 415
    headers = {"Content-Type": "application/json"}
    broken = house.client.post(TASKS, content=b'{"name"', headers=headers)
    assert (broken.status_code, broken.json()["errors"][0]["field"]) == (422, "body")


def test_a_body_is_not_read_before_the_key(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, caller=("203.0.113.9", 4711))
    headers = {"Content-Type": "application/json"}
    assert house.client.post(TASKS, content=b"{", headers=headers).status_code == 401


def test_under_one_key_it_is_started_once(house: House) -> None:
    first, again = start(house, FLUSH, key='"k"'), start(house, FLUSH, key='"k"')
    assert first.json() == again.json()
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert len(sent(house).sent) == 1
    assert start(house, FLUSH).json()["id"] != first.json()["id"]
    other = start(house, {"name": "upkeep.reap"}, key='"k"')
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_keys_of_callers_do_not_meet(house: House) -> None:
    one, other = bearer(house, "operate"), bearer(house, "operate")
    assert start(house, FLUSH, one, '"k"').json() != start(house, FLUSH, other, '"k"').json()


class Away(MemoryDispatcher):
    """A broker that does not answer."""

    def start(self, *_: Any) -> None:
        raise TransientError("broker does not answer")


def test_what_could_not_be_sent_was_not_started_and_the_same_again_starts_it(make: MakeHouse) -> None:
    house = make(adapters={"dispatcher": Away()})
    assert start(house, FLUSH, key='"k"').status_code == 503
    assert house.client.get(TASKS).json()["items"] == []
    house.container.starting.__dict__["dispatcher"] = working = MemoryDispatcher()
    assert start(house, FLUSH, key='"k"').status_code == 202
    assert len(working.sent) == 1


def test_started_tasks_come_in_pages_newest_first(house: House) -> None:
    clock: Any = house.container.clock
    started = []
    for _ in range(5):
        started.append(start(house, FLUSH).json()["id"])
        clock.advance(timedelta(seconds=1))
    shown, cursor = [], None
    while True:
        page = house.client.get(TASKS, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        shown += [each["id"] for each in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert shown == started[::-1]


def test_the_catalogue_says_what_each_takes_and_who_may_start_it(house: House) -> None:
    items = {each["name"]: each for each in house.client.get(f"{TASKS}/names").json()["items"]}
    assert set(items) == set(CATALOGUE)
    assert items["upkeep.flush_idle"] == {
        "name": "upkeep.flush_idle",
        "description": "Makes batches of what waits for too long.",
        "scope": "operate",
        "arguments": [
            {
                "name": "older_than",
                "type": "number",
                "format": None,
                "required": False,
                "description": "Seconds; without it `cache.idle_flush_after`.",
            }
        ],
    }
    (watch,) = items["outreach.compose"]["arguments"]
    assert (watch["format"], watch["required"], items["outreach.compose"]["scope"]) == ("uuid", True, "write")


@pytest.mark.parametrize(
    ("scopes", "firm", "name", "status"),
    [
        (("read",), "alba", "outreach.compose", 403),
        (("ingest:acme",), None, "upkeep.reap", 403),
        (("share:acme",), None, "upkeep.reap", 403),
        (("write",), "alba", "upkeep.reap", 403),
        (("write",), "alba", "outreach.significance", 403),
        (("operate",), None, "outreach.compose", 403),
        (("operate",), None, "outreach.judge", 403),
        (("operate",), None, "upkeep.reap", 202),
    ],
)
def test_each_starts_what_is_theirs(
    house: House, scopes: tuple[str, ...], firm: str | None, name: str, status: int
) -> None:
    headers = bearer(house, *scopes, firm=firm)
    answer = start(house, {"name": name, "arguments": {}}, headers)
    assert answer.status_code == status, answer.text
    assert len(sent(house).sent) == (status == 202)


@pytest.fixture
def busy_house(make: MakeHouse) -> House:
    return make(rate_limit=0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(["as_of", "older_than", "email", "watch_id", "connection_id", "stream", "tick"]),
    JSON | st.sampled_from([str(NOBODY), "2026-01-01T00:00:00Z", 10**5000]),
    max_size=3,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(sorted(CATALOGUE)), ARGUMENTS)
def test_whatever_the_arguments_they_are_taken_or_refused(busy_house: House, name: str, arguments: Any) -> None:
    body = _json({"name": name, "arguments": arguments})
    answer = busy_house.client.post(TASKS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (202, 403, 422), answer.text


def _json(said: Any) -> bytes:
    if any(value == 10**5000 for value in said["arguments"].values()):
        short = {name: 7 if value == 10**5000 else value for name, value in said["arguments"].items()}
        return json.dumps(said | {"arguments": short}).replace("7", "1" + "0" * 5000).encode()
    return json.dumps(said).encode()
