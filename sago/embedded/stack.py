"""The stack of one state folder: servers, schema, processes; started whole or not at all, stopped without orphans."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sago.config import PROJECT, Settings
from sago.embedded.conversation import Call
from sago.embedded.guard import Guard
from sago.embedded.jars import VERSIONS, resolve
from sago.embedded.kinds import remove_servers
from sago.embedded.launch import BRIDGE_GRACE, SERVER_GRACE, WORKER_GRACE, Launch
from sago.embedded.leftovers import abandoned, clear_away, refuse_held, running_stack
from sago.embedded.lock import cannot_write, locked, make_folder
from sago.embedded.logs import log_file
from sago.embedded.plan import Plan
from sago.embedded.processes import Step, quietly
from sago.embedded.record import Record, read_record
from sago.errors import ConfigError

STOPS_WITHIN = BRIDGE_GRACE + WORKER_GRACE + SERVER_GRACE + 10.0
"""Seconds until a supervisor that does not stop is killed; its guard ends what it had."""
DRAIN_WITHIN, SHORT_DRAIN = 30.0, 5.0


@dataclass(frozen=True)
class Stack:
    """The servers and processes whose state lies in `state_dir`.

    `migrate` brings the schema to its newest level with the settings given. `environ` is added to the processes'
    environment, such as {"SAGO_EXTRACTION__PROVIDER": "marker"}. `on_step` hears what happens now, `on_note` what a
    person should read.
    """

    state_dir: Path
    migrate: Callable[[Settings], None]
    config: Path | None = None
    procfile: Path = PROJECT / "Procfile"
    environ: Mapping[str, str] = field(default_factory=dict)
    on_step: Step = quietly
    later: frozenset[str] = frozenset()
    """Processes that are not waited for and leave the processor to the others while they start."""
    servers: str = "embedded"
    """The kind of servers where the settings name none: `embedded` or `local`."""
    on_note: Step = quietly

    def __post_init__(self) -> None:
        object.__setattr__(self, "state_dir", self.state_dir.resolve())

    def start(self) -> Record:
        """Start everything under a supervisor, to stay after us; the running stack's record when it runs already.

        Raises ConfigError, and leaves nothing running, when a part cannot start.
        """
        record = self._complete()
        if record is not None:
            return record
        if self.servers == "local":
            for name in VERSIONS:  # here, where Ctrl-C reaches Maven, too
                resolve(name, self.on_step)
        call = self._call()
        try:
            self._listen(call)
            record = self._complete()
            if record is None:
                raise ConfigError(
                    f"the stack was stopped while it started (log: {log_file(self.state_dir, 'supervisor')})"
                )
            call.answer("stay")
        except BaseException as error:
            self.on_step("stopping")
            call.hang_up()
            self._clear_away_abandoned()
            if isinstance(error, KeyboardInterrupt):
                self.on_note("stopped: nothing is left running")
            raise
        finally:
            call.close()
        return record

    def stop(self, drained: Callable[[], bool] | None = None, drain_within: float = DRAIN_WITHIN) -> list[str]:
        """Stop everything, servers last; the names of what was stopped.

        An embedded Kafka forgets what was not stored, so `drained` is asked first until it says True or time is up.
        """
        with locked(self.state_dir):
            record = read_record(self.state_dir)
            if record is None:
                return []
            refuse_held(record, self.state_dir)
            names = [child.name for child in record.alive()]
            if record.abandoned():
                self.on_note(abandoned(record))
            else:
                if drained is not None:
                    self._drain(record, drained, drain_within)
                self._end(record)
            clear_away(record, self.state_dir)
            return names

    @contextmanager
    def running(self, drained: Callable[[], bool] | None = None, *, discard: bool = False) -> Iterator[Settings]:
        """The stack for the length of the block, gone afterwards even when we are killed; its settings.

        `discard` also deletes all data of the state folder, before and after. Raises as `start` does, and ConfigError
        when a stack runs there already. Nothing that ends is started again.
        """
        with locked(self.state_dir), ExitStack() as after, self._environment():
            if running_stack(self.state_dir, self.on_note) is not None:
                raise ConfigError(f"a stack runs already in {self.state_dir}: use it, or `sago down` first")
            if discard:
                self._discard()
                after.callback(self._discard)
            guard = Guard()
            after.callback(guard.close)
            launch = Launch(self._plan, guard, on_step=self.on_step, on_note=self.on_note)
            try:
                launch.start(lambda: self.migrate(self._plan.settings()))
                yield self._plan.settings()
                if drained is not None:
                    self._drain(launch.record, drained, SHORT_DRAIN)
            finally:
                launch.stop(patience=0.0 if discard else 1.0)

    @property
    def _plan(self) -> Plan:
        return Plan(self.state_dir, self.config, self.procfile, self.servers, self.later)

    def _complete(self) -> Record | None:
        """The stack that runs and is held by nobody."""
        record = read_record(self.state_dir)
        return None if record is None or record.owner is not None or record.abandoned() else record

    def _call(self) -> Call:
        environ = {**os.environ, **self._environ}
        try:
            make_folder(self.state_dir)
            return Call(self._plan.arguments(), environ, log_file(self.state_dir, "supervisor"))
        except OSError as error:
            raise ConfigError(cannot_write(self.state_dir, error)) from error

    def _listen(self, call: Call) -> None:
        for what in call.told():
            if "step" in what:
                self.on_step(what["step"])
            elif "note" in what:
                self.on_note(what["note"])
            elif "ask" in what:
                with self._environment():
                    self.migrate(self._plan.settings())
                call.answer("migrated")

    def _end(self, record: Record) -> None:
        """Ask the supervisor; Ctrl-C asks it to hurry."""
        supervisor = record.supervisor
        if supervisor is None:
            return
        self.on_step("stopping")
        supervisor.signal(signal.SIGTERM)
        try:
            supervisor.wait(STOPS_WITHIN)
        except KeyboardInterrupt:
            supervisor.signal(signal.SIGTERM)
            supervisor.wait(SERVER_GRACE)
            raise
        finally:
            supervisor.signal(signal.SIGKILL)

    def _drain(self, record: Record, drained: Callable[[], bool], within: float) -> None:
        """Wait until everything is stored, where Kafka forgets what is not; Ctrl-C ends the waiting, not the rest."""
        if record.mode != "embedded" or not all(child.alive() for child in record.children()):
            return
        self.on_step("storing what is on its way")
        deadline = time.monotonic() + within
        try:
            while not drained():
                if time.monotonic() > deadline:
                    self.on_note(f"not everything was stored within {within:.0f} s; feed the same files again")
                    return
                time.sleep(0.1)
        except KeyboardInterrupt:
            self.on_note("not waited until everything was stored; feed the same files again")

    def _clear_away_abandoned(self) -> None:
        """Where the supervisor itself was killed as it started: its guard ends the rest, and we wait for it."""
        record = read_record(self.state_dir)
        if record is not None and record.abandoned():
            clear_away(record, self.state_dir)

    @property
    def _environ(self) -> dict[str, str]:
        return {**self.environ, "SAGO_STATE_DIR": str(self.state_dir)}

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """Our own process finds the stack the way its processes do."""
        before = {name: os.environ.get(name) for name in self._environ}
        os.environ.update(self._environ)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _discard(self) -> None:
        remove_servers(self.state_dir)
        for name in ("logs", "run"):
            shutil.rmtree(self.state_dir / name, ignore_errors=True)
