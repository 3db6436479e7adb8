"""The report in its four forms: what it must show, and that message text never becomes markup."""

from __future__ import annotations

import html
import io
import json
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

from sago.domain.companies import Person
from sago.domain.events import Event
from sago.domain.letters import Letter
from sago.domain.messages import CompactMessage, Message
from sago.domain.watches import Direction, Outcome
from sago.errors import ConfigError
from sago.llm.letters import compose_offline
from sago.outreach.verdicts import judge
from sago.report import ReportData, event_row, gather, screen, write_all
from sago.report.phrases import letter_kind
from sago.stores.memory.raw import MemoryRawStore
from tests.disks import full_disk
from tests.unit.outreach import stories
from tests.unit.outreach.stories import (
    COMPANY,
    EVENTS,
    NOW,
    POINTS,
    SETBACK,
    database,
    metric,
    point,
    request,
    watch,
)

HOSTILE = "<script>alert(1)</script> [bold red]pay[/] \u202eevil\x1b[2J # *now* "


def said(event: Event, before: str = HOSTILE) -> CompactMessage:
    text = f"{before}{event.evidence[0].quote} Thanks all."
    message_id = event.evidence[0].message_id
    return CompactMessage(id=message_id, source="slack", sent_at=event.occurred_at, sender="Priya <b>", text=text)


def test_two_figures_for_one_month_are_shown_beside_each_other(data: ReportData, tmp_path: Path) -> None:
    later = stories.event("revenue_milestone", "ARR reached $2.3M", "ARR is $2.3M", metric("arr", 2.3e6), days_ago=5.5)
    both = replace(data, events=[*data.events, later], metric_points=[*POINTS, point(later, "arr", 2.3e6)])
    write_all(both, tmp_path)
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "pipeline_results.md").read_text()
    assert f'href="#event-{later.id}">ARR reached $2.3M</a>: $2.1M ARR here, $2.3M ARR there, both for November' in page
    assert f'id="event-{later.id}"' in page
    assert page.count("Contradicts") == text.count("Contradicts") == 2
    write_all(data, tmp_path)
    assert "Contradicts" not in (tmp_path / "report.html").read_text()


def letter(name: str, window: str) -> Letter:
    of = watch("arr >= 2M", name=name)
    return Letter(
        id=UUID(int=1),
        watch_id=of.id,
        company_id="orchard",
        window=window,
        sender=Person(name="Ivo Brandt"),
        recipient=Person(name="Nell Quist"),
        draft=compose_offline(request(of)),
        event_ids=(),
        composed_by="offline",
        created_at=NOW,
    )


@pytest.fixture
def data() -> ReportData:
    events = [*EVENTS, SETBACK]
    now, waiting = watch("arr >= 2M", name="now"), watch("arr >= 3M", name="waiting")
    return ReportData(
        companies=[COMPANY],
        verdicts=[
            judge(now, events, POINTS, NOW, 60),
            judge(waiting, events, POINTS, NOW, 60),
            judge(now, EVENTS, POINTS, NOW, 60),
        ],
        events=events,
        letters=[letter("now", "now:0a1b:2026-11-14")],
        messages={("orchard", event.evidence[0].message_id): said(event) for event in events},
        figures={"read": 1000, "stored": 996, "dead_lettered": 3, "duplicates": 1, "batches": 5, "seconds": 4.234},
        bad_rows=["sample.csv:14: timestamp <is> in the future"],
        as_of=NOW,
    )


