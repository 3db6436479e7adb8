"""How the pipeline does, asked of every server at once, answered in bounded time whoever is silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sago.domain.batches import Batch, BatchState
from sago.domain.breakers import OpenBreaker
from sago.domain.letters import CompositionState
from sago.domain.vitals import (
    BreakerVitals,
    CacheMetrics,
    Condition,
    ConnectionVitals,
    Gauges,
    Health,
    Metrics,
    OutboxVitals,
    ProcessingMetrics,
    QueueVitals,
    ServiceVitals,
    SourceVitals,
    StackVitals,
    WaitingBatch,
    WebhookMetrics,
)
from sago.errors import SagoError, TransientError
from sago.pipeline.asking import Answers, Asker, Question, known
from sago.pipeline.complaints import Limits, complaints
from sago.pipeline.mail_vitals import outbox_of
from sago.pipeline.receiving import delivered_of
from sago.pipeline.source_health import health_of_sources
from sago.ports import Breakers, Buffer, Clock, Database, DeliveryCounts, MessageLog, RawStore

KAFKA, REDIS, POSTGRES, RAW, BATCHES = "kafka", "redis", "postgres", "raw", "batches"
STACK, RESTORED = "stack", "restored"
"""What is asked beside the servers."""
UNCOUNTED = "rows can be counted by reading every partition alone, so messages_stored is not told"
"""Of a raw store with a server of its own, which is Cassandra."""
STILL_FOR = timedelta(seconds=60)
"""A topic that lags and was not stored from for this long stands still."""
LOOK_AGAIN_AFTER = 1.0
"""Seconds until a topic that seems to stand still is looked at again: its first message may just have come."""

__all__ = ["Limits", "Vitals"]


class Books(NamedTuple):
    """What Postgres knows."""

    batches: dict[BatchState, int]
    oldest: dict[BatchState, Batch]
    first_due: datetime | None
    dead_letters: int
    letters_due: int
    outbox: OutboxVitals
    last_progress: dict[str, datetime]
    sources: list[ConnectionVitals]


class Buffered(NamedTuple):
    """What Redis knows."""

    queued: dict[str, int]
    memory_share: float
    has_epoch: bool
    open_breakers: list[OpenBreaker]


def _newest() -> None:
    """Postgres is the newest there was."""


@dataclass
class Vitals:
    """The use case behind health, metrics and readiness. Thread-safe; never raises for a server that is down.

    `topics` maps sources to topics. `raw_server` names the server of the raw store where that is not Postgres.
    `stack` tells of the processes, where a supervisor of ours looks after them; `restored` why nothing leaves the
    house after a backup of Postgres was restored.
    """

    log: MessageLog
    buffer: Buffer
    database: Database
    raw: RawStore
    breakers: Breakers
    clock: Clock
    counts: DeliveryCounts
    asker: Asker
    topics: Mapping[str, str]
    limits: Limits
    raw_server: str | None = None
    stack: Callable[[], StackVitals] = StackVitals
    restored: Callable[[], str | None] = _newest

    def services(self) -> dict[str, ServiceVitals]:
        """Each server and whether it answers."""
        questions = {KAFKA: self.log.lag, REDIS: self.buffer.has_epoch, POSTGRES: self.database.ping}
        answers = self.asker.ask(questions | self._raw_probe())
        return _services(answers, StackVitals(), {})

    def health(self, stack: StackVitals | None = None) -> Health:
        """What works, what lags and what waits; `stack` where the caller has looked at it himself."""
        answers, stack = self._look(stack)
        if self._is_still(answers):
            self.clock.sleep(LOOK_AGAIN_AFTER)
            answers |= self.asker.ask({KAFKA: self.log.lag, POSTGRES: self._books})
        silent = {name: at for name in answers if (at := self.asker.silent_since(name))}
        return health_of(answers, stack, self.clock.now(), self.topics, self.limits, silent)

    def gauges(self) -> Gauges:
        """Figures that cost the servers little; counting all raw messages is not among them."""
        questions: dict[str, Question] = {KAFKA: self.log.lag, REDIS: self._cache}
        questions |= {POSTGRES: self._processing, BATCHES: self._batches} | self._raw_probe()
        return gauges_of(self.asker.ask(questions))

    def metrics(self) -> Metrics:
        """Processing and cache in figures."""
        questions: dict[str, Question] = {REDIS: self._cached, POSTGRES: self._processing}
        if self.raw_server is None:
            questions[RAW] = self.raw.count
        answers = self.asker.ask(questions)
        processed = known(answers, POSTGRES) or {}
        cached, delivered = known(answers, REDIS) or ({}, None)
        stored = None if self.raw_server else known(answers, RAW)
        return Metrics(
            measured_at=self.clock.now(),
            missing=self._missing(answers),
            processing=ProcessingMetrics(messages_stored=stored, **processed),
            cache=CacheMetrics(
                **cached,
                trigger_threshold=self.limits.trigger_threshold,
                memory_pause_at=self.limits.memory_pause_at,
            ),
            webhooks=delivered,
        )

    def _missing(self, answers: Answers) -> dict[str, str]:
        errors = {name: str(answer) for name, answer in answers.items() if isinstance(answer, SagoError)}
        if RAW in errors:
            errors[POSTGRES] = errors.pop(RAW)
        return errors | ({self.raw_server: UNCOUNTED} if self.raw_server else {})

    def _look(self, stack: StackVitals | None) -> tuple[dict[str, Any], StackVitals]:
        """What the servers answer; of a stack that was looked at only those are asked that answered then."""
        servers: dict[str, Question] = {KAFKA: self.log.lag, REDIS: self._buffered, POSTGRES: self._books}
        servers |= self._raw_probe()
        if stack is None:
            answers = self.asker.ask(servers | {RESTORED: self.restored, STACK: self.stack})
            found = answers.pop(STACK)
            return answers, found if isinstance(found, StackVitals) else StackVitals()
        up = {name for name, each in stack.servers.items() if each.up}
        silent = {name: each for name, each in stack.servers.items() if name in servers and not each.up}
        # the generation lies in Postgres, its copy perhaps in the raw store
        beside: dict[str, Question] = {RESTORED: self.restored} if POSTGRES in up and not silent else {}
        questions = {name: question for name, question in servers.items() if name in up} | beside
        errors = {name: TransientError(each.reason or "no answer") for name, each in silent.items()}
        return self.asker.ask(questions, errors), stack

    def _raw_probe(self) -> dict[str, Question]:
        return {self.raw_server: self._raw_answers} if self.raw_server else {}

    def _raw_answers(self) -> object:
        """The cheapest question to a raw store with a server of its own: one day of a company that cannot be."""
        return self.raw.read_day("-", self.clock.now().date())

    def _buffered(self) -> Buffered:
        counts, share, has_epoch = self.buffer.counts(), self.buffer.memory_share(), self.buffer.has_epoch()
        return Buffered(counts, share, has_epoch, self.breakers.open())

    def _books(self) -> Books:
        with self.database.begin() as tx:
            return Books(
                batches=tx.batches.counts(),
                oldest=tx.batches.oldest(),
                first_due=tx.batches.first_due(),
                dead_letters=sum(tx.ledger.dead_letter_counts().values()),
                letters_due=tx.compositions.counts().get(CompositionState.DUE, 0),
                outbox=outbox_of(tx, self.clock.now(), self.limits),
                last_progress=tx.ledger.last_progress(),
                sources=health_of_sources(tx, self.clock.now()),
            )

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

    def _batches(self) -> dict[BatchState, int]:
        with self.database.begin() as tx:
            return tx.batches.counts()

    def _cached(self) -> tuple[dict[str, float], WebhookMetrics | None]:
        return self._cache(), delivered_of(self.counts.totals())

    def _cache(self) -> dict[str, float]:
        queued = self.buffer.counts()
        return {
            "queued_messages": sum(queued.values()),
            "companies_waiting": len(queued),
            "counted_marks": self.buffer.marks(),
            "memory_share": round(self.buffer.memory_share(), 4),
        }

    def _is_still(self, answers: Answers) -> bool:
        sources = _sources(answers, self.topics, self.clock.now())
        return any(source.status is Condition.DEGRADED for source in sources.values())


def health_of(
    answers: Answers,
    stack: StackVitals,
    now: datetime,
    topics: Mapping[str, str],
    limits: Limits,
    silent_since: Mapping[str, datetime] = {},
) -> Health:
    """The answers and the stack put together; `silent_since` says when who has no answer was first asked in vain."""
    services, processes = _services(answers, stack, silent_since), dict(stack.processes)
    buffered: Buffered | None = known(answers, REDIS)
    books: Books | None = known(answers, POSTGRES)
    health = Health(
        overall_status=Condition.HEALTHY,
        problems=[],
        checked_at=now,
        services=services,
        processes=processes,
        data_sources=_sources(answers, topics, now),
        queue_status=_queue(answers),
        sources=books.sources if books else None,
    )
    restored: str | None = known(answers, RESTORED)
    problems = complaints(health, limits, buffered.memory_share if buffered else None, stack.silent_since)
    problems += [restored] if restored else []
    down = not all(each.up for each in (services | processes).values())
    status = Condition.UNHEALTHY if down else Condition.DEGRADED if problems else Condition.HEALTHY
    return health.model_copy(update={"overall_status": status, "problems": problems})


def gauges_of(answers: Answers) -> Gauges:
    """The answers as gauges; those of a server that was silent are None."""
    batches: dict[BatchState, int] | None = known(answers, BATCHES)
    figures = {**(known(answers, POSTGRES) or {}), **(known(answers, REDIS) or {})}
    described = ProcessingMetrics.model_fields | CacheMetrics.model_fields
    return Gauges(
        up={name: not isinstance(answer, SagoError) for name, answer in answers.items() if name != BATCHES},
        lag=known(answers, KAFKA),
        batches={state.value: batches.get(state, 0) for state in BatchState} if batches is not None else None,
        totals={name: (described[name].description or name, value) for name, value in figures.items()},
    )


def _sources(answers: Answers, topics: Mapping[str, str], now: datetime) -> dict[str, SourceVitals]:
    lags: dict[str, int] | None = known(answers, KAFKA)
    books: Books | None = known(answers, POSTGRES)
    found = {}
    for source, topic in sorted(topics.items()):
        last_sync = books.last_progress.get(topic) if books else None
        lag = lags.get(topic, 0) if lags is not None else None
        stands = bool(lag) and (last_sync is None or now - last_sync > STILL_FOR)
        status = Condition.DEGRADED if stands else Condition.HEALTHY
        if lags is None or books is None:
            status = Condition.UNHEALTHY
        found[source] = SourceVitals(status=status, topic=topic, last_sync=last_sync, lag=lag)
    return found


def _services(answers: Answers, stack: StackVitals, silent_since: Mapping[str, datetime]) -> dict[str, ServiceVitals]:
    found = dict(stack.servers)
    for name, answer in answers.items():
        if name == RESTORED:
            continue
        if isinstance(answer, SagoError):
            moments = [at for at in (stack.silent_since.get(name), silent_since.get(name)) if at]
            found[name] = ServiceVitals(up=False, since=min(moments, default=None), reason=str(answer))
        else:
            found[name] = ServiceVitals(up=True)
    return found


def _queue(answers: Answers) -> QueueVitals:
    buffered: Buffered | None = known(answers, REDIS)
    books: Books | None = known(answers, POSTGRES)
    return QueueVitals(
        queued=buffered.queued if buffered else None,
        queued_total=sum(buffered.queued.values()) if buffered else None,
        batches={state.value: books.batches.get(state, 0) for state in BatchState} if books else None,
        oldest={state.value: _waiting(batch) for state, batch in sorted(books.oldest.items())} if books else None,
        first_due=books.first_due if books else None,
        dead_letters=books.dead_letters if books else None,
        letters_due=books.letters_due if books else None,
        outbox=_outbox(books.outbox, known(answers, RESTORED)) if books else None,
        open_breakers=[BreakerVitals(**each._asdict()) for each in buffered.open_breakers] if buffered else None,
        # where nothing was ever stored there is nothing to queue again
        recovered=buffered.has_epoch or not books.last_progress if buffered and books else None,
    )


def _outbox(outbox: OutboxVitals, restored: str | None) -> OutboxVitals:
    """After a restored backup nothing is to go, and nobody is late with it."""
    return outbox.model_copy(update={"idle_since": None, "is_late": False}) if restored else outbox


def _waiting(batch: Batch) -> WaitingBatch:
    return WaitingBatch(
        company_id=batch.company_id,
        batch_id=batch.id,
        claimed_at=batch.claimed_at,
        next_attempt_at=batch.next_attempt_at,
        attempts=batch.attempts,
        reason=" ".join(batch.error.split()) if batch.error else None,
    )
