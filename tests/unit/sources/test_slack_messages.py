"""Which messages of Slack are taken, and that one message is the same whichever way it comes."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.ports import Delivery, Item
from sago.sources import slack, slack_events, slack_subtypes
from sago.sources.files import read_path

NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
TS = "1772442251.000200"
LATER = "1772442300.000400"
NAMES = {"U1": "Orla Byrne", "U2": "Jiří", "U7": "billing"}


def said(text: str = "We signed the lease", **more: Any) -> dict[str, Any]:
    return {"type": "message", "channel": "C1", "user": "U1", "text": text, "ts": TS, **more}


def changed(message: Any, before: Any = None, **more: Any) -> dict[str, Any]:
    event = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": "C1", "ts": LATER}
    return {**event, "event_ts": LATER, "message": message, "previous_message": before or said(), **more}


def fate(payload: dict[str, Any]) -> str | None:
    return slack_events.ignored(slack_events.item_of(payload))


def read(payload: dict[str, Any]) -> Message:
    return slack_events.to_message(slack_events.item_of(payload), "acme", NAMES)


def link(**more: Any) -> dict[str, Any]:
    return {"from_url": "https://news.example/a", "title": "They raised $9M", "text": "others' words", **more}


# --- which are taken


@pytest.mark.parametrize("subtype", sorted(slack_subtypes.TAKEN))
def test_what_people_and_apps_say_is_taken(subtype: str) -> None:
    assert read(said(subtype=subtype)).text == "We signed the lease"


@pytest.mark.parametrize("subtype", sorted(slack_subtypes.IGNORED))
def test_each_other_subtype_is_left_out_with_its_reason(subtype: str) -> None:
    reason = fate(said(subtype=subtype))
    assert reason == f"subtype {subtype}: {slack_subtypes.IGNORED[subtype]}"
    assert len(reason) <= 80
    with pytest.raises(InvalidMessageError, match="not a message"):
        read(said(subtype=subtype))


def test_a_subtype_nobody_knows_is_taken_where_a_person_speaks() -> None:
    assert read(said(subtype="list_comment")).text == "We signed the lease"
    unheard = "subtype list_comment: not known, and no person's words"
    assert fate(said("", subtype="list_comment")) == unheard
    assert fate(said(subtype="list_comment", user="USLACKBOT")) == unheard
    assert fate(said(subtype="list_comment", user=None)) == unheard
    assert fate(said(subtype="list_comment", bot_id="B1")) == unheard
    assert fate(said("", subtype="Words of Somebody")) == "subtype of no known form: not known, and no person's words"
    assert fate(said(subtype=["me_message"])) == "subtype is no text"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (said("", files=[{"id": "F1", "name": "board deck.pdf"}]), "files without a word"),
        (said("", attachments=[link(is_share=True)]), "another's message or a link, without a word of the sender's"),
        (said(""), "text is empty"),
        (said("This content can't be displayed.", bot_id="B1"), "text is empty"),
        (said(is_ephemeral=True), "shown to one person alone"),
        (said(bot_id="B1", streaming_state="in_progress"), "an app is still writing it"),
        ({**said(), "type": "reaction_added"}, "type reaction_added"),
        (changed("x"), "a change without its message"),
        (changed(said("A huddle", subtype="huddle_thread")), "subtype huddle_thread: a notice"),
    ],
)
def test_what_says_nothing_is_left_out_with_its_reason(message: dict[str, Any], reason: str) -> None:
    assert fate(message) == reason


def test_a_row_of_our_own_files_without_a_word_is_refused_and_not_left_out() -> None:
    made = slack.to_payload(native_id="a1", sender="orla", sent_at=NOW, text=" ")
    assert slack.ignored(made) is None
    with pytest.raises(InvalidMessageError, match="text is empty") as caught:
        slack.to_message(made, "acme")
    assert caught.value.message_id == "slack:a1"


@pytest.mark.parametrize("text", ["This content can't be displayed.", "\n[no preview available]\n"])
def test_a_row_of_our_own_files_says_what_it_says(text: str) -> None:
    made = slack.to_payload(native_id="a1", sender="orla", sent_at=NOW, text=text)
    assert slack.to_message(made, "acme").text == text


# --- threads, files, shared messages, apps


def test_replies_and_what_is_broadcast_lie_in_their_thread() -> None:
    reply = said(ts=LATER, thread_ts=TS, parent_user_id="U2")
    assert read(reply).thread_id == TS
    broadcast = read({**reply, "subtype": "thread_broadcast", "root": said("others' words", user="U2")})
    assert (broadcast.thread_id, broadcast.text) == (TS, "We signed the lease")


def test_files_are_listed_and_not_read() -> None:
    message = read(said(subtype="file_share", files=[{"id": "F1", "name": "term sheet signed.pdf", "preview": "x"}]))
    assert message.text == "We signed the lease"
    assert message.raw["files"][0]["name"] == "term sheet signed.pdf"


def test_what_others_said_is_not_the_sender_s() -> None:
    quotes = [link(), link(is_share=True), link(is_msg_unfurl=True, author_name="Ana"), link(is_app_unfurl=True)]
    assert read(said("Look at this", attachments=quotes)).text == "Look at this"


def test_a_pasted_table_is_the_sender_s() -> None:
    rows = [[{"type": "raw_text", "text": "Month"}, {"type": "raw_text", "text": "MRR"}]]
    rows.append([{"type": "raw_text", "text": "March"}, {"type": "raw_number", "value": 48200, "text": "$48,200"}])
    pasted = {"fallback": "[no preview available]", "blocks": [{"type": "table", "rows": rows}]}
    assert read(said("Here:", attachments=[pasted])).text == "Here:\nMonth | MRR\nMarch | $48,200"


def test_an_app_is_called_as_its_message_shows_it() -> None:
    app = {"bot_id": "B1", "bot_profile": {"name": "Zaps"}, "user": "U7"}
    assert read(said(**app, subtype="bot_message", username="Payments")).sender == "Payments"
    assert read(said(**app)).sender == "Zaps"
    assert read(said(bot_id="B1", user="U7")).sender == "billing"
    assert read(said(bot_id="B1", user=None)).sender == "B1"
    assert read(said(user="U3", user_profile={"real_name": "Ana"})).sender == "Ana"
    assert read(said(user="U3")).sender == "U3"
    assert read(said(user={"id": "U3"})).sender == ""


def test_of_an_app_the_fuller_of_text_and_blocks_is_taken() -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "New payment"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "Acme paid $4,800 for March"}},
    ]
    full = "New payment\nAcme paid $4,800 for March"
    for text in ("New payment", "", "This content can't be displayed."):
        assert read(said(text, bot_id="B1", blocks=blocks)).text == full
    typed = {"type": "rich_text_section", "elements": [{"type": "text", "text": full}]}
    composed = [{"type": "rich_text", "elements": [typed]}]
    assert read(said("New payment", bot_id="B1", blocks=composed)).text == full
    assert read(said("New payment", blocks=composed)).text == "New payment", "a person's text is the whole of it"
    longer = "New payment: Acme paid $4,800 for March, invoice 17"
    assert read(said(longer, bot_id="B1", blocks=blocks)).text == longer


def test_an_app_s_own_attachments_are_what_it_says() -> None:
    own = {
        "pretext": "Invoice <https://pay.example/17|17>",
        "title": "Acme",
        "fields": [{"title": "Amount", "value": "$4,800"}, {"value": "paid"}, {"title": ""}],
        "fallback": "not shown",
        "footer": "not shown",
    }
    app = {"bot_id": "B1", "subtype": "bot_message"}
    assert read(said("", **app, attachments=[own])).text == "Invoice 17\nAcme\nAmount: $4,800\npaid"
    assert read(said("Paid", **app, attachments=[{"fallback": "Acme &amp; Sons"}])).text == "Paid\nAcme & Sons"
    assert read(said("Paid: Acme", **app, attachments=[{"text": "Acme"}])).text == "Paid: Acme"
    bare = {"fallback": "[no preview available]", "blocks": [{"type": "divider"}]}
    assert read(said("Paid", **app, attachments=[bare])).text == "Paid"


# --- edits and deletions


def test_an_unfurled_link_is_no_edit() -> None:
    reason = "a change of no word (an unfurled link)"
    assert fate(changed(said(attachments=[link()]))) == reason
    edited = said("Look", edited={"user": "U1", "ts": LATER})
    assert fate(changed({**edited, "attachments": [link()]}, edited)) == reason
    assert fate(changed(said(reply_count=2, thread_ts=TS))) == reason


def test_an_edit_s_version_is_its_time() -> None:
    message = read(changed(said("We signed it", edited={"user": "U1", "ts": "1772442299.000000"})))
    assert (message.version, message.text) == (1_772_442_299_000_000, "We signed it")
    assert message.id == f"slack:C1:{TS}"
    assert "previous_message" not in message.raw


def test_what_an_app_changes_without_a_mark_is_as_old_as_its_event() -> None:
    before = said("Deploying", bot_id="B1")
    assert read(changed(said("Deployed", bot_id="B1"), before)).version == 1_772_442_300_000_400
    marked = {"edited": {"user": "B1", "ts": "1772442299.000000"}}
    again = changed(said("Deployed twice", bot_id="B1", **marked), said("Deployed", bot_id="B1", **marked))
    assert read(again).version == 1_772_442_300_000_400
    assert fate({**changed(said("Deployed")), "previous_message": None}) is None


def test_an_app_that_has_written_to_the_end_is_read() -> None:
    before = said("We", bot_id="B1", streaming_state="in_progress")
    assert fate(changed(said("We signed", bot_id="B1", streaming_state="in_progress"), before))
    done = read(changed(said("We signed the lease", bot_id="B1", streaming_state="completed"), before))
    assert done.text == "We signed the lease"


def test_an_edit_that_leaves_no_word_is_a_deletion() -> None:
    emptied = said("", edited={"user": "U1", "ts": "1772442299.000000"}, files=[{"id": "F1"}])
    for payload in (changed(emptied), emptied):
        message = read(payload)
        assert (message.deleted, message.version, message.sender) == (True, 1_772_442_299_000_000, "Orla Byrne")
    assert b"lease" not in read(changed(emptied)).to_json()


def test_a_thread_s_parent_that_is_deleted_is_deleted() -> None:
    stone = said("This message was deleted.", user="USLACKBOT", subtype="tombstone", thread_ts=TS, reply_count=1)
    message = read(changed(stone))
    assert (message.id, message.deleted, message.version) == (f"slack:C1:{TS}", True, 1_772_442_300_000_400)
    assert message.sent_at == read(said()).sent_at
    assert b"lease" not in message.to_json()


@pytest.mark.parametrize("where", ["previous_message", "original", "root"])
def test_a_deletion_repeats_nothing_that_was_deleted(where: str) -> None:
    gone = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": TS, "event_ts": LATER}
    message = read({**gone, "ts": LATER, where: said()})
    assert message.deleted
    assert b"lease" not in message.to_json()
    assert message.raw == {**gone, "ts": LATER}


# --- one message, whichever way it comes

PERSON = said(
    "Morning all &amp; welcome, <@U2> *we* have 12 at <#C2|sales> :tada:",
    team="T1",
    client_msg_id="0d0b7f3e",
    blocks=[
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "Morning all & welcome, "},
                        {"type": "user", "user_id": "U2"},
                        {"type": "text", "text": " we have 12 at "},
                        {"type": "channel", "channel_id": "C2"},
                        {"type": "emoji", "name": "tada", "unicode": "1f389"},
                    ],
                }
            ],
        }
    ],
)
APP = said(
    "Payment",
    subtype="bot_message",
    user=None,
    bot_id="B1",
    username="Payments",
    blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "Acme paid <https://p.example|$4,800>"}}],
    attachments=[{"text": "for March", "id": 1}],
)
FILE = said("The deck", subtype="file_share", files=[{"id": "F1", "name": "deck.pdf", "mode": "hosted"}])
EDITED = said("We signed it", edited={"user": "U1", "ts": "1772442299.000000"})
REPLY = said("Same here", ts=LATER, thread_ts=TS, user="U2")
KEPT = {"reactions": [{"name": "+1", "count": 1, "users": ["U2"]}], "is_starred": False}
CASES = {"person": PERSON, "app": APP, "file": FILE, "edited": EDITED, "reply": REPLY}


def by_event(message: dict[str, Any]) -> Message:
    event = {**message, "channel_type": "channel", "event_ts": message["ts"]}
    if "edited" in message:
        event = changed({key: each for key, each in message.items() if key != "channel"})
    body = {"type": "event_callback", "team_id": "T1", "event": event}
    (item,) = slack_events.unpack(Delivery(json.dumps(body).encode(), {}, NOW)).items
    return slack_events.to_message(item, "acme", NAMES)


def by_history(message: dict[str, Any]) -> Message:
    """With what is added as time goes on: replies, a preview of a link, a file that was taken away."""
    payload = {**message, **KEPT, "attachments": [*message.get("attachments", []), link()]}
    del payload["channel"]
    if "thread_ts" not in payload:
        payload |= {"thread_ts": message["ts"], "reply_count": 1, "latest_reply": LATER}
    if "files" in payload:
        payload["files"] = [{"id": "F1", "mode": "tombstone"}]
    item = Item(payload, "C1")
    assert slack_events.ignored(item) is None
    return slack_events.to_message(item, "acme", NAMES)


def by_export(message: dict[str, Any], folder: Path) -> Message:
    profile = {"user_profile": {"name": "someone.else", "real_name": "Someone Else"}}
    payload = {key: each for key, each in {**message, **profile, **KEPT}.items() if key != "channel"}
    listed = [{"id": each, "name": "x", "profile": {"display_name": name}} for each, name in NAMES.items()]
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("org_users.json", json.dumps(listed))
        archive.writestr("channels.json", json.dumps([{"id": "C1", "name": "general"}]))
        archive.writestr("general/2026-03-02.json", json.dumps([payload]))
    (row,) = read_path(folder / "export.zip", company_id="acme", mapping={}, now=NOW)
    assert isinstance(row, Message)
    return row


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_message_is_the_same_by_event_by_history_and_from_the_export(name: str, tmp_path: Path) -> None:
    event, history, export = by_event(CASES[name]), by_history(CASES[name]), by_export(CASES[name], tmp_path)
    assert event.ref == history.ref == export.ref
    assert event.text == history.text == export.text
    assert event.content_sha() == history.content_sha() == export.content_sha()
    assert event.text.strip()


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"id": "U1", "profile": {"display_name": "orla", "real_name": "Orla Byrne"}, "name": "ob"}, "orla"),
        ({"id": "U1", "profile": {"display_name": "", "real_name": "Orla Byrne"}, "name": "ob"}, "Orla Byrne"),
        ({"id": "U1", "real_name": "Orla Byrne", "name": "ob"}, "Orla Byrne"),
        ({"id": "U1", "profile": None, "name": "ob"}, "ob"),
        ({"id": "U1"}, "U1"),
    ],
)
def test_a_user_s_name_is_the_one_slack_shows(user: dict[str, Any], name: str) -> None:
    assert slack.user_name(user) == name
