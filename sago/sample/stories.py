"""The hand-written companies as the rest of Sago knows them: who they are, who passed on them, and their CSV."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast
from uuid import NAMESPACE_URL, uuid5

from sago.domain.companies import Company, Person
from sago.domain.watches import Condition, Direction, Watch
from sago.sample.generate import DEFAULT_START, WRITTEN, Plan, SampleRow, labels, stream, written
from sago.sample.screenplay import Month, Story


class StoryWatch(NamedTuple):
    """Why the investor of a story passed; the conditions as a person writes them."""

    company_id: str
    investor: str
    investor_mail: str
    met_on: date
    reason: str
    conditions: tuple[str, ...]


class Written(NamedTuple):
    """What `write_csv` wrote."""

    path: Path
    labels_path: Path
    rows: int
    labels: int


def companies() -> list[Company]:
    """The three companies of the hand-written stories."""
    return [
        Company(
            company_id=story.company_id,
            name=story.head["name"],
            founder=story.head["founder"],
            founder_title="CEO",
            founder_email=story.head["mail"],
        )
        for story in map(written, WRITTEN)
    ]


def _story_watch(story: Story) -> StoryWatch:
    return StoryWatch(
        company_id=story.company_id,
        investor=story.head["investor"],
        investor_mail=story.head["investor_mail"],
        met_on=Month(DEFAULT_START).start + timedelta(days=int(story.head["met"])),
        reason=story.head["reason"],
        conditions=tuple(when.partition(" | ")[0] for when in story.whens),
    )


STORY_WATCHES: tuple[StoryWatch, ...] = tuple(_story_watch(written(company_id)) for company_id in WRITTEN)
"""The demo's watches as data, one a company: in the default month one ends NOW, one NOT YET, one DO NOT WRITE."""


def watches(now: datetime) -> list[Watch]:
    """The same as watches of the default firm, with their conditions read."""
    return [
        Watch(
            id=uuid5(NAMESPACE_URL, f"sago:sample-watch:{told.company_id}"),
            company_id=told.company_id,
            investor=Person(name=told.investor, email=told.investor_mail),
            met_on=told.met_on,
            reason=told.reason,
            conditions=tuple(map(_condition, written(told.company_id).whens)),
            direction=Direction.TO_FOUNDER,
            created_at=now,
        )
        for told in STORY_WATCHES
    ]


def _condition(when: str) -> Condition:
    """`arr >= 2M | metric arr >= 2000000`: as a person writes it, and as it is read."""
    text, _, read = when.partition(" | ")
    kind, name, op, value = read.split()
    return Condition(
        text=text,
        kind=cast('Literal["metric", "count"]', kind),
        name=name,
        op=cast('Literal[">=", ">", "<=", "<", "==", "!="]', op),
        value=float(value),
    )


def write_csv(
    path: Path, *, rows: int = 1000, companies: int = 3, seed: int = 7, start: date = DEFAULT_START
) -> Written:
    """Write the sample as CSV, and its labels beside it as `<stem>.labels.jsonl`; rows are not held in memory."""
    plan = Plan(rows, companies, seed, start)
    ids: dict[tuple[str, str], str] = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SampleRow._fields)
        writer.writerows(stream(plan, ids))
    told = labels(plan, ids)
    beside = path.with_name(f"{path.stem}.labels.jsonl")
    beside.write_text("".join(map(_json_line, told)), encoding="utf-8")
    return Written(path, beside, rows, len(told))


def _json_line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
