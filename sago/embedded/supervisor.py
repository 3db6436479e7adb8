"""The process behind `sago up`: parent of all servers and processes, which starts again what ends.

`python -m sago.embedded.supervisor` starts the stack while `sago up` listens (see `conversation`), then stays until
SIGTERM, which stops everything in order; a second one shortens the waiting. When it is killed, its guard ends all
children. Deaths, silences and restarts are one line each in `logs/supervisor.log`; what hangs is told, not killed.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from sago.embedded.conversation import Command, as_told
from sago.embedded.guard import Guard
from sago.embedded.launch import Launch
from sago.embedded.leftovers import running_stack
from sago.embedded.listening import Rounds
from sago.embedded.lock import locked
from sago.embedded.logs import log_file, log_files, rotate
from sago.embedded.plan import Plan
from sago.embedded.processes import Child, how_it_ended, last_line
from sago.errors import SagoError

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
STEADY_AFTER = 60.0
"""Seconds a process must have run for its next end to be a first one again."""
LOOK_EVERY, ROTATE_EVERY = 1.0, 5.0
SHORT_GRACE = 5.0
"""Seconds processes get to end when their log is gone and they have nothing left to commit to."""
IMPATIENT = 0.2
"""Times the usual grace, for a stack that has not run yet."""

log = logging.getLogger("sago.supervisor")


class Stopping:
    """SIGTERM, SIGINT and SIGHUP as a flag; they and SIGCHLD end a nap."""

    def __init__(self) -> None:
        self._asked = False
        # A pipe, not an Event: a handler may run while its own thread holds the Event's lock.
        self._woken, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def __call__(self) -> bool:
        return self._asked

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True

    def nap(self, seconds: float) -> None:
        """Sleep until a signal comes, or so long."""
        if select.select([self._woken], [], [], seconds)[0]:
            os.read(self._woken, 4096)

    def hurry_next_time(self) -> None:
        """A further signal raises KeyboardInterrupt where we wait for processes to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)


@dataclass
class Backoff:
    """How long to wait before a process is started again: 1, 2, 4 … 60 s, and 1 s again once it ran for a minute."""

    wait: float = 0.0

    def after(self, ran: float) -> float:
        """The wait for a process that has just ended after `ran` seconds."""
        first = self.wait == 0.0 or ran >= STEADY_AFTER
        self.wait = FIRST_WAIT if first else min(2 * self.wait, LONGEST_WAIT)
        return self.wait


@dataclass
class Life:
    """What the supervisor knows of one server or process beyond the record."""

    is_server: bool
    began: float = field(default_factory=time.monotonic)
    backoff: Backoff = field(default_factory=Backoff)
    due: float | None = None
    given_up: bool = False
    reviving: threading.Thread | None = None
    failure: str = ""


