"""The nightly judgement of every watch, one row a watch and day; and one watch explained at any time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from sago.domain.significance import Scale
from sago.domain.tasks import NOTHING_NEW
from sago.domain.watches import Outcome, Verdict, Watch
from sago.domain.wording import titled
from sago.outreach.differences import differences
from sago.outreach.knowledge import Known, all_known_to
from sago.ports import Clock, Database, Transaction


class Explanation(NamedTuple):
    """A verdict, the stored one of an earlier day, and what changed since."""

    verdict: Verdict
    before: Verdict | None
    changes: list[str]
    titles: Mapping[UUID, str]
    """Of the events that its scores are of."""


class _Read(NamedTuple):
    state: object
    """Of all that they were read of, before they were."""
    known: Sequence[Known]


@dataclass(frozen=True)
class Judging:
    """What the watches say, with everything that is shown of it. A share that has ended by now shows nothing, of
    earlier days neither."""

    database: Database
    setback_days: int
    scale: Scale
    clock: Clock

    def keep_all(self, as_of: datetime) -> int:
        """Judge every active watch as of a moment and keep the verdicts as that day's; how many. No quote is kept that
        was erased meanwhile, and nobody who ends a share waits for more than one verdict."""
        with self.database.begin() as tx:
            watches = tx.outreach.watches()
        return self._keep(watches, as_of)

    def keep(self, watch_ids: Collection[UUID], as_of: datetime) -> int:
        """`keep_all` of these watches alone; of one that is not active nothing is kept."""
        with self.database.begin() as tx:
            watches = [watch for watch in tx.outreach.watches() if watch.id in watch_ids]
        return self._keep(watches, as_of)

    def _keep(self, watches: list[Watch], as_of: datetime) -> int:
        by_share = attrgetter("company_id", "firm_id")
        shares = groupby(sorted(watches, key=by_share), key=by_share)
        return sum(self._keep_of_share(list(watches_of_share), as_of) for _, watches_of_share in shares)

    def _keep_of_share(self, watches: list[Watch], as_of: datetime) -> int:
        """Judged without a lock, and kept under the fold's where all is as it was read; else judged anew under it."""
        with self.database.begin() as tx:
            read = self._read(tx, watches, as_of)
        for number in range(len(read.known)):
            verdict = self._judge(read.known[number], as_of)
            with self.database.begin() as tx:
                tx.events.lock(verdict.watch.company_id)
                if self._state(tx, verdict.watch, as_of) != read.state:
                    read = self._read(tx, watches, as_of)
                    verdict = self._judge(read.known[number], as_of)
                tx.verdicts.put([verdict])
        return len(read.known)

    def _read(self, tx: Transaction, watches: list[Watch], as_of: datetime) -> _Read:
        """Of watches of one share."""
        state = self._state(tx, watches[0], as_of)
        return _Read(state, list(all_known_to(tx, watches, as_of, self.clock.now())))

    def _state(self, tx: Transaction, watch: Watch, as_of: datetime) -> object:
        """Of what the watch is judged on and may quote."""
        share = tx.shares.get(watch.firm_id, watch.company_id)
        holds = share is not None and share.holds_at(max(as_of, self.clock.now()))
        return share, holds, tx.events.state(watch.company_id)

    def _judge(self, known: Known, as_of: datetime) -> Verdict:
        return known.judge(as_of, self.setback_days, self.scale)

    def explain(self, watches: list[Watch], as_of: datetime) -> list[Explanation]:
        """Each of these as of a moment, beside the last verdict kept of an earlier day. Nothing is written."""
        with self.database.begin() as tx:
            return [self._explain(tx, each, as_of) for each in all_known_to(tx, watches, as_of, self.clock.now())]

    def why_no_letter(self, watch_id: UUID, as_of: datetime) -> str:
        """What is said of a watch that no letter was written for, in a line."""
        with self.database.begin() as tx:
            watch = tx.outreach.watch(watch_id)
        for verdict, *_ in self.explain([watch], as_of) if watch else []:
            if verdict.outcome in (Outcome.NOT_YET, Outcome.DO_NOT_WRITE):
                return f"{verdict.outcome.replace('_', ' ')}: {verdict.because}"
        return NOTHING_NEW

    def _explain(self, tx: Transaction, known: Known, as_of: datetime) -> Explanation:
        verdict = self._judge(known, as_of)
        before = tx.verdicts.newest(known.watch.id, as_of.date()) if known.view.is_open else None
        told = differences(before, verdict) if before else []
        return Explanation(verdict, before, told, {event.id: titled(event) for event in known.events})
