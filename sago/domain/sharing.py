"""What a share lets a firm see, and how a founder is shown it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sago.domain.bands import BandPoint
from sago.domain.companies import EVERY_SOURCE, Company, Granularity, Share
from sago.domain.events import Event, MetricPoint
from sago.domain.watches import Verdict
from sago.domain.wording import day


class Seen(NamedTuple):
    """What a share lets a firm see. `bands` stand for the metric points where no exact figure is shared."""

    events: list[Event]
    metric_points: list[MetricPoint]
    bands: tuple[BandPoint, ...] | None
    granularity: Granularity


class Preview(NamedTuple):
    """A share, what it shows as of a moment, and what the firm's watches of the company say by it."""

    company: Company
    firm: str
    """The firm's name."""
    share: Share
    is_given: bool
    """Whether the founder has given this share already."""
    seen: Seen
    in_all: int
    """Events that the firm sees; in `seen` may be the latest of them."""
    hidden: int
    """Events that are known and not shown."""
    verdicts: Sequence[Verdict]
    as_of: datetime

    def to_json(self) -> dict[str, Any]:
        """Everything that is seen, and nothing that is not."""
        return {
            "company_id": self.company.company_id,
            "firm_id": self.share.firm_id,
            "firm": self.firm,
            "is_given": self.is_given,
            "share": self.share.model_dump(mode="json"),
            "hidden_events": self.hidden,
            "events": [_event(event) for event in self.seen.events],
            "figures": figures(self.seen),
            "verdicts": [_verdict(verdict) for verdict in self.verdicts],
        }


def sources(share: Share) -> str:
    """`slack, gmail`."""
    return "all" if EVERY_SOURCE in share.sources else ", ".join(share.sources)


def last_day(share: Share) -> date | None:
    """The day on which the last moment of it lies."""
    return (share.until - timedelta(milliseconds=1)).date() if share.until else None


def words(share: Share) -> str:
    """`sources slack; figures in bands; until 31 December 2026`."""
    told = {"exact": "figures as they were said", "bands": "figures in bands", "none": "no figures"}
    end = last_day(share)
    named = "all sources" if EVERY_SOURCE in share.sources else f"sources {sources(share)}"
    return "; ".join([named, told[share.granularity.value], *([f"until {day(end)}"] if end else [])])


def figures(seen: Seen) -> list[dict[str, Any]]:
    """The metric series as far as they are told, oldest first."""
    exact = [
        {"metric": p.metric, "value": p.value, "unit": p.unit, "as_of": p.as_of.isoformat()} for p in seen.metric_points
    ]
    bands = [
        {"metric": p.metric, "band": p.band.text, "unit": p.band.unit, "as_of": p.as_of.isoformat()}
        for p in seen.bands or ()
        if p.band
    ]
    return exact + bands


def _event(event: Event) -> dict[str, Any]:
    row = event.model_dump(mode="json", exclude={"evidence", "is_active"})
    return row | {"evidence": [{"message_id": proof.message_id, "quote": proof.quote} for proof in event.evidence]}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "watch_id": str(verdict.watch.id),
        "outcome": verdict.outcome.value,
        "because": verdict.because,
        "conditions": [
            {"asked": result.condition.text, "holds": result.holds, "missing": result.missing, "note": result.note}
            for result in verdict.results
        ],
    }
