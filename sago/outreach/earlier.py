"""A company's events as they stood at a moment: folded from what had been said by then, as far as it stands today."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sago.domain.companies import Share
from sago.domain.events import Fold, Observation, Rejection
from sago.outreach.backtesting import Folder, said_by
from sago.ports import Clock, Database, EventStore

KEPT_FOR = 60.0
"""Seconds that a fold is kept for the next page of the same question."""
KEPT_EACH = 2
"""Folds that are kept for one firm."""
KEPT_ROWS = 20_000
"""Events, proofs and figures that are kept for all: a few kB each."""


class Known(NamedTuple):
    """What a fold is made of."""

    said: Sequence[Observation]
    heeded: Sequence[Rejection]
    """What people had called wrong."""

    @property
    def mark(self) -> int:
        """Changes with what is known; an observation never changes under its key."""
        said = [(o.key, o.start, o.event_type, o.extractor, o.extractor_version, o.quote) for o in self.said]
        return hash((tuple(said), tuple(word.event_id for word in self.heeded)))


class Question(NamedTuple):
    """Whose share is looked through, and at what."""

    share: Share
    mark: int


class Earlier:
    """Folds the past. What is known is read anew each time, so that nothing is told which went a moment ago; folding it
    takes far longer, so a fold is kept for a while: for the firm that asked alone, and no firm's is given up for
    another's. Thread-safe."""

    def __init__(self, database: Database, clock: Clock, folding: Callable[[str], Folder]) -> None:
        self._database = database
        self._clock = clock
        self._folding = folding
        self._lock = threading.Lock()
        self._kept: dict[Question, tuple[float, Fold]] = {}

    def fold(self, share: Share, moment: datetime) -> Fold:
        """What had been said before a moment and stands today, without what people had called wrong by then, or before
        the share was given."""
        with self._database.begin() as tx:
            known = as_it_stood(tx.events, share, moment)
        question = Question(share, known.mark)
        with self._lock:
            self._forget()
            kept = self._kept.get(question)
        if kept is not None:
            return kept[1]
        folded = self._folding(share.company_id)(*known)
        fold = Fold(folded.events, folded.metric_points)
        with self._lock:
            self._keep(question, fold)
        return fold

    def _forget(self) -> None:
        now = self._clock.monotonic()
        self._kept = {question: kept for question, kept in self._kept.items() if kept[0] > now}

    def _keep(self, question: Question, fold: Fold) -> None:
        own = [each for each in self._kept if each.share.firm_id == question.share.firm_id and each != question]
        for each in own[: len(own) + 1 - KEPT_EACH]:
            del self._kept[each]
        if _rows(fold) + sum(_rows(kept) for _, kept in self._kept.values()) <= KEPT_ROWS:
            self._kept[question] = self._clock.monotonic() + KEPT_FOR, fold


def as_it_stood(events: EventStore, share: Share, moment: datetime) -> Known:
    """What is to be folded."""
    words = events.rejections(share.company_id, in_force=False)
    heeded = [*said_by(words, moment), *said_by(words, max(moment, share.created_at))]
    return Known(_said(events, share.company_id, moment), heeded)


def _said(events: EventStore, company_id: str, moment: datetime) -> Sequence[Observation]:
    """Of what the messages say today what they said before the moment, also in an earlier version. What was deleted or
    edited away since is nobody's to quote any more."""
    standing = [each for each in events.current(company_id) if each.said_at < moment]
    edited = {each.message_id for each in standing if each.version}
    before = events.current(company_id, said_before=moment, message_ids=edited) if edited else ()
    told = {_words(each) for each in before}
    return [each for each in standing if each.message_id not in edited or _words(each) in told]


def _words(observation: Observation) -> tuple[str, str, str]:
    return observation.message_id, observation.event_type, observation.quote


def _rows(fold: Fold) -> int:
    return sum(len(event.evidence) + 1 for event in fold.events) + len(fold.metric_points)
