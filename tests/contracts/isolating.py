"""The API over real Postgres with rows of two firms, and what one of them may send about those of the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from httpx2 import Response
from sqlalchemy import text

from sago.api.app import create_app
from sago.domain.events import Fold
from sago.domain.keys import INGEST, READ, SHARE, WRITE
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.tenants import PostgresTenants
from tests.unit.api.api_house import HOUSE_KEY, House, container_in_memory, open_house, settings_of
from tests.unit.api.firms import COMPANY, MINE, OTHERS, PRIVATE, Firms
from tests.unit.outreach import stories

NOBODY, NO_FIRM = "nobody", "nofirmknow"
"""As long as what they stand for: PRIVATE and OTHERS."""
SHA = "0" * 64
USED, TWINS, LATER = (f'"an Idempotency-Key {whose}"' for whose in ("of the other firm", "of the twin", "sent later"))
"""The first the other firm has sent; under the others a request, its twin, and the same later, are not one."""
IDS = {"company_id", "firm_id", "event_id", "watch_id", "letter_id", "task_id", "subject"}
"""Parameters that name rows of firms, or of companies that share with them."""
PLACES = {"cursor"}
"""Where a page begins: what is sent is one of the other firm's."""
OTHER = {
    "limit": ("1", "3"),
    "context": ("2",),
    "type": ("revenue_milestone",),
    "severity": ("high",),
    "state": ("draft",),
    "since": ("2026-01-01T00:00:00Z",),
    "until": ("2027-01-01T00:00:00Z",),
    "as_of": ("2026-12-31",),
    "metric": ("arr",),
    "action": ("letter.approved", "watch.added"),
    "sources": ("slack",),
    "granularity": ("bands",),
    "source": ("slack",),
    "topic": ("slack-messages",),
    "error_type": ("InvalidMessageError",),
    "replayed": ("false",),
    "value": ("true",),
    "token": ("never",),
    "Idempotency-Key": (USED,),
    "If-Match": (f'"{SHA}"',),  # or that of a letter of theirs
}
"""Parameters that name no row of a firm."""
WATCH = {
    "company_id": PRIVATE,
    "conditions": ["arr >= 2M"],
    "reason": "ARR below 2M",
    "met_on": "2026-03-02",
    "investor": {"name": "Dana Reed", "email": "dana@northgate.example"},
}
MESSAGE = {"id": "m-1", "timestamp": "2026-03-02T16:04:11Z", "content": "one"}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/v1/watches"): WATCH,
    ("PUT", "/api/v1/outreach/{letter_id}"): {"subject": "ARR passed", "body": "It has grown again. " * 3},
    ("POST", "/api/v1/outreach/{letter_id}/approve"): {"sha256": SHA, "tick": [0, 1, 2]},
    ("POST", "/api/v1/outreach/{letter_id}/reject"): {"because": "no"},
    ("POST", "/api/v1/outreach/{letter_id}/undo"): {},
    ("PUT", "/api/v1/shares/{company_id}/{firm_id}"): {"sources": ["slack"], "granularity": "bands"},
    ("POST", "/api/v1/shares/{company_id}/{firm_id}/revoke"): {"because": "over"},
    ("POST", "/api/v1/data-flow/ingest"): {"source_name": "slack", "company_id": PRIVATE, "data": MESSAGE},
    ("POST", "/api/v1/data-flow/webhook/{source}"): {},
    ("POST", "/unsubscribe/{token}"): None,
    ("POST", "/api/v1/dead-letters/replay"): {"company_id": PRIVATE},
    ("POST", "/api/v1/tasks"): {"name": "outreach.compose", "arguments": {"watch_id": "WATCH"}},
}
UNTOLD = ("x-request-id", "date", "ratelimit")
LISTS = ("companies", "events", "watches", "outreach", "shares", "audit", "tasks")


Operation = tuple[str, str, list[tuple[str, str]]]
"""Its method, its path, and the place and name of each parameter."""


class Request(NamedTuple):
    """What a caller sends; `path`, `query` and `headers` are filled."""

    caller: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: str | None


