"""Gmail read through HTTP by the platform, from a stand-in that behaves as Gmail does, and misbehaves as it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sago.domain.connections import ConnectionState, Stream, Window
from sago.pipeline.pulling import End
from sago.sources.vendor import Bounds
from tests.standins.gmail_house import House
from tests.standins.gmail_server import TOPIC, GmailStandin, serving

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def gmail() -> Iterator[GmailStandin]:
    with serving() as standin:
        yield standin


def mail(number: int, *, days: float = -1.0, body: str = "We signed a second customer.", sender: str = "") -> bytes:
    said = (NOW + timedelta(days=days)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    head = (
        f"From: {sender or f'Ada <ada{number}@northwind.example>'}\r\n"
        "To: vc@fund.example\r\nCc: Bo <bo@northwind.example>\r\n"
        f"Date: {said}\r\nSubject: Note {number}\r\nMessage-ID: <{number}@northwind.example>\r\n"
    )
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{body} No {number}.\r\n".encode()


def house_of(gmail: GmailStandin, **more: object) -> House:
    return House(gmail, **{"since": LONG_AGO, "now": NOW} | more)  # type: ignore[arg-type]


def assert_each_once(house: House, ids: object) -> None:
    assert set(house.messages()) == set(ids)  # type: ignore[call-overload]
    assert set(house.log.published.values()) <= {1}
    assert not house.log.conflicts


def fresh(house: House) -> Stream:
    """As if nothing had been read."""
    return Stream(connection_id=house.id, name="*", due_at=NOW)


def test_a_mailbox_is_read_whole_and_then_by_its_history(gmail: GmailStandin) -> None:
    old = [gmail.mailbox.add(mail(n)) for n in range(120)]
    house = house_of(gmail)
    assert house.read().pages > 2
    assert_each_once(house, old)
    new = [gmail.mailbox.add(mail(n, days=0)) for n in range(200, 203)]
    gmail.asked.clear()
    assert house.news().woken == 1
    assert house.news(history_id=1).woken == 1, "one that is late is harmless"
    assert house.news(address="somebody@else.example").woken == 0
    assert house.stream.due_at <= house.clock.now()
    house.pull()
    assert_each_once(house, old + new)
    assert not [path for path, _ in gmail.asked if path == "messages"]


@pytest.mark.parametrize("name", ["(" * 3000, f"=?utf-8?b?{'KCgo' * 500}?="])
def test_a_mail_made_to_stop_the_mailbox_does_not(gmail: GmailStandin, name: str) -> None:
    house = house_of(gmail)
    house.read()
    evil = mail(1).replace(b"From: Ada", f"From: {name}".encode())
    ids = [gmail.mailbox.add(each) for each in (evil, mail(2))]
    house.news()
    assert house.pull().end is End.READ
    assert_each_once(house, ids)


FAULTS = [
    ("429", {"retry_after": 1}),
    ("429", {}),
    ("429", {"retry_after": 40}),
    ("rateLimitExceeded", {}),
    ("userRateLimitExceeded", {}),
    ("dailyLimitExceeded", {}),
    ("500", {}),
    ("503", {"retry_after": 3}),
    ("cut", {}),
    ("html", {}),
    ("401", {}),
    ("twice", {}),
    ("overlap", {}),
    ("accessNotConfigured", {}),
]


@pytest.mark.parametrize(("kind", "more"), FAULTS)
def test_whatever_gmail_answers_each_mail_comes_once(gmail: GmailStandin, kind: str, more: dict[str, int]) -> None:
    gmail.page_size = 12
    ids = [gmail.mailbox.add(mail(n)) for n in range(60)]
    house = house_of(gmail)
    gmail.misbehave(kind, every=2 if kind in ("twice", "overlap") else 9, times=2, **more)
    house.read()
    assert_each_once(house, ids)
    assert not gmail.faults[0].times, "the fault never came"
    ids += [gmail.mailbox.add(mail(n, days=0)) for n in range(100, 160)]
    gmail.behave()
    gmail.misbehave(kind, every=2 if kind in ("twice", "overlap") else 9, times=2, **more)
    house.read()
    assert_each_once(house, ids)
    assert not gmail.faults[0].times, "the fault never came"


def test_a_server_that_hangs_is_left_and_asked_again(gmail: GmailStandin) -> None:
    gmail.hangs = 1.0
    ids = [gmail.mailbox.add(mail(n)) for n in range(5)]
    house = house_of(gmail, bounds=Bounds(answered_within=0.5))
    gmail.misbehave("hang", path="messages/", times=2)
    house.read()
    assert_each_once(house, ids)


def test_no_page_makes_more_calls_than_its_task_has_time_for(gmail: GmailStandin) -> None:
    """Not even where each mail has to be fetched a second time; 240 s are a task's."""
    twice = '"bo@elsewhere.example" <ada@northwind.example>'
    ids = [gmail.mailbox.add(mail(n, sender=twice)) for n in range(30)]
    house = house_of(gmail)
    house.pulling = replace(house.pulling, pace=replace(house.pulling.pace, run_for=timedelta()))
    house.pulling.refresh(house.id)
    for more in (0, 30):
        ids += [gmail.mailbox.add(mail(100 + n, days=0, sender=twice)) for n in range(more)]
        calls, end = [], None
        while end is not End.READ:
            gmail.asked.clear()
            end = house.pull().end
            calls.append(len(gmail.asked))
        assert max(calls) * 10 <= 240
        assert sum(calls) > 60
    assert set(house.messages()) == set(ids)


