"""What we fetch from vendors: each stream window after window, page after page, from where the last reader got to.

A page is made safe, then the checkpoint is written: a crash in between reads that page once more, which has no further
effect. The only owner of retries towards vendors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sago import telemetry
from sago.domain.connections import Connection, ConnectionState, Refresh, Stream, Window, pause_after
from sago.errors import (
    AccountRefusedError,
    ConfigError,
    CursorExpiredError,
    HeldBackError,
    NotThereError,
    SagoError,
    TransientError,
    is_out_of_time,
)
from sago.pipeline.patience import Patient
from sago.pipeline.taking import Taking
from sago.pipeline.turns import End, Pulled
from sago.ports import Clock, Database, Identity, Source, Sources

LEASE = timedelta(minutes=5)
"""Renewed by each checkpoint. No page takes longer, since its task may not."""
SHORT = 5.0
"""Seconds that a run waits for; whoever would wait longer gives its turn back."""
KILLED = "its reader has not come back yet"
STOPPED_FOR = timedelta(days=1)
"""Until a channel that is not there is asked for again."""
OVERLAP = timedelta(hours=1)
"""How far before the last window each window begins: for edits and replies while a talk goes on. Further, each time, a
workspace with one request a minute would be read for nothing else."""
REFRESH_EVERY = timedelta(days=1)
REFRESH_WITHIN, REFRESH_WAIT = 180.0, 61.0
"""Seconds for one refresh, and for one wait in it: limits are by the minute. Where people take longer, those read by
then are kept, and the list is begun anew after a pause."""
AT_ONCE = 500
"""People that are kept together, as they come."""
LONGEST_ERROR = 500
_log = telemetry.logger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often and how long."""

    pull_every: timedelta
    """Between two windows of one stream."""
    run_for: timedelta
    """Until a run gives its turn back."""
    look_back: timedelta
    """How far before the last window the first one of a day begins; the others begin an hour before, or less."""


@dataclass(frozen=True)
class Pulling:
    """The use case behind `sources.pull` and `sources.refresh`. Thread-safe."""

    database: Database
    sources: Sources
    taking: Taking
    clock: Clock
    chance: Callable[[], float]
    """From 0 to 1, so that streams do not come back all at once."""
    keep_people: Callable[[Connection, Sequence[Identity]], None]
    pace: Pace

    def pull(self, connection_id: UUID, stream_name: str) -> Pulled:
        """Read on in a stream, whether it is due or not. What goes wrong at the vendor's or with a setting is kept in
        its row and raises nothing; raises TransientError where Postgres is away."""
        now = self.clock.now()
        with self.database.begin() as tx:
            connection = tx.connections.get(connection_id)
            if connection is None or connection.state is not ConnectionState.ACTIVE:
                return Pulled()
            stream = tx.streams.claim(connection_id, stream_name, now, now + LEASE)
            if stream is not None:
                tx.streams.write(self._begun(stream, now))
        return _Run(self, connection, stream).read() if stream else Pulled()

    def _begun(self, stream: Stream, now: datetime) -> Stream:
        """A turn counts as failed until its first checkpoint, or its end: a page that kills its process is read again
        after longer and longer pauses."""
        failures = stream.failures + 1
        due_at = now + LEASE + pause_after(failures, self.chance())
        return stream.model_copy(update={"failures": failures, "error": stream.error or KILLED, "due_at": due_at})

    def refresh(self, connection_id: UUID) -> Refresh | None:
        """Which streams there are, and who is who. What goes wrong is kept, and tried again after a pause; None where
        nothing is read from the connection."""
        with self.database.begin() as tx:
            connection = tx.connections.get(connection_id)
            before = tx.streams.refresh(connection_id)
            known = before or Refresh(connection_id=connection_id, due_at=self.clock.now())
        if connection is None or connection.state is not ConnectionState.ACTIVE:
            return None
        try:
            self._read_anew(connection)
            got = Refresh(connection_id=connection_id, due_at=self.clock.now() + REFRESH_EVERY)
        except AccountRefusedError as error:
            self.refuse(connection_id, error)
            got = known.model_copy(update={"error": line(error), "due_at": self.clock.now()})
        except Exception as error:  # noqa: BLE001 - a fault of one source must not end in silence
            failures = known.failures + 1  # also where a limit of ours ended it: it begins anew
            due_at = self.clock.now() + max(self.pause(error, failures), pause_after(failures, self.chance()))
            got = known.model_copy(update={"error": line(error), "failures": failures, "due_at": due_at})
        with self.database.begin() as tx:
            tx.connections.get(connection_id, lock=True)
            now = tx.streams.refresh(connection_id)
            if now and (before is None or now.due_at != before.due_at):  # connected anew meanwhile
                got = got.model_copy(update={"due_at": min(now.due_at, got.due_at)})
            tx.streams.keep_refresh(got)
        return got

    def _read_anew(self, connection: Connection) -> None:
        source = self.source(connection)
        until = self.clock.monotonic() + REFRESH_WITHIN
        vendor = Patient(self.sources.vendor(connection), self.clock, REFRESH_WAIT, until)
        names = source.streams(connection, vendor)
        with self.database.begin() as tx:
            now = tx.connections.get(connection.id)
            is_still = now is not None and (now.state, now.containers) == (connection.state, connection.containers)
            if is_still:  # else whoever changed the share has set its streams
                tx.streams.ensure(connection.id, names, self.clock.now())
        people = iter(source.people(connection, vendor))
        while some := list(islice(people, AT_ONCE)):
            self.keep_people(connection, some)

    def source(self, connection: Connection) -> Source:
        """The connection's; raises ConfigError where there is none of that name."""
        source = self.sources.get(connection.source)
        if source is None:
            raise ConfigError(f"connection {connection.name}: there is no source {connection.source!r}")
        return source

    def refuse(self, connection_id: UUID, error: AccountRefusedError) -> None:
        """Nothing is read from the connection until a person connects it again."""
        with self.database.begin() as tx:
            tx.connections.refuse(connection_id, line(error))

    def pause(self, error: Exception, failures: int) -> timedelta:
        """How long to leave a stream alone. One that our own limit holds back comes again a little after its time, or
        of many that wait for the same minute the first by name would always be the first."""
        asked = (error.retry_after if isinstance(error, TransientError) else None) or timedelta()
        if isinstance(error, HeldBackError):
            return asked + timedelta(seconds=1 + SHORT * self.chance())
        return max(asked, pause_after(failures, self.chance()))


