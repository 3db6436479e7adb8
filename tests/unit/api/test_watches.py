"""What a firm waits for, over the API: made once, read through the share, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from sago.domain.companies import Granularity
from sago.domain.events import EventType
from sago.outreach.judging import Explanation, Judging
from sago.outreach.watching import drop_watch
from tests.unit.api.api_house import MakeHouse
from tests.unit.api.firms import COMPANY, FOUNDER_ADDRESS, MINE, NEVER, OTHERS, PRIVATE, WATCHES, Firms, two_firms
from tests.unit.outreach import stories

SENT = {
    "company_id": COMPANY,
    "conditions": ["arr >= 3M", "no setback high in 60d"],
    "reason": "ARR  below\n3M",
    "met_on": "2026-03-02",
    "investor": {"name": "Dana Reed", "email": "dana@northgate.example"},
}


@pytest.fixture
def firms(make: MakeHouse) -> Firms:
    return two_firms(make)


def test_a_watch_is_made_listed_and_explained(firms: Firms) -> None:
    made = firms.ask("POST", WATCHES, SENT)
    assert made.status_code == 201
    watch = made.json()
    assert made.headers["Location"] == f"{WATCHES}/{watch['id']}"
    assert watch == SENT | {
        "id": watch["id"],
        "reason": "ARR below 3M",
        "direction": "to_founder",
        "created_at": "2026-11-20T09:00:00Z",
    }
    assert firms.get(WATCHES) == {"items": [watch], "next": None}
    read = firms.get(f"{WATCHES}/{watch['id']}")
    verdict = read.pop("verdict")
    assert read == watch
    assert verdict["outcome"] == "not_yet"
    arr, setback = verdict["conditions"]
    assert (arr["condition"], arr["holds"], arr["seen"], arr["missing"]) == (
        "arr >= 3M",
        False,
        2.1e6,
        "$2.1M of $3M, $900k to go",
    )
    assert arr["event_id"] == str(stories.ARR.id)
    assert arr["proof"] == [{"message_id": stories.ARR.evidence[0].message_id, "quote": "We just passed $2.1M ARR!"}]
    assert setback["holds"]
    (line,) = firms.log()
    assert (line.action, line.who.partition(":")[0], line.firm_id) == ("watch.added", "key", "northgate")


def test_the_same_key_is_the_same_watch_and_another_body_under_it_is_refused(firms: Firms) -> None:
    first = firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": "k-1"})
    firms.clock.advance(timedelta(hours=1))
    again = firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (201, first.json())
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    for other in ({"reason": "too early"}, {"conditions": ["arr >= 4M"]}, {"met_on": None}, {"investor": None}):
        refused = firms.ask("POST", WATCHES, SENT | other, **{"Idempotency-Key": "k-1"})
        assert refused.status_code == 422, other
        assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
        assert refused.json()["detail"] == "Idempotency-Key: was sent with another body before: make a new key"
    assert firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": "k-2"}).json()["id"] != first.json()["id"]
    assert firms.ask("POST", WATCHES, SENT, OTHERS, **{"Idempotency-Key": "k-1"}).json()["id"] != first.json()["id"]
    assert firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": '"k-1"'}).json() == first.json()
    assert firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": "k 1"}).status_code == 422
    assert len(firms.get(WATCHES)["items"]) == 2
    assert [line.action for line in firms.log()] == ["watch.added"] * 3


def test_a_firm_keeps_so_many_watches_of_a_company_and_no_more(firms: Firms) -> None:
    most, key = firms.house.container.settings.outreach.watches, {"Idempotency-Key": "k-1"}
    first = firms.ask("POST", WATCHES, SENT, **key).json()
    with firms.database.begin() as tx:
        for number in range(most - 1):
            tx.outreach.add_watch(stories.watch(name=f"more-{number}").model_copy(update={"firm_id": MINE}))
    refused = firms.ask("POST", WATCHES, SENT)
    assert refused.status_code == 409
    assert refused.json()["detail"] == "50 watches of orchard are as many as a firm keeps at once: remove one first"
    assert [firms.ask("POST", WATCHES, SENT, **key).json(), len(firms.log())] == [first, 1]
    assert firms.ask("POST", WATCHES, SENT, OTHERS).status_code == 201
    assert firms.ask("DELETE", f"{WATCHES}/{first['id']}").status_code == 204
    assert firms.ask("POST", WATCHES, SENT).status_code == 201
    assert firms.ask("POST", WATCHES, SENT).status_code == 409


def test_what_the_house_adds_to_a_watch_is_no_other_body(firms: Firms) -> None:
    made = firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": "k-1"}).json()
    with firms.database.begin() as tx:
        watch = tx.outreach.watch(UUID(made["id"]))
        assert watch is not None
        tx.outreach.add_watch(watch.model_copy(update={"weights": {EventType.HIRING: 0.9}}))
    assert firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": "k-1"}).json() == made


def test_a_cursor_goes_on_in_its_own_list_alone(firms: Firms) -> None:
    for _ in range(2):
        assert firms.ask("POST", WATCHES, SENT).status_code == 201
    lists = {path: firms.get(f"{path}?limit=1")["next"] for path in (WATCHES, "/api/v1/audit", "/api/v1/events")}
    for path in lists:
        for of, cursor in lists.items():
            answer = firms.ask("GET", f"{path}?cursor={cursor}")
            assert answer.status_code == (200 if of == path else 422), (of, path)
            assert of == path or "is no cursor of this list" in answer.json()["detail"]


def test_without_a_key_each_request_makes_a_watch(firms: Firms) -> None:
    ids = {firms.ask("POST", WATCHES, SENT).json()["id"] for _ in range(3)}
    assert {watch["id"] for watch in firms.get(WATCHES)["items"]} == ids
    assert len(ids) == 3


def test_a_removed_watch_is_gone_and_its_key_makes_no_other(firms: Firms) -> None:
    watch = firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": "k-1"}).json()
    path = f"{WATCHES}/{watch['id']}"
    for _ in range(2):
        answer = firms.ask("DELETE", path)
        assert (answer.status_code, answer.content) == (204, b"")
    assert firms.ask("GET", path).status_code == 404
    assert firms.get(WATCHES)["items"] == []
    refused = firms.ask("POST", WATCHES, SENT, **{"Idempotency-Key": "k-1"})
    assert refused.status_code == 409
    assert "was removed since" in refused.json()["detail"]
    assert [line.action for line in firms.log()] == ["watch.added", "watch.removed"]


def test_a_watch_that_the_house_removed_is_removed_for_its_firm_and_never_was_for_others(firms: Firms) -> None:
    watch = firms.watch()
    with firms.database.begin() as tx:
        drop_watch(watch, tx, "cli:ana", firms.clock.now())
        drop_watch(watch, tx, "cli:ana", firms.clock.now())
    assert firms.ask("DELETE", f"{WATCHES}/{watch.id}").status_code == 204
    assert firms.ask("DELETE", f"{WATCHES}/{watch.id}", key=OTHERS).status_code == 404
    assert [(line.action, line.who) for line in firms.log()] == [("watch.removed", "cli:ana")]


@pytest.mark.parametrize(
    ("sent", "field", "reason"),
    [
        ({"conditions": ["arr >= 2M", "arrr >= 2M"]}, "conditions.1", "did you mean arr?"),
        ({"conditions": ["arr >= 2M and nrr > 120%"]}, "conditions.0", "give a further condition by itself"),
        ({"conditions": ["arr >= 3M", "arr < 2M"]}, "conditions", "can never hold at once"),
        ({"conditions": ["arr >= 2M"] * 21}, "conditions", "at most 20 items"),
        ({"conditions": []}, "conditions", "the reason proposes `arr >= 3M`"),
        ({"conditions": [], "reason": "no chemistry"}, "conditions", "the reason proposes none"),
        ({"met_on": "2026-11-22"}, "met_on", "lies in the future"),
        ({"met_on": "1989-12-31"}, "met_on", "greater than or equal to 1990-01-01"),
        ({"met_on": "yesterday"}, "met_on", "is no day: write 2026-03-02"),
        ({"investor": {"name": "Dana", "email": "dana"}}, "investor.email", "is no mail address"),
        ({"investor": {"name": "Dana <d@x.example>"}}, "investor.name", "that goes into investor.email"),
        ({"investor": {"name": "Dana\u202eReed@x"}}, "investor.name", "write it as Dana Reed"),
        ({"investor": {"email": "d@x.example"}}, "investor.name", "is missing"),
        ({"company_id": "No Such"}, "company_id", "is no company id: a-z"),
        ({"firm_id": OTHERS}, "firm_id", "is no field of this body"),
        ({"reason": 7}, "reason", "must be text"),
        ({"reason": ""}, "reason", "is empty"),
        ({"reason": "  "}, "reason", "is empty"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(firms: Firms, sent: dict[str, Any], field: str, reason: str) -> None:
    answer = firms.ask("POST", WATCHES, SENT | sent)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert reason in error["reason"]
    assert firms.get(WATCHES)["items"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"company_id": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_none_is_refused(firms: Firms, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {firms.keys['northgate']}", "Content-Type": "application/json"}
    answer = firms.house.client.post(WATCHES, content=body, headers=headers)
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail", "errors"}


def test_a_body_is_json_and_is_not_read_before_the_key(firms: Firms) -> None:
    headers = {"Authorization": f"Bearer {firms.keys['northgate']}", "Content-Type": "text/plain"}
    assert firms.house.client.post(WATCHES, content=b"{}", headers=headers).status_code == 415
    assert firms.ask("POST", WATCHES, SENT | {"reason": "x" * 300_000}).status_code == 413
    assert firms.ask("POST", WATCHES, SENT | {"reason": "x" * 300_000}, "reader").status_code == 403


def test_conditions_that_a_reason_proposes_are_taken_where_that_is_said(firms: Firms) -> None:
    made = firms.ask("POST", WATCHES, SENT | {"conditions": [], "accept_proposed": True})
    assert (made.status_code, made.json()["conditions"]) == (201, ["arr >= 3M"])
    update = firms.ask("POST", WATCHES, {"company_id": COMPANY})
    assert (update.status_code, update.json()["conditions"], update.json()["reason"]) == (201, [], "")


def test_a_company_that_is_not_shared_is_as_one_that_never_was(firms: Firms) -> None:
    with firms.database.begin() as tx:
        tx.companies.ensure("elm", firms.clock.now())
    firms.share(company="elm", until=firms.clock.now())
    answers = [firms.ask("POST", WATCHES, SENT | {"company_id": each}) for each in (PRIVATE, "elm", "nobody")]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.content for answer in answers}) == 1
    assert firms.log() == []


def test_another_firms_watch_is_as_one_that_never_was(firms: Firms) -> None:
    others = firms.watch(OTHERS)
    for method in ("GET", "DELETE"):
        answers = [firms.ask(method, f"{WATCHES}/{each}") for each in (others.id, NEVER)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert len({answer.content for answer in answers}) == 1
        assert len({tuple(sorted(_fixed(answer.headers))) for answer in answers}) == 1
    assert firms.get(WATCHES)["items"] == []
    assert firms.get(f"{WATCHES}?company_id={PRIVATE}")["items"] == []
    assert firms.get(f"{WATCHES}/{others.id}", key=OTHERS)["id"] == str(others.id)


def test_pages_hold_every_watch_once_in_order(firms: Firms) -> None:
    made = [
        firms.watch(name=str(number), created_at=stories.NOW + timedelta(minutes=number // 2)) for number in range(5)
    ]
    firms.watch(OTHERS)
    seen, path = [], f"{WATCHES}?limit=2"
    while path:
        page = firms.get(path)
        seen += [UUID(watch["id"]) for watch in page["items"]]
        path = f"{WATCHES}?limit=2&cursor={page['next']}" if page["next"] else ""
    assert seen == [watch.id for watch in sorted(made, key=lambda watch: (watch.created_at, watch.id))]
    assert firms.ask("GET", f"{WATCHES}?cursor=nonsense").status_code == 422
    assert firms.ask("GET", f"{WATCHES}?limit=201").status_code == 422


def test_a_verdict_tells_no_more_than_the_share(firms: Firms) -> None:
    watch = firms.watch()
    path = f"{WATCHES}/{watch.id}"
    assert firms.get(path)["verdict"]["outcome"] == "now"
    firms.share(granularity=Granularity.BANDS)
    banded = firms.ask("GET", path)
    assert "2.1" not in banded.text
    assert "143" not in banded.text
    assert banded.json()["verdict"]["conditions"][0]["seen"] is None
    firms.share(sources=("gmail",))
    (condition,) = firms.get(path)["verdict"]["conditions"]
    assert (condition["holds"], condition["proof"], condition["event_id"]) == (False, [], None)
    firms.share(until=firms.clock.now())
    verdict = firms.get(path)["verdict"]
    assert verdict["outcome"] == "do_not_write"
    assert verdict["because"] == "The founder shares nothing with this firm any more."
    assert not any(verdict[name] for name in ("conditions", "against", "promises", "gaps", "score"))


def test_how_somebody_writes_and_what_types_weigh_is_not_told(firms: Firms) -> None:
    watch = firms.watch(weights={"enterprise_deal": 1.0})
    answer = firms.ask("GET", f"{WATCHES}/{watch.id}")
    assert answer.status_code == 200
    assert not any(word in answer.text for word in ('"voice"', '"weights"', FOUNDER_ADDRESS))


@pytest.mark.parametrize(("method", "path"), [("POST", WATCHES), ("DELETE", f"{WATCHES}/{NEVER}")])
def test_who_may_only_read_changes_nothing(firms: Firms, method: str, path: str) -> None:
    mine = firms.watch()
    for key in ("reader", "house"):
        assert firms.ask(method, path, SENT if method == "POST" else None, key).status_code == 403
    assert firms.ask("DELETE", f"{WATCHES}/{mine.id}", key="reader").status_code == 403
    assert firms.ask("GET", WATCHES, key="house").status_code == 403
    assert firms.get(WATCHES, key="reader")["items"][0]["id"] == str(mine.id)


def _fixed(headers: Any) -> list[tuple[str, str]]:
    """What does not count requests."""
    return [(name, value) for name, value in headers.items() if name not in ("x-request-id", "ratelimit")]


def test_a_share_that_ends_while_its_watch_is_judged_shows_nothing(
    firms: Firms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what its verdict of an earlier day weighed."""
    made = firms.ask("POST", WATCHES, SENT | {"met_on": None}).json()
    judging = firms.house.container.judging
    judging.keep_all(firms.clock.now() - timedelta(days=1))
    explain, ends = Judging.explain, firms.house.container.ending.begin

    def explained(self: Judging, *asked: Any) -> list[Explanation]:
        found = explain(self, *asked)
        ends(MINE, COMPANY, "key:1", "over")
        return found

    seen = firms.get(f"{WATCHES}/{made['id']}")["verdict"]
    assert (seen["outcome"], seen["conditions"][0]["seen"]) == ("not_yet", 2.1e6)
    assert seen["compared_with"] is not None
    monkeypatch.setattr(Judging, "explain", explained)
    verdict = firms.get(f"{WATCHES}/{made['id']}")["verdict"]
    assert (verdict["outcome"], verdict["conditions"]) == ("do_not_write", [])
    assert (verdict["compared_with"], verdict["changes"]) == (None, [])
