"""The one way from a vendor's items to the log, whether they were pushed or fetched: the same items taken twice have no
further effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from itertools import count
from typing import NamedTuple

from sago import telemetry
from sago.domain.batches import DeadLetter
from sago.domain.connections import LEFT_ALONE, UNASSIGNED, Connection, Route
from sago.domain.erasures import is_emptied
from sago.domain.messages import Message, MessageRef
from sago.errors import InvalidMessageError, SagoError, is_out_of_time
from sago.pipeline.item_letters import letter_of, name_of, origin_of
from sago.pipeline.reception import Reception
from sago.pipeline.routing import company_of
from sago.ports import Clock, Database, Item, MessageLog, RawStore, Source

NOT_SHARED = "not in the share"
DIRECT = "a direct message"
NOT_SHARED_ANY_MORE = "of a company that is not shared any more"
TOO_EARLY = "said before the share began"
OTHER_WORDS = "same id, other content as the message stored before"
UNFORESEEN = "cannot be read, an error on our side"
"""How the reason of an item begins that no source foresaw; the log has where."""

_INSTANT = timedelta(milliseconds=1)
log = telemetry.logger(__name__)


@dataclass
class Taken:
    """What became of items: each is in one of the four."""

    ids: list[str] = field(default_factory=list)
    """Of messages that are safe now and were not known before."""
    known: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    """By the reason why they were left out on purpose."""
    refused: list[str] = field(default_factory=list)
    """Why, one for each dead letter; no content."""
    newest_at: datetime | None = None
    """When the newest message among them was said, a known one too."""


class Fate(Enum):
    """What became of a message that was handed in."""

    NEW = "new"
    KNOWN = "known"
    CONFLICT = "conflict"


class Read(NamedTuple):
    """An item as far as it could be read: a message, or why there is none."""

    item: Item
    company_id: str | None
    message: Message | None
    ignored: str = ""
    error: InvalidMessageError | None = None


@dataclass(frozen=True)
class Taking:
    """Items of one connection into the log. Thread-safe."""

    reception: Reception
    raw: RawStore
    log: MessageLog
    database: Database
    clock: Clock
    topic_of: Callable[[str], str]
    names_of: Callable[[Connection], Mapping[str, str]]
    """People's names by their native id, as the connection knows them."""
    together: Callable[[Sequence[Message]], Sequence[Fate]] | None = None
    """`hand_in` for many callers at once."""
    met: Callable[[Connection, Sequence[Read]], None] = lambda *_: None
    """Told of messages before they are made safe, of those that are known as well: who wrote them, and when."""

    def take(self, source: Source, connection: Connection, items: Sequence[Item]) -> Taken:
        """Make them safe; one that cannot be read is a dead letter, and the others go on.

        Raises TransientError where they did not become safe in time; some of them may have.
        """
        with self.database.begin() as tx:
            routes, served = tx.connections.routes(connection.id), tx.connections.served(connection.id)
        return self.keep(connection, self.read(source, connection, items, routes, self.names_of(connection)), served)

    def read(
        self,
        source: Source,
        connection: Connection,
        items: Sequence[Item],
        routes: Sequence[Route],
        names: Mapping[str, str],
    ) -> list[Read]:
        """What each of them is, in their order; nothing is asked, and nothing kept of it."""
        return [self._read(source, connection, item, routes, names) for item in items]

    def keep(self, connection: Connection, found: Sequence[Read], served: Sequence[str]) -> Taken:
        """As `take`, of what was read, on a connection that has `served` these companies."""
        taken, found = Taken(), self.at_home(found, served)
        self._withdraw(connection, [each.message for each in found if each.message and each.message.deleted])
        taken.ignored.update(each.ignored for each in found if each.ignored)
        refused = [(each, each.error) for each in found if each.error]
        self._bury([self._letter(connection, each, error) for each, error in refused])
        taken.refused += [error.reason for _, error in refused]
        wanted = [each for each in found if each.message and not each.ignored and not each.error]
        if wanted:
            self._meet(connection, wanted)
        self._hand_in([each.message for each in wanted if each.message], taken)
        return taken

    def _meet(self, connection: Connection, wanted: Sequence[Read]) -> None:
        """Tell of them; one that nobody foresaw is told of by none, and is made safe all the same."""
        try:
            self.met(connection, wanted)
        except SagoError:
            raise
        except Exception as error:
            if is_out_of_time(error):
                raise
            if len(wanted) == 1:
                _tell(connection.source, error)
                return
            for each in wanted:
                self._meet(connection, [each])

    def _read(
        self,
        source: Source,
        connection: Connection,
        item: Item,
        routes: Sequence[Route],
        names: Mapping[str, str],
    ) -> Read:
        outside = _outside(item, connection)
        if outside and item.container is not None and not item.deletes:
            return Read(item, None, None, outside)
        read = self._parsed(source, connection, item, routes, names)
        message = read.message
        if read.company_id == LEFT_ALONE:
            return Read(item, None, message, outside or NOT_SHARED_ANY_MORE)
        if message and not outside and message.sent_at < (connection.since or connection.created_at):
            outside = TOO_EARLY
        if outside and not read.ignored:
            return Read(item, read.company_id, message, outside)
        if message and read.company_id is None:
            reason = f"{UNASSIGNED}: no channel or domain of it belongs to a company"
            return read._replace(error=InvalidMessageError(reason, message_id=message.id))
        return read

    def _parsed(
        self,
        source: Source,
        connection: Connection,
        item: Item,
        routes: Sequence[Route],
        names: Mapping[str, str],
    ) -> Read:
        company_id = None
        try:
            if reason := source.ignored(item):
                return Read(item, None, None, reason)
            company_id = company_of(item, connection, routes)
            if item.unforeseen:
                raise InvalidMessageError(f"{UNFORESEEN}: {item.unforeseen}")
            message = source.to_message(item, company_id or UNASSIGNED, names)
            message.check_time(self.clock.now())
            message.to_json()
        except InvalidMessageError as error:
            return Read(item, company_id, None, error=error)
        except SagoError:
            raise
        except Exception as error:  # one item's fault must not hold back the others
            if is_out_of_time(error):
                raise
            return Read(item, company_id, None, error=_unforeseen(source.name, error))
        return Read(item, company_id, message)

    def at_home(self, found: Sequence[Read], served: Sequence[str]) -> list[Read]:
        """Each with the company that its message is stored for, or on its way to be, whatever routes say now: a talk is
        not told twice, and its end comes where its beginning is. So a deletion is taken of what is not shared any
        more."""
        moving = [each.message for each in found if each.message and _may_be_elsewhere(each, served)]
        homes = self._homes(moving, served) if moving else {}
        return [_moved(each, homes) if _may_be_elsewhere(each, served) else each for each in found]

    def _homes(self, messages: Sequence[Message], served: Sequence[str]) -> dict[str, list[str]]:
        """For which companies they are stored in whatever version, or under way, by their ids."""
        with self.database.begin() as tx:  # before the raw store is asked: what is not under way any more is there
            homes = tx.under_way.companies({message.id for message in messages}, served)
        refs = {
            MessageRef(company_id, message.sent_at, message.id, version)
            for message in messages
            for company_id in served
            for version in (0, message.version)
        }
        stored = self.raw.read(sorted(refs))
        sought = {message.id: message for message in messages if message.version}
        for message in [sought[each] for each in sought.keys() - {there.id for there in stored}]:
            for company_id in served:
                stored += self.raw.read_range(company_id, message.sent_at, message.sent_at + _INSTANT)
        for each in stored:
            if not is_emptied(each):
                homes.setdefault(each.id, []).append(each.company_id)
        return homes

    def _withdraw(self, connection: Connection, deletions: Sequence[Message]) -> None:
        """Of what was deleted no letter keeps the words."""
        if not deletions:
            return
        with self.database.begin() as tx:
            for each in deletions:
                within, own = origin_of(connection, ""), origin_of(connection, name_of(each))
                tx.ledger.withdraw(each.id, within, own, self.clock.now())

    def _letter(self, connection: Connection, read: Read, error: InvalidMessageError) -> DeadLetter:
        return letter_of(
            connection,
            read.item,
            error,
            topic=self.topic_of(connection.source),
            company_id=read.company_id or connection.company_id,
            message=read.message,
            now=self.clock.now(),
        )

    def _bury(self, letters: Sequence[DeadLetter]) -> None:
        """Each but those that are there already and open: what is read again and again is one letter."""
        if not letters:
            return
        by_origin = {letter.origin: letter for letter in letters}
        with self.database.begin() as tx:
            there = [tx.ledger.dead_letter(origin) for origin in by_origin]
        is_open = {known.origin for known in there if known and known.replayed_at is None}
        for origin, letter in by_origin.items():
            if origin not in is_open:
                self.log.dead_letter(letter, letter.company_id)

    def hand_in(self, messages: Sequence[Message]) -> list[Fate]:
        """Make those safe that are not known; what became of each, in their order."""
        held = {each.ref: each for each in self.raw.read(sorted({message.ref for message in messages}))}
        new: dict[int, Message] = {}
        for place, message in enumerate(messages):
            unknown = self.unknown(message, held)
            if unknown:
                new[place] = held[unknown.ref] = unknown
        self.note(list(new.values()))
        conflicts = {id(message) for message in self.reception.take(list(new.values()))} if new else set()
        # Stored in between with other words, by another delivery: the bridge has made the later one a dead letter.
        fates = {place: Fate.CONFLICT if id(message) in conflicts else Fate.NEW for place, message in new.items()}
        return [fates.get(place, Fate.KNOWN) for place in range(len(messages))]

    def note(self, messages: Sequence[Message]) -> None:
        """For which companies they go to the log, before they do: until they are stored nothing else tells."""
        if messages:
            with self.database.begin() as tx:
                tx.under_way.note([(each.company_id, each.id) for each in messages], self.clock.now())

    def unknown(self, message: Message, held: dict[MessageRef, Message]) -> Message | None:
        """The message where it is not known; `held` has what is stored under its own version. An edit whose version
        another edit has, for vendors may tell its time in whole seconds, is the next version, unless that one or a
        later one is the same edit: pushed, it may have come with a finer time."""
        there = held.get(message.ref)
        if there is None:
            return message
        if message.version == 0 or is_emptied(there) or there.retells(message):
            return None
        sent_at = message.sent_at
        held |= {each.ref: each for each in self.raw.read_range(message.company_id, sent_at, sent_at + _INSTANT)}
        mine = [each for each in held.values() if (each.company_id, each.id) == (message.company_id, message.id)]
        later = {each.version: each for each in mine if each.version > message.version}
        if any(is_emptied(each) or each.retells(message) for each in later.values()):
            return None
        free = next(version for version in count(message.version + 1) if version not in later)
        return message.model_copy(update={"version": free})

    def _hand_in(self, messages: Sequence[Message], taken: Taken) -> None:
        if not messages:
            return
        fates = (self.together or self.hand_in)(messages)
        taken.known = sum(fate is Fate.KNOWN for fate in fates)
        taken.refused += [OTHER_WORDS for fate in fates if fate is Fate.CONFLICT]
        taken.ids = [message.id for message, fate in zip(messages, fates, strict=True) if fate is Fate.NEW]
        taken.newest_at = max(message.sent_at for message in messages)


