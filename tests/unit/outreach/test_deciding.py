"""A rejection is taken back under the id it names, whatever id the event has by now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from sago.domain.events import Event, EventType, Extraction, Observation, Rejection, Status
from sago.errors import UsageError
from sago.outreach.deciding import Restored, reject_event, restore_event
from sago.pipeline.extraction import refold
from sago.pipeline.folding import fold
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.drafts import MemoryDrafts
from tests.unit.pipeline.test_folding import DEAL, START, said

LATER, EARLIER = said(5, DEAL, "northwind"), said(1, DEAL, "northwind")
OTHER = said(3, EventType.HIRING, "kestrel")


def read(database: MemoryDatabase, *observations: Observation) -> list[Event]:
    extractions = [
        Extraction(
            company_id="acme", message_id=each.message_id, version=0, extractor="test", extractor_version="1",
            finished_at=START,
        )
        for each in observations
    ]  # fmt: skip
    with database.begin() as tx:
        tx.events.append(observations, extractions)
        refold(tx, "acme", START)
        return tx.events.find("acme")


def reject(database: MemoryDatabase, event_id: UUID, who: str = "kim", at: datetime = START) -> Rejection:
    word = Rejection(company_id="acme", event_id=event_id, because="no", rejected_by=who, rejected_at=at)
    reject_event(word, database=database, drafts=MemoryDrafts(), refold=refold)
    return word


def restore(database: MemoryDatabase, event_id: UUID, fold: Callable[..., Any] = fold) -> Restored:
    return restore_event("acme", event_id, database=database, fold=fold, who="lee", why="yes", at=START)


def back(*words: Rejection) -> list[Rejection]:
    """The words as they are kept once they are taken back."""
    restored = {"restored_by": "lee", "restored_at": START, "restored_because": "yes"}
    return [word.model_copy(update=restored) for word in words]


def standing(database: MemoryDatabase) -> Sequence[Event]:
    with database.begin() as tx:
        return tx.events.find("acme")


def test_what_several_people_rejected_is_there_again_as_it_was() -> None:
    database = MemoryDatabase()
    before = read(database, LATER, OTHER)
    deal, hire = before
    words = [reject(database, deal.id, "ana"), reject(database, deal.id, "kim")]
    kept = reject(database, hire.id)
    assert standing(database) == []
    assert restore(database, deal.id) == (back(*words), deal)
    assert standing(database) == [deal]
    with database.begin() as tx:
        assert tx.events.rejections("acme") == [kept]


def test_an_event_whose_id_has_changed_is_restored_under_the_id_that_was_rejected() -> None:
    database = MemoryDatabase()
    (old,) = read(database, LATER)
    reject(database, old.id)
    assert read(database, EARLIER) == []
    restored = restore(database, old.id)
    assert restored.event is not None
    assert restored.event.id != old.id
    assert standing(database) == [restored.event]
    with database.begin() as tx:
        assert tx.events.get(restored.event.id) == restored.event


def test_words_against_one_event_under_two_ids_are_taken_back_together() -> None:
    database = MemoryDatabase()
    old, hire = read(database, LATER, OTHER)
    (new,) = fold("acme", [EARLIER, LATER], []).events
    under_both = {reject(database, old.id).event_id, reject(database, new.id).event_id}
    kept = reject(database, hire.id)
    read(database, EARLIER)
    restored = restore(database, old.id)
    assert {word.event_id for word in restored.rejections} == under_both == {old.id, new.id}
    assert restored.event == new
    assert standing(database) == [new]
    with database.begin() as tx:
        assert tx.events.rejections("acme") == [kept]


def test_the_company_is_folded_once_however_many_were_rejected() -> None:
    folds = []

    def counted(*arguments: Any) -> Any:
        folds.append(arguments)
        return fold(*arguments)

    database = MemoryDatabase()
    deals = [said(day, DEAL, name) for day, name in enumerate(("northwind", "kestrel", "gannet", "petrel"))]
    events = read(database, LATER, *deals)
    for event in events:
        reject(database, event.id, "ana")
        reject(database, event.id, "kim")
    (old,) = fold("acme", [LATER], []).events
    reject(database, old.id)
    restored = restore(database, old.id, counted)
    assert (len(folds), len(restored.rejections)) == (1, 3)
    assert standing(database) == [restored.event]


def test_words_against_an_event_that_was_denied_since_are_taken_back_together() -> None:
    database = MemoryDatabase()
    (old,) = read(database, LATER)
    (new,) = fold("acme", [EARLIER, LATER], []).events
    under_both = {reject(database, each).event_id for each in (old.id, new.id)}
    read(database, EARLIER, said(6, DEAL, "northwind", status=Status.DENIED))
    restored = restore(database, new.id)
    assert ({word.event_id for word in restored.rejections}, restored.event) == (under_both, None)


def test_what_was_taken_back_is_rejected_again_and_both_words_are_kept() -> None:
    database = MemoryDatabase()
    (deal,) = read(database, LATER)
    first = reject(database, deal.id)
    restore(database, deal.id)
    second = reject(database, deal.id, at=START + timedelta(days=9))
    assert standing(database) == []
    with database.begin() as tx:
        assert tx.events.rejections("acme") == [second]
        assert tx.events.rejections("acme", in_force=False) == [*back(first), second]
    log = [(entry.who, entry.action, entry.why) for entry in database.state.audit_log]
    rejected = ("kim", "event.rejected", "no")
    assert log == [rejected, ("lee", "event.restored", "yes"), rejected]


def test_a_word_against_an_event_that_nothing_tells_any_more_is_taken_back_all_the_same() -> None:
    database = MemoryDatabase()
    read(database, OTHER)
    gone = fold("acme", [LATER], []).events[0].id
    word = reject(database, gone)
    assert restore(database, gone) == (back(word), None)
    assert [event.event_type for event in standing(database)] == [EventType.HIRING]


def test_taking_back_twice_says_where_to_look_and_changes_nothing() -> None:
    database = MemoryDatabase()
    (deal,) = read(database, LATER)
    reject(database, deal.id)
    restore(database, deal.id)
    with pytest.raises(UsageError, match="is not rejected; see `sago events rejected`"):
        restore(database, deal.id)
    assert standing(database) == [deal]
