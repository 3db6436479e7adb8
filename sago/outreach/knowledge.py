"""What a watch is judged on, a letter written from and a notice told of: loaded here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from sago.domain.companies import Company, Granularity
from sago.domain.events import Event, MetricPoint, Observation, Status
from sago.domain.messages import source_of
from sago.domain.significance import Scale
from sago.domain.watches import Verdict, Watch
from sago.outreach.sharing import View, view_of
from sago.outreach.silence import LOOK_BACK
from sago.outreach.weighing import Grounds, assess
from sago.ports import Transaction


class Known(NamedTuple):
    """What one company's watch is judged on: what its firm may see."""

    company: Company
    watch: Watch
    view: View
    """Judges the watch on what is seen, in bands too."""
    grounds: Grounds
    """Of what is seen."""

    @property
    def events(self) -> list[Event]:
        """Those that are seen."""
        return self.view.seen.events

    @property
    def metric_points(self) -> list[MetricPoint]:
        """Those that are seen."""
        return self.view.seen.metric_points

    def of(self, watch: Watch) -> Known:
        """The same for another watch of the firm and the company."""
        return self._replace(watch=watch, view=self.view._replace(watch=watch))

    def judge(self, as_of: datetime, setback_days: int, scale: Scale) -> Verdict:
        """The verdict with all that is shown of it."""
        return assess(self.view.judge(as_of, setback_days), self.grounds, as_of, scale)


def load(transaction: Transaction, watch_id: UUID, as_of: datetime, now: datetime | None = None) -> Known | None:
    """What is known for an active watch; None where there is no such watch."""
    watch = transaction.outreach.watch(watch_id)
    return known_to(transaction, watch, as_of, now) if watch else None


def known_to(transaction: Transaction, watch: Watch, as_of: datetime, now: datetime | None = None) -> Known | None:
    """What its company's events say, as far as the watch's firm may see them; None where the company is gone. A share
    that has ended by `now` shows nothing, whatever the moment."""
    company = transaction.companies.get(watch.company_id)
    if company is None:
        return None
    view = view_of(transaction, watch, as_of, now)
    return Known(company, watch, view, _grounds(transaction, view, as_of))


def all_known_to(
    transaction: Transaction, watches: Iterable[Watch], as_of: datetime, now: datetime | None = None
) -> Iterator[Known]:
    """`known_to` each of these, by company: what a share shows is read once, however many watches rest on it."""
    by_company = attrgetter("company_id")
    for _, of_company in groupby(sorted(watches, key=by_company), key=by_company):
        read: dict[str, Known | None] = {}
        for watch in of_company:
            if watch.firm_id not in read:
                read[watch.firm_id] = known_to(transaction, watch, as_of, now)
            if known := read[watch.firm_id]:
                yield known.of(watch)


def _grounds(tx: Transaction, view: View, as_of: datetime) -> Grounds:
    company_id, share = view.watch.company_id, view.share
    if share is None or not view.is_open:
        return Grounds([], [])
    arrivals = tx.batches.arrivals(company_id, as_of - LOOK_BACK)
    return Grounds(
        view.seen.events,
        view.seen.metric_points,
        bands=view.seen.bands,
        observations=_plans_and_denials(tx, view),
        arrivals=[each for each in arrivals if share.covers(each.source)],
        letters=tx.outreach.letters(company_id, live=False),
    )


def _plans_and_denials(tx: Transaction, view: View) -> list[Observation]:
    """Of shared sources; none where figures are not shared as they were said, as their words hold figures."""
    share = view.share
    if share is None or share.granularity is not Granularity.EXACT:
        return []
    told = tx.events.current(view.watch.company_id, statuses=(Status.PLANNED, Status.DENIED))
    return [each for each in told if share.covers(source_of(each.message_id))]
