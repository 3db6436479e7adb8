"""Conditions of one watch that can never hold at once."""

from __future__ import annotations

import pytest

from sago.outreach.conditions import asked_currency, parse
from sago.outreach.possible import contradiction


@pytest.mark.parametrize(
    ("texts", "excluded"),
    [
        (("arr >= 2M", "arr < 1M"), True),
        (("arr >= 2M", "arr <= 2M"), False),
        (("arr > 2M", "arr <= 2M"), True),
        (("arr == 2M", "arr != 2M"), True),
        (("arr >= $2M", "arr >= €2M"), True),
        (("arr >= 2M", "mrr < 100k"), False),
        (("setback high >= 1", "no setback high"), True),
        (("setback high >= 1", "no setback"), True),
        (("setback >= 1", "no setback high"), False),
        (("setback >= 1 in 30d", "no setback in 60d"), True),
        (("setback >= 1 in 90d", "no setback in 60d"), False),
        (("setback > 1", "setback < 2"), True),
        (("mrr growth 3m >= 20%", "mrr decline 3m > 1%"), True),
        (("mrr growth 3m >= 20%", "mrr growth 1m < 0%"), False),
        (("nrr > 120%", "enterprise_deal >= 1", "nrr < 110%"), True),
    ],
)
def test_two_conditions_exclude_each_other_or_not(texts: tuple[str, ...], excluded: bool) -> None:
    conditions = [parse(text) for text in texts]
    for ordered in (conditions, conditions[::-1]):
        assert (contradiction(ordered, [asked_currency(each) for each in ordered]) is not None) is excluded
