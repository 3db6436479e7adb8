"""Slack read whole from a stand-in that keeps its limits and misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from sago.domain.connections import Token
from sago.pipeline.pulling import End
from sago.sources.slack_history import TRIES, estimate
from sago.sources.vendor import USUAL, Bounds
from sago.stores.memory.clock import ManualClock
from tests.canaries import SLACK_TOKEN, slack_refresh
from tests.standins.slack_house import NOW, House
from tests.standins.slack_pushes import Pushes
from tests.standins.slack_server import FAULTS, SlackServer, limits_of, slack_server
from tests.standins.slack_workspace import Fields, Workspace, fill, moment_of

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
        fill(server.workspace, channel, 1000, NOW, seed)
        root = server.workspace.post(channel, "U0PERSON1", "A long thread", NOW - timedelta(days=3))["ts"]
        for number in range(70):
            at = NOW - timedelta(days=2, minutes=-number)
            server.workspace.post(channel, "U0PERSON2", f"Reply {number}", at, thread=root)
    server.methods.most = 15
    if fault != "none":
        server.misbehave(fault, every=7, times=4 if fault == "hang" else 40)
    house = House(server, clock, bounds=Bounds(answered_within=0.5) if fault == "hang" else USUAL)
    for _ in range(TRIES):  # a thread that Slack failed at is asked for in the next window
        house.read()
        if stored(house) == shown(server.workspace):
            break
    assert fault == "none" or server.faults[0].times < (4 if fault == "hang" else 35)
    assert stored(house) == shown(server.workspace)
    assert_each_once(house)


def pushed_into(house: House) -> Pushes:
    return house.server.pushes("http://127.0.0.1:9/", now=lambda: house.clock.now().timestamp())


def filled(server: SlackServer, messages: int) -> list[Fields]:
    """Events of two channels in the order they happened."""
    events = []
    for seed, channel in enumerate(CHANNELS):
        server.workspace.add_channel(channel)
        events += fill(server.workspace, channel, messages, NOW, seed)
    return sorted(events, key=lambda event: moment_of(event["event_ts"]))


def test_what_is_pushed_while_it_is_read_is_there_once(server: SlackServer, clock: ManualClock) -> None:
    events = filled(server, 400)
    server.methods.most = 15
    server.misbehave("overlapping_page", every=2, times=1000)
    house = House(server, clock)
    house.pulling.refresh(house.id)
    for number, event in enumerate(events):
        if number % 100 == 50:
            house.pulling.pull(house.id, CHANNELS[number // 100 % 2])
        house.push(pushed_into(house), event)
    house.read()
    assert stored(house) == shown(server.workspace)
    assert_each_once(house)


def test_a_message_is_the_same_whether_it_was_pushed_or_fetched(server: SlackServer, clock: ManualClock) -> None:
    events = filled(server, 400)
    fetched, pushed = House(server, clock), House(server, ManualClock(NOW))
    fetched.read()
    pushed.pulling.refresh(pushed.id)
    pushes = pushed_into(pushed)
    for event in events:
        taken = pushed.push(pushes, event)
        assert not taken.refused
    by_push = {key: row.message.content_sha() for key, row in pushed.raw.rows.items()}
    by_fetch = {key: row.message.content_sha() for key, row in fetched.raw.rows.items()}
    assert by_fetch.items() <= by_push.items()
    assert stored(pushed) == stored(fetched) == shown(server.workspace)
    gone = {each.id for each in pushed.newest().values() if each.deleted}
    assert len(gone) > 5
    assert gone.isdisjoint(fetched.newest())


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


def test_edits_and_late_replies_are_found_as_far_as_the_look_back_goes(server: SlackServer, clock: ManualClock) -> None:
    workspace = server.workspace
    workspace.add_channel("C0GENERAL01")
    old, recent = (
        workspace.post("C0GENERAL01", "U0PERSON1", f"root {days}", NOW - timedelta(days=days))["ts"] for days in (20, 3)
    )
    house = House(server, clock)
    house.read()
    clock.advance(timedelta(hours=1))
    for root in (old, recent):
        workspace.edit("C0GENERAL01", root, "as it was found later", clock.now())
        workspace.post("C0GENERAL01", "U0PERSON2", f"reply to {root}", clock.now(), thread=root)
    clock.advance(timedelta(days=1))
    house.read()
    texts = sorted(row.message.text for row in house.raw.rows.values())
    assert texts == ["as it was found later", f"reply to {recent}", "root 20", "root 3"]


def test_a_token_that_ends_in_between_is_renewed_and_the_reading_goes_on(
    server: SlackServer, clock: ManualClock
) -> None:
    server.methods.rotates, server.methods.most = True, 5
    server.methods.refreshes.add(slack_refresh("first"))
    server.workspace.add_channel("C0GENERAL01")
    fill(server.workspace, "C0GENERAL01", 60, NOW)
    house = House(server, clock, token=Token(access=SecretStr(SLACK_TOKEN), refresh=SecretStr(slack_refresh("first"))))
    house.pulling.refresh(house.id)
    server.methods.expire_tokens()
    house.read()
    assert stored(house) == shown(server.workspace)
    assert [method for method, _ in server.asked].count("oauth.v2.access") == 1


def test_a_token_that_slack_refuses_ends_the_reading_until_it_is_connected_again(
    server: SlackServer, clock: ManualClock
) -> None:
    server.methods.most = 5
    server.workspace.add_channel("C0GENERAL01")
    fill(server.workspace, "C0GENERAL01", 60, NOW)
    house = House(server, clock)
    house.pulling.refresh(house.id)
    server.misbehave("token_revoked", "conversations.history", every=4)
    assert house.pulling.pull(house.id, "C0GENERAL01").end is End.REFUSED
    with house.database.begin() as tx:
        refused = tx.connections.get(house.id)
        assert refused is not None
        assert "sago connect slack" in refused.reason
        tx.connections.save(house.connection)
    house.read()
    assert stored(house) == shown(server.workspace)
    assert_each_once(house)


def test_a_channel_that_vanishes_leaves_the_others_alone(server: SlackServer, clock: ManualClock) -> None:
    server.methods.most = 5
    for channel in CHANNELS:
        server.workspace.add_channel(channel)
        fill(server.workspace, channel, 60, NOW)
    house = House(server, clock)
    house.pulling.refresh(house.id)
    server.workspace.remove_channel(CHANNELS[1])
    gone = house.pulling.pull(house.id, CHANNELS[1])
    assert (gone.end, gone.taken) == (End.FAILED, 0)
    assert "channel_not_found" in gone.error
    house.read()
    assert stored(house) == shown(server.workspace)


def test_a_shared_channel_without_the_app_says_how_to_mend_it_and_is_read_then(
    server: SlackServer, clock: ManualClock
) -> None:
    channel = server.workspace.add_channel("C0GENERAL01", is_member=False)
    fill(server.workspace, "C0GENERAL01", 30, NOW)
    house = House(server, clock, containers=("C0GENERAL01",))
    house.pulling.refresh(house.id)
    house.pulling.pull(house.id, "C0GENERAL01")
    (stream,) = house.streams()
    assert "/invite" in stream.error
    channel.is_member = True
    house.read()
    assert stored(house) == shown(server.workspace)
