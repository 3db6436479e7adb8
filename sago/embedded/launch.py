"""The servers and processes of one stack: started in parallel and in order, each again on its own, stopped in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from threading import RLock
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from sago.embedded.addresses import address_of, sections
from sago.embedded.guard import Guard, stop_all
from sago.embedded.health import STARTING, is_ready
from sago.embedded.kinds import SERVERS, Starter, starters
from sago.embedded.logs import log_file
from sago.embedded.places import Place, find_places
from sago.embedded.plan import Plan
from sago.embedded.processes import Child, Step, last_line, ourselves, quietly
from sago.embedded.procfile import process_environment, read_procfile, start_process
from sago.embedded.record import Record, Service, read_record, remove_record
from sago.embedded.servers import probe
from sago.errors import ConfigError

READY_WITHIN = 60.0
"""Seconds all processes together get to say that they work."""
BRIDGE_GRACE, WORKER_GRACE, SERVER_GRACE = 30.0, 30.0, 20.0
"""Seconds until a process that was asked to end is killed; workers finish the task they run."""


def unhindered() -> None:
    """A start nobody stops."""


class Launch:
    """Starts one stack and keeps its record true; every child is on record and guarded before the next step.

    `go_on` is called while it waits, and raises to give up. After `kill` no child is left running, and none comes.
    """

    def __init__(
        self,
        plan: Plan,
        guard: Guard,
        *,
        on_step: Step = quietly,
        on_note: Step = quietly,
        go_on: Callable[[], None] = unhindered,
    ) -> None:
        self.plan, self.guard = plan, guard
        self._on_step, self._on_note, self._go_on = on_step, on_note, go_on
        settings = plan.settings()
        mode = settings.mode if settings.mode == "services" else plan.servers
        self.record = Record(mode, datetime.now(UTC).isoformat(timespec="seconds"), owner=ourselves())
        self._lock = RLock()
        self._ending = False
        self._overlay: dict[str, Any] = {}
        self._commands = read_procfile(plan.procfile)
        self._places: dict[str, Place] = find_places(settings, self._commands, on_note)
        self._starters: dict[str, Starter] = {}
        if mode != "services":
            self._starters = starters(mode, plan.state_dir, settings, self._note_child)

    def start(self, migrate: Callable[[], None]) -> None:
        """Servers, then `migrate`, then processes until they are ready; raises ConfigError, and then `stop` it."""
        if self._starters:
            self._start_servers()
        else:
            self._find_servers()
        self._on_step("schema")
        migrate()
        self._on_step("processes")
        for name in self._commands:
            address = self._places[name].address if name in self._places else ""
            self.change(name, Service(name, "process", address, trouble="not started yet"))
        for name in self._commands:
            self.start_process(name)
        self._wait_until_ready()

    def start_server(self, name: str) -> None:
        """Start a server, again on the port it had; raises ConfigError."""
        server = self._starters[name](_port(self.record.services[name].address))
        with self._lock:
            now = self.record.services[name]
            _merge(self._overlay, server.settings)
            self.change(name, replace(now, kind=server.kind, address=server.address, trouble="", again_at=None))

    def start_process(self, name: str) -> None:
        """Start a process of the Procfile; it has not said yet that it is ready."""
        place = self._places.get(name)
        environ = process_environment(self.plan.state_dir, self.plan.config, place.environ if place else {})
        command = self._commands[name]
        yielding = f"nice -n 10 {command}" if name in self.plan.later else command
        self._note_child(start_process(name, yielding, self.plan.state_dir, environ))

    def hand_over(self) -> None:
        """The stack is complete: others may use it and stop it, and we look after it."""
        self.record.owner, self.record.supervisor = None, ourselves()
        self.record.write(self.plan.state_dir)

    def is_on_record(self) -> bool:
        """Whether the stack's file is still ours; one that cannot be read at this moment is."""
        try:
            record = read_record(self.plan.state_dir)
        except ConfigError:
            return True
        keeper = (record.supervisor or record.owner) if record else None
        return keeper is not None and keeper.pid == os.getpid()

    def take_back(self) -> None:
        """The stack is being stopped."""
        if self.is_on_record():
            self.record.owner = ourselves()
            self.record.write(self.plan.state_dir)

    def stop_child(self, name: str) -> None:
        """End one server or process at once."""
        child = self.record.services[name].child
        if child is not None:
            child.stop(0.0)

    def keep_guarded(self) -> None:
        """Another guard for our children where somebody has killed theirs."""
        if not self.guard.alive():
            with self._lock:
                self.guard.close()
                self.guard = Guard()
                for child in self.record.alive():
                    self.guard.watch(child)

    def change(self, name: str, service: Service) -> None:
        """Put a service on record as it is now."""
        with self._lock:
            self.record.services[name] = service
            self.record.write(self.plan.state_dir)

    def amend(self, name: str, **changes: Any) -> None:
        """Change a part of what is on record of a service."""
        with self._lock:
            self.change(name, replace(self.record.services[name], **changes))

    def stop(self, patience: float = 1.0) -> None:
        """Stop everything, servers last, and remove the record.

        No way out of here leaves a process: Ctrl-C shortens the waiting, not the stopping. `patience` is multiplied
        with the seconds each process gets to end by itself; servers end in an instant.
        """
        try:
            self._on_step("stopping the processes")
            self.stop_processes(patience * BRIDGE_GRACE, patience * WORKER_GRACE)
            self._on_step("stopping the servers")
            stop_all(self._children("embedded", "local"), SERVER_GRACE)
        finally:
            self.kill()
            if self.is_on_record():
                remove_record(self.plan.state_dir)

    def stop_processes(self, bridge_grace: float, worker_grace: float) -> None:
        """The bridge commits what workers confirm: they go after it."""
        processes = self._children("process")
        first = [child for child in processes if child.name in ("beat", "bridge")]
        stop_all(first, bridge_grace)
        stop_all([child for child in processes if child not in first], worker_grace)

    def kill(self) -> None:
        """Let no further child in, and kill those that still run; `stop` asks them first."""
        with self._lock:
            self._ending = True
            stop_all(self.record.alive(), 0.0)

    def _children(self, *kinds: str) -> list[Child]:
        return [each.child for each in self.record.services.values() if each.kind in kinds and each.child]

    def _start_servers(self) -> None:
        for name in sorted(self._starters, key=SERVERS.index):
            self.record.services[name] = Service(name, "embedded", trouble=STARTING)
        with ThreadPoolExecutor(len(self._starters)) as pool:
            try:
                self._follow({pool.submit(self.start_server, name): name for name in self._starters})
            except BaseException:
                self.kill()
                raise
        self.record.settings = self._overlay
        self.record.write(self.plan.state_dir)

    def _follow(self, starting: dict[Future[None], str]) -> None:
        left = set(starting)
        while left:
            self._on_step(", ".join(sorted((starting[future] for future in left), key=SERVERS.index)))
            done: set[Future[None]] = set()
            while not done:
                self._go_on()
                done, left = wait(left, timeout=0.1, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()

    def _find_servers(self) -> None:
        settings = self.plan.settings()
        for name, section in sections(settings).items():
            self._on_step(name)
            probe(name, section)
            self.change(name, Service(name, "service", address_of(name, settings)))

    def _note_child(self, child: Child) -> None:
        with self._lock:
            if self._ending:
                child.stop(0.0)
                raise ConfigError(f"{child.name}: stopped at its start")
            before = self.record.services[child.name]
            if before.child is not None:
                self.guard.forget(before.child)
            self.guard.watch(child)
            trouble = "" if before.kind == "process" else STARTING
            self.change(child.name, replace(before, child=child, trouble=trouble, again_at=None))

    def _wait_until_ready(self) -> None:
        deadline = monotonic() + READY_WITHIN
        for name in self._commands:
            while name not in self.plan.later and not is_ready(self.record.services[name], self.plan.state_dir):
                self._go_on()
                self._refuse_failed(name, late=monotonic() > deadline)
                sleep(0.02)

    def _refuse_failed(self, name: str, *, late: bool) -> None:
        child = self.record.services[name].child
        log = log_file(self.plan.state_dir, name)
        if child is None or not child.alive():
            raise ConfigError(f"{name} ended at start: {last_line(log)} (log: {log})")
        if late:
            raise ConfigError(f"{name} was not ready in {READY_WITHIN:.0f} s: {last_line(log)} (log: {log})")


def _port(address: str) -> int:
    """The port in `scheme://…@host:port/…` or `host:port`; 0 where there is no address yet."""
    return urlsplit(address if "//" in address else f"//{address}").port or 0


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        into[key] = {**into.get(key, {}), **value}
