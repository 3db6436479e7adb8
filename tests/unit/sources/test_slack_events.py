"""Deliveries of Slack's Events API: whose they are, what they hold, and what cannot be read."""

from __future__ import annotations

import copy
import json
import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.errors import InvalidMessageError
from sago.ports import Delivery, Push
from sago.sources import slack, slack_events

AT = datetime(2026, 3, 2, 9, 4, 11, tzinfo=UTC)
SAID = {
    "type": "message",
    "user": "U1",
    "text": "We closed March at $48,200 MRR",
    "ts": "1772442251.000200",
    "event_ts": "1772442251.000200",
    "channel": "C1",
    "channel_type": "channel",
    "team": "T1",
    "client_msg_id": "0d0b7f3e-6f0c-4b7e-9b43-0d7f2f5a1c11",
    "blocks": [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [{"type": "text", "text": "We closed March at $48,200 MRR"}],
                }
            ],
        }
    ],
}
CHANGED = {
    "type": "message",
    "subtype": "message_changed",
    "channel": "C1",
    "ts": "1772442300.000400",
    "event_ts": "1772442300.000400",
    "message": {**SAID, "text": "We closed March at $49,000 MRR", "edited": {"user": "U1", "ts": "1772442299.000000"}},
    "previous_message": SAID,
}
GONE = {
    "type": "message",
    "subtype": "message_deleted",
    "channel": "C1",
    "ts": "1772442400.000500",
    "event_ts": "1772442400.000500",
    "deleted_ts": SAID["ts"],
    "previous_message": SAID,
}


def envelope(event: Any, **more: Any) -> dict[str, Any]:
    ours = [{"enterprise_id": None, "team_id": "T1", "user_id": "U9", "is_bot": True, "is_enterprise_install": False}]
    outer = {"token": "x", "team_id": "T1", "api_app_id": "A1", "type": "event_callback", "event_id": "Ev1"}
    return {**outer, "authorizations": ours, "is_ext_shared_channel": False, "event": event, **more}


def unpacked(body: Any) -> Push:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return slack_events.unpack(Delivery(raw, {}, AT))


def test_a_message_lies_in_its_channel_and_belongs_to_its_workspace() -> None:
    push = unpacked(envelope(SAID))
    assert push.account == "T1"
    (item,) = push.items
    assert (item.container, slack_events.ignored(item)) == ("C1", None)
    message = slack_events.to_message(item, "acme", {"U1": "Orla"})
    assert (message.id, message.sender, message.text) == ("slack:C1:1772442251.000200", "Orla", SAID["text"])


@pytest.mark.parametrize(
    ("event", "is_direct"),
    [
        ({"channel_type": "channel"}, False),
        ({"channel_type": "group", "channel": "G1"}, False),
        ({"channel_type": "im", "channel": "D1"}, True),
        ({"channel_type": "mpim", "channel": "G1"}, True),
        ({"channel": "D1"}, True),
        ({"channel_type": ["im"], "channel": 7}, False),
    ],
)
def test_a_direct_message_is_none_of_a_channel(event: dict[str, Any], is_direct: bool) -> None:
    (item,) = unpacked(envelope({**SAID, **event})).items
    assert item.is_direct == is_direct


def test_a_challenge_is_answered() -> None:
    push = unpacked({"token": "x", "type": "url_verification", "challenge": "3eZb"})
    assert (push.account, push.items, push.answer) == ("", (), {"challenge": "3eZb"})


def test_in_slack_connect_a_delivery_is_of_the_installation_it_names() -> None:
    ours = {"enterprise_id": "E1", "team_id": "T1", "is_enterprise_install": False}
    shared = envelope(SAID, team_id="T2", context_team_id="T3", is_ext_shared_channel=True, authorizations=[ours])
    assert unpacked(shared).account == "T1"
    assert unpacked({**shared, "authorizations": [ours | {"is_enterprise_install": True}]}).account == "E1"
    assert unpacked({**shared, "authorizations": [{"team_id": None}]}).account == "T3"
    assert unpacked({**shared, "authorizations": "T1", "context_team_id": None}).account == "T2"


