"""Bands: which one a figure lies in, and how it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.amounts import find_amounts
from sago.domain.bands import Band, band_of

UNITS = ("USD", "CHF", "XXX", "count", "percent", "x", "bps", "ms", "days", "years")


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (2_100_000, "USD", "$2M–5M"),
        (2_000_000, "USD", "$2M–5M"),
        (1_999_999, "USD", "$1M–2M"),
        (450_000, "XXX", "200k–500k"),
        (2_100_000, "CHF", "CHF 2M–5M"),
        (0, "USD", "$0–1,000"),
        (143, "percent", "140–150%"),
        (-12, "percent", "-20% to -10%"),
        (3, "count", "0–5"),
        (23, "count", "20–50"),
        (-20, "count", "-20 to -10"),
        (41, "ms", "20–50 ms"),
        (3, "years", "2–5 years"),
        (1.5, "x", "0–2x"),
    ],
)
def test_a_figure_is_told_as_its_band(value: float, unit: str, told: str) -> None:
    assert band_of(value, unit).text == told


@given(st.floats(-1e12, 1e12), st.sampled_from(UNITS))
def test_a_figure_lies_in_its_band_and_the_lower_edge_belongs_to_it(value: float, unit: str) -> None:
    band = band_of(value, unit)
    assert band.low <= value < band.high
    assert band_of(band.low, unit) == band
    assert band_of(band.high, unit) != band


@given(st.integers(-(10**9), 10**9), st.sampled_from(UNITS))
def test_no_band_holds_a_single_whole_number(value: int, unit: str) -> None:
    band = band_of(value, unit)
    assert band.high - band.low >= 2


@given(st.integers(0, 10**11), st.sampled_from(["USD", "EUR", "CHF", "count", "percent", "ms", "days"]))
def test_what_is_written_reads_as_the_two_edges(value: int, unit: str) -> None:
    band = band_of(value, unit)
    assert [amount.value for amount in find_amounts(f"it was {band.text} then")] == [band.low, band.high]


def test_twelve_times_a_band_is_no_band_of_the_series() -> None:
    assert band_of(450_000, "USD").times(12) == Band(2_400_000, 6_000_000, "USD")
