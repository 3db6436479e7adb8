"""An absence is told of what is shared: what happened may stand in a source that is not."""

from __future__ import annotations

import pytest

from sago.domain.companies import EVERY_SOURCE, Share
from sago.domain.letters import LetterRequest
from sago.domain.watches import Direction, Outcome, Watch
from sago.llm.letters import compose_offline
from sago.outreach.checking import check
from sago.outreach.requesting import request_for
from sago.outreach.telling import Looked, condition
from sago.report.notice_words import condition_line
from tests.unit.outreach.corpus import known_of
from tests.unit.outreach.stories import COMPANY, EVENTS, NOW, SETBACK, watch

ABSENT = watch("arr >= 2M", "no setback in 90d")
WITHIN = "no setback in the last 90 days in what is shared (slack)"
UNSEEN = SETBACK.model_copy(
    update={"evidence": tuple(proof.model_copy(update={"message_id": "gmail:1"}) for proof in SETBACK.evidence)}
)


def asked_share(*sources: str) -> Share:
    return Share(firm_id=ABSENT.firm_id, company_id="orchard", sources=sources, created_at=ABSENT.created_at)


def asked(of: Watch, *sources: str) -> LetterRequest:
    request = request_for(known_of(COMPANY, of, [*EVENTS, UNSEEN], asked_share(*sources), NOW), NOW, 0, 5)
    assert request is not None
    return request


def test_an_absence_in_a_part_of_the_sources_says_so_in_verdict_and_letter() -> None:
    for direction in Direction:
        of = ABSENT.model_copy(update={"direction": direction})
        request = asked(of, "slack")
        assert request.verdict.outcome is Outcome.NOW
        assert request.verdict.because.endswith(f"; {WITHIN}.")
        draft = compose_offline(request)
        assert f"There has been {WITHIN}." in draft.body
        assert check(draft, request) == []


def test_a_letter_that_leaves_out_of_which_sources_is_refused() -> None:
    request = asked(ABSENT, "slack")
    draft = compose_offline(request)
    bare = draft.model_copy(update={"body": draft.body.replace(" in what is shared (slack)", "")})
    assert [str(problem) for problem in check(bare, request) if not problem.is_addition]


@pytest.mark.parametrize("conditions", [("arr >= 2M", "setback <= 3"), ("arr >= 2M", "setback < 2 in 90d")])
def test_few_enough_of_what_is_shared_is_told_so_too(conditions: tuple[str, ...]) -> None:
    assert "in what is shared (slack, mbox)" in asked(watch(*conditions), "slack", "mbox").verdict.because


def test_an_absence_in_all_sources_needs_no_such_words() -> None:
    request = request_for(known_of(COMPANY, ABSENT, EVENTS, asked_share(EVERY_SOURCE), NOW), NOW, 0, 5)
    assert request is not None
    assert request.verdict.because.endswith("; no setback in the last 90 days.")
    assert request.verdict.results[1].note == ""


def test_what_is_there_is_told_without_them() -> None:
    assert "shared" not in asked(watch("arr >= 2M", "enterprise_deal >= 1"), "slack").verdict.because


def test_the_notice_says_of_which_sources() -> None:
    known = known_of(COMPANY, ABSENT, EVENTS, asked_share("slack"), NOW)
    result = known.view.judge(NOW, 0).results[1]
    assert condition_line(condition(result, known, Looked((), (), None))) == "No setback (in what is shared (slack))"
