"""A message that probably tells something of weight makes its company's batch at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.messages import Message
from sago.pipeline.storing import NEWS_FOR
from sago.sections import CacheSettings
from tests.unit.pipeline.house import NOW, House, message

NEWS = "We signed Halvorsen Freight, a three-year contract worth $480k a year."
PAUSE = timedelta(seconds=600)


def lately(n: int, **more: Any) -> Message:
    return message(n, **more).model_copy(update={"sent_at": NOW - timedelta(minutes=60 - n)})


def house(*, urgent: bool = True) -> House:
    return House(threshold=50, chunk=10, urgent=urgent)


def stored(house: House, *messages: Message, now: datetime = NOW) -> None:
    """As one micro-batch, at that moment."""
    house.storing.store("log", [each.to_json() for each in messages], [None] * len(messages), now)


def batches(house: House, company: str = "acme") -> list[list[str]]:
    """The messages of each claim, in the order of the claims' first."""
    claims = (house.buffer.claimed(name, batch_id) for name, batch_id in house.buffer.unopened() if name == company)
    return sorted([each.id for each in claim.messages] for claim in claims if claim)


def test_news_takes_along_what_waited() -> None:
    ours = house()
    stored(ours, lately(1), lately(2), lately(1, company="bolt"))
    assert ours.dispatcher.take() == []
    stored(ours, lately(3, text=NEWS))
    assert batches(ours) == [["slack:1", "slack:2", "slack:3"]]
    assert ours.run() == ["extract.start", "extract.chunk", "extract.merge"]
    assert ours.buffer.counts() == {"bolt": 1}


@pytest.mark.parametrize(
    ("text", "urgent", "age"),
    [
        ("standup 3", True, timedelta(0)),
        (NEWS, False, timedelta(0)),
        (NEWS, True, NEWS_FOR + timedelta(seconds=1)),
    ],
)
def test_chatter_old_news_and_a_switch_that_is_off_wait_for_the_threshold(
    text: str, age: timedelta, *, urgent: bool
) -> None:
    ours = house(urgent=urgent)
    stored(ours, lately(1, text=text).model_copy(update={"sent_at": NOW - age}))
    assert ours.dispatcher.take() == []
    assert ours.buffer.counts() == {"acme": 1}


def test_a_company_is_hurried_once_in_its_pause() -> None:
    ours = house()
    stored(ours, lately(1, text=NEWS))
    stored(ours, lately(2, text=NEWS), now=NOW + PAUSE - timedelta(seconds=1))
    assert batches(ours) == [["slack:1"]]
    stored(ours, lately(3, text=NEWS), now=NOW + PAUSE)
    assert batches(ours) == [["slack:1"], ["slack:2", "slack:3"]]


def test_news_delivered_again_after_the_pause_hurries_nobody() -> None:
    ours = house()
    stored(ours, lately(1, text=NEWS))
    stored(ours, lately(1, text=NEWS), lately(2), now=NOW + 2 * PAUSE)
    assert batches(ours) == [["slack:1"]]
    ours.run()
    stored(ours, lately(1, text=NEWS), now=NOW + 2 * PAUSE)
    assert ours.dispatcher.take() == []


DELIVERIES = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(["acme", "bolt"]), st.integers(0, 900)), min_size=1, max_size=30
)


@given(DELIVERIES)
def test_whatever_comes_again_and_in_whatever_order_each_message_is_in_one_batch_or_waits(
    deliveries: list[tuple[int, str, int]],
) -> None:
    """Every fourth message is news; at most one batch a company in each pause."""
    ours, now = house(), NOW
    claimed: dict[str, list[datetime]] = {"acme": [], "bolt": []}
    for number, company, seconds in deliveries:
        now += timedelta(seconds=seconds)
        said = lately(number, company=company, text=NEWS if number % 4 == 0 else "")
        before = len(batches(ours, company))
        stored(ours, said, now=now)
        claimed[company] += [now] * (len(batches(ours, company)) - before)
    for company, moments in claimed.items():
        different = {f"slack:{number}" for number, name, _ in deliveries if name == company}
        taken = [each for batch in batches(ours, company) for each in batch]
        assert len(taken) == len(set(taken))
        assert set(taken) <= different
        assert len(different) - len(taken) == ours.buffer.counts().get(company, 0)
        assert all(later - sooner >= PAUSE for sooner, later in pairwise(moments))


def test_news_behind_more_than_a_claim_takes_is_read_with_the_further_claim() -> None:
    ours = house()
    limit = CacheSettings().claim_limit
    stored(
        ours,
        *(lately(1).model_copy(update={"id": f"slack:{n}"}) for n in range(100, 100 + limit)),
        lately(50, text=NEWS),
    )
    assert [len(each) for each in batches(ours)] == [limit, 1]
    assert ours.buffer.counts() == {}
