"""Tasks that a firm starts over HTTP: its own, and nobody else learns of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sago.api.limits import TASKS as TASKS_OF_A_FIRM
from sago.domain.companies import Share
from sago.domain.tasks import TaskOutcome, TaskState
from sago.domain.watches import Watch
from sago.pipeline.starting import UNDER_WAY
from tests.unit.api.api_house import NOW, House
from tests.unit.api.callers import bearer
from tests.unit.api.test_tasks import FLUSH, NOBODY, TASKS, sent, start


def watch_of(house: House, firm: str, company: str = "orchard") -> Watch:
    """An active watch of the firm, with whom the company's founder shares."""
    watch = Watch(id=uuid4(), firm_id=firm, company_id=company, reason="too early", created_at=NOW)
    with house.container.database.begin() as tx:
        tx.companies.ensure(company, NOW)
        tx.shares.ensure_firm(firm, firm.capitalize())
        tx.shares.put(Share(firm_id=firm, company_id=company, created_at=NOW))
        tx.outreach.add_watch(watch)
    return watch


def compose(watch_id: object) -> dict[str, Any]:
    return {"name": "outreach.compose", "arguments": {"watch_id": str(watch_id)}}


def test_a_firm_starts_its_own_letter_as_of_now(house: House) -> None:
    watch, alba = watch_of(house, "alba"), bearer(house, "write", firm="alba")
    answer = start(house, compose(watch.id), alba)
    assert answer.status_code == 202
    assert sent(house).sent == [("outreach.compose", (str(watch.id), NOW.isoformat()))]
    task_id = UUID(answer.json()["id"])
    sent(house).kept[task_id] = TaskOutcome(TaskState.DONE, NOW, None)
    assert house.client.get(answer.json()["follow"], headers=alba).json()["result"] == "nothing new to say"
    sent(house).kept[task_id] = TaskOutcome(TaskState.DONE, NOW, {"why": "not yet: ARR is 1.4M of 2M."})
    assert house.client.get(answer.json()["follow"], headers=alba).json()["result"] == "not yet: ARR is 1.4M of 2M."
    sent(house).kept[task_id] = TaskOutcome(TaskState.DONE, NOW, "1f0c")
    assert house.client.get(answer.json()["follow"], headers=alba).json()["result"] == "letter 1f0c"


def test_a_firm_judges_one_of_its_watches_or_all(house: House) -> None:
    mine, also, _ = watch_of(house, "alba"), watch_of(house, "alba", "birch"), watch_of(house, "corvo")
    alba = bearer(house, "write", firm="alba")
    start(house, {"name": "outreach.judge"}, alba)
    start(house, {"name": "outreach.judge", "arguments": {"watch_id": str(also.id)}}, alba)
    (_, (every, _)), (_, (one, _)) = sent(house).sent
    assert (sorted(every), one) == (sorted([str(mine.id), str(also.id)]), [str(also.id)])


def test_a_watch_of_another_firm_is_as_one_that_never_was(house: House) -> None:
    theirs, alba = watch_of(house, "corvo"), bearer(house, "write", firm="alba")
    for name in ("outreach.compose", "outreach.judge"):
        answers = [
            start(house, {"name": name, "arguments": {"watch_id": str(each)}}, alba, key)
            for each in (theirs.id, NOBODY)
            for key in (None, '"k"')
        ]
        assert [each.status_code for each in answers] == [404] * 4
        assert len({each.text for each in answers}) == 1
    assert sent(house).sent == []


