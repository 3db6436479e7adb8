"""History replayed: on no day more is known than was said by its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.domain.backtests import Backtest
from sago.domain.events import EventType, Fold, Observation, Rejection, Status
from sago.errors import UsageError
from sago.outreach.backtesting import Backtesting, Question
from sago.outreach.conditions import parse_all
from sago.outreach.proofs import evaluate
from sago.pipeline.folding import Folding, fold
from sago.stores.memory.database import MemoryDatabase
from tests.unit.outreach.histories import COMPANY, arr, at, keep, told

START = date(2026, 1, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


@dataclass
class Folder:
    """Folds, and counts how often."""

    calls: int = 0
    folding: Folding = field(default_factory=lambda: Folding(COMPANY))

    def __call__(self, observations: Sequence[Observation], rejections: Sequence[Rejection]) -> Fold:
        self.calls += 1
        return self.folding(observations, rejections)


def replay(said: Sequence[Observation], *when: str, database: MemoryDatabase | None = None, **other: Any) -> Backtest:
    kept = database or MemoryDatabase()
    keep(kept, said)
    folding, now = other.pop("folding", Folding), other.pop("now", at(day(6000)))
    return Backtesting(kept, folding).run(Question(COMPANY, parse_all(when), **{"start": START} | other), now)


def spans(backtest: Backtest, name: str) -> list[tuple[date, date]]:
    return [(each.first, each.last) for each in getattr(backtest, name)]


def test_it_fires_on_the_day_the_figure_is_said_and_holds_from_then() -> None:
    replayed = replay([arr(1, day(3), 1.5e6), arr(2, day(10), 2.1e6)], "arr >= 2M", end=day(20))
    assert spans(replayed, "firings") == [(day(10), day(20))]
    assert replayed.firings[0].days == 11
    assert replayed.firings[0].because == "ARR was $2.1M on 11 January, you asked for at least $2M."
    assert replayed.lead_days == 10
    assert replayed.misses == replayed.mistakes == ()


def test_the_lead_time_counts_to_the_day_given() -> None:
    said = [arr(1, day(10), 2.1e6)]
    assert replay(said, "arr >= 2M", end=day(20), against=day(40)).lead_days == 30
    assert replay(said, "arr >= 2M", end=day(20), against=day(5)).lead_days == -5
    assert replay(said, "arr >= 9M", end=day(20)).lead_days is None


def test_a_figure_said_late_was_missed_from_the_day_it_was_true() -> None:
    late = told(1, day(40), "ARR reached $2.1M in January", ("arr", 2.1e6, "USD"))
    replayed = replay([late], "arr >= 2M", end=day(45))
    assert spans(replayed, "firings") == [(day(40), day(45))]
    assert spans(replayed, "misses") == [(day(30), day(39))], "31 January was its last day, said on 10 February"


def test_a_later_edit_is_hindsight() -> None:
    original, edited = arr(1, day(5), 2.1e6), arr(1, day(5), 1.2e6, edited_on=day(12))
    replayed = replay([original, edited], "arr >= 2M", end=day(20))
    assert spans(replayed, "firings") == [(day(5), day(11))]
    assert spans(replayed, "mistakes") == [(day(5), day(11))]


def test_a_denial_ends_what_held() -> None:
    deal = told(1, day(4), "Kestrel Air signed", event_type=EventType.ENTERPRISE_DEAL, subject="Kestrel Air")
    denial = told(
        2, day(9), "Kestrel Air did not sign after all", event_type=EventType.ENTERPRISE_DEAL,
        subject="Kestrel Air", status=Status.DENIED,
    )  # fmt: skip
    replayed = replay([deal, denial], "enterprise_deal >= 1", end=day(15))
    assert spans(replayed, "firings") == spans(replayed, "mistakes") == [(day(4), day(8))]


def test_a_rejection_counts_from_the_day_a_person_made_it() -> None:
    said = [arr(1, day(5), 2.1e6)]
    (event,) = fold(COMPANY, said, []).events
    database = MemoryDatabase()
    word = {"company_id": COMPANY, "event_id": event.id, "because": "no", "rejected_by": "ana"}
    with database.begin() as tx:
        tx.events.reject(Rejection(**word, rejected_at=at(day(9))))
    replayed = replay(said, "arr >= 2M", database=database, end=day(20))
    assert spans(replayed, "firings") == [(day(5), day(8))]
    with database.begin() as tx:
        tx.events.restore(COMPANY, {event.id}, at(day(15)), "ana", "it was true")
    replayed = replay(said, "arr >= 2M", database=database, end=day(20))
    assert spans(replayed, "firings") == [(day(5), day(8)), (day(15), day(20))]


def test_an_absence_and_a_change_are_judged_as_of_each_day() -> None:
    outage = told(9, day(10), "The platform was down for nine hours", event_type=EventType.SETBACK, subject="platform")
    replayed = replay([outage], "no setback high in 30d", end=day(60))
    assert spans(replayed, "firings") == [(day(0), day(9)), (day(40), day(60))]
    monthly = [told(n, day(30 * n), f"MRR is ${100 + 30 * n}k", ("mrr", 1e5 + 3e4 * n, "USD")) for n in range(5)]
    grown = replay(monthly, "mrr growth 3m >= 60%", end=day(130))
    assert spans(grown, "firings") == [(day(90), day(130))]
    assert grown.firings[0].because.startswith("MRR grew 90% in the 3 months to 1 April, from $100k to $190k")


def test_all_conditions_must_hold_on_the_same_day() -> None:
    deal = told(3, day(7), "Kestrel Air signed", event_type=EventType.ENTERPRISE_DEAL, subject="Kestrel Air")
    said = [arr(1, day(2), 2.1e6), deal, arr(2, day(9), 1.1e6)]
    replayed = replay(said, "arr >= 2M", "enterprise_deal >= 1", end=day(12))
    assert spans(replayed, "firings") == [(day(7), day(8))]
    assert [len(each.seen) for each in replayed.days] == [2] * 13


def test_events_count_from_the_first_day_or_from_the_meeting() -> None:
    deal = told(3, day(-20), "Kestrel Air signed", event_type=EventType.ENTERPRISE_DEAL, subject="Kestrel Air")
    assert replay([deal], "enterprise_deal >= 1", end=day(3)).firings == ()
    assert replay([deal], "enterprise_deal >= 1", end=day(3), met_on=day(-30)).firings[0].first == START


def test_it_folds_once_a_day_on_which_something_was_said_and_once_for_today() -> None:
    folder = Folder()
    said = [arr(n, day(50 * n), 1e6 + n) for n in range(4)]
    replayed = replay(said, "arr >= 2M", end=day(364), folding=lambda _: folder)
    assert len(replayed.days) == 365
    assert folder.calls == 5


def test_a_longer_step_looks_less_often() -> None:
    replayed = replay([arr(1, day(10), 2.1e6)], "arr >= 2M", end=day(28), step=7)
    assert [each.day for each in replayed.days] == [day(n) for n in (0, 7, 14, 21, 28)]
    assert spans(replayed, "firings") == [(day(14), day(28))]


def test_without_an_end_it_goes_to_the_last_day_with_news() -> None:
    assert replay([arr(1, day(10), 2.1e6)], "arr >= 2M").end == day(10)


@pytest.mark.parametrize(
    ("said", "other", "reason"),
    [
        ([], {}, "nothing it said was read yet"),
        ([arr(1, day(10), 2e6)], {"end": day(-1)}, "--to 2025-12-31: lies before --from 2026-01-01"),
        ([arr(1, day(10), 2e6)], {"end": day(5)}, "orchard says nothing before 2026-01-11"),
        ([arr(1, day(10), 2e6)], {"end": day(5000)}, "at most ten years"),
        (
            [arr(1, day(10), 2e6)],
            {"start": day(11)},
            "--from 2026-01-12: orchard says nothing after 2026-01-11, so there is nothing to replay; begin by",
        ),
        (
            [arr(1, day(10), 2e6)],
            {"start": day(31), "now": at(day(30))},
            "--from 2026-02-01: has not come yet; begin by 2026-01-31",
        ),
        (
            [arr(1, day(10), 2e6)],
            {"end": day(31), "now": at(day(30))},
            "--to 2026-02-01: has not come yet; end by 2026-01-31",
        ),
    ],
)
def test_what_cannot_be_replayed_is_said(said: list[Observation], other: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        replay(said, "arr >= 2M", **other)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_each_day_is_judged_as_if_the_later_ones_had_not_happened(data: st.DataObject) -> None:
    """The replay of day N is what a store that only ever held the history until then would say."""
    said: list[Observation] = []
    for number in range(data.draw(st.integers(1, 6))):
        first = data.draw(st.integers(0, 20))
        said.append(arr(number, day(first), data.draw(st.sampled_from([1e6, 2e6, 3e6]))))
        if data.draw(st.booleans()):
            edited = data.draw(st.integers(first, 25))
            said.append(arr(number, day(first), data.draw(st.sampled_from([1e6, 3e6])), edited_on=day(edited)))
    (condition,) = conditions = parse_all(["arr >= 2M"])
    replayed = replay(said, condition.text, end=day(25))
    for each in replayed.days:
        end = datetime(each.day.year, each.day.month, each.day.day, tzinfo=UTC) + timedelta(days=1)
        then = MemoryDatabase()
        keep(then, [observation for observation in said if observation.said_at < end])
        with then.begin() as tx:
            known = fold(COMPANY, tx.events.current(COMPANY), [])
        expected = evaluate(condition, known.events, known.metric_points, START, end - timedelta(microseconds=1))
        assert (each.holds, each.seen[0].value) == (expected.holds, expected.seen)
    assert len(conditions) == 1