class Page(HTMLParser):
    """The tags of a page, the text of its marks and of the whole."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.marks: list[str] = []
        self.text = ""
        self._in_mark = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self._in_mark = tag == "mark"
        assert not any(
            name in {"src", "onclick"} or (name == "href" and not value.startswith("#")) for name, value in attrs
        )

    def handle_endtag(self, tag: str) -> None:
        self._in_mark = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_mark:
            self.marks.append(data)


def printed(data: ReportData, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(screen(data, Path("output")))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("direction", "window", "kind"),
    [
        (Direction.TO_INVESTOR, "2026-11", "update"),
        (Direction.TO_FOUNDER, "2026-11", "to founder"),
        (Direction.TO_INVESTOR, "now:0a1b:2026-11-14", "to investor"),
        (None, "2026-11", "update"),
        (None, "now:0a1b:2026-11-14", "to founder"),
    ],
)
def test_a_letter_says_who_writes_also_when_its_watch_has_gone(
    direction: Direction | None, window: str, kind: str
) -> None:
    watches = [watch(name="now").model_copy(update={"direction": direction})] if direction else []
    assert letter_kind(letter("now", window), watches) == kind


def test_every_form_tells_a_company_update_from_a_letter_to_the_founder(data: ReportData, tmp_path: Path) -> None:
    data = replace(data, letters=[*data.letters, letter("gone", "2026-11")])
    write_all(data, tmp_path)
    for name in ("report.html", "pipeline_results.md"):
        text = html.unescape((tmp_path / name).read_text(encoding="utf-8"))
        assert text.count("Company update, in the founder's name") == 1
        assert text.count("Letter to the founder") == 1
    assert "The letter to the founder, ready for your approval" in printed(data, 90)


def test_the_page_stands_alone_and_holds_no_markup_of_a_message(data: ReportData, tmp_path: Path) -> None:
    write_all(data, tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "b"} & set(page.tags)
    assert "http://" not in text
    assert "https://" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "<script>alert(1)</script>" in page.text


def test_each_quote_is_marked_inside_its_message(data: ReportData, tmp_path: Path) -> None:
    write_all(data, tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    for event in data.events:
        assert event.evidence[0].quote in page.marks
        assert event.title in page.text
    assert "Thanks all." in page.text


def test_the_page_shows_verdicts_letters_figures_and_bad_rows(data: ReportData, tmp_path: Path) -> None:
    write_all(data, tmp_path)
    html = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    text = (tmp_path / "pipeline_results.md").read_text(encoding="utf-8")
    for shown in (html, text.replace("\\", "")):
        assert "DO NOT WRITE" in shown
        assert "NOT YET" in shown
        assert "$2.1M of $3M, $900k to go" in shown
        assert "1,000 messages read · 996 stored · 3 refused · 1 duplicate · 5 batches · 4.2 s" in shown
        assert "timestamp <is> in the future" in shown
        assert "my reason for passing was “ARR below 2M”" in shown


def test_message_text_stays_text_in_markdown(data: ReportData, tmp_path: Path) -> None:
    evil = EVENTS[0].model_copy(update={"title": "# A [link](x) `code`"})
    write_all(ReportData([COMPANY], [], [evil], [], {}, {}, [], NOW), tmp_path)
    text = (tmp_path / "pipeline_results.md").read_text(encoding="utf-8")
    assert r"\# A \[link\](x) \`code\`" in text


def test_the_events_file_has_the_files_own_ids(data: ReportData, tmp_path: Path) -> None:
    write_all(data, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len(data.events)
    assert rows == sorted(rows, key=lambda row: row["occurred_at"])
    first = next(row for row in rows if row["id"] == str(EVENTS[0].id))
    native = EVENTS[0].evidence[0].message_id.removeprefix("slack:")
    assert first["message_ids"] == [native]
    assert first["evidence"] == [{"message_id": native, "quote": "We just passed $2.1M ARR!"}]
    assert first["metrics"] == [{"name": "arr", "value": 2.1e6, "unit": "USD"}]
    assert first["source_messages"][0]["message_id"] == native


def test_one_message_proving_twice_is_named_once() -> None:
    twice = EVENTS[0].model_copy(update={"evidence": EVENTS[0].evidence * 2})
    assert len(event_row(twice)["message_ids"]) == 1
    assert len(event_row(twice)["evidence"]) == 2


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_last_screen_is_the_product(data: ReportData, width: int) -> None:
    text = printed(data, width)
    flat = " ".join(text.replace("│", " ").split())
    assert "You passed on Orchard on 2 March: “ARR below 2M”" in flat
    assert "NOW ARR was $2.1M on 14 November" in flat
    assert "“We just passed $2.1M ARR!” Priya <b>, 14 November" in flat
    assert "NOT YET ARR is $2.1M of $3M, $900k to go." in flat
    assert "DO NOT WRITE What you asked for holds, but told on 18 November" in flat
    assert "Hi Nell," in flat
    assert "output/report.html" in flat
    assert max(map(len, text.splitlines())) <= width
    assert not {"\u202e", "\x1b"} & set(text)


def test_brackets_in_a_reason_are_no_markup() -> None:
    odd = watch("arr >= 3M", name="odd").model_copy(update={"reason": "[bold red]no[/]\x1b[31m"})
    verdict = judge(odd, EVENTS, POINTS, NOW, 60)
    text = printed(ReportData([COMPANY], [verdict], EVENTS, [], {}, {}, [], NOW), 90)
    assert "[bold red]no[/][31m" in text


def test_a_run_without_anything_still_ends_with_a_screen_and_a_page(tmp_path: Path) -> None:
    empty = ReportData([], [], [], [], {}, {"read": 0}, [], NOW)
    write_all(empty, tmp_path)
    assert "No letter" in printed(empty, 80)
    assert "No letter" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "events.jsonl").read_text(encoding="utf-8") == ""


def test_a_quote_that_its_message_no_longer_holds_stands_alone(data: ReportData) -> None:
    event = EVENTS[0]
    moved = {("orchard", event.evidence[0].message_id): said(event).model_copy(update={"text": "edited"})}
    proof = ReportData([COMPANY], [], [event], [], moved, {}, [], NOW).proof("orchard", event.evidence[0])
    assert (proof.before, proof.quote, proof.after) == ("", "We just passed $2.1M ARR!", "")


def test_gathers_the_quoted_messages_alone() -> None:
    from sago.domain.events import EventType, Extraction, Observation, Severity, Status

    house = database(watch("arr >= 2M"))
    quoted = EVENTS[0].evidence[0]
    raw = MemoryRawStore()
    texts = {quoted.message_id: f"Hello! {quoted.quote}", "slack:other": "lunch?"}
    messages = [
        Message(id=mid, company_id="orchard", source="slack", sender="Priya", sent_at=EVENTS[0].occurred_at, text=text)
        for mid, text in texts.items()
    ]
    raw.store(messages, "batch", NOW)
    observation = Observation(
        company_id="orchard", message_id=quoted.message_id, source="slack", sender="Priya", start=7, end=32,
        quote=quoted.quote, event_type=EventType.REVENUE_MILESTONE, status=Status.ACTUAL, severity=Severity.HIGH,
        title="ARR reached $2.1M", extractor="offline", extractor_version="1",
        said_at=EVENTS[0].occurred_at, recorded_at=NOW,
    )  # fmt: skip
    read = Extraction(
        company_id="orchard", message_id=quoted.message_id, version=0,
        extractor="offline", extractor_version="1", finished_at=NOW - timedelta(hours=1),
    )  # fmt: skip
    with house.begin() as tx:
        tx.events.append([observation], [read])
    verdict = judge(watch("arr >= 2M"), EVENTS, POINTS, NOW, 60)
    data = gather(house, raw, ["orchard"], [verdict], NOW, {"read": 2}, [])
    assert set(data.messages) == {("orchard", quoted.message_id)}
    assert data.proof("orchard", quoted).before == "Hello! "
    assert data.judged()[0].outcome is Outcome.NOW
    assert {event.id for event in data.events} == {event.id for event in EVENTS}


def test_a_full_disk_is_said_in_one_line_and_leaves_no_half_file(data: ReportData, tmp_path: Path) -> None:
    with full_disk(), pytest.raises(ConfigError, match=r"report\.html: cannot be written \(File too large\)"):
        write_all(data, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_title_of_somebodys_own_words_stands_in_quotation_marks(data: ReportData, tmp_path: Path) -> None:
    words = "we measured it, and overtime fell by 27%"
    for title, shown in ((words, f"“{words}”"), ("we measured…", "“we measured…”"), ("Overtime fell", "Overtime fell")):
        of = stories.event("customer_success", title, f"{words}.")
        write_all(replace(data, events=[of], verdicts=[], letters=[]), tmp_path)
        page, text = (tmp_path / "report.html").read_text(), (tmp_path / "pipeline_results.md").read_text()
        assert f'<span class="title">{shown}</span>' in page
        assert f"**{shown}**" in text
