"""Pulling over stores in memory, a vendor that is a book, and a bridge that is a loop; any step of it can be the last
of its process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sago.domain.connections import EVERY_CONTAINER, Connection, Stream, connection_id_of
from sago.domain.messages import Message
from sago.pipeline.polling import Polling
from sago.pipeline.pulling import Pace, Pulling
from sago.pipeline.reception import Reception
from sago.pipeline.taking import Taking
from sago.pipeline.turns import Pulled
from sago.ports import Identity, Transaction, Vendor
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.dispatcher import MemoryDispatcher
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore
from tests.standins.paged import ACCOUNT, Book, Paged, PagedSettings, ToldVendor, at

ID = connection_id_of("paged", ACCOUNT)
PACE = Pace(pull_every=timedelta(minutes=5), run_for=timedelta(seconds=60), look_back=timedelta())


class Killed(BaseException):
    """kill -9: nothing of the process goes on, not even to clean up."""


class World:
    """One connection of Paged with the room `R1`, and as many processes as a test wants."""

    def __init__(self, pace: Pace = PACE, *, since: int | None = 0) -> None:
        self.clock = ManualClock(at(600))
        self.book = Book()
        self.source = Paged(PagedSettings())
        self.database = MemoryDatabase()
        self.dispatcher = MemoryDispatcher()
        self.raw = MemoryRawStore()
        self.log = MemoryLog({"paged": "paged-messages"})
        self.people: list[Identity] = []
        self.pace = pace
        self.steps = 0
        self.die_at: int | None = None
        """The step that is the last one of the process."""
        self.before_list: Callable[[], None] | None = None
        """What happens, once, while the vendor is asked for a page."""
        self.pulling = self.process()
        self.polling = Polling(self.database, self.dispatcher)
        began = {"since": None if since is None else at(since), "created_at": self.clock.now()}
        self.connection = Connection(
            id=ID,
            source="paged",
            account=ACCOUNT,
            name="Paged",
            company_id="acme",
            containers=(EVERY_CONTAINER,),
            **began,
        )
        with self.database.begin() as tx:
            tx.connections.save(self.connection)
            tx.streams.ensure(ID, ["R1"], self.clock.now())

    def process(self) -> Pulling:
        """One reader more."""
        database, log = _Mortal(self, self.database), _MortalLog(self, self.log)
        reception = Reception(log, self.raw, database, self.clock, until_stored=False, within=5)  # type: ignore[arg-type]
        taking = Taking(
            reception,
            self.raw,
            log,  # type: ignore[arg-type]
            database,  # type: ignore[arg-type]
            self.clock,
            lambda source: f"{source}-messages",
            lambda _: {},
        )
        return Pulling(
            database=database,  # type: ignore[arg-type]
            sources=self,
            taking=taking,
            clock=self.clock,
            chance=lambda: 0.5,
            keep_people=lambda _, found: self.people.extend(found),
            pace=self.pace,
        )

    def get(self, name: str) -> Paged | None:
        """The `Sources` of this world."""
        return self.source if name == "paged" else None

    def vendor(self, connection: Connection) -> Vendor:
        return _MortalVendor(self)

    def step(self) -> None:
        """A moment at which the process may be killed."""
        if self.die_at is not None and self.steps >= self.die_at:
            raise Killed
        self.steps += 1

    def pull(self, name: str = "R1") -> Pulled | None:
        """A turn of a reader; None where it was killed in it."""
        self.steps = 0
        try:
            return self.pulling.pull(ID, name)
        except Killed:
            return None
        finally:
            self.die_at = None

    def bridge(self) -> None:
        """What is in the log becomes rows."""
        rows = [Message.from_json(record.value) for record in self.log.records("paged-messages")]
        self.raw.store(rows, "batch", self.clock.now())

    def stored(self) -> list[int]:
        """Numbers of the lines in the raw store."""
        self.bridge()
        return sorted(int(row.message.native_id) for row in self.raw.rows.values())

    def published(self) -> list[int]:
        """Numbers of the lines in the log, as often as they are there."""
        return sorted(int(Message.from_json(each.value).native_id) for each in self.log.records("paged-messages"))

    def stream(self, name: str = "R1") -> Stream:
        with self.database.begin() as tx:
            (found,) = [each for each in tx.streams.of(ID) if each.name == name]
        return found

    def known(self) -> Connection:
        with self.database.begin() as tx:
            found = tx.connections.get(ID)
        assert found is not None
        return found

    def wait(self, minutes: float) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    def say(self, count: int, room: str = "R1") -> None:
        """Lines of the minutes before now."""
        for number in range(count):
            self.book.say(room, self.clock.now() - timedelta(minutes=count - number))


class _Mortal:
    """A database whose process may be killed before it asks, and after it has been answered."""

    def __init__(self, world: World, database: MemoryDatabase) -> None:
        self._world = world
        self._database = database

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self._world.step()
        with self._database.begin() as tx:
            yield tx
        self._world.step()


class _MortalLog:
    """The same of the log."""

    def __init__(self, world: World, log: MemoryLog) -> None:
        self._world = world
        self._log = log

    def publish(self, messages: Sequence[Message], **more: Any) -> Any:
        self._world.step()
        for message in messages:  # a broker may have taken some of them only
            positions = self._log.publish([message], **more)
            self._world.step()
        return positions

    def dead_letter(self, *letter: Any) -> Any:
        self._world.step()
        return self._log.dead_letter(*letter)


class _MortalVendor:
    """The same of the vendor."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        self._world.step()
        answer = ToldVendor(self._world.book, self._world.source).get(path, params, limit=limit)
        happens, self._world.before_list = self._world.before_list, None
        if happens:
            happens()
        self._world.step()
        return answer

    def post(self, path: str, body: Mapping[str, Any], *, limit: str = "") -> dict[str, Any]:
        raise AssertionError(path)
