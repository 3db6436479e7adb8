"""The sample: its promises about shape, order, labels, and a month that agrees with itself."""

import csv
import itertools
import json
import random
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import EventType, Severity
from sago.domain.messages import Message
from sago.sample.chatter import Filler
from sago.sample.generate import DAYS, WRITTEN, Sample, generate, written
from sago.sample.screenplay import Month, parse_scenes
from sago.sample.stories import STORY_WATCHES, companies, watches, write_csv
from sago.sources.files import read_path

NOW = datetime(2026, 4, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate()


def test_a_thousand_rows_of_three_companies(sample: Sample) -> None:
    assert len(sample.rows) == 1000
    assert {row.company_id for row in sample.rows} == set(WRITTEN)
    assert sum(not row.is_chat for row in sample.rows) == 150
    assert [row.id for row in sample.rows] == sorted({row.id for row in sample.rows})
    assert [row.timestamp for row in sample.rows] == sorted(row.timestamp for row in sample.rows)
    assert all(row.content.strip() and "{" not in row.content for row in sample.rows)
    assert all(
        bool(row.chat_sender) is row.is_chat and bool(row.email_sender) is not row.is_chat for row in sample.rows
    )


def test_the_same_seed_the_same_rows(sample: Sample) -> None:
    assert generate() == sample
    assert generate(seed=8).rows != sample.rows


def test_labels_are_in_the_guide_s_form(sample: Sample) -> None:
    texts = {row.id: row for row in sample.rows}
    assert Counter(label["company_id"] for label in sample.labels).keys() == set(WRITTEN)
    assert min(Counter(label["company_id"] for label in sample.labels).values()) >= 10
    for label in sample.labels:
        EventType(label["event_type"])
        Severity(label["severity"])
        assert 5 <= len(label["title"]) <= 200
        assert "{" not in label["title"]
        assert {texts[i].company_id for i in label["message_ids"]} == {label["company_id"]}


def test_every_labelled_figure_stands_in_its_messages(sample: Sample) -> None:
    texts = {row.id: row.content for row in sample.rows}
    words = {2: "two", 3: "three", 5: "five"}
    for label in sample.labels:
        told = " ".join(texts[i] for i in label["message_ids"]).lower().replace(",", "")
        for metric in label["metrics"]:
            value = metric["value"]
            forms = {f"{value:g}", f"{value}", f"{value / 1000:g}k", f"{value / 1e6:g}m", f"{value / 1e6:g} million"}
            found = any(re.search(rf"(?<![\d.]){re.escape(form)}(?![\d])", told) for form in forms)
            assert found or words.get(value, "\0") in told or (value == 2 and "24 months" in told), (label, metric)


def test_recurring_revenue_is_twelve_months(sample: Sample) -> None:
    for label in sample.labels:
        figures = {metric["name"]: metric["value"] for metric in label["metrics"]}
        if {"MRR", "ARR"} <= figures.keys():
            assert figures["ARR"] == figures["MRR"] * 12, label


def test_small_talk_is_varied(sample: Sample) -> None:
    chats = [row.content for row in sample.rows if row.is_chat]
    assert len(set(chats)) > 0.7 * len(chats)
    assert max(Counter(text for text in chats if len(text) > 25).values()) <= 3


def test_small_talk_holds_no_event() -> None:
    """A filler line with a company figure beside a milestone's word would be an event without a label."""
    told = re.compile(
        r"\b(arr|mrr|nrr|dau|soc 2|iso \d+|term sheet|we (signed|launched|raised|hired|closed|lost|passed)|"
        r"(signed|terminated|cancelled) (the|their|our) contract|outage|resigned|churn\w*)\b",
        re.IGNORECASE,
    )
    rng = random.Random(1)  # noqa: S311
    filler = Filler(written("scaleflow"), Month(date(2026, 3, 3)), rng)
    lines = [line.text for _ in range(400) for line in filler.conversation()]
    inside = [mail.text for mail in (filler.mail() for _ in range(200)) if mail.sender.endswith("scaleflow.example")]
    assert not [text for text in lines + inside if told.search(text)]


def test_weekends_are_free_and_a_start_on_one_moves() -> None:
    for start in (date(2026, 3, 3), date(2026, 3, 7), date(2025, 12, 31)):
        rows = generate(rows=200, start=start).rows
        assert all(date.fromisoformat(row.timestamp[:10]).weekday() < 5 for row in rows)
        assert rows[0].timestamp[:10] >= start.isoformat()


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_working_days_follow_each_other(start: date) -> None:
    month = Month(start)
    days = [month.day(number) for number in range(1, DAYS + 20)]
    assert days[0] == month.start
    for day, following in itertools.pairwise(days):
        assert day.weekday() < 5
        assert (following - day).days in (1, 3)


def test_the_default_month_names_its_days() -> None:
    month = Month(date(2026, 3, 3))
    assert month.fill("{day:1}, {day:22}, {month:-1} and {month:0}") == "3 March, 1 April, February and March"


@pytest.mark.parametrize(("rows", "count"), [(1, 1), (5, 3), (60, 3), (2000, 50)])
def test_any_size(rows: int, count: int) -> None:
    made = generate(rows=rows, companies=count)
    assert len(made.rows) == rows
    ids = {row.id for row in made.rows}
    assert all(set(label["message_ids"]) <= ids for label in made.labels)
    assert {row.company_id for row in made.rows} <= set(WRITTEN) | {
        row.company_id for row in made.rows if re.fullmatch(r"[a-z]+-\d+", row.company_id)
    }
    if rows >= 2000:
        assert len({row.company_id for row in made.rows}) == count
        assert all("{" not in row.content for row in made.rows)
        assert len({label["company_id"] for label in made.labels}) == count


@pytest.mark.parametrize("body", ["@ 1 9:00 Alex\nhi", "! funding huge | x | y", "hello", "! funding high | t | k | x"])
def test_a_slip_of_the_pen_is_found(body: str) -> None:
    with pytest.raises(ValueError, match=r"not a|before the first"):
        parse_scenes(body)


def test_the_watches_fit_the_stories() -> None:
    made = watches(NOW)
    assert [watch.company_id for watch in made] == [company.company_id for company in companies()] == list(WRITTEN)
    assert [tuple(c.text for c in watch.conditions) for watch in made] == [told.conditions for told in STORY_WATCHES]
    assert made[0].conditions[0].value == 2_000_000
    assert made[0].met_on == date(2026, 3, 2)


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    done = write_csv(tmp_path / "deep" / "x.csv", rows=300)
    rows = list(read_path(done.path, company_id="acme", mapping={}, now=NOW))
    assert len(rows) == done.rows == 300
    with done.path.open(encoding="utf-8", newline="") as file:
        contents = [row["content"] for row in csv.DictReader(file)]
    assert [row.text for row in rows if isinstance(row, Message)] == contents
    labels = [json.loads(line) for line in done.labels_path.read_text(encoding="utf-8").splitlines()]
    assert len(labels) == done.labels > 20
    assert done.labels_path.name == "x.labels.jsonl"