def test_where_slack_dropped_events_each_channel_is_read_again() -> None:
    push = unpacked({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1772442240})
    assert (push.account, push.wakes, push.ignored) == ("T1", ("*",), "")


@pytest.mark.parametrize(
    ("event", "ended"),
    [
        ({"type": "app_uninstalled"}, "the app was removed from the workspace"),
        ({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U9"]}}, "the app's token was revoked"),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}, ""),
        ({"type": "tokens_revoked", "tokens": None}, ""),
    ],
)
def test_what_ends_an_account(event: dict[str, Any], ended: str) -> None:
    push = unpacked(envelope(event, authorizations=[]))
    assert (push.account, push.ended.partition(";")[0]) == ("T1", ended)
    assert push.ended.endswith("`sago connect slack`") == bool(ended)
    assert bool(push.ended) != bool(push.ignored)


@pytest.mark.parametrize(
    ("seconds", "at"), [(int(AT.timestamp()), AT.replace(microsecond=0)), (None, None), ("x", None), (10**30, None)]
)
def test_when_an_account_ended_is_the_time_of_the_event_and_not_of_the_delivery(seconds: Any, at: Any) -> None:
    assert unpacked(envelope({"type": "app_uninstalled"}, event_time=seconds)).ended_at == at


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"type": "reaction_added", "reaction": "+1"}, "event reaction_added"),
        ({"type": "app_mention", "text": "words"}, "event app_mention"),
        ({"type": "Words that somebody wrote"}, "event of no known form"),
        ({"type": ["message"]}, "event of no known form"),
        ({}, "event of no known form"),
    ],
)
def test_an_event_that_is_no_message_is_left_out_by_its_name(event: dict[str, Any], reason: str) -> None:
    assert unpacked(envelope(event)).ignored == reason


def test_what_else_slack_posts_to_apps_is_left_out_by_its_name() -> None:
    assert unpacked({"type": "block_actions", "team": {"id": "T1"}}).ignored == "delivery block_actions"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"payload=%7B%7D", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"type": "event_callback", "a": NaN}', "not JSON"),
        (b'{"type": "event_callback", "a": 1e999}', "not JSON"),
        (b'{"a": ' * 200_000, "not JSON"),
        (b'{"type": "event_callback", "event": ' + b"[" * 150 + b"]" * 150 + b"}", "nested too deeply"),
        (b"[]", "not a JSON object"),
        ({"ok": True}, "says no type"),
        ({"type": ""}, "says no type"),
        ({"type": "url_verification", "challenge": 7}, "challenge is no text"),
        ({"type": "event_callback", "team_id": "T1", "event": "message"}, "holds no event"),
        (envelope(SAID, team_id=None, authorizations=[]), "names no workspace"),
        ({"type": "app_rate_limited"}, "names no workspace"),
    ],
)
def test_what_cannot_be_read_says_why(body: Any, reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=reason):
        unpacked(body)


