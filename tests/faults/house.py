"""The product under fault: `sago up` with real Kafka and Cassandra in a folder of its own, under load.

Nothing here mends anything. What a fault ends is started again by the stack's own supervisor, and what was lost on the
way is found by the pipeline's own tasks.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg2
import pytest
from redis import Redis

from sago.bootstrap import Container, build
from sago.cli.stack import prepare
from sago.config import PROJECT, load
from sago.domain.messages import Message
from sago.embedded.guard import Guard
from sago.embedded.health import check_stack
from sago.embedded.postgres import remove_data
from sago.embedded.procfile import read_procfile
from sago.embedded.record import Service, read_record
from sago.embedded.stack import Stack
from sago.errors import SagoError
from tests.faults.ledger import Account, Books
from tests.faults.load import Load
from tests.integration.houses import bare_environment, eventually
from tests.integration.stacks import leftovers

PROCESSES = ("bridge", "store", "extract", "outreach", "beat")
VISIBLE_AFTER = 30
"""Seconds until the broker gives out again what a worker took and did not acknowledge."""
QUEUES = ("store", "upkeep", "merge", "extract", "mail", "outreach", "sources")
IMPATIENT = {
    "SAGO_EXTRACTION__PROVIDER": "marker",
    "SAGO_CACHE__URGENT__ENABLED": "false",
    "SAGO_EXTRACTION__LOST_AFTER": "15",
    "SAGO_EXTRACTION__RETRY_AFTER": "2",
    "SAGO_UPKEEP__REAP_EVERY": "2",
    "SAGO_BRIDGE__CONFIRM_DEADLINE": "4",
    "SAGO_REDIS__VISIBILITY_TIMEOUT": str(VISIBLE_AFTER),
}
"""The product's own waits, shortened: what mends itself within minutes does so within seconds here."""
SETTLES_WITHIN = 240.0
REST = 1.0
"""Seconds for what would come twice to come."""
SLICE = 500
TRICKLES, TRICKLE_EVERY = 240, 0.5
"""The last fifth of a load waits for the last fault: in so many parts, so many seconds apart."""


