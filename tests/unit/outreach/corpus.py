"""Requests for many letters: the labelled companies, the sample's, and invented ones; the same at every run."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from sago.domain.companies import Company, Granularity, Person, Share
from sago.domain.events import Event, EventType, Evidence, Metric, MetricPoint, Severity
from sago.domain.letters import LetterRequest
from sago.domain.metrics import METRICS, canonical
from sago.domain.watches import Condition, Direction, Watch
from sago.evaluation.labels import Label, read_labels
from sago.outreach.conditions import parse
from sago.outreach.knowledge import Known
from sago.outreach.requesting import request_for
from sago.outreach.sharing import View, seen_by
from sago.outreach.weighing import Grounds
from sago.sample.generate import generate

LABELLED = Path(__file__).parents[3] / "labelled"
FOUNDERS = ("Nell Quist", "Amara Osei", "Jonas Lindqvist", "Priya Raman", "Tomás Ibarra", "Hana Sato", "Eli Marsh")
INVESTORS = ("Dana Reed", "Ivo Brandt", "Mette Kjær", "Samuel Okafor", "Lucía Ferrer", "Grace Whitlock")
CUSTOMERS = (
    "Kestrel Air",
    "Fjord Bank",
    "Halden Foods",
    "Meridian Rail",
    "Osprey Health",
    "Castellan Group",
    "Vireo Labs",
)
REASONS = ("too early", "ARR below 2M, no enterprise logo", "churn too high", "no proof that large customers buy", "")
SPECIAL = 0.5
"""How often a watch asks for a change, and how often for what looks back over a period."""
GRANULARITIES = (*[Granularity.EXACT] * 7, Granularity.BANDS, Granularity.BANDS, Granularity.NONE)
Texts = dict[str, tuple[str, datetime]]


def seen_companies() -> list[str]:
    """The labelled companies that may be looked at."""
    unseen = set((LABELLED / "unseen.txt").read_text(encoding="utf-8").split())
    return sorted(each.name for each in LABELLED.iterdir() if each.is_dir() and each.name not in unseen)


def labelled_events(company_id: str) -> list[Event]:
    folder = LABELLED / company_id
    with (folder / "messages.csv").open(encoding="utf-8", newline="") as file:
        texts = {row["id"]: (row["content"], _moment(row["timestamp"])) for row in csv.DictReader(file)}
    return [_event(label, texts) for label in read_labels(folder / "gold.jsonl")]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def sample_events(rows: int = 900, companies: int = 9, seed: int = 11) -> dict[str, list[Event]]:
    sample = generate(rows, companies, seed)
    texts = {row.id: (row.content, _moment(row.timestamp)) for row in sample.rows}
    found: dict[str, list[Event]] = {}
    for each in sample.labels:
        label = Label.model_validate(each)
        found.setdefault(label.company_id, []).append(_event(label, texts))
    return found


def _event(label: Label, texts: Texts) -> Event:
    marked = [(each.message_id, each.quote) for each in label.evidence]
    quotes = marked or [(each, texts[each][0]) for each in label.message_ids]
    proofs = tuple(
        Evidence(message_id=f"slack:{each}", quote=quote, start=at, end=at + len(quote))
        for each, quote in quotes
        if (at := texts[each][0].find(quote)) >= 0
    )
    return Event(
        id=uuid5(NAMESPACE_URL, f"{label.company_id}:{label.event_type}:{label.title}"),
        company_id=label.company_id,
        event_type=label.event_type,
        title=label.title,
        metrics=tuple(_metric(each) for each in label.metrics),
        severity=label.severity,
        evidence=proofs,
        occurred_at=min(texts[each][1] for each in label.message_ids),
    )


def _metric(told: Metric) -> Metric:
    return told.model_copy(update={"name": canonical(told.name) or told.name})


def invented_events(company_id: str, chance: random.Random) -> list[Event]:
    """What a young company might say of itself within a year."""
    start = datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(days=chance.randrange(60))
    made: list[Event] = []

    def add(kind: EventType, title: str, quote: str, *metrics: tuple[str, float, str], severity: str = "high") -> None:
        number = len(made)
        proof = Evidence(message_id=f"slack:{company_id}-{number}", quote=quote, start=0, end=len(quote))
        made.append(
            Event(
                id=uuid5(NAMESPACE_URL, f"{company_id}:{number}"), company_id=company_id, event_type=kind, title=title,
                metrics=tuple(Metric(name=n, value=v, unit=u) for n, v, u in metrics), severity=Severity(severity),
                evidence=(proof,), occurred_at=start + timedelta(days=number * chance.randrange(7, 24)),
            )
        )  # fmt: skip

    arr, mrr = chance.randrange(11, 90) * 100_000, chance.randrange(41, 900) * 1_000
    customer, other = chance.sample(CUSTOMERS, 2)
    person = chance.choice(("Ruth Adeyemi", "Karl Voss", "Ines Duarte", "Wei Chen"))
    before = mrr * chance.randrange(45, 92) // 100
    for figure in (before, mrr):
        add(
            EventType.REVENUE_MILESTONE,
            f"MRR reached ${figure // 1000}k",
            f"MRR closed the month at ${figure:,}.",
            ("mrr", figure, "USD"),
        )
    made[0] = made[0].model_copy(
        update={"occurred_at": made[1].occurred_at - timedelta(days=chance.randrange(84, 125))}
    )
    add(
        EventType.ENTERPRISE_DEAL,
        f"{customer} signed a contract worth ${(worth := chance.randrange(90, 640))}k a year",
        f"{customer} signed! ${worth}k a year, three years",
        ("contract_value", worth * 1000, "USD"),
        ("term", 3, "years"),
    )
    add(
        EventType.REVENUE_MILESTONE,
        f"NRR was {(nrr := chance.randrange(101, 160))}%",
        f"NRR came in at {nrr}%",
        ("nrr", nrr, "percent"),
    )
    add(
        EventType.USER_GROWTH,
        f"{(users := chance.randrange(1200, 90_000)):,} active users",
        f"we passed {users:,} active users today",
        ("active users", users, "count"),
        severity="medium",
    )
    add(
        EventType.REVENUE_MILESTONE,
        f"ARR reached ${arr / 1e6:g}M",
        f"We just passed ${arr / 1e6:g}M ARR!",
        ("arr", arr, "USD"),
    )
    add(EventType.HIRING, f"{person} joined as CFO", f"{person} joined us as CFO on Monday", severity="medium")
    add(
        EventType.PARTNERSHIP,
        f"Reseller agreement with {other}",
        f"the reseller agreement with {other} is signed",
        severity="medium",
    )
    add(
        EventType.USER_GROWTH,
        f"{(count := chance.randrange(12, 400))} paying customers, up from {count - 7}",
        f"{count} paying customers now, up from {count - 7}",
        ("customers", count, "count"),
        ("earlier customers", count - 7, "count"),
    )
    return made


@cache
def companies() -> tuple[tuple[Company, tuple[Event, ...]], ...]:
    """Every company with its events, oldest first."""
    known: dict[str, Sequence[Event]] = {each: labelled_events(each) for each in seen_companies()} | sample_events()
    for number in range(24):
        known[f"invented-{number}"] = invented_events(f"invented-{number}", random.Random(number))  # noqa: S311
    return tuple(
        (_company(company_id, number), tuple(sorted(events, key=lambda event: event.occurred_at)))
        for number, (company_id, events) in enumerate(sorted(known.items()))
        if events
    )


def _company(company_id: str, number: int) -> Company:
    name = company_id.replace("-", " ").title() if "-" in company_id else company_id.capitalize()
    return Company(company_id=company_id, name=name, founder=FOUNDERS[number % len(FOUNDERS)])


def points(events: Iterable[Event]) -> list[MetricPoint]:
    return [
        MetricPoint(
            company_id=event.company_id, metric=metric.name, value=metric.value, unit=metric.unit,
            as_of=event.occurred_at, said_at=event.occurred_at, event_id=event.id,
        )
        for event in events
        for metric in event.metrics
        if metric.name in METRICS
    ]  # fmt: skip


def conditions(events: Sequence[Event], chance: random.Random) -> tuple[Condition, ...]:
    """Some that hold: a metric below what was reached, a number of events, and what else the language knows."""
    texts = [f"{event.event_type} >= 1" for event in events if event.event_type is not EventType.SETBACK]
    for point in points(events):
        threshold = point.value * chance.choice((0.5, 0.8, 0.9))
        if threshold >= 2 and METRICS[point.metric].unit != "x":
            texts.append(f"{point.metric} >= {round(threshold, -len(str(int(threshold))) + 2):.0f}")
    kind = chance.choice(events).event_type
    looking_back = [f"{kind} high >= 1 in 90d", f"{kind} >= 1 in 8w", f"no {EventType.SETBACK} high in 30d"]
    looking_back += [f"no {EventType.SETBACK}", f"no {EventType.COMPLIANCE} in 6m"]
    changes = [f"{point.metric} growth 3m >= {chance.choice((1, 2.5, 5))}%" for point in points(events)]
    chosen = chance.sample(texts, k=min(len(texts), chance.choice((0, 1, 1, 2))))
    if chance.random() < SPECIAL:
        chosen.append(chance.choice(looking_back))
    if changes and chance.random() < SPECIAL:
        chosen = [*chosen[:1], changes[-1] if chance.random() < SPECIAL else chance.choice(changes)]
    return tuple(parse(text) for text in dict.fromkeys(chosen))


def known_of(company: Company, watch: Watch, heard: Sequence[Event], share: Share, as_of: datetime) -> Known:
    """What the watch's firm sees of what was heard."""
    view = View(watch, share, seen_by(share, heard, points(heard), as_of), is_open=True)
    return Known(company, watch, view, Grounds(view.seen.events, view.seen.metric_points, bands=view.seen.bands))


