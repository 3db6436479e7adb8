"""Two firms at the API over real Postgres and Redis: from a key to an approved letter, and nothing of the other's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import SecretStr

from sago.api.app import create_app
from sago.bootstrap import Container, build
from sago.domain.companies import Share
from sago.domain.events import Fold
from sago.domain.keys import READ, WRITE
from sago.embedded.servers import Server
from sago.stores.memory.clock import ManualClock
from tests.integration.houses import over
from tests.unit.outreach import stories

pytestmark = pytest.mark.services

MINE, OTHERS = "northgate", "southpoint"
WATCHES, OUTREACH = "/api/v1/watches", "/api/v1/outreach"
NEVER = "00000000-0000-4000-8000-000000000000"
WATCH = {
    "company_id": "orchard",
    "conditions": ["arr >= 2M"],
    "reason": "ARR below 2M",
    "met_on": "2026-03-02",
    "investor": {"name": "Dana Reed", "email": "dana@northgate.example"},
}
COUNTED = ("x-request-id", "ratelimit")


@dataclass
class Firms:
    """The API, and the key of each firm."""

    client: TestClient
    container: Container
    keys: dict[str, str]

    def ask(self, method: str, path: str, body: Any = None, key: str = MINE, **headers: str) -> Response:
        headers["Authorization"] = f"Bearer {self.keys[key]}"
        answer: Response = self.client.request(method, path, json=body, headers=headers)
        return answer

    def is_not_there(self, method: str, path: str, body: Any = None) -> bool:
        """Whether the other firm is told the same of this path as of one that never was."""
        parts = path.split("/")
        never = "/".join([*parts[:4], NEVER, *parts[5:]])
        theirs, none = (self.ask(method, each, body, OTHERS) for each in (path, never))
        assert theirs.status_code == none.status_code
        assert (theirs.content, _fixed(theirs)) == (none.content, _fixed(none))
        return theirs.status_code == 404

    def share(self, firm: str, until: datetime | None = None) -> None:
        with self.container.database.begin() as tx:
            tx.shares.put(Share(firm_id=firm, company_id="orchard", until=until, created_at=stories.NOW))


def _fixed(answer: Response) -> list[tuple[str, str]]:
    return sorted(each for each in answer.headers.items() if each[0] not in COUNTED)


@pytest.fixture
def firms(servers: dict[str, Server], tmp_path: Path) -> Iterator[Firms]:
    settings, _ = over(servers["kafka"], servers["redis"], servers["postgres"])
    api = settings.api.model_copy(update={"key": SecretStr("the house"), "rate_limit": 0})
    outreach = settings.outreach.model_copy(update={"folder": tmp_path / "outreach"})
    container = build(settings.model_copy(update={"api": api, "outreach": outreach, "state_dir": tmp_path / "state"}))
    container.__dict__["clock"] = ManualClock(stories.NOW)
    with container.database.begin() as tx:
        tx.companies.ensure("orchard", stories.NOW)
        tx.companies.save(stories.COMPANY)
        tx.events.replace("orchard", Fold(list(stories.EVENTS), list(stories.POINTS)), stories.NOW)
        for firm in (MINE, OTHERS):
            tx.shares.ensure_firm(firm, firm.capitalize())
    keys = {firm: container.keyring.issue("test", [READ, WRITE], firm, "cli:ana")[0] for firm in (MINE, OTHERS)}
    with TestClient(create_app(container), base_url="http://localhost:8000") as client:
        found = Firms(client, container, keys)
        found.share(MINE)
        found.share(OTHERS)
        yield found


def test_from_a_key_to_an_approved_letter_and_nothing_of_it_for_another_firm(firms: Firms, tmp_path: Path) -> None:
    made = firms.ask("POST", WATCHES, WATCH, **{"Idempotency-Key": "dana-orchard"})
    assert made.status_code == 201, made.text
    watch = made.json()
    again = firms.ask("POST", WATCHES, WATCH, **{"Idempotency-Key": "dana-orchard"})
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (watch, "true")
    assert firms.ask("GET", f"{WATCHES}/{watch['id']}").json()["verdict"]["outcome"] == "now"
    assert firms.is_not_there("GET", f"{WATCHES}/{watch['id']}")

    composed = firms.container.compose_letter(UUID(watch["id"]), stories.NOW)
    assert composed is not None
    (row,) = firms.ask("GET", f"{OUTREACH}?watch_id={watch['id']}").json()["items"]
    path = f"{OUTREACH}/{row['id']}"
    read = firms.ask("GET", path).json()
    receipts = firms.ask("GET", f"{path}/receipt").json()["receipts"]
    assert {each["number"] for each in receipts if each["event_id"]} == set(read["to_tick"])
    assert all(each["standing"] == "proof stands" for each in receipts)
    assert firms.is_not_there("GET", path)
    assert firms.is_not_there("GET", f"{path}/receipt")
    assert firms.ask("GET", OUTREACH, key=OTHERS).json() == {"items": [], "next": None}

    words = {"subject": "ARR passed two million", "body": read["body"], "sha256": read["sha256"]}
    assert firms.is_not_there("PUT", path, words)
    assert firms.ask("PUT", path, words | {"body": f"{read['body']}\n\nThey signed Globex."}).status_code == 422
    edited = firms.ask("PUT", path, words).json()
    assert (edited["subject"], edited["state"]) == ("ARR passed two million", "draft")

    approval = {"sha256": edited["sha256"], "tick": edited["to_tick"], "because": "compared with the thread"}
    assert firms.is_not_there("POST", f"{path}/approve", approval)
    first = firms.ask("POST", f"{path}/approve", approval)
    assert (first.status_code, first.json()["state"]) == (200, "approved"), first.text
    assert firms.ask("POST", f"{path}/approve", approval).json() == first.json()
    assert list((tmp_path / "outreach").rglob("*.eml"))

    assert firms.is_not_there("POST", f"{path}/undo")
    undone = firms.ask("POST", f"{path}/undo")
    assert undone.json()["state"] == "draft"
    assert firms.ask("POST", f"{path}/undo").json() == undone.json()
    told = [(line["action"], line["because"]) for line in undone.json()["history"]]
    assert told == [
        ("letter.edited", "by the API"),
        ("letter.ticked", "compared with the thread"),
        ("letter.approved", "compared with the thread"),
        ("letter.reopened", "by the API"),
    ]
    assert {line["who"].partition(":")[0] for line in undone.json()["history"]} == {"key"}

    rejection = {"because": "already in touch"}
    assert firms.is_not_there("POST", f"{path}/reject", rejection)
    assert firms.ask("POST", f"{path}/reject", rejection).json()["state"] == "rejected"
    assert firms.is_not_there("DELETE", f"{WATCHES}/{watch['id']}")
    for _ in range(2):
        assert firms.ask("DELETE", f"{WATCHES}/{watch['id']}").status_code == 204
    assert stories.COMPANY.founder_email not in "".join(map(str, (read, receipts, undone.json())))

    firms.share(MINE, until=datetime(2020, 1, 1, tzinfo=UTC))
    assert firms.ask("GET", path).content == firms.ask("GET", f"{OUTREACH}/{NEVER}").content
    assert firms.ask("GET", OUTREACH).json()["items"] == []


def test_of_several_requests_at_once_each_thing_is_done_once(firms: Firms) -> None:
    def add(number: int) -> Response:
        return firms.ask("POST", WATCHES, WATCH | {"reason": f"ARR below {number}M"}, **{"Idempotency-Key": "one"})

    answers = _at_once(*(lambda number=number: add(number) for number in (2, 3, 4, 5)))
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    (watch,) = firms.ask("GET", WATCHES).json()["items"]
    assert firms.container.compose_letter(UUID(watch["id"]), stories.NOW) is not None
    (row,) = firms.ask("GET", OUTREACH).json()["items"]
    path = f"{OUTREACH}/{row['id']}"
    sent = {"sha256": row["sha256"], "tick": firms.ask("GET", path).json()["to_tick"]}
    answers = _at_once(*[lambda: firms.ask("POST", f"{path}/approve", sent)] * 4)
    assert [(answer.status_code, answer.json().get("state")) for answer in answers] == [(200, "approved")] * 4
    history = firms.ask("GET", path).json()["history"]
    assert [line["action"] for line in history] == ["letter.ticked", "letter.approved"]


def _at_once(*acts: Callable[[], Response]) -> list[Response]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [each.result() for each in [pool.submit(act) for act in acts]]