def test_a_reader_that_dies_at_any_page_loses_and_doubles_nothing(gmail: GmailStandin) -> None:
    """The run ends after each page, and another reader goes on from the checkpoint."""
    gmail.page_size = 7
    ids = [gmail.mailbox.add(mail(n)) for n in range(40)]
    house = house_of(gmail)
    house.pulling = replace(house.pulling, pace=replace(house.pulling.pace, run_for=timedelta()))
    runs = 0
    house.pulling.refresh(house.id)
    while house.pull().end is not End.READ:
        runs += 1
    assert runs > 4
    assert_each_once(house, ids)


def test_an_expired_history_has_the_mailbox_read_again_and_nothing_between_is_lost(gmail: GmailStandin) -> None:
    ids = [gmail.mailbox.add(mail(n)) for n in range(3)]
    old = gmail.mailbox.add(mail(9, days=-60), ["SENT"])
    house = house_of(gmail, containers=("INBOX",))
    house.read()
    assert_each_once(house, ids)
    ids.append(old)
    ids.append(gmail.mailbox.add(mail(10, days=0)))
    gmail.mailbox.expire_history()
    house.clock.advance(timedelta(days=8))
    ids.append(gmail.mailbox.add(mail(11, days=8)))
    gmail.mailbox.label(old, "INBOX")
    house.read()
    assert_each_once(house, ids)
    assert house.stream.mark
    assert house.stream.mark["history"] == str(gmail.mailbox.history_id)


def test_a_page_that_gmail_does_not_know_any_more_has_its_list_begun_again(gmail: GmailStandin) -> None:
    """Without forgetting how far back the share goes."""
    gmail.page_size = 5
    ids = [gmail.mailbox.add(mail(n)) for n in range(20)]
    house = house_of(gmail, containers=("INBOX",))
    house.read()
    ids += [gmail.mailbox.add(mail(n, days=-90), ["SENT"]) for n in range(30, 45)]
    house.share(containers=("INBOX", "SENT"))
    gmail.misbehave("400", path="messages$", every=3, times=3)
    house.read()
    assert_each_once(house, ids)
    assert sum(path == "profile" for path, _ in gmail.asked) == 2


def test_a_history_whose_pages_are_never_known_ends_in_a_window_read_whole(gmail: GmailStandin) -> None:
    house = house_of(gmail)
    house.read()
    gmail.page_size = 5
    ids = [gmail.mailbox.add(mail(n)) for n in range(20)]
    gmail.misbehave("400", path="history$", every=2, times=1000)
    house.read()
    assert_each_once(house, ids)


