"""Send windows through changes of clocks, and what caps let through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.companies import Person
from sago.domain.mails import Mail, MailState, new_mail
from sago.domain.pacing import Cap, Caps, SendWindow, capped

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OFFICE = SendWindow()
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


@pytest.mark.parametrize(
    ("at", "zone", "opens"),
    [
        ("2026-03-04T12:00Z", "UTC", "2026-03-04T12:00Z"),
        ("2026-03-04T16:59Z", "UTC", "2026-03-04T16:59Z"),
        ("2026-03-04T17:00Z", "UTC", "2026-03-05T09:00Z"),
        ("2026-03-04T08:59Z", "UTC", "2026-03-04T09:00Z"),
        ("2026-03-06T18:00Z", "UTC", "2026-03-09T09:00Z"),
        ("2026-03-08T03:00Z", "UTC", "2026-03-09T09:00Z"),
        # it is Saturday morning in Auckland while it is Friday noon here, and Sunday evening before Monday there
        ("2026-03-06T22:00Z", "Pacific/Auckland", "2026-03-08T20:00Z"),
        # the night from 28 to 29 March: Berlin goes from UTC+1 to UTC+2
        ("2026-03-27T18:00Z", "Europe/Berlin", "2026-03-30T07:00Z"),
        ("2026-03-26T18:00Z", "Europe/Berlin", "2026-03-27T08:00Z"),
        # the night from 24 to 25 October: and back
        ("2026-10-23T18:00Z", "Europe/Berlin", "2026-10-26T08:00Z"),
    ],
)
def test_a_window_opens_by_the_clock_on_the_readers_wall(at: str, zone: str, opens: str) -> None:
    assert OFFICE.next_open(datetime.fromisoformat(at), zone) == datetime.fromisoformat(opens)


def test_an_hour_that_the_clocks_leave_out_opens_where_they_go_on() -> None:
    """Cairo leaves out 0:00 to 1:00 on Friday 24 April 2026."""
    early = SendWindow(opens=0, closes=8)
    opens = early.next_open(datetime(2026, 4, 23, 12, 0, tzinfo=UTC), "Africa/Cairo")
    assert opens.astimezone(ZoneInfo("Africa/Cairo")).isoformat() == "2026-04-24T01:00:00+03:00"


@given(
    at=st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    zone=st.sampled_from(ZONES),
    opens=st.integers(0, 22),
    length=st.integers(1, 24),
)
def test_the_next_opening_is_inside_and_nothing_before_it_is(at: datetime, zone: str, opens: int, length: int) -> None:
    window = SendWindow(opens=opens, closes=min(opens + length, 24))

    def is_open(moment: datetime) -> bool:
        local = moment.astimezone(ZoneInfo(zone))
        return local.weekday() < 5 and window.opens <= local.hour < window.closes

    found = window.next_open(at, zone)
    assert at <= found <= at + 4 * DAY
    assert is_open(found)
    assert window.next_open(found, zone) == found
    assert not any(is_open(at + hours * (found - at) / 8) for hours in range(8) if found > at)


def gone(number: int, at: datetime | None, **other: object) -> Mail:
    person = Person(name="Dana", email="dana@x.example")
    mail = new_mail("letter", UUID(int=number), person, firm_id="a", company_id="acme", now=NOW)
    state = MailState.SENT if at else MailState.CLAIMED
    return mail.model_copy(update={"state": state, "sent_at": at, "lease_until": NOW + timedelta(minutes=5)} | other)


CAPS = Caps(person=Cap(most=1, days=7), company=Cap(most=2, days=7), firm=Cap(most=3, days=1))
EVE = {"recipient": Person(name="Eve", email="eve@x.example")}


def test_a_second_letter_to_a_person_waits_until_the_first_is_old() -> None:
    mail = gone(0, None)
    assert capped(mail, [], CAPS, NOW) is None
    assert capped(mail, [gone(1, NOW - 8 * DAY)], CAPS, NOW) is None
    wait = capped(mail, [gone(1, NOW - 2 * DAY)], CAPS, NOW)
    assert wait is not None
    assert wait == (NOW + 5 * DAY, "to dana@x.example: no more than 1 in 7 days")


def test_a_claimed_letter_counts_until_it_is_known_what_becomes_of_it() -> None:
    wait = capped(gone(0, None), [gone(1, None)], CAPS, NOW)
    assert wait is not None
    assert wait.until == NOW + timedelta(minutes=5)


def test_the_longest_of_several_waits_holds() -> None:
    others = [gone(1, NOW - 6 * DAY, **EVE), gone(2, NOW - 3 * DAY, **EVE), gone(3, NOW - 2 * DAY, **EVE)]
    wait = capped(gone(0, None), others, CAPS, NOW)
    assert wait is not None
    assert wait == (NOW - 3 * DAY + 7 * DAY, "about acme: no more than 2 in 7 days")
    mine = [*others, gone(4, NOW - DAY)]
    assert capped(gone(0, None), mine, CAPS, NOW) == (NOW + 6 * DAY, "to dana@x.example: no more than 1 in 7 days")
    of_the_firm = [gone(n, NOW - timedelta(hours=n), **EVE, company_id="other") for n in (5, 4, 1)]
    firm = capped(gone(0, None), of_the_firm, CAPS, NOW)
    assert firm == (NOW + timedelta(hours=19), "for the firm a: no more than 3 in 1 days")
