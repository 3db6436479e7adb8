"""What a message may hold: whatever the stores would refuse is refused at the door, in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sago.domain.messages import RAW_LIMIT, Message
from sago.errors import InvalidMessageError

BODY: dict[str, Any] = {
    "schema": 1, "id": "slack:1", "company_id": "acme", "source": "slack", "sender": "ana",
    "sent_at": "2026-03-01T00:00:00Z", "text": "hello",
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", 2**63), ("version", -1), ("sent_at", "0001-01-01T00:00:00+10:00"), ("sender", "\ud800")],
)
def test_what_no_store_takes_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidMessageError, match=field):
        Message.from_json(json.dumps(BODY | {field: value}).encode())


def test_a_deeply_nested_payload_travels_as_it_came() -> None:
    raw: dict[str, Any] = {}
    for _ in range(300):
        raw = {"inner": raw}
    message = Message.from_json(json.dumps(BODY | {"raw": raw}).encode())
    assert Message.from_json(message.to_json()) == message


@pytest.mark.parametrize("number", [0.1, 1e-7, 6.650363761058515e-05, 1e22, 5e-324, -0.0, 2**80, -(2**63)])
def test_a_number_of_a_payload_travels_as_it_came(number: float) -> None:
    message = Message.from_json(json.dumps(BODY | {"raw": {"n": number, "name": "é\u2028\x1f\U0001f600"}}).encode())
    assert json.loads(message.to_json())["raw"] == {"n": number, "name": "é\u2028\x1f\U0001f600"}


@pytest.mark.parametrize(("size", "is_cut"), [(RAW_LIMIT - 8, False), (RAW_LIMIT - 7, True)])
def test_a_payload_over_its_limit_is_cut_and_marked(size: int, is_cut: bool) -> None:
    raw = {"n": "x" * size}
    written = json.loads(Message.parse(BODY | {"raw": raw}).to_json())
    assert (written["raw"], written.get("raw_cut", False)) == ({} if is_cut else raw, is_cut)


def test_an_id_without_a_native_part_names_no_message() -> None:
    """An erasure of a source goes by it."""
    with pytest.raises(InvalidMessageError, match="it names no message"):
        Message.from_json(json.dumps(BODY | {"id": "slack:"}).encode())
