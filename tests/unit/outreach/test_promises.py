"""Said versus did: from plans that were said to what was said of them later."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import Event, EventType, MetricPoint, Observation, Status
from sago.domain.messages import CompactMessage
from sago.domain.significance import Fate, Promise
from sago.llm.providers.offline import RulesModel
from sago.outreach.promises import promises
from sago.pipeline import reading as pipeline_reading
from sago.pipeline.folding import fold
from sago.pipeline.reading import Reading
from sago.stores.memory.clock import ManualClock
from tests.unit.outreach.stories import NOW, event, metric, point

SAID = datetime(2026, 3, 2, 9, tzinfo=UTC)
START = SAID - timedelta(days=1)


def plan(
    quote: str, *, subject: str | None = None, kind: str = "revenue_milestone", arr: float | None = 1e6
) -> Observation:
    return Observation(
        company_id="orchard", message_id=f"slack:{quote[:9]}", source="slack", sender="Nell", start=0, end=len(quote),
        quote=quote, event_type=EventType(kind), status=Status.PLANNED, severity="high", title="A plan of Orchard",
        subject=subject, metrics=(metric("arr", arr),) if arr else (), extractor="rules", extractor_version="1",
        said_at=SAID, recorded_at=SAID,
    )  # fmt: skip


def said(value: float, at: datetime) -> tuple[Event, MetricPoint]:
    """ARR as somebody stated it that day."""
    quote = f"ARR is ${value / 1e6:g}M"
    told = event("revenue_milestone", f"{quote} {at:%d %b}", quote, metric("arr", value))
    told = told.model_copy(update={"occurred_at": at})
    return told, point(told, "arr", value)


def day(month: int, of_month: int) -> datetime:
    return datetime(2026, month, of_month, 9, tzinfo=UTC)


def fate_of(plan: Observation, as_of: datetime, *figures: tuple[Event, MetricPoint]) -> Promise:
    events, points = [each[0] for each in figures], [each[1] for each in figures]
    (promise,) = promises([plan], events, points, as_of)
    return promise


BY_MAY = plan("We will be at $1M ARR by May.")


def test_reached_in_time_with_both_quotes() -> None:
    kept = fate_of(BY_MAY, NOW, said(0.8e6, day(4, 1)), said(1.1e6, day(5, 20)))
    assert (kept.fate, kept.due) == (Fate.REACHED, date(2026, 5, 31))
    assert kept.text == "$1M ARR by 31 May: reached on 20 May"
    assert kept.plan.quote == "We will be at $1M ARR by May."
    assert kept.fact is not None
    assert kept.fact.quote == "ARR is $1.1M"


def test_reached_in_june_is_late_even_if_missed_before() -> None:
    late = fate_of(BY_MAY, NOW, said(0.9e6, day(6, 2)), said(1e6, day(6, 12)))
    assert (late.fate, late.text) == (Fate.LATE, "$1M ARR by 31 May: reached on 12 June, 12 days late")


def test_a_lower_figure_after_the_day_is_missed_and_none_is_open() -> None:
    assert fate_of(BY_MAY, day(6, 3), said(0.9e6, day(6, 2))).text == "$1M ARR by 31 May: missed, $900k on 2 June"
    silent = fate_of(BY_MAY, day(6, 3), said(0.9e6, day(5, 20)))
    assert (silent.fate, silent.text) == (
        Fate.OPEN, "$1M ARR by 31 May: the day has passed, and no figure was said since"
    )  # fmt: skip


def test_before_the_day_it_is_open_beside_the_newest_figure() -> None:
    still = fate_of(BY_MAY, day(4, 3), said(0.8e6, day(4, 1)), said(2e6, day(6, 1)))
    assert (still.fate, still.text) == (Fate.OPEN, "$1M ARR by 31 May: still open, $800k on 1 April")


def test_mrr_tells_of_arr() -> None:
    told = event("revenue_milestone", "MRR is $90k", "MRR is $90k", metric("mrr", 90_000))
    told = told.model_copy(update={"occurred_at": day(5, 5)})
    assert fate_of(BY_MAY, NOW, (told, point(told, "mrr", 90_000))).fate is Fate.REACHED


def test_less_is_better_for_burn() -> None:
    target = plan("burn goes below $80k by June").model_copy(update={"metrics": (metric("burn", 80_000),)})
    told = event("revenue_milestone", "Burn is $70k", "burn is $70k", metric("burn", 70_000), days_ago=180)
    assert fate_of(target, NOW, (told, point(told, "burn", 70_000))).fate is Fate.REACHED


@pytest.mark.parametrize(
    "none",
    [
        plan("We aim for $1M ARR."),
        BY_MAY.model_copy(update={"status": Status.HYPOTHETICAL}),
        BY_MAY.model_copy(update={"event_type": EventType.SETBACK}),
        BY_MAY.model_copy(update={"metrics": (metric("contract_value", 1e6),)}),
        BY_MAY.model_copy(update={"said_at": NOW + timedelta(days=1)}),
    ],
)
def test_what_names_no_day_or_plans_nothing_is_no_promise(none: Observation) -> None:
    assert promises([none], [], [], NOW) == ()


def test_what_had_been_reached_is_no_promise() -> None:
    reached, value = said(1.2e6, START)
    assert promises([BY_MAY], [reached], [value], NOW) == ()


def test_a_promise_repeated_counts_once_as_first_said_and_a_new_day_is_another() -> None:
    again = BY_MAY.model_copy(update={"message_id": "gmail:2", "said_at": day(4, 1)})
    moved = plan("We will be at $1M ARR by August.").model_copy(update={"said_at": day(5, 1)})
    told = promises([moved, again, BY_MAY], [], [], day(5, 2))
    assert [(each.due.month, each.said_at) for each in told] == [(8, day(5, 1)), (5, SAID)]


def audit(at: datetime, name: str = "SOC 2") -> Event:
    told = event("compliance", f"{name} passed", f"The {name} Type II report has been issued")
    return told.model_copy(update={"occurred_at": at})


def test_a_planned_event_is_kept_by_one_of_its_type_and_subject() -> None:
    due = plan("The SOC 2 report is due in April", subject="soc 2", kind="compliance", arr=None)
    (kept,) = promises([due], [audit(day(4, 20)), audit(day(3, 20), "ISO 27001")], [], NOW)
    assert (kept.fate, kept.text) == (Fate.REACHED, "A plan of Orchard by 30 April: reached on 20 April")
    (late,) = promises([due], [audit(day(5, 2))], [], NOW)
    assert late.fate is Fate.LATE


def test_a_planned_event_is_missed_once_people_went_on_talking_of_other_things() -> None:
    due = plan("The SOC 2 report is due in April", subject="soc 2", kind="compliance", arr=None)
    other = audit(day(5, 20), "ISO 27001")
    fates = [promises([due], events, [], NOW)[0].fate for events in ([other], [])]
    assert fates == [Fate.MISSED, Fate.OPEN]


@given(st.permutations([said(0.8e6, day(4, 1)), said(0.9e6, day(6, 2)), said(1e6, day(6, 12))]), st.integers(0, 200))
def test_the_order_of_arrival_tells_nothing(figures: list[tuple[Event, MetricPoint]], days: int) -> None:
    as_of = SAID + timedelta(days=days)
    events, points = [each[0] for each in figures], [each[1] for each in figures]
    given_in_order = sorted(points, key=lambda each: each.as_of)
    assert promises([BY_MAY], events, points, as_of) == promises([BY_MAY], events[::-1], given_in_order, as_of)


CHAT = (
    (0, "We will be at $1M ARR by May."),
    (1, "The SOC 2 Type II report will be issued by 30 April."),
    (2, "we plan to pass 10,000 daily active users by the end of April"),
    (4, "on track for $1M ARR by the end of May"),
    (30, "March closed: MRR $70k, ARR $840k"),
    (60, "we passed 8,000 daily active users"),
    (57, "The SOC 2 Type II report has been issued, with no exceptions."),
    (102, "ARR passed $1M today. June 12 goes on the wall"),
)


def read(monkeypatch: pytest.MonkeyPatch) -> list[Observation]:
    """What the rules read in the chat."""
    found: list[Observation] = []

    def keeping(company_id: str, observations: list[Observation], rejections: list[object]) -> object:
        found.extend(observations)
        return fold(company_id, observations, [])

    monkeypatch.setattr(pipeline_reading, "fold", keeping)
    messages = [
        CompactMessage(id=f"slack:{n}", source="slack", sent_at=SAID + timedelta(days=d), sender="Nell", text=text)
        for n, (d, text) in enumerate(CHAT)
    ]
    Reading(RulesModel(), ManualClock(NOW), print, chunk=100, context=5, attempts=1).events("orchard", messages)
    return found


def test_of_what_is_read_in_a_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    observations = read(monkeypatch)
    folded = fold("orchard", observations, [])
    told = promises(observations, folded.events, folded.metric_points, NOW)
    assert [each.text for each in told] == [
        "$1M ARR by 31 May: reached on 12 June, 12 days late",
        "10,000 DAU by 30 April: missed, 8,000 on 1 May",
        "SOC 2 passed by 30 April: reached on 28 April",
    ]
    assert [(each.plan.quote, each.fact and each.fact.quote) for each in told] == [
        (CHAT[0][1], "ARR passed $1M today."),
        (CHAT[2][1], CHAT[5][1]),
        (CHAT[1][1], CHAT[6][1]),
    ]


def test_fewer_people_are_promised_where_the_words_say_down_to() -> None:
    def people(value: int, at: datetime) -> tuple[Event, MetricPoint]:
        told = event("hiring", f"{value} people", f"We are {value} people", metric("headcount", value, "count"))
        told = told.model_copy(update={"occurred_at": at})
        return told, point(told, "headcount", value, "count")

    quote = "We will go down to 40 people by May."
    cut = plan(quote, arr=None).model_copy(update={"metrics": (metric("headcount", 40, "count"),)})
    kept = fate_of(cut, NOW, people(60, SAID - timedelta(days=9)), people(39, day(5, 20)))
    assert kept.fate is Fate.REACHED
