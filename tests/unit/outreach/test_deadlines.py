"""By which day something was promised."""

from __future__ import annotations

from datetime import date

import pytest

from sago.outreach.deadlines import deadline

SAID = date(2026, 3, 18)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("1M ARR by May", date(2026, 5, 31)),
        ("we will be at 1M ARR by the end of May", date(2026, 5, 31)),
        ("the SOC 2 report is due in April", date(2026, 4, 30)),
        ("SOC 2 report due 30 April", date(2026, 4, 30)),
        ("live by 2026-06-15", date(2026, 6, 15)),
        ("we launch on June 15", date(2026, 6, 15)),
        ("2M by Q3", date(2026, 9, 30)),
        ("profitable in H1", date(2026, 6, 30)),
        ("by February we pass 2M", date(2027, 2, 28)),
        ("We aim for €2M ARR by the end of the year", date(2026, 12, 31)),
        ("3M ARR is the plan for next year", date(2027, 12, 31)),
        ("1M by end of quarter", date(2026, 3, 31)),
        ("1M by EOQ", date(2026, 3, 31)),
        ("should be signed next month", date(2026, 4, 30)),
        ("they sign next week", date(2026, 3, 29)),
        ("we ship by Friday", date(2026, 3, 20)),
        ("we ship by Wednesday", date(2026, 3, 25)),
        ("3M ARR by Christmas", date(2026, 12, 25)),
        ("100 customers by 2028", date(2028, 12, 31)),
        ("the audit ends in 6 weeks", date(2026, 4, 29)),
        ("within 2 months we are live", date(2026, 5, 18)),
        ("in March we did 1.4M, 2M by June is the aim", date(2026, 6, 30)),
        ("we aim for 2M by June, after 1.4M in March", date(2026, 6, 30)),
        ("it closes by tomorrow", date(2026, 3, 19)),
        ("by 31 January 2027 at the latest", date(2027, 1, 31)),
        ("by December 2026", date(2026, 12, 31)),
    ],
)
def test_the_last_day_of_the_period_that_is_named(text: str, due: date) -> None:
    assert deadline(text, SAID, text.find("M ")) == due


@pytest.mark.parametrize(
    "text",
    [
        "we aim for 2M ARR",
        "She wants to see recurring revenue over two million before they look again.",
        "Should they approve, you will have the signed order form the same day.",
        "we may sign soon",
        "in February we said 2M",
        "by 3 January 2025 we had hoped for more",
        "by 31 February",
        "June and May are on holiday",
    ],
)
def test_without_a_day_to_come_there_is_none(text: str) -> None:
    assert deadline(text, SAID) is None


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("2M ARR before 2027", date(2026, 12, 31)),
        ("2M ARR before June", date(2026, 5, 31)),
        ("2M before Q3", date(2026, 6, 30)),
        ("2M before next quarter", date(2026, 3, 31)),
        ("live before Friday", date(2026, 3, 19)),
        ("live before 5 June 2026", date(2026, 6, 4)),
        ("live before the end of May", date(2026, 5, 31)),
        ("live before the end of the quarter", date(2026, 3, 31)),
        ("2M by the end of May next year", date(2027, 5, 31)),
        ("not before June", None),
        ("we won't hire before Friday", None),
        ("not until June", None),
    ],
)
def test_before_a_period_is_over_when_it_begins(text: str, due: date | None) -> None:
    assert deadline(text, SAID) == due
