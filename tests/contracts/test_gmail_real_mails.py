"""Mails that nobody of this project wrote, in a mailbox: whatever goes wrong, each has its one fate."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sago.ports import Item
from tests.standins.gmail_house import House
from tests.standins.gmail_server import GmailStandin, serving

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
EVERYTHING_PUT_ASIDE = -1
FAULTS = {
    "nothing wrong": [],
    "429 with and without Retry-After": [("429", {"retry_after": 2}), ("429", {})],
    "403 of two kinds": [("rateLimitExceeded", {}), ("userRateLimitExceeded", {})],
    "errors of theirs": [("500", {}), ("503", {})],
    "answers cut off, or none": [("cut", {}), ("html", {})],
    "tokens refused": [("401", {})],
    "pages twice": [("twice", {"every": 1}), ("overlap", {"every": 1})],
    "a page's token forgotten": [("400", {"path": "(messages|history)$", "every": 4})],
}
"""Each strikes at every 23rd request, unless it says otherwise."""


@pytest.fixture(scope="module")
def mails(shared: Path) -> list[bytes]:
    folder = shared / "data" / "real" / "email"
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


def put(gmail: GmailStandin, mails: list[bytes]) -> list[str]:
    """Those without a Date have come an hour ago."""
    return [gmail.mailbox.add(raw, at=NOW - timedelta(hours=1)) for raw in mails]


def contents(house: House) -> dict[str, tuple[str, str | None]]:
    """What each mail says, and in which thread."""
    return {each.native_id: (each.content_sha().hex(), each.thread_id) for each in house.messages().values()}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_each_mail_has_one_fate_whatever_goes_wrong(mails: list[bytes], faults: list[tuple[str, dict]]) -> None:
    with serving() as gmail:
        gmail.page_size = 20
        half = len(mails) // 2
        ids = put(gmail, mails[:half])
        house = House(gmail, since=LONG_AGO, now=NOW)
        for kind, more in faults:
            gmail.misbehave(kind, **{"every": 23, "times": 3} | more)
        house.read()
        for raw in mails[half:]:
            ids += put(gmail, [raw])
            if len(ids) % 10 == 0:
                house.news()
                house.pull()
        house.news(history_id=1)
        house.read()
        assert all(fault.times < 3 for fault in gmail.faults), "a fault never came"
    assert set(house.log.published.values()) == {1}
    assert not house.log.conflicts
    assert set(house.messages()) <= set(ids)
    assert set(house.refused()) <= set(ids)
    assert not set(house.messages()) & set(house.refused())
    rest = set(ids) - set(house.messages()) - set(house.refused())
    assert all(house.gmail.ignored(Item(gmail.mailbox.shown(gmail.mailbox.messages[each], "raw"))) for each in rest)
    assert len(rest) <= sum(house.ignored.values())


def test_both_formats_say_the_same_of_each_mail(mails: list[bytes]) -> None:
    with serving() as gmail:
        put(gmail, mails)
        in_full = House(gmail, since=LONG_AGO, now=NOW)
        in_full.read()
        assert {query["format"][0] for path, query in gmail.asked if path.startswith("messages/")} == {"full", "raw"}
        gmail.mailbox.aside = EVERYTHING_PUT_ASIDE
        gmail.asked.clear()
        raw = House(gmail, since=LONG_AGO, now=NOW)
        raw.read()
        formats = Counter(query["format"][0] for path, query in gmail.asked if path.startswith("messages/"))
        assert formats["raw"] > 0.9 * formats["full"]
    assert contents(raw) == contents(in_full)
    assert set(raw.refused()) == set(in_full.refused())
    assert raw.ignored == in_full.ignored