def test_what_comes_while_the_mailbox_is_read_whole_is_not_lost(gmail: GmailStandin) -> None:
    """Also where Gmail's clock is far ahead of ours, and where it comes with an older date."""
    gmail.page_size = 5
    ids = [gmail.mailbox.add(mail(n)) for n in range(12)]
    house = house_of(gmail)
    source, take = house.gmail, house.gmail.page
    late = iter([mail(50, days=0.02), mail(51, days=-30), mail(52, days=-0.5)])

    def page(*args: object) -> object:
        told = take(*args)  # type: ignore[arg-type]
        if (more := next(late, None)) is not None:
            ids.append(gmail.mailbox.add(more))
        return told

    source.page = page  # type: ignore[method-assign, assignment]
    house.read()
    house.clock.advance(timedelta(minutes=30))
    house.read()
    assert_each_once(house, ids)


def test_labels_decide_what_is_taken(gmail: GmailStandin) -> None:
    box = gmail.mailbox
    investors = box.make_label("Investors/Seed")
    inside = [box.add(mail(1), ["INBOX", investors]), box.add(mail(2), [investors])]
    outside = box.add(mail(3), ["INBOX"])
    house = house_of(gmail, containers=("Investors/Seed",))
    house.read()
    assert_each_once(house, inside)

    box.label(outside, investors)
    box.unlabel(inside[0], investors)
    box.add(mail(4), ["INBOX"])
    house.read()
    assert_each_once(house, [*inside, outside])
    assert house.ignored["not in the share"] == 1


def test_a_mail_that_is_only_read_or_starred_is_not_fetched_again(gmail: GmailStandin) -> None:
    ids = [gmail.mailbox.add(mail(n)) for n in range(3)]
    house = house_of(gmail)
    house.read()
    gmail.asked.clear()
    for each in ids:
        gmail.mailbox.unlabel(each, "UNREAD")
        gmail.mailbox.label(each, "STARRED")
    house.read()
    assert not [path for path, _ in gmail.asked if path.startswith("messages/")]


def test_a_mail_that_was_archived_before_we_asked_is_taken(gmail: GmailStandin) -> None:
    house = house_of(gmail)
    house.read()
    quick = gmail.mailbox.add(mail(1, days=0))
    gmail.mailbox.unlabel(quick, "INBOX", "UNREAD")
    house.read()
    assert_each_once(house, [quick])


def test_drafts_spam_trash_and_chats_are_left_out_and_counted(gmail: GmailStandin) -> None:
    box = gmail.mailbox
    house = house_of(gmail, containers=("*",))
    house.read()
    for number, label in enumerate(("DRAFT", "SPAM", "TRASH", "CHAT")):
        box.add(mail(number, days=0), [label])
    back = box.add(mail(9, days=0), ["SPAM"])
    house.read()
    assert not house.messages()
    assert sum(house.ignored.values()) == 5
    box.unlabel(back, "SPAM")
    house.read()
    assert_each_once(house, [back])


def test_what_a_founder_deletes_later_stays(gmail: GmailStandin) -> None:
    ids = [gmail.mailbox.add(mail(n)) for n in range(3)]
    house = house_of(gmail)
    house.read()
    gmail.mailbox.delete(ids[0])
    gmail.mailbox.label(ids[1], "TRASH")
    house.read()
    assert_each_once(house, ids)
    assert house.ignored["deleted in the mailbox"] == 1


def test_a_mail_deleted_between_list_and_get_is_left_out_and_counted(gmail: GmailStandin) -> None:
    ids = [gmail.mailbox.add(mail(n)) for n in range(3)]
    house = house_of(gmail)
    gmail.misbehave("404", path=ids[1])
    house.read()
    assert_each_once(house, [ids[0], ids[2]])
    assert house.ignored == {"deleted before it was read": 1}


def test_nothing_from_before_the_share_is_taken_even_when_it_is_labelled_later(gmail: GmailStandin) -> None:
    house = house_of(gmail, since=NOW - timedelta(days=10))
    old, new = gmail.mailbox.add(mail(1, days=-11), ["STARRED"]), gmail.mailbox.add(mail(2, days=-9))
    house.read()
    gmail.mailbox.label(old, "INBOX")
    house.read()
    assert_each_once(house, [new])
    assert house.ignored["said before what is shared begins"] == 1


