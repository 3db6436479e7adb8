"""Which deliveries Slack signed: its own example, and what is not quite it."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.errors import ConfigError, SignatureError
from sago.ports import Delivery
from sago.sources.slack_events import verify

SECRET = "a secret of this test"
AT = datetime(2026, 3, 2, 9, 4, 11, tzinfo=UTC)
BODY = '{"type": "event_callback", "text": "čau"}'.encode()


def signed(body: bytes = BODY, at: datetime = AT, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}


def test_every_vector_of_slack_s_is_reproduced(shared: Path) -> None:
    listed = json.loads((shared / "data/real/signatures/vectors.json").read_text(encoding="utf-8"))
    found = [each for each in listed if each["name"].startswith("slack")]
    assert found
    for each in found:
        at = datetime.fromtimestamp(int(each["timestamp"]), UTC)
        headers = {"x-slack-request-timestamp": each["timestamp"], each["header"].lower(): each["signature"]}
        delivery = Delivery(each["body"].encode(), headers, at)
        verify(delivery, each["secret"])
        with pytest.raises(SignatureError, match="not signed with our signing secret"):
            verify(delivery._replace(body=delivery.body + b" "), each["secret"])
        with pytest.raises(SignatureError, match="not signed with our signing secret"):
            verify(delivery, each["secret"] + "x")


@pytest.mark.parametrize("late", [-301, -300, 0, 300, 301])
def test_a_delivery_holds_for_five_minutes_by_the_time_it_came(late: int) -> None:
    delivery = Delivery(BODY, signed(), AT + timedelta(seconds=late))
    if abs(late) <= 300:
        verify(delivery, SECRET)
        return
    with pytest.raises(SignatureError, match="more than five minutes"):
        verify(delivery, SECRET)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x-slack-signature": ""}, "header x-slack-signature is missing"),
        ({"x-slack-request-timestamp": ""}, "header x-slack-request-timestamp is missing"),
        ({"x-slack-signature": "v0=aa, v0=bb"}, "header x-slack-signature has more than one value"),
        ({"x-slack-request-timestamp": "1,2"}, "header x-slack-request-timestamp has more than one value"),
        ({"x-slack-request-timestamp": "now"}, "is no Unix time"),
        ({"x-slack-request-timestamp": "1_7_7"}, "is no Unix time"),
        ({"x-slack-request-timestamp": "١٧"}, "is no Unix time"),
        ({"x-slack-request-timestamp": "9" * 5000}, "is no Unix time"),
        ({"x-slack-signature": "v0=ž"}, "not signed with our signing secret"),
        ({"x-slack-signature": "v1=00"}, "not signed with our signing secret"),
    ],
)
def test_what_is_wrong_with_a_head_is_told_without_its_value(change: dict[str, str], reason: str) -> None:
    with pytest.raises(SignatureError, match=reason) as caught:
        verify(Delivery(BODY, signed() | change, AT), SECRET)
    assert SECRET not in str(caught.value)
    assert signed()["x-slack-signature"] not in str(caught.value)


def test_a_head_that_is_not_there_is_missing() -> None:
    with pytest.raises(SignatureError, match="is missing"):
        verify(Delivery(BODY, {}, AT), SECRET)


def test_bytes_that_are_no_text_are_not_slack_s() -> None:
    body = b"\xff\xfe{}"
    with pytest.raises(SignatureError, match="not signed"):
        verify(Delivery(body, signed(body), AT), SECRET)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(ConfigError, match="SAGO_SLACK__SIGNING_SECRET"):
        verify(Delivery(BODY, signed(secret=" "), AT), " ")


@given(st.data())
def test_one_other_bit_is_another_delivery(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(BODY) * 8 - 1))
    body = bytearray(BODY)
    body[place // 8] ^= 1 << place % 8
    with pytest.raises(SignatureError):
        verify(Delivery(bytes(body), signed(), AT), SECRET)
