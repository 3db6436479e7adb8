"""The ports: what use cases need of the world, as Protocols. Adapters live in `sago.stores` and `sago.llm`.

Every port has an in-memory adapter in `sago.stores.memory`, kept true by one contract suite run on both. Unless a
docstring says otherwise a call may block, raises TransientError when the other side does not answer, and may be
repeated without a further effect.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from sago.domain.batches import (
    Added,
    Batch,
    BatchPlan,
    BatchState,
    Chunk,
    ChunkResult,
    Claim,
    DeadLetter,
    ExtractionRequest,
    Position,
    Progress,
    Record,
    StoreOutcome,
    Tick,
    TickRun,
)
from sago.domain.breakers import OpenBreaker
from sago.domain.erasures import Erasure
from sago.domain.events import Event, Extraction, Finding, Fold, MetricPoint, Observation, Rejection
from sago.domain.messages import CompactMessage, Message, MessageKey, MessageRef
from sago.domain.model_calls import CallTotals, ModelCall
from sago.domain.outreach import (
    Company,
    Composition,
    CompositionState,
    DueLetter,
    Letter,
    LetterDraft,
    LetterRequest,
    LetterState,
    ModelPolicy,
    Watch,
)
from sago.keeping import ErasureStore, GenerationStore

T = TypeVar("T")


class Clock(Protocol):
    """The only way time passes."""

    def now(self) -> datetime:
        """The present moment in UTC."""

    def monotonic(self) -> float:
        """Seconds that never jump."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class MessageLog(Protocol):
    """Kafka as a producer and an administrator sees it."""

    @property
    def log_id(self) -> str:
        """Names the cluster; new at each start of the embedded broker."""

    def ensure_topics(self) -> None:
        """Create each topic of the configuration and its `.dlq` where it is missing."""

    def publish(self, messages: Sequence[Message], *, replay_of: str | None = None) -> list[Position]:
        """Append messages to their source's topic, keyed by company; positions in the order given.

        Returns when the broker has acknowledged all of them (`acks=all`). Raises InvalidMessageError before anything
        is sent when one breaks the schema or its limits.
        """

    def dead_letter(self, letter: DeadLetter, key: str | None = None) -> Position:
        """Append to `<letter.topic>.dlq` with the headers of the contract; returns once acknowledged.

        `letter.topic` is the topic without `.dlq` (`unparsed` where the source cannot be told).
        """

    def dead_records(self, after: Mapping[tuple[str, int], int]) -> Iterator[list[Record]]:
        """Records of the dead-letter topics from these offsets, else the oldest, to the present ends, in parts. Read
        outside the group: nobody's place in the log changes."""

    def lag(self) -> dict[str, int]:
        """Topic → messages between the committed watermark and the end, summed over partitions."""

    def close(self) -> None:
        """Flush and let go; further calls raise."""


