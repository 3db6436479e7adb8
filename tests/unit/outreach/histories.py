"""A company's history as observations, said day by day, and edited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from sago.domain.events import EventType, Extraction, Metric, Observation, Severity, Status
from sago.stores.memory.database import MemoryDatabase

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COMPANY = "orchard"


def at(day: date, hour: int = 10) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def told(
    number: int,
    day: date,
    quote: str,
    *metrics: tuple[str, float, str],
    event_type: EventType = EventType.REVENUE_MILESTONE,
    subject: str | None = None,
    status: Status = Status.ACTUAL,
    severity: Severity = Severity.HIGH,
    edited_on: date | None = None,
) -> Observation:
    """What message `number` says; of a version edited on a day where one is given."""
    moment = at(edited_on, 12) if edited_on else at(day)
    return Observation(
        company_id=COMPANY,
        message_id=f"slack:{number}",
        version=(moment - EPOCH) // timedelta(microseconds=1) if edited_on else 0,
        source="slack",
        sender="nell",
        start=0,
        end=len(quote),
        quote=quote,
        event_type=event_type,
        status=status,
        severity=severity,
        title=quote[:80],
        subject=subject,
        metrics=tuple(Metric(name=name, value=value, unit=unit) for name, value, unit in metrics),
        extractor="offline",
        extractor_version="1",
        said_at=moment,
        recorded_at=moment,
    )


def arr(number: int, day: date, value: float, unit: str = "USD", **fields: object) -> Observation:
    return told(number, day, f"ARR is now ${value / 1e6:g}M", ("arr", value, unit), **fields)  # type: ignore[arg-type]


def read(observation: Observation) -> Extraction:
    return Extraction(
        company_id=COMPANY,
        message_id=observation.message_id,
        version=observation.version,
        extractor="offline",
        extractor_version="1",
        finished_at=observation.recorded_at,
    )


def keep(database: MemoryDatabase, said: Sequence[Observation], *readings: Extraction) -> None:
    with database.begin() as tx:
        tx.companies.ensure(COMPANY, EPOCH)
        tx.events.append(said, [*map(read, said), *readings])
