"""Screenplays: a company's month as text that a person can write and read; the files lie in `screenplays/`.

A head of `key: value` lines ends with `---`. Then scenes:
`@ DAY HH:MM SENDER key=NAME thread=NAME` begins a message, DAY counting working days from 1; the lines below are its
text; a sender with an @ makes it a mail. `! TYPE SEVERITY | title | keys | name value unit; …` labels an event.
`{day:3}` and `{month:-1}` become the date of a working day and the name of a month, counted from the story's start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import NamedTuple

_BEAT = re.compile(r"@ (\d+) (\d\d):(\d\d) (\S+)((?: \w+=\S+)*)")
_LABEL = re.compile(r"! (\w+) (high|medium|low) \| ([^|]+) \| ([^|]+?)(?: \| ([^|]+))?")
_METRIC = re.compile(r"(.+) (-?[\d.]+) (\S+)")
_WHEN = re.compile(r"\{(day|month):(-?\d+)\}")
SATURDAY = 5


class Person(NamedTuple):
    """Somebody of the company; `voice` is how they type: `tidy`, `plain` or `lower`."""

    name: str
    role: str
    voice: str


class Beat(NamedTuple):
    """One scripted message."""

    day: int
    at: time
    sender: str
    text: str
    key: str | None
    thread: str | None

    @property
    def is_chat(self) -> bool:
        return "@" not in self.sender


class LabelledEvent(NamedTuple):
    """One event of the story as the labelling guide wants it, its messages named by the beats' keys."""

    event_type: str
    severity: str
    title: str
    keys: tuple[str, ...]
    metrics: tuple[tuple[str, float, str], ...]


class Story(NamedTuple):
    """A company and its month."""

    head: Mapping[str, str]
    people: tuple[Person, ...]
    slots: Mapping[str, tuple[str, ...]]
    whens: tuple[str, ...]
    beats: tuple[Beat, ...]
    labels: tuple[LabelledEvent, ...]

    @property
    def company_id(self) -> str:
        return self.head["id"]


class Month:
    """Working days from a first one on: day 1 is `start`, or the Monday after where that is a weekend."""

    def __init__(self, start: date) -> None:
        self.start = start
        while self.start.weekday() >= SATURDAY:
            self.start += timedelta(days=1)

    def day(self, number: int) -> date:
        """The date of a working day, counted from 1."""
        weeks, rest = divmod(self.start.weekday() + number - 1, 5)
        return self.start + timedelta(days=weeks * 7 + rest - self.start.weekday())

    def name(self, offset: int) -> str:
        """The name of the month `offset` months after the first day's."""
        return date(2000, (self.start.month - 1 + offset) % 12 + 1, 1).strftime("%B")

    def fill(self, text: str) -> str:
        """The text with its dates put in."""

        def put(found: re.Match[str]) -> str:
            number = int(found[2])
            if found[1] == "month":
                return self.name(number)
            day = self.day(number)
            return f"{day.day} {day:%B}"

        return _WHEN.sub(put, text)


def parse(text: str) -> Story:
    """The story in a screenplay; raises ValueError with the line that is none of its forms."""
    head, _, body = text.partition("\n---\n")
    keys: dict[str, str] = {}
    people: list[Person] = []
    whens: list[str] = []
    slots: dict[str, tuple[str, ...]] = {}
    for line in head.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "person":
            people.append(Person(*(part.strip() for part in value.split("|"))))
        elif key == "when":
            whens.append(value)
        elif key.startswith("slot "):
            slots[key.removeprefix("slot ")] = tuple(part.strip() for part in value.split(","))
        else:
            keys[key] = value
    beats, labels = parse_scenes(body)
    return Story(keys, tuple(people), slots, tuple(whens), beats, labels)


def parse_scenes(body: str) -> tuple[tuple[Beat, ...], tuple[LabelledEvent, ...]]:
    """The messages and the labels of a screenplay's body."""
    beats: list[Beat] = []
    labels: list[LabelledEvent] = []
    for line in body.splitlines():
        if line.startswith("@ "):
            beats.append(_beat(line))
        elif line.startswith("! "):
            labels.append(_label(line))
        elif beats:
            beats[-1] = beats[-1]._replace(text=f"{beats[-1].text}\n{line}")
        elif line.strip():
            raise ValueError(f"text before the first message: {line!r}")
    return tuple(beat._replace(text=beat.text.strip()) for beat in beats), tuple(labels)


def _beat(line: str) -> Beat:
    found = _BEAT.fullmatch(line)
    if found is None:
        raise ValueError(f"not a message: {line!r}")
    more = dict(pair.split("=", 1) for pair in found[5].split())
    at = time(int(found[2]), int(found[3]))
    return Beat(int(found[1]), at, found[4], "", more.get("key"), more.get("thread"))


def _label(line: str) -> LabelledEvent:
    found = _LABEL.fullmatch(line)
    if found is None:
        raise ValueError(f"not a label: {line!r}")
    metrics = [_metric(part.strip()) for part in (found[5] or "").split(";") if part.strip()]
    return LabelledEvent(found[1], found[2], found[3].strip(), tuple(found[4].split()), tuple(metrics))


def _metric(text: str) -> tuple[str, float, str]:
    found = _METRIC.fullmatch(text)
    if found is None:
        raise ValueError(f"not a metric: {text!r}")
    return found[1], float(found[2]), found[3]