class LogConsumer(Protocol):
    """Kafka as the bridge sees it: one member of one group over the topics and their dead-letter topics.

    Not thread-safe. Never commits by itself.
    """

    @property
    def log_id(self) -> str:
        """Names the cluster, as in MessageLog."""

    def poll(self, timeout: float) -> list[Record]:
        """Records since the last poll in partition order; empty after `timeout` seconds. Keeps membership alive."""

    def assigned(self) -> set[tuple[str, int]]:
        """The (topic, partition) pairs this member owns now."""

    def on_revoke(self, callback: Callable[[set[tuple[str, int]]], Mapping[tuple[str, int], int]]) -> None:
        """Call `callback` with pairs about to be lost; the watermarks it returns are committed before they go."""

    def pause(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Fetch no more of these until resumed."""

    def resume(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Fetch these again."""

    def commit(self, watermarks: Mapping[tuple[str, int], int]) -> None:
        """Commit the next offset to read of each pair; raises TransientError during a rebalance."""

    def beginning_offsets(self) -> dict[tuple[str, int], int]:
        """The oldest offset still held of each assigned pair: above the watermark it tells of dropped data."""

    def close(self) -> None:
        """Leave the group."""


class RawStore(Protocol):
    """Every message version as it came: append-only, partitioned by company and day."""

    def store(self, messages: Sequence[Message], batch_name: str, received_at: datetime) -> StoreOutcome:
        """Write rows durably, each version once; the first writer of a version owns it by its `batch_name`.

        A row already there under the same batch name counts as stored (a further attempt), under another as a
        duplicate, with other content as a conflict, which is not written. A version given twice in `messages` is
        stored once and counted once as duplicate (or conflict). Content is sender, sent_at, subject, text, deleted.
        Where `sent_at` is part of the row's key (Cassandra), a version that comes in a later call with another time is
        a row of its own. A further attempt may list its days in `changed_days` again.
        """

    def read(self, refs: Sequence[MessageRef]) -> list[Message]:
        """The messages of these references, in the order given; one that is missing is left out."""

    def read_range(self, company_id: str, start: datetime, end: datetime, limit: int = 1000) -> list[Message]:
        """Messages with `sent_at` in [start, end), oldest first, at most `limit`: the newest ones of the range."""

    def read_day(self, company_id: str, day: date) -> list[MessageRef]:
        """References of one partition, oldest first."""

    def changed_days(self, since: date) -> list[tuple[str, date]]:
        """(company, day of sent_at) pairs that received rows on `since` or later."""

    def mark(self, refs: Sequence[MessageRef], batch_id: str, extracted_at: datetime) -> None:
        """Note the batch that read these rows and when: once a batch."""

    def count(self, company_id: str | None = None) -> int:
        """Rows stored, of one company or of all."""

    def find(self, erasure: Erasure) -> list[MessageRef]:
        """The rows that an erasure covers and that still hold something. Reads all days of the company."""

    def empty(self, refs: Sequence[MessageRef]) -> None:
        """Take sender, subject, text and raw out of these rows, which become deletions. Owner and hash stay: a
        further delivery is a duplicate."""


class Buffer(Protocol):
    """Redis: the queues that wait for 200. Nothing in it is the only copy."""

    def known(self, company_id: str, keys: Sequence[MessageKey]) -> set[MessageKey]:
        """Which of these the marks of the last 48 hours have counted."""

    def add(self, company_id: str, messages: Sequence[CompactMessage], now: datetime, urgent: bool = False) -> Added:
        """Queue and count what the marks do not know; claim a batch in the same atomic step when the company's
        counter reaches `cache_trigger_threshold`, or when `urgent` and none was urgent in the last 10 minutes."""

    def add_all(self, messages: Mapping[str, Sequence[CompactMessage]], now: datetime) -> dict[str, Added]:
        """`add` for many companies in one round trip: company → what became of its messages. Each company's step is
        atomic, the whole is not: after an error some may have been added, and a claim among them is `unopened`."""

    def claim(self, company_id: str, now: datetime) -> str | None:
        """Claim everything queued up to `claim_limit` whatever the count; the batch id, or None when empty."""

    def claimed(self, company_id: str, batch_id: str) -> Claim | None:
        """The messages of a claim, or None where the buffer has lost them."""

    def unopened(self) -> list[tuple[str, str]]:
        """(company, batch id) of claims that no batch row has taken over yet."""

    def taken_over(self, company_id: str, batch_id: str) -> None:
        """Postgres owns the batch: the claim becomes a cache that expires after `ttl` seconds."""

    def forget(self, company_id: str, keys: Sequence[MessageKey]) -> None:
        """Clear marks, so that a replayed message counts again."""

    def due(self, now: datetime, older_than: timedelta) -> list[str]:
        """Companies whose oldest queued message was added at least `older_than` ago."""

    def counts(self) -> dict[str, int]:
        """Company → messages queued and not yet claimed."""

    def marks(self) -> int:
        """Message versions that the marks remember as counted, over all companies."""

    def memory_share(self) -> float:
        """Used memory over the ceiling, 0 to 1; 0 where no ceiling is set."""

    def begin_epoch(self, now: datetime) -> None:
        """Note that recovery begins."""

    def set_epoch(self) -> None:
        """Write the epoch key: recovery has queued all it found. Not where Redis was emptied since `begin_epoch`, as
        what was queued before that is lost again."""

    def has_epoch(self) -> bool:
        """Whether the epoch key is there."""

    def clear(self, company_id: str | None = None) -> None:
        """Forget everything, or everything of one company: queues, marks and claims."""


class BatchStore(Protocol):
    """`batches`, `batch_chunks`, `batch_members`: the truth about who reads which message."""

    def open(self, batch: Batch, refs: Sequence[tuple[MessageRef, str]]) -> list[MessageRef]:
        """Insert the batch and its members (reference, source); the references it won. Again: the same answer."""

    def plan(self, plan: BatchPlan) -> None:
        """Write chunks and their numbers on the members; state `extracting`. A planned batch stays as it is."""

    def get(self, batch_id: str) -> Batch | None:
        """The batch, or None."""

    def chunks(self, batch_id: str) -> list[Chunk]:
        """Its chunks by number."""

    def chunk_refs(self, batch_id: str, chunk_no: int) -> list[MessageRef]:
        """The members of one chunk, oldest first."""

    def finish_chunk(self, batch_id: str, chunk_no: int, result: ChunkResult) -> bool:
        """Keep the chunk's first result; False when one was there already."""

    def fail_chunk(
        self, batch_id: str, chunk_no: int, error: str, error_type: str, retry_at: datetime | None = None
    ) -> int:
        """Keep why an unfinished chunk failed, and the moment before which it is not tried again; failures that are
        not `PASSING` count as attempts: how many so far."""

    def split_chunk(self, batch_id: str, chunk_no: int) -> list[int]:
        """Replace a failing chunk of several messages by two halves; their numbers."""

    def kill_chunk(self, batch_id: str, chunk_no: int) -> None:
        """Give a chunk up: its message is dead-lettered."""

    def results(self, batch_id: str) -> list[ChunkResult]:
        """The results of finished chunks by number."""

    def set_state(
        self,
        batch_id: str,
        state: BatchState,
        *,
        at: datetime,
        next_attempt_at: datetime | None = None,
        error: str | None = None,
        is_attempt: bool = True,
    ) -> None:
        """Move the batch; `merged` also writes `merged_at`, `failed` counts an attempt, unless it only waits."""

    def due(self, now: datetime, limit: int = 100) -> list[Batch]:
        """Batches not merged whose `next_attempt_at` has passed, longest due first; rows locked by others left out."""

    def members(self, company_id: str, keys: Sequence[MessageKey], run: str) -> set[MessageKey]:
        """Which of these versions have a member row."""

    def highest_versions(self, message_ids: Mapping[str, Collection[str]]) -> dict[str, dict[str, int]]:
        """For each company given, of its message ids those that have a member row, with their highest version."""

    def remove_member(self, company_id: str, key: MessageKey, run: str) -> None:
        """Forget a member row, so that a replay is read again."""

    def counts(self) -> dict[BatchState, int]:
        """Batches by state."""

    def oldest(self) -> dict[BatchState, Batch]:
        """Of each state but `merged` the batch that was claimed first; a state without batches is left out."""

    def messages_merged(self, since: datetime | None = None) -> int:
        """Message versions that merged batches have read: ever, or in batches merged at or after `since`."""

    def progress(self, company_ids: Sequence[str]) -> tuple[int, int]:
        """Batches of these companies that are not merged yet, and that are."""


class EventStore(Protocol):
    """Observations, extractions and the events folded from them."""

    def lock(self, company_id: str) -> None:
        """Hold the company's fold until the transaction ends (`pg_advisory_xact_lock`)."""

    def append(self, observations: Sequence[Observation], extractions: Sequence[Extraction]) -> int:
        """Append what is new by its key; how many observations were new."""

    def current(self, company_id: str, said_before: datetime | None = None) -> list[Observation]:
        """Per message the observations of the newest finished extraction of its highest extracted version."""

    def rejections(self, company_id: str) -> list[Rejection]:
        """What people said is wrong."""

    def reject(self, rejection: Rejection) -> None:
        """Record a person's word."""

    def replace(self, company_id: str, fold: Fold, now: datetime) -> None:
        """Make the company's events and metric points those of the fold: upsert, deactivate what is gone, and note
        an alias when an event with the same latest proofs carries a new id."""

    def find(self, company_id: str | None = None, *, active: bool = True, limit: int | None = None) -> list[Event]:
        """Events, newest first."""

    def get(self, event_id: UUID) -> Event | None:
        """The event under its id or an alias of it."""

    def counts(self) -> tuple[int, int]:
        """Observations ever recorded and events active now, over all companies."""

    def metric_points(self, company_id: str) -> list[MetricPoint]:
        """The series of one company, oldest `as_of` first."""


class OutreachStore(Protocol):
    """Watches and letters."""

    def add_watch(self, watch: Watch) -> None:
        """Keep a watch; the same id again replaces it."""

    def watches(self, company_id: str | None = None) -> list[Watch]:
        """Active watches, oldest first."""

    def remove_watch(self, watch_id: UUID) -> bool:
        """Deactivate; False when there is none."""

    def live_letter(self, watch_id: UUID, window: str) -> Letter | None:
        """The one live letter of a window, locked until the transaction ends."""

    def add_letter(self, letter: Letter) -> bool:
        """Insert; False when the window already has a live letter."""

    def set_letter_state(self, letter_id: UUID, state: LetterState, at: datetime, who: str, why: str) -> None:
        """Change a letter's state and write the audit log."""

    def letters(self, company_id: str | None = None, *, live: bool = True) -> list[Letter]:
        """Letters, newest first."""


class CompositionStore(Protocol):
    """`compositions`: letters that are due, kept until each is composed or has failed."""

    def add(self, letters: Sequence[DueLetter], now: datetime) -> int:
        """Make these letters due; those that are due already stay as they are. How many became due."""

    def take_due(self, now: datetime, again_at: datetime, limit: int = 500) -> list[DueLetter]:
        """Letters whose task is to be sent, longest due first, and not again before `again_at`; rows locked by others
        left out."""

    def begin(self, letter: DueLetter, lease_until: datetime, now: datetime) -> int | None:
        """Take a letter to compose it, one that was never added too: the number of the attempt. None when it is not
        due, has to wait, or another's lease holds."""

    def postpone(self, letter: DueLetter, retry_at: datetime, error: str, *, is_counted: bool) -> None:
        """Keep why a due letter was not composed; it is neither begun nor sent before `retry_at`. An attempt that is
        not counted is given back."""

    def end(self, letter: DueLetter, state: CompositionState, error: str | None = None) -> None:
        """Done or failed."""

    def find(self, state: CompositionState | None = None) -> list[Composition]:
        """Rows by moment and watch, of one state or of all."""


class CompanyStore(Protocol):
    """Companies and their default share."""

    def ensure(self, company_id: str, now: datetime) -> Company:
        """The company; an unknown one is created with a name made of its id, the default share and a company-update
        watch."""

    def ensure_all(self, company_ids: Collection[str], now: datetime) -> None:
        """`ensure` for many, in a few statements."""

    def save(self, company: Company) -> None:
        """Update name, founder and policy of a known company."""

    def get(self, company_id: str) -> Company | None:
        """The company, or None."""

    def all(self) -> list[Company]:
        """Every company by id."""


class Ledger(Protocol):
    """Dead letters as projected from Kafka, the bridge's watermarks, and ticks."""

    def add_dead_letters(self, letters: Sequence[DeadLetter]) -> int:
        """Project; how many origins were new."""

    def dead_letters(self, *, topic: str | None = None, replayed: bool = False, limit: int = 100) -> list[DeadLetter]:
        """Newest first."""

    def dead_letter(self, origin: str) -> DeadLetter | None:
        """One by its origin."""

    def dead_letter_counts(self) -> dict[str, int]:
        """Topic → letters that were not replayed; a topic without any is left out."""

    def known_origins(self, origins: Sequence[str]) -> set[str]:
        """Which of these origins are dead-lettered."""

    def mark_replayed(self, origin: str, at: datetime) -> None:
        """Note a replay."""

    def save_progress(self, progress: Sequence[Progress], at: datetime) -> None:
        """Advance watermarks; a lower one than is stored is ignored."""

    def progress(self, log_id: str) -> list[Progress]:
        """Watermarks of one log."""

    def last_progress(self) -> dict[str, datetime]:
        """Topic → when one of its watermarks last advanced, in whichever log."""

    def planned_since(self, job: str, cron: str, now: datetime) -> datetime:
        """Since when the job has had this cron line; one not seen before has it from now on."""

    def tick_runs(self, job: str, since: datetime) -> dict[datetime, TickRun]:
        """What became of the job's ticks due at `since` or later, by instant; one that nobody took is left out."""

    def skip_ticks(self, ticks: Sequence[Tick], now: datetime) -> None:
        """Note ticks that are not made up: those that nobody took, or whose run was lost. Others stay as they are."""

    def begin_tick(self, tick: Tick, lease_until: datetime, now: datetime) -> bool:
        """Take the tick: True when it is ours to run, False when it is done or another's lease holds."""

    def end_tick(self, tick: Tick) -> None:
        """Done."""

    def release_tick(self, tick: Tick, now: datetime) -> None:
        """Give up a run that failed: from `now` on the tick may be taken again. One that is done stays done."""


class Transaction(Protocol):
    """All repositories over one database transaction."""

    batches: BatchStore
    events: EventStore
    outreach: OutreachStore
    companies: CompanyStore
    compositions: CompositionStore
    ledger: Ledger
    erasures: ErasureStore
    generation: GenerationStore


class Database(Protocol):
    """Postgres."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """One transaction: committed at the end of the block, rolled back by an exception."""

    def lock(self, name: str) -> AbstractContextManager[bool]:
        """Hold a named lock for the length of the block, without a transaction; False when another holds it. Whoever
        loses the connection loses the lock, so what it guards must be safe to run twice."""

    def ping(self) -> None:
        """Raise TransientError when the database does not answer, ConfigError when it refuses us."""

    def close(self) -> None:
        """Close all connections."""


class Model(Protocol):
    """A provider of extraction and letters. Message text is data; a provider has no tools."""

    @property
    def name(self) -> str:
        """`offline`, `gemini`, … as in the configuration."""

    @property
    def version(self) -> str:
        """Changes whenever the same text could give other findings."""

    @property
    def place(self) -> ModelPolicy:
        """How far text goes: nowhere (`offline`), to a server of the house, or to a vendor."""

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """What the chunk's messages say; only message ids of `request.messages` may be named. Deterministic for
        `offline` and `marker`. Raises TransientError, PermanentError or ConfigError."""

    def compose(self, request: LetterRequest) -> LetterDraft:
        """A letter from the events of the request alone; mends what `request.objections` name. Raises as `extract`."""


class Models(Protocol):
    """Which model may read whose messages: the one place that decides whether text leaves the house."""

    def for_company(self, company: Company | None) -> Model:
        """The configured model where the company's policy lets its text go that far, else the one of this process;
        a company that is not known has the default policy."""


class Breakers(Protocol):
    """One breaker for each other side that may not answer, shared by all processes; never raises by itself: one whose
    state cannot be read counts as closed."""

    def call(self, name: str, ask: Callable[[], T]) -> T:
        """What `ask` returns or raises. While the breaker is open nothing is asked: TransientError at once, whose
        `retry_after` is the time until one call may try. While that one is under way the others are refused too.

        A run of outages opens it: TransientErrors of `ask` that are no answers. One with `retry_after` opens it at
        once and for that long at least. An outage leaves with the breaker's own `retry_after`, if that is longer.
        """

    def open(self) -> list[OpenBreaker]:
        """Those that let nothing through, or one call alone, by name."""


class CallLedger(Protocol):
    """`model_calls`: what was asked of vendors, what it cost and what became of it. Append-only."""

    def record(self, call: ModelCall) -> None:
        """Write one row in a transaction of its own; the same id again changes nothing."""

    def totals(self, company_ids: Sequence[str], since: datetime) -> CallTotals:
        """What the calls for these companies from `since` on came to."""


class Dispatcher(Protocol):
    """Enqueues work; Celery outside tests. At-least-once: everything enqueued is idempotent."""

    def open_batch(self, company_id: str, batch_id: str) -> None:
        """Take a claim over into Postgres and start its extraction."""

    def extract(self, batch_id: str, chunk_nos: Sequence[int]) -> None:
        """Fire the chord: extraction of these chunks, then the merge. With no chunks: the merge alone."""

    def waiting(self) -> int:
        """Chunks and merges that no worker has taken yet."""

    def compose(self, watch_id: UUID, as_of: datetime) -> None:
        """Compose a due letter; its row in `compositions` owns what is tried again."""

    def run_planned(self, job: str) -> None:
        """Run a planned job for the last instant of its cron line, unless that has been done."""

    def recover(self) -> None:
        """Queue again what the buffer has lost."""


class StoreQueue(Protocol):
    """The bridge's side of `store.batch`: enqueue micro-batches and learn what became of them."""

    def enqueue(self, name: str, attempt: int, values: Sequence[bytes], replay_of: Sequence[str | None]) -> None:
        """Enqueue one attempt under the task id `name#attempt`."""

    def confirmed(self, names: Mapping[str, int]) -> dict[str, bool]:
        """Of batch name → number of attempts so far: True when one of them made it durable, however late; False when
        the last one failed; a name not yet answered is left out."""

    def forget(self, names: Mapping[str, int]) -> None:
        """Drop the results of these names' attempts."""


class Drafts(Protocol):
    """Where letters are laid out for a person, as `.eml`."""

    def put(self, letter: Letter) -> str:
        """Write or replace the letter, or take it away when it is no longer live; where it lies (or lay).

        A successor of the same watch and window takes its predecessor's place.
        """
