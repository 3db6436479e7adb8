"""What Slack tells of the past, by the stand-in's methods without a network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sago.domain.connections import Connection, Stream, Window, connection_id_of
from sago.errors import (
    CursorExpiredError,
    HeldBackError,
    InvalidMessageError,
    NotThereError,
    TransientError,
    UnusableAnswerError,
)
from sago.ports import Item
from sago.source_sections import SlackSettings
from sago.sources.slack_history import HISTORY, LISTS, REPLIES, TRIES, estimate
from sago.sources.slack_source import Slack
from tests.canaries import SLACK_TOKEN
from tests.standins.slack_methods import Methods, SlackError
from tests.standins.slack_workspace import Workspace, ts_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CHANNEL = "C0GENERAL01"
WHOLE = Window(NOW - timedelta(days=30), NOW)
LEFT_OUT = "subtype thread_left_out: Slack failed at its replies"
SLACK = Slack(SlackSettings(is_internal=True))


class Asked:
    """The `Vendor` over the stand-in's methods; `answers` come first, where there are any."""

    def __init__(self, workspace: Workspace, most: int = 999) -> None:
        self.methods = Methods(workspace, most)
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: list[dict[str, Any]] = []

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        self.calls.append((path, limit, dict(params or {})))
        asked = {key: str(value) for key, value in (params or {}).items()}
        try:
            body = self.answers.pop(0) if self.answers else self.methods.call(path, asked, SLACK_TOKEN)
        except SlackError as error:
            body = error.body
        SLACK.judge(200, {}, body)
        return body

    def post(self, path: str, body: Mapping[str, Any], *, limit: str = "") -> dict[str, Any]:
        raise NotImplementedError


@pytest.fixture
def workspace() -> Workspace:
    workspace = Workspace()
    workspace.add_channel(CHANNEL)
    workspace.add_user("U0PERSON1", "Dana", "dana@a.test")
    return workspace


def connected(*containers: str) -> Connection:
    identity = connection_id_of("slack", "T1")
    return Connection(id=identity, source="slack", account="T1", name="A", containers=containers, created_at=NOW)


def stream_of(cursor: dict[str, Any] | None = None, name: str = CHANNEL) -> Stream:
    return Stream(connection_id=connection_id_of("slack", "T1"), name=name, cursor=cursor, due_at=NOW)


def read(vendor: Asked, window: Window = WHOLE, name: str = CHANNEL) -> list[Item]:
    """Every item, page by page."""
    items: list[Item] = []
    cursor = None
    while True:
        page = SLACK.page(connected("*"), vendor, stream_of(cursor, name), window)
        items += page.items
        if page.cursor is None:
            return items
        cursor = page.cursor


def texts(items: list[Item]) -> list[str]:
    return [item.payload["text"] for item in items]


def test_a_channel_is_read_newest_first_over_its_pages(workspace: Workspace) -> None:
    for number in range(7):
        workspace.post(CHANNEL, "U0PERSON1", f"{number}", NOW - timedelta(hours=9 - number))
    vendor = Asked(workspace, most=3)
    items = read(vendor)
    assert texts(items) == ["6", "5", "4", "3", "2", "1", "0"]
    assert {item.container for item in items} == {CHANNEL}
    assert [limit for _, limit, _ in vendor.calls] == [HISTORY] * 3


def test_the_beginning_of_a_window_is_in_it_and_its_end_is_not(workspace: Workspace) -> None:
    for moment in (WHOLE.start - timedelta(microseconds=1), WHOLE.start, WHOLE.end - timedelta(microseconds=1), NOW):
        workspace.post(CHANNEL, "U0PERSON1", moment.isoformat(), moment)
    assert len(read(Asked(workspace))) == 2


def test_every_reply_is_read_over_the_pages_of_its_thread_and_its_parent_once(workspace: Workspace) -> None:
    for number in range(5):
        root = workspace.post(CHANNEL, "U0PERSON1", f"root {number}", NOW - timedelta(hours=20 - number))["ts"]
        for reply in range(number):
            workspace.post(CHANNEL, "U0PERSON1", f"{number}.{reply}", NOW - timedelta(minutes=50 - reply), thread=root)
    vendor = Asked(workspace, most=2)
    said = texts(read(vendor))
    assert len(said) == len(set(said)) == 5 + 10
    assert {limit for path, limit, _ in vendor.calls if path == REPLIES} == {REPLIES}


