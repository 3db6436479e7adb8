"""Scores equal those of the labelling guide's own scorer, add up over companies, and know their uncertainty."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.domain.events import EventType, Metric, Severity
from sago.evaluation.evaluation import FIGURES, PER_1000, Evaluation
from sago.evaluation.intervals import intervals
from sago.evaluation.labels import Label
from sago.evaluation.scoring import Found, Tally, compare

COMPANIES = ("acme", "beta")
TEXTS = {f"m{n}": f"message {n}" for n in range(8)}
TYPES = (EventType.FUNDING, EventType.SETBACK, EventType.HIRING)

ids = st.lists(st.sampled_from(sorted(TEXTS)), min_size=1, max_size=4, unique=True).map(tuple)
metrics = st.lists(
    st.builds(
        Metric,
        name=st.just("figure"),
        value=st.sampled_from([1.0, 1.0005, 2.0, 450000.0, 450001.0]),
        unit=st.sampled_from(["USD", "usd", "EUR"]),
    ),
    max_size=3,
).map(tuple)
labels = st.lists(
    st.builds(
        Label,
        company_id=st.sampled_from(COMPANIES),
        event_type=st.sampled_from(TYPES),
        severity=st.just(Severity.LOW),
        title=st.just("title"),
        message_ids=ids,
        metrics=metrics,
    ),
    max_size=6,
)
quotes = st.lists(
    st.tuples(st.sampled_from(sorted(TEXTS)), st.sampled_from(["message", "message 3", "absent", " "])), max_size=2
).map(tuple)
found = st.lists(
    st.builds(
        Found,
        company_id=st.sampled_from(COMPANIES),
        event_type=st.sampled_from(TYPES),
        title=st.just("title"),
        message_ids=ids,
        metrics=metrics,
        quotes=quotes,
    ),
    max_size=6,
)


@pytest.fixture(scope="module")
def guides_scorer(shared: Path) -> ModuleType:
    path = shared / "eval" / "score.py"
    spec = importlib.util.spec_from_file_location("guides_scorer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(events: list[Found]) -> list[dict[str, Any]]:
    return [
        {
            "company_id": event.company_id,
            "event_type": event.event_type.value,
            "message_ids": list(event.message_ids),
            "metrics": [metric.model_dump() for metric in event.metrics],
            "evidence": [{"message_id": message_id, "quote": quote} for message_id, quote in event.quotes],
        }
        for event in events
    ]


@given(labels, found)
@settings(max_examples=300, deadline=None)
def test_the_score_is_that_of_the_guides_own_scorer(
    guides_scorer: ModuleType, gold: list[Label], predicted: list[Found]
) -> None:
    messages = [{"id": message_id, "content": text} for message_id, text in TEXTS.items()]
    theirs = guides_scorer.score(messages, [label.model_dump(mode="json") for label in gold], rows_of(predicted))
    tally = compare(TEXTS, gold, predicted).tally
    assert [round(share, 3) for share in tally.micro] == [theirs["micro"][k] for k in ("precision", "recall", "f1")]
    assert {
        "macro_f1": round(tally.macro_f1, 3),
        "metric_recall": round(tally.metric_recall, 3),
        "false_events_per_1000_eventless_messages": round(tally.false_per_1000, 2),
        "duplicates_per_true_event": round(tally.duplicates_per_true, 3),
        "grounding": round(tally.grounding, 3),
    } == pytest.approx(
        {
            key: theirs[key]
            for key in (
                "macro_f1",
                "metric_recall",
                "false_events_per_1000_eventless_messages",
                "duplicates_per_true_event",
                "grounding",
            )
        },
        abs=1.1e-3,
    )
    for event_type, row in theirs["types"].items():
        assert round(tally.of(EventType(event_type)).f1, 3) == row["f1"]


@given(labels, found)
def test_every_label_and_every_found_event_is_told_of_once(gold: list[Label], predicted: list[Found]) -> None:
    result = compare(TEXTS, gold, predicted)
    assert Counter([label for label, _ in result.matched] + list(result.missed)) == Counter(gold)
    assert Counter([f for _, f in result.matched] + list(result.false) + list(result.duplicates)) == Counter(predicted)


def label(**changes: Any) -> Label:
    fields: dict[str, Any] = {
        "company_id": "acme",
        "event_type": EventType.FUNDING,
        "severity": Severity.HIGH,
        "title": "Round closed",
        "message_ids": ("m1",),
    }
    return Label(**(fields | changes))


def event(**changes: Any) -> Found:
    fields: dict[str, Any] = {
        "company_id": "acme",
        "event_type": EventType.FUNDING,
        "title": "Round closed",
        "message_ids": ("m1",),
        "metrics": (),
        "quotes": (("m1", "message 1"),),
    }
    return Found(**(fields | changes))


def test_a_second_event_on_one_label_is_a_duplicate_and_no_true_one() -> None:
    result = compare(TEXTS, [label()], [event(), event(title="Round closed again")])
    assert (result.tally.true.total(), result.tally.duplicates, result.false) == (1, 1, ())


def test_a_false_event_counts_against_eventless_messages_only_where_it_stands_on_none_that_supports_one() -> None:
    beside, wrong_type = event(message_ids=("m5",)), event(event_type=EventType.SETBACK)
    tally = compare(TEXTS, [label()], [event(), beside, wrong_type]).tally
    assert (tally.false_on_eventless, tally.eventless, tally.false_per_1000) == (1, 7, pytest.approx(1000 / 7))


def test_the_tallies_of_two_companies_add_up_to_that_of_both() -> None:
    one = compare(TEXTS, [label(message_ids=("m1",))], [event()])
    other = compare(TEXTS, [label(message_ids=("m2",))], [])
    both = Evaluation({"acme": one, "beta": other})
    assert both.tally.micro.recall == 0.5
    assert both.figures()["recall"].value == 0.5


def test_intervals_hold_the_figure_and_need_two_companies() -> None:
    good = compare(TEXTS, [label()], [event()]).tally
    bad = compare(TEXTS, [label()], []).tally
    figures = [FIGURES["recall"]]
    assert intervals([good], figures) == [None]
    (wide,) = intervals([good, bad] * 3, figures)
    (narrow,) = intervals([good, bad] * 60, figures)
    assert wide is not None
    assert narrow is not None
    assert 0.0 <= wide.low < narrow.low < 0.5 < narrow.high < wide.high <= 1.0


def test_nothing_at_all_has_a_score() -> None:
    tally = Tally()
    assert (tally.macro_f1, tally.metric_recall, tally.false_per_1000, tally.grounding) == (0.0, 1.0, 0.0, 0.0)


def test_a_share_of_nothing_is_no_figure_and_has_no_interval() -> None:
    nothing = compare(TEXTS, [], [])
    figures = Evaluation({"acme": nothing, "beta": nothing}).figures()
    assert {name for name, figure in figures.items() if figure != (None, None)} == {PER_1000}
    assert figures[PER_1000].value == 0.0
    unlabelled = Evaluation({"acme": compare(TEXTS, [], [event()])}).figures()
    assert [name for name, figure in unlabelled.items() if figure.value is None] == [
        "macro F1", "recall", "metric recall", "duplicates per true event",
    ]  # fmt: skip
    assert (unlabelled["precision"].value, unlabelled["grounding"].value) == (0.0, 1.0)
    unfound = Evaluation({"acme": compare(TEXTS, [label()], [])}).figures()
    assert [name for name, figure in unfound.items() if figure.value is None] == [
        "precision", "metric recall", "duplicates per true event", "grounding",
    ]  # fmt: skip
    assert (unfound["macro F1"].value, unfound["recall"].value) == (0.0, 0.0)
    assert Evaluation({"acme": compare({}, [], [event()])}).figures()[PER_1000].value is None


def test_a_draw_that_says_nothing_of_a_figure_leaves_its_interval_alone() -> None:
    full, empty = compare(TEXTS, [label()], [event()]).tally, compare(TEXTS, [], []).tally
    assert intervals([full, empty], list(FIGURES.values()))[list(FIGURES).index("recall")] == (1.0, 1.0)


def test_the_shares_of_a_type_are_none_where_there_is_nothing_to_share() -> None:
    result = compare(TEXTS, [label()], [event(event_type=EventType.SETBACK)])
    assert Evaluation({"acme": result}).types() == {
        EventType.FUNDING: (1, 0, None, 0.0, 0.0),
        EventType.SETBACK: (0, 1, 0.0, None, 0.0),
    }


def test_a_company_without_labels_still_counts_its_false_events() -> None:
    assert compare(TEXTS, [], [event()]).tally.false_per_1000 == 125
