"""Slack read whole from a stand-in that keeps its limits and misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sago.domain.messages import Message
from sago.sources.slack_history import estimate
from sago.stores.memory.clock import ManualClock
from tests.standins.slack_house import NOW, House
from tests.standins.slack_server import FAULTS, SlackServer, limits_of, slack_server
from tests.standins.slack_workspace import Workspace, fill, moment_of

CHANNELS = ("C0GENERAL01", "C0SALES0001")
Shown = tuple[str, int, str, bool]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def server(clock: ManualClock) -> Iterator[SlackServer]:
    """An internal app's stand-in, whose limits are by the test's clock."""
    with slack_server(limits=limits_of(is_internal=True, now=clock.monotonic)) as server:
        server.methods.most = 999
        yield server


def shown(workspace: Workspace) -> set[Shown]:
    """What the workspace holds now: id, version, words, whether it is a reply."""
    return {
        (
            f"slack:{channel.id}:{each['ts']}",
            int(moment_of(each["edited"]["ts"]).timestamp() * 1e6 + 0.5) if "edited" in each else 0,
            each["text"].partition(" of ")[0],
            each.get("thread_ts", each["ts"]) != each["ts"],
        )
        for channel in workspace.channels.values()
        for each in channel.messages.values()
        if each.get("subtype") != "tombstone"
    }


def stored(house: House) -> set[Shown]:
    return {
        (
            each.id,
            each.version,
            each.text.partition(" of ")[0],
            each.thread_id not in (None, each.id.rpartition(":")[2]),
        )
        for each in house.newest().values()
        if not each.deleted
    }


def assert_each_once(house: House) -> None:
    assert set(house.log.published.values()) == {1}
    assert house.log.conflicts == []


@pytest.mark.parametrize("fault", ["none", *FAULTS, "service_unavailable"])
def test_a_workspace_is_read_whole_however_slack_misbehaves(
    fault: str, server: SlackServer, clock: ManualClock
) -> None:
    for seed, channel in enumerate(CHANNELS):
        server.workspace.add_channel(channel)
        fill(server.workspace, channel, 500, NOW, seed)
    if fault != "none":
        server.misbehave(fault, every=7, times=4 if fault == "hang" else 40)
    house = House(server, clock)
    house.read()
    assert fault == "none" or server.faults[0].times < 40
    assert stored(house) == shown(server.workspace)
    assert_each_once(house)


def test_what_is_pushed_while_it_is_read_is_there_once_and_the_same(server: SlackServer, clock: ManualClock) -> None:
    events = []
    for seed, channel in enumerate(CHANNELS):
        server.workspace.add_channel(channel)
        events += fill(server.workspace, channel, 400, NOW, seed)
    server.misbehave("overlapping_page", times=1000)
    house = House(server, clock)
    house.pulling.refresh(house.id)
    pushes = server.pushes("http://127.0.0.1:9/", now=lambda: clock.now().timestamp())
    events.sort(key=lambda event: moment_of(event["event_ts"]))
    for number, event in enumerate(events):
        if number % 100 == 50:
            house.pulling.pull(house.id, CHANNELS[number // 100 % 2])
        house.push(pushes, event)
    house.read()
    assert stored(house) == shown(server.workspace)
    assert_each_once(house)
    by_push = dict(house.raw.rows)
    alone = House(server, ManualClock(clock.now()))
    server.limits = None
    alone.read()
    assert {key: row.message.content_sha() for key, row in alone.raw.rows.items()}.items() <= {
        key: row.message.content_sha() for key, row in by_push.items()
    }.items()


def test_ten_thousand_messages_outside_the_marketplace_take_eleven_hours(clock: ManualClock) -> None:
    workspace = Workspace()
    workspace.add_channel("C0GENERAL01")
    workspace.add_user("U0PERSON1", "Dana")
    for number in range(10_000):
        workspace.post("C0GENERAL01", "U0PERSON1", f"Message {number}", NOW - timedelta(minutes=number + 1))
    with slack_server(workspace, limits=limits_of(now=clock.monotonic)) as server:
        house = House(server, clock, is_internal=False)
        took = house.read()
        said = estimate(10_000, house.settings)
    assert len(house.newest()) == 10_000
    assert said == timedelta(hours=11, minutes=7)
    assert said - timedelta(minutes=2) <= took <= said * 1.1
    assert_each_once(house)
