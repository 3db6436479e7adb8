"""The past is folded outside of any transaction, once for the pages of one question, and for each firm by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from sago.domain.companies import Share
from sago.domain.events import EventType, Extraction, Fold, Observation, Rejection, Severity, Status
from sago.outreach import earlier
from sago.outreach.earlier import KEPT_EACH, KEPT_FOR, Earlier
from sago.pipeline.folding import fold
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from tests.unit.api.api_house import NOW

DAY = timedelta(days=1)


class World:
    """A company that talked for ten days."""

    def __init__(self) -> None:
        self.database, self.clock = MemoryDatabase(), ManualClock(NOW)
        self.folded: list[int] = []
        self.earlier = Earlier(self.database, self.clock, lambda _: self.fold)
        for number in range(10):
            self.say(number)

    def fold(self, said: Sequence[Observation], words: Sequence[Rejection]) -> Fold:
        with self.database.begin() as tx:
            assert tx.events.current("acme"), "another transaction is begun while this one folds"
        self.folded.append(len(said))
        return fold("acme", said, words)

    def say(self, number: int, version: int = 0, **fields: Any) -> None:
        known: dict[str, Any] = {"company_id": "acme", "message_id": f"slack:{number}", "version": version}
        read = {"extractor": "offline", "extractor_version": "1"}
        quote = f"Customer {number} signed for ${number + 10}k"
        observation = Observation(
            source="slack", sender="Dana", start=0, end=len(quote), quote=quote, title=quote,
            event_type=EventType.ENTERPRISE_DEAL, status=Status.ACTUAL, severity=Severity.HIGH,
            said_at=NOW - (20 - number) * DAY, recorded_at=NOW, **known, **read,
        )  # fmt: skip
        found = [] if fields.get("deleted") else [observation]
        with self.database.begin() as tx:
            tx.events.append(found, [Extraction(finished_at=NOW, **known, **read)])

    def ask(self, firm: str = "northgate", days: int = 0, **share: Any) -> int:
        """How many events stood then."""
        given = Share(firm_id=firm, company_id="acme", created_at=NOW - 90 * DAY, **share)
        return len(self.earlier.fold(given, NOW - days * DAY).events)


@pytest.fixture
def world() -> World:
    return World()


def test_the_pages_of_one_question_are_folded_once_and_for_a_while(world: World) -> None:
    assert [world.ask() for _ in range(3)] == [10, 10, 10]
    assert world.folded == [10]
    world.clock.advance(timedelta(seconds=KEPT_FOR))
    assert (world.ask(), world.folded) == (10, [10, 10])


def test_what_was_deleted_a_moment_ago_is_not_among_the_next_page(world: World) -> None:
    assert world.ask() == 10
    world.say(3, version=int(NOW.timestamp() * 1e6), deleted=True)
    assert world.ask() == 9


def test_a_word_against_an_event_counts_with_the_next_page(world: World) -> None:
    given = Share(firm_id="northgate", company_id="acme", created_at=NOW - 90 * DAY)
    event = world.earlier.fold(given, NOW).events[0]
    word = Rejection(company_id="acme", event_id=event.id, because="no", rejected_by="dana", rejected_at=NOW - DAY)
    with world.database.begin() as tx:
        tx.events.reject(word)
    assert world.ask() == 9


def test_a_word_that_was_taken_back_before_the_share_counts_as_of_the_days_between(world: World) -> None:
    given = Share(firm_id="northgate", company_id="acme", created_at=NOW - DAY)
    event = world.earlier.fold(given, NOW).events[0]
    at = NOW - 8 * DAY
    word = Rejection(company_id="acme", event_id=event.id, because="no", rejected_by="dana", rejected_at=at)
    with world.database.begin() as tx:
        tx.events.reject(word)
        tx.events.restore("acme", [event.id], NOW - 4 * DAY, "dana", "it was so")
    stood = [len(world.earlier.fold(given, NOW - days * DAY).events) for days in (9, 6, 3)]
    assert stood == [10, 9, 10]


def test_another_firm_and_another_share_of_the_same_firm_fold_for_themselves(world: World) -> None:
    world.ask("northgate")
    world.ask("southgate")
    world.ask("northgate", sources=("slack",))
    assert world.folded == [10, 10, 10]


def test_a_firm_that_asks_much_loses_its_own_folds_alone(world: World) -> None:
    world.ask("southgate")
    for days in range(11, 11 + KEPT_EACH + 2):
        world.ask("northgate", days)
    folded = len(world.folded)
    world.ask("southgate")
    world.ask("northgate", 11 + KEPT_EACH + 1)
    assert len(world.folded) == folded
    world.ask("northgate", 11)
    assert len(world.folded) == folded + 1


def test_what_is_over_the_bound_of_memory_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier, "KEPT_ROWS", 25)
    for _ in range(2):
        for firm in ("northgate", "southgate"):
            assert world.ask(firm) == 10
    assert len(world.folded) == 3, "northgate's is kept, and there is no room for southgate's"
