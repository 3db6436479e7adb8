"""A reason is its writer's own: a letter may recall whatever it says, and nothing else by it."""

from __future__ import annotations

import pytest

from sago.domain.letters import LetterRequest
from sago.domain.watches import LONGEST_RECALLED, Direction
from sago.llm.letters import compose_offline
from sago.outreach.checking import ungrounded
from tests.unit.outreach.stories import request, watch

LONG = (
    "We passed because the valuation of $40M was fantasy, the cap table is a mess with 31 angels, no CTO since Jan "
    "left in August, and the market of dental robots (2019 figures) is too small for a fund of our size"
)
REASONS = [
    "Too early; Jan Beck, the CTO, had left",
    "April Moss and May Lin had resigned in June, so no team",
    "Too early: churn of 9% in March, and a lawsuit by Lutz Brandt over €150k; call again in October",
    "No CE mark before Q2 2027, and Fjord Bank pays only $3k a month",
    LONG,
]


def asked(reason: str, name: str, direction: Direction) -> LetterRequest:
    return request(watch("arr >= 1M", name=name, direction=direction).model_copy(update={"reason": reason}))


@pytest.mark.parametrize("reason", REASONS)
def test_what_the_investor_said_may_be_recalled(reason: str) -> None:
    for name in ("one", "two", "three"):
        for direction in Direction:
            made = asked(reason, name, direction)
            draft = compose_offline(made)
            assert made.watch.recalled_reason in draft.body
            assert ungrounded(draft, made) == []


def test_a_long_reason_is_recalled_in_its_first_parts() -> None:
    recalled = asked(LONG, "one", Direction.TO_FOUNDER).watch.recalled_reason
    assert len(recalled) <= LONGEST_RECALLED
    assert LONG.startswith(recalled)
    assert recalled.endswith("left in August")


@pytest.mark.parametrize("lie", ["We met in January.", "When we met on 3 January, you had no CTO.", "We spoke in Jan."])
def test_a_word_of_the_reason_is_no_day_of_the_meeting(lie: str) -> None:
    for reason in (REASONS[0], "January"):
        made = asked(reason, "one", Direction.TO_FOUNDER)
        draft = compose_offline(made)
        told = draft.model_copy(update={"body": draft.body.replace("\n\n", f"\n\n{lie}\n\n", 1)})
        assert [problem for problem in ungrounded(told, made) if problem.kind == "date" and lie in problem.sentence]
