"""Tasks started over HTTP, run by real workers, and followed until they are done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from fastapi.testclient import TestClient
from kombu import pools

from sago.api.app import create_app
from sago.bootstrap import build
from sago.domain.companies import Share
from sago.domain.events import Event, Fold
from sago.domain.watches import Watch
from sago.embedded.servers import Server
from tests.integration.houses import House, eventually, flush, over
from tests.unit.outreach import stories
from tests.unit.outreach.stories import COMPANY, EVENTS, NOW
from tests.unit.pipeline.bridge_world import message

pytestmark = [
    pytest.mark.services,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # kombu's channels leave sockets to be collected
]

WORKER = ["-m", "celery", "-A", "workers", "worker", "-Q", "upkeep,outreach", "-c", "1", "--without-mingle"]
TASKS = "/api/v1/tasks"


class Api:
    """The API of this process over real servers, and a worker beside it."""

    def __init__(self, house: House, client: TestClient) -> None:
        self.house, self.client = house, client

    def key(self, *scopes: str, firm: str | None = None) -> dict[str, str]:
        if firm:
            with self.house.container.database.begin() as tx:
                tx.shares.ensure_firm(firm, firm.capitalize())
        key, _ = self.house.container.keyring.issue("a test's", scopes, firm, "tests")
        return {"Authorization": f"Bearer {key}"}

    def start(self, headers: dict[str, str], name: str, **arguments: Any) -> str:
        answer = self.client.post(TASKS, json={"name": name, "arguments": arguments}, headers=headers)
        assert answer.status_code == 202, answer.text
        follow: str = answer.json()["follow"]
        return follow

    def told(self, headers: dict[str, str], follow: str) -> dict[str, Any]:
        """The task, once it has ended."""
        told: dict[str, Any] = {}

        def has_ended() -> bool:
            told.update(self.client.get(follow, headers=headers).json())
            return told["state"] in ("done", "failed")

        assert eventually(has_ended), (told, [self.house.said(child)[-20:] for child in self.house.children])
        return told


@pytest.fixture(scope="module")
def api(
    kafka_server: Server, redis_server: Server, postgres_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("tasks")
    settings, environment = over(kafka_server, redis_server, postgres_server)
    environment |= {"SAGO_OUTREACH__FOLDER": str(folder / "out"), "SAGO_STATE_DIR": str(folder / "state")}
    house = House(build(settings), environment, folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            if name.startswith(("SAGO_", "POSTGRES_")):
                patch.setenv(name, value)  # celeryconfig reads them at its first import
        try:
            house.start(*WORKER)
            app = create_app(house.container)
            with TestClient(app, base_url="http://localhost:8000", client=("127.0.0.1", 50000)) as client:
                yield Api(house, client)
        finally:
            pools.reset()
            house.stop()
            flush(settings.redis)


def watch_of(api: Api, firm: str) -> Watch:
    """A watch of the firm on a company of which much was heard lately, and its share."""
    now = api.house.container.clock.now()
    watch = Watch(id=uuid4(), firm_id=firm, company_id="orchard", reason="too early", created_at=now)
    with api.house.container.database.begin() as tx:
        tx.companies.ensure("orchard", now)
        tx.companies.save(COMPANY)
        tx.events.replace("orchard", Fold([_lately(each, now) for each in EVENTS], []), now)
        tx.shares.ensure_firm(firm, firm.capitalize())
        tx.shares.put(Share(firm_id=firm, company_id="orchard", created_at=now - timedelta(days=300)))
        tx.outreach.add_watch(watch)
    return watch


def _lately(event: Event, now: datetime) -> Event:
    return event.model_copy(update={"occurred_at": event.occurred_at + (now - NOW)})


def test_a_house_task_is_started_and_followed_until_it_is_done(api: Api) -> None:
    container, house = api.house.container, api.key("operate")
    container.buffer.add("acme", [message(number).compact() for number in range(3)], container.clock.now())
    told = api.told(house, api.start(house, "upkeep.flush_idle", older_than=0))
    assert (told["state"], told["result"], told["error"]) == ("done", "batches: 1", None)
    assert datetime.fromisoformat(told["started_at"]) <= datetime.fromisoformat(told["ended_at"])


def test_what_a_task_failed_with_is_told(api: Api) -> None:
    house = api.key("operate")
    told = api.told(house, api.start(house, "outreach.digest", as_of="1990-01-01T00:00:00Z", email="x@y.example"))
    assert (told["state"], told["result"]) == ("done", "notices: 0")
    dispatcher = api.house.container.dispatcher
    failing = UUID(int=7)
    dispatcher.start(failing, "outreach.judge", {"watch_ids": ["no id"], "as_of": "2026-03-01"})
    assert eventually(lambda: dispatcher.outcomes([failing])[failing].state == "failed")
    assert "badly formed" in dispatcher.outcomes([failing])[failing].error


def test_a_firm_starts_its_own_letter_and_another_firm_learns_nothing_of_it(api: Api) -> None:
    watch, alba, corvo = watch_of(api, "alba"), api.key("write", firm="alba"), api.key("write", firm="corvo")
    theirs = api.client.post(
        TASKS, json={"name": "outreach.compose", "arguments": {"watch_id": str(watch.id)}}, headers=corvo
    )
    assert theirs.status_code == 404
    follow = api.start(alba, "outreach.compose", watch_id=str(watch.id))
    told = api.told(alba, follow)
    assert told["state"] == "done", told
    with api.house.container.tenants.view("alba") as view:
        letter = view.letter(UUID(str(told["result"]).removeprefix("letter ")))
    assert letter is not None
    assert letter.watch_id == watch.id
    nobody = api.client.get(f"{TASKS}/{uuid4()}", headers=corvo)
    for headers in (corvo, api.key("operate")):
        answer = api.client.get(follow, headers=headers)
        assert (answer.status_code, answer.text) == (404, nobody.text)
    assert api.client.get(TASKS, headers=corvo).json()["items"] == []
    assert [each["id"] for each in api.client.get(TASKS, headers=alba).json()["items"]] == [told["id"]]
    again = api.told(alba, api.start(alba, "outreach.compose", watch_id=str(watch.id)))
    assert again["result"] == "nothing new to say"
    waits = stories.watch("arr >= 900M").model_copy(update={"id": uuid4(), "firm_id": "alba"})
    with api.house.container.database.begin() as tx:
        tx.outreach.add_watch(waits)
    early = api.told(alba, api.start(alba, "outreach.compose", watch_id=str(waits.id)))
    assert str(early["result"]).startswith("not yet: ")


def test_a_firm_judges_its_own_watches_alone(api: Api) -> None:
    mine, theirs = watch_of(api, "delta"), watch_of(api, "echo")
    delta = api.key("write", firm="delta")
    assert api.told(delta, api.start(delta, "outreach.judge"))["result"] == "watches: 1"
    with api.house.container.database.begin() as tx:
        kept = [bool(tx.verdicts.of(each.id, NOW.date().replace(year=2000))) for each in (mine, theirs)]
    assert kept == [True, False]


def test_the_same_again_starts_nothing(api: Api) -> None:
    house = api.key("operate") | {"Idempotency-Key": '"once"'}
    first = api.start(house, "upkeep.reap")
    assert api.told(house, first)["state"] == "done"
    answer = api.client.post(TASKS, json={"name": "upkeep.reap"}, headers=house)
    assert (answer.json()["follow"], answer.headers["Idempotency-Replayed"]) == (first, "true")


def test_a_result_that_redis_has_lost_is_unknown(api: Api) -> None:
    house = api.key("operate")
    follow = api.start(house, "upkeep.reap")
    api.told(house, follow)
    settings = api.house.container.settings.redis
    with redis.Redis.from_url(settings.database(settings.results_db)) as results:
        results.flushdb()
    told = api.client.get(follow, headers=house).json()
    assert (told["state"], "not known" in told["result"]) == ("unknown", True)


def test_what_no_worker_takes_waits(api: Api) -> None:
    house = api.key("operate")
    follow = api.start(house, "sources.poll")
    assert api.told(house, follow)["state"] == "done"
    queued = api.start(house, "sources.refresh", connection_id=str(uuid4()))
    assert api.client.get(queued, headers=house).json()["state"] == "waiting"
