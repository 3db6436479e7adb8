"""The stack of one state folder: servers, schema, processes; started whole or not at all, stopped without orphans."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from sago.config import PROJECT, Settings, load
from sago.embedded.addresses import address_of, sections
from sago.embedded.guard import GRACE, Guard, stop_all
from sago.embedded.kafka import start_kafka
from sago.embedded.lock import in_use, locked
from sago.embedded.postgres import remove_data, start_postgres
from sago.embedded.processes import Child, last_line
from sago.embedded.procfile import log_file, process_environment, read_procfile, ready_file, start_process
from sago.embedded.record import Record, Service, read_record, remove_record
from sago.embedded.redis import start_redis
from sago.embedded.servers import Server, probe
from sago.errors import ConfigError

READY_WITHIN = 40.0
"""Seconds all processes together get to say that they work."""
BRIDGE_GRACE, WORKER_GRACE, SERVER_GRACE = 30.0, 30.0, 10.0
"""Seconds until a process that was asked to end is killed; workers finish the task they run."""
DRAIN_WITHIN, SHORT_DRAIN = 30.0, 5.0

Step = Callable[[str], None]
"""Told in a few words what happens now."""


def quietly(step: str) -> None:
    """A Step nobody hears."""


@dataclass(frozen=True)
class Stack:
    """The servers and processes whose state lies in `state_dir`.

    `migrate` brings the schema to its newest level with the settings given. `environ` is added to the processes'
    environment, such as {"SAGO_EXTRACTION__PROVIDER": "marker"}.
    """

    state_dir: Path
    migrate: Callable[[Settings], None]
    config: Path | None = None
    procfile: Path = PROJECT / "Procfile"
    environ: Mapping[str, str] = field(default_factory=dict)
    on_step: Step = quietly
    later: frozenset[str] = frozenset()
    """Processes that are not waited for and leave the processor to the others while they start."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state_dir", self.state_dir.resolve())

    def start(self) -> Record:
        """Start everything to stay after us; the running stack's record when it runs already.

        Raises ConfigError, and leaves nothing running, when a part cannot start or half a stack is there.
        """
        with locked(self.state_dir):
            running = self._running()
            if running is not None:
                return running
            guard = Guard()
            try:
                record = self._start(guard)
                record.owner = None
                record.write(self.state_dir)
                guard.release()
            finally:
                guard.close()
            return record

    def stop(self, drained: Callable[[], bool] | None = None, drain_within: float = DRAIN_WITHIN) -> list[str]:
        """Stop everything, servers last; the names of what was stopped.

        An embedded Kafka forgets what was not stored, so `drained` is asked first until it says True or time is up.
        """
        with locked(self.state_dir):
            record = read_record(self.state_dir)
            if record is None:
                return []
            self._refuse_held(record)
            names = [child.name for child in record.alive()]
            self._stop(record, drained, drain_within)
            return names

    @contextmanager
    def running(self, drained: Callable[[], bool] | None = None, *, discard: bool = False) -> Iterator[Settings]:
        """The stack for the length of the block, gone afterwards even when we are killed; its settings.

        `discard` also deletes all data of the state folder, before and after. Raises as `start` does, and ConfigError
        when a stack runs there already.
        """
        with locked(self.state_dir), ExitStack() as after:
            if self._running() is not None:
                raise ConfigError(f"a stack runs already in {self.state_dir}: use it, or `sago down` first")
            if discard:
                self._discard()
                after.callback(self._discard)
            guard = Guard()
            after.callback(guard.close)
            record = self._start(guard)
            with self._environment():
                try:
                    yield load(self.config)
                finally:
                    self._stop(record, drained, SHORT_DRAIN, patience=0.0 if discard else 1.0)

    def _start(self, guard: Guard) -> Record:
        record = Record(self._settings().mode, datetime.now(UTC).isoformat(timespec="seconds"), _ourselves())
        try:
            if record.mode == "embedded":
                self._start_servers(record, guard)
            else:
                self._find_servers(record)
            self.on_step("schema")
            self.migrate(self._settings())
            self._start_processes(record, guard)
        except BaseException:
            self._stop(record, None, 0.0)
            raise
        return record

    def _start_servers(self, record: Record, guard: Guard) -> None:
        from sago.stores.kafka import all_topics

        settings = self._settings()
        watch = self._noting(record, guard, "embedded")
        topics = all_topics(settings.kafka)
        starts: dict[str, Callable[[], Server]] = {
            "redis": lambda: start_redis(self.state_dir / "redis", watch=watch),
            "postgres": lambda: start_postgres(self.state_dir / "postgres", watch=watch),
            "kafka": lambda: start_kafka(self.state_dir / "kafka", topics, settings.kafka.partitions, watch=watch),
        }
        overlay: dict[str, Any] = {}
        for name, start in starts.items():
            self.on_step(name)
            server = start()
            record.services[name] = Service(name, server.kind, server.address, server.child)
            overlay.update(server.settings)
        record.settings = overlay
        record.write(self.state_dir)

    def _find_servers(self, record: Record) -> None:
        settings = self._settings()
        for name, section in sections(settings).items():
            self.on_step(name)
            probe(name, section)
            record.services[name] = Service(name, "service", address_of(name, settings))

    def _start_processes(self, record: Record, guard: Guard) -> None:
        environ = process_environment(self.state_dir, self.config, self.environ)
        note = self._noting(record, guard, "process")
        commands = read_procfile(self.procfile)
        self.on_step("processes")
        for name, command in commands.items():
            yielding = f"nice -n 10 {command}" if name in self.later else command
            note(start_process(name, yielding, self.state_dir, environ))
        self._wait_until_ready([record.services[name].child for name in commands if name not in self.later])

    def _noting(self, record: Record, guard: Guard, kind: str) -> Callable[[Child], None]:
        """Each child is on record, and watched by the guard, before the next step."""

        def note(child: Child) -> None:
            guard.watch(child)
            record.services[child.name] = Service(child.name, kind, child=child)
            record.write(self.state_dir)

        return note

    def _wait_until_ready(self, children: list[Child | None]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        for child in filter(None, children):
            log = log_file(self.state_dir, child.name)
            while not ready_file(self.state_dir, child.name).exists():
                if not child.alive():
                    raise ConfigError(f"{child.name} ended at start: {last_line(log)} (log: {log})")
                if time.monotonic() > deadline:
                    raise ConfigError(
                        f"{child.name} was not ready in {READY_WITHIN:.0f} s: {last_line(log)} (log: {log})"
                    )
                time.sleep(0.02)

    def _stop(
        self, record: Record, drained: Callable[[], bool] | None, drain_within: float, patience: float = 1.0
    ) -> None:
        """No way out of here leaves a process: Ctrl-C shortens the waiting, not the stopping.

        `patience` is multiplied with the seconds each process gets to end by itself; servers end in an instant.
        """
        processes = [each.child for each in record.services.values() if each.kind == "process" and each.child]
        servers = [each.child for each in record.services.values() if each.kind == "embedded" and each.child]
        try:
            if drained is not None and record.mode == "embedded" and all(child.alive() for child in record.children()):
                self._drain(drained, drain_within)
            # The bridge commits what workers confirm: they go after it.
            first = [child for child in processes if child.name in ("beat", "bridge")]
            self.on_step("stopping")
            stop_all(first, patience * BRIDGE_GRACE)
            stop_all([child for child in processes if child not in first], patience * WORKER_GRACE)
            stop_all(servers, SERVER_GRACE)
        finally:
            stop_all([child for child in record.children() if child.alive()], 0.0)
            remove_record(self.state_dir)

    def _drain(self, drained: Callable[[], bool], within: float) -> None:
        self.on_step("draining")
        deadline = time.monotonic() + within
        while not drained():
            if time.monotonic() > deadline:
                self.on_step(f"not everything was stored within {within:.0f} s; feed the same files again")
                return
            time.sleep(0.1)

    def _running(self) -> Record | None:
        """The complete running stack; clears away what a killed command left. Raises ConfigError for half a stack."""
        record = read_record(self.state_dir)
        if record is None:
            return None
        self._refuse_held(record)
        alive = record.alive()
        if record.owner is not None or not alive:
            # Its command was killed: the guard is ending the children at this moment.
            for child in alive:
                child.wait(GRACE)
            stop_all(record.alive(), 0.0)
            remove_record(self.state_dir)
            return None
        gone = [child.name for child in record.children() if child not in alive]
        if gone:
            raise ConfigError(
                f"half a stack runs in {self.state_dir} ({', '.join(gone)} ended): `sago down`, then `sago up`"
            )
        return record

    def _refuse_held(self, record: Record) -> None:
        if record.owner is not None and record.held():
            raise ConfigError(in_use(self.state_dir, record.owner.pid))

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """Our own process finds the stack the way its processes do."""
        ours = {**self.environ, "SAGO_STATE_DIR": str(self.state_dir)}
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _settings(self) -> Settings:
        with self._environment():
            return load(self.config)

    def _discard(self) -> None:
        remove_data(self.state_dir / "postgres")
        for name in ("redis", "kafka", "logs", "run"):
            shutil.rmtree(self.state_dir / name, ignore_errors=True)


def _ourselves() -> Child:
    process = psutil.Process()
    return Child("sago", process.pid, process.create_time())