def test_a_firm_has_so_many_tasks_under_way_and_no_more(house: House) -> None:
    watch, alba = watch_of(house, "alba"), bearer(house, "write", firm="alba")
    theirs, corvo = watch_of(house, "corvo"), bearer(house, "write", firm="corvo")
    started = [start(house, compose(watch.id), alba) for _ in range(UNDER_WAY)]
    assert {each.status_code for each in started} == {202}
    told = start(house, compose(watch.id), alba)
    assert (told.status_code, told.json()["detail"].partition(":")[0]) == (409, "50 tasks of this firm are under way")
    assert start(house, compose(NOBODY), alba).status_code == 404
    assert start(house, compose(theirs.id), corvo).status_code == 202
    sent(house).kept[UUID(started[7].json()["id"])] = TaskOutcome(TaskState.DONE, NOW, None)
    assert start(house, compose(watch.id), alba).status_code == 202
    assert len(sent(house).sent) == UNDER_WAY + 2


def test_a_firm_starts_tasks_at_a_rate_by_all_of_its_keys_together(house: House) -> None:
    watch = watch_of(house, "alba")
    keys = [bearer(house, "write", firm="alba") for _ in range(2)]
    told = [start(house, compose(watch.id), keys[number % 2], '"k"') for number in range(TASKS_OF_A_FIRM.burst + 1)]
    assert {each.status_code for each in told[:-1]} == {202}
    assert (told[-1].status_code, told[-1].headers["Retry-After"]) == (429, "2")
    assert start(house, compose(watch.id), bearer(house, "write", firm="corvo")).status_code == 404
    assert start(house, FLUSH).status_code == 202
    assert start(house, {"name": "upkeep.reap"}, keys[0]).status_code == 403


def test_what_a_firm_started_is_seen_by_that_firm_alone(house: House) -> None:
    watch, alba = watch_of(house, "alba"), bearer(house, "write", firm="alba")
    follow = start(house, compose(watch.id), alba).json()["follow"]
    of_house = start(house, FLUSH).json()["follow"]
    corvo = bearer(house, "write", firm="corvo")
    nobody = house.client.get(f"{TASKS}/{NOBODY}", headers=corvo)
    for path, headers in ((follow, corvo), (of_house, corvo), (follow, {}), (of_house, alba)):
        answer = house.client.get(path, headers=headers)
        assert (answer.status_code, answer.text) == (404, nobody.text)
    assert house.client.get(TASKS, headers=corvo).json() == {"items": [], "next": None}
    assert [each["name"] for each in house.client.get(TASKS).json()["items"]] == ["upkeep.flush_idle"]
    assert [each["name"] for each in house.client.get(TASKS, headers=alba).json()["items"]] == ["outreach.compose"]


def test_a_key_under_which_another_firm_started_something_is_new(house: House) -> None:
    mine, theirs = watch_of(house, "alba"), watch_of(house, "corvo")
    alba, corvo = bearer(house, "write", firm="alba"), bearer(house, "write", firm="corvo")
    first = start(house, compose(theirs.id), corvo, '"k"')
    answer = start(house, compose(mine.id), alba, '"k"')
    assert (answer.status_code, answer.json()["id"] != first.json()["id"]) == (202, True)
    assert "Idempotency-Replayed" not in answer.headers


def test_a_firm_s_new_key_goes_on_where_its_old_one_was(house: House) -> None:
    watch = watch_of(house, "alba")
    old, new = bearer(house, "write", firm="alba"), bearer(house, "write", firm="alba")
    assert start(house, compose(watch.id), old, '"k"').json() == start(house, compose(watch.id), new, '"k"').json()


def test_the_error_of_a_firm_s_task_names_nobody_else(house: House) -> None:
    watch, alba = watch_of(house, "alba"), bearer(house, "write", firm="alba")
    follow = start(house, compose(watch.id), alba).json()["follow"]
    for kind in ("UngroundedError", "TransientError", "ProviderSettingError", "KeyError"):
        failed = TaskOutcome(TaskState.FAILED, NOW, error="names Birchwood, another company", error_type=kind)
        sent(house).kept[UUID(follow.rpartition("/")[2])] = failed
        told = house.client.get(follow, headers=alba)
        assert (told.json()["state"], bool(told.json()["error"])) == ("failed", True)
        assert "Birchwood" not in told.text