def test_a_label_that_is_not_there_is_named(gmail: GmailStandin) -> None:
    gmail.mailbox.make_label("Investors")
    house = house_of(gmail, containers=("Invetsors",))
    refreshed = house.pulling.refresh(house.id)
    assert refreshed
    assert refreshed.error.startswith(
        "founder@northwind.example has no label 'Invetsors' (did you mean 'investors'?): connect it again"
    )


def test_a_share_without_labels_shares_nothing(gmail: GmailStandin) -> None:
    gmail.mailbox.add(mail(1))
    house = house_of(gmail, containers=())
    refreshed = house.pulling.refresh(house.id)
    assert refreshed
    assert not refreshed.error
    with house.database.begin() as tx:
        assert not tx.streams.of(house.id)
    assert not gmail.asked


def test_a_share_that_grows_is_read_back_and_one_that_shrinks_is_not(gmail: GmailStandin) -> None:
    box = gmail.mailbox
    investors = box.make_label("Investors")
    inbox, sent = box.add(mail(1, days=-60)), box.add(mail(2, days=-50), ["SENT"])
    labelled, oldest = box.add(mail(3), [investors]), box.add(mail(4, days=-400))
    house = house_of(gmail, containers=("INBOX",), since=NOW - timedelta(days=100))
    house.read()
    assert_each_once(house, [inbox])
    house.share(containers=("INBOX", "Investors", "SENT"))
    house.read()
    assert_each_once(house, [inbox, sent, labelled])
    gmail.asked.clear()
    house.share(containers=("INBOX",))
    house.read()
    assert not [path for path, _ in gmail.asked if path == "messages"]
    house.share(since=NOW - timedelta(days=500))
    house.read()
    assert_each_once(house, [inbox, sent, labelled, oldest])


def test_a_share_that_changes_between_two_pages_is_read_as_it_is_now(gmail: GmailStandin) -> None:
    gmail.page_size = 4
    ids = [gmail.mailbox.add(mail(n), ["INBOX"]) for n in range(10)]
    ids += [gmail.mailbox.add(mail(n), ["SENT"]) for n in range(20, 23)]
    house = house_of(gmail, containers=("INBOX",))
    house.pulling.refresh(house.id)
    quick = replace(house.pulling, pace=replace(house.pulling.pace, run_for=timedelta()))
    assert quick.pull(house.id, "*").end is End.UNFINISHED
    house.share(containers=("INBOX", "SENT"))
    house.read()
    assert_each_once(house, ids)


def test_the_people_of_a_mail_are_its_sender_then_its_readers(gmail: GmailStandin) -> None:
    message_id = gmail.mailbox.add(mail(7))
    house = house_of(gmail)
    house.pulling.refresh(house.id)
    vendor = house.platform.vendor(house.connection)
    items = house.gmail.page(house.connection, vendor, fresh(house), Window(LONG_AGO, NOW)).items
    (item,) = [each for each in items if each.payload["id"] == message_id]
    assert item.addresses == ("ada7@northwind.example", "vc@fund.example", "bo@northwind.example")
    assert item.container == "INBOX"


def test_an_address_that_a_name_spells_out_is_nobodys(gmail: GmailStandin) -> None:
    spelled = (
        "=?utf-8?q?ada=40acme.example?= <eve@evil.example>",
        "=?utf-8?q?Ada_=3Cada=40acme=2Eexample=3E?= <eve@evil.example>",
        "eve@evil.example =?utf-8?q?=3Cada=40acme.example=3E?=",
        "ada@acme.example <eve@evil.example>",
    )
    for number, sender in enumerate(spelled):
        gmail.mailbox.add(mail(number, sender=sender))
    house = house_of(gmail)
    house.pulling.refresh(house.id)
    vendor = house.platform.vendor(house.connection)
    items = house.gmail.page(house.connection, vendor, fresh(house), Window(LONG_AGO, NOW)).items
    said = [(each.addresses[0], house.gmail.to_message(each, "acme", {}).sender) for each in items]
    assert said == [("eve@evil.example", "eve@evil.example")] * len(spelled)
    assert not [each for item in items for each in item.addresses if each.endswith("acme.example")]