def test_a_reply_that_was_broadcast_comes_once(workspace: Workspace) -> None:
    root = workspace.post(CHANNEL, "U0PERSON1", "root", NOW - timedelta(hours=3))["ts"]
    workspace.post(CHANNEL, "U0PERSON1", "reply", NOW - timedelta(hours=2), thread=root)
    workspace.post(CHANNEL, "U0PERSON1", "to all", NOW - timedelta(hours=1), thread=root, broadcast=True)
    assert texts(read(Asked(workspace))) == ["to all", "root", "reply"]


def test_a_broadcast_shows_the_thread_of_a_parent_that_lies_before_the_window(workspace: Workspace) -> None:
    old = workspace.post(CHANNEL, "U0PERSON1", "old", NOW - timedelta(days=40))["ts"]
    silent = workspace.post(CHANNEL, "U0PERSON1", "silent", NOW - timedelta(days=40))["ts"]
    workspace.post(CHANNEL, "U0PERSON1", "late", NOW - timedelta(hours=2), thread=old)
    workspace.post(CHANNEL, "U0PERSON1", "to all", NOW - timedelta(hours=1), thread=old, broadcast=True)
    workspace.post(CHANNEL, "U0PERSON1", "not found", NOW - timedelta(hours=1), thread=silent)
    assert texts(read(Asked(workspace))) == ["to all", "late"]


def test_the_replies_to_a_deleted_parent_are_read_and_its_tombstone_is_left_out(workspace: Workspace) -> None:
    root = workspace.post(CHANNEL, "U0PERSON1", "root", NOW - timedelta(hours=3))["ts"]
    workspace.post(CHANNEL, "U0PERSON1", "reply", NOW - timedelta(hours=2), thread=root)
    workspace.delete(CHANNEL, root, NOW - timedelta(hours=1))
    stone, reply = read(Asked(workspace))
    assert "tombstone" in (SLACK.ignored(stone) or "")
    assert (SLACK.ignored(reply), reply.payload["text"]) == (None, "reply")


def test_a_thread_that_is_gone_by_then_does_not_end_the_window(workspace: Workspace) -> None:
    first = workspace.post(CHANNEL, "U0PERSON1", "first", NOW - timedelta(hours=3))["ts"]
    workspace.post(CHANNEL, "U0PERSON1", "reply", NOW - timedelta(hours=2), thread=first)
    vendor = Asked(workspace)
    cursor = {"next": None, "threads": [ts_of(NOW - timedelta(hours=5)), first]}
    page = SLACK.page(connected("*"), vendor, stream_of(cursor), WHOLE)
    assert page.items == ()
    page = SLACK.page(connected("*"), vendor, stream_of(page.cursor), WHOLE)
    assert (texts(list(page.items)), page.cursor) == (["reply"], None)


def test_a_channel_that_is_gone_while_its_threads_are_read_is_told(workspace: Workspace) -> None:
    cursor = {"next": None, "threads": [ts_of(NOW - timedelta(hours=5))]}
    workspace.remove_channel(CHANNEL)
    with pytest.raises(NotThereError, match=r"channel_not_found.*/invite"):
        SLACK.page(connected("*"), Asked(workspace), stream_of(cursor), WHOLE)


def test_an_edit_is_a_version_of_its_own_and_the_same_by_history_and_by_event(workspace: Workspace) -> None:
    posted = workspace.post(CHANNEL, "U0PERSON1", "one", NOW - timedelta(hours=3))
    changed = workspace.edit(CHANNEL, posted["ts"], "two", NOW - timedelta(hours=2))
    (item,) = read(Asked(workspace))
    by_history = SLACK.to_message(item, "acme", {})
    by_event = SLACK.to_message(Item(changed, CHANNEL), "acme", {})
    assert by_history.version > 0
    assert (by_history.key, by_history.content_sha()) == (by_event.key, by_event.content_sha())


