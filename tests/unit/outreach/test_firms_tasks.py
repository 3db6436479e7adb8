"""What a task does that is called by name with somebody's ids: nothing across firms, nothing across companies."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.domain.companies import Granularity, Share
from sago.domain.letters import DueLetter, LetterState
from sago.domain.significance import Scale
from sago.domain.watches import Outcome
from sago.outreach.judging import Judging
from sago.outreach.scheduling import DueLetters
from sago.pipeline.batching import Batching
from sago.sections import CacheSettings
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.dispatcher import MemoryDispatcher
from tests.unit.outreach.desks import Desk
from tests.unit.outreach.stories import NOW, database, watch
from tests.unit.pipeline.bridge_world import message

MINE = watch("arr >= 2M", name="mine")
THEIRS = watch("arr >= 2M", name="theirs").model_copy(update={"firm_id": "corvo"})
MOMENTS = (NOW - timedelta(days=40), NOW - timedelta(days=1), NOW, NOW + timedelta(days=40))
SHARES = (
    None,
    Share(firm_id="corvo", company_id="orchard", until=NOW, created_at=NOW - timedelta(days=300)),
    Share(firm_id="corvo", company_id="orchard", until=NOW - timedelta(days=30), created_at=NOW - timedelta(days=300)),
    Share(firm_id="corvo", company_id="orchard", sources=("gmail",), created_at=NOW - timedelta(days=300)),
)
"""Of a firm that sees nothing of what Slack said: never, no more, long no more, and of mails alone."""


def rows(of: MemoryDatabase, **but: Any) -> dict[str, Any]:
    """Everything that is kept, but rows of these watches."""
    gone = set(but.values())
    kept = {each.name: getattr(of.state, each.name) for each in fields(of.state)}
    kept["letters"] = {key: each for key, each in kept["letters"].items() if each.watch_id not in gone}
    kept["verdicts"] = {key: each for key, each in kept["verdicts"].items() if key[0] not in gone}
    return kept


def desk_of(share: Share | None) -> Desk:
    """Two firms' watches of one company; one has its letter, the other sees nothing."""
    desk = Desk(MINE, THEIRS)
    with desk.database.begin() as tx:
        tx.shares.ensure_firm("corvo", "Corvo")
        if share is not None:
            tx.shares.put(share)
    desk.composed(MINE)
    return desk


@pytest.mark.parametrize("as_of", MOMENTS)
@pytest.mark.parametrize("share", SHARES)
def test_no_letter_is_written_of_what_a_firm_does_not_see_as_of_whatever_moment(
    share: Share | None, as_of: datetime
) -> None:
    desk = desk_of(share)
    before = rows(desk.database)
    assert desk.compose(THEIRS, as_of) is None
    assert rows(desk.database) == before
    assert [each.state for each in desk.letters()] == [LetterState.DRAFT]


@pytest.mark.parametrize("watch_id", [UUID(int=404), THEIRS.id])
def test_a_due_letter_of_a_watch_that_is_not_or_sees_nothing_ends_alike(watch_id: UUID) -> None:
    desk = desk_of(None)
    clock = ManualClock(NOW)

    def write(asked: UUID, as_of: datetime) -> Any:
        return desk.compose(THEIRS if asked == THEIRS.id else MINE.model_copy(update={"id": asked}), as_of)

    due = DueLetters(desk.database, MemoryDispatcher(), clock, write)
    with desk.database.begin() as tx:
        tx.compositions.add([DueLetter(watch_id, NOW)], NOW)
    assert due.compose(watch_id, NOW) is None
    assert [each.watch_id for each in desk.letters()] == [MINE.id]


@pytest.mark.parametrize("as_of", MOMENTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_verdict_kept_for_a_firm_rests_on_nothing_that_it_does_not_see(share: Share | None, as_of: datetime) -> None:
    desk = desk_of(share)
    judging = Judging(desk.database, 60, Scale(), ManualClock(NOW))
    assert judging.keep({MINE.id}, NOW) == 1
    before = rows(desk.database)
    judging.keep({THEIRS.id}, as_of)
    assert rows(desk.database, theirs=THEIRS.id) == before
    of_theirs = [each for (watch_id, _), each in desk.database.state.verdicts.items() if watch_id == THEIRS.id]
    assert all(each.outcome is not Outcome.NOW for each in of_theirs)
    assert not any(result.points for each in of_theirs for result in each.results)


@settings(max_examples=50, deadline=None)
@given(st.sets(st.sampled_from([MINE.id, THEIRS.id, UUID(int=1), UUID(int=2)])))
def test_only_the_watches_that_were_named_are_judged(wanted: set[UUID]) -> None:
    made = database(MINE, THEIRS)
    with made.begin() as tx:
        tx.shares.ensure_firm("corvo", "Corvo")
        tx.shares.put(Share(firm_id="corvo", company_id="orchard", granularity=Granularity.BANDS, created_at=NOW))
    judging = Judging(made, 60, Scale(), ManualClock(NOW))
    there = wanted & {MINE.id, THEIRS.id}
    assert judging.keep(wanted, NOW) == len(there)
    assert {watch_id for watch_id, _ in made.state.verdicts} == there


def test_a_removed_watch_is_neither_judged_nor_written_of() -> None:
    desk = Desk(MINE)
    with desk.database.begin() as tx:
        tx.outreach.remove_watch(MINE.id)
    assert Judging(desk.database, 60, Scale(), ManualClock(NOW)).keep({MINE.id}, NOW) == 0
    assert desk.compose(MINE) is None


def test_a_claim_of_one_company_is_not_opened_as_another_s() -> None:
    made, buffer, dispatcher = MemoryDatabase(), MemoryBuffer(CacheSettings()), MemoryDispatcher()
    batching = Batching(buffer, made, dispatcher, 100, timedelta(minutes=10))
    compact = [message(number).compact() for number in range(3)]
    company_id = message(0).company_id
    buffer.add(company_id, compact, NOW)
    batch_id = buffer.claim(company_id, NOW)
    assert batch_id is not None
    assert batching.open("birch", batch_id, NOW) == 0
    assert (made.state.batches, dispatcher.sent) == ({}, [])
    assert batching.open(company_id, batch_id, NOW) == 1
    assert {each.company_id for each in made.state.batches.values()} == {company_id}