def requests(wanted: int, seed: int = 0) -> Iterator[LetterRequest]:
    """Different requests, each of which wants a letter now."""
    made = turn = 0
    known = companies()
    while made < wanted:
        company, events = known[turn % len(known)]
        chance = random.Random(turn + 1_000_003 * seed)  # noqa: S311
        turn += 1
        until = chance.randrange(1, len(events) + 1)
        heard = list(events[:until])
        as_of = heard[-1].occurred_at + timedelta(days=chance.randrange(20), hours=1)
        met = heard[0].occurred_at.date() - timedelta(days=chance.randrange(3, 90))
        watch = Watch(
            id=uuid5(NAMESPACE_URL, f"corpus:{turn}"), company_id=company.company_id,
            investor=Person(name=chance.choice(INVESTORS), email="reader@fund.example"), met_on=met,
            reason=chance.choice(REASONS), conditions=conditions(heard, chance),
            direction=chance.choice(list(Direction)), created_at=datetime(2024, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        share = Share(
            firm_id=watch.firm_id, company_id=company.company_id, granularity=chance.choice(GRANULARITIES),
            created_at=watch.created_at,
        )  # fmt: skip
        known_now = known_of(company, watch, heard, share, as_of)
        request = request_for(known_now, as_of, 30, chance.choice((2, 3, 5)))
        if request is not None:
            made += 1
            yield request
