"""What Postgres refuses is replaced, and nothing else is touched."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from sago.stores.postgres.columns import storable, storable_json

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_only_nul_and_lone_surrogates_are_replaced() -> None:
    assert storable("a\x00b\ud800c😀\n\\u0000") == "a\ufffdb\ufffdc😀\n\\u0000"


@given(ANY_TEXT)
def test_every_text_becomes_storable_at_its_length(text: str) -> None:
    kept = storable(text)
    assert len(kept) == len(text)
    assert "\x00" not in kept
    kept.encode("utf-8")


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")))
def test_a_good_text_is_left_alone(text: str) -> None:
    assert storable(text) is text


def test_json_keeps_what_it_can() -> None:
    odd = {
        "nul\x00": ["\x00", math.nan, -math.inf, 1.5],
        "deep": {"x": ("\udfff", None, True)},
        'quote"\\u0000': "\\u0000",
    }
    assert json.loads(storable_json(odd)) == {
        "nul\ufffd": ["\ufffd", None, None, 1.5],
        "deep": {"x": ["\ufffd", None, True]},
        'quote"\\u0000': "\\u0000",
    }
