"""Tasks started by name, by the house or by a firm, and followed by whoever started them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from sago.domain.keys import WRITE
from sago.domain.pages import RunsAsked
from sago.domain.tasks import CATALOGUE, COMPOSE, TaskKind, TaskOutcome, TaskRun, TaskState
from sago.errors import InvalidMessageError, NotThereError, UsageError
from sago.ports import Clock, Database, Dispatcher, Tenants

UNDER_WAY, AMONG = 50, 200
"""Tasks of one firm that may be under way at once, counted among so many of its newest. A few more are started where
requests come at the same moment: how many that is their rate bounds."""
NOTHING_KEPT = TaskOutcome(TaskState.UNKNOWN)


class Started(NamedTuple):
    """A run; `is_again` where the same was started before under the same key, and nothing was started now."""

    run: TaskRun
    is_again: bool


class Followed(NamedTuple):
    """A run and what became of it."""

    run: TaskRun
    outcome: TaskOutcome


@dataclass(frozen=True)
class Starting:
    """The use case behind `/api/v1/tasks`. Of a firm's tasks the house is told nothing, and no other firm either: each
    reads its own, which else raise NotThereError."""

    database: Database
    tenants: Tenants
    dispatcher: Dispatcher
    clock: Clock

    def start(
        self, name: str, arguments: Mapping[str, Any], who: str, firm_id: str | None, key: str | None = None
    ) -> Started:
        """Start a task of the catalogue, once for each `key` of its caller.

        Raises InvalidMessageError where it takes no such arguments, or the key is of another request; NotThereError
        where the firm has no such watch; UsageError where too many of its tasks are under way.
        """
        kind = kind_of(name)
        given = kind.check(arguments)
        now = self.clock.now()
        run = TaskRun(
            id=_id(who, firm_id, key),
            name=name,
            arguments=given,
            firm_id=firm_id,
            who=who,
            idempotency_key=key,
            started_at=now,
        )
        if key is not None and (before := self._before(run)) is not None:
            return Started(before, is_again=True)
        sent = self._of_firm(kind, given, firm_id, now) if kind.scope == WRITE else given
        with self.database.begin() as tx:
            if is_new := tx.task_runs.add(run):
                self.dispatcher.start(run.id, name, sent)  # where that fails the row goes too
        if not is_new:  # another request under the same key was faster
            return Started(self._before(run) or run, is_again=True)
        return Started(run, is_again=False)

    def forget(self, kept: timedelta) -> None:
        """Forget what was started longer ago, whoever started it."""
        with self.database.begin() as tx:
            tx.task_runs.forget(self.clock.now() - kept)

    def follow(self, run_id: UUID, firm_id: str | None) -> Followed:
        """One that this firm started, or the house where it is None."""
        run = self._found(run_id, firm_id)
        if run is None:
            raise NotThereError(str(run_id))
        return self._followed([run])[0]

    def page(self, asked: RunsAsked, firm_id: str | None) -> list[Followed]:
        """What this firm started, or the house where it is None; newest first."""
        if firm_id is None:
            with self.database.begin() as tx:
                runs = tx.task_runs.of_house(asked)
        else:
            with self.tenants.view(firm_id) as view:
                runs = view.task_runs(asked)
        return self._followed(runs)

    def _followed(self, runs: list[TaskRun]) -> list[Followed]:
        outcomes = self.dispatcher.outcomes([run.id for run in runs])
        return [Followed(run, outcomes.get(run.id, NOTHING_KEPT)) for run in runs]

    def _found(self, run_id: UUID, firm_id: str | None) -> TaskRun | None:
        if firm_id is None:
            with self.database.begin() as tx:
                run = tx.task_runs.get(run_id)
            return run if run and run.firm_id is None else None
        with self.tenants.view(firm_id) as view:
            return view.task_run(run_id)

    def _before(self, run: TaskRun) -> TaskRun | None:
        """What was started under the key of this run before."""
        before = self._found(run.id, run.firm_id)
        if before is not None and (before.name, before.arguments) != (run.name, run.arguments):
            raise InvalidMessageError("was sent with another body before: make a new key", field="Idempotency-Key")
        return before

    def _of_firm(self, kind: TaskKind, given: Mapping[str, Any], firm_id: str | None, now: datetime) -> dict[str, Any]:
        """What the task is sent: watches that were found in the firm's view, as of now."""
        if firm_id is None:
            raise NotThereError(f"{kind.name} is of a firm")
        wanted = given.get("watch_id")
        with self.tenants.view(firm_id) as view:
            found = [str(watch.id) for watch in view.watches() if wanted in (None, str(watch.id))]
        if wanted and not found:
            raise NotThereError(f"watch {wanted}")
        self._require_room(firm_id)
        sent = {"watch_id": wanted} if kind.name == COMPOSE else {"watch_ids": found}
        return sent | {"as_of": now.isoformat()}

    def _require_room(self, firm_id: str) -> None:
        newest = self.page(RunsAsked(limit=AMONG), firm_id)
        under_way = sum(each.outcome.state in (TaskState.WAITING, TaskState.RUNNING) for each in newest)
        if under_way >= UNDER_WAY:
            raise UsageError(f"{under_way} tasks of this firm are under way: start others when these have ended")


def kind_of(name: str) -> TaskKind:
    """The kind of this name; raises InvalidMessageError where none can be started so."""
    if name not in CATALOGUE:
        raise InvalidMessageError("none that can be started is called so: see GET /api/v1/tasks/names", field="name")
    return CATALOGUE[name]


def _id(who: str, firm_id: str | None, key: str | None) -> UUID:
    """Of a firm's keys, be they old or new, each counts as the firm; of the house's each for itself."""
    return uuid4() if key is None else uuid5(NAMESPACE_URL, f"sago:task:{firm_id or ''}:{'' if firm_id else who}:{key}")
