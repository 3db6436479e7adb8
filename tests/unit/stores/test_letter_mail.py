"""A letter as a mail: two parts that say the same, and headers that no data can leave."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.domain.companies import Person
from sago.domain.letters import Highlight, Letter, LetterDraft, Thread
from sago.stores.letter_mail import as_html, as_mail

BODY = (
    "Hi Nell,\n\nWhat else stood out:\n\n- Revenue: Your NRR came in at 143%.\n- Team: You hired Ada.\n\nBest,\n\nIvo"
)
LINES = (
    Highlight(heading="Revenue", text="Your NRR came in at 143%.", event_id=UUID(int=1)),
    Highlight(heading="Team", text="You hired Ada.", event_id=UUID(int=2)),
)


def letter(body: str = BODY, subject: str = "Orchard: €2.1M ARR", name: str = "Ivo Brandt", **more: object) -> Letter:
    return Letter(
        id=UUID(int=9),
        watch_id=UUID(int=7),
        company_id="orchard",
        window="2026-11",
        sender=Person(name=name, email="ivo@fund.example"),
        recipient=Person(name="Nell Quist", email="nell@orchard.example"),
        draft=LetterDraft.model_construct(subject=subject, body=body, highlights=LINES, metrics=()),
        event_ids=(),
        composed_by="offline",
        created_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
    ).model_copy(update=more)


def read(mail: EmailMessage) -> EmailMessage:
    back = email.message_from_bytes(mail.as_bytes(policy=email.policy.SMTP), policy=email.policy.default)
    assert isinstance(back, EmailMessage)
    return back


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_both_parts_say_the_same() -> None:
    mail = read(as_mail(letter()))
    assert part(mail, "plain").strip() == BODY
    said = Page(part(mail, "html")).text
    words = re.sub(r":root.*?}", "", said).split()
    assert words == BODY.replace("\n- ", "\n ").split()


def test_a_list_is_a_list_and_its_headings_stand_out() -> None:
    page = part(as_mail(letter()), "html")
    assert page.count("<li ") == 2
    assert "<strong>Revenue:</strong> Your NRR came in at 143%.</li>" in page


def test_lines_under_a_sentence_and_numbered_ones_are_lists_too() -> None:
    page = as_html("Two things:\n* one\n* two\n\n1. first\n2. second")
    assert page.count("<ul ") == page.count("<ol ") == 1
    assert page.count("<li ") == 4
    assert "Two things:</p>" in page


def test_nothing_is_fetched_and_nothing_is_followed() -> None:
    page = Page(part(as_mail(letter("See <img src=http://x.example/p.gif> and https://x.example now.")), "html"))
    assert page.tags == {"html", "head", "meta", "style", "body", "div", "p"}
    assert page.attributes.isdisjoint({"src", "href", "background", "srcset", "onerror", "onload"})


@given(st.text(max_size=300))
def test_no_text_becomes_markup(body: str) -> None:
    assert Page(as_html(body)).tags <= {"html", "head", "meta", "style", "body", "div", "p", "br", "ul", "ol", "li"}


def test_a_reply_names_what_it_answers() -> None:
    thread = Thread(in_reply_to="<b@x.example>", references=("<a@x.example>", "<b@x.example>"))
    mail = read(as_mail(letter(thread=thread)))
    assert mail["In-Reply-To"] == "<b@x.example>"
    assert mail["References"] == "<a@x.example> <b@x.example>"


@pytest.mark.parametrize("wrong", ["b@x.example", "<b@x.example>\r\nBcc: all@world.example", "<a b>", "<ü@x.example>"])
def test_what_is_no_message_id_is_left_out(wrong: str) -> None:
    mail = read(as_mail(letter(thread=Thread(in_reply_to=wrong, references=(wrong,)))))
    assert "In-Reply-To" not in mail
    assert "Bcc" not in mail


@settings(deadline=None)
@given(st.text(max_size=400), st.text(max_size=400))
def test_no_name_and_no_subject_begins_a_header_of_its_own(subject: str, name: str) -> None:
    mail = read(as_mail(letter(subject=subject, name=name)))
    plain = {"From", "To", "Subject", "Date", "Message-ID", "X-Unsent", "MIME-Version", "Content-Type"}
    assert set(mail.keys()) == plain
    assert mail["To"].addresses[0].addr_spec == "nell@orchard.example"


@pytest.mark.parametrize(
    "name", ["Ivo\r\nBcc: a@b.example", "Ivo\u2028Bcc: x", "李 雷" * 60, 'A "B" <c@d.example>', "\ud800"]
)
def test_an_odd_name_stays_a_name(name: str) -> None:
    sender = read(as_mail(letter(name=name)))["From"].addresses[0]
    assert sender.addr_spec == "ivo@fund.example"


def test_a_long_line_is_carried_whole() -> None:
    long = "Hi Nell,\n\n" + "a word and 12% more " * 120
    mail = as_mail(letter(long))
    assert max(map(len, mail.as_bytes(policy=email.policy.SMTP).split(b"\r\n"))) <= 998
    assert part(read(mail), "plain").strip() == long.strip()
