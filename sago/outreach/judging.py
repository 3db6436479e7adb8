"""The nightly judgement of every watch, one row a watch and day; and one watch explained at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from sago.domain.significance import Scale
from sago.domain.tasks import NOTHING_NEW
from sago.domain.watches import Outcome, Verdict, Watch
from sago.domain.wording import titled
from sago.outreach.differences import differences
from sago.outreach.knowledge import Known, known_to
from sago.ports import Clock, Database, Transaction


class Explanation(NamedTuple):
    """A verdict, the stored one of an earlier day, and what changed since."""

    verdict: Verdict
    before: Verdict | None
    changes: list[str]
    titles: Mapping[UUID, str]
    """Of the events that its scores are of."""


@dataclass(frozen=True)
class Judging:
    """What the watches say, with everything that is shown of it. A share that has ended by now shows nothing, of
    earlier days neither."""

    database: Database
    setback_days: int
    scale: Scale
    clock: Clock

    def keep_all(self, as_of: datetime) -> int:
        """Judge every active watch as of a moment and keep the verdicts as that day's; how many. One transaction a
        company, under its fold's lock: no quote is kept that was erased meanwhile."""
        with self.database.begin() as tx:
            watches = tx.outreach.watches()
        return self._keep(watches, as_of)

    def keep(self, watch_ids: Collection[UUID], as_of: datetime) -> int:
        """`keep_all` of these watches alone; of one that is not active nothing is kept."""
        with self.database.begin() as tx:
            watches = [watch for watch in tx.outreach.watches() if watch.id in watch_ids]
        return self._keep(watches, as_of)

    def _keep(self, watches: list[Watch], as_of: datetime) -> int:
        kept = 0
        for company_id, of_company in groupby(sorted(watches, key=_company), key=_company):
            with self.database.begin() as tx:
                tx.events.lock(company_id)
                judged = [
                    known.judge(as_of, self.setback_days, self.scale) for known in self._known(tx, of_company, as_of)
                ]
                tx.verdicts.put(judged)
            kept += len(judged)
        return kept

    def explain(self, watches: list[Watch], as_of: datetime) -> list[Explanation]:
        """Each of these as of a moment, beside the last verdict kept of an earlier day. Nothing is written."""
        with self.database.begin() as tx:
            return [self._explain(tx, each, as_of) for each in self._known(tx, sorted(watches, key=_company), as_of)]

    def why_no_letter(self, watch_id: UUID, as_of: datetime) -> str:
        """What is said of a watch that no letter was written for, in a line."""
        with self.database.begin() as tx:
            watch = tx.outreach.watch(watch_id)
        for verdict, *_ in self.explain([watch], as_of) if watch else []:
            if verdict.outcome in (Outcome.NOT_YET, Outcome.DO_NOT_WRITE):
                return f"{verdict.outcome.replace('_', ' ')}: {verdict.because}"
        return NOTHING_NEW

    def _explain(self, tx: Transaction, known: Known, as_of: datetime) -> Explanation:
        verdict = known.judge(as_of, self.setback_days, self.scale)
        before = tx.verdicts.newest(known.watch.id, as_of.date())
        told = differences(before, verdict) if before else []
        return Explanation(verdict, before, told, {event.id: titled(event) for event in known.events})

    def _known(self, tx: Transaction, watches: Iterable[Watch], as_of: datetime) -> Iterator[Known]:
        now = self.clock.now()
        yield from (known for watch in watches if (known := known_to(tx, watch, as_of, now)))


def _company(watch: Watch) -> str:
    return watch.company_id
