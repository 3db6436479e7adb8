"""How sources do, by their own rhythm, with a clock that tests turn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from sago.domain.connections import Connection, ConnectionState, Stream, Token, Window, connection_id_of
from sago.domain.messages import Message
from sago.domain.vitals import ConnectionVitals, SourceState
from sago.pipeline.connecting import Connecting, Wanted
from sago.pipeline.source_health import SourceHealth
from sago.pipeline.taking import Read
from sago.ports import Item
from sago.stores.fernet_vault import FernetVault, new_key
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase

NOW = datetime(2026, 11, 6, 15, tzinfo=UTC)
"""A Friday."""
DAY = timedelta(days=1)


class House:
    def __init__(self, now: datetime = NOW) -> None:
        self.database, self.clock = MemoryDatabase(), ManualClock(now)
        self.health = SourceHealth(self.database, self.clock)

    def connect(self, source: str = "slack", *streams: str, since: timedelta = 90 * DAY, **more: object) -> Connection:
        known = connection_id_of(source, "1")
        values = {"id": known, "source": source, "account": "1", "name": "Scaleflow", "company_id": "scaleflow"}
        values |= {"containers": ("*",)}
        made = Connection.model_validate({**values, "created_at": self.clock.now() - since, **more})
        with self.database.begin() as tx:
            tx.connections.save(made)
            tx.streams.ensure(made.id, streams, self.clock.now())
        return made

    def stream(self, connection_id: UUID, name: str, **values: object) -> None:
        with self.database.begin() as tx:
            ours = tx.streams.claim(connection_id, name, self.clock.now(), self.clock.now() + DAY)
            assert ours is not None
            tx.streams.release(Stream.model_validate({**ours.model_dump(), **values}))

    def heard(self, connection: Connection, days: Iterable[datetime], container: str | None = "C1") -> None:
        self.health.hear(connection, [read(at, container) for at in days])

    def one(self) -> ConnectionVitals:
        (found,) = self.health.sources()
        return found


def read(at: datetime, container: str | None = "C1") -> Read:
    body = {"id": f"slack:{at.timestamp()}", "company_id": "scaleflow", "source": "slack", "sender": "ana"}
    return Read(Item({}, container), "scaleflow", Message.parse({**body, "sent_at": at, "text": "hello"}))


def working_days(last: datetime, weeks: int = 8) -> list[datetime]:
    days = (last - number * DAY for number in range(7 * weeks))
    return [each for each in days if each.weekday() < 5]


@pytest.fixture
def house() -> House:
    return House()


def test_a_source_that_is_heard_as_usual_is_fresh(house: House) -> None:
    slack = house.connect("slack", "C1")
    house.stream(slack.id, "C1", read_until=NOW, taken=40)
    house.heard(slack, working_days(NOW))
    found = house.one()
    assert (found.state, found.newest_at) == (SourceState.FRESH, NOW)
    assert found.days_a_week == 5
    assert found.text == "newest message 0 s ago, read until 15:00 UTC"
    assert [(each.name, each.state, each.taken) for each in found.streams] == [("C1", SourceState.FRESH, 40)]


def test_a_weekend_is_no_silence_and_a_week_is(house: House) -> None:
    slack = house.connect()
    house.heard(slack, working_days(NOW))
    states = []
    for _ in range(9):
        house.clock.sleep(DAY.total_seconds())
        states.append(house.one().state)
    assert states[:4] == [SourceState.FRESH] * 4, "Saturday to Tuesday: Monday alone says little"
    assert states[-1] is SourceState.QUIET, "the Sunday of the week after"


def test_one_that_stopped_while_another_goes_on_may_be_broken(house: House) -> None:
    slack, gmail = house.connect("slack"), house.connect("gmail")
    house.heard(slack, working_days(NOW - 10 * DAY))
    house.heard(gmail, working_days(NOW), None)
    found = {each.source: each for each in house.health.sources()}
    assert found["gmail"].state is SourceState.FRESH
    assert found["slack"].state is SourceState.QUIET
    assert found["slack"].text == (
        "no message since 27 October, usually on 5 days a week, while another source goes on; look whether what is "
        "shared still lies where it did, and whether the app may still see it"
    )


def test_where_nothing_goes_on_it_says_so_and_a_source_of_another_company_is_nothing_beside_it(house: House) -> None:
    slack = house.connect("slack")
    other = house.connect("gmail", company_id="acme")
    house.heard(slack, working_days(NOW - 10 * DAY))
    house.heard(other, working_days(NOW), None)
    (quiet,) = [each for each in house.health.sources() if each.state is SourceState.QUIET]
    assert "and nothing else goes on either: perhaps nobody writes" in quiet.text


def test_a_channel_that_stopped_while_others_go_on_is_quiet_and_the_source_is_fresh(house: House) -> None:
    slack = house.connect("slack", "C1", "C2", "C3")
    house.heard(slack, working_days(NOW - 10 * DAY), "C1")
    house.heard(slack, working_days(NOW), "C2")
    found = house.one()
    assert found.state is SourceState.FRESH
    assert [each.state for each in found.streams] == [SourceState.QUIET, SourceState.FRESH, SourceState.FRESH]
    assert "while another channel goes on" in found.streams[0].text
    assert found.streams[2].text == "no message yet, connected 90 d ago"


def test_a_stream_of_the_whole_account_is_heard_in_every_container(house: House) -> None:
    gmail = house.connect("gmail", "*")
    house.heard(gmail, working_days(NOW), "INBOX")
    assert house.one().streams[0].newest_at == NOW


def test_a_connection_of_three_days_has_no_rhythm_to_be_held_against(house: House) -> None:
    slack = house.connect(since=3 * DAY)
    house.heard(slack, [NOW - 3 * DAY])
    found = house.one()
    assert (found.state, found.days_a_week) == (SourceState.FRESH, None)
    assert found.text == "newest message 3 d ago"


def test_one_that_never_had_a_message_is_worth_a_look_after_two_weeks(house: House) -> None:
    house.connect(since=3 * DAY)
    found = house.one()
    assert (found.state, found.text, found.newest_at) == (SourceState.FRESH, "no message yet, connected 3 d ago", None)
    house.clock.sleep((11 * DAY).total_seconds())
    found = house.one()
    assert found.state is SourceState.QUIET
    assert found.text.startswith("no message yet, connected 14 d ago; look whether")


def test_one_whose_messages_end_years_ago_is_quiet_since_then(house: House) -> None:
    slack = house.connect("slack", "C1")
    house.stream(slack.id, "C1", read_until=NOW)
    house.heard(slack, working_days(datetime(2021, 3, 5, tzinfo=UTC)))
    found = house.one()
    assert found.state is SourceState.QUIET
    assert found.text.startswith("no message since 5 March 2021, usually on 5 days a week")


def test_what_fails_is_told_in_the_vendors_words_and_since_when(house: House) -> None:
    slack = house.connect("slack", "C1", "C2")
    failing = {"read_until": NOW - timedelta(hours=3), "due_at": NOW + timedelta(minutes=4)}
    house.stream(slack.id, "C1", failures=2, error="slack: HTTP 500", **failing)
    house.stream(slack.id, "C2", read_until=NOW)
    house.heard(slack, [NOW])
    assert house.one().state is SourceState.FRESH, "two failures mend themselves"
    house.stream(slack.id, "C1", failures=9, error="slack: HTTP 500", **failing)
    found = house.one()
    assert found.state is SourceState.FAILING
    assert found.text == (
        "1 of 2 streams: not read since 12:00 UTC, 9 failures in a row: slack: HTTP 500; tried again in 4 min"
    )


def test_one_that_never_worked_fails_since_it_was_connected(house: House) -> None:
    slack = house.connect("slack", "C1", since=2 * DAY)
    house.stream(slack.id, "C1", failures=9, due_at=NOW)
    assert house.one().text == ("not read since 4 November, 9 failures in a row: no reason was kept; tried again now")


def test_a_refused_one_needs_a_person(house: House) -> None:
    refused = {"state": ConnectionState.REFUSED, "reason": "slack: token_revoked"}
    slack = house.connect("slack", "C1", **refused)
    house.stream(slack.id, "C1", failures=9, error="slack: token_revoked")
    found = house.one()
    assert (found.state, found.text) == (
        SourceState.REFUSED,
        "slack: token_revoked; nothing is read until somebody connects it again: `sago connect slack`",
    )
    house.connect("slack", "C1", **refused | {"reason": "token_revoked: run `sago connect slack`"})
    assert house.one().text.endswith("run `sago connect slack`; nothing is read until somebody connects it again")


def test_one_that_was_let_go_is_not_looked_at(house: House) -> None:
    house.connect(state=ConnectionState.REMOVED)
    assert house.health.sources() == []


def test_a_back_fill_of_several_streams_tells_what_all_of_them_read(house: House) -> None:
    slack = house.connect("slack", "C1", "C2", since=DAY)
    for name in ("C1", "C2"):
        house.stream(slack.id, name, window=Window(NOW - 40 * DAY, NOW), taken=15)
    assert house.one().text == "2 of 2 streams are reading what was said before: 30 messages so far"


def test_a_back_fill_tells_how_far_it_is_and_how_much_is_left_whatever_the_time(house: House) -> None:
    slack = house.connect("slack", "C1", since=DAY)
    house.stream(slack.id, "C1", window=Window(NOW - 40 * DAY, NOW), taken=15)
    house.heard(slack, [NOW])
    assert house.one().text.endswith("back to 00:00 UTC; 15 messages so far")
    house.heard(slack, [NOW - 3 * DAY])
    assert "messages yet" not in house.one().text, "a tenth of the window is not read yet"
    house.heard(slack, [NOW - 10 * DAY])
    before = house.one().text
    assert "messages yet" in before
    house.health.clock.advance(timedelta(hours=3))  # type: ignore[attr-defined]
    assert house.one().text == before


def test_a_back_fill_tells_how_far_it_is_and_how_much_is_left(house: House) -> None:
    slack = house.connect("slack", "C1", since=DAY)
    opened = NOW - timedelta(hours=2)
    house.stream(slack.id, "C1", window=Window(NOW - 40 * DAY, opened))
    assert house.one().text == "reading what was said before: 0 messages so far"
    house.heard(slack, [NOW - 4 * DAY, NOW - 10 * DAY])
    house.stream(slack.id, "C1", taken=1240)
    found = house.one()
    assert found.state is SourceState.BACK_FILLING
    assert found.text == (
        "reading what was said before, from 27 September on: back to 27 October, about 3,455 messages yet; "
        "1,240 messages so far"
    )
    house.stream(slack.id, "C1", window=None, read_until=opened)
    assert house.one().state is SourceState.FRESH


def test_the_same_messages_again_and_older_ones_change_nothing(house: House) -> None:
    slack = house.connect()
    house.heard(slack, [NOW, NOW - timedelta(hours=1)])
    house.heard(slack, [NOW - timedelta(hours=2), NOW])
    assert house.one().newest_at == NOW


def test_what_was_noted_a_moment_ago_is_not_written_again(house: House) -> None:
    slack = house.connect()
    house.heard(slack, [NOW])
    object.__setattr__(house.health, "database", None)
    house.heard(slack, [NOW, NOW + timedelta(seconds=59)])


def test_who_writes_is_told_on(house: House) -> None:
    met: list[Message] = []
    health = SourceHealth(house.database, house.clock, lambda _connection, messages: met.extend(messages))
    health.hear(house.connect(), [read(NOW)])
    assert [each.sent_at for each in met] == [NOW]


def test_where_nothing_is_shared_it_says_so_and_how_to_share(house: House) -> None:
    house.connect(containers=())
    found = house.one()
    assert found.state is SourceState.QUIET
    assert found.text == "nothing of it is shared, so nothing is taken: choose what is by `sago connect share 1`"


def test_a_stream_that_nobody_reads_is_not_well_though_nothing_failed(house: House) -> None:
    slack = house.connect("slack", "C1")
    house.stream(slack.id, "C1", read_until=NOW)
    house.heard(slack, [NOW - 7 * number * DAY for number in range(8)])
    house.clock.sleep(timedelta(hours=23).total_seconds())
    assert house.one().state is SourceState.FRESH
    house.clock.sleep(timedelta(hours=1).total_seconds())
    found = house.one()
    assert found.state is SourceState.FAILING
    assert found.text == "not read since 6 November, and nothing failed: see in `sago status` that the workers run"


@pytest.mark.parametrize(("since", "state"), [(2 * DAY, SourceState.FAILING), (DAY / 2, SourceState.FRESH)])
def test_two_failures_are_many_where_it_was_never_read_for_days(
    house: House, since: timedelta, state: SourceState
) -> None:
    slack = house.connect("slack", "C1", since=since)
    house.stream(slack.id, "C1", failures=2, error="slack: HTTP 500")
    assert house.one().state is state


def test_an_account_that_is_connected_again_counts_from_then_on(house: House) -> None:
    connecting = Connecting(house.database, FernetVault(SecretStr(new_key())), house.clock)
    account, token = ("slack", "1", "Scaleflow"), Token(access=SecretStr("x"))
    first = connecting.connect(account, token, Wanted(("C1",), "scaleflow"), lambda _: ["C1"], "me")
    house.heard(first, working_days(NOW))
    connecting.remove(first, "me")
    house.clock.sleep((120 * DAY).total_seconds())
    again = connecting.connect(account, token, Wanted(("C1",), "acme"), lambda _: ["C1"], "me")
    assert (house.one().state, house.one().text) == (SourceState.FRESH, "no message yet, connected 0 s ago")
    house.heard(again, [NOW])
    assert house.one().newest_at == NOW, "said before it was let go, and asked for by --since"
    connecting.connect(account, token, Wanted(("C1",), "bolt"), lambda _: ["C1"], "me")
    assert house.one().newest_at is None
