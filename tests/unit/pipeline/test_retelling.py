"""What two tellings share decides whether they tell one event; each sign moves the odds the way it should."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from sago.domain.events import EventType, Metric, Observation, Severity, Status
from sago.pipeline.folding import fold
from sago.pipeline.retelling import Shared, log_odds, mentions, traits

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = 3600.0, 86400.0


def told(quote: str, subject: str | None = None, *, seconds: float = 0.0, **fields: Any) -> Observation:
    known: dict[str, Any] = {
        "company_id": "acme", "message_id": f"slack:{zlib.crc32(quote.encode())}", "source": "slack", "sender": "kim",
        "start": 0, "end": len(quote), "quote": quote, "event_type": EventType.FUNDING, "status": Status.ACTUAL,
        "severity": Severity.MEDIUM, "title": f"told: {quote[:40]}", "subject": subject, "extractor": "test",
        "extractor_version": "1", "said_at": datetime.fromtimestamp(START.timestamp() + seconds, UTC),
        "recorded_at": START,
    }  # fmt: skip
    return Observation.model_validate({**known, **fields})


def odds(later: Observation, *earlier: Observation, since: float = DAY, is_newest: bool = True) -> float:
    shared = Shared()
    for each in earlier:
        shared.add(traits(each))
    return log_odds(
        later, traits(later), shared, {each.subject for each in earlier if each.subject}, since, is_newest=is_newest
    )


def test_traits_are_figures_and_uncommon_words() -> None:
    own = traits(
        told("Halcrest's board signed for 70 million, three years", metrics=(Metric(name="n", value=12, unit="x"),))
    )
    assert own.figures == {(70e6, "money")}
    assert own.small == {(12.0, "x"), (3.0, "years")}
    assert "halcrest" in own.words
    assert "years" not in own.words


def test_words_of_scripts_without_blanks_are_their_runs_of_signs() -> None:
    assert traits(told("堺臨海様、ヒビキと契約")).words >= {"堺臨海", "ヒビキ"}


@pytest.mark.parametrize(
    ("nearer", "farther"), [(HOUR / 4, 6 * HOUR), (6 * HOUR, 1 * DAY), (1 * DAY, 3 * DAY), (3 * DAY, 30 * DAY)]
)
def test_the_nearer_in_time_the_likelier(nearer: float, farther: float) -> None:
    first, again = told("the wire landed"), told("money is in the bank")
    assert odds(again, first, since=nearer) > odds(again, first, since=farther)
    assert odds(again, first) > odds(again, first, is_newest=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the warehouse flooded overnight", "Karim handed in his notice"),
        ("the mobile app is live", "everybody has the billing portal"),
        ("Priya starts Monday as head of sales", "our new finance lead signed the offer"),
    ],
)
def test_what_shares_nothing_and_is_said_days_apart_is_two_events(one: str, other: str) -> None:
    for event_type in (EventType.SETBACK, EventType.PRODUCT_LAUNCH, EventType.HIRING):
        said = [told(one, event_type=event_type), told(other, seconds=3 * DAY, event_type=event_type)]
        assert len(fold("acme", said, []).events) == 2


def test_a_shared_figure_and_a_shared_name_speak_for_it_and_another_figure_against() -> None:
    first = told("Lindqvist took the round, 11.5 million", "lindqvist")
    same, other, none = told("11.5 million it is"), told("40 million it is"), told("the wire landed")
    assert odds(same, first) > odds(none, first) > odds(other, first)
    assert odds(told("Lindqvist wired"), first) > odds(told("somebody wired"), first)
    assert odds(told("x", "lindqvist"), first) > odds(told("x"), first) > odds(told("x", "brookhaven"), first)


def test_words_of_a_name_are_found_among_words() -> None:
    assert mentions({"kaigan", "signed"}, "Kaigan Fire & Marine")
    assert not mentions({"signed"}, "Kaigan Fire & Marine")


def test_one_thing_told_in_three_ways_is_one_event_and_the_next_quarters_another() -> None:
    tellings = [
        told("the wire landed, all of it", seconds=0),
        told("Brookhaven closed the round with 11.5 million", "brookhaven", seconds=HOUR / 3),
        told("Round closed: 11.5 million from Brookhaven", "brookhaven", seconds=4 * DAY),
        told("Lindqvist lent us 2 million", "lindqvist", seconds=25 * DAY),
    ]
    assert [len(event.evidence) for event in fold("acme", tellings, []).events] == [3, 1]


def test_two_things_in_one_message_stay_two() -> None:
    text = "Halcrest lent us 2 million. Brookhaven gave a grant of 90k."
    one = told("Halcrest lent us 2 million", message_id="slack:1")
    other = told("Brookhaven gave a grant of 90k", message_id="slack:1", start=28, end=len(text) - 1)
    assert len(fold("acme", [one, other], []).events) == 2


def events(*tellings: Observation) -> int:
    return len(fold("acme", tellings, []).events)


@pytest.mark.parametrize("event_type", list(EventType))
def test_two_names_are_two_events_however_near(event_type: EventType) -> None:
    one = told("Globex did it", "globex", event_type=event_type)
    other = told("Initech did it as well, same terms as Globex", "initech", seconds=600, event_type=event_type)
    assert events(one, other) == 2


def test_a_denial_of_one_leaves_the_other() -> None:
    tellings = [
        told("Globex churned", "globex", event_type=EventType.SETBACK),
        told("Initech churned as well", "initech", seconds=600, event_type=EventType.SETBACK),
        told("Initech did not churn", "initech", seconds=HOUR, event_type=EventType.SETBACK, status=Status.DENIED),
    ]
    (left,) = fold("acme", tellings, []).events
    assert left.evidence[0].quote == "Globex churned"


def test_the_same_number_of_something_else_is_no_shared_figure() -> None:
    outage = told("Checkout was down for 45 minutes", event_type=EventType.SETBACK)
    layoffs = told("We let 45 people go", seconds=3 * DAY, event_type=EventType.SETBACK)
    assert events(outage, layoffs) == 2


def test_another_figure_of_the_same_name_is_another_event() -> None:
    def seats(number: float, seconds: float) -> Observation:
        metrics = (Metric(name="seats", value=number, unit="count"),)
        deal = EventType.ENTERPRISE_DEAL
        return told(f"Globex: {number:g} seats", "globex", seconds=seconds, event_type=deal, metrics=metrics)

    assert events(seats(40, 0), seats(60, 2 * DAY)) == 2
    assert events(seats(40, 0), seats(40, 2 * DAY)) == 1


def test_the_same_figure_weeks_later_is_the_same_event() -> None:
    def revenue(quote: str, seconds: float) -> Observation:
        metrics = (Metric(name="mrr", value=450_000, unit="USD"),)
        return told(quote, seconds=seconds, event_type=EventType.REVENUE_MILESTONE, metrics=metrics)

    assert events(revenue("MRR reached $450k", 0), revenue("MRR is at 450k", 21 * DAY)) == 1
