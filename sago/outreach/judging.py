"""The nightly judgement of every watch, one row a watch and day; and one watch explained at any time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from sago.domain.significance import Scale
from sago.domain.watches import Verdict, Watch
from sago.outreach.differences import differences
from sago.outreach.weighing import Grounds, assess, grounds
from sago.ports import Database


class Explanation(NamedTuple):
    """A verdict, the stored one of an earlier day, and what changed since."""

    verdict: Verdict
    before: Verdict | None
    changes: list[str]
    titles: Mapping[UUID, str]
    """Of the events that its scores are of."""


@dataclass(frozen=True)
class Judging:
    """What the watches say, with everything that is shown of it."""

    database: Database
    setback_days: int
    scale: Scale

    def keep_all(self, as_of: datetime) -> int:
        """Judge every active watch as of a moment and keep the verdicts as that day's; how many. One transaction a
        company and firm, under its fold's lock: no quote is kept that was erased meanwhile."""
        with self.database.begin() as tx:
            watches = tx.outreach.watches()
        kept = 0
        for alike in _alike(watches):
            with self.database.begin() as tx:
                tx.events.lock(alike[0].company_id)
                judged = self._judge(grounds(tx, alike[0], as_of), alike, as_of)
                tx.verdicts.put(judged)
            kept += len(judged)
        return kept

    def explain(self, watches: list[Watch], as_of: datetime) -> list[Explanation]:
        """Each of these as of a moment, beside the last verdict kept of an earlier day. Nothing is written."""
        explained = []
        for alike in _alike(watches):
            with self.database.begin() as tx:
                on = grounds(tx, alike[0], as_of)
                titles = {event.id: event.title for event in on.events}
                for verdict in self._judge(on, alike, as_of):
                    before = tx.verdicts.newest(verdict.watch.id, as_of.date())
                    told = differences(before, verdict) if before else []
                    explained.append(Explanation(verdict, before, told, titles))
        return explained

    def _judge(self, on: Grounds, watches: Iterable[Watch], as_of: datetime) -> list[Verdict]:
        return [assess(watch, on, as_of, self.setback_days, self.scale) for watch in watches]


def _alike(watches: Iterable[Watch]) -> Iterator[list[Watch]]:
    """The watches of one firm on one company, which are judged on the same."""
    whose = attrgetter("company_id", "firm_id")
    yield from (list(alike) for _, alike in groupby(sorted(watches, key=whose), key=whose))
