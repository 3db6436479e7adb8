"""Payloads and mails that nobody of this project wrote: taken, ignored on purpose or refused with a reason."""

import json
import os
from pathlib import Path

import pytest

from sago.errors import InvalidMessageError
from sago.sources import slack

REAL = Path(__file__).parents[4] / "shared" / "data" / "real"


def corpus(name: str) -> Path:
    if not (REAL / name).is_dir():
        if os.environ.get("SAGO_REQUIRE_SHARED") == "1":
            pytest.fail(f"../shared/data/real/{name} is missing")
        pytest.skip(f"../shared/data/real/{name} is not here")
    return REAL / name


def objects(value: object) -> list[dict]:
    """The value and every object inside it that could be a message."""
    if isinstance(value, list):
        return [found for item in value for found in objects(item)]
    if not isinstance(value, dict):
        return []
    inner = [found for item in value.values() for found in objects(item)]
    return [value, *inner]


def test_every_slack_payload_has_a_fate() -> None:
    fates: dict[str, int] = {"message": 0, "ignored": 0, "refused": 0}
    for path in sorted(corpus("slack").rglob("*.json")):
        for payload in objects(json.loads(path.read_text(encoding="utf-8"))):
            if slack.ignored(payload):
                fates["ignored"] += 1
                continue
            try:
                slack.to_message(payload, "acme")
                fates["message"] += 1
            except InvalidMessageError:
                fates["refused"] += 1
    assert fates["ignored"] > 100, fates
    assert fates["message"] + fates["refused"] > 0, fates
