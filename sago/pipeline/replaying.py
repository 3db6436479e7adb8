"""Dead letters once more, when their cause is mended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sago.domain.batches import DeadLetter
from sago.domain.connections import UNASSIGNED, Connection, ConnectionState, Route
from sago.domain.dead_letters import SHORT, origin_in
from sago.domain.messages import Message
from sago.domain.pages import DeadLettersAsked
from sago.errors import InvalidMessageError, NotThereError
from sago.pipeline.item_letters import PREFIX, Kept, kept_in
from sago.pipeline.storing import CONFLICT
from sago.pipeline.taking import Taking
from sago.ports import Source, Sources

MOST = 10_000
"""Letters that are read at once."""


class Replayed(StrEnum):
    """What became of a replay."""

    SENT = "sent"
    STORED = "stored already"
    BEFORE = "replayed before"
    REFUSED = "refused"


class Replay(NamedTuple):
    """One letter, and what became of its replay; `reason` says what to mend where it is refused."""

    letter: DeadLetter
    outcome: Replayed
    message_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Replaying:
    """The use case behind `sago dlq replay`."""

    sources: Sources
    taking: Taking

    def replay(self, letter: DeadLetter) -> Message:
        """Send the message it holds; the letter is cleared once that is stored, or at once where it is stored already.

        An item of a vendor's goes through its source and the routes as they are now. Raises InvalidMessageError with
        what to mend where there is no message, or it is still nobody's.
        """
        if not letter.origin.startswith(PREFIX):
            message = message_of(letter)
            if letter.error == CONFLICT and self.taking.raw.read([message.ref]):
                raise InvalidMessageError(
                    f"{letter.origin}: {CONFLICT}, so it would be refused again: hand it in under an id of its own"
                )
        else:
            found = self._again(letter, kept_in(letter))
            unknown = self.taking.unknown(found, {each.ref: each for each in self.taking.raw.read([found.ref])})
            if unknown is None:
                with self.taking.database.begin() as tx:
                    tx.ledger.mark_replayed(letter.origin, self.taking.clock.now())
                return found
            message = unknown
            self.taking.note([message])
        self.taking.log.publish([message], replay_of=letter.origin)
        return message

    def find(self, name: str) -> DeadLetter:
        """The letter of this origin, of this id of the API or of this short id. Raises NotThereError."""
        with self.taking.database.begin() as tx:
            for origin in (name, origin_in(name)):
                if origin and "\0" not in origin and (letter := tx.ledger.dead_letter(origin)):
                    return letter
            called = tx.ledger.dead_letters_called(name.lower()) if SHORT.fullmatch(name) else []
            if len(called) == 1 and (letter := tx.ledger.dead_letter(called[0])):
                return letter
        raise NotThereError(f"dead letter {name}: there is none")

    def once(self, name: str) -> Replay:
        """Replay the letter of this name, unless that was done before. Raises NotThereError where there is none."""
        letter = self.find(name)
        if letter.replayed_at is not None:
            return Replay(letter, Replayed.BEFORE, letter.message_id)
        try:
            message = self.replay(letter)
        except InvalidMessageError as error:
            return Replay(letter, Replayed.REFUSED, letter.message_id, error.reason)
        with self.taking.database.begin() as tx:
            now = tx.ledger.dead_letter(letter.origin) or letter
        return Replay(now, Replayed.STORED if now.replayed_at else Replayed.SENT, message.id)

    def page(self, asked: DeadLettersAsked) -> list[Replay]:
        """Replay each of these letters that is open."""
        with self.taking.database.begin() as tx:
            letters = tx.ledger.dead_letters_asked(asked._replace(is_replayed=False))
        return [self.once(letter.origin) for letter in letters]

    def unassigned(self) -> list[DeadLetter]:
        """Open letters of messages that were nobody's."""
        with self.taking.database.begin() as tx:
            return tx.ledger.dead_letters(within=PREFIX, error=UNASSIGNED, limit=MOST)

    def _again(self, letter: DeadLetter, kept: Kept) -> Message:
        source, connection, routes, served = self._found(letter, kept)
        found = self.taking.read(source, connection, [kept.item], routes, self.taking.names_of(connection))
        (read,) = self.taking.at_home(found, served)
        if read.ignored:
            raise InvalidMessageError(f"{letter.origin}: is left out now: {read.ignored}")
        if read.error or read.message is None:
            reason = read.error.reason if read.error else "no message"
            raise InvalidMessageError(
                f"{letter.origin}: {reason}: say whose its channel or domain is, or mend what cannot read it"
            )
        return read.message

    def _found(self, letter: DeadLetter, kept: Kept) -> tuple[Source, Connection, list[Route], list[str]]:
        source = self.sources.get(kept.source)
        with self.taking.database.begin() as tx:
            connection = tx.connections.find(kept.source, kept.account)
            routes = tx.connections.routes(connection.id) if connection else []
            served = tx.connections.served(connection.id) if connection else []
        if source is None or connection is None or connection.state is ConnectionState.REMOVED:
            raise InvalidMessageError(f"{letter.origin}: {kept.source} {kept.account} is not connected any more")
        return source, connection, routes, served


def message_of(letter: DeadLetter) -> Message:
    """The message it holds; raises InvalidMessageError with what to mend where it holds none."""
    try:
        return Message.from_json(letter.value)
    except InvalidMessageError as error:
        raise InvalidMessageError(
            f"{letter.origin}: is no message that could be sent again ({error.reason}): {_remedy(letter.origin)}"
        ) from error


def _remedy(origin: str) -> str:
    """What a person can do about a record that is no message: `sha256(file):line` came from a file of theirs."""
    digest, colon, line = origin.partition(":")
    if colon and len(digest) == 64:
        return f"mend line {line} of the file it came from, and ingest that again; what was stored is not taken twice"
    return "mend what wrote it, and send that anew"
