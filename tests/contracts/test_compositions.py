"""One suite for the CompositionStore port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID

from sago.domain.letters import Composition, CompositionState, DueLetter
from sago.ports import Database

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIRST, SECOND = (DueLetter(UUID(int=n), NOW) for n in (1, 2))


def of(database: Database, letter: DueLetter) -> Composition:
    with database.begin() as tx:
        (row,) = [row for row in tx.compositions.find() if (row.watch_id, row.as_of) == letter]
    return row


def test_a_letter_is_due_once_and_again_after_its_end(database: Database) -> None:
    with database.begin() as tx:
        assert tx.compositions.add([FIRST, SECOND, FIRST], NOW) == 2
        assert tx.compositions.add([FIRST, DueLetter(FIRST.watch_id, NOW + MINUTE)], NOW) == 1
        assert tx.compositions.add([], NOW) == 0
        tx.compositions.end(FIRST, CompositionState.FAILED, "no quote")
    assert (of(database, FIRST).state, of(database, FIRST).error) == (CompositionState.FAILED, "no quote")
    with database.begin() as tx:
        assert len(tx.compositions.find(CompositionState.DUE)) == 2
        assert tx.compositions.counts() == {CompositionState.DUE: 2, CompositionState.FAILED: 1}
        assert tx.compositions.add([FIRST], NOW + MINUTE) == 1
    again = of(database, FIRST)
    assert (again.state, again.attempts, again.error) == (CompositionState.DUE, 0, None)


def test_an_older_due_letter_of_a_watch_is_overtaken_by_a_newer_one_that_has_not_failed(database: Database) -> None:
    newer = DueLetter(FIRST.watch_id, NOW + MINUTE)
    both = [FIRST.watch_id, SECOND.watch_id]
    with database.begin() as tx:
        tx.compositions.add([FIRST, newer, SECOND], NOW)
        tx.compositions.end(newer, CompositionState.FAILED, "no quote")
        assert tx.compositions.end_overtaken(both) == 0
        tx.compositions.end(newer, CompositionState.DONE)
        assert tx.compositions.end_overtaken([SECOND.watch_id]) == tx.compositions.end_overtaken([]) == 0
        assert tx.compositions.end_overtaken(both) == 1
        assert tx.compositions.take_due(NOW, NOW + MINUTE) == [SECOND]
        assert tx.compositions.add([FIRST, newer], NOW) == 2
        assert tx.compositions.end_overtaken(both) == 1
    assert of(database, FIRST).state is CompositionState.DONE
    assert of(database, newer).state is CompositionState.DUE


def test_what_is_due_is_taken_once_until_its_time_comes_again(database: Database) -> None:
    with database.begin() as tx:
        tx.compositions.add([SECOND, FIRST], NOW)
        assert tx.compositions.take_due(NOW - MINUTE, NOW) == []
        assert tx.compositions.take_due(NOW, NOW + 2 * MINUTE, limit=1) == [FIRST]
        assert tx.compositions.take_due(NOW, NOW + MINUTE) == [SECOND]
        assert tx.compositions.take_due(NOW, NOW + MINUTE) == []
        assert tx.compositions.take_due(NOW + 2 * MINUTE, NOW + 9 * MINUTE) == [SECOND, FIRST]
        tx.compositions.end(FIRST, CompositionState.DONE)
        assert tx.compositions.take_due(NOW + 9 * MINUTE, NOW + 10 * MINUTE) == [SECOND]


def test_one_attempt_at_a_time_and_another_when_its_lease_is_over(database: Database) -> None:
    with database.begin() as tx:
        tx.compositions.add([FIRST], NOW)
        assert tx.compositions.begin(FIRST, NOW + 5 * MINUTE, NOW) == 1
        assert tx.compositions.begin(FIRST, NOW + 9 * MINUTE, NOW + MINUTE) is None
        assert tx.compositions.take_due(NOW + 4 * MINUTE, NOW + 9 * MINUTE) == []
        assert tx.compositions.take_due(NOW + 5 * MINUTE, NOW + 9 * MINUTE) == [FIRST]
        assert tx.compositions.begin(FIRST, NOW + 10 * MINUTE, NOW + 5 * MINUTE) == 2
        tx.compositions.end(FIRST, CompositionState.DONE)
        assert tx.compositions.begin(FIRST, NOW + 99 * MINUTE, NOW + 90 * MINUTE) is None


def test_a_letter_that_was_never_added_can_be_begun(database: Database) -> None:
    with database.begin() as tx:
        assert tx.compositions.begin(FIRST, NOW + MINUTE, NOW) == 1
    assert of(database, FIRST).attempts == 1


def test_what_is_postponed_waits_and_keeps_its_reason(database: Database) -> None:
    with database.begin() as tx:
        assert tx.compositions.begin(FIRST, NOW + 5 * MINUTE, NOW) == 1
        tx.compositions.postpone(FIRST, NOW + 2 * MINUTE, "503", is_counted=False)
        assert tx.compositions.begin(FIRST, NOW + 5 * MINUTE, NOW + MINUTE) is None
        assert tx.compositions.take_due(NOW + MINUTE, NOW + 5 * MINUTE) == []
        assert tx.compositions.begin(FIRST, NOW + 9 * MINUTE, NOW + 2 * MINUTE) == 1, "given back"
        tx.compositions.postpone(FIRST, NOW + 3 * MINUTE, "half a JSON", is_counted=True)
        assert tx.compositions.begin(FIRST, NOW + 9 * MINUTE, NOW + 3 * MINUTE) == 2
    assert of(database, FIRST).error == "half a JSON"


def test_a_late_failure_changes_nothing_of_what_has_ended(database: Database) -> None:
    with database.begin() as tx:
        tx.compositions.add([FIRST], NOW)
        tx.compositions.end(FIRST, CompositionState.DONE)
        tx.compositions.postpone(FIRST, NOW, "503", is_counted=True)
        tx.compositions.postpone(SECOND, NOW, "never added", is_counted=True)
        tx.compositions.end(SECOND, CompositionState.DONE)
    assert (of(database, FIRST).state, of(database, FIRST).error) == (CompositionState.DONE, None)
    with database.begin() as tx:
        assert len(tx.compositions.find()) == 1


def test_of_many_workers_one_begins(database: Database) -> None:
    gate = Barrier(4)

    def begin(_: int) -> int | None:
        gate.wait()
        with database.begin() as tx:
            return tx.compositions.begin(FIRST, NOW + MINUTE, NOW)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(begin, range(4)), key=str) == [1, None, None, None]


def test_of_many_senders_each_takes_others(database: Database) -> None:
    letters = [DueLetter(UUID(int=n), NOW) for n in range(40)]
    with database.begin() as tx:
        tx.compositions.add(letters, NOW)
    gate = Barrier(4)

    def take(_: int) -> list[DueLetter]:
        gate.wait()
        with database.begin() as tx:
            return tx.compositions.take_due(NOW, NOW + MINUTE, limit=20)

    with ThreadPoolExecutor(4) as pool:
        taken = [letter for part in pool.map(take, range(4)) for letter in part]
    assert len(taken) == len(set(taken))