@dataclass
class Run:
    """One load on its way in, from a thread of its own; `sent` counts, `ended_at` is when the last was acknowledged."""

    load: Load
    container: Container
    lasts: float
    started_at: float = field(default_factory=time.monotonic)
    faulted_at: float = 0.0
    faults: int = 0
    faults_too_late: int = 0
    """When the last message was in Kafka already."""
    sent: int = 0
    ended_at: float | None = None
    error: BaseException | None = None
    _is_over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Publish four fifths in equal steps over `lasts` seconds, then go on in small parts until `finish`; a Kafka
        that is away is asked again, as any source would."""
        self._thread = threading.Thread(target=self._publish, daemon=True)
        self._thread.start()

    def wait_for(self, moment: float) -> None:
        """Until `moment` seconds after the start, or the end of the load; raises what ended the load too soon."""
        while time.monotonic() - self.started_at < moment:
            self._raise()
            time.sleep(0.02)

    def note_fault(self) -> None:
        """A fault happens, or ends, now."""
        self.faulted_at = time.monotonic()
        self.faults += 1
        self.faults_too_late += self.ended_at is not None

    def finish(self) -> None:
        """No fault will come any more: send the rest, and wait for the last acknowledgement."""
        assert self._thread is not None
        self._is_over.set()
        self._thread.join(SETTLES_WITHIN)
        self._raise()
        assert self.ended_at is not None, "the load did not get into Kafka"

    def _raise(self) -> None:
        if self.error is not None:
            raise AssertionError("the load stopped") from self.error

    def _publish(self) -> None:
        try:
            for at, part in self._parts():
                self._is_over.wait(max(0.0, self.started_at + at - time.monotonic()))
                self._send(part)
                self.sent += len(part)
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.error = error
        self.ended_at = time.monotonic()

    def _parts(self) -> Iterator[tuple[float, list[Message]]]:
        """Seconds after the start, and what is sent then."""
        parts = list(self.load.slices(SLICE))
        early = max(1, len(parts) * 4 // 5)
        yield from ((self.lasts * number / early, part) for number, part in enumerate(parts[:early]))
        rest = [message for part in parts[early:] for message in part]
        size = max(1, len(rest) // TRICKLES)
        for number, start in enumerate(range(0, len(rest), size)):
            yield self.lasts + number * TRICKLE_EVERY, rest[start : start + size]

    def _send(self, part: Sequence[Message]) -> None:
        until = time.monotonic() + SETTLES_WITHIN
        while True:
            try:
                self.container.log.publish(part)
            except SagoError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return


@dataclass(frozen=True)
class Outcome:
    """One line of the table. `recovered` is in seconds from the later of last fault and last message."""

    messages: int
    account: Account
    recovered: float
    faults_too_late: int = 0


class House:
    """A stack that stays up until its supervisor is told to stop."""

    def __init__(self, stack: Stack, container: Container) -> None:
        self.stack = stack
        self.container = container
        self.letters = container.settings.outreach.folder
        self._settled: dict[str, Load] = {}

    @contextmanager
    def under(self, load: Load, lasts: float) -> Iterator[Run]:
        """Send a load while the block injects faults; leaves when the last message is in Kafka."""
        run = Run(load, self.container, lasts)
        run.start()
        try:
            yield run
        finally:
            run.finish()

    def settle(self, run: Run) -> Outcome:
        """Wait until everything is accounted for, without a hand's help but the flush that ends an input, and compare.

        Where that does not come, what is missing stands in the account.
        """
        books = Books(self.container, run.load)
        began = max(run.ended_at or 0.0, run.faulted_at)
        flushed_at = 0.0
        while time.monotonic() - began < SETTLES_WITHIN:
            with suppress(SagoError, psycopg2.Error):
                if self._is_at_rest(run.load) and books.is_complete():
                    break
                if time.monotonic() - flushed_at > 5.0 and not any(self.container.log.lag().values()):
                    self.container.dispatcher.flush()
                    flushed_at = time.monotonic()
            time.sleep(0.25)
        recovered = time.monotonic() - began
        time.sleep(REST)
        account = books.settle()
        if not account.lost and not account.doubled:
            self._settled[run.load.name] = run.load
        return Outcome(run.sent, account, recovered, run.faults_too_late)

    def look_again(self) -> None:
        """Once more at all loads, when the broker has given out anew what killed workers held: still nothing is lost
        or doubled."""
        if self._settled:
            self._wait_until_idle()
            self.container.dispatcher.flush()  # what a task queued twice is not read yet
            self._wait_until_idle()
        for name, settled in self._settled.items():
            account = Books(self.container, settled).settle(rows=False)
            assert (name, account.lost, account.doubled) == (name, [], [])

    def _wait_until_idle(self) -> None:
        """Until no task waits and no worker holds one that it has not acknowledged, several looks in a row: what is
        just given out is in neither place."""
        settings = self.container.settings.redis
        until, quiet = time.monotonic() + 4 * VISIBLE_AFTER, 0
        with closing(Redis.from_url(settings.database(settings.broker_db))) as broker:
            while quiet < 5:
                assert time.monotonic() < until, "tasks are not taken up"
                look = broker.pipeline()
                for queue in QUEUES:
                    look.llen(f"sago:{queue}")
                quiet = quiet + 1 if not any(look.hlen("sago:unacked").execute()) else 0
                time.sleep(0.1)

    def _is_at_rest(self, load: Load) -> bool:
        """Whether nothing of the load is on its way: in Kafka, in the buffer, in the queues of chunks and merges."""
        container = self.container
        waiting = any(company in load.stories for company in container.buffer.counts())
        queued = container.dispatcher.waiting("merge") + container.dispatcher.waiting("extract")
        return not waiting and not queued and not any(container.log.lag().values())

    def service(self, name: str) -> Service:
        """As it stands on record now."""
        record = read_record(self.stack.state_dir)
        assert record is not None
        return record.services[name]

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Signal the process once it runs; with kill -9 dies all of its pool."""
        assert eventually(lambda: self.is_up(name), 90), self.said(name)
        child = self.service(name).child
        assert child is not None
        pool = self.pool(name) if number == signal.SIGKILL else []
        assert child.signal(number)
        for each in pool:
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def kill_pool_child(self, name: str, number: int) -> int:
        """Signal one child of a Celery worker's pool, as the kernel does that is out of memory; its pid."""
        assert eventually(lambda: self.is_up(name) and bool(self.pool(name)), 90), self.said(name)
        pool = self.pool(name)
        victim = pool[number % len(pool)]
        victim.send_signal(signal.SIGKILL)
        return victim.pid

    def is_up(self, name: str) -> bool:
        """Whether it runs and has said that it works."""
        record = read_record(self.stack.state_dir)
        return record is not None and check_stack(record, load())[name].healthy

    def all_up(self) -> bool:
        """Whether everything does."""
        record = read_record(self.stack.state_dir)
        return record is not None and all(each.healthy for each in check_stack(record, load()).values())

    def said(self, name: str, last: int = 20) -> list[str]:
        """The last lines of its log."""
        log = self.stack.state_dir / "logs" / f"{name}.log"
        return log.read_text(errors="replace").splitlines()[-last:] if log.exists() else []

    def schedule_letters(self) -> None:
        """`celery -A workers call outreach.schedule`, as a person does."""
        call = [sys.executable, "-m", "celery", "-A", "workers", "call", "outreach.schedule"]
        subprocess.run(call, check=True, capture_output=True, cwd=PROJECT, timeout=60)

    def pool(self, name: str) -> list[psutil.Process]:
        """The pool children of a worker that runs."""
        child = self.service(name).child
        try:
            return psutil.Process(child.pid).children() if child else []
        except psutil.Error:
            return []