def test_what_is_no_message_comes_as_an_item_that_is_refused(workspace: Workspace) -> None:
    vendor = Asked(workspace)
    vendor.answers = [{"ok": True, "messages": ["?", {"type": "message", "text": "no ts"}], "has_more": False}]
    for item in read(vendor):
        with pytest.raises(InvalidMessageError):
            SLACK.to_message(item, "acme", {})


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": True},
        {"ok": True, "messages": "none"},
        {"ok": True, "messages": [], "has_more": True},
        {"ok": True, "messages": [], "has_more": True, "response_metadata": {"next_cursor": ""}},
        {"ok": True, "messages": [], "has_more": True, "response_metadata": {"next_cursor": "asked"}},
    ],
)
def test_an_answer_that_would_end_a_window_too_soon_or_never_is_of_no_use(
    answer: dict[str, Any], workspace: Workspace
) -> None:
    vendor = Asked(workspace)
    vendor.answers = [answer]
    with pytest.raises(UnusableAnswerError):
        SLACK.page(connected("*"), vendor, stream_of({"next": "asked", "threads": []}), WHOLE)


def test_where_slack_has_forgotten_a_cursor_the_channel_is_read_on_from_the_last_message(
    workspace: Workspace,
) -> None:
    for number in range(9):
        workspace.post(CHANNEL, "U0PERSON1", f"{number}", NOW - timedelta(hours=9 - number))
    vendor = Asked(workspace, most=3)
    first = SLACK.page(connected("*"), vendor, stream_of(), WHOLE)
    vendor.answers = [{"ok": False, "error": "invalid_cursor"}]
    said, cursor = texts(list(first.items)), first.cursor
    while cursor is not None:
        page = SLACK.page(connected("*"), vendor, stream_of(cursor), WHOLE)
        assert page.cursor != cursor
        said, cursor = [*said, *texts(list(page.items))], page.cursor
    assert said == ["8", "7", "6", "6", "5", "4", "3", "2", "1", "0"]
    edges = [asked["latest"] for _, _, asked in vendor.calls]
    assert edges == [edges[0]] * 2 + [ts_of(NOW - timedelta(hours=3))] * 3


def test_a_thread_whose_cursor_is_forgotten_is_read_from_its_beginning(workspace: Workspace) -> None:
    root = workspace.post(CHANNEL, "U0PERSON1", "root", NOW - timedelta(hours=3))["ts"]
    for number in range(5):
        workspace.post(CHANNEL, "U0PERSON1", f"{number}", NOW - timedelta(minutes=50 - number), thread=root)
    vendor = Asked(workspace, most=2)
    cursor = SLACK.page(connected("*"), vendor, stream_of(), WHOLE).cursor
    cursor = SLACK.page(connected("*"), vendor, stream_of(cursor), WHOLE).cursor
    vendor.answers = [{"ok": False, "error": "invalid_cursor"}]
    said = []
    while cursor is not None:
        page = SLACK.page(connected("*"), vendor, stream_of(cursor), WHOLE)
        said, cursor = [*said, *texts(list(page.items))], page.cursor
    assert said == ["0", "1", "2", "3", "4"]


def test_a_thread_whose_cursor_is_forgotten_each_time_is_left_out_and_counted(workspace: Workspace) -> None:
    vendor = Asked(workspace)
    root = ts_of(NOW - timedelta(hours=3))
    cursor: dict[str, Any] | None = {"next": None, "threads": [root], "replies": "n1"}
    vendor.answers = [
        {"ok": False, "error": "invalid_cursor"},
        {"ok": True, "messages": [], "has_more": True, "response_metadata": {"next_cursor": "n1"}},
        {"ok": False, "error": "invalid_cursor"},
    ]
    items: list[Item] = []
    while cursor is not None:
        page = SLACK.page(connected("*"), vendor, stream_of(cursor), WHOLE)
        items, cursor = [*items, *page.items], page.cursor
    assert [SLACK.ignored(item) for item in items] == [LEFT_OUT]
    assert vendor.answers == []


def test_a_thread_at_which_slack_fails_is_left_out_and_the_channel_goes_on(workspace: Workspace) -> None:
    bad = workspace.post(CHANNEL, "U0PERSON1", "bad", NOW - timedelta(hours=4))["ts"]
    good = workspace.post(CHANNEL, "U0PERSON1", "good", NOW - timedelta(hours=3))["ts"]
    workspace.post(CHANNEL, "U0PERSON1", "reply", NOW - timedelta(hours=2), thread=good)
    vendor = Asked(workspace)
    vendor.answers = [{"ok": False, "error": "fatal_error"}]
    page = SLACK.page(connected("*"), vendor, stream_of({"next": None, "threads": [bad, good]}), WHOLE)
    assert [SLACK.ignored(item) for item in page.items] == [LEFT_OUT]
    assert texts(list(SLACK.page(connected("*"), vendor, stream_of(page.cursor), WHOLE).items)) == ["reply"]


