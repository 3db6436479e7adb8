"""An API with firms behind it: companies that talk, founders who share, keys of firms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from httpx2 import Response

from sago.domain.companies import Company, Granularity, Share
from sago.domain.events import EventType, Extraction, Metric, Observation, Severity, Status
from sago.domain.messages import Message
from sago.pipeline.extraction import refold
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.raw import MemoryRawStore
from sago.stores.memory.tenants import MemoryTenants
from tests.unit.api.api_house import NOW, House, MakeHouse

EVENTS, COMPANIES = "/api/v1/events", "/api/v1/companies"
CHANNEL = "C0PLANNING"
DAY = timedelta(days=1)


def said_in(channel: str, number: int, at: datetime, text: str, **fields: Any) -> Message:
    """A message of a Slack channel; `company_id` is scaleflow unless it is given."""
    raw = {"type": "message", "channel": channel, "ts": f"{number}.0", **fields.pop("raw", {})}
    known = {"company_id": "scaleflow", "source": "slack", "sender": "Dana"}
    return Message(id=f"slack:{channel}:{number}.0", sent_at=at, text=text, raw=raw, **known | fields)


def mail(number: int, at: datetime, text: str, thread: str | None = None, **fields: Any) -> Message:
    """A mail."""
    known = {"company_id": "scaleflow", "source": "gmail", "sender": "dana@scaleflow.example", "thread_id": thread}
    return Message(id=f"gmail:{number}", sent_at=at, text=text, **known | fields)


@dataclass
class FirmHouse:
    """A house, and what is behind it."""

    house: House
    database: MemoryDatabase
    raw: MemoryRawStore
    clock: ManualClock
    keys: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def hear(self, *messages: Message) -> None:
        """Store messages."""
        self.raw.store(messages, "batch", NOW)

    def tell(
        self,
        message: Message,
        quote: str,
        *metrics: tuple[str, float, str],
        title: str = "",
        event_type: EventType = EventType.REVENUE_MILESTONE,
        severity: Severity = Severity.HIGH,
        **fields: Any,
    ) -> Observation:
        """Store a message and what was read in it; the company's events are folded anew."""
        start = message.text.index(quote)
        observation = Observation(
            company_id=message.company_id,
            message_id=message.id,
            version=message.version,
            source=message.source,
            sender=message.sender,
            start=start,
            end=start + len(quote),
            quote=quote,
            event_type=event_type,
            status=Status.ACTUAL,
            severity=severity,
            title=title or quote,
            metrics=tuple(Metric(name=name, value=value, unit=unit) for name, value, unit in metrics),
            extractor="offline",
            extractor_version="1",
            said_at=message.sent_at,
            recorded_at=NOW,
            **fields,
        )
        self.hear(message)
        self.read(message, observation)
        return observation

    def read(self, message: Message, *found: Observation) -> None:
        """Note that a message version was read, and what was found in it."""
        extraction = Extraction(
            company_id=message.company_id,
            message_id=message.id,
            version=message.version,
            extractor="offline",
            extractor_version="1",
            finished_at=NOW,
        )
        with self.database.begin() as tx:
            tx.companies.ensure(message.company_id, NOW)
            tx.events.append(found, [extraction])
            refold(tx, message.company_id, NOW)

    def name(self, company_id: str, name: str, founder: str | None = None) -> None:
        """Say what a company is called."""
        with self.database.begin() as tx:
            tx.companies.ensure(company_id, NOW)
            tx.companies.save(
                Company(
                    company_id=company_id,
                    name=name,
                    founder=founder,
                    founder_title="CEO",
                    founder_email=f"founder@{company_id}.example",
                )
            )

    def share(self, firm: str, company_id: str = "scaleflow", **fields: Any) -> Share:
        """Give a share; an exact one of every source without an end unless it is said."""
        given = {"granularity": Granularity.EXACT, "created_at": NOW - 90 * DAY} | fields
        share = Share(firm_id=firm, company_id=company_id, **given)
        with self.database.begin() as tx:
            tx.companies.ensure(company_id, NOW)
            tx.shares.ensure_firm(firm, firm.capitalize())
            tx.shares.put(share)
        return share

    def key(self, firm: str, *scopes: str) -> str:
        """A key of the firm."""
        named = firm, scopes
        if named not in self.keys:
            with self.database.begin() as tx:
                tx.shares.ensure_firm(firm, firm.capitalize())
            self.keys[named], _ = self.house.container.keyring.issue("a test's", scopes, firm, "test")
        return self.keys[named]

    def ask(self, path: str, firm: str = "northgate", scope: str = "read", **query: Any) -> Response:
        """GET as the firm."""
        headers = {"Authorization": f"Bearer {self.key(firm, scope)}"}
        answer: Response = self.house.client.get(path, params=query, headers=headers)
        return answer

    def items(self, path: str, firm: str = "northgate", **query: Any) -> list[dict[str, Any]]:
        """The rows of all pages."""
        return [row for page in self.pages(path, firm, **query) for row in page]

    def pages(self, path: str, firm: str = "northgate", **query: Any) -> Iterator[list[dict[str, Any]]]:
        """Page by page."""
        cursor: dict[str, str] = {}
        while True:
            answer = self.ask(path, firm, **query, **cursor)
            assert answer.status_code == 200, answer.text
            yield answer.json()["items"]
            if answer.json()["next"] is None:
                return
            cursor = {"cursor": answer.json()["next"]}


def open_firm_house(make: MakeHouse) -> FirmHouse:
    """An empty one."""
    database, raw, clock = MemoryDatabase(), MemoryRawStore(), ManualClock(NOW)
    tenants = MemoryTenants(database, clock)
    house = make(adapters={"database": database, "raw": raw, "clock": clock, "tenants": tenants})
    return FirmHouse(house, database, raw, clock)
