"""One suite for the Ledger port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sago.domain.batches import DeadLetter, Progress, Tick
from sago.domain.dead_letters import short_id
from sago.domain.pages import DeadLettersAsked, Place
from sago.ports import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TICK = Tick("outreach.schedule", NOW)


def dead(origin: str, minutes: int = 0, **other: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "origin": origin,
        "topic": "slack-messages",
        "company_id": "acme",
        "error": "text is empty",
        "error_type": "InvalidMessageError",
        "failed_at": NOW + minutes * MINUTE,
        "value": b"\x00\xff{",
    }
    return DeadLetter(**(fields | other))


def test_dead_letters_are_unique_by_origin_and_come_newest_first(database: Database) -> None:
    with database.begin() as tx:
        assert tx.ledger.add_dead_letters([dead("a"), dead("b", 1), dead("a")]) == 2
        assert tx.ledger.add_dead_letters([dead("b", 5), dead("c", 2, topic="unparsed", company_id=None)]) == 1
        assert tx.ledger.add_dead_letters([]) == 0
    with database.begin() as tx:
        assert [letter.origin for letter in tx.ledger.dead_letters()] == ["c", "b", "a"]
        assert [letter.origin for letter in tx.ledger.dead_letters(limit=1)] == ["c"]
        assert tx.ledger.dead_letters(topic="slack-messages") == [dead("b", 1), dead("a")]
        assert [letter.origin for letter in tx.ledger.dead_letters(within="b")] == ["b"]
        assert tx.ledger.dead_letters(within="_") == tx.ledger.dead_letters(error="text is full") == []
        assert len(tx.ledger.dead_letters(error="text is", limit=2)) == 2
        assert tx.ledger.dead_letter("a") == dead("a")
        assert tx.ledger.dead_letter("nobody") is None
        assert tx.ledger.dead_letters_called(short_id("a")) == ["a"]
        assert tx.ledger.dead_letters_called("0" * 8) == []
        assert tx.ledger.known_origins(["a", "c", "x"]) == {"a", "c"}
        assert tx.ledger.known_origins([]) == set()


def test_a_replayed_letter_is_listed_only_on_request(database: Database) -> None:
    with database.begin() as tx:
        tx.ledger.add_dead_letters([dead("a"), dead("b", 1)])
        assert tx.ledger.mark_replayed("a", NOW + MINUTE)
        assert not tx.ledger.mark_replayed("a", NOW + 2 * MINUTE)
        assert not tx.ledger.mark_replayed("nobody", NOW)
        assert tx.ledger.dead_letters() == [dead("b", 1)]
        assert tx.ledger.dead_letters(replayed=True) == [dead("b", 1), dead("a", replayed_at=NOW + MINUTE)]


def test_letters_are_asked_for_by_filter_and_in_pages_without_their_bytes(database: Database) -> None:
    letters = [
        dead("a"),
        dead("b"),
        dead("c", 1, topic="unparsed", company_id=None),
        dead("d", 2, error_type="WorkerLostError"),
        dead("e", 3, company_id="birch", replayed_at=NOW + 9 * MINUTE),
    ]
    with database.begin() as tx:
        tx.ledger.add_dead_letters(letters)

    def origins(**asked: Any) -> str:
        with database.begin() as tx:
            found = tx.ledger.dead_letters_asked(DeadLettersAsked(**asked))
        assert all(each.value == b"" for each in found)
        return "".join(each.origin for each in found)

    assert origins() == "edcba"
    assert origins(topic="slack-messages") == "edba"
    assert origins(company_id="acme", error_type="InvalidMessageError") == "ba"
    assert (origins(is_replayed=True), origins(is_replayed=False)) == ("e", "dcba")
    assert (origins(limit=2), origins(after=Place(NOW + 2 * MINUTE, "d"))) == ("ed", "cba")
    assert (origins(after=Place(NOW, "b")), origins(after=Place(NOW, "a"))) == ("a", "")
    assert origins(topic="\x00") == ""


def test_open_letters_are_counted_by_topic(database: Database) -> None:
    with database.begin() as tx:
        assert tx.ledger.dead_letter_counts() == {}
        tx.ledger.add_dead_letters([dead("a"), dead("b"), dead("c", topic="unparsed"), dead("d", topic="other")])
        tx.ledger.mark_replayed("d", NOW + MINUTE)
        assert tx.ledger.dead_letter_counts() == {"slack-messages": 2, "unparsed": 1}


def test_a_replayed_letter_that_fails_again_is_open_again(database: Database) -> None:
    with database.begin() as tx:
        tx.ledger.add_dead_letters([dead("a")])
        tx.ledger.mark_replayed("a", NOW + MINUTE)
        assert tx.ledger.add_dead_letters([dead("a")]) == 0
        assert tx.ledger.dead_letters() == []
        again = dead("a", 2, error="still empty", attempts=2)
        assert tx.ledger.add_dead_letters([again]) == 0
        assert tx.ledger.dead_letters() == [again]


def test_a_replay_that_fails_in_the_moment_it_is_noted_is_open_again(database: Database) -> None:
    now = NOW + timedelta(microseconds=1_234_567)
    again = dead("a", failed_at=now, error="still empty", attempts=2)
    with database.begin() as tx:
        tx.ledger.add_dead_letters([dead("a")])
        tx.ledger.mark_replayed("a", now)
        tx.ledger.add_dead_letters([again])
        assert tx.ledger.dead_letters() == [again]


def test_of_replays_noted_at_once_one_wins(database: Database) -> None:
    with database.begin() as tx:
        tx.ledger.add_dead_letters([dead("a")])
    gate = Barrier(4)

    def replay(number: int) -> bool:
        gate.wait()
        with database.begin() as tx:
            return tx.ledger.mark_replayed("a", NOW + number * MINUTE)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(replay, range(4))) == [False, False, False, True]


def test_an_error_that_quotes_a_nul_is_kept(database: Database) -> None:
    with database.begin() as tx:
        tx.ledger.add_dead_letters([dead("a", error="bad \x00 byte and \ud800", message_id="slack:\x00")])
        kept = tx.ledger.dead_letter("a")
        assert kept is not None
        assert kept.value == b"\x00\xff{"
        assert kept.error.startswith("bad ")


def test_watermarks_advance_and_are_told_by_log(database: Database) -> None:
    with database.begin() as tx:
        tx.ledger.save_progress([Progress("l1", "t", 1, 5), Progress("l1", "t", 0, 7), Progress("l2", "t", 0, 9)], NOW)
        tx.ledger.save_progress([], NOW)
    with database.begin() as tx:
        assert tx.ledger.progress("l1") == [Progress("l1", "t", 0, 7), Progress("l1", "t", 1, 5)]
        assert tx.ledger.progress("nobody") == []


def test_the_last_progress_of_a_topic_is_its_last_advance_in_any_log(database: Database) -> None:
    with database.begin() as tx:
        assert tx.ledger.last_progress() == {}
        tx.ledger.save_progress([Progress("l1", "t", 0, 7), Progress("l1", "u", 0, 1)], NOW)
        tx.ledger.save_progress([Progress("l1", "t", 0, 7), Progress("l1", "u", 0, 0)], NOW + MINUTE)
    with database.begin() as tx:
        assert tx.ledger.last_progress() == {"t": NOW, "u": NOW}
        tx.ledger.save_progress([Progress("l2", "t", 3, 1)], NOW + 2 * MINUTE)
        tx.ledger.save_progress([Progress("l1", "u", 0, 2)], NOW + 3 * MINUTE)
        assert tx.ledger.last_progress() == {"t": NOW + 2 * MINUTE, "u": NOW + 3 * MINUTE}


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=3), min_size=1, max_size=6))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_watermark_never_goes_back(database: Database, saves: list[list[int]]) -> None:
    log_id = f"log-{hash(str(saves))}"
    highest = 0
    for watermarks in saves:
        with database.begin() as tx:
            tx.ledger.save_progress([Progress(log_id, "t", 0, watermark) for watermark in watermarks], NOW)
            (stored,) = tx.ledger.progress(log_id)
        highest = max(highest, *watermarks)
        assert stored.watermark == highest


def test_a_tick_runs_once(database: Database) -> None:
    with database.begin() as tx:
        assert tx.ledger.begin_tick(TICK, NOW + 5 * MINUTE, NOW)
    with database.begin() as tx:
        assert not tx.ledger.begin_tick(TICK, NOW + 9 * MINUTE, NOW + MINUTE)
        assert tx.ledger.begin_tick(Tick("outreach.schedule", NOW + MINUTE), NOW + 5 * MINUTE, NOW + MINUTE)
        assert tx.ledger.begin_tick(Tick("upkeep.recover", NOW), NOW + 5 * MINUTE, NOW + MINUTE)
        tx.ledger.end_tick(TICK)
        tx.ledger.end_tick(Tick("never begun", NOW))
    with database.begin() as tx:
        assert not tx.ledger.begin_tick(TICK, NOW + 60 * MINUTE, NOW + 50 * MINUTE)


def test_an_expired_lease_runs_again(database: Database) -> None:
    with database.begin() as tx:
        assert tx.ledger.begin_tick(TICK, NOW + 5 * MINUTE, NOW)
        assert not tx.ledger.begin_tick(TICK, NOW + 9 * MINUTE, NOW + 4 * MINUTE)
        assert tx.ledger.begin_tick(TICK, NOW + 10 * MINUTE, NOW + 5 * MINUTE)
        assert not tx.ledger.begin_tick(TICK, NOW + 15 * MINUTE, NOW + 6 * MINUTE)


def test_hours_without_a_run_are_not_counted(database: Database) -> None:
    job = "upkeep.recover"
    hours = [NOW.replace(minute=17) + timedelta(hours=each) for each in (0, 1, 200, 201, 202)]
    with database.begin() as tx:
        for at in (*hours, hours[-1] + 20 * MINUTE):
            tick = Tick(job, at)
            tx.ledger.begin_tick(tick, at + MINUTE, at)
            tx.ledger.end_tick(tick)
        unfinished = Tick(job, hours[-1] + timedelta(hours=1))
        tx.ledger.begin_tick(unfinished, unfinished.due_at, NOW)
    with database.begin() as tx:
        assert [tx.ledger.hours_ago(job, count) for count in (0, 3, 5)] == [
            hours[-1].replace(minute=0),
            hours[1].replace(minute=0),
            None,
        ]
        assert tx.ledger.hours_ago("outreach.schedule", 0) is None


def test_a_released_tick_runs_again_unless_it_is_done(database: Database) -> None:
    with database.begin() as tx:
        assert tx.ledger.begin_tick(TICK, NOW + 5 * MINUTE, NOW)
        tx.ledger.release_tick(TICK, NOW + MINUTE)
        tx.ledger.release_tick(Tick("never begun", NOW), NOW + MINUTE)
    with database.begin() as tx:
        assert tx.ledger.begin_tick(TICK, NOW + 6 * MINUTE, NOW + MINUTE)
        assert not tx.ledger.begin_tick(TICK, NOW + 6 * MINUTE, NOW + MINUTE)
        assert tx.ledger.begin_tick(Tick("never begun", NOW), NOW + 5 * MINUTE, NOW)
        tx.ledger.end_tick(TICK)
        tx.ledger.release_tick(TICK, NOW + 2 * MINUTE)
    with database.begin() as tx:
        assert not tx.ledger.begin_tick(TICK, NOW + 60 * MINUTE, NOW + 50 * MINUTE)


def test_a_job_is_planned_since_its_line_was_first_seen(database: Database) -> None:
    with database.begin() as tx:
        assert tx.ledger.planned_since("outreach.schedule", "0 9 1 * *", NOW) == NOW
        assert tx.ledger.planned_since("upkeep.recover", "17 * * * *", NOW + MINUTE) == NOW + MINUTE
    with database.begin() as tx:
        assert tx.ledger.planned_since("outreach.schedule", "0 9 1 * *", NOW + 9 * MINUTE) == NOW
        assert tx.ledger.planned_since("outreach.schedule", "0 9 2 * *", NOW + 9 * MINUTE) == NOW + 9 * MINUTE


def test_a_skipped_tick_runs_no_more_and_what_ran_is_not_skipped(database: Database) -> None:
    nobodys, done, lost, running = (Tick("upkeep.recover", NOW + n * MINUTE) for n in range(4))
    with database.begin() as tx:
        for tick, lease in ((done, 5), (lost, 5), (running, 30)):
            assert tx.ledger.begin_tick(tick, NOW + lease * MINUTE, NOW)
        tx.ledger.end_tick(done)
    with database.begin() as tx:
        tx.ledger.skip_ticks([nobodys, done, lost, running], NOW + 10 * MINUTE)
        tx.ledger.skip_ticks([], NOW)
        runs = tx.ledger.tick_runs("upkeep.recover", NOW)
        states = {tick: runs[tick.due_at].state for tick in (nobodys, done, lost, running)}
        assert states == {nobodys: "skipped", done: "done", lost: "skipped", running: "running"}
        assert [runs[tick.due_at].attempts for tick in (nobodys, lost)] == [0, 1]
        assert list(tx.ledger.tick_runs("upkeep.recover", running.due_at)) == [running.due_at]
        assert tx.ledger.tick_runs("outreach.schedule", NOW) == {}
        assert not tx.ledger.begin_tick(nobodys, NOW + 60 * MINUTE, NOW + 50 * MINUTE)


def test_a_run_that_is_lost_counts_its_attempts(database: Database) -> None:
    with database.begin() as tx:
        assert tx.ledger.begin_tick(TICK, NOW + MINUTE, NOW)
        assert tx.ledger.begin_tick(TICK, NOW + 2 * MINUTE, NOW + MINUTE)
        assert tx.ledger.tick_runs(TICK.job, NOW) == {NOW: ("running", NOW + 2 * MINUTE, 2)}


def test_two_beats_at_once_run_a_tick_once(database: Database) -> None:
    gate = Barrier(4)

    def begin(_: int) -> bool:
        gate.wait()
        with database.begin() as tx:
            return tx.ledger.begin_tick(TICK, NOW + 5 * MINUTE, NOW)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(begin, range(4))) == [False, False, False, True]


def test_the_open_letters_of_a_message_are_withdrawn_but_one(database: Database) -> None:
    origins = ("item:a_b/T/1/0", "item:a_b/T/1/9", "item:axb/T/1/0", "item:a_b/T/2/0")
    given = [dead(origin, message_id=origin.split("/")[2], value=b"words") for origin in origins]
    with database.begin() as tx:
        tx.ledger.add_dead_letters(given)
        tx.ledger.withdraw("1", "item:a_b/T/", "item:a_b/T/1/9", NOW)
    with database.begin() as tx:
        assert {each.origin for each in tx.ledger.dead_letters()} == set(origins[1:])
        closed = tx.ledger.dead_letter(origins[0])
        assert closed is not None
        assert (closed.value, closed.replayed_at) == (b"", NOW)