class Supervisor:
    """Looks after the children of a launch that has started."""

    def __init__(self, launch: Launch, clock: Callable[[], float] = time.monotonic) -> None:
        self._launch = launch
        self._clock = clock
        services = launch.record.services.values()
        self._lives = {each.name: Life(each.kind != "process", clock()) for each in services if each.child}
        self._rotate_at = clock()
        self._rounds = Rounds(launch, clock)

    def run(self, stopping: Stopping) -> None:
        """Until we are asked to stop, or the stack's file is gone or another's: somebody has made an end of us."""
        while not stopping() and self._launch.is_on_record():
            self.look()
            stopping.nap(LOOK_EVERY)
        for name, life in self._lives.items():
            while life.reviving is not None and life.reviving.is_alive():  # do not wait until Cassandra answers
                self._launch.stop_child(name)
                stopping.nap(0.1)

    def look(self) -> None:
        """Notice who has ended, start again who is due, keep logs short; a full disk must not end us."""
        with _noting("guard"):
            self._launch.keep_guarded()
        for name, life in self._lives.items():
            with _noting(name):
                self._look_at(name, life)
        with _noting("rounds"):
            self._rounds.look()
        with _noting("logs"):
            self._rotate()

    def _rotate(self) -> None:
        if self._clock() < self._rotate_at:
            return
        self._rotate_at = self._clock() + ROTATE_EVERY
        for name, path in log_files(self._launch.plan.state_dir).items():
            try:
                rotate(path)
            except OSError as error:
                log.error("the log of %s stays long: %s", name, error)

    def _look_at(self, name: str, life: Life) -> None:
        if life.reviving is not None:
            if not life.reviving.is_alive():
                self._revived(name, life)
        elif life.due is not None:
            if self._clock() >= life.due:
                self._revive(name, life)
        elif not life.given_up:
            child = self._launch.record.services[name].child
            if child is not None and not child.alive():
                self._ended(name, life, child)

    def _ended(self, name: str, life: Life, child: Child) -> None:
        child.stop(0.0)  # what it started itself
        status = child.exit_status()
        said = last_line(log_files(self._launch.plan.state_dir).get(name, Path(os.devnull)))
        if status == os.EX_CONFIG and not life.is_server:
            life.given_up = True
            self._put(name, f"stopped ({status}): {said}", None)
            log.error("%s stopped with status %d and is not started again: %s", name, status, said)
        else:
            self._wait(name, life, how_it_ended(status, said))

    def _wait(self, name: str, life: Life, reason: str) -> None:
        wait = life.backoff.after(self._clock() - life.began)
        life.due = self._clock() + wait
        self._put(name, reason, time.time() + wait)
        log.warning("%s ended (%s); starts again in %.0f s", name, reason, wait)

    def _put(self, name: str, trouble: str, again_at: float | None) -> None:
        since = self._launch.record.services[name].down_since or time.time()
        self._launch.amend(name, trouble=trouble, again_at=again_at, down_since=since)

    def _revive(self, name: str, life: Life) -> None:
        life.due, life.began, life.failure = None, self._clock(), ""
        self._launch.amend(name, restarts=self._launch.record.services[name].restarts + 1, again_at=None)
        if not life.is_server:
            self._launch.start_process(name)
            log.info("%s started again", name)
            return
        life.reviving = threading.Thread(target=self._start_server, args=(name, life), name=name)
        life.reviving.start()

    def _start_server(self, name: str, life: Life) -> None:
        """In a thread of its own: Cassandra takes ten seconds, and the others are looked after meanwhile."""
        try:
            self._launch.start_server(name)
        except Exception as error:  # noqa: BLE001 - whatever it was, it does not run, and the next try may go well
            life.failure = " ".join(str(error).split()) or type(error).__name__
            self._launch.stop_child(name)

    def _revived(self, name: str, life: Life) -> None:
        life.reviving = None
        if life.failure:
            self._wait(name, life, life.failure)
            return
        log.info("%s started again", name)
        if name == "kafka" and self._launch.record.mode == "embedded":
            self._start_processes_anew()

    def _start_processes_anew(self) -> None:
        """The small broker is another one after its end: new address, empty log."""
        log.warning("the new Kafka is empty: every process starts again; feed again what had not been stored")
        self._launch.stop_processes(SHORT_GRACE, SHORT_GRACE)
        for name, life in self._lives.items():
            if not life.is_server and not life.given_up:
                self._revive(name, life)


@contextmanager
def _noting(name: str) -> Iterator[None]:
    """What a moment's want of disk or processes brings about is a line in the log; the next look tries again."""
    try:
        yield
    except (OSError, SagoError) as error:
        log.error("%s: %s", name, error)


def main(words: list[str]) -> int:
    """Start the stack of these words (see Plan), and stay with it; the exit status."""
    plan = Plan.from_arguments(words)
    stopping = Stopping()
    command = Command(stopping)
    _log_to(log_file(plan.state_dir, "supervisor"))
    try:
        launch = _launch(plan, command)
    except SagoError as error:
        log.error("not started: %s", error)
        command.tell(**as_told(error))
        return 1
    except KeyboardInterrupt:
        log.warning("not started: the command that wanted it is gone")
        return 130
    if launch is not None:
        _stay(launch, stopping)
    return 0


def _launch(plan: Plan, command: Command) -> Launch | None:
    """The stack, complete and wanted; None where one runs already. Nothing is left running when it raises."""
    with ExitStack() as undo:
        with locked(plan.state_dir):
            if running_stack(plan.state_dir, lambda text: command.tell(note=text)) is not None:
                command.tell(ready=True)
                return None
            guard = Guard()
            undo.callback(guard.close)
            launch = Launch(
                plan,
                guard,
                on_step=lambda text: command.tell(step=text),
                on_note=lambda text: command.tell(note=text),
                go_on=command.go_on,
            )
            undo.callback(launch.stop, IMPATIENT)
            launch.start(lambda: _ask_to_migrate(command))
            launch.hand_over()
        command.tell(ready=True)
        command.wait_for("stay")
        undo.pop_all()
    command.part()
    log.info("%s stack runs: %s", launch.record.mode, ", ".join(launch.record.services))
    return launch


def _ask_to_migrate(command: Command) -> None:
    """The command does it: we stay small without the libraries a schema needs."""
    command.tell(ask="migrate")
    command.wait_for("migrated")


def _stay(launch: Launch, stopping: Stopping) -> None:
    try:
        Supervisor(launch).run(stopping)
    finally:
        log.info("stopping")
        stopping.hurry_next_time()
        with suppress(KeyboardInterrupt):  # everything is ended all the same
            with suppress(OSError):  # a full disk: others may take the stack for a running one a moment longer
                launch.take_back()
            launch.stop()
        launch.guard.close()
        log.info("stopped")


def _log_to(path: Path) -> None:
    """Our stderr goes there already; this gives each line its time, and outlives a rotation."""
    handler = logging.FileHandler(path, encoding="utf-8")
    formatter = logging.Formatter("%(asctime)sZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
