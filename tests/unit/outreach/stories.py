"""One company's facts, as the tests of outreach and the report need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from sago.domain.companies import Company, Person
from sago.domain.events import Event, EventType, Evidence, Fold, Metric, MetricPoint, Severity
from sago.domain.letters import LetterRequest
from sago.domain.watches import Direction, Watch
from sago.outreach.conditions import parse
from sago.outreach.proposing import answers_all
from sago.outreach.selection import choose
from sago.outreach.verdicts import judge
from sago.stores.memory.database import MemoryDatabase

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MET = date(2026, 3, 2)
COMPANY = Company(company_id="orchard", name="Orchard", founder="Nell Quist", founder_email="nell@orchard.example")
INVESTOR = Person(name="Ivo Brandt", email="ivo@fund.example")


def metric(name: str, value: float, unit: str = "USD") -> Metric:
    return Metric(name=name, value=value, unit=unit)


def event(
    event_type: str,
    title: str,
    quote: str,
    *metrics: Metric,
    days_ago: float = 5,
    severity: str = "high",
    company_id: str = "orchard",
) -> Event:
    identity = uuid5(NAMESPACE_URL, f"{company_id}:{title}")
    proof = Evidence(message_id=f"slack:{identity.hex[:6]}", quote=quote, start=0, end=len(quote))
    return Event(
        id=identity,
        company_id=company_id,
        event_type=EventType(event_type),
        title=title,
        metrics=metrics,
        severity=Severity(severity),
        evidence=(proof,),
        occurred_at=NOW - timedelta(days=days_ago),
    )


def point(of: Event, name: str, value: float, unit: str = "USD") -> MetricPoint:
    return MetricPoint(
        company_id=of.company_id,
        metric=name,
        value=value,
        unit=unit,
        as_of=of.occurred_at,
        said_at=of.occurred_at,
        event_id=of.id,
    )


ARR = event("revenue_milestone", "ARR reached $2.1M", "We just passed $2.1M ARR!", metric("arr", 2.1e6), days_ago=6)
DEAL = event(
    "enterprise_deal",
    "Kestrel Air signed a contract worth $240k a year",
    "Kestrel Air signed, $240k a year",
    metric("contract_value", 240_000),
    days_ago=10,
)
NRR = event("revenue_milestone", "NRR was 143%", "NRR came in at 143% for October", metric("nrr", 143, "percent"))
SETBACK = event("setback", "Fjord Bank will not renew", "Fjord Bank told us they will not renew", days_ago=2)
CFO = event("hiring", "Tom Reyes joined as CFO", "Tom Reyes joins us as CFO on Monday", days_ago=7, severity="medium")
EXPORT = event("product_launch", "Launched the audit export", "we launched the audit export today", days_ago=8)
EVENTS = [ARR, DEAL, NRR]
POINTS = [point(ARR, "arr", 2.1e6), point(NRR, "nrr", 143, "percent")]


def watch(*conditions: str, direction: Direction = Direction.TO_FOUNDER, name: str = "one") -> Watch:
    return Watch(
        id=uuid5(NAMESPACE_URL, f"watch:{name}"),
        company_id="orchard",
        investor=INVESTOR,
        met_on=MET,
        reason="ARR below 2M" if conditions else "",
        conditions=tuple(parse(text) for text in conditions),
        direction=direction,
        created_at=NOW - timedelta(days=200),
    )


def request(of: Watch, events: Sequence[Event] = EVENTS, points: Sequence[MetricPoint] = POINTS) -> LetterRequest:
    verdict = judge(of, events, points, NOW, 60)
    return LetterRequest(
        company=COMPANY,
        watch=of,
        verdict=verdict,
        events=tuple(choose(events, NOW, 5)),
        metric_points=tuple(points),
        as_of=NOW,
        answers_all=answers_all(of),
    )


def database(
    *watches: Watch, events: Sequence[Event] = EVENTS, points: Sequence[MetricPoint] = POINTS
) -> MemoryDatabase:
    """A database that knows the company, these watches and facts; its default watch is removed."""
    made = MemoryDatabase()
    with made.begin() as tx:
        tx.companies.ensure("orchard", NOW)
        tx.companies.save(COMPANY)
        for default in tx.outreach.watches():
            tx.outreach.remove_watch(default.id)
        for each in watches:
            tx.outreach.add_watch(each)
    fold_into(made, events, points)
    return made


def fold_into(into: MemoryDatabase, events: Sequence[Event], points: Sequence[MetricPoint] = POINTS) -> None:
    with into.begin() as tx:
        tx.events.replace("orchard", Fold(list(events), list(points)), NOW)
