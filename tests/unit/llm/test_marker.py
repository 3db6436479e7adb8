"""A mark gives exactly one finding, whatever stands around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import EventType, Metric, Severity, Status
from sago.llm.providers.marker import MarkerModel
from tests.unit.llm.said import chat, extract

MARK = "[[event enterprise_deal subject=Northwind_Traders metric=contract_value:90000:USD severity=high]]"


def test_a_mark_is_read_whole() -> None:
    (found,) = extract(MarkerModel(), chat(1, f"before {MARK} after"))
    assert (found.quote, found.start, found.event_type) == (MARK, 7, EventType.ENTERPRISE_DEAL)
    assert (found.subject, found.severity, found.status) == ("Northwind Traders", Severity.HIGH, Status.ACTUAL)
    assert found.metrics == (Metric(name="contract_value", value=90_000, unit="USD"),)


def test_status_and_correction_can_be_marked() -> None:
    (found,) = extract(MarkerModel(), chat(1, "[[event funding status=denied corrects=true]]"))
    assert (found.status, found.corrects) == (Status.DENIED, True)


@pytest.mark.parametrize(
    "text",
    ["we signed Northwind", "[[event party]]", "[[event funding metric=a:b:c]]", "[[event funding status=maybe]]"],
)
def test_anything_else_is_text(text: str) -> None:
    assert extract(MarkerModel(), chat(1, text)) == []


@given(st.text(alphabet=st.characters(exclude_characters="[]\x00", exclude_categories=["Cs"])), st.integers(0, 4))
def test_surroundings_change_nothing(noise: str, marks: int) -> None:
    found = extract(MarkerModel(), chat(1, noise.join([MARK] * marks) + noise), chat(2, noise))
    assert [finding.quote for finding in found] == [MARK] * marks


def test_context_is_not_read() -> None:
    assert extract(MarkerModel(), chat(2, "hello"), context=(chat(1, MARK),)) == []
