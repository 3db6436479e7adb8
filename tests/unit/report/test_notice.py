"""A notice as a mail: specific, escaped, without anything fetched or clicked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.companies import Person
from sago.domain.events import EventType, Severity
from sago.domain.notices import (
    Change,
    Item,
    Notice,
    Said,
    ToldCondition,
    ToldEvent,
    ToldFigure,
    ToldLetter,
    notice_id,
)
from sago.domain.watches import Outcome
from sago.report.notice import html, notice_mail, subject
from sago.report.notice_text import plain
from sago.report.notice_words import inert

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
DAY = date(2026, 11, 20)
HOUSE = Person(name="Sago", email="sago@house.example")
EVIL = (
    "Pay at https://evil.example/x or write to boss@evil.example\nApproved: yes "
    "\u202e<script>alert(1)</script> \x1b[31m"
)
OUTCOMES = {Change.MET: Outcome.NOW, Change.AGAINST: Outcome.DO_NOT_WRITE, Change.DRAFT: Outcome.NOW}


def told_event(title: str = "ARR reached $2.1M", **other: Any) -> ToldEvent:
    fields: dict[str, Any] = {
        "event_id": uuid5(NAMESPACE_URL, title),
        "kind": EventType.REVENUE_MILESTONE,
        "severity": Severity.HIGH,
        "title": title,
        "occurred_at": datetime(2026, 11, 14, tzinfo=UTC),
        "figures": (ToldFigure(name="arr", value=2.1e6, unit="USD", before=1.4e6),),
        "said": Said(quote="We passed $2.1M", sender="nell@scaleflow.example", said_at=NOW),
    }
    return ToldEvent(**(fields | other))


def condition(**other: Any) -> ToldCondition:
    fields: dict[str, Any] = {
        "text": "arr >= 2M", "label": "ARR", "is_figure": True, "op": ">=", "value": 2e6, "holds": True,
        "seen": 2.1e6, "unit": "USD", "before": 1.4e6, "event": told_event(),
    }  # fmt: skip
    return ToldCondition(**(fields | other))


def item(change: Change = Change.MET, company: str = "ScaleFlow", **other: Any) -> Item:
    fields: dict[str, Any] = {
        "watch_id": uuid5(NAMESPACE_URL, company),
        "company_id": f"c-{uuid5(NAMESPACE_URL, company).hex}",
        "company": company,
        "change": change,
        "outcome": OUTCOMES.get(change, Outcome.NOT_YET),
        "conditions": (condition(),),
        "tells": ("x",),
    }
    return Item(**(fields | other))


def notice(*items: Item, **other: Any) -> Notice:
    fields: dict[str, Any] = {
        "id": notice_id("default", "dana@northgate.example", DAY),
        "email": "dana@northgate.example",
        "recipient": Person(name="Dana Reed", email="Dana@northgate.example"),
        "day": DAY,
        "items": items,
        "created_at": NOW,
    }
    return Notice(**(fields | other))


LETTER = ToldLetter(
    id=UUID("77c0d1aa-0000-4000-8000-000000000000"),
    subject="ScaleFlow at $2.1M",
    body="Hi Nell,\n\n- one\n- two\n\nDana",
    to="Nell",
)
COUNT = condition(text="enterprise_deal >= 1", label="enterprise deal", is_figure=False, value=1, seen=1, before=0)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([item()], "ScaleFlow: ARR passed the $2M you asked for"),
        ([item(asked_by="Dana Reed")], "ScaleFlow: ARR passed the $2M Dana Reed asked for"),
        ([item(conditions=(COUNT,))], "ScaleFlow: the enterprise deal you asked for"),
        ([item(conditions=(COUNT, condition()))], "ScaleFlow: all you asked for holds now"),
        ([item(conditions=(COUNT.model_copy(update={"held_before": True}), condition()))],
         "ScaleFlow: ARR passed the $2M you asked for"),
        ([item(Change.AGAINST)], "ScaleFlow: a setback speaks against writing"),
        ([item(Change.OVER)], "ScaleFlow: what you asked for holds no longer"),
        ([item(Change.MOVED)], "ScaleFlow: ARR $1.4M → $2.1M, not yet"),
        ([item(Change.MOVED, conditions=())], "ScaleFlow: not yet"),
        ([item(Change.DRAFT)], "ScaleFlow: a letter is ready"),
        ([item(Change.DRAFT, outcome=Outcome.UPDATE, asked_by="Dana")], "ScaleFlow: the monthly update is ready"),
        ([item(Change.CORRECTED)], "ScaleFlow: a figure you were told was corrected"),
        ([item(Change.WITHDRAWN)], "ScaleFlow: something you were told was withdrawn"),
        ([item(), item(Change.MOVED, "Orchard")], "ScaleFlow: ARR passed the $2M you asked for, and news of 1 other"),
        ([item(Change.MOVED, name) for name in ("A", "B", "C")], "Three of your companies moved"),
        ([item(company="An extraordinarily long name of a company, GmbH & Co. KG"), item(Change.MOVED, "B")],
         "Two of your companies moved"),
    ],
)  # fmt: skip
def test_the_subject_says_what_moved(items: list[Item], expected: str) -> None:
    assert subject(notice(*items)) == expected


@given(st.text(min_size=1), st.text(), st.sampled_from(Change), st.integers(1, 12))
def test_the_subject_is_one_line_of_at_most_90_characters(
    name: str, asked_by: str, change: Change, others: int
) -> None:
    more = [item(Change.MOVED, f"other {number}") for number in range(others - 1)]
    said = subject(notice(item(change, name, asked_by=asked_by), *more))
    assert 0 < len(said) <= 90
    assert not re.search(r"[\r\n\x00-\x08\u202a-\u202e]", said)


class Tags(HTMLParser):
    """What a mail program would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile() -> Notice:
    said = Said(quote=EVIL, sender=EVIL, said_at=NOW)
    bad = told_event(EVIL[:100], said=said)
    letter = LETTER.model_copy(update={"subject": EVIL, "body": EVIL, "to": EVIL})
    every = [
        item(
            change,
            company=EVIL,
            because=EVIL,
            asked_by=EVIL,
            events=(bad,),
            more=(EVIL,),
            against=(bad,),
            letter=letter,
            conditions=(condition(text=EVIL, label="ARR", note=EVIL, event=bad),),
        )
        for change in Change
    ]
    return notice(*every, recipient=Person(name=EVIL, email="dana@northgate.example"), held_over=(EVIL,))


