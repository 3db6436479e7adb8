"""A verdict's score, what is newly met, updates that are worth nothing, and facts that are old."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from sago.domain.companies import Person
from sago.domain.events import Event
from sago.domain.letters import Letter, LetterDraft, LetterState
from sago.domain.significance import Arrivals, Scale
from sago.domain.watches import Outcome, Verdict, Watch
from sago.outreach.differences import differences
from sago.outreach.verdicts import judge
from sago.outreach.weighing import COUNTED, Grounds, assess, weigh
from tests.unit.outreach.stories import ARR, DEAL, EVENTS, INVESTOR, NOW, NRR, POINTS, SETBACK, event, point, watch

SCALE = Scale()
UPDATE = watch(name="update")


def weighed(of: Watch, on: Grounds, as_of: datetime = NOW, scale: Scale = SCALE) -> Verdict:
    return weigh(judge(of, on.events, on.metric_points, as_of, 60), on, scale)


def letter(of: Watch, *told: Event, state: LetterState = LetterState.APPROVED) -> Letter:
    return Letter(
        id=uuid4(), watch_id=of.id, company_id="orchard", window="2026-11", state=state, sender=Person(name="Nell"),
        recipient=INVESTOR, draft=LetterDraft(subject="An update", body="Of our company's last month."),
        event_ids=tuple(each.id for each in told), composed_by="offline", created_at=NOW,
    )  # fmt: skip


def test_the_score_is_the_sum_of_its_parts_strongest_first() -> None:
    verdict = weighed(watch("arr >= 2M"), Grounds(EVENTS, POINTS))
    values = [each.value for each in verdict.scores]
    assert values == sorted(values, reverse=True)
    assert {each.event_id for each in verdict.scores} == {each.id for each in EVENTS}
    assert [each.condition for each in verdict.newly_met] == ["arr >= 2M"]
    assert verdict.score == pytest.approx(sum(values) + verdict.newly_met[0].value)


def test_setbacks_and_what_was_before_the_meeting_add_nothing() -> None:
    before = event("funding", "A seed round", "We raised a seed round", days_ago=300)
    verdict = weighed(watch("arr >= 2M"), Grounds([*EVENTS, SETBACK, before], POINTS))
    assert {each.event_id for each in verdict.scores} == {each.id for each in EVENTS}


def test_who_chats_more_does_not_weigh_more() -> None:
    many = [event("hiring", f"Hire {n}", f"Hire {n} joined", days_ago=n / 10) for n in range(100)]
    verdict = weighed(watch("arr >= 2M"), Grounds(many, []))
    assert len(verdict.scores) == COUNTED


def test_a_condition_met_before_the_last_letter_is_not_newly_met() -> None:
    waiting = watch("arr >= 2M", "enterprise_deal >= 1")
    told = Grounds(EVENTS, POINTS, letters=[letter(waiting, DEAL)])
    assert [each.condition for each in weighed(waiting, told).newly_met] == ["arr >= 2M"]
    told = Grounds(EVENTS, POINTS, letters=[letter(waiting, DEAL, ARR)])
    assert weighed(waiting, told).newly_met == ()


def test_what_held_at_the_meeting_is_not_newly_met() -> None:
    early = event("revenue_milestone", "ARR was $2.5M", "ARR is $2.5M", days_ago=400)
    verdict = weighed(watch("arr >= 2M"), Grounds([early], [point(early, "arr", 2.5e6)]))
    assert (verdict.outcome, verdict.newly_met) == (Outcome.NOW, ())


def test_an_update_without_news_of_weight_is_not_worth_a_letter() -> None:
    mention = event("media_coverage", "A mention", "The Gazette wrote about us", severity="low", days_ago=1)
    told = Grounds([*EVENTS, mention], POINTS, letters=[letter(UPDATE, *EVENTS)])
    verdict = weighed(UPDATE, told)
    assert verdict.outcome is Outcome.NOT_YET
    assert verdict.because == "Nothing worth a letter since 15 November: significance 0.4 of 1.0."
    assert weighed(UPDATE, told, scale=Scale(threshold=0.4)).outcome is Outcome.UPDATE


@pytest.mark.parametrize("state", [LetterState.DRAFT, LetterState.REJECTED, LetterState.SUPERSEDED])
def test_a_letter_that_nobody_let_go_was_no_look(state: LetterState) -> None:
    told = Grounds(EVENTS, POINTS, letters=[letter(UPDATE, *EVENTS, state=state)])
    assert weighed(UPDATE, told).outcome is Outcome.UPDATE


def test_another_watchs_letter_and_one_of_what_no_longer_holds_were_none_either() -> None:
    for each in (letter(watch(name="other"), *EVENTS), letter(UPDATE, *EVENTS, SETBACK)):
        assert weighed(UPDATE, Grounds(EVENTS, POINTS, letters=[each])).outcome is Outcome.UPDATE


def test_old_history_was_news_on_its_day() -> None:
    verdict = weighed(UPDATE, Grounds(EVENTS, POINTS), NOW + timedelta(days=400))
    assert verdict.outcome is Outcome.UPDATE
    assert verdict.score < 0.01
    assert weighed(UPDATE, Grounds([], [])).because == "Nothing worth a letter: significance 0.0 of 1.0."


def quiet() -> list[Arrivals]:
    """Ten weeks of working days until 6 November."""
    days = [date(2026, 8, 31) + timedelta(days=n) for n in range(68)]
    return [Arrivals("slack", day, 28) for day in days if day.weekday() < 5]


def test_old_facts_are_said_to_be_old_but_not_beside_a_quote() -> None:
    said = "Nobody has written for 14 days; usually 140 messages a week come from Slack."
    waiting = weighed(watch("arr >= 3M"), Grounds(EVENTS, POINTS, arrivals=quiet()))
    assert waiting.because == f"ARR is $2.1M of $3M, $900k to go. {said}"
    against = weighed(watch("arr >= 2M"), Grounds([*EVENTS, SETBACK], POINTS, arrivals=quiet()))
    assert against.outcome is Outcome.DO_NOT_WRITE
    assert "Nobody" not in against.because
    assert [gap.days for gap in against.gaps] == [14]
    fresh = [*quiet(), Arrivals("slack", NOW.date(), 1)]
    assert weighed(watch("arr >= 3M"), Grounds(EVENTS, POINTS, arrivals=fresh)).gaps == ()


def test_what_changed_is_told_and_nothing_where_nothing_did() -> None:
    waiting = watch("arr >= 2M", "nrr >= 150%")
    early, later = (
        assess(judge(waiting, on.events, on.metric_points, as_of, 60), on, as_of, SCALE)
        for on, as_of in (
            (Grounds([DEAL], []), datetime.combine(DEAL.occurred_at.date(), time.max, UTC)),
            (Grounds([*EVENTS, SETBACK], POINTS), NOW),
        )
    )
    assert differences(early, early) == []
    told = differences(early, later)
    assert "arr >= 2M: holds now" in told
    assert "nrr >= 150%: 143% of 150%, 7 points to go" in told
    assert "against it: Fjord Bank will not renew (high)" in told
    assert differences(later, early)[0] == "arr >= 2M: holds no more: no ARR was ever stated"


def test_a_letter_on_its_way_was_a_look() -> None:
    under_way = letter(UPDATE, NRR, state=LetterState.QUEUED)
    assert Grounds(EVENTS, POINTS, letters=[under_way]).last_look(UPDATE) == NRR.occurred_at


def heard(first: int, last: int) -> list[Arrivals]:
    """Messages on each day from so many days ago to so many."""
    return [Arrivals("slack", NOW.date() - timedelta(days=ago), 20) for ago in range(last, first + 1)]


@pytest.mark.parametrize(
    ("arrivals", "outcome", "missing"),
    [
        ([], Outcome.NOW, ""),
        (heard(200, 1), Outcome.NOW, ""),
        (heard(200, 100), Outcome.NOT_YET, "nothing heard since"),
        (heard(30, 1), Outcome.NOT_YET, "nothing heard before"),
    ],
)
def test_silence_proves_no_absence(arrivals: list[Arrivals], outcome: Outcome, missing: str) -> None:
    waiting = watch("no setback high in 90d")
    verdict = assess(judge(waiting, EVENTS, POINTS, NOW, 30), Grounds(EVENTS, POINTS, arrivals=arrivals), NOW, SCALE)
    assert verdict.outcome is outcome
    assert missing in verdict.because
    assert missing in verdict.results[0].missing