def test_a_thread_that_was_left_out_is_asked_for_by_some_windows_and_then_on_each_day_from_where_it_was_left(
    workspace: Workspace,
) -> None:
    bad = workspace.post(CHANNEL, "U0PERSON1", "bad", WHOLE.start)["ts"]
    workspace.post(CHANNEL, "U0PERSON1", "reply", WHOLE.start + timedelta(days=1), thread=bad)
    vendor = Asked(workspace)
    fails = {"ok": False, "error": "fatal_error"}

    def window(stream: Stream, start: datetime, end: datetime, *answers: dict[str, Any]) -> tuple[Stream, list[Item]]:
        vendor.answers, items = list(answers), list[Item]()
        while True:
            page = SLACK.page(connected("*"), vendor, stream, Window(start, end))
            items += page.items
            if page.cursor is None:
                ended = {"cursor": None, "read_until": end, "mark": page.mark or stream.mark, "failures": 0}
                return stream.model_copy(update=ended), items
            stream = stream.model_copy(update={"cursor": page.cursor})

    after_an_outage = stream_of({"threads": [bad]}).model_copy(update={"failures": 50})
    stream, items = window(after_an_outage, *WHOLE, fails)
    assert [SLACK.ignored(item) for item in items] == [LEFT_OUT]
    nothing = {"ok": True, "messages": []}
    for _ in range(TRIES - 1):
        before, (stream, items) = stream, window(stream, NOW, NOW + timedelta(minutes=5), nothing, fails)
        assert [SLACK.ignored(item) for item in items] == [LEFT_OUT]
    assert texts(window(before, NOW, NOW + timedelta(minutes=5))[1]) == ["reply"]
    stream, items = window(stream, NOW, NOW + timedelta(minutes=5))
    assert items == [], "the same day"
    stream, items = window(stream, NOW, NOW + timedelta(days=1), nothing, fails)
    assert [SLACK.ignored(item) for item in items] == [LEFT_OUT], "once, and it waits for the next day"
    stream, items = window(stream, NOW, NOW + timedelta(days=2))
    assert texts(items) == ["reply"]
    _, items = window(stream, NOW, NOW + timedelta(days=3))
    assert items == []


def test_an_outage_leaves_no_thread_out(workspace: Workspace) -> None:
    vendor = Asked(workspace)
    vendor.answers = [{"ok": False, "error": "service_unavailable"}]
    stream = stream_of({"next": None, "threads": ["1.000000"]}).model_copy(update={"failures": 50})
    with pytest.raises(TransientError):
        SLACK.page(connected("*"), vendor, stream, WHOLE)


@pytest.mark.parametrize("cursor", [None, {"next": "!", "threads": []}, {"threads": ["1.000000"]}])
def test_a_cursor_that_is_refused_with_nothing_to_go_on_from_is_told(
    cursor: dict[str, Any] | None, workspace: Workspace
) -> None:
    vendor = Asked(workspace)
    vendor.answers = [{"ok": False, "error": "invalid_cursor"}]
    with pytest.raises(CursorExpiredError):
        SLACK.page(connected("*"), vendor, stream_of(cursor), WHOLE)


def test_every_channel_means_each_that_the_app_is_in(workspace: Workspace) -> None:
    workspace.add_channel("C0PRIVATE01", is_private=True)
    workspace.add_channel("C0ARCHIVED1", is_archived=True)
    workspace.add_channel("C0SHARED001", is_shared=True)
    workspace.add_channel("C0OTHER0001", is_member=False)
    for number in range(300):
        workspace.add_channel(f"C1MANY{number:05}")
    vendor = Asked(workspace)
    found = SLACK.streams(connected("*"), vendor)
    assert set(found[:4]) == {"C0ARCHIVED1", CHANNEL, "C0PRIVATE01", "C0SHARED001"}
    assert len(found) == 304
    assert {limit for _, limit, _ in vendor.calls} == {LISTS}


