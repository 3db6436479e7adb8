"""Messages as lines within a budget of tokens."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sago.llm.remote import packing
from tests.unit.llm.said import chat

TEXTS = st.text(alphabet='ab "\\\n\u2028漢😀é', min_size=1, max_size=400)


@given(texts=st.lists(TEXTS, max_size=12), room=st.integers(150, 900))
def test_every_message_stands_in_one_part_and_each_part_keeps_the_budget(texts: list[str], room: int) -> None:
    messages = [chat(number, text) for number, text in enumerate(texts)]
    parts = list(packing.parts(messages, room))
    assert [message for part in parts for message in part] == messages
    for part in parts:
        lines = packing.numbered_lines(part, room)
        assert all(len(line.splitlines()) == 1 or "\u2028" in line for line in lines)
        assert sum(packing.tokens(line) for line in lines) <= room
        assert [json.loads(line)["n"] for line in lines] == list(range(1, len(part) + 1))


@given(text=TEXTS, room=st.integers(60, 300))
def test_a_cut_text_is_a_beginning_of_it(text: str, room: int) -> None:
    (line,) = packing.numbered_lines([chat(1, text)], room)
    assert text.startswith(json.loads(line)["text"])
    assert packing.tokens(line) <= room


def test_only_the_newest_version_with_text_is_read_in_the_order_of_time() -> None:
    edited = chat(1, "now").model_copy(update={"version": 5})
    deleted = chat(3, "").model_copy(update={"version": 9})
    read = packing.readable([chat(2, "later"), edited, chat(1, "before"), deleted, chat(3, "gone"), chat(4, "  ")])
    assert [message.text for message in read] == ["now", "later"]


def test_context_is_the_newest_that_fits_an_eighth_of_the_budget_and_has_no_numbers() -> None:
    lines = packing.context_lines([chat(number, "x" * 600) for number in range(20)], 8000)
    assert 0 < len(lines) < 6
    assert sum(packing.tokens(line) for line in lines) <= 1000
    assert [json.loads(line)["at"] for line in lines] == [f"2025-10-06T09:{n}Z" for n in range(20 - len(lines), 20)]
    assert all("n" not in json.loads(line) for line in lines)
