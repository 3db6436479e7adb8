"""Work is enqueued by name: the one place outside `workers` that knows Celery."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID

from celery import Celery, chord
from celery.backends.redis import RedisBackend
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from sago.domain.tasks import TaskOutcome, TaskState
from sago.errors import TransientError
from sago.ports.tasks import Fate, WorkQueue
from sago.sections import RedisSettings

FIRED_AT, LONG_AGO = "fired_at", "2000-01-01T00:00:00+00:00"
"""The header of a chunk's task that tells when it was fired."""
WAIT_INTERVAL = 0.02
"""Seconds between looks for a result that is waited for."""
OF_USE = 600.0
"""Seconds after which a task of a vendor's stream is none any more: it has been queued again by then."""
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
FATES = {"STARTED": Fate.RUNNING, "SUCCESS": Fate.DURABLE, "FAILURE": Fate.FAILED}
"""By the states of Celery's results."""
WAITS = "PENDING"
WAITS_FOR = 86_400
"""Seconds that a started task may wait in its queue and still be known."""
STATES = {
    WAITS: TaskState.WAITING,
    "RETRY": TaskState.WAITING,
    "STARTED": TaskState.RUNNING,
    "SUCCESS": TaskState.DONE,
    "FAILURE": TaskState.FAILED,
    "REVOKED": TaskState.FAILED,
}


class PolledBackend(RedisBackend):
    """Results that are looked up by key. Celery's own subscribes to the result of every task it sends, and what
    nobody reads of it fills Redis's output buffer."""

    def on_task_call(self, producer: object, task_id: str) -> None:
        """Subscribe to nothing."""


def client(redis: RedisSettings) -> Celery:
    """A Celery app that only sends: the configuration of the workers, none of their tasks.

    The addresses are given: `celeryconfig` is imported once a process, which may see one stack after another.
    """
    app = Celery("sago")
    app.config_from_object("celeryconfig")
    results = redis.database(redis.results_db)
    app.conf.update(
        broker_url=redis.database(redis.broker_db),
        result_backend=f"{__name__}:{PolledBackend.__name__}+{results}",
    )
    return app


def ended(app: Celery, task_ids: Sequence[str]) -> dict[str, str]:
    """Of these tasks those that have ended: id → the error's text, empty after success."""
    return {
        task_id: "" if result["status"] == "SUCCESS" else _error_text(result["result"])
        for task_id, result in _results(app, task_ids).items()
        if result["status"] in ("SUCCESS", "FAILURE")
    }


