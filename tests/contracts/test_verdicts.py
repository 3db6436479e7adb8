"""One suite for the VerdictStore port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID

from sago.domain.erasures import Erasure
from sago.domain.events import Evidence
from sago.domain.significance import CounterEvidence
from sago.domain.watches import Outcome, Verdict, Watch
from sago.ports import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
COMPANY = "scale-flow"
QUOTE = CounterEvidence(
    kind="denial",
    text="Enterprise deal, denied: Corvid",
    proof=Evidence(message_id="slack:1", quote="no, Corvid has “NOT” signed", start=3, end=30),
    at=NOW,
    strength=0.5,
)


def verdict(number: int = 1, at: datetime = NOW, score: float = 1.5, company_id: str = COMPANY) -> Verdict:
    watch = Watch(id=UUID(int=number), company_id=company_id, reason="too early", created_at=NOW)
    return Verdict(
        watch=watch, outcome=Outcome.NOT_YET, because="no ARR yet", as_of=at, score=score, counter=(QUOTE,)
    )  # fmt: skip


def put(database: Database, *judged: Verdict) -> None:
    with database.begin() as tx:
        tx.verdicts.put(judged)


def test_a_days_verdict_comes_back_as_it_went_in(database: Database) -> None:
    put(database)
    put(database, verdict())
    with database.begin() as tx:
        assert tx.verdicts.newest(UUID(int=1)) == verdict()
        assert tx.verdicts.newest(UUID(int=2)) is None


def test_a_day_has_one_verdict_the_one_judged_last(database: Database) -> None:
    put(database, verdict(at=NOW + timedelta(hours=2), score=3))
    put(database, verdict())
    put(database, verdict(at=NOW + timedelta(hours=2), score=4))
    with database.begin() as tx:
        assert [each.score for each in tx.verdicts.of(UUID(int=1), NOW.date())] == [4]


def test_verdicts_of_one_watch_come_oldest_first_from_a_day_on(database: Database) -> None:
    put(database, *(verdict(at=NOW + n * DAY, score=n) for n in (3, 1, 2, 0)), verdict(2, score=9))
    with database.begin() as tx:
        assert [each.score for each in tx.verdicts.of(UUID(int=1), (NOW + DAY).date())] == [1, 2, 3]
        before = tx.verdicts.newest(UUID(int=1), (NOW + 3 * DAY).date())
        assert before is not None
        assert before.score == 2
        assert tx.verdicts.newest(UUID(int=1), NOW.date()) is None


def test_two_runs_at_once_leave_one_row_a_watch(database: Database) -> None:
    judged, start = [verdict(number) for number in range(1, 20)], Barrier(2)

    def run(rows: list[Verdict]) -> None:
        start.wait()
        put(database, *rows)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, [judged, judged[::-1]]))
    with database.begin() as tx:
        assert all(len(tx.verdicts.of(UUID(int=number), NOW.date())) == 1 for number in range(1, 20))


def test_verdicts_may_quote_somebody_and_go_with_the_words_of_their_company(database: Database) -> None:
    put(database, verdict(), verdict(2, company_id="other"))
    gone = Erasure(
        id=UUID(int=9), company_id=COMPANY, sender="kim", because="asked", requested_by="cli:ana", requested_at=NOW
    )
    with database.begin() as tx:
        tx.erasures.take_words(gone, set())
    with database.begin() as tx:
        assert tx.verdicts.newest(UUID(int=1)) is None
        assert tx.verdicts.newest(UUID(int=2)) is not None
