"""The Dispatcher port in memory: work waits in a list until a test runs it, in any order it likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sago.domain.tasks import TaskOutcome, TaskState
from sago.ports.tasks import WorkQueue


class MemoryDispatcher:
    """Keeps what was enqueued as (task name, arguments)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[Any, ...]]] = []
        self._fired: list[datetime] = []
        """When each chunk in `sent` was fired."""
        self.kept: dict[UUID, TaskOutcome] = {}
        """What became of started tasks; a test changes it."""

    def open_batch(self, company_id: str, batch_id: str) -> None:
        """Keep `extract.start`."""
        self.sent.append(("extract.start", (company_id, batch_id)))

    def extract(self, batch_id: str, chunk_nos: Sequence[int], fired_at: datetime) -> None:
        """Keep the chunks, then the merge."""
        self.sent += [("extract.chunk", (batch_id, number)) for number in chunk_nos]
        self._fired += [fired_at for _ in chunk_nos]
        self.sent.append(("extract.merge", (batch_id,)))

    def waiting(self, queue: WorkQueue = "extract") -> int:
        """Merges, chunks, or letters, among what was kept; a merge is queued once no chunk of its batch is."""
        if queue == "merge":
            unread = {arguments[0] for name, arguments in self.sent if name == "extract.chunk"}
            return sum(name == "extract.merge" and arguments[0] not in unread for name, arguments in self.sent)
        task = {"extract": "extract.chunk", "outreach": "outreach.compose"}[queue]
        return sum(name == task for name, _ in self.sent)

    def chunks_wait_since(self) -> datetime | None:
        """Of the first that was kept."""
        return self._fired[0] if self._fired else None

    def compose(self, watch_id: UUID, as_of: datetime) -> None:
        """Keep `outreach.compose`."""
        self.sent.append(("outreach.compose", (watch_id, as_of)))

    def run_planned(self, job: str) -> None:
        """Keep the job."""
        self.sent.append((job, (True,)))

    def pull(self, connection_id: UUID, stream: str) -> None:
        """Keep `sources.pull`."""
        self.sent.append(("sources.pull", (connection_id, stream)))

    def refresh(self, connection_id: UUID) -> None:
        """Keep `sources.refresh`."""
        self.sent.append(("sources.refresh", (connection_id,)))

    def recover(self) -> None:
        """Keep `upkeep.recover`."""
        self.sent.append(("upkeep.recover", ()))

    def start(self, task_id: UUID, name: str, arguments: Mapping[str, Any]) -> None:
        """Keep the task; it waits."""
        self.sent.append((name, tuple(arguments.values())))
        self.kept.setdefault(task_id, TaskOutcome(TaskState.WAITING))

    def outcomes(self, task_ids: Sequence[UUID]) -> dict[UUID, TaskOutcome]:
        """What is kept."""
        return {task_id: self.kept[task_id] for task_id in task_ids if task_id in self.kept}

    def take(self) -> list[tuple[str, tuple[Any, ...]]]:
        """What was enqueued since the last call."""
        taken, self.sent, self._fired = self.sent, [], []
        return taken
