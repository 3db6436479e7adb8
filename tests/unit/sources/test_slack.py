"""Slack's payloads, made and read back."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.errors import InvalidMessageError
from sago.sources import slack

DATA = Path(__file__).parents[2] / "data"
WHEN = datetime(2026, 3, 2, 9, 4, 11, 1000, tzinfo=UTC)
USERS = {"U0HARBOR1": "Orla", "U0HARBOR2": "Jiří"}
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1).filter(str.strip)


def payload(name: str) -> dict:
    return json.loads((DATA / f"slack_{name}.json").read_text(encoding="utf-8"))


@given(texts, st.integers(0, 2_000_000_000_000))
def test_a_text_and_a_time_come_back_to_the_letter(text: str, ms: int) -> None:
    sent_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    made = slack.to_payload(native_id="a1", sender="orla", sent_at=sent_at, text=text, thread_id="t-9")
    message = slack.to_message(json.loads(json.dumps(made)), "harbour")
    assert (message.text, message.sent_at, message.id) == (text, sent_at, "slack:a1")
    assert (message.sender, message.thread_id, message.version) == ("orla", "t-9", 0)


@pytest.mark.parametrize("text", ["a &amp; b", "<@U1>", "x\r\ny", "&lt;&amp;lt;", "👩‍👩‍👧 日本", "<http://a|b> & >"])
def test_what_looks_like_slack_s_own_signs_is_text(text: str) -> None:
    made = slack.to_payload(native_id="a1", sender="orla", sent_at=WHEN, text=text)
    assert slack.to_message(made, "harbour").text == text


def test_a_message_of_the_api() -> None:
    message = slack.to_message(payload("message"), "harbour", USERS)
    assert message.id == "slack:C0PLANNING:1772442251.000200"
    assert message.sender == "Orla"
    assert message.thread_id == "1772440000.000100"
    assert message.text == "Morning all & welcome <3 — @Jiří the notes are at the page in #docks, @here"


def test_an_edit_keeps_the_id_and_the_first_time() -> None:
    message = slack.to_message(payload("changed"), "harbour", USERS)
    assert message.id == "slack:C0PLANNING:1772442251.000200"
    assert message.version == 1_772_442_299_000_000
    assert message.sent_at < (message.edited_at or message.sent_at)
    assert message.text == "Morning all, notes are moved to Thursday"


def test_a_deletion_has_no_text_anywhere() -> None:
    message = slack.to_message(payload("deleted"), "harbour")
    assert (message.deleted, message.text) == (True, "")
    assert message.id == "slack:C0PLANNING:1772442251.000200"
    assert message.version == 1_772_442_400_000_500
    assert b"forgotten" not in message.to_json()


def test_text_out_of_block_kit() -> None:
    message = slack.to_message(payload("blocks"), "harbour", USERS)
    assert message.sender == "deploys"
    assert message.text.splitlines() == [
        "Deploy finished",
        "*ferry-api* is on build 118",
        "took 4 min",
        "thanks @Jiří🚢",
        "• one",
        "• https://x.example",
    ]


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "pinned_item", "tombstone", {"odd": 1}])
def test_notices_are_left_out_on_purpose(subtype: object) -> None:
    notice = {**payload("message"), "subtype": subtype}
    assert slack.ignored(notice)
    with pytest.raises(InvalidMessageError, match="not a message: subtype"):
        slack.to_message(notice, "harbour")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts": "yesterday"}, "not a Slack time stamp"),
        ({"ts": None}, "not a Slack time stamp"),
        ({"channel": None}, "names no channel"),
        ({"text": "", "blocks": []}, "text is empty"),
        ({"text": "a\x00b"}, "NUL"),
    ],
)
def test_a_broken_payload_says_what_is_wrong(change: dict, reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=reason):
        slack.to_message({**payload("message"), **change}, "harbour")
