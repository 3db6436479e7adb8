"""Each night every watch's verdict is kept; explained, it stands beside the one before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from sago.domain.companies import DEFAULT_FIRM, Granularity, Share
from sago.domain.events import Extraction, Observation, Status
from sago.domain.significance import Scale
from sago.domain.watches import Outcome
from sago.outreach.judging import Judging
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from tests.unit.outreach.stories import ARR, EVENTS, NOW, SETBACK, database, fold_into, watch
from tests.unit.outreach.test_promises import plan

WAITING, UPDATE = watch("arr >= 2M"), watch(name="update")
DAY = timedelta(days=1)


def judging(over: MemoryDatabase) -> Judging:
    return Judging(over, 60, Scale(), ManualClock(NOW))


def kept(over: MemoryDatabase) -> dict[date, Outcome]:
    with over.begin() as tx:
        return {each.as_of.date(): each.outcome for each in tx.verdicts.of(WAITING.id, date.min)}


def test_a_night_judged_twice_leaves_one_verdict_a_watch() -> None:
    made = database(WAITING, UPDATE)
    assert [judging(made).keep_all(NOW) for _ in range(2)] == [2, 2]
    assert kept(made) == {NOW.date(): Outcome.NOW}


def test_the_days_last_judgement_stands_and_earlier_days_are_kept() -> None:
    made = database(WAITING)
    judging(made).keep_all(NOW - DAY)
    fold_into(made, [*EVENTS, SETBACK])
    judging(made).keep_all(NOW)
    assert kept(made) == {(NOW - DAY).date(): Outcome.NOW, NOW.date(): Outcome.DO_NOT_WRITE}


def test_a_removed_watch_is_judged_no_more() -> None:
    made = database(WAITING, UPDATE)
    with made.begin() as tx:
        tx.outreach.remove_watch(WAITING.id)
    assert judging(made).keep_all(NOW) == 1
    assert kept(made) == {}


def test_an_explanation_tells_what_changed_since_the_day_before_and_writes_nothing() -> None:
    made = database(WAITING, points=[])
    judging(made).keep_all(NOW - DAY)
    fold_into(made, EVENTS)
    (told,) = judging(made).explain([WAITING], NOW)
    assert told.before is not None
    assert (told.before.outcome, told.verdict.outcome) == (Outcome.NOT_YET, Outcome.NOW)
    assert told.changes[:2] == ["was NOT YET, is NOW", "arr >= 2M: holds now"]
    assert told.titles[ARR.id] == ARR.title
    assert kept(made).keys() == {(NOW - DAY).date()}


def test_a_letter_that_is_not_written_is_told_by_its_verdict() -> None:
    made, never = database(WAITING, UPDATE, points=[]), watch("arr >= 9M", name="never")
    said = judging(made).why_no_letter(WAITING.id, NOW)
    assert said == f"not yet: {judging(made).explain([WAITING], NOW)[0].verdict.because}"
    fold_into(made, [*EVENTS, SETBACK])
    assert judging(made).why_no_letter(WAITING.id, NOW).startswith("do not write: ")
    assert [judging(made).why_no_letter(each.id, NOW) for each in (UPDATE, never)] == ["nothing new to say"] * 2


def test_plans_and_denials_are_read_from_the_store() -> None:
    made = database(WAITING)
    denied = plan("no, Corvid has not paid", subject="corvid").model_copy(update={"status": Status.DENIED})
    promised = plan("We will be at $9M ARR by December.", arr=9e6)
    with made.begin() as tx:
        tx.events.append([promised, denied], [_read(each) for each in (promised, denied)])
    (told,) = judging(made).explain([WAITING], NOW)
    assert [each.text for each in told.verdict.promises] == [
        "$9M ARR by 31 December: still open, $2.1M on 14 November"
    ]  # fmt: skip
    assert [each.kind for each in told.verdict.counter] == ["denial"]


def _read(said: Observation) -> Extraction:
    return Extraction(
        company_id=said.company_id, message_id=said.message_id, version=said.version, extractor=said.extractor,
        extractor_version=said.extractor_version, finished_at=said.recorded_at,
    )  # fmt: skip


@pytest.mark.parametrize("granularity", [Granularity.BANDS, Granularity.NONE])
def test_no_exact_figure_is_kept_for_a_firm_that_may_see_none(granularity: Granularity) -> None:
    made = database(WAITING)
    promised = plan("We will be at $9M ARR by December.", arr=9e6)
    with made.begin() as tx:
        tx.shares.put(Share(firm_id=DEFAULT_FIRM, company_id="orchard", granularity=granularity, created_at=NOW))
        tx.events.append([promised], [_read(promised)])
    judging(made).keep_all(NOW)
    with made.begin() as tx:
        kept = tx.verdicts.newest(WAITING.id)
    assert kept is not None
    text = kept.model_dump_json(exclude={"watch", "scores", "score"})
    assert [figure for figure in ("2.1", "2100000", "240", "143", "9M", "9000000") if figure in text] == []


def test_a_share_that_has_ended_shows_nothing_of_earlier_days_either() -> None:
    made = database(WAITING)
    with made.begin() as tx:
        tx.shares.put(Share(firm_id=DEFAULT_FIRM, company_id="orchard", until=NOW - DAY, created_at=NOW - 9 * DAY))
    (told,) = judging(made).explain([WAITING], NOW - 3 * DAY)
    assert told.verdict.outcome is Outcome.DO_NOT_WRITE
    assert (told.verdict.scores, told.verdict.counter, told.titles) == ((), (), {})
