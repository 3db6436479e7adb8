"""What vendors push: verified, unpacked, and on its way as what is fetched is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sago import telemetry
from sago.domain.connections import EVERY_CONTAINER, Connection, ConnectionState, Route
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
from sago.pipeline.taking import UNFORESEEN, Taken, Taking
from sago.ports import Database, Delivery, DeliveryCounts, Dispatcher, Push, Source, Sources
from sago.resilience.questions import Questions

NO_CONNECTION = "no such connection"
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
        name = ""
        try:
            source = self.sources.get(source_name)
            if source is None:
                self.counts.add({Counted("", Outcome.UNKNOWN_SOURCE): 1})
                raise NotThereError("no source is called so")
            name = source.name
            source.verify(delivery)
            received = self._take(source, _unpacked(source, delivery), delivery.at)
        except (SignatureError, InvalidMessageError, ConfigError, TransientError) as error:
            outcome = next(each for kind, each in OUTCOMES.items() if isinstance(error, kind))
            self.counts.add({Counted(name or source_name, outcome): 1})
            raise
        self.counts.add(_counts(name, received))
        return received

    def _take(self, source: Source, push: Push, now: datetime) -> Received:
        if push.ignored:
            return Received(_ignored(push.ignored), answer=push.answer)
        found = self._found(source.name, push.account)
        if found is None:
            return Received(_ignored(NO_CONNECTION, len(push.items) or 1), answer=push.answer)
        connection = found.connection
        woken = self._heed(connection, push, now) if push.wakes or push.ended else []
        self._pull(connection, woken)
        read = self.taking.read(source, connection, push.items, found.routes, found.names)
        return Received(self.taking.keep(connection, read, found.served), len(woken), bool(push.ended), push.answer)

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

    def _heed(self, connection: Connection, push: Push, now: datetime) -> list[str]:
        """Wake what has news, and end what has ended; the streams that were woken."""
        with self.database.begin() as tx:
            if push.ended:
                tx.connections.refuse(connection.id, f"{push.ended}: connect it again")
            names = [stream.name for stream in tx.streams.of(connection.id)]
            woken = [name for name in names if EVERY_CONTAINER in push.wakes or name in push.wakes]
            tx.streams.wake(connection.id, woken, now)
        return woken

    def _pull(self, connection: Connection, streams: Sequence[str]) -> None:
        """Begin at once. Not waited for: the streams are due, and where this fails they are found by it."""
        for stream in streams:
            start = partial(self.dispatcher.pull, connection.id, stream)
            self._questions.ask((connection.id, stream), start)


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
