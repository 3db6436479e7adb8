"""Payloads and mails that nobody of this project wrote: taken, ignored on purpose or refused with a reason."""

import contextlib
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sago.errors import InvalidMessageError
from sago.ports import Delivery
from sago.sources import slack, slack_events, slack_subtypes

SOURCES = Path(__file__).parents[3] / "docs" / "sources.md"
FILLED = {
    "team_id": "T0REAL",
    "channel": "C0REAL",
    "user": "U0REAL",
    "text": "words",
    "ts": "1781914983.110929",
    "event_ts": "1781914983.110929",
}
NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)


def objects(value: object) -> list[dict]:
    """The value and every object inside it that could be a message."""
    if isinstance(value, list):
        return [found for item in value for found in objects(item)]
    if not isinstance(value, dict):
        return []
    inner = [found for item in value.values() for found in objects(item)]
    return [value, *inner]


def filled(value: object, key: str = "") -> Any:
    """The value with something plausible where a sample of Slack's has an empty string."""
    if isinstance(value, dict):
        kind = {"type": "event_callback"} if "event" in value and not value.get("type") else {}
        return {name: filled(inner, name) for name, inner in (value | kind).items()}
    if isinstance(value, list):
        return [filled(inner, key) for inner in value]
    return FILLED.get(key, value) if value == "" else value


def slack_fate(body: object) -> str:
    """What becomes of a body that Slack posts."""
    try:
        push = slack_events.unpack(Delivery(json.dumps(body).encode(), {}, NOW))
        reasons = [push.ignored, *(slack_events.ignored(item) for item in push.items)]
        for item in push.items:
            if slack_events.ignored(item) is None:
                slack_events.to_message(item, "acme", {}).to_json()
    except InvalidMessageError as error:
        return f"refused: {error.reason}"
    reason = next((each for each in reasons if each), None)
    if reason is None:
        return "the connection is ended" if push.ended else "taken"
    return f"left out: {re.sub('^(event|delivery) [a-z_]+$', lambda found: f'another {found[1]}', reason)}"


def told(heading: str) -> dict[str, int]:
    """The counts that docs/sources.md tells under a heading."""
    part = SOURCES.read_text(encoding="utf-8").split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return {what: int(count) for what, count in re.findall(r"^\| (.+?) \| (\d+) \|$", part, re.MULTILINE)}


@pytest.fixture(scope="module")
def slack_files(shared: Path) -> list[Any]:
    return [json.loads(path.read_text("utf-8")) for path in sorted((shared / "data/real/slack").rglob("*.json"))]


def test_every_slack_payload_has_the_fate_that_is_told(slack_files: list[Any]) -> None:
    assert Counter(map(slack_fate, slack_files)) == told("Real payloads as they are")
    assert Counter(slack_fate(filled(each)) for each in slack_files) == told("Real payloads, blanks filled in")


def test_every_object_with_a_text_and_a_time_has_the_fate_that_is_told(slack_files: list[Any]) -> None:
    """Read as if it were a message: what is none of its own accord (an attachment, a mention) has the same fields."""
    spoken = [each for each in objects(slack_files) if {"text", "ts"} <= each.keys()]
    events = [{"channel": "C0REAL", **filled(each), "type": "message"} for each in spoken]
    fates = Counter(slack_fate({"type": "event_callback", "team_id": "T0REAL", "event": event}) for event in events)
    assert fates == told("Every object in them with a text and a time")


def test_no_object_in_a_slack_payload_is_an_error_of_ours(slack_files: list[Any]) -> None:
    taken = 0
    for each in objects([*slack_files, filled(slack_files)]):
        with contextlib.suppress(InvalidMessageError):
            slack.to_message({"channel": "C0REAL", **each}, "acme")
            taken += 1
    assert taken > 0


def test_every_subtype_of_slack_s_stands_in_the_table() -> None:
    part = SOURCES.read_text(encoding="utf-8").split("### Messages by subtype", 1)[1].split("\n#", 1)[0]
    fates: dict[str, set[str]] = {"taken": set(), "left out": set()}
    for subtypes, fate in re.findall(r"^\| (.*`.*) \| (taken|left out)", part, re.MULTILINE):
        fates[fate] |= set(re.findall(r"`([a-z_]+)`", subtypes))
    assert fates["left out"] == slack_subtypes.IGNORED.keys() - {"thread_left_out"}  # a name of ours
    of_another = {slack.CHANGED, slack.DELETED, slack.TOMBSTONE}
    assert fates["taken"] == slack_subtypes.TAKEN | of_another
