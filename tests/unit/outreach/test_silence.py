"""Silence, a broken source, and what is neither."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.significance import Arrivals
from sago.outreach.silence import gaps

MONDAY = date(2026, 1, 5)


def days(start: date, count: int) -> Iterable[date]:
    return (start + timedelta(days=n) for n in range(count))


def chat(start: date, count: int, source: str = "slack", messages: int = 28) -> list[Arrivals]:
    """Each working day."""
    return [Arrivals(source, each, messages) for each in days(start, count) if each.weekday() < 5]


def at(day: date) -> datetime:
    return datetime.combine(day, time(9), UTC)


def test_nine_days_without_a_word_are_silence() -> None:
    said = [*chat(MONDAY, 56), *chat(MONDAY, 56, "gmail", 2)]
    (gap,) = gaps(said, at(date(2026, 3, 8)))  # the last was Friday, 27 February
    assert (gap.source, gap.last, gap.days) == (None, date(2026, 2, 27), 9)
    assert gap.text == (
        "Nobody has written for 9 days; usually 150 messages a week come from all sources (Gmail and Slack)"
    )


def test_who_writes_once_in_three_weeks_does_not_usually_write_no_messages() -> None:
    rare = [Arrivals("slack", each, 1) for each in list(days(MONDAY, 100))[::21]]
    (gap,) = gaps(rare, at(date(2026, 12, 1)))
    assert "usually less than one message a week" in gap.text


def test_one_source_that_stops_while_another_goes_on_is_broken() -> None:
    said = [*chat(MONDAY, 58), *chat(MONDAY, 70, "gmail", 4)]
    (gap,) = gaps(said, at(date(2026, 3, 15)))
    assert (gap.source, gap.last) == ("slack", date(2026, 3, 3))
    assert gap.text.startswith("Slack stopped on 3 March while Gmail goes on: usually ")


@pytest.mark.parametrize("quiet", range(1, 5))
def test_a_weekend_and_a_public_holiday_are_no_silence(quiet: int) -> None:
    """Until the end of the next Tuesday: the weekend, a holiday on Monday, and a late start."""
    said = chat(MONDAY, 54)  # the last on Friday
    assert gaps(said, at(date(2026, 2, 27) + timedelta(days=quiet))) == ()


def test_christmas_is_no_silence_but_a_quiet_january_is() -> None:
    said = chat(date(2026, 10, 5), 80)  # until 23 December
    assert gaps(said, at(date(2027, 1, 4))) == ()
    assert [gap.days for gap in gaps(said, at(date(2027, 1, 9)))] == [17]


def test_a_source_with_a_mail_a_fortnight_is_not_broken_after_three_weeks() -> None:
    rare = [Arrivals("gmail", each, 1) for each in list(days(MONDAY, 42))[::14]]
    assert gaps([*rare, *chat(MONDAY, 63)], at(date(2026, 3, 9))) == ()


def test_who_was_heard_for_a_week_only_has_no_rhythm_yet() -> None:
    assert gaps(chat(MONDAY, 7), at(date(2026, 4, 1))) == ()


def test_a_gap_no_longer_than_one_before_it_is_usual() -> None:
    bursts = [*chat(MONDAY, 12), *chat(MONDAY + timedelta(days=28), 12), *chat(MONDAY + timedelta(days=56), 12)]
    last = max(each.day for each in bursts)
    assert gaps(bursts, at(last + timedelta(days=17))) == ()
    assert len(gaps(bursts, at(last + timedelta(days=40)))) == 1


@given(st.integers(0, 60), st.permutations(range(5)))
def test_silence_once_told_goes_on_until_somebody_writes(more: int, order: list[int]) -> None:
    said = chat(MONDAY, 56)
    first = date(2026, 3, 8)
    (gap,) = gaps([said[n] for n in order] + said[5:], at(first + timedelta(days=more)))
    assert gap.days == 9 + more
    assert gaps([*said, Arrivals("slack", first + timedelta(days=more), 1)], at(first + timedelta(days=more))) == ()


def test_what_is_sent_later_is_not_known_yet() -> None:
    said = [*chat(MONDAY, 56), *chat(date(2026, 3, 20), 10)]
    shown: Callable[[date], int] = lambda day: len(gaps(said, at(day)))  # noqa: E731
    assert (shown(date(2026, 3, 12)), shown(date(2026, 3, 21))) == (1, 0)
