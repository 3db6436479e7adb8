"""The one way from a vendor's items to the log, whether they were pushed or fetched: the same items taken twice have no
further effect."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sago.domain.batches import DeadLetter
from sago.domain.connections import UNASSIGNED, Connection
from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.pipeline.reception import Reception
from sago.pipeline.routing import company_of
from sago.ports import Clock, Database, Item, MessageLog, RawStore, Source

NOT_SHARED = "not in the share"


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

    def take(self, source: Source, connection: Connection, items: Sequence[Item]) -> Taken:
        """Make them safe; one that cannot be read is a dead letter, and the others go on.

        Raises TransientError where they did not become safe in time; some of them may have.
        """
        taken = Taken()
        wanted = [item for item in items if self._is_wanted(source, connection, item, taken)]
        messages = self._messages(source, connection, wanted, taken) if wanted else []
        known = {each.ref for each in self.raw.read(sorted({message.ref for message in messages}))} if messages else ()
        new = list({message.ref: message for message in messages if message.ref not in known}.values())
        taken.known = len(messages) - len(new)
        conflicts = self.reception.take(new) if new else []
        # Stored in between with other words, by another delivery: the bridge has made the later one a dead letter.
        gone = {id(message) for message in conflicts}
        taken.refused += ["same id, other content as the message stored before" for _ in conflicts]
        taken.ids = [message.id for message in new if id(message) not in gone]
        taken.newest_at = max((message.sent_at for message in messages), default=None)
        return taken

    def _is_wanted(self, source: Source, connection: Connection, item: Item, taken: Taken) -> bool:
        reason = source.ignored(item) or (None if connection.takes(item.container) else NOT_SHARED)
        if reason:
            taken.ignored[reason] += 1
        return reason is None

    def _messages(self, source: Source, connection: Connection, items: Sequence[Item], taken: Taken) -> list[Message]:
        with self.database.begin() as tx:
            routes = tx.connections.routes(connection.id)
        names = self.names_of(connection)
        messages = []
        for item in items:
            company_id = company_of(item, connection, routes)
            try:
                message = source.to_message(item, company_id or UNASSIGNED, names)
                message.check_time(self.clock.now())
                message.to_json()
                if company_id is None:
                    raise InvalidMessageError(
                        f"{UNASSIGNED}: no channel or domain of it belongs to a company", message_id=message.id
                    )
            except InvalidMessageError as error:
                self._refuse(source, connection, item, error)
                taken.refused.append(error.reason)
            else:
                messages.append(message)
        return messages

    def _refuse(self, source: Source, connection: Connection, item: Item, error: InvalidMessageError) -> None:
        value = json.dumps(item.payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
        letter = DeadLetter(
            origin=f"{connection.source}/{connection.account}:{hashlib.sha256(value).hexdigest()}",
            topic=self.topic_of(source.name),
            company_id=connection.company_id,
            message_id=error.message_id,
            error=error.reason,
            error_type=type(error).__name__,
            failed_at=self.clock.now(),
            value=value,
        )
        self.log.dead_letter(letter)
