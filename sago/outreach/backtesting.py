"""History replayed as of each day: when conditions would have fired, had somebody waited for them then.

On each day only what was said by its end is known: the highest version of a message by then, and no rejection that was
made later. Hindsight is what is known today, each figure from the day it was true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sago.domain.backtests import Backtest, ReplayedDay, SeenCondition, Stretch
from sago.domain.events import Fold, Observation, Rejection
from sago.domain.watches import Condition, ConditionResult
from sago.errors import UsageError
from sago.outreach.proofs import evaluate
from sago.outreach.verdicts import reasons
from sago.ports import Database, EventStore

MOST_DAYS = 3660
Folder = Callable[[Sequence[Observation], Sequence[Rejection]], Fold]


class Question(NamedTuple):
    """What to replay; events count from `met_on`, and the lead time is counted to `against`."""

    company_id: str
    conditions: tuple[Condition, ...]
    start: date
    end: date | None = None
    """The last day on which something was said, where it is None."""
    met_on: date | None = None
    against: date | None = None
    step: int = 1


class Look(NamedTuple):
    """The conditions at the end of one day: as known then, and as known today."""

    day: date
    then: tuple[ConditionResult, ...]
    today: tuple[ConditionResult, ...]


@dataclass(frozen=True)
class Backtesting:
    """The use case behind `sago backtest`."""

    database: Database
    folding: Callable[[str], Folder]
    """Makes what folds one company's observations again and again as they grow."""

    def run(self, question: Question, now: datetime) -> Backtest:
        """Replay it; raises UsageError where there is nothing to replay, or days that have not come yet."""
        with self.database.begin() as transaction:
            said_on = transaction.events.said_on(question.company_id)
            end = _end(question, said_on, now.astimezone(UTC).date())
            known = transaction.events.current(question.company_id), transaction.events.rejections(question.company_id)
            hindsight = _as_true(self.folding(question.company_id)(*known))
            span = range(0, (end - question.start).days + 1, question.step)
            days = [question.start + timedelta(days=number) for number in span]
            replayed = _replayed(days, said_on, transaction.events, question, self.folding(question.company_id))
            looks = [_look(question, day, fold, hindsight) for day, fold in replayed]
        return _backtest(question, end, looks)


def _end(question: Question, said_on: Sequence[date], today: date) -> date:
    if not said_on:
        raise UsageError(f"company {question.company_id}: nothing it said was read yet, so there is nothing to replay")
    last = max(said_on[-1], today)
    if question.start > last:
        raise UsageError(f"--from {question.start}: has not come yet; begin by {last}")
    if question.end is None and question.start > said_on[-1]:
        raise UsageError(
            f"--from {question.start}: {question.company_id} says nothing after {said_on[-1]}, so there is nothing to "
            f"replay; begin by then, or say with --to how far to look"
        )
    end = question.end or said_on[-1]
    if end > last:
        raise UsageError(f"--to {end}: has not come yet; end by {last}")
    if end < question.start:
        raise UsageError(f"--to {end}: lies before --from {question.start}")
    if said_on[0] > end:
        raise UsageError(f"--to {end}: {question.company_id} says nothing before {said_on[0]}")
    if (end - question.start).days > MOST_DAYS:
        raise UsageError(f"--from {question.start}: at most ten years can be replayed")
    return end


def _replayed(
    days: Sequence[date], said_on: Sequence[date], events: EventStore, question: Question, fold: Folder
) -> Iterator[tuple[date, Fold]]:
    """Each day with what was known at its end; folded anew only where something was said or rejected since."""
    words = events.rejections(question.company_id, in_force=False)
    decided = [moment for word in words for moment in (word.rejected_at, word.restored_at) if moment]
    news = sorted({*said_on, *(moment.astimezone(UTC).date() for moment in decided)})
    known, at = Fold([], []), 0
    for day in days:
        until = at
        while until < len(news) and news[until] <= day:
            until += 1
        if until > at:
            moment, at = _end_of(day), until
            known = fold(events.current(question.company_id, said_before=moment), said_by(words, moment))
        yield day, known


def said_by(words: Sequence[Rejection], moment: datetime) -> list[Rejection]:
    """Those a person had said by then and not yet taken back."""
    said = [word for word in words if word.rejected_at < moment]
    return [word for word in said if word.restored_at is None or word.restored_at >= moment]


def _as_true(fold: Fold) -> Fold:
    """Each figure known from the day on which it was true, whenever it was said."""
    return fold._replace(
        metric_points=[point.model_copy(update={"said_at": point.as_of}) for point in fold.metric_points]
    )


def _look(question: Question, day: date, known: Fold, hindsight: Fold) -> Look:
    moment = _end_of(day) - timedelta(microseconds=1)
    met_on = question.met_on or question.start
    then, today = (
        tuple(evaluate(each, fold.events, fold.metric_points, met_on, moment) for each in question.conditions)
        for fold in (known, hindsight)
    )
    return Look(day, then, today)


def _backtest(question: Question, end: date, looks: Sequence[Look]) -> Backtest:
    held = [(look, _all(look.then), _all(look.today)) for look in looks]
    return Backtest(
        company_id=question.company_id,
        conditions=question.conditions,
        met_on=question.met_on or question.start,
        start=question.start,
        end=end,
        step=question.step,
        against=question.against or end,
        days=tuple(ReplayedDay(day=look.day, seen=_seen(look)) for look in looks),
        firings=_stretches([(look, holds) for look, holds, _ in held], lambda look: look.then),
        misses=_stretches([(look, true and not holds) for look, holds, true in held], lambda look: look.today),
        mistakes=_stretches([(look, holds and not true) for look, holds, true in held], lambda look: look.then),
    )


def _seen(look: Look) -> tuple[SeenCondition, ...]:
    pairs = zip(look.then, look.today, strict=True)
    return tuple(
        SeenCondition(holds=then.holds, true=today.holds, value=then.seen, unit=then.unit) for then, today in pairs
    )


def _stretches(
    looks: Sequence[tuple[Look, bool]], told: Callable[[Look], tuple[ConditionResult, ...]]
) -> tuple[Stretch, ...]:
    """Runs of looks in a row that are marked."""
    found: list[Stretch] = []
    before = False
    for look, is_marked in looks:
        if is_marked and before:
            found[-1] = found[-1].model_copy(update={"last": look.day})
        elif is_marked:
            because = reasons(told(look), _end_of(look.day) - timedelta(microseconds=1))
            found.append(Stretch(first=look.day, last=look.day, because=because))
        before = is_marked
    return tuple(found)


def _all(results: Sequence[ConditionResult]) -> bool:
    return all(result.holds for result in results)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)
