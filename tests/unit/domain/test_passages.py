"""The passage that a quote means, where a model has written it otherwise."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.passages import Passages

SPACED = st.text(alphabet="ab \n\t\u00a0", max_size=14)
LETTERS = st.text(alphabet="aeéñệ한が漢😀\u0301\u0323\u200d ❤\ufe0f", max_size=12)


def passage(text: str, quote: str) -> str | None:
    place = Passages(text).find(quote)
    return text[slice(*place)] if place else None


@given(text=SPACED, quote=SPACED)
def test_the_passage_is_the_first_that_differs_in_white_space_alone(text: str, quote: str) -> None:
    if not quote.strip():
        assert passage(text, quote) is None
    elif quote in text:
        assert passage(text, quote) == quote
    else:
        found = re.search(r"\s+".join(re.escape(word) for word in quote.split()), text)
        assert passage(text, quote) == (found.group() if found else None)


@given(before=LETTERS, quote=LETTERS, form=st.sampled_from(["NFC", "NFD"]))
def test_a_quote_in_another_normal_form_is_found_and_has_the_same_meaning(before: str, quote: str, form: str) -> None:
    text = f"{before}|{quote}|"
    found = passage(text, unicodedata.normalize(form, f"|{quote}|"))
    assert found is not None
    assert unicodedata.normalize(form, found) == unicodedata.normalize(form, f"|{quote}|")


@pytest.mark.parametrize(("text", "quote"), [("caf\u00e9s", "cafe\u2019"), ("x \u00e9 y", " e "), ("abc", "abd")])
def test_no_letter_loses_its_accent(text: str, quote: str) -> None:
    assert passage(text, quote) is None


def test_the_occurrence_nearest_to_the_hint_is_meant() -> None:
    assert Passages("it\u2019s it\u2019s it\u2019s").find("it's", hint=10) == (10, 14)


@pytest.mark.timeout(20)
def test_the_quote_of_a_model_caught_in_a_loop_is_looked_for_in_little_time() -> None:
    assert passage("a  " * 60_000, "a " * 20_000 + "b") is None