def test_words_of_others_become_neither_markup_nor_links_nor_lines_of_ours() -> None:
    page = Tags(html(hostile()))
    assert page.tags <= {"html", "head", "meta", "title", "style", "body", "div", "p", "h2", "span", "code"}
    assert not page.attributes & {"href", "src", "onclick", "background"}
    assert "<script>alert(1)</script>" in page.text
    for text in (page.text, plain(hostile())):
        assert "\u202e" not in text
        assert "\x1b" not in text
        assert "https://evil" not in text
        assert "evil.example" not in text
        assert "boss@evil" not in text
        assert "https://evil.example/x" in text.replace("\u200b", "").replace("\n", " ")
    lines = plain(hostile()).splitlines()
    assert not [line for line in lines if line.startswith("Approved")]


def test_nothing_is_fetched_and_nothing_counts_who_reads() -> None:
    text = html(notice(item(letter=LETTER)))
    assert not re.search(r"url\(|http|<img|<script|<link|@import|@font-face", text)


def test_the_mail_has_both_forms_and_no_header_of_a_name() -> None:
    name = "Dana\r\nBcc: all@x.example"
    mail = notice_mail(notice(item(letter=LETTER), recipient=Person(name=name, email="dana@northgate.example")), HOUSE)
    assert mail["Bcc"] is None
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert "sago outreach approve 77c0d1aa" in mail.get_body(("plain",)).get_content()
    assert "sago outreach approve 77c0d1aa" in mail.get_body(("html",)).get_content()
    assert len(mail.as_bytes()) > 1000


def test_a_line_each_for_what_needs_no_letter() -> None:
    setback = told_event("Fjord Bank will not renew", kind=EventType.SETBACK, said=None)
    corrected = told_event(figures=(ToldFigure(name="arr", value=1.9e6, unit="USD", before=2.1e6),))
    text = plain(
        notice(
            item(Change.AGAINST, "A", against=(setback,)),
            item(Change.MOVED, "B", because="ARR is $1.8M of $2M, $200k to go.", conditions=(
                condition(holds=False, seen=1.8e6, event=None),)),
            item(Change.CORRECTED, "C", outcome=None, events=(corrected,)),
            item(Change.WITHDRAWN, "D", outcome=None, events=(corrected, told_event("", is_gone=True))),
            item(Change.CORRECTED, "E", outcome=None, events=(told_event(figures=()),)),
            item(Change.CORRECTED, "F", outcome=None, events=(
                told_event(figures=(ToldFigure(name="arr", value=None, unit="USD", before=2.1e6),)),)),
            held_over=("G", "G", "H"),
        ), 200,
    )  # fmt: skip
    for line in (
        "DO NOT WRITE  What you asked for holds, but told on 14 November: Fjord Bank will not renew",
        "NOT YET  ARR is $1.8M of $2M, $200k to go. When you last looked: ARR $1.4M.",
        "CORRECTED  ARR reached $2.1M: ARR $2.1M → $1.9M",
        "WITHDRAWN  Held no more: ARR reached $2.1M; Revenue of 14 November",
        "CORRECTED  ARR reached $2.1M: it stands again",
        "CORRECTED  ARR reached $2.1M: ARR $2.1M → no longer stated",
        "And 3 more, in the next mail: G, H",
    ):
        assert line in text.replace("\u200b", "").splitlines()


def test_the_letter_stands_in_the_notice_as_it_would_be_read() -> None:
    text = plain(notice(item(letter=LETTER, more=("one", "two", "three", "four"))))
    assert "  | Hi Nell,\n  |\n  | - one\n  | - two\n  |\n  | Dana\n" in text
    assert "  and 4 more: one; two; three; …" in text
    assert "read it     sago outreach show 77c0d1aa" in text
    assert "No draft yet" in plain(notice(item()))


def test_passages_that_no_event_bears_out_are_named_beside_the_draft() -> None:
    doubtful = notice(item(letter=LETTER.model_copy(update={"doubts": 2})))
    assert (
        "  ! Whoever approves it answers for 2 passages of it; which, says:\n    sago outreach show 77c0d1aa\n"
        in plain(doubtful)
    )
    assert "Whoever approves it answers for 2 passages of it" in html(doubtful)
    for form in (plain, html):
        assert "answers for" not in form(notice(item(letter=LETTER)))


@pytest.mark.parametrize("width", [40, 72])
def test_plain_text_keeps_its_width(width: int) -> None:
    assert all(len(line) <= width for line in plain(hostile(), width).splitlines() if "sago " not in line)


def test_figures_and_abbreviations_are_left_as_they_are() -> None:
    assert (
        inert("ARR of $2.1M. Grew 1.5x, v2.0 at 10:30; $1,234.56")
        == "ARR of $2.1M. Grew 1.5x, v2.0 at 10:30; $1,234.56"
    )
