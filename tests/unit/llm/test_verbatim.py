"""The passage that a quote means, where a model has written it with other white space."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.llm.remote.answers import verbatim

SPACED = st.text(alphabet="ab \n\t\u00a0", max_size=14)


@given(text=SPACED, quote=SPACED)
def test_the_passage_is_the_first_that_differs_in_white_space_alone(text: str, quote: str) -> None:
    if quote in text or not quote.strip():
        assert verbatim(quote, text) == quote
        return
    passage = re.search(r"\s+".join(re.escape(word) for word in quote.split()), text)
    assert verbatim(quote, text) == (passage.group() if passage else quote)


@pytest.mark.timeout(20)
def test_the_quote_of_a_model_caught_in_a_loop_is_looked_for_in_little_time() -> None:
    quote = "a " * 20_000 + "b"
    assert verbatim(quote, "a  " * 60_000) == quote
