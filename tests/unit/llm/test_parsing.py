"""JSON out of an answer: whole, wrapped or cut off anywhere."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.errors import UnusableAnswerError
from sago.llm.remote.parsing import parse

TEXTS = st.text(alphabet='ab"\\{}[],: \n漢', max_size=12)
ITEMS = st.lists(st.fixed_dictionaries({"quote": TEXTS, "metrics": st.lists(st.fixed_dictionaries({"n": TEXTS}))}))


@given(items=ITEMS, cut=st.floats(0, 1), bare=st.booleans(), ascii_only=st.booleans())
def test_of_an_answer_cut_anywhere_the_complete_items_are_kept(
    items: list[dict[str, object]], cut: float, *, bare: bool, ascii_only: bool
) -> None:
    whole = json.dumps(items if bare else {"findings": items}, ensure_ascii=ascii_only)
    text = whole[: round(len(whole) * cut)]
    try:
        parsed = parse(text)
    except UnusableAnswerError:
        assert items == [] or not text.partition("[")[2].lstrip().startswith("{")
        return
    kept = parsed.value if bare else parsed.value["findings"]
    assert kept == items[: len(kept)]
    assert parsed.is_cut == (text != whole)
    # nothing complete is lost: what follows the kept items does not hold another whole one
    assert len(json.dumps(items[: len(kept) + 1], ensure_ascii=ascii_only)) > len(text) - 15 or len(kept) == len(items)


@given(
    items=ITEMS, before=st.sampled_from(["", "```json\n", "Sure [see 1], {so}: "]), after=st.sampled_from(["", "\n```"])
)
def test_what_stands_around_is_left_out(items: list[dict[str, object]], before: str, after: str) -> None:
    parsed = parse(f"{before}{json.dumps({'findings': items})}{after}")
    assert parsed == ({"findings": items}, False)


@pytest.mark.parametrize("text", ["", "no", "{", "[", '{"findings', '{"findings":', "see [1] and {x}", "[" * 5000])
def test_what_holds_no_json_is_unusable(text: str) -> None:
    with pytest.raises(UnusableAnswerError):
        parse(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ['{"a":', '[{"a":', '{"a":[', '{"', "[[{", '{"a": "{'])
def test_a_model_caught_in_a_loop_is_read_in_little_time(piece: str) -> None:
    """20,000 places where JSON might begin: without a bound on those tried it takes minutes."""
    with suppress(UnusableAnswerError):
        assert parse(piece * 20_000).is_cut
