"""JSON out of a model's answer: as it should be, inside a code fence, behind a sentence, or cut off in the middle."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any, NamedTuple

from sago.errors import UnusableAnswerError

_START = re.compile(r"""\{\s*["}]|\[\s*[{\]]""")
"""An object with a key, a list of objects, or either empty: not every bracket of a sentence."""
_LISTS = ("{[", "[")
"""Open brackets around an item of a list that is the whole answer, or the value of a key of the whole answer."""
DEEPEST = 2
STARTS_TRIED = 10
"""Places where JSON might begin that are looked at: a model caught in a loop gives thousands."""
_CLOSING = {"{": "}", "[": "]"}


class Parsed(NamedTuple):
    """A JSON value, and whether it is only the complete items of one that was cut off."""

    value: Any
    is_cut: bool = False


def parse(text: str) -> Parsed:
    """The first JSON object or array of the text; raises UnusableAnswerError where there is none."""
    decoder = json.JSONDecoder()
    for start in (match.start() for match in islice(_START.finditer(text), STARTS_TRIED)):
        try:
            return Parsed(decoder.raw_decode(text, start)[0])
        except (ValueError, RecursionError):
            if (kept := _complete_items(text[start:])) is not None:
                return Parsed(kept, is_cut=True)
    raise UnusableAnswerError(f"answer of {len(text):,} characters holds no JSON")  # it may repeat messages


def _complete_items(text: str) -> Any | None:
    """The value with what is incomplete at its end left out; None where not even a list has begun."""
    end, brackets = _end_of_items(text)
    if not end:
        return None
    try:
        return json.loads(text[:end] + "".join(_CLOSING[bracket] for bracket in reversed(brackets)))
    except (ValueError, RecursionError):
        return None


def _end_of_items(text: str) -> tuple[int, str]:
    """Behind the last complete item of the outermost list (or the list's opening), and the brackets open there."""
    end, end_brackets = 0, ""
    brackets: list[str] = []
    in_string = escaped = False
    for place, char in enumerate(text):
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
            continue
        if char == '"':
            in_string = True
        elif char in _CLOSING:
            brackets.append(char)
        elif char in "}]" and brackets:
            brackets.pop()
        if char in "{}[]" and len(brackets) <= DEEPEST and (now := "".join(brackets)) in _LISTS:
            end, end_brackets = place + 1, now
    return end, end_brackets
