"""What vendors push: verified, unpacked, and on its way as what is fetched is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sago import telemetry
from sago.domain.connections import EVERY_CONTAINER, Connection, ConnectionState, Route, Stream
from sago.domain.deliveries import Counted, Outcome
from sago.domain.vitals import SourceDeliveries, WebhookMetrics
from sago.errors import (
    ConfigError,
    InvalidMessageError,
    NotThereError,
    SagoError,
    SignatureError,
    TransientError,
)
from sago.pipeline.polling import QUEUED_FOR
from sago.pipeline.taking import UNFORESEEN, Taken, Taking
from sago.ports import Database, Delivery, DeliveryCounts, Dispatcher, Push, Source, Sources
from sago.resilience.questions import Questions

NO_CONNECTION = "no such connection"
ENDED_BEFORE = "ended before it was connected again"
SENT_AT_ONCE = 20
"""Streams of one delivery."""
REASON_LIMIT = 80
"""Characters of a reason that are counted."""
OUTCOMES: dict[type[SagoError], Outcome] = {
    SignatureError: Outcome.WRONG_SIGNATURE,
    InvalidMessageError: Outcome.UNREADABLE,
    ConfigError: Outcome.NOT_SET_UP,
    TransientError: Outcome.UNAVAILABLE,
}

log = telemetry.logger(__name__)


class Received(NamedTuple):
    """What became of a delivery, and what its vendor wants to read of it."""

    taken: Taken
    woken: int = 0
    has_ended: bool = False
    answer: Mapping[str, Any] | None = None


class Found(NamedTuple):
    """An account that is connected, and what is needed to read its items."""

    connection: Connection
    routes: Sequence[Route]
    served: Sequence[str]
    """Companies that its messages may be stored for."""
    names: Mapping[str, str]


@dataclass(frozen=True)
class Receiving:
    """The use case behind `POST …/webhook/{source}`. Thread-safe."""

    sources: Sources
    taking: Taking
    database: Database
    dispatcher: Dispatcher
    counts: DeliveryCounts
    _questions: Questions = field(default_factory=partial(Questions, "receiving"))

    def receive(self, source_name: str, delivery: Delivery) -> Received:
        """Take what was delivered; the same again has no further effect. When this returns it is safe.

        Raises NotThereError for a source nobody knows, SignatureError, ConfigError where a setting is missing,
        InvalidMessageError where the whole cannot be read, TransientError where it did not become safe in time.
        """
        source = self.source(source_name)
        try:
            source.verify(delivery)
            received = self._take(source, _unpacked(source, delivery), delivery.at)
        except (SignatureError, InvalidMessageError, ConfigError, TransientError) as error:
            outcome = next(each for kind, each in OUTCOMES.items() if isinstance(error, kind))
            self.counts.add({Counted(source_name, outcome): 1})
            raise
        self.counts.add(_counts(source.name, received))
        return received

    def source(self, name: str) -> Source:
        """The source of that name. Raises NotThereError where nobody knows it, ConfigError where a setting of it is
        wrong; both are counted. Asks no server."""
        try:
            source = self.sources.get(name)
        except ConfigError:
            self.counts.add({Counted(name, Outcome.NOT_SET_UP): 1})
            raise
        if source is None:
            self.counts.add({Counted("", Outcome.UNKNOWN_SOURCE): 1})
            raise NotThereError("no source is called so")
        return source

    def _take(self, source: Source, push: Push, now: datetime) -> Received:
        if push.ignored:
            return Received(_ignored(push.ignored), answer=push.answer)
        found = self._found(source.name, push.account)
        if found is None:
            return Received(_ignored(NO_CONNECTION, len(push.items) or 1), answer=push.answer)
        connection = found.connection
        if push.ended_at and push.ended_at < (connection.connected_at or connection.created_at):
            return Received(_ignored(ENDED_BEFORE), answer=push.answer)
        woken = self._heed(connection, push, now) if push.wakes or push.ended else 0
        read = self.taking.read(source, connection, push.items, found.routes, found.names)
        return Received(self.taking.keep(connection, read, found.served), woken, bool(push.ended), push.answer)

    def _found(self, source_name: str, account: str) -> Found | None:
        """Deliveries of one account at the same moment ask for it once."""
        asked = self._questions.ask((source_name, account), partial(self._find, source_name, account))
        try:
            found: Found | None = asked.result(self.taking.reception.within)
        except TimeoutError:
            raise TransientError("the connection could not be looked up in time") from None
        return found

    def _find(self, source_name: str, account: str) -> Found | None:
        with self.database.begin() as tx:
            connection = tx.connections.find(source_name, account)
            if connection is None or connection.state is ConnectionState.REMOVED:
                return None
            routes, served = tx.connections.routes(connection.id), tx.connections.served(connection.id)
        return Found(connection, routes, served, self.taking.names_of(connection))

    def _heed(self, connection: Connection, push: Push, now: datetime) -> int:
        """Wake what has news, and end what has ended; how many streams were woken. Some are sent at once, each that
        was not sent before; `sources.poll` finds the others."""
        with self.database.begin() as tx:
            if push.ended:
                tx.connections.refuse(connection.id, push.ended)
            names = [stream.name for stream in tx.streams.of(connection.id)]
            woken = [name for name in names if EVERY_CONTAINER in push.wakes or name in push.wakes]
            tx.streams.wake(connection.id, woken, now)
            due = tx.streams.queue(now, now + QUEUED_FOR, SENT_AT_ONCE, connection.id) if woken else []
        if due:
            self._questions.ask(object(), partial(self._send, due, now + QUEUED_FOR))
        return len(woken)

    def _send(self, due: Sequence[Stream], until: datetime) -> None:
        """Not waited for. Where the broker is away, what was not sent does not count as queued until then, and
        `sources.poll` finds it."""
        for place, stream in enumerate(due):
            try:
                self.dispatcher.pull(stream.connection_id, stream.name)
            except TransientError as error:
                unsent = [each.name for each in due[place:]]
                log.warning("streams with news could not be sent", streams=len(unsent), reason=str(error))
                with self.database.begin() as tx:
                    tx.streams.unqueue(stream.connection_id, unsent, until)
                return


def _unpacked(source: Source, delivery: Delivery) -> Push:
    try:
        return source.unpack(delivery)
    except SagoError:
        raise
    except Exception as error:  # noqa: BLE001 - its vendor hears no 500, nor what went wrong here
        log.error("unforeseen error", error=type(error).__name__, where=telemetry.place_of(error), source=source.name)
        raise InvalidMessageError(f"{UNFORESEEN}: {type(error).__name__}") from None


def _ignored(reason: str, count: int = 1) -> Taken:
    return Taken(ignored=Counter({reason: count}))


def _counts(source: str, received: Received) -> Counter[Counted]:
    taken = received.taken
    counts = {
        Outcome.TAKEN: len(taken.ids),
        Outcome.KNOWN: taken.known,
        Outcome.REFUSED: len(taken.refused),
        Outcome.WOKEN: received.woken,
        Outcome.ENDED: int(received.has_ended),
    }
    found = Counter({Counted(source, outcome): count for outcome, count in counts.items() if count})
    for reason, count in taken.ignored.items():
        found[Counted(source, Outcome.IGNORED, _counted_as(reason))] += count
    return found


def delivered_of(totals: Counter[Counted] | None) -> WebhookMetrics | None:
    """The counts as people read them."""
    if totals is None:
        return None
    found: dict[str, dict[str, Any]] = {}
    for (source, outcome, reason), count in sorted(totals.items()):
        figures = found.setdefault(source, {})
        if outcome is Outcome.IGNORED:
            figures.setdefault(outcome.value, {})[reason] = count
        else:
            figures[outcome.value] = count
    unknown = found.pop("", {}).get(Outcome.UNKNOWN_SOURCE.value, 0)
    return WebhookMetrics(
        sources={source: SourceDeliveries(**figures) for source, figures in found.items()}, unknown_source=unknown
    )


def _counted_as(reason: str) -> str:
    """A reason as it can be kept and printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in reason[:REASON_LIMIT])
