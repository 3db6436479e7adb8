"""How the pipeline does, asked of every server at once, answered in bounded time whoever is silent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sago.domain.batches import BatchState
from sago.domain.vitals import (
    CacheMetrics,
    Condition,
    Health,
    Metrics,
    ProcessingMetrics,
    QueueVitals,
    ServiceVitals,
    SourceVitals,
)
from sago.errors import SagoError, TransientError
from sago.ports import Buffer, Clock, Database, MessageLog, RawStore

KAFKA, REDIS, POSTGRES, RAW = "kafka", "redis", "postgres", "raw"
PATIENCE = 5.0
"""Seconds a server is given; a call that takes longer goes on to its own time-out, and later askers hear it."""
ASKERS = 8
"""Threads that ask, one for each question there is: no silent server holds up what another is asked."""
UNCOUNTED = "rows can be counted by reading every partition alone, so messages_stored is not told"
"""Of a raw store with a server of its own, which is Cassandra."""
STILL_FOR = timedelta(seconds=60)
"""A topic that lags and was not stored from for this long stands still."""
LOOK_AGAIN_AFTER = 1.0
"""Seconds until a topic that seems to stand still is looked at again: its first message may just have come."""
Answers = Mapping[str, Any]
Question = Callable[[], object]


class Limits(NamedTuple):
    """Settings that the figures are held against."""

    trigger_threshold: int
    memory_pause_at: float


class Books(NamedTuple):
    """What Postgres knows."""

    batches: dict[BatchState, int]
    dead_letters: int
    last_progress: dict[str, datetime]


@dataclass
class Vitals:
    """The use case behind health, metrics and readiness. Thread-safe; never raises for a server that is down.

    `topics` maps sources to topics. `raw_server` names the server of the raw store where that is not Postgres.
    """

    log: MessageLog
    buffer: Buffer
    database: Database
    raw: RawStore
    clock: Clock
    topics: Mapping[str, str]
    limits: Limits
    raw_server: str | None = None
    patience: float = PATIENCE
    _askers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(ASKERS, "vitals"))
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _in_flight: dict[Question, Future[Any]] = field(default_factory=dict)

    def services(self) -> dict[str, ServiceVitals]:
        """Each server and whether it answers."""
        questions = {KAFKA: self.log.lag, REDIS: self.buffer.has_epoch, POSTGRES: self.database.ping}
        return _services(self._ask(questions | self._raw_probe()))

    def health(self) -> Health:
        """What works, what lags and what waits."""
        answers = self._look()
        if self._standing_still(answers):
            self.clock.sleep(LOOK_AGAIN_AFTER)
            answers = self._look()
        services = _services(answers)
        sources = self._sources(answers)
        problems = self._problems(services, sources, answers)
        down = any(not service.up for service in services.values())
        return Health(
            overall_status=Condition.UNHEALTHY if down else Condition.DEGRADED if problems else Condition.HEALTHY,
            problems=problems,
            checked_at=self.clock.now(),
            services=services,
            data_sources=sources,
            queue_status=_queue(answers),
        )

    def metrics(self) -> Metrics:
        """Processing and cache in figures."""
        questions = {REDIS: self._cache, POSTGRES: self._processing}
        if self.raw_server is None:
            questions[RAW] = self.raw.count
        answers = self._ask(questions)
        processed = _known(answers, POSTGRES) or {}
        stored = None if self.raw_server else _known(answers, RAW)
        return Metrics(
            measured_at=self.clock.now(),
            missing=self._missing(answers),
            processing=ProcessingMetrics(messages_stored=stored, **processed),
            cache=CacheMetrics(**(_known(answers, REDIS) or {}), **self.limits._asdict()),
        )

    def close(self) -> None:
        """Ask no more."""
        self._askers.shutdown(wait=False, cancel_futures=True)

    def _missing(self, answers: Answers) -> dict[str, str]:
        errors = {name: str(answer) for name, answer in answers.items() if isinstance(answer, SagoError)}
        if RAW in errors:
            errors[POSTGRES] = errors.pop(RAW)
        return errors | ({self.raw_server: UNCOUNTED} if self.raw_server else {})

    def _look(self) -> Answers:
        questions = {KAFKA: self.log.lag, REDIS: self._buffered, POSTGRES: self._books}
        return self._ask(questions | self._raw_probe())

    def _raw_probe(self) -> dict[str, Question]:
        return {self.raw_server: self._raw_answers} if self.raw_server else {}

    def _ask(self, questions: Mapping[str, Question]) -> Answers:
        """Name → answer, or the SagoError that came instead of it."""
        with self._asking:
            asked = {name: self._asked(question) for name, question in questions.items()}
        wait(asked.values(), self.patience)
        return {name: _answer(future, self.patience) for name, future in asked.items()}

    def _asked(self, question: Question) -> Future[Any]:
        """A question that still waits for its answer is not asked a second time: whoever asks again waits with it."""
        future = self._in_flight.get(question)
        if future is None or future.done():
            future = self._in_flight[question] = self._askers.submit(question)
        return future

    def _raw_answers(self) -> object:
        """The cheapest question to a raw store with a server of its own: one day of a company that cannot be."""
        return self.raw.read_day("-", self.clock.now().date())

    def _buffered(self) -> tuple[dict[str, int], float]:
        return self.buffer.counts(), self.buffer.memory_share()

    def _books(self) -> Books:
        with self.database.begin() as tx:
            letters = sum(tx.ledger.dead_letter_counts().values())
            return Books(tx.batches.counts(), letters, tx.ledger.last_progress())

    def _processing(self) -> dict[str, int]:
        with self.database.begin() as tx:
            observations, events = tx.events.counts()
            batches = tx.batches.counts()
            return {
                "messages_extracted": tx.batches.messages_merged(),
                "messages_extracted_last_hour": tx.batches.messages_merged(self.clock.now() - timedelta(hours=1)),
                "batches_merged": batches.get(BatchState.MERGED, 0),
                "batches_failed": batches.get(BatchState.FAILED, 0),
                "observations": observations,
                "events": events,
                "dead_letters": sum(tx.ledger.dead_letter_counts().values()),
            }

    def _cache(self) -> dict[str, float]:
        queued = self.buffer.counts()
        return {
            "queued_messages": sum(queued.values()),
            "companies_waiting": len(queued),
            "counted_marks": self.buffer.marks(),
            "memory_share": round(self.buffer.memory_share(), 4),
        }

    def _standing_still(self, answers: Answers) -> bool:
        return any(source.status is Condition.DEGRADED for source in self._sources(answers).values())

    def _sources(self, answers: Answers) -> dict[str, SourceVitals]:
        lags: dict[str, int] | None = _known(answers, KAFKA)
        books: Books | None = _known(answers, POSTGRES)
        found = {}
        for source, topic in sorted(self.topics.items()):
            last_sync = books.last_progress.get(topic) if books else None
            lag = lags.get(topic, 0) if lags is not None else None
            stands = bool(lag) and (last_sync is None or self.clock.now() - last_sync > STILL_FOR)
            status = Condition.DEGRADED if stands else Condition.HEALTHY
            if lags is None or books is None:
                status = Condition.UNHEALTHY
            found[source] = SourceVitals(status=status, topic=topic, last_sync=last_sync, lag=lag)
        return found

    def _problems(
        self, services: Mapping[str, ServiceVitals], sources: Mapping[str, SourceVitals], answers: Answers
    ) -> list[str]:
        found = [f"{name}: {service.reason}" for name, service in services.items() if not service.up]
        for name, source in sources.items():
            if source.status is Condition.DEGRADED:
                found.append(f"{name}: {source.lag} wait and none was stored for a minute: does the bridge run?")
        books: Books | None = _known(answers, POSTGRES)
        if books and (failed := books.batches.get(BatchState.FAILED)):
            found.append(f"{failed} batches failed and wait for a further attempt")
        buffered = _known(answers, REDIS)
        if buffered and buffered[1] >= self.limits.memory_pause_at:
            found.append(f"redis: {buffered[1]:.0%} of its memory is used, the bridge pauses")
        return found


def _answer(future: Future[Any], patience: float) -> Any:
    if not future.done():
        return TransientError(f"no answer within {patience:g} s")
    try:
        return future.result()
    except SagoError as error:
        return error


def _known(answers: Answers, name: str) -> Any:
    """The answer, or None where there is none."""
    answer = answers[name]
    return None if isinstance(answer, SagoError) else answer


def _services(answers: Answers) -> dict[str, ServiceVitals]:
    return {
        name: ServiceVitals(up=False, reason=str(answer)) if isinstance(answer, SagoError) else ServiceVitals(up=True)
        for name, answer in answers.items()
    }


def _queue(answers: Answers) -> QueueVitals:
    buffered = _known(answers, REDIS)
    books: Books | None = _known(answers, POSTGRES)
    return QueueVitals(
        queued=buffered[0] if buffered else None,
        queued_total=sum(buffered[0].values()) if buffered else None,
        batches={state.value: books.batches.get(state, 0) for state in BatchState} if books else None,
        dead_letters=books.dead_letters if books else None,
    )