@contextmanager
def raised(
    folder: Path, processes: tuple[str, ...] = PROCESSES, *, launcher: str = "", **environ: str
) -> Iterator[House]:
    """A house in `folder` with these processes of the Procfile, started by `launcher` where there is one; nothing of
    it runs afterwards, also where pytest is killed, and the servers leave their data."""
    state = folder / "state"
    commands = read_procfile(PROJECT / "Procfile")
    procfile = folder / "Procfile"
    lines = [f"{name}: {launcher} {commands[name]}\n" for name in processes]
    procfile.write_text("".join(lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - bare_environment().keys():
            patch.delenv(name)
        ours = IMPATIENT | environ | {"SAGO_STATE_DIR": str(state), "SAGO_OUTREACH__FOLDER": str(folder / "letters")}
        for name, value in ours.items():
            patch.setenv(name, value)
        stack = Stack(state, prepare, procfile=procfile, servers="local")
        guard = Guard()
        try:
            supervisor = stack.start().supervisor
            assert supervisor is not None
            guard.watch(supervisor)
            container = build(load())
            assert (container.settings.mode, container.settings.raw_store.kind) == ("services", "cassandra")
            try:
                house = House(stack, container)
                yield house
                house.look_again()
            finally:
                container.close()
                gc.collect()  # sockets that kafka-python left open while its broker was away
        finally:
            stack.stop()
            guard.close()
            remove_data(state / "services" / "postgres")
            assert leftovers(state) == []
        assert all(any((state / "services" / name / "data").iterdir()) for name in ("kafka", "cassandra"))


@contextmanager
def second_bridge(ready: Path, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Beside the stack's own, once it has partitions."""
    ours = os.environ | environ | {"SAGO_READY_FILE": str(ready)}
    with ready.with_suffix(".log").open("wb") as log:
        bridge = subprocess.Popen([sys.executable, "-m", "workers.bridge"], env=ours, stderr=log, cwd=PROJECT)
    try:
        assert eventually(ready.exists, 60), ready.with_suffix(".log").read_text()
        yield bridge
    finally:
        bridge.kill()
        bridge.wait()