class _LostError(Exception):
    """Another reads the stream now."""


class _EndedError(Exception):
    """The connection is not active any more."""


class _Run:
    """One reader's turn with one stream."""

    def __init__(self, pulling: Pulling, connection: Connection, stream: Stream) -> None:
        self._pulling = pulling
        self._connection = connection
        self._stream = stream
        self._clock = pulling.clock
        self._until = pulling.clock.monotonic() + pulling.pace.run_for.total_seconds()
        self._pulled = Pulled()
        self._places: list[dict[str, Any] | None] = []
        self._has_forgotten = False

    def read(self) -> Pulled:
        """Page after page, as long as it goes well and there is time."""
        try:
            source = self._pulling.source(self._connection)
            vendor = Patient(self._pulling.sources.vendor(self._connection), self._clock, SHORT, self._until)
            while not self._page(source, vendor):
                if self._clock.monotonic() >= self._until:
                    return self._ends(End.UNFINISHED, timedelta())
            return self._ends(End.READ, self._pulling.pace.pull_every)
        except _LostError:
            return self._pulled
        except _EndedError:
            return self._ends(End.LEFT, timedelta())
        except Exception as error:  # noqa: BLE001 - a fault of one source must not hold its stream for ever
            return self._fails(error)

    def _page(self, source: Source, vendor: Patient) -> bool:
        """One step: a page, or a short wait after an outage; True once the window is read whole."""
        stream, window = self._stream, self._stream.window or self._open()
        self._stream = stream.model_copy(update={"window": window})
        try:
            page = source.page(self._connection, vendor, self._stream, window)
            self._look_again()
            taken = self._pulling.taking.take(source, self._connection, page.items)
            self._places.append(stream.cursor)
            if page.cursor is not None and page.cursor in self._places:
                told = f"{self._connection.source} names a page that was read as the next one"
                raise TransientError(told, retry_after=self._pulling.pace.pull_every)
        except HeldBackError:
            raise
        except CursorExpiredError:
            self._forget_where()
            return False
        except TransientError as error:
            self._sleep_through(error)
            return False
        self._pulled.add(taken)
        got: dict[str, Any] = {
            "taken": stream.taken + len(taken.ids),
            "newest_at": _later(stream.newest_at, taken.newest_at),
        }
        is_whole = page.cursor is None
        if is_whole:
            mark = stream.mark if page.mark is None else page.mark
            got |= {"window": None, "read_until": window.end, "mark": mark}
        self._write(**got, cursor=page.cursor, failures=0, error="", needs_mending=False)
        return is_whole

    def _open(self) -> Window:
        """From the last window, less an hour, and with the first of a day less the look-back."""
        end, read_until = self._clock.now(), self._stream.read_until
        is_first = read_until is None or read_until.date() < end.date()
        look_back = self._pulling.pace.look_back
        start = self._back(look_back if is_first else min(look_back, OVERLAP))
        return Window(min(start, end), end)

    def _back(self, by: timedelta) -> datetime:
        """So long before the last window's end, but never before what the founder agreed to."""
        earliest = self._connection.since or self._connection.created_at
        read_until = self._stream.read_until
        return earliest if read_until is None else max(earliest, read_until - by)

    def _look_again(self) -> None:
        """What is shared now counts, not what was when the run began."""
        with self._pulling.database.begin() as tx:
            connection = tx.connections.get(self._connection.id)
        if connection is None or connection.state is not ConnectionState.ACTIVE:
            raise _EndedError
        self._connection = connection

    def _forget_where(self) -> None:
        """Once a turn: a vendor that forgets each place at once is out."""
        is_again, self._has_forgotten = self._has_forgotten, True
        if is_again or (self._stream.cursor is None and self._stream.mark is None):
            raise TransientError(f"{self._connection.source} does not know its own pages any more")
        window = self._stream.window
        if window is not None:  # what is read without a mark is read as far back as the look-back goes
            window = Window(min(window.start, self._back(self._pulling.pace.look_back)), window.end)
        self._places.clear()
        self._write(cursor=None, mark=None, window=window)

    def _sleep_through(self, error: TransientError) -> None:
        """A short pause is waited for here; raises the error where it is longer, or the time is over."""
        failures = self._stream.failures + 1
        pause = self._pulling.pause(error, failures).total_seconds()
        if pause > SHORT or self._clock.monotonic() + pause >= self._until:
            raise error
        self._stream = self._stream.model_copy(update={"failures": failures, "error": line(error)})
        self._clock.sleep(pause)

    def _fails(self, error: Exception) -> Pulled:
        self._pulled.error = line(error)
        if isinstance(error, HeldBackError):
            return self._ends(End.WAITS, self._pulling.pause(error, 0))
        if isinstance(error, AccountRefusedError):
            self._pulling.refuse(self._connection.id, error)
            return self._ends(End.REFUSED, timedelta(), error=self._pulled.error)
        failures = self._stream.failures + 1
        wait = STOPPED_FOR if isinstance(error, NotThereError) else self._pulling.pause(error, failures)
        needs_mending = not (isinstance(error, TransientError) or is_out_of_time(error))
        return self._ends(End.FAILED, wait, failures=failures, error=self._pulled.error, needs_mending=needs_mending)

    def _ends(self, end: End, wait: timedelta, **got: Any) -> Pulled:
        """Let go of the stream."""
        self._pulled.end = end
        ended = self._stream.model_copy(update={**got, "due_at": self._clock.now() + wait})
        with self._pulling.database.begin() as tx:
            tx.streams.release(ended)
        counts = {"pages": self._pulled.pages, "taken": self._pulled.taken, "refused": self._pulled.refused}
        told = {"stream": ended.name, **counts, "ignored": dict(self._pulled.ignored)}
        if end in (End.FAILED, End.REFUSED):
            _log.warning("a stream is not read", connection=str(ended.connection_id), **told, reason=ended.error)
        elif self._pulled.pages:
            _log.info("a stream was read", connection=str(ended.connection_id), **told)
        return self._pulled

    def _write(self, **got: Any) -> None:
        """The checkpoint; raises _LostError where another has taken over."""
        got["lease_until"] = self._clock.now() + LEASE
        self._stream = self._stream.model_copy(update=got)
        with self._pulling.database.begin() as tx:
            if not tx.streams.write(self._stream):
                raise _LostError


def line(error: Exception) -> str:
    """What a person is told; nothing of what an error that is none of ours says, for it may quote a message."""
    if is_out_of_time(error):
        return "one page took longer than a task may"
    told = str(error) if isinstance(error, SagoError) else f"{type(error).__name__}: a bug, please report it"
    return told[:LONGEST_ERROR]


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)
