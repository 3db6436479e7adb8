"""Deliveries of Slack's, signed with a secret of the tests: of payloads of our own and real ones, and mutated."""

from __future__ import annotations

import gzip
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from tests.unit.api.api_house import NOW

SECRET = "an app's signing secret of the tests"
TEAM = "T0HARBOR"
OURS = Path(__file__).resolve().parents[2] / "data"


def signed(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    """As docs.slack.dev/authentication/verifying-requests-from-slack has it."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, "sha256").hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }


def envelope(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An event of the connected workspace."""
    said = {"token": "not-a-token", "team_id": TEAM, "api_app_id": "A0HARBOR", "type": "event_callback"}
    return {**said, "event": event, "event_id": "Ev0HARBOR", "event_time": 1772442251, **more}


def good(number: int) -> dict[str, Any]:
    """A message that is to be taken whatever stands beside it."""
    ts = f"1772440000.{number:06d}"
    return {"type": "message", "channel": "C0GOOD", "user": "U0HARBOR1", "ts": ts, "text": f"good line {number}"}


def events_in(value: Any) -> Iterator[dict[str, Any]]:
    """Whatever looks like a message in a payload."""
    if isinstance(value, dict):
        if isinstance(value.get("ts"), str) and value["ts"] and "text" in value:
            yield {"channel": "C0FOUND", **value}
        for inner in value.values():
            yield from events_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from events_in(inner)


def payloads_of(folder: Path) -> dict[str, Any]:
    """Each JSON file below a folder, by its path in it."""
    return {
        str(path.relative_to(folder)): json.loads(path.read_text("utf-8")) for path in sorted(folder.rglob("*.json"))
    }


def ours() -> list[dict[str, Any]]:
    """Our own samples as deliveries."""
    samples = [json.loads(path.read_text("utf-8")) for path in sorted(OURS.glob("slack_*.json"))]
    return [each if each["type"] == "event_callback" else envelope(each) for each in samples]


def real(folder: Path) -> list[dict[str, Any]]:
    """Real payloads as deliveries of the connected workspace: what they are, and each event and message in them."""
    found = []
    for payload in payloads_of(folder).values():
        found.append(payload)
        if isinstance(payload.get("event"), dict):
            found.append({**payload, "type": "event_callback", "team_id": TEAM, "authorizations": []})
        found += [envelope(event) for event in events_in(payload)]
    return found


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


ODD: list[Any] = [
    None, True, 0, -1, 1.5, 1e308, 2**70, "", "x", "\x00", "a\x00b", "\ud800", "\u202e", " ", [], {}, [[]], [None],
    {"": None}, {"id": "C1"}, "message_changed", "message_deleted", "bot_message", ["message"], {"ts": 1},
    "1772442251.000200", "99999999999.000000", "-5", "1e5", "9" * 400, "é" * 1000, "x" * 1_000_000, "\x00" * 50_000,
    nested(50), nested(150), nested(700),
]  # fmt: skip


class Mutation(NamedTuple):
    """What is done where: `where` and `what` pick among what there is."""

    kind: int
    where: int
    what: int


def places(value: Any) -> list[tuple[Any, Any]]:
    """Each (container, key) in a tree."""
    found: list[tuple[Any, Any]] = []
    level = [value]
    while level:
        each = level.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else []
        found += [(each, key) for key in keys]
        level += [each[key] for key in keys]
    return found


def mutated(payload: dict[str, Any], mutation: Mutation) -> bytes:
    """The bytes of a payload with one thing wrong in it."""
    if mutation.kind % 2:
        return _bytes_wrong(json.dumps(payload).encode(), mutation)
    return json.dumps(tree_wrong(payload, mutation)).encode()


def tree_wrong(payload: dict[str, Any], mutation: Mutation) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(payload))
    found = places(copy)
    if not found:
        return copy
    container, key = found[mutation.where % len(found)]
    if mutation.what % 7 == 0:
        del container[key]
    else:
        container[key] = ODD[mutation.what % len(ODD)]
    return copy


def _bytes_wrong(body: bytes, mutation: Mutation) -> bytes:
    at = mutation.where % (len(body) + 1)
    change = CHANGES[mutation.what % len(CHANGES)]
    return change(body, at)


def _doubled(body: bytes, at: int) -> bytes:
    """A key twice, with another value each time."""
    start = body.find(b'"', at)
    end = body.find(b'": ', start + 1)
    return body if start < 0 or end < 0 else body[:start] + body[start : end + 3] + b'"other", ' + body[start:]


CHANGES: list[Callable[[bytes, int], bytes]] = [
    lambda body, at: body[:at],
    lambda body, at: body[at:],
    lambda body, at: body[:at] + b"\x00" + body[at:],
    lambda body, at: body[:at] + b"\xff\xfe" + body[at:],
    lambda body, at: body[:at] + bytes([body[at] ^ 0x20]) + body[at + 1 :] if at < len(body) else body,
    lambda body, at: body[:at] + b"\\ud800" + body[at:],
    lambda body, at: body[:at] + b"9" * 5000 + body[at:],
    lambda body, at: body[:at] + b"NaN" + body[at + 3 :],
    lambda body, _: body.replace(b": 1", b": 1e999", 1),
    lambda body, _: body + body,
    lambda body, _: b"[" + body + b"]",
    lambda body, _: body.decode().encode("utf-16"),
    lambda body, _: body.decode().encode("utf-8-sig"),
    lambda body, _: body.decode().encode("utf-32"),
    lambda body, _: gzip.compress(body),
    lambda body, _: b"payload=" + body,
    lambda _, at: b"[" * (at + 100_000),
    lambda body, _: b'{"event": ' * 3000 + body,
    lambda _, at: bytes(at % 3),
    _doubled,
]
