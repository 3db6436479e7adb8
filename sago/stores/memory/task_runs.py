"""The `TaskRunStore` in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sago.domain.pages import RunsAsked
from sago.domain.tasks import TaskRun
from sago.stores.memory.state import State


class MemoryTaskRuns:
    """Started tasks of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, run: TaskRun) -> bool:
        if run.id in self._state.task_runs:
            return False
        self._state.task_runs[run.id] = run
        return True

    def get(self, run_id: UUID) -> TaskRun | None:
        return self._state.task_runs.get(run_id)

    def of_house(self, asked: RunsAsked) -> list[TaskRun]:
        return page_of((run for run in self._state.task_runs.values() if run.firm_id is None), asked)

    def forget(self, before: datetime) -> None:
        old = [run.id for run in self._state.task_runs.values() if run.started_at < before]
        for run_id in old:
            del self._state.task_runs[run_id]


def page_of(runs: Iterable[TaskRun], asked: RunsAsked) -> list[TaskRun]:
    """The page of these runs."""
    if asked.after is not None:
        place = asked.after.at, asked.after.row
        runs = (run for run in runs if (run.started_at, run.id) < place)
    return sorted(runs, key=lambda run: (run.started_at, run.id), reverse=True)[: asked.limit]
