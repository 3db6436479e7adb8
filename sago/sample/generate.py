"""A month of messages of several companies, in the order of their times, the same for the same seed."""

from __future__ import annotations

import heapq
import random
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from sago.sample import arcs
from sago.sample.chatter import Filler
from sago.sample.screenplay import Beat, LabelledEvent, Month, Story, parse

WRITTEN = ("scaleflow", "tidewell", "brackenpay")
"""The companies whose month was written by hand; further ones are put together from arcs."""
DAYS = 23
"""Working days of a story: a little over a month."""
DEFAULT_START = date(2026, 3, 3)
MAIL_SHARE = 0.15
THREADED = 0.3
"""Share of conversations that take place in a thread."""


class SampleRow(NamedTuple):
    """One row of the CSV."""

    id: str
    is_chat: bool
    chat_sender: str
    email_sender: str
    timestamp: str
    content: str
    company_id: str
    thread_id: str


class Sample(NamedTuple):
    """All rows and the labels of what they tell, in the form of the labelling guide."""

    rows: list[SampleRow]
    labels: list[dict[str, Any]]


class Plan(NamedTuple):
    """What to make."""

    rows: int = 1000
    companies: int = 3
    seed: int = 7
    start: date = DEFAULT_START

    @property
    def name(self) -> str:
        """Begins every id, so that the rows of two plans never pass for one another's."""
        return f"s{zlib.crc32(repr(tuple(self)).encode()):08x}"

    @property
    def stories(self) -> list[Story]:
        return [
            written(WRITTEN[number]) if number < len(WRITTEN) else arcs.story(number - len(WRITTEN) + 1, self.seed)
            for number in range(self.companies)
        ]


class Draft(NamedTuple):
    """A message on its way: sorts by time, then company, then its turn in the story."""

    at: datetime
    company_id: str
    turn: int
    sender: str
    text: str
    thread: str | None
    key: str | None


@cache
def written(company_id: str) -> Story:
    """A hand-written story."""
    file = resources.files("sago.sample") / "screenplays" / f"{company_id}.txt"
    return parse(file.read_text(encoding="utf-8"))


def generate(rows: int = 1000, companies: int = 3, seed: int = 7, start: date = DEFAULT_START) -> Sample:
    """Everything at once; `stream` gives the same rows one by one."""
    plan = Plan(rows, companies, seed, start)
    ids: dict[tuple[str, str], str] = {}
    return Sample(list(stream(plan, ids)), labels(plan, ids))


def stream(plan: Plan, ids: dict[tuple[str, str], str]) -> Iterator[SampleRow]:
    """The rows in the order of time; (company, key) → id of each scripted message is noted in `ids`.

    Holds one day of each company in memory.
    """
    month = Month(plan.start)
    stories = plan.stories
    shares = [plan.rows // len(stories) + (number < plan.rows % len(stories)) for number in range(len(stories))]
    months = [_company(story, month, share, plan.seed) for story, share in zip(stories, shares, strict=True)]
    for number, draft in enumerate(heapq.merge(*months), start=1):
        row_id = f"{plan.name}-{number:05d}"
        if draft.key:
            ids[draft.company_id, draft.key] = row_id
        is_chat = "@" not in draft.sender
        yield SampleRow(
            id=row_id,
            is_chat=is_chat,
            chat_sender=draft.sender if is_chat else "",
            email_sender="" if is_chat else draft.sender,
            timestamp=f"{draft.at:%Y-%m-%dT%H:%M:%SZ}",
            content=draft.text,
            company_id=draft.company_id,
            thread_id=f"{draft.company_id}-{draft.thread}" if draft.thread else "",
        )


def labels(plan: Plan, ids: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    """The labels of the events whose every message was made; to be called once `stream` is at its end."""
    month = Month(plan.start)
    return [
        _label(story.company_id, label, month, [ids[story.company_id, key] for key in label.keys])
        for story in plan.stories
        for label in story.labels
        if all((story.company_id, key) in ids for key in label.keys)
    ]


def _label(company_id: str, label: LabelledEvent, month: Month, message_ids: list[str]) -> dict[str, Any]:
    return {
        "company_id": company_id,
        "event_type": label.event_type,
        "severity": label.severity,
        "title": month.fill(label.title),
        "message_ids": message_ids,
        "metrics": [
            {"name": name, "value": int(value) if value.is_integer() else value, "unit": unit}
            for name, value, unit in label.metrics
        ],
    }


def _company(story: Story, month: Month, rows: int, seed: int) -> Iterator[Draft]:
    """One company's month, day by day."""
    rng = random.Random(f"{seed}/{story.company_id}")  # noqa: S311 - stories, not secrets
    filler = Filler(story, month, rng)
    # A small sample keeps what its labels need and lets the banter go.
    beats = sorted(story.beats, key=lambda beat: beat.key is None)[:rows]
    mails = max(0, round(rows * MAIL_SHARE) - sum(not beat.is_chat for beat in beats))
    mails = min(mails, rows - len(beats))
    chats = rows - len(beats) - mails
    turn = 0
    for day in range(1, DAYS + 1):
        drafts = [_scripted(story, month, beat) for beat in beats if beat.day == day]
        drafts += _letters(filler, story, month.day(day), _quota(mails, day), rng)
        drafts += _talk(filler, story, month.day(day), _quota(chats, day), rng)
        for draft in sorted(drafts, key=lambda draft: draft.at):
            turn += 1
            yield draft._replace(turn=turn)


def _quota(total: int, day: int) -> int:
    """How many of `total` fall on a day, so that all days together give exactly `total`."""
    return total * day // DAYS - total * (day - 1) // DAYS


def _scripted(story: Story, month: Month, beat: Beat) -> Draft:
    at = datetime.combine(month.day(beat.day), beat.at, UTC)
    # Nobody writes on the full minute; the same second each time keeps a seed's rows the same.
    at += timedelta(seconds=sum(beat.text.encode()) % 60)
    return Draft(at, story.company_id, 0, beat.sender, month.fill(beat.text), beat.thread, beat.key)


def _letters(filler: Filler, story: Story, day: date, number: int, rng: random.Random) -> list[Draft]:
    return [
        Draft(_moment(day, rng), story.company_id, 0, line.sender, line.text, None, None)
        for line in (filler.mail() for _ in range(number))
    ]


def _talk(filler: Filler, story: Story, day: date, number: int, rng: random.Random) -> list[Draft]:
    """Conversations until the day has its number of messages; the last one may be cut short."""
    drafts: list[Draft] = []
    while len(drafts) < number:
        at = _moment(day, rng)
        lines = filler.conversation()[: number - len(drafts)]
        thread = f"{day:%m%d}-{len(drafts)}" if len(lines) > 1 and rng.random() < THREADED else None
        for line in lines:
            drafts.append(Draft(at, story.company_id, 0, line.sender, line.text, thread, None))
            at += timedelta(seconds=rng.randrange(15, 200))
    return drafts


def _moment(day: date, rng: random.Random) -> datetime:
    """A moment of the working day, in UTC."""
    return datetime.combine(day, time(8), UTC) + timedelta(seconds=rng.randrange(0, 9 * 3600))