def _outside(item: Item, connection: Connection) -> str:
    """Why an item is none of ours, as far as can be told without reading it."""
    if not connection.takes(item.container, is_direct=item.is_direct):
        return DIRECT if item.is_direct else NOT_SHARED
    return TOO_EARLY if item.at and item.at < (connection.since or connection.created_at) else ""


def _may_be_elsewhere(read: Read, served: Sequence[str]) -> bool:
    """Whether its message may be stored for a company that routes do not name, or though it is not shared."""
    if read.message is None or (read.ignored and not read.message.deleted):
        return False
    return bool(read.ignored) or any(company_id != read.company_id for company_id in served)


def _moved(read: Read, homes: Mapping[str, Sequence[str]]) -> Read:
    there = homes.get(read.message.id, ()) if read.message else ()
    if read.message is None or not there:
        return read
    company_id = read.company_id if read.company_id in there else there[0]
    return Read(read.item, company_id, read.message.model_copy(update={"company_id": company_id}))


def _unforeseen(source: str, error: Exception) -> InvalidMessageError:
    """Told by its class and its place: its text may quote a message."""
    if isinstance(error, RecursionError):
        return InvalidMessageError("it is nested too deeply")
    _tell(source, error)
    return InvalidMessageError(f"{UNFORESEEN}: {type(error).__name__}")


def _tell(source: str, error: Exception) -> None:
    log.error("unforeseen error", error=type(error).__name__, where=telemetry.place_of(error), source=source)
