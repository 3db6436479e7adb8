"""Conditions on metrics held against bands alone: what is not true of a whole band is not told.

The exact figure has no say: whoever may choose thresholds would find it out by asking often enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sago.domain.bands import Band, BandPoint
from sago.domain.events import Event, Evidence
from sago.domain.watches import Condition, ConditionResult
from sago.domain.wording import figure, metric_noun, never_stated
from sago.outreach.conditions import asked_currency, in_its_own_money, is_comparable

NO_FIGURES = "the founder shares no figures"
MONTHS_A_YEAR = 12


def evaluate_band(
    condition: Condition, events: Sequence[Event], points: Sequence[BandPoint], as_of: datetime
) -> ConditionResult:
    """A metric's newest band against the threshold. A change is never told: two bands leave it open."""
    known = series(condition.name, points, as_of)
    if not known:
        missing = never_stated(condition.name)
        return ConditionResult(condition=condition, holds=False, seen=None, missing=missing)
    newest = known[-1]
    band = _told(condition, newest)
    holds = band is not None and is_comparable(condition, band.unit) and fulfils(condition, band) is True
    return ConditionResult(
        condition=condition,
        holds=holds,
        seen=None,
        unit=band.unit if band else None,
        missing="" if holds else _missing(condition, newest, band),
        note=_note(condition, newest, band) if holds and band else "",
        proof=_proof(newest, events),
        event_id=newest.event_id,
        as_of=newest.as_of,
    )


def band_held_since(condition: Condition, points: Sequence[BandPoint], as_of: datetime) -> date | None:
    """The day from which the bands have fulfilled the condition without a break; None where they do not."""
    start: date | None = None
    known = series(condition.name, points, as_of)
    for point in known:
        band = _told(condition, point)
        if band is None or not is_comparable(condition, band.unit) or not fulfils(condition, band):
            start = None
        elif start is None:
            start = point.as_of.date()
    return start


def fulfils(condition: Condition, band: Band) -> bool | None:
    """Whether every value of the band fulfils the condition, or none does; None where it cannot be told."""
    wanted = condition.value
    is_out = wanted < band.low or wanted >= band.high
    always, never = {
        ">=": (band.low >= wanted, band.high <= wanted),
        ">": (band.low > wanted, band.high <= wanted),
        "<=": (band.high <= wanted, band.low > wanted),
        "<": (band.high <= wanted, band.low >= wanted),
        "==": (False, is_out),
        "!=": (is_out, False),
    }[condition.op]
    return True if always else False if never else None


def series(metric: str, points: Sequence[BandPoint], as_of: datetime) -> list[BandPoint]:
    """The metric's points known at `as_of`, oldest first; for ARR also each newer MRR, times twelve, whose band
    tells another level than the newest ARR before it."""
    known = sorted(
        (p for p in points if p.said_at <= as_of and p.as_of <= as_of),
        key=lambda p: (p.as_of, p.said_at, str(p.event_id)),
    )
    found: list[BandPoint] = []
    newest: BandPoint | None = None
    for point in known:
        if point.metric == metric:
            found.append(newest := point)
        elif (metric, point.metric) == ("arr", "mrr"):
            yearly = point._replace(band=point.band and point.band.times(MONTHS_A_YEAR))
            if newest is None or _tells_more(yearly, newest):
                found.append(yearly)
    return found


def _tells_more(mrr: BandPoint, arr: BandPoint) -> bool:
    newer = mrr.as_of > arr.as_of and mrr.said_at > arr.said_at
    if mrr.band is None or arr.band is None:
        return newer
    return newer and (mrr.band.low >= arr.band.high or mrr.band.high <= arr.band.low)


def _told(condition: Condition, point: BandPoint) -> Band | None:
    """The band that is asked about; None for a change, which two bands leave open too far to tell."""
    return point.band if condition.kind == "metric" else None


def _missing(condition: Condition, newest: BandPoint, band: Band | None) -> str:
    if newest.band is None:
        return NO_FIGURES
    label = metric_noun(condition.name)
    if band is None:
        return f"a change of {label} cannot be told from bands"
    if not is_comparable(condition, band.unit):
        if asked_currency(condition) is None:
            return f"{label} is {in_its_own_money(condition, band.between, band.unit)}"
        return f"{label} is {band.between}, asked in {asked_currency(condition)}"
    asked = f"asked {condition.op} {figure(condition.value, band.unit)}"
    if fulfils(condition, band) is None:
        return f"{label} cannot be told from bands: {band.between}, {asked}"
    return f"{label} is {band.between}, {asked}"


def _note(condition: Condition, newest: BandPoint, band: Band) -> str:
    return band.between + (", twelve times the MRR" if newest.metric == "mrr" and condition.name == "arr" else "")


def _proof(point: BandPoint, events: Sequence[Event]) -> tuple[Evidence, ...]:
    event = next((event for event in events if event.id == point.event_id), None)
    return event.evidence[:1] if event else ()
