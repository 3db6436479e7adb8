"""What may pass from the log to the store, and when refusals mean a bad deploy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from sago.domain.batches import DeadLetter, Record
from sago.domain.messages import Message
from sago.errors import BadDeployError, InvalidMessageError

Pair = tuple[str, int]
QUIET = 1.0
"""Seconds without a further refusal after which held ones are let go although no good message ended the run."""


def admit(record: Record, topic_of: Callable[[str], str], now: datetime) -> Message:
    """The message of a record; raises InvalidMessageError when its schema, key, topic or time is wrong."""
    try:
        record.value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidMessageError("value is not UTF-8") from error
    message = Message.from_json(record.value)
    if record.key != message.company_id.encode():
        raise InvalidMessageError("key is not the company_id", message_id=message.id)
    if record.position.topic != topic_of(message.source):
        raise InvalidMessageError(
            f"source {message.source} does not belong on {record.position.topic}", message_id=message.id
        )
    message.check_time(now)
    return message


def refusal(record: Record, error: InvalidMessageError, now: datetime) -> DeadLetter:
    """The dead letter of a refused record: its bytes as they came, its place in the log as origin."""
    return DeadLetter(
        origin=str(record.position),
        topic=record.position.topic,
        company_id=company_of(record),
        message_id=error.message_id,
        error=error.reason,
        error_type=type(error).__name__,
        failed_at=now,
        value=record.value,
    )


def company_of(record: Record) -> str | None:
    """The record's key as text."""
    return record.key.decode("utf-8", "replace") if record.key else None


class Refused(NamedTuple):
    """A refused record and the letter it becomes."""

    record: Record
    letter: DeadLetter

    @property
    def pair(self) -> Pair:
        return self.record.position.topic, self.record.position.partition


class Refusals:
    """Holds refused records back until it is plain that they, and not the deploy, are at fault.

    A run of `most` refusals without one good message between them means that this deploy cannot read what others
    write. Were each dead-lettered at once, such a deploy would drain the topic into the dead letters. So nothing of a
    run is published or committed before it ends: with a good message, or because no further refusal came for QUIET
    seconds (a lone bad message must not hold its partition for ever; the run's count goes on all the same).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_a_row = 0
        self._held: list[Refused] = []
        self._ready: list[Refused] = []
        self._last_at = 0.0

    def hold(self, refused: Refused, at: float) -> None:
        """Keep one more; raises BadDeployError when it is one too many in a row. `at` in monotonic seconds."""
        self._in_a_row += 1
        self._held.append(refused)
        self._last_at = at
        if self._in_a_row >= self._most:
            raise BadDeployError(
                f"{self._in_a_row} messages in a row were refused, the last at {refused.letter.origin}: "
                f"{refused.letter.error}; this deploy cannot read them, so none was committed: mend it, "
                "or raise dlq.max_consecutive"
            )

    def end_run(self) -> None:
        """A good message came: what is held may go."""
        self._in_a_row = 0
        self.release()

    def release(self) -> None:
        """Let go what is held, the run's count going on."""
        self._ready += self._held
        self._held.clear()

    def ready(self, at: float) -> Iterable[Refused]:
        """Refusals to publish, oldest first; each is forgotten once the caller asks for the next."""
        if self._held and at - self._last_at >= QUIET:
            self.release()
        while self._ready:
            yield self._ready[0]
            self._ready.pop(0)

    def drop(self, pairs: set[Pair]) -> None:
        """Forget those of partitions that another member will read again."""
        self._held = [refused for refused in self._held if refused.pair not in pairs]
        self._ready = [refused for refused in self._ready if refused.pair not in pairs]

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(len(refused.record.value) for refused in (*self._held, *self._ready))