def test_a_text_that_gmail_puts_aside_is_read_from_the_raw_mail(gmail: GmailStandin) -> None:
    words = "\r\n".join(f"{n}: the plan of month {n} is agreed and kept to." for n in range(2600))
    message_id = gmail.mailbox.add(mail(1, body=words))
    gmail.mailbox.aside = 100_000
    house = house_of(gmail)
    house.read()
    assert house.messages()[message_id].text.rstrip().endswith(f"{words} No 1.".replace("\r\n", "\n")[-200:])
    assert [query["format"] for path, query in gmail.asked if path.startswith("messages/")] == [["full"], ["raw"]]


def test_a_token_that_ended_is_renewed_once_and_the_new_refresh_token_kept(gmail: GmailStandin) -> None:
    gmail.tokens.rotates = True
    ids = [gmail.mailbox.add(mail(1))]
    house = house_of(gmail)
    house.read()
    for hours in range(3):
        gmail.tokens.access.clear()
        ids.append(gmail.mailbox.add(mail(10 + hours, days=0)))
        house.clock.advance(timedelta(hours=2))
        house.read()
    assert_each_once(house, ids)
    assert sum(path == "/token" for path, _ in gmail.asked) == 3


def test_a_grant_that_ended_stops_the_connection_and_says_how_to_mend_it(gmail: GmailStandin) -> None:
    house = house_of(gmail)
    house.read()
    gmail.tokens.access.clear()
    gmail.tokens.refresh.clear()
    house.clock.advance(timedelta(minutes=6))
    assert house.pull().end is End.REFUSED
    with house.database.begin() as tx:
        connection = tx.connections.get(house.id)
    assert connection
    assert connection.state is ConnectionState.REFUSED
    assert "sago connect gmail" in connection.reason
    assert "Testing" in connection.reason


def test_a_token_server_that_is_down_costs_time_alone(gmail: GmailStandin) -> None:
    house = house_of(gmail)
    house.read()
    gmail.tokens.access.clear()
    kept = gmail.mailbox.add(mail(1, days=0))
    gmail.misbehave("503", path="^/token", times=3)
    house.read()
    assert_each_once(house, [kept])


def test_gmail_is_asked_to_tell_of_news_when_connected_and_each_day(gmail: GmailStandin) -> None:
    house = house_of(gmail)
    house.read()
    assert gmail.mailbox.watched == {
        "topicName": TOPIC,
        "labelIds": ["INBOX", "SENT"],
        "labelFilterBehavior": "include",
    }
    with house.database.begin() as tx:
        refresh = tx.streams.refresh(house.id)
    assert refresh
    assert refresh.due_at == NOW + timedelta(days=1)


def test_a_topic_that_is_refused_is_told_and_the_mailbox_read_all_the_same(gmail: GmailStandin) -> None:
    gmail.topics.clear()
    kept = gmail.mailbox.add(mail(1))
    house = house_of(gmail)
    refreshed = house.pulling.refresh(house.id)
    assert refreshed
    assert "gmail.push_topic" in refreshed.error
    assert house.pull().end is End.READ
    assert_each_once(house, [kept])


def test_a_mailbox_that_shares_everything_reads_whatever_there_is(gmail: GmailStandin) -> None:
    own = gmail.mailbox.make_label("Investors")
    ids = [gmail.mailbox.add(mail(1), []), gmail.mailbox.add(mail(2), ["CATEGORY_UPDATES", "INBOX", own])]
    house = house_of(gmail, containers=("*",))
    house.read()
    assert_each_once(house, ids)
    window = Window(LONG_AGO, NOW)
    items = house.gmail.page(house.connection, house.platform.vendor(house.connection), fresh(house), window).items
    assert {item.payload["id"]: item.container for item in items} == dict(zip(ids, [None, own], strict=True))
