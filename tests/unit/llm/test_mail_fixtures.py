"""Mails that nobody of this project wrote: what others said in them, and who signs, is never news."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from sago.domain.messages import CompactMessage
from sago.llm.providers.offline import OfflineModel, RulesModel
from sago.llm.providers.offline.reading import read
from sago.pipeline.grounding import ground
from sago.ports import Model
from sago.sources import gmail, mail_mime, mail_parts
from sago.sources.mail_text import clean
from tests.unit.llm.said import START, extract

NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
NEWS = "Contoso signed this morning, three years at $120k a year."
HTML = b"Content-Type: text/html; charset=utf-8\n\n"
QUOTED_LINE = re.compile(r"(?m)^[ \t]*>.*$")
SIGNATURE = re.compile(r"(?m)^-- ?$(?P<behind>(?s:.*))")
REPLIES = {
    "talon/tests/fixtures/standard_replies": "Hello",
    "talon/tests/fixtures/html_replies": "Hi. I am fine. Thanks, Alex",
}
"""What the fixtures' own project expects of each mail of a folder as the sender's own words."""


@pytest.fixture(scope="module")
def mails(shared: Path) -> dict[Path, CompactMessage]:
    """The whole text of every fixture, quotes and signatures too, as a row of our CSV would hold it: the reader must
    not rely on what the sources cut off."""
    found = {}
    for path in sorted(each for each in (shared / "data" / "real" / "email").rglob("*") if each.is_file()):
        raw = path.read_bytes()
        if raw.startswith(b"\xd0\xcf\x11\xe0"):
            continue
        tree = mail_mime.tree_of(mail_mime.parse((HTML if path.suffix == ".html" else b"") + raw))
        subject = gmail.decode_header(mail_parts.headers_of(tree).get("subject", ""))
        text = gmail.join_subject(subject, clean(mail_parts.body_of(tree)))
        if text.strip():
            row = gmail.to_payload(native_id=path.name, sender="kim@acme.example", sent_at=NOW, text=text)
            found[path] = by_us(gmail.to_message(row, "acme").compact(), text)
    assert len(found) > 80
    return found


def by_us(message: CompactMessage, text: str) -> CompactMessage:
    return message.model_copy(update={"text": text, "sender": "kim@acme.example"})


@cache
def model(name: str) -> Model:
    return OfflineModel() if name == "offline" else RulesModel()


def parts_of_others(text: str) -> Iterator[tuple[int, int]]:
    """By the marks alone that mail programs set."""
    yield from (match.span() for match in QUOTED_LINE.finditer(text))
    if signed := SIGNATURE.search(text):
        yield signed.span("behind")


@pytest.mark.parametrize("name", ["rules", "offline"])
def test_no_mail_is_an_error_and_every_finding_is_the_senders_own(mails: dict[Path, CompactMessage], name: str) -> None:
    for mail in mails.values():
        findings = extract(model(name), mail)
        _, dropped = ground(
            findings, [mail], company_id="acme", extractor=name, extractor_version="1", recorded_at=START
        )
        assert not dropped.get("finding: quote not in message")
        for start, end in parts_of_others(mail.text):
            for finding in findings:
                at = mail.text.find(finding.quote, finding.start)
                assert at + len(finding.quote) <= start or at >= end, (finding, mail.text)


@pytest.mark.parametrize("name", ["rules", "offline"])
def test_news_that_others_told_or_that_stands_under_a_signature_is_none(
    mails: dict[Path, CompactMessage], name: str
) -> None:
    tried = 0
    for mail in mails.values():
        quoted = list(QUOTED_LINE.finditer(mail.text))
        texts = [f"{mail.text[: q.start()]}> {NEWS}{mail.text[q.end() :]}" for q in (quoted[:1] + quoted[-1:])]
        if signed := SIGNATURE.search(mail.text):
            at = signed.start("behind")
            texts.append(f"{mail.text[:at]}\n{NEWS}{mail.text[at:]}")
        for text in texts:
            tried += 1
            assert not [each.quote for each in extract(model(name), by_us(mail, text)) if "Contoso" in each.quote]
    assert tried > 30


def test_the_same_news_in_the_senders_own_words_is_found(mails: dict[Path, CompactMessage]) -> None:
    """Else the tests above could not fail."""
    plain = [mail for path, mail in mails.items() if "zapier" in str(path) or "github" in str(path)]
    found = [extract(model("rules"), by_us(mail, f"{NEWS}\n\n{mail.text}")) for mail in plain]
    assert sum(any("Contoso" in each.quote for each in each_found) for each_found in found) >= 0.9 * len(plain)


def test_replies_are_cut_where_their_own_project_cuts_them(mails: dict[Path, CompactMessage]) -> None:
    right, wrong = [], []
    for folder, own in REPLIES.items():
        for path, mail in mails.items():
            if str(path.parent).endswith(folder) and "signature" not in path.name:
                text = re.sub(r"\ASubject:.*\n", "", mail.text)
                told = " ".join(statement.text for statement in read(by_us(mail, text), frozenset({"acme"})).statements)
                (right if told == own else wrong).append(path.name)
    assert (len(right), wrong) == (10, ["thunderbird.eml"])
