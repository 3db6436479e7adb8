"""The bench's messages are ones the bridge takes, as many and as different as it says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from bench.store.feed import staggered
from bench.store.load import Load
from sago.domain.messages import Message


@pytest.mark.parametrize("make", [Load.live, Load.imported])
def test_every_delivery_is_a_message_and_its_company_the_key(make: object) -> None:
    load = make("a", 400, 50)  # type: ignore[operator]
    deliveries = list(load.deliveries())
    messages = [Message.from_json(each.value) for each in deliveries]
    for each, message in zip(deliveries, messages, strict=True):
        assert (each.company_id, each.source) == (message.company_id, message.source)
        message.check_time(datetime.now(UTC))
    seen = Counter(message.key for message in messages)
    contents = Counter({(message.key, message.content_sha()): 1 for message in messages})
    assert len(seen) == load.messages
    assert len(contents) - len(seen) == load.conflicts == 3
    assert sum(seen.values()) == load.messages + load.messages // 100 + load.conflicts


def test_a_tenth_is_mail_of_every_company() -> None:
    messages = [Message.from_json(each.value) for each in Load.live("a", 2000, 50).deliveries()]
    mails = [message for message in messages if message.source == "gmail" and message.text.startswith("Subject: ")]
    assert 0.09 < len(mails) / len(messages) < 0.11
    assert len({mail.company_id for mail in mails}) == 50
    assert all(900 < len(mail.text) < 3200 for mail in mails)


def test_companies_are_filled_to_heights_of_their_own() -> None:
    filled = Counter(each.company_id for each in staggered(50))
    assert sorted(filled.values()) == [4 * n for n in range(1, 50)]