@dataclass
class Isolated:
    """The API over Postgres with two firms; ids and places that only the other one knows."""

    firms: Firms
    postgres: PostgresDatabase
    operations: list[Operation]
    theirs: dict[str, list[str]] = field(default_factory=dict)
    never: dict[str, str] = field(default_factory=dict)
    shas: list[str] = field(default_factory=list)

    def ask(self, request: Request) -> Response:
        headers = {**dict(request.headers), "Content-Type": "application/json"}
        headers["Authorization"] = f"Bearer {self.firms.keys[request.caller]}"
        client = self.firms.house.client
        answer: Response = client.request(
            request.method, request.path, params=list(request.query), content=request.body, headers=headers
        )
        return answer

    def told(self, request: Request) -> tuple[int, str, list[tuple[str, str]]]:
        """All that an answer tells, whatever the ids are that were sent."""
        answer = self.ask(request)
        kept = sorted((name, value) for name, value in answer.headers.items() if not name.startswith(UNTOLD))
        return answer.status_code, self.unnamed(answer.text), kept

    def unnamed(self, said: str) -> str:
        for theirs, never in self.never.items():
            said = said.replace(theirs, never)
        return said

    def twin(self, request: Request) -> Request:
        """The same of rows that never were."""
        request = under(request, TWINS)
        query = tuple((name, self.unnamed(value)) for name, value in request.query)
        body = request.body and self.unnamed(request.body)
        return request._replace(path=self.unnamed(request.path), query=query, body=body)

    def sent(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Tasks that were begun."""
        return [*self.firms.house.container.dispatcher.sent]  # type: ignore[attr-defined]

    def rows(self) -> dict[str, str]:
        """What stands in each table, but when a key was last used."""
        superuser = Connections(self.postgres.connections.settings, role=None)
        with superuser.begin() as connection:
            tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
            content = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
            found = {each: connection.scalar(text(content.format(each))) for each in tables if each != "api_keys"}
        superuser.close()
        return found

    def forget_the_other_firm(self) -> None:
        """Every row of it, and of the company that shares with it alone."""
        superuser = Connections(self.postgres.connections.settings, role=None)
        with superuser.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            found = connection.execute(
                text(
                    "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN pg_tables t "
                    "ON t.tablename = c.table_name AND t.schemaname = 'public' "
                    "WHERE c.column_name IN ('firm_id', 'company_id')"
                )
            ).all()
            for table, column in found:
                gone = OTHERS if column == "firm_id" else PRIVATE
                connection.execute(text(f"DELETE FROM {table} WHERE {column} = :gone"), {"gone": gone})  # noqa: S608
        superuser.close()


def under(request: Request, key: str) -> Request:
    """The same under another `Idempotency-Key`, where it has one."""
    headers = tuple((name, key if value == USED else value) for name, value in request.headers)
    return request._replace(headers=headers)


def operations(described: dict[str, Any]) -> list[Operation]:
    """Of a document."""
    return [
        (method.upper(), path, [(each["in"], each["name"]) for each in route.get("parameters", ())])
        for path, methods in described["paths"].items()
        for method, route in methods.items()
    ]


def document() -> dict[str, Any]:
    """That of the application."""
    return create_app(container_in_memory(settings_of())).openapi()


def _write(firms: Firms) -> dict[str, list[str]]:
    """Both firms' rows; the ids of the other one's."""
    now = stories.NOW
    events = [
        event.model_copy(update={"id": uuid5(event.id, PRIVATE), "company_id": PRIVATE}) for event in stories.EVENTS
    ]
    with firms.database.begin() as tx:
        for company, of_it in ((COMPANY, list(stories.EVENTS)), (PRIVATE, events)):
            tx.companies.ensure(company, now)
            tx.companies.save(stories.COMPANY.model_copy(update={"company_id": company, "name": company.capitalize()}))
            tx.events.replace(company, Fold(of_it, [stories.point(of_it[0], "arr", 2.1e6)]), now)
        for firm in (MINE, OTHERS):
            tx.shares.ensure_firm(firm, firm.capitalize())
    for firm, company in ((MINE, COMPANY), (OTHERS, COMPANY), (OTHERS, PRIVATE)):
        firms.share(firm, company)
    watches = [firms.watch(OTHERS, company) for company in (COMPANY, PRIVATE)]
    letters = [firms.compose(watch) for watch in watches]
    firms.compose(firms.watch(MINE))
    return {
        "company_id": [PRIVATE],
        "firm_id": [OTHERS],
        "event_id": [str(each.id) for each in events],
        "watch_id": [str(each.id) for each in watches],
        "letter_id": [str(each.id) for each in letters],
    }


@contextmanager
def open_isolated(postgres: PostgresDatabase) -> Iterator[Isolated]:
    """With everything of both firms written."""
    clock, drafts = ManualClock(stories.NOW), MemoryDrafts()
    tenants = PostgresTenants(postgres.connections.settings)
    with ExitStack() as clients:
        clients.callback(tenants.close)
        container = container_in_memory(
            settings_of(key=HOUSE_KEY, rate_limit=0),
            clock=clock,
            database=_Kept(postgres),
            drafts=drafts,
            tenants=tenants,
        )
        house: House = open_house(container)
        clients.enter_context(house.client)
        firms = Firms(house, postgres, drafts, clock, {})  # type: ignore[arg-type]
        theirs = _write(firms)
        issue = container.keyring.issue
        for name, scopes, firm in (
            (MINE, [READ, WRITE], MINE),
            ("ingester", [READ, f"{INGEST}:{COMPANY}"], MINE),
            ("founder", [f"{SHARE}:{COMPANY}", f"{INGEST}:{COMPANY}"], None),
            (OTHERS, [READ, WRITE], OTHERS),
        ):
            firms.keys[name], _ = issue("test", scopes, firm, "cli:ana")
        found = Isolated(firms, postgres, operations(house.client.app.openapi()), theirs)
        made = firms.ask("POST", "/api/v1/watches", WATCH, OTHERS, **{"Idempotency-Key": USED})
        theirs["watch_id"].append(made.json()["id"])
        for watch_id in theirs["watch_id"]:
            task = {"name": "outreach.compose", "arguments": {"watch_id": watch_id}}
            begun = firms.ask("POST", "/api/v1/tasks", task, OTHERS, **{"Idempotency-Key": f'"{watch_id}"'})
            theirs.setdefault("task_id", []).append(begun.json()["id"])
        found.shas = [each["sha256"] for each in firms.get("/api/v1/outreach", OTHERS)["items"]]
        rows = [each for name in ("event_id", "watch_id", "letter_id", "task_id") for each in theirs[name]]
        theirs["subject"] = rows
        found.never = {PRIVATE: NOBODY, OTHERS: NO_FIRM} | {each: str(uuid5(NAMESPACE_URL, each)) for each in rows}
        pages = [firms.get(f"/api/v1/{each}?limit=1", OTHERS)["next"] for each in LISTS]
        theirs["cursor"] = [each for each in pages if each]
        assert len(theirs["cursor"]) == len(LISTS), "the other firm has two rows of each kind"
        yield found


class _Kept:
    """The database of the session, which outlives the application."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def close(self) -> None:
        """Not here."""