def test_named_channels_are_all_read_without_a_question(workspace: Workspace) -> None:
    vendor = Asked(workspace)
    assert SLACK.streams(connected("C0OTHER0001", CHANNEL), vendor) == [CHANNEL, "C0OTHER0001"]
    assert vendor.calls == []


def test_people_are_told_with_the_name_they_are_shown_by(workspace: Workspace) -> None:
    workspace.add_user("U0GONE00001", "Lee", "lee@a.test", deleted=True)
    workspace.users["U0PLAIN0001"] = {"id": "U0PLAIN0001", "name": "plain", "profile": {"display_name": ""}}
    for number in range(300):
        workspace.add_user(f"U1MANY{number:05}", f"Many {number}")
    found = {each.native_id: each for each in SLACK.people(connected("*"), Asked(workspace))}
    assert len(found) == len(workspace.users)
    assert found["U0PERSON1"] == ("U0PERSON1", "Dana", "dana@a.test", False)
    assert found["U0GONE00001"].name == "Lee"
    assert found["U0PLAIN0001"].name == "plain"
    assert found[workspace.bot].is_bot


def test_a_look_back_asks_only_for_threads_with_replies_since_the_day_of_the_last_window(workspace: Workspace) -> None:
    until = NOW - timedelta(hours=2)
    for said, replied in ((9, 8), (9, 1), (30, 29), (30, 1)):
        root = workspace.post(CHANNEL, "U0PERSON1", "root", NOW - timedelta(hours=said))["ts"]
        workspace.post(CHANNEL, "U0PERSON1", f"{said}-{replied}", NOW - timedelta(hours=replied), thread=root)
    for message in workspace.channels[CHANNEL].messages.values():
        if message.get("reply_count"):
            assert message["latest_reply"]
    stream = stream_of().model_copy(update={"read_until": until})
    said, vendor = [], Asked(workspace)
    page = SLACK.page(connected("*"), vendor, stream, WHOLE)
    while page.cursor is not None:
        page = SLACK.page(connected("*"), vendor, stream.model_copy(update={"cursor": page.cursor}), WHOLE)
        said += texts(list(page.items))
    assert sorted(said) == ["30-1", "9-1", "9-8"]
    assert len(vendor.calls) == 1 + 3


def test_a_large_workspace_is_listed_in_as_few_calls_as_slack_lets() -> None:
    workspace = Workspace()
    for number in range(2000):
        workspace.add_user(f"U1MANY{number:05}", "Many")
    vendor = Asked(workspace)
    assert len(list(SLACK.people(connected("*"), vendor))) == len(workspace.users)
    assert len(vendor.calls) == 3


def test_people_have_no_address_without_the_scope(workspace: Workspace) -> None:
    vendor = Asked(workspace)
    vendor.methods.scopes = ("users:read",)
    assert {each.address for each in SLACK.people(connected("*"), vendor)} == {""}


def test_a_limit_of_ours_goes_through() -> None:
    class Held(Asked):
        def get(self, *_: Any, **__: Any) -> dict[str, Any]:
            raise HeldBackError("wait")

    with pytest.raises(HeldBackError):
        SLACK.page(connected("*"), Held(Workspace()), stream_of(), WHOLE)


def test_limits_are_those_of_the_kind_of_app() -> None:
    outside = Slack(SlackSettings())
    assert dict(outside.limits) == {HISTORY: 1, REPLIES: 1, LISTS: 20}
    assert dict(SLACK.limits) == {HISTORY: 50, REPLIES: 50, LISTS: 20}


@pytest.mark.parametrize(
    ("messages", "threads", "is_internal", "minutes"),
    [(10_000, 0, False, 667), (10_000, 2_000, False, 2_000), (10_000, 0, True, 1), (0, 0, False, 0)],
)
def test_a_back_fill_takes_what_the_limits_let_it(messages: int, threads: int, is_internal: bool, minutes: int) -> None:
    said = estimate(messages, SlackSettings(is_internal=is_internal), threads)
    assert said == timedelta(minutes=minutes)


def test_the_document_tells_the_times_that_the_limits_give() -> None:
    told = (Path(__file__).parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")
    outside = SlackSettings()
    for said in (estimate(10_000, outside), estimate(10_000, outside, threads=2_000)):
        hours, minutes = divmod(int(said.total_seconds()) // 60, 60)
        assert f"{hours} h {minutes} min" in told
