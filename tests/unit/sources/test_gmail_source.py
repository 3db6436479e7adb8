"""Gmail's answers without a network: what its errors mean, and answers of wrong forms."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.domain.connections import Connection, Stream, Window
from sago.errors import AccountRefusedError, InvalidMessageError, SagoError, TransientError
from sago.ports import Item
from sago.source_sections import GmailSettings
from sago.sources.gmail_source import Gmail

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
GMAIL = Gmail(GmailSettings())
CONNECTION = Connection(
    id=uuid4(),
    source="gmail",
    account="founder@northwind.example",
    name="founder",
    containers=("INBOX",),
    since=NOW - timedelta(days=30),
    created_at=NOW,
)
WINDOW = Window(NOW - timedelta(days=7), NOW)


class Answers:
    """A `Vendor` with its answers laid out by path."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        name = path.removeprefix("gmail/v1/users/me/").partition("/")
        return self._told["get" if name[2] else name[0]]  # type: ignore[no-any-return]

    def post(self, path: str, body: Mapping[str, Any], *, limit: str = "") -> dict[str, Any]:
        raise NotImplementedError


MESSAGE = {
    "id": "18c0",
    "threadId": "18c0",
    "labelIds": ["INBOX"],
    "internalDate": str(int(NOW.timestamp() * 1000) - 1000),
    "payload": {
        "mimeType": "multipart/mixed",
        "filename": "",
        "headers": [{"name": "From", "value": "Ada <ada@northwind.example>"}, {"name": "Subject", "value": "Plan"}],
        "body": {"size": 0},
        "parts": [{"partId": "0", "mimeType": "text/plain", "filename": "", "headers": [], "body": {"data": "SGk="}}],
    },
}
GOOD: dict[str, Any] = {
    "labels": {"labels": [{"id": "INBOX", "name": "INBOX"}]},
    "profile": {"historyId": "7"},
    "messages": {"messages": [{"id": "18c0", "threadId": "18c0"}]},
    "history": {
        "historyId": "9",
        "history": [
            {"id": "8", "messagesAdded": [{"message": {"id": "18c0", "labelIds": ["INBOX"]}}]},
            {"id": "9", "labelsRemoved": [{"message": {"id": "18c0", "labelIds": []}, "labelIds": ["INBOX"]}]},
            {"id": "9", "messagesDeleted": [{"message": {"id": "18c1"}}]},
        ],
    },
    "get": MESSAGE,
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(["", "\x00", "\ud800", "INBOX", "9" * 5000, "²", "-1", "=", "a" * 70_000]),
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: [[[{}]]]),
    st.builds(lambda: {"id": 1}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Each place in a JSON value."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [path] * bool(path) + [found for key in keys for found in places(value[key], (*path, key))]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """The good answers with up to three values replaced or left out."""
    told = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([each for each in places(told) if len(each) > 1]))
        inner = told
        for key in path[:-1]:
            inner = inner[key]
        if draw(st.booleans()) and isinstance(inner, dict):
            del inner[path[-1]]
        else:
            inner[path[-1]] = draw(ODD)
    return told


@pytest.mark.parametrize("mark", [None, "history"])
def test_good_answers_make_a_message(mark: str | None) -> None:
    stream = stream_with(mark)
    (item, *_) = GMAIL.page(CONNECTION, Answers(GOOD), stream, WINDOW).items
    assert (item.container, item.addresses) == ("INBOX", ("ada@northwind.example",))
    assert GMAIL.ignored(item) is None
    assert GMAIL.to_message(item, "northwind", {}).text == "Subject: Plan\n\nHi"


def stream_with(mark: str | None) -> Stream:
    share = {"since": (NOW - timedelta(days=30)).isoformat(), "containers": ["INBOX"]}
    kept = {"history": "5", "share": share} if mark else None
    return Stream(connection_id=CONNECTION.id, name="*", due_at=NOW, mark=kept)


@settings(max_examples=400, deadline=None)
@given(mutated(), st.sampled_from([None, "history"]))
def test_an_answer_of_a_wrong_form_raises_errors_of_ours_alone(told: dict[str, Any], mark: str | None) -> None:
    try:
        page = GMAIL.page(CONNECTION, Answers(told), stream_with(mark), WINDOW)
    except SagoError:
        return
    json.dumps([page.cursor, page.mark])
    for item in page.items:
        try:
            if GMAIL.ignored(item) is None and CONNECTION.takes(item.container):
                GMAIL.to_message(item, "northwind", {})
        except InvalidMessageError:
            pass


def error(reason: str, form: str = "errors") -> dict[str, Any]:
    return {"error": {"code": 403, "message": "said in words", form: [{"reason": reason, "domain": "usageLimits"}]}}


@pytest.mark.parametrize("form", ["errors", "details"])
@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("rateLimitExceeded", TransientError),
        ("userRateLimitExceeded", TransientError),
        ("RATE_LIMIT_EXCEEDED", TransientError),
        ("backendError", TransientError),
        ("dailyLimitExceeded", TransientError),
        ("accessNotConfigured", TransientError),
        ("SERVICE_DISABLED", TransientError),
        ("insufficientPermissions", AccountRefusedError),
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", AccountRefusedError),
        ("domainPolicy", AccountRefusedError),
    ],
)
def test_the_reason_says_what_a_refusal_means(reason: str, kind: type[Exception], form: str) -> None:
    with pytest.raises(kind) as refused:
        GMAIL.judge(403, {}, error(reason, form))
    assert type(refused.value) is kind
    assert "said in words" not in str(refused.value)


def test_what_lasts_until_somebody_mends_it_is_asked_again_in_an_hour() -> None:
    with pytest.raises(TransientError, match="enable it in the cloud console") as refused:
        GMAIL.judge(403, {}, error("accessNotConfigured"))
    assert refused.value.retry_after == timedelta(hours=1)


@pytest.mark.parametrize(
    "body", [{}, {"error": "x"}, {"error": {"errors": 7}}, {"error": {"errors": [7, {}]}}, error("odd")]
)
def test_a_refusal_without_a_known_reason_is_judged_by_its_status(body: dict[str, Any]) -> None:
    GMAIL.judge(403, {}, body)


def test_a_good_answer_is_no_error_whatever_it_says() -> None:
    GMAIL.judge(200, {}, error("rateLimitExceeded"))


def test_an_item_in_the_place_of_a_message_says_why() -> None:
    assert GMAIL.ignored(Item({"id": "1", "left_out": "deleted in the mailbox"})) == "deleted in the mailbox"


@pytest.mark.parametrize("label", ["DRAFT", "SPAM", "TRASH", "CHAT"])
def test_what_is_hidden_is_left_out(label: str) -> None:
    assert GMAIL.ignored(Item(MESSAGE | {"labelIds": ["INBOX", label]}))
