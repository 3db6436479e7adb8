"""Work for other processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID

from sago.domain.pages import RunsAsked
from sago.domain.tasks import TaskOutcome, TaskRun

WorkQueue = Literal["merge", "extract", "outreach"]
"""The queues whose work is enqueued again where it may have been lost."""


class Dispatcher(Protocol):
    """Enqueues work; Celery outside tests. At-least-once: everything enqueued is idempotent."""

    def open_batch(self, company_id: str, batch_id: str) -> None:
        """Take a claim over into Postgres and start its extraction."""

    def extract(self, batch_id: str, chunk_nos: Sequence[int], fired_at: datetime) -> None:
        """Fire the chord: extraction of these chunks, then the merge. With no chunks: the merge alone."""

    def waiting(self, queue: WorkQueue = "extract") -> int:
        """Tasks of the queue that no worker has taken yet: merges, chunks, or due letters."""

    def chunks_wait_since(self) -> datetime | None:
        """When the chunk that no worker has taken and that is next in turn was fired; None where none waits. They are
        taken in the order in which they were fired; one given out again is next, however old."""

    def compose(self, watch_id: UUID, as_of: datetime) -> None:
        """Compose a due letter; its row in `compositions` owns what is tried again."""

    def run_planned(self, job: str) -> None:
        """Run a planned job for the last instant of its cron line, unless that has been done."""

    def pull(self, connection_id: UUID, stream: str) -> None:
        """Read a stream now: its vendor told of news. Its row in `streams` is due, and owns what is tried again."""

    def refresh(self, connection_id: UUID) -> None:
        """List a connection's streams and people now; its row in `refreshes` owns what is tried again."""

    def recover(self) -> None:
        """Queue again what the buffer has lost."""

    def start(self, task_id: UUID, name: str, arguments: Mapping[str, Any]) -> None:
        """Enqueue a task by its name under this id, under which its outcome is kept."""

    def outcomes(self, task_ids: Sequence[UUID]) -> dict[UUID, TaskOutcome]:
        """Of these started tasks what became of each; one of which nothing is kept, or not any more, is left out."""


class TaskRunStore(Protocol):
    """`task_runs`: what people started by name."""

    def add(self, run: TaskRun) -> bool:
        """Keep it; False where there is one under its id."""

    def get(self, run_id: UUID) -> TaskRun | None:
        """One, whoever started it; or None."""

    def of_house(self, asked: RunsAsked) -> list[TaskRun]:
        """What the house started, newest first; nothing of a firm."""

    def forget(self, before: datetime) -> None:
        """Let go of what was started before this moment, whoever started it."""


class Fate(StrEnum):
    """What became of a store task. `running` also where its worker died in it."""

    RUNNING = "running"
    DURABLE = "durable"
    FAILED = "failed"


class StoreQueue(Protocol):
    """The bridge's side of `store.batch`: enqueue micro-batches and learn what became of them."""

    def enqueue(self, name: str, attempt: int, values: Sequence[bytes], replay_of: Sequence[str | None]) -> None:
        """Enqueue one attempt under the task id `name#attempt`."""

    def fates(self, names: Mapping[str, int]) -> dict[str, Fate]:
        """Of batch name → number of attempts so far: durable when one of them made it so, however late; else what
        became of the last one. A name whose last attempt nobody has taken up is left out."""

    def waiting(self) -> int:
        """Tasks that no worker has taken yet, of every bridge."""

    def forget(self, names: Mapping[str, int]) -> None:
        """Drop the results of these names' attempts."""
