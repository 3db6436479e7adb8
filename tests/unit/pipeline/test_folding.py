"""The fold is a function of the set of observations: retellings, corrections, denials and rejections."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.domain.events import EventType, Extraction, Metric, Observation, Rejection, Severity, Status
from sago.domain.metrics import UNSTATED
from sago.pipeline.extraction import refold
from sago.pipeline.folding import WINDOW, Folding, fold
from sago.pipeline.retelling import stage
from sago.stores.memory.database import MemoryDatabase

DAY = timedelta(days=1)
START = datetime(2025, 10, 6, 12, tzinfo=UTC)
DEAL, REVENUE, SETBACK = EventType.ENTERPRISE_DEAL, EventType.REVENUE_MILESTONE, EventType.SETBACK
FUNDING = EventType.FUNDING


def said(
    number: int, event_type: EventType, subject: str | None, *metrics: tuple[str, float, str], **fields: Any
) -> Observation:
    quote = fields.pop("quote", f"message {number}")
    known = {
        "company_id": "acme", "message_id": f"slack:{number}", "source": "slack", "sender": "kim", "start": 0,
        "end": len(quote), "quote": quote, "event_type": event_type,
        "status": Status.ACTUAL, "severity": Severity.MEDIUM,
        "title": f"{subject} told in {number}", "subject": subject, "extractor": "test", "extractor_version": "1",
        "metrics": tuple(Metric(name=name, value=value, unit=unit) for name, value, unit in metrics),
        "said_at": START + fields.pop("days", number) * DAY, "recorded_at": START,
    }  # fmt: skip
    return Observation.model_validate({**known, **fields})


def reject(event_id: object) -> Rejection:
    return Rejection.model_validate(
        {"company_id": "acme", "event_id": event_id, "because": "no", "rejected_by": "kim", "rejected_at": START}
    )


def test_the_same_deal_in_chat_and_mail_is_one_event() -> None:
    chat = said(1, DEAL, "northwind", ("contract_value", 90_000, "USD"))
    mail = said(2, DEAL, "northwind traders", ("term", 2, "years"), severity=Severity.HIGH)
    (event,) = fold("acme", [mail, chat], []).events
    assert [proof.message_id for proof in event.evidence] == ["slack:1", "slack:2"]
    assert {(m.name, m.value) for m in event.metrics} == {("contract_value", 90_000), ("term", 2)}
    assert (event.severity, event.occurred_at) == (Severity.HIGH, START + DAY)


def test_a_rounds_term_sheet_and_its_close_are_two_events() -> None:
    raised = ("amount_raised", 3.5e6, "USD")
    told = [
        said(1, FUNDING, "nordwind seed", raised, quote="We signed a term sheet with Nordwind for a $3.5M seed."),
        said(3, FUNDING, "nordwind seed", raised, quote="Nordwind's $3.5M: lawyers are on it"),
        said(36, FUNDING, "nordwind seed", raised, quote="Our $3.5M seed round has closed, led by Nordwind."),
        said(38, FUNDING, None, raised, quote="the $3.5M is in the account!"),
    ]
    events = fold("acme", told, []).events
    assert [[proof.message_id for proof in event.evidence] for event in events] == [
        ["slack:1", "slack:3"],
        ["slack:36", "slack:38"],
    ]
    assert [event.occurred_at for event in events] == [START + DAY, START + 36 * DAY]


@pytest.mark.parametrize(
    ("quote", "reached"),
    [
        ("term sheet signed, we want it to be closed by October", "terms"),
        ("It's in the account! $3.5M seed extension closed, Nordwind led.", "closed"),
        ("the money has landed", "closed"),
        ("closing is planned for mid October", None),
        ("the grant was approved, $400k", None),
    ],
)
def test_the_stage_of_a_round_is_read_from_its_words(quote: str, reached: str | None) -> None:
    assert stage(said(1, FUNDING, None, quote=quote)) == reached
    assert stage(said(1, DEAL, None, quote=quote)) is None


@pytest.mark.parametrize(
    ("others", "unit"),
    [
        ([("arr", 2e6, "EUR"), ("burn", 9e4, "EUR"), ("revenue", 4e6, "EUR"), ("bookings", 4e5, "GBP")], "EUR"),
        ([("arr", 2e6, "EUR"), ("burn", 9e4, "EUR")], UNSTATED),
        ([("arr", 2e6, "EUR"), ("grant", 4e5, "EUR"), ("pilot fee", 4e5, "EUR")], UNSTATED),
        ([("arr", 2e6, "EUR"), ("burn", 9e4, "EUR"), ("revenue", 4.5e5, "GBP")], "GBP"),
        ([("mrr", 4e5, "SEK"), ("arr", 2e6, "EUR"), ("burn", 9e4, "EUR"), ("revenue", 4.5e5, "GBP")], "SEK"),
        ([], UNSTATED),
    ],
)
def test_money_without_a_currency_is_in_the_one_the_company_writes_most(
    others: list[tuple[str, float, str]], unit: str
) -> None:
    told = [said(n, REVENUE, name, (name, value, other)) for n, (name, value, other) in enumerate(others, start=2)]
    folded = fold("acme", [said(1, REVENUE, "mrr", ("mrr", 4.5e5, UNSTATED)), *told], [])
    assert {m.unit for event in folded.events for m in event.metrics if m.value == 4.5e5 and m.name == "mrr"} == {unit}
    assert {p.unit for p in folded.metric_points if p.metric == "mrr" and p.value == 4.5e5} == {unit}


def test_what_is_denied_or_planned_has_no_say_in_the_currency() -> None:
    planned = [
        said(n, REVENUE, name, (name, 1e6 * n, "USD"), status=Status.PLANNED)
        for n, name in enumerate(("arr", "burn", "revenue", "bookings"), start=2)
    ]
    (event,) = fold("acme", [said(1, REVENUE, "mrr", ("mrr", 4.5e5, UNSTATED)), *planned], []).events
    assert [m.unit for m in event.metrics] == [UNSTATED]


def test_figures_under_a_name_that_says_little_stand_beside_each_other() -> None:
    one = said(1, DEAL, "northwind", ("count", 40, "count"))
    other = said(2, DEAL, "northwind", ("count", 12, "count"), ("count", 40, "count"))
    (event,) = fold("acme", [one, other], []).events
    assert [(m.name, m.value) for m in event.metrics] == [("count", 40), ("count 2", 12)]


def test_two_customers_are_two_events() -> None:
    one = said(1, DEAL, "northwind", ("contract_value", 90_000, "USD"))
    other = said(2, DEAL, "contoso", ("contract_value", 90_000, "USD"))
    assert len(fold("acme", [one, other], []).events) == 2


def test_another_type_is_another_event() -> None:
    assert len(fold("acme", [said(1, DEAL, "northwind"), said(2, SETBACK, "northwind")], []).events) == 2


@pytest.mark.parametrize("status", [Status.PLANNED, Status.HYPOTHETICAL, Status.DENIED])
def test_only_what_happened_makes_an_event(status: Status) -> None:
    assert fold("acme", [said(1, DEAL, "northwind", status=status)], []).events == []


def test_a_new_figure_is_a_new_fact_and_the_same_figure_is_told_again() -> None:
    october = said(1, REVENUE, "mrr", ("mrr", 182_000, "USD"))
    again = said(3, REVENUE, "mrr", ("mrr", 182_000, "USD"))
    november = said(30, REVENUE, "mrr", ("mrr", 200_000, "USD"))
    result = fold("acme", [november, again, october], [])
    assert [len(event.evidence) for event in result.events] == [2, 1]
    assert [point.value for point in result.metric_points] == [182_000, 200_000]


def test_a_telling_after_the_window_is_a_new_event() -> None:
    late = said(2, DEAL, "northwind", days=WINDOW.days + 2)
    assert len(fold("acme", [said(1, DEAL, "northwind"), late], []).events) == 2


def test_a_correction_replaces_the_figure() -> None:
    wrong = said(1, REVENUE, "nrr", ("nrr", 134, "percent"))
    right = said(2, REVENUE, "nrr", ("nrr", 143, "percent"), corrects=True, quote="NRR is 143%, not 134%")
    again = said(3, REVENUE, "nrr", ("nrr", 143, "percent"))
    result = fold("acme", [again, right, wrong], [])
    (event,) = result.events
    assert event.metrics == (Metric(name="nrr", value=143, unit="percent"),)
    assert len(event.evidence) == 3
    assert "nrr corrected from 134% to 143%" in event.timeline
    assert [point.value for point in result.metric_points] == [143]


def test_a_correction_finds_the_figure_it_quotes_under_another_name() -> None:
    wrong = said(1, SETBACK, "outage", ("duration", 47, "minutes"), ("customers", 31, "count"))
    right = said(2, SETBACK, None, ("impact", 62, "minutes"), corrects=True, quote="impact was 62 min, not 47 min")
    (event,) = fold("acme", [wrong, right], []).events
    assert {(m.value, m.unit) for m in event.metrics} == {(62, "minutes"), (31, "count")}


def test_a_correction_by_a_plain_number_is_of_the_figure_it_replaces() -> None:
    wrong = said(1, REVENUE, "nrr", ("nrr", 131, "percent"))
    right = said(
        2, REVENUE, None, ("count", 127, "count"), corrects=True, quote="I beg your pardon. It is 127.", days=1
    )
    (event,) = fold("acme", [wrong, right], []).events
    assert event.metrics == (Metric(name="nrr", value=127, unit="percent"),)


def test_a_correction_leaves_out_the_magnitude_of_the_figure_it_repeats() -> None:
    wrong = said(1, REVENUE, "fees", ("fees", 412_000, "GHS"))
    right = said(2, REVENUE, None, ("count", 421, "count"), corrects=True, quote="August is 421, not 412.")
    (event,) = fold("acme", [wrong, right], []).events
    assert event.metrics == (Metric(name="fees", value=421_000, unit="GHS"),)


@pytest.mark.parametrize(
    "changed",
    [
        {"days": 5},
        {"metrics": (Metric(name="count", value=40, unit="count"),)},
        {"metrics": (Metric(name="tickets", value=127, unit="count"),)},
        {"quote": "It is 127 of 200."},
        {"quote": "127, in 12 months not 2"},
    ],
)
def test_a_plain_number_corrects_neither_old_news_nor_what_is_far_from_it(changed: dict[str, Any]) -> None:
    wrong = said(1, REVENUE, "nrr", ("nrr", 131, "percent"))
    right = said(
        2, REVENUE, None, ("count", 127, "count"), corrects=True, **{"days": 1, "quote": "It is 127.", **changed}
    )
    events = fold("acme", [wrong, right], []).events
    assert any(Metric(name="nrr", value=131, unit="percent") in event.metrics for event in events)


@given(st.floats(0, 1e7), st.floats(0, 1e7), st.text(alphabet="0123456789k ,.not", max_size=20))
def test_no_correction_by_a_plain_number_breaks_the_fold(held: float, new: float, words: str) -> None:
    wrong = said(1, REVENUE, None, ("fees", held, "GHS"))
    right = said(2, REVENUE, None, ("count", new, "count"), corrects=True, quote=f"{words} 0, not 5")
    assert fold("acme", [wrong, right], []) == fold("acme", [right, wrong], [])


def test_a_name_that_says_little_is_no_proof_of_what_is_corrected() -> None:
    deal = said(1, DEAL, None, ("count", 36, "count"))
    other = said(2, DEAL, None, ("count", 26, "count"), corrects=True, quote="correctly it is 26")
    events = fold("acme", [deal, other], []).events
    assert any(m.value == 36 for event in events for m in event.metrics)


def test_a_late_telling_of_a_superseded_figure_does_not_bring_it_back() -> None:
    wrong = said(1, REVENUE, "nrr", ("nrr", 134, "percent"))
    right = said(2, REVENUE, "nrr", ("nrr", 143, "percent"), corrects=True)
    stale = said(4, REVENUE, "nrr", ("nrr", 134, "percent"))
    (event,) = fold("acme", [wrong, right, stale], []).events
    assert [m.value for m in event.metrics] == [143]


def test_a_correction_without_anything_to_correct_is_a_fact_of_its_own() -> None:
    (event,) = fold("acme", [said(1, REVENUE, "nrr", ("nrr", 143, "percent"), corrects=True)], []).events
    assert event.metrics[0].value == 143


def test_a_later_denial_withdraws_and_an_earlier_one_does_not() -> None:
    claim = said(2, DEAL, "northwind")
    assert fold("acme", [claim, said(3, DEAL, "northwind", status=Status.DENIED)], []).events == []
    assert len(fold("acme", [claim, said(1, DEAL, "northwind", status=Status.DENIED)], []).events) == 1
    assert len(fold("acme", [claim, said(3, DEAL, "contoso", status=Status.DENIED)], []).events) == 1


def test_a_rejection_survives_an_earlier_proof() -> None:
    later = said(5, DEAL, "northwind")
    (event,) = fold("acme", [later], []).events
    earlier = said(1, DEAL, "northwind")
    assert fold("acme", [earlier, later], []).events[0].id != event.id
    assert fold("acme", [earlier, later], [reject(event.id)]).events == []


def test_a_rejection_leaves_other_events_of_the_same_message() -> None:
    one = said(1, DEAL, "northwind", quote="first one")
    other = said(1, DEAL, "contoso", quote="second one", start=20, end=30)
    kept = fold("acme", [one, other], [reject(fold("acme", [one, other], []).events[0].id)]).events
    assert len(kept) == 1


def test_a_month_named_in_the_quote_dates_the_metric_point() -> None:
    told = said(30, REVENUE, "mrr", ("mrr", 182_000, "USD"), quote="MRR closed October at $182k")
    (point,) = fold("acme", [told], []).metric_points
    assert (point.as_of, point.said_at) == (datetime(2025, 10, 31, 23, 59, 59, tzinfo=UTC), told.said_at)


def test_only_known_metrics_in_their_unit_make_points() -> None:
    told = said(1, REVENUE, "mrr", ("mrr", 5, "count"), ("lost mrr", 9, "USD"), ("nrr", 120, "percent"))
    assert [point.metric for point in fold("acme", [told], []).metric_points] == ["nrr"]


def test_the_title_is_of_the_most_informative_telling() -> None:
    poor, rich = said(1, DEAL, "northwind"), said(2, DEAL, "northwind", ("contract_value", 90_000, "USD"))
    assert fold("acme", [poor, rich], []).events[0].title == rich.title


def test_other_companies_are_left_out() -> None:
    assert fold("acme", [said(1, DEAL, "northwind", company_id="other")], []).events == []


OBSERVATION = st.builds(
    said,
    st.integers(0, 60),
    st.sampled_from([DEAL, REVENUE, SETBACK]),
    st.sampled_from([None, "northwind", "northwind traders", "contoso", "mrr"]),
    st.tuples(st.sampled_from(["mrr", "contract_value"]), st.sampled_from([100.0, 200.0]), st.just("USD")),
    status=st.sampled_from([Status.ACTUAL, Status.ACTUAL, Status.DENIED, Status.PLANNED]),
    corrects=st.booleans(),
    quote=st.sampled_from(["it is $100", "it is $200, not $100", "done"]),
)
OBSERVATIONS = st.lists(OBSERVATION, max_size=12)


@given(OBSERVATIONS, st.randoms(use_true_random=False))
def test_order_and_duplicates_do_not_matter(observations: list[Observation], rng: random.Random) -> None:
    once = fold("acme", observations, [])
    shuffled = observations + rng.sample(observations, k=len(observations) // 2)
    rng.shuffle(shuffled)
    assert fold("acme", shuffled, []) == once


@given(OBSERVATIONS)
def test_ids_differ_and_every_event_has_a_proof_that_happened(observations: list[Observation]) -> None:
    events = fold("acme", observations, []).events
    assert len({event.id for event in events}) == len(events)
    actual = {o.message_id for o in observations if o.status is Status.ACTUAL}
    assert all(proof.message_id in actual for event in events for proof in event.evidence)


EDIT = 1_772_442_000_000_000
Reading = tuple[Extraction, list[Observation]]


@st.composite
def readings(draw: st.DrawFn) -> list[Reading]:
    """Readings of a few messages: of the original, an edit or a deletion (both say other things or nothing), by an
    extractor and by its next version; each has a moment at which it was finished."""
    keys = st.tuples(st.integers(0, 5), st.sampled_from([0, 0, EDIT, EDIT + 1]), st.sampled_from(["1", "1", "2"]))
    drawn = draw(st.lists(keys, unique=True, max_size=8))
    return [
        (
            Extraction(
                company_id="acme",
                message_id=f"slack:{number}",
                version=version,
                extractor="test",
                extractor_version=extractor,
                finished_at=START + draw(st.integers(0, 3)) * DAY,
            ),
            [
                said.model_copy(update={"message_id": f"slack:{number}", "version": version, "start": start}
                    | {"extractor_version": extractor, "said_at": START + number * DAY})
                for start, said in enumerate(draw(st.lists(OBSERVATION, max_size=2)))
            ],
        )
        for number, version, extractor in drawn
    ]  # fmt: skip


@settings(max_examples=60)
@given(readings(), st.randoms(use_true_random=False), st.data())
def test_events_are_the_same_however_their_readings_arrive(
    readings: list[Reading], rng: random.Random, data: st.DataObject
) -> None:
    """In any order, some twice, merged one by one or many at once: an edit before its original, a re-extraction
    before the extraction."""
    at_once, in_parts = MemoryDatabase(), MemoryDatabase()
    merge(at_once, readings)
    arriving = readings + rng.sample(readings, k=len(readings) // 2)
    rng.shuffle(arriving)
    while arriving:
        count = data.draw(st.integers(1, len(arriving)))
        merge(in_parts, arriving[:count])
        arriving = arriving[count:]
    with at_once.begin() as one, in_parts.begin() as other:
        assert other.events.find("acme") == one.events.find("acme")
        assert other.events.metric_points("acme") == one.events.metric_points("acme")


def merge(database: MemoryDatabase, readings: list[Reading]) -> None:
    """As a merged batch does."""
    with database.begin() as tx:
        tx.events.append([said for _, found in readings for said in found], [read for read, _ in readings])
        refold(tx, "acme", START)


@given(st.data())
@settings(max_examples=60)
def test_a_fold_that_grows_is_the_fold_from_nothing(data: st.DataObject) -> None:
    """Also where a message is edited away, and where a later one tells the currency of an earlier one."""
    units = st.sampled_from(["USD", "EUR", UNSTATED])
    told = [
        said(
            number,
            data.draw(st.sampled_from([DEAL, REVENUE, SETBACK])),
            data.draw(st.sampled_from(["northwind", "acme bank", None])),
            (data.draw(st.sampled_from(["arr", "mrr"])), data.draw(st.sampled_from([1e6, 2e6])), data.draw(units)),
            status=data.draw(st.sampled_from([Status.ACTUAL, Status.ACTUAL, Status.DENIED])),
            corrects=data.draw(st.booleans()),
        )
        for number in range(data.draw(st.integers(min_value=1, max_value=9)))
    ]
    growing = Folding("acme")
    for end in range(1, len(told) + 1):
        gone = data.draw(st.sets(st.sampled_from(told[:end]).map(lambda each: each.message_id), max_size=1))
        known = [each for each in told[:end] if each.message_id not in gone]
        assert growing(known, []) == fold("acme", known, [])


def test_a_denied_figure_leaves_another_one_of_the_same_metric() -> None:
    level = said(1, REVENUE, "mrr", ("arr", 1.2e6, "USD"))
    other = said(6, REVENUE, "mrr", ("arr", 5e6, "USD"), ("other arr", 1.2e6, "USD"), status=Status.DENIED)
    same = said(7, REVENUE, "mrr", ("arr", 1.2e6, "USD"), status=Status.DENIED)
    assert len(fold("acme", [level, other], []).events) == 1
    assert fold("acme", [level, other, same], []).events == []


def test_a_hire_can_be_called_off_months_later_by_name_and_is_told_anew_by_then() -> None:
    hire = said(1, EventType.HIRING, "lena fors")
    denial = said(2, EventType.HIRING, "lena fors", days=100, status=Status.DENIED)
    again = said(3, EventType.HIRING, "lena fors", days=90)
    assert fold("acme", [hire, denial], []).events == []
    assert len(fold("acme", [hire, again], []).events) == 2
    assert (
        len(fold("acme", [hire, said(4, EventType.HIRING, "lena fors", days=200, status=Status.DENIED)], []).events)
        == 1
    )


def test_levels_of_two_months_are_two_events_each_true_at_its_months_end() -> None:
    september = said(1, REVENUE, "mrr", ("mrr", 71e3, "EUR"), quote="September: MRR €71k.")
    october = said(
        40, REVENUE, "mrr", ("arr", 1.12e6, "EUR"), quote="October: ARR is €1.12M, up from €852k in September."
    )
    found = fold("acme", [september, october], [])
    assert [len(event.evidence) for event in found.events] == [1, 1]
    assert [f"{point.as_of:%Y-%m-%d}" for point in found.metric_points] == ["2025-09-30", "2025-10-31"]


def test_a_figure_that_is_told_again_rounded_is_one_event() -> None:
    exact = said(1, REVENUE, "mrr", ("arr", 1.116e6, "EUR"))
    rounded = said(10, REVENUE, "mrr", ("arr", 1.12e6, "EUR"))
    (event,) = fold("acme", [exact, rounded], []).events
    assert [metric.value for metric in event.metrics] == [1.116e6]
    assert len(fold("acme", [exact, said(10, REVENUE, "mrr", ("arr", 1.15e6, "EUR"))], []).events) == 2