def _results(app: Celery, task_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What Celery keeps of these tasks; nothing of one that no worker has begun. One MGET."""
    backend = cast(RedisBackend, app.backend)
    try:
        found = backend.mget([backend.get_key_for_task(task_id) for task_id in task_ids])
    except RedisError as error:
        raise TransientError(f"result backend does not answer: {error}") from error
    return {task_id: json.loads(value) for task_id, value in zip(task_ids, found, strict=True) if value}


def _error_text(result: object) -> str:
    """What the error said, an error that is none of ours with its class; as Celery's JSON keeps it: class, arguments
    and module."""
    if not isinstance(result, dict):
        return str(result)
    arguments = result.get("exc_message") or []
    said = "; ".join(map(str, arguments)) if isinstance(arguments, list) else str(arguments)
    is_ours = said and str(result.get("exc_module", "")).startswith("sago.")
    return said if is_ours else f"{result.get('exc_type')}: {said}"


def _outcome(kept: Mapping[str, Any]) -> TaskOutcome:
    state, result, ended_at = STATES[kept["status"]], kept["result"], kept.get("date_done")
    at = datetime.fromisoformat(ended_at) if ended_at else None
    if state is TaskState.DONE:
        return TaskOutcome(state, at, result)
    if not isinstance(result, dict) or "exc_type" not in result:
        return TaskOutcome(state, at)
    return TaskOutcome(state, at, error=_error_text(result), error_type=result["exc_type"])


class CeleryDispatcher:
    """The Dispatcher port: at-least-once, by task name. Raises TransientError when the broker does not answer."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def open_batch(self, company_id: str, batch_id: str) -> None:
        """Enqueue `extract.start`."""
        self._send("extract.start", company_id, batch_id)

    def extract(self, batch_id: str, chunk_nos: Sequence[int], fired_at: datetime) -> None:
        """Fire the chord `extract.chunk` × n → `extract.merge`; with no chunks, the merge alone."""
        body = self._app.signature("extract.merge", args=(batch_id,))
        stamp = {"headers": {FIRED_AT: fired_at.isoformat()}}
        header = [self._app.signature("extract.chunk", args=(batch_id, number), options=stamp) for number in chunk_nos]
        try:
            if header:
                chord(header, app=self._app)(body)
            else:
                self._app.signature("extract.merge", args=(None, batch_id)).apply_async()
        except (OperationalError, RedisError) as error:
            raise TransientError(f"broker does not answer: {error}") from error

    def waiting(self, queue: WorkQueue = "extract") -> int:
        """The length of a queue."""
        return _length(self._app, queue)

    def chunks_wait_since(self) -> datetime | None:
        """By the stamp of the list's last message, which kombu takes first; one without counts as fired long ago."""
        with _broker(self._app) as broker:
            task = broker.lindex(_key(self._app, "extract"), -1)
        if task is None:
            return None
        return datetime.fromisoformat(json.loads(task)["headers"].get(FIRED_AT, LONG_AGO))

    def compose(self, watch_id: UUID, as_of: datetime) -> None:
        """Enqueue `outreach.compose` of a due letter."""
        self._send("outreach.compose", str(watch_id), as_of.isoformat(), patient=True)

    def run_planned(self, job: str) -> None:
        """Enqueue the planned job, by its task name, with `tick`."""
        self._send(job, tick=True)

    def compose_and_wait(self, watch_ids: Sequence[UUID], as_of: datetime, timeout: float) -> list[str]:
        """Compose these letters now; the reasons of those that were refused, once all have ended.

        Raises TransientError after `timeout` seconds.
        """
        waiting = [self._send("outreach.compose", str(watch_id), as_of.isoformat()) for watch_id in watch_ids]
        until = time.monotonic() + timeout
        refused: list[str] = []
        while waiting:
            done = ended(self._app, waiting)
            refused += [error for error in done.values() if error]
            waiting = [task_id for task_id in waiting if task_id not in done]
            if waiting and time.monotonic() > until:
                raise TransientError(f"{len(waiting)} letters were not composed within {timeout:.0f} s")
            if waiting:
                time.sleep(WAIT_INTERVAL)
        return refused

    def pull(self, connection_id: UUID, stream: str) -> None:
        """Enqueue `sources.pull` of one stream."""
        self._send("sources.pull", str(connection_id), stream, options={"expires": OF_USE})

    def refresh(self, connection_id: UUID) -> None:
        """Enqueue `sources.refresh` of one connection."""
        self._send("sources.refresh", str(connection_id), options={"expires": OF_USE})

    def recover(self) -> None:
        """Enqueue `upkeep.recover`."""
        self._send("upkeep.recover")

    def flush(self) -> None:
        """Enqueue `upkeep.flush_idle` for everything that waits."""
        self._send("upkeep.flush_idle", older_than=0)

    def start(self, task_id: UUID, name: str, arguments: Mapping[str, Any]) -> None:
        """Enqueue the task. A mark in the result backend tells one that waits from one of which nothing is known: in
        Celery's own words both are pending."""
        backend = cast(RedisBackend, self._app.backend)
        waits = json.dumps({"status": WAITS, "result": None, "task_id": str(task_id)})
        try:
            backend.client.set(backend.get_key_for_task(str(task_id)), waits, nx=True, ex=WAITS_FOR)
        except RedisError as error:
            raise TransientError(f"result backend does not answer: {error}") from error
        self._send(name, options={"task_id": str(task_id)}, **arguments)

    def outcomes(self, task_ids: Sequence[UUID]) -> dict[UUID, TaskOutcome]:
        """By one MGET."""
        found = _results(self._app, [str(task_id) for task_id in task_ids]) if task_ids else {}
        return {UUID(task_id): _outcome(result) for task_id, result in found.items()}

    def _send(self, name: str, *args: str, options: Mapping[str, Any] = NO_OPTIONS, **kwargs: Any) -> str:
        try:
            return str(self._app.send_task(name, args=args, kwargs=kwargs, **options).id)
        except (OperationalError, RedisError) as error:
            raise TransientError(f"broker does not answer: {error}") from error


class CeleryStoreQueue:
    """The StoreQueue port: `store.batch` attempts under the task id `name#attempt`, confirmed by one MGET."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._backend = cast(RedisBackend, app.backend)

    def enqueue(self, name: str, attempt: int, values: Sequence[bytes], replay_of: Sequence[str | None]) -> None:
        """Enqueue one attempt."""
        kwargs = {"name": name, "values": [value.decode() for value in values], "replay_of": list(replay_of)}
        try:
            # Celery shows a repr of the arguments in its events, to Flower too: no message text there
            shown = repr({"name": name, "values": len(values)})
            self._app.send_task("store.batch", kwargs=kwargs, task_id=f"{name}#{attempt}", kwargsrepr=shown)
        except (OperationalError, RedisError) as error:
            raise TransientError(f"broker does not answer: {error}") from error

    def fates(self, names: Mapping[str, int]) -> dict[str, Fate]:
        """Which of these batches have their answer: an early attempt that a busy worker ended late counts too, or
        attempts would overtake each other for ever."""
        results = _results(self._app, _attempts(names)) if names else {}
        found = {task_id: FATES[result["status"]] for task_id, result in results.items() if result["status"] in FATES}
        last = {name: found[f"{name}#{attempt}"] for name, attempt in names.items() if f"{name}#{attempt}" in found}
        return last | {task_id.rpartition("#")[0]: fate for task_id, fate in found.items() if fate is Fate.DURABLE}

    def waiting(self) -> int:
        """The length of the queue `store`."""
        return _length(self._app, "store")

    def forget(self, names: Mapping[str, int]) -> None:
        """Drop the results of these batches; where Redis does not answer they expire by themselves."""
        keys = [self._backend.get_key_for_task(task_id) for task_id in _attempts(names)]
        with suppress(RedisError):
            for key in keys:
                self._backend.delete(key)


def _length(app: Celery, queue: str) -> int:
    """Tasks in a queue."""
    with _broker(app) as broker:
        return int(broker.llen(_key(app, queue)))


def _key(app: Celery, queue: str) -> str:
    prefix: str = app.conf.broker_transport_options["global_keyprefix"]
    return prefix + queue


@contextmanager
def _broker(app: Celery) -> Iterator[Any]:
    """A connection of its own: those of kombu's channels stay open behind it. Raises TransientError."""
    try:
        with closing(Redis.from_url(app.conf.broker_url, socket_timeout=5.0, socket_connect_timeout=5.0)) as broker:
            yield broker
    except RedisError as error:
        raise TransientError(f"broker does not answer: {error}") from error


def _attempts(names: Mapping[str, int]) -> list[str]:
    """The task ids of every attempt so far."""
    return [f"{name}#{attempt}" for name, latest in names.items() for attempt in range(1, latest + 1)]