def test_an_error_repeats_no_word_of_a_body() -> None:
    for body in (b'{"text": "secret words', envelope("secret words"), {"type": ["secret words"]}):
        with pytest.raises(InvalidMessageError) as caught:
            unpacked(body)
        assert "secret" not in str(caught.value)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(), max_size=20),
    st.sampled_from(
        ["", "\x00", "\ud83d", "U1", "C1", "<@U1>", "<!date^9|x>", "1772442251.000200", "rich_text", "x" * 9000]
    ),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(
                st.sampled_from(
                    ["type", "elements", "text", "blocks", "attachments", "rows", "edited", "ts", "message"]
                ),
                st.text(string.ascii_lowercase, max_size=6),
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=15,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inside for found in paths(each, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A delivery with up to three of its values exchanged or taken away, or cut short."""
    body = copy.deepcopy(envelope(draw(st.sampled_from([SAID, CHANGED, GONE]))))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(paths(body)[1:]))
        place: Any = body
        for key in way:
            place = place[key]
        if draw(st.booleans()):
            place[last] = draw(json_values)
        elif isinstance(place, dict):
            del place[last]
    raw = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 9)) == 0 else raw


def fate(raw: bytes) -> str:
    """What becomes of a delivery; anything but an InvalidMessageError on the way is an error of ours."""
    try:
        push = unpacked(raw)
        for item in push.items:
            if slack_events.ignored(item) is None:
                slack_events.to_message(item, "acme", {"U1": "Orla"}).to_json()
    except InvalidMessageError as error:
        return f"refused: {error.reason}"
    return "taken" if push.items else "left out"


@settings(max_examples=1_000)
@given(mutated())
def test_whatever_comes_is_taken_left_out_or_refused(raw: bytes) -> None:
    assert fate(raw) in ("taken", "left out") or fate(raw) > "refused: "


def test_what_is_not_mutated_is_taken() -> None:
    for event in (SAID, CHANGED, GONE):
        assert fate(json.dumps(envelope(event)).encode()) == "taken"


@settings(max_examples=500)
@given(json_values, st.sampled_from([None, "message_changed", "message_deleted", "bot_message", "unheard_of"]))
def test_whatever_lies_in_a_message_it_is_taken_left_out_or_refused(value: Any, subtype: str | None) -> None:
    said = value if isinstance(value, dict) else {"blocks": value, "attachments": value, "message": value}
    assert fate(json.dumps(envelope({**SAID, "subtype": subtype, **said})).encode())


def test_a_deletion_is_taken_without_what_was_deleted() -> None:
    before = {"type": "message", "user": "U1", "ts": "1772470000.000100", "text": "We signed Foo", "blocks": [{}]}
    told = {"type": "message", "channel": "C1", "ts": "1772470900.000100", "event_ts": "1772470900.000100"}
    deleted = told | {"subtype": "message_deleted", "deleted_ts": before["ts"], "previous_message": before}
    gone = before | {"subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted."}
    for event in (deleted, told | {"subtype": "message_changed", "message": gone, "previous_message": before}):
        item = slack_events.item_of(event)
        assert item.deletes
        assert "signed" not in json.dumps(item.payload)
        message, whole = (slack_events.to_message(each, "acme", {}) for each in (item, item._replace(payload=event)))
        assert (message.deleted, message.ref, message.content_sha()) == (True, whole.ref, whole.content_sha())


def test_an_item_says_when_it_was_said() -> None:
    said = {"type": "message", "channel": "C1", "ts": "1772470000.000100", "text": "x"}
    edit = {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "1772470900.0", "message": said}
    assert [slack_events.item_of(each).at for each in (said, edit)] == [slack.from_ts("1772470000.000100")] * 2
    assert slack_events.item_of({"type": "message", "ts": []}).at is None


@pytest.mark.parametrize("mark", ["is_msg_unfurl", "is_share", "is_reply_unfurl", "is_thread_root_unfurl"])
def test_what_others_said_is_kept_by_its_ids_alone(mark: str) -> None:
    blocks = [{"team": "T1", "channel": "CX", "message": {"blocks": [{"text": "SALARIES"}]}}]
    quote: dict[str, Any] = {mark: True, "channel_id": "CX", "ts": "1772460000.000100", "author_name": "Zed"}
    quote |= {"text": "SALARIES", "fallback": "SALARIES", "message_blocks": blocks, "files": [{"name": "SALARIES"}]}
    own = {"title": "Build", "text": "passed"}
    said = {"type": "message", "channel": "C1", "ts": "1772470000.000100", "user": "U1", "text": "see this"}
    said |= {"attachments": [quote, own]}
    changed = {"type": "message", "subtype": "message_changed", "channel": "C1", "event_ts": "1772470900.000100"}
    changed |= {"message": said | {"text": "see that"}, "previous_message": said}
    for event in (said, changed):
        item = slack_events.item_of(event)
        message = slack_events.to_message(item, "acme", {})
        assert "SALARIES" not in json.dumps(item.payload)
        assert message.raw["attachments"] == [{mark: True, "channel_id": "CX", "ts": "1772460000.000100"}, own]
        assert message.text == slack_events.to_message(item._replace(payload=event), "acme", {}).text
    assert "SALARIES" not in json.dumps(slack.to_message(said, "acme").raw), "from an export too"
