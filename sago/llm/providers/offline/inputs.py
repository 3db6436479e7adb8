"""What a second reader is given of a statement: its words, and what was said before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sago.llm.providers.offline.reading import Reading, Statement

OWN_BEFORE = 160
"""Code points of the message before the statement."""
EARLIER, EARLIER_LONG = 3, 120
"""So many earlier messages of the chat, each cut to so many code points."""
WITHIN = timedelta(hours=3)


class Input(NamedTuple):
    """A statement and its context; the same at training and at work."""

    statement: str
    before: str


def inputs(readings: Sequence[Reading]) -> list[list[Input]]:
    """One list a reading, by its statements; `readings` are by time."""
    return [
        [Input(statement.text, _before(readings, place, statement)) for statement in reading.statements]
        for place, reading in enumerate(readings)
    ]


def _before(readings: Sequence[Reading], place: int, statement: Statement) -> str:
    """Who speaks where, the message's own words before the statement, and in chat what was said just before, the
    nearest first."""
    reading = readings[place]
    message = reading.message
    is_mail = "@" in message.sender
    parts = [f"{'mail' if is_mail else 'chat'} {reading.voice}"]
    own = reading.of_us[max(0, statement.start - OWN_BEFORE) : statement.start].strip()
    if own:
        parts.append(own)
    return " | ".join(parts if is_mail else [*parts, *_said_before(readings, place)])


def _said_before(readings: Sequence[Reading], place: int) -> list[str]:
    now = readings[place].message
    said: list[str] = []
    for reading in reversed(readings[:place]):
        earlier = reading.message
        if len(said) == EARLIER or now.sent_at - earlier.sent_at > WITHIN:
            break
        if "@" not in earlier.sender:
            who = "same" if earlier.sender == now.sender else "other"
            said.append(f"{who}: {reading.of_us[:EARLIER_LONG]}")
    return said
