"""One suite for the BatchStore port and for transactions, run on memory and on Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from sago.domain.batches import LIVE_RUN, PASSING, Batch, BatchPlan, BatchState, ChunkResult, ChunkState
from sago.domain.events import EventType, Observation, Severity, Status
from sago.domain.messages import MessageKey, MessageRef
from sago.ports import Database
from sago.stores.postgres import PostgresDatabase

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPANY = "scale-flow"


def batch(name: str, claimed_at: datetime = NOW, next_attempt_at: datetime | None = None, run: str = LIVE_RUN) -> Batch:
    return Batch(
        id=name,
        company_id=COMPANY,
        state=BatchState.CLAIMED,
        run=run,
        claimed_at=claimed_at,
        next_attempt_at=next_attempt_at,
    )


def refs(*numbers: int, version: int = 0) -> list[MessageRef]:
    return [MessageRef(COMPANY, NOW + timedelta(seconds=n), f"slack:{n}", version) for n in numbers]


def with_source(items: Sequence[MessageRef]) -> list[tuple[MessageRef, str]]:
    return [(ref, "slack") for ref in items]


def result(*numbers: int, version: str = "1") -> ChunkResult:
    said = Observation(
        company_id=COMPANY,
        message_id="slack:1",
        source="slack",
        sender="dana",
        start=3,
        end=9,
        quote="signed",
        event_type=EventType.ENTERPRISE_DEAL,
        status=Status.ACTUAL,
        severity=Severity.HIGH,
        title="Signed Harbour",
        extractor="offline",
        extractor_version=version,
        said_at=NOW,
        recorded_at=NOW,
    )
    keys = tuple(ref_key(ref) for ref in refs(*numbers))
    return ChunkResult(
        extractor="offline", extractor_version=version, read=keys, observations=(said,), dropped={"quote": 2}
    )


def ref_key(ref: MessageRef) -> MessageKey:
    return MessageKey(ref.message_id, ref.version)


def planned(database: Database, name: str, *chunks: list[MessageRef]) -> None:
    """A batch that owns these chunks."""
    with database.begin() as tx:
        tx.batches.open(batch(name), with_source([ref for chunk in chunks for ref in chunk]))
        tx.batches.plan(BatchPlan(name, list(chunks)))


def states(database: Database, name: str) -> dict[int, ChunkState]:
    with database.begin() as tx:
        return {chunk.chunk_no: chunk.state for chunk in tx.batches.chunks(name)}


def test_a_batch_owns_only_the_members_it_won(database: Database) -> None:
    with database.begin() as tx:
        assert tx.batches.open(batch("a"), with_source(refs(3, 1, 2))) == refs(3, 1, 2)
    with database.begin() as tx:
        assert tx.batches.open(batch("b"), with_source(refs(2, 4, 3))) == refs(4)
    with database.begin() as tx:
        ids = {ref.message_id for ref in refs(1, 2, 3, 4, 5)}
        owned = dict.fromkeys((ref.message_id for ref in refs(1, 2, 3, 4)), 0)
        assert tx.batches.highest_versions({COMPANY: ids, "other": ids}) == {COMPANY: owned, "other": {}}


def test_opening_again_gives_the_same_answer(database: Database) -> None:
    with database.begin() as tx:
        tx.batches.open(batch("a"), with_source(refs(1)))
        first = tx.batches.open(batch("b"), with_source(refs(1, 2, 2)))
    with database.begin() as tx:
        assert tx.batches.open(batch("b"), with_source(refs(1, 2, 2))) == first == refs(2)


def test_a_batch_opened_again_takes_no_message_back_that_was_freed_for_a_replay(database: Database) -> None:
    with database.begin() as tx:
        tx.batches.open(batch("a"), with_source(refs(1, 2)))
        tx.batches.remove_member(COMPANY, MessageKey("slack:1", 0), LIVE_RUN)
        assert tx.batches.open(batch("a"), with_source(refs(1, 2))) == refs(2)
    with database.begin() as tx:
        assert tx.batches.open(batch("b"), with_source(refs(1))) == refs(1)


def test_each_run_has_members_of_its_own(database: Database) -> None:
    with database.begin() as tx:
        tx.batches.open(batch("a"), with_source(refs(1)))
        assert tx.batches.open(batch("again", run="r1"), with_source(refs(1))) == refs(1)
        assert tx.batches.open(batch("other", run="r2"), with_source(refs(1))) == refs(1)


def test_batches_opened_at_once_share_no_member(database: Database) -> None:
    gate = Barrier(4)
    wanted = refs(*range(40))

    def take(number: int) -> list[MessageRef]:
        mine = wanted[number:] + wanted[:number]
        gate.wait()
        with database.begin() as tx:
            return tx.batches.open(batch(f"b{number}"), with_source(mine[: 25 + number]))

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(take, range(4)))
    owned = [ref for part in won for ref in part]
    assert len(owned) == len(set(owned))
    assert set(owned) == {ref for number in range(4) for ref in (wanted[number:] + wanted[:number])[: 25 + number]}


def test_an_exception_takes_everything_back(database: Database) -> None:
    with database.begin() as tx:
        tx.batches.open(batch("kept"), with_source(refs(1)))

    def fail() -> None:
        with database.begin() as tx:
            tx.batches.open(batch("lost"), with_source(refs(2)))
            tx.batches.set_state("kept", BatchState.FAILED, at=NOW)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    with database.begin() as tx:
        assert tx.batches.get("lost") is None
        assert tx.batches.get("kept") == batch("kept")
        assert tx.batches.highest_versions({COMPANY: {"slack:2"}}) == {COMPANY: {}}


def test_a_plan_numbers_the_members_and_is_written_once(database: Database) -> None:
    with database.begin() as tx:
        tx.batches.open(batch("a"), with_source(refs(2, 1, 3)))
        assert tx.batches.plan(BatchPlan("a", [refs(2, 1), refs(3)]))
        assert not tx.batches.plan(BatchPlan("a", [refs(1, 2, 3)]))
    with database.begin() as tx:
        opened = tx.batches.get("a")
        assert opened is not None
        assert opened.state is BatchState.EXTRACTING
        assert [chunk.chunk_no for chunk in tx.batches.chunks("a")] == [0, 1]
        assert tx.batches.chunk_refs("a", 0) == refs(1, 2)
        assert tx.batches.chunk_refs("a", 1) == refs(3)
        assert tx.batches.chunk_refs("a", 9) == []


def test_a_batch_that_won_nothing_is_planned_without_chunks(database: Database) -> None:
    planned(database, "empty")
    with database.begin() as tx:
        opened = tx.batches.get("empty")
        assert opened is not None
        assert opened.state is BatchState.EXTRACTING
        assert tx.batches.chunks("empty") == []
        assert tx.batches.results("empty") == []


def test_of_takers_at_once_one_alone_plans_the_batch(database: Database) -> None:
    """The claim of a start that has just begun is still unopened: the reaper sends another one."""
    gate = Barrier(4)

    def take_over(_: int) -> bool:
        gate.wait()
        with database.begin() as tx:
            won = tx.batches.open(batch("a"), with_source(refs(1, 2)))
            return tx.batches.plan(BatchPlan("a", [won]))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(take_over, range(4))) == [False, False, False, True]
    assert states(database, "a") == {0: ChunkState.PENDING}


def test_the_first_result_of_a_chunk_wins(database: Database) -> None:
    planned(database, "a", refs(1, 2), refs(3))
    with database.begin() as tx:
        assert tx.batches.finish_chunk("a", 1, result(3))
        assert tx.batches.finish_chunk("a", 0, result(1, 2))
    with database.begin() as tx:
        assert not tx.batches.finish_chunk("a", 0, result(1, 2, version="2"))
        assert not tx.batches.finish_chunk("a", 7, result(1))
        assert tx.batches.results("a") == [result(1, 2), result(3)]
    assert states(database, "a") == {0: ChunkState.DONE, 1: ChunkState.DONE}


def test_results_at_once_leave_one(database: Database) -> None:
    planned(database, "a", refs(1))
    gate = Barrier(4)

    def finish(number: int) -> bool:
        gate.wait()
        with database.begin() as tx:
            return tx.batches.finish_chunk("a", 0, result(1, version=str(number)))

    with ThreadPoolExecutor(4) as pool:
        first = [number for number, won in enumerate(pool.map(finish, range(4))) if won]
    assert len(first) == 1
    with database.begin() as tx:
        assert tx.batches.results("a") == [result(1, version=str(first[0]))]


def test_failures_are_counted_until_a_result_comes(database: Database) -> None:
    planned(database, "a", refs(1))
    with database.begin() as tx:
        assert tx.batches.fail_chunk("a", 0, "no JSON", "UnusableAnswerError", NOW) == 1
        assert tx.batches.chunks("a")[0].retry_at == NOW
        assert tx.batches.fail_chunk("a", 0, "no answer\x00", "PermanentError") == 2
        chunk = tx.batches.chunks("a")[0]
        assert (chunk.state, chunk.attempts, chunk.error_type) == (ChunkState.FAILED, 2, "PermanentError")
        assert chunk.retry_at is None
        assert tx.batches.finish_chunk("a", 0, result(1))
        assert tx.batches.fail_chunk("a", 0, "too late", "UnusableAnswerError") == 2
    assert states(database, "a") == {0: ChunkState.DONE}


def test_attempts_of_which_nobody_lived_to_tell_are_counted_until_one_ends(database: Database) -> None:
    planned(database, "a", refs(1), refs(2))
    hour = timedelta(hours=1)

    def begun() -> list[tuple[int, datetime | None]]:
        return [(chunk.begun, chunk.begun_at) for chunk in tx.batches.chunks("a")]

    with database.begin() as tx:
        for number in range(3):
            tx.batches.begin_chunk("a", 0, NOW + number * hour, hour)
        assert begun() == [(3, NOW + 2 * hour), (0, None)]
        tx.batches.fail_chunk("a", 0, "away", "TransientError")
        tx.batches.begin_chunk("a", 0, NOW, hour)
        assert begun() == [(1, NOW), (0, None)]
        assert tx.batches.finish_chunk("a", 0, result(1))
        tx.batches.begin_chunk("a", 0, NOW + hour, hour)
        assert begun() == [(0, None), (0, None)]


def test_attempts_that_follow_each_other_at_once_count_as_one(database: Database) -> None:
    planned(database, "a", refs(1))
    minute = timedelta(minutes=1)
    with database.begin() as tx:
        for number in range(7):
            tx.batches.begin_chunk("a", 0, NOW + number * minute, 3 * minute)
        (chunk,) = tx.batches.chunks("a")
    assert (chunk.begun, chunk.begun_at) == (3, NOW + 6 * minute)


def test_the_moment_at_which_the_first_unfinished_batch_is_due(database: Database) -> None:
    with database.begin() as tx:
        assert tx.batches.first_due() is None
        for number, name in enumerate("abc"):
            tx.batches.open(batch(name, next_attempt_at=NOW + timedelta(minutes=number)), [])
        tx.batches.set_state("a", BatchState.MERGED, at=NOW, next_attempt_at=NOW)
        assert tx.batches.first_due() == NOW + timedelta(minutes=1)


@pytest.mark.parametrize("passing", sorted(PASSING))
def test_what_is_no_messages_fault_uses_up_no_attempt(database: Database, passing: str) -> None:
    planned(database, "a", refs(1))
    with database.begin() as tx:
        assert tx.batches.fail_chunk("a", 0, "no JSON", "UnusableAnswerError") == 1
        assert tx.batches.fail_chunk("a", 0, "away", passing, NOW) == 1
        chunk = tx.batches.chunks("a")[0]
    found = (chunk.state, chunk.attempts, chunk.error, chunk.error_type, chunk.retry_at)
    assert found == (ChunkState.FAILED, 1, "away", passing, NOW)


def test_a_split_chunk_leaves_two_halves_and_takes_no_result(database: Database) -> None:
    planned(database, "a", refs(3, 1, 2), refs(4))
    with database.begin() as tx:
        assert tx.batches.split_chunk("a", 0) == [2, 3]
        assert tx.batches.chunk_refs("a", 0) == []
        assert tx.batches.chunk_refs("a", 2) == refs(1)
        assert tx.batches.chunk_refs("a", 3) == refs(2, 3)
        assert not tx.batches.finish_chunk("a", 0, result(1, 2, 3))
    with database.begin() as tx:
        assert tx.batches.split_chunk("a", 0) == []
        assert tx.batches.split_chunk("a", 1) == []
        assert tx.batches.split_chunk("a", 3) == [4, 5]
    expected = {0: "split", 1: "pending", 2: "pending", 3: "split", 4: "pending", 5: "pending"}
    assert states(database, "a") == expected


def test_a_finished_chunk_is_neither_split_nor_killed(database: Database) -> None:
    planned(database, "a", refs(1, 2), refs(3))
    with database.begin() as tx:
        tx.batches.finish_chunk("a", 0, result(1, 2))
        assert tx.batches.split_chunk("a", 0) == []
        tx.batches.kill_chunk("a", 0)
        tx.batches.kill_chunk("a", 1)
        assert not tx.batches.finish_chunk("a", 1, result(3))
    assert states(database, "a") == {0: ChunkState.DONE, 1: ChunkState.DEAD}


def test_merged_is_the_end(database: Database) -> None:
    planned(database, "a", refs(1))
    later = NOW + timedelta(hours=1)
    with database.begin() as tx:
        tx.batches.set_state("a", BatchState.FAILED, at=NOW, next_attempt_at=later, error="no answer")
        failed = tx.batches.get("a")
        assert failed is not None
        assert (failed.attempts, failed.error, failed.next_attempt_at) == (1, "no answer", later)
        tx.batches.set_state("a", BatchState.FAILED, at=NOW, next_attempt_at=later, error="waits", is_attempt=False)
        waiting = tx.batches.get("a")
        assert waiting is not None
        assert (waiting.attempts, waiting.error, waiting.fired_at) == (1, "waits", None)
        tx.batches.set_state("a", BatchState.EXTRACTING, at=NOW, next_attempt_at=later, fired_at=later)
        tx.batches.set_state("a", BatchState.EXTRACTING, at=NOW, next_attempt_at=later)
        fired = tx.batches.get("a")
        assert fired is not None
        assert fired.fired_at == later
        tx.batches.set_state("a", BatchState.MERGED, at=later)
        tx.batches.set_state("a", BatchState.FAILED, at=later, next_attempt_at=later)
        merged = tx.batches.get("a")
        assert merged is not None
        assert (merged.state, merged.merged_at, merged.attempts) == (BatchState.MERGED, later, 1)
        assert merged.next_attempt_at is None


def test_due_are_unmerged_batches_whose_time_has_come_longest_due_first(database: Database) -> None:
    past, future = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
    with database.begin() as tx:
        for name, claimed_at, attempt in (
            ("young", NOW, past),
            ("old", past, NOW),
            ("waits", past, future),
            ("never", past, None),
            ("merged", past, past),
        ):
            tx.batches.open(batch(name, claimed_at, attempt), [])
        tx.batches.set_state("merged", BatchState.MERGED, at=NOW, next_attempt_at=past)
        assert [each.id for each in tx.batches.due(NOW)] == ["young", "old"]
        assert [each.id for each in tx.batches.due(NOW, limit=1)] == ["young"]


def test_highest_versions_and_freed_members(database: Database) -> None:
    with database.begin() as tx:
        both = [*refs(1), *refs(1, version=1_772_442_000_000_000), *refs(2)]
        tx.batches.open(batch("a"), with_source(both))
        wanted = ["slack:1", "slack:2", "slack:3"]
        highest = {"slack:1": 1_772_442_000_000_000, "slack:2": 0}
        found = tx.batches.highest_versions({COMPANY: wanted, "other": ["slack:1"], "idle": []})
        assert found == {COMPANY: highest, "other": {}, "idle": {}}
        assert tx.batches.highest_versions({}) == {}
        tx.batches.remove_member(COMPANY, MessageKey("slack:2", 0), LIVE_RUN)
        assert tx.batches.highest_versions({COMPANY: ["slack:2"]}) == {COMPANY: {}}


def test_counts_and_progress(database: Database) -> None:
    planned(database, "a", refs(1))
    planned(database, "b", refs(2))
    with database.begin() as tx:
        tx.batches.set_state("b", BatchState.MERGED, at=NOW)
        assert tx.batches.counts() == {BatchState.EXTRACTING: 1, BatchState.MERGED: 1}
        assert tx.batches.progress([COMPANY, "other"]) == (1, 1)
        assert tx.batches.progress([]) == (0, 0)


def test_the_oldest_batch_of_each_state_that_is_not_merged(database: Database) -> None:
    with database.begin() as tx:
        assert tx.batches.oldest() == {}
        for age, name in enumerate("abcd"):
            tx.batches.open(batch(name, claimed_at=NOW - timedelta(minutes=age)), [])
        tx.batches.set_state("d", BatchState.MERGED, at=NOW)
        for name in "ab":
            tx.batches.set_state(name, BatchState.FAILED, at=NOW, next_attempt_at=NOW, error="no answer")
        oldest = tx.batches.oldest()
        assert {state: found.id for state, found in oldest.items()} == {BatchState.CLAIMED: "c", BatchState.FAILED: "b"}
        assert oldest[BatchState.FAILED].error == "no answer"


def test_messages_of_merged_batches_are_counted(database: Database) -> None:
    with database.begin() as tx:
        for name, numbers in (("b1", (1, 2, 3)), ("b2", (4, 5)), ("b3", (6,)), ("b4", (1,))):
            tx.batches.open(batch(name), with_source(refs(*numbers)))
        tx.batches.set_state("b1", BatchState.MERGED, at=NOW)
        tx.batches.set_state("b2", BatchState.MERGED, at=NOW + timedelta(hours=1))
        tx.batches.set_state("b3", BatchState.FAILED, at=NOW + timedelta(hours=1))
    with database.begin() as tx:
        assert tx.batches.messages_merged() == 5
        assert tx.batches.messages_merged(NOW + timedelta(hours=1)) == 2
        assert tx.batches.messages_merged(NOW + timedelta(hours=2)) == 0


def test_a_named_lock_is_held_by_one_at_a_time(database: Database) -> None:
    inside: list[int] = []
    most: list[int] = []
    gate = Barrier(3)

    def enter(number: int) -> bool:
        gate.wait()
        with database.lock("recover") as is_ours:
            if not is_ours:
                return False
            inside.append(number)
            most.append(len(inside))
            with database.begin() as tx:
                tx.batches.counts()
            inside.remove(number)
            return True

    with ThreadPoolExecutor(3) as pool:
        assert any(list(pool.map(enter, range(3))))
    assert max(most) == 1


def test_rows_that_another_looks_at_are_not_due(postgres: PostgresDatabase) -> None:
    with postgres.begin() as tx:
        for name in ("a", "b"):
            tx.batches.open(batch(name, next_attempt_at=NOW), [])
    with postgres.begin() as first, postgres.begin() as second:
        assert [each.id for each in first.batches.due(NOW, limit=1)] == ["a"]
        assert [each.id for each in second.batches.due(NOW)] == ["b"]


def test_what_is_under_way_fails_at_once_and_the_rest_stays(database: Database) -> None:
    later = NOW + timedelta(hours=1)
    with database.begin() as tx:
        for name, state in zip("abcd", BatchState, strict=True):
            tx.batches.open(batch(name, next_attempt_at=later), [])
            if state is not BatchState.CLAIMED:
                tx.batches.set_state(name, state, at=NOW, next_attempt_at=later, error="before")
        assert tx.batches.fail_all(NOW, "redis was emptied") == 2
    with database.begin() as tx:
        found = [tx.batches.get(name) for name in "abcd"]
        assert [(each.state, each.error) for each in found if each] == [
            (BatchState.FAILED, "redis was emptied"),
            (BatchState.FAILED, "redis was emptied"),
            (BatchState.MERGED, "before"),
            (BatchState.FAILED, "before"),
        ]
        assert [each.id for each in tx.batches.due(NOW)] == ["a", "b"]


def test_a_lock_is_refused_to_others_until_its_block_ends_however_it_ends(database: Database) -> None:
    def fail() -> None:
        with database.lock("recover") as is_ours, database.lock("recover") as again, database.lock("other") as other:
            assert (is_ours, again, other) == (True, False, True)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    with database.lock("recover") as is_ours:
        assert is_ours


def test_a_lock_keeps_no_transaction_open(postgres: PostgresDatabase) -> None:
    idle = text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    with postgres.lock("recover"), postgres.connections.begin() as connection:
        assert connection.scalar(idle) == 0


def test_arrivals_are_counted_by_source_and_day_of_ordinary_traffic(database: Database) -> None:
    late = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    mails = [(MessageRef(COMPANY, late, "gmail:1", 0), "gmail"), (MessageRef("other", NOW, "gmail:2", 0), "gmail")]
    edit = (MessageRef(COMPANY, NOW, "slack:1", 5), "slack")
    with database.begin() as tx:
        tx.batches.open(batch("a"), [*with_source(refs(1, 2, 90_000)), *mails, edit])
        tx.batches.open(batch("b", run="again"), with_source(refs(1, 2, 3)))
    with database.begin() as tx:
        assert tx.batches.arrivals(COMPANY, NOW - timedelta(days=9)) == [
            ("gmail", late.date(), 1),
            ("slack", NOW.date(), 2),
            ("slack", (NOW + timedelta(days=1)).date(), 1),
        ]
        assert [each.day for each in tx.batches.arrivals(COMPANY, NOW + timedelta(days=1))] == [
            (NOW + timedelta(days=1)).date()
        ]
        assert tx.batches.arrivals("nobody", NOW) == []
