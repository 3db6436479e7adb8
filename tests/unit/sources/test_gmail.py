"""Gmail's payloads, made and read back."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sago.errors import InvalidMessageError
from sago.sources import gmail

DATA = Path(__file__).parents[2] / "data"
WHEN = datetime(2026, 3, 2, 9, 4, 11, 1000, tzinfo=UTC)
letters = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"))
subjects = st.one_of(letters, st.sampled_from(["=?utf-8?q?caf=C3=A9?=", " two  spaces ", "=?x?b?!!?=", "Re: 日本 🚢"]))


def payload() -> dict:
    return json.loads((DATA / "gmail_message.json").read_text(encoding="utf-8"))


@given(letters.filter(str.strip))
@example("Subject: x\r\n\r\ny")
@example("Subject: \n\ny")
@example("Subject:y")
@example("a\r\nb\n\n")
def test_any_text_comes_back_to_the_letter(text: str) -> None:
    made = gmail.to_payload(native_id="m1", sender="orla@harbour.example", sent_at=WHEN, text=text)
    assert gmail.to_message(json.loads(json.dumps(made)), "harbour").text == text


@given(subjects, letters)
@example("Hi", " ")
def test_a_text_with_a_subject_comes_back_to_the_letter(subject: str, body: str) -> None:
    text = f"Subject: {subject}\n\n{body}"
    made = gmail.to_payload(native_id="m1", sender="orla@harbour.example", sent_at=WHEN, text=text)
    assert gmail.to_message(json.loads(json.dumps(made)), "harbour").text == text


@given(st.integers(0, 2_000_000_000_000))
def test_a_time_comes_back(ms: int) -> None:
    sent_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    made = gmail.to_payload(native_id="m1", sender="o@x.example", sent_at=sent_at, text="hi", thread_id="t1")
    message = gmail.to_message(made, "harbour")
    assert (message.sent_at, message.thread_id, message.sender) == (sent_at, "t1", "o@x.example")


def test_the_subject_stands_in_its_field_too() -> None:
    made = gmail.to_payload(native_id="m1", sender="o@x.example", sent_at=WHEN, text="Subject: Fähre 🚢\n\nHallo")
    assert {"name": "Subject", "value": "Fähre 🚢"} in made["payload"]["headers"]
    assert gmail.to_message(made, "harbour").subject == "Fähre 🚢"


def test_a_message_of_the_api() -> None:
    message = gmail.to_message(payload(), "harbour")
    assert message.id == "gmail:19caf00d17b2a001"
    assert message.sender == "jiri@harbour.example"
    assert message.subject == "Fähre 🚢"
    assert message.text == "Subject: Fähre 🚢\n\nHello Orla,\n\nthe ferry figures are below."
    assert message.thread_id == "19caf00d17b2a000"


def test_html_is_read_where_there_is_no_plain_text() -> None:
    mail = payload()
    mail["payload"]["parts"][0]["parts"].pop(0)
    assert gmail.to_message(mail, "harbour").text == "Subject: Fähre 🚢\n\nHi"


@pytest.mark.parametrize(("charset", "text"), [("iso-8859-1", "Fähre"), ("windows-1252", "“so”"), ("x-none", "é")])
def test_the_declared_character_set_is_used_where_it_must(charset: str, text: str) -> None:
    data = text.encode("latin-1" if charset == "x-none" else charset)
    part = {
        "mimeType": "text/plain",
        "headers": [
            {"name": "From", "value": "Orla <orla@harbour.example>"},
            {"name": "Content-Type", "value": f"text/plain; charset={charset}"},
        ],
        "body": {"data": base64.urlsafe_b64encode(data).decode().rstrip("=")},
    }
    assert gmail.to_message({"id": "m1", "internalDate": "1772442251000", "payload": part}, "harbour").text == text


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"internalDate": "soon"}, "internalDate"), ({"payload": None}, "format `full`"), ({"id": 4}, "format `full`")],
)
def test_a_broken_payload_says_what_is_wrong(change: dict, reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=reason):
        gmail.to_message({**payload(), **change}, "harbour")
