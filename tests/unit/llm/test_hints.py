"""Hints leave no match out: what a pattern can match holds one of them, whatever the case and the letters."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.llm.providers.offline import exclusions, figures, reading, speech
from sago.llm.providers.offline.cues import CUES
from sago.llm.providers.offline.hints import Hinted, Sieve, hints

CUE_PATTERNS = [cue.pattern for cue in CUES]
OTHERS = [
    pattern
    for module in (exclusions, figures, reading, speech)
    for pattern in vars(module).values()
    if isinstance(pattern, Hinted)
]
SIEVE = Sieve(CUE_PATTERNS)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"\bsigned\b", ("signed",)),
        (r"(?:lay-?offs?|let (?:\w+ )+go)", ("ay-off", "ayoff", "et ")),
        (r"\d+ people", (" people",)),
        (r"(?:a|bc)?def", ("def",)),
        (r"(?:a|bc)?", None),
        (r"\d{4}|sold", None),
        (r"x{0,3}yes+", ("ye",)),
        (r"(?=churn)\w+", None),
        (r"[sz]old(?!er)", ("sold", "zold")),
        (r"(wait)\s\1", ("wait",)),
        (r"(?:ab){2,}c", ("ab",)),
    ],
)
def test_hints_are_the_words_a_pattern_cannot_do_without(pattern: str, expected: tuple[str, ...] | None) -> None:
    assert hints(re.compile(pattern)) == expected


@pytest.mark.parametrize("place", range(len(CUES)), ids=[cue.kind for cue in CUES])
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_whatever_a_cue_matches_passes_the_sieve(place: int, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(CUE_PATTERNS[place]))

    assert place in SIEVE.possible(text)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_hinted_search_finds_what_the_pattern_finds(data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from(OTHERS))
    text = data.draw(st.one_of(st.from_regex(pattern.pattern), st.text()))

    assert str(pattern.search(text)) == str(pattern.pattern.search(text))


@pytest.mark.parametrize("text", ["ſigned", "SıGNED", "\u212aept", "İs gone", "ΣΑΣ", "CAFÉ"])
def test_letters_that_fold_oddly_leave_nothing_out(text: str) -> None:
    pattern = Hinted(r"signed|kept|is gone|σας|café", re.IGNORECASE)

    assert pattern.pattern.search(text) is not None
    assert pattern.search(text) is not None
    assert list(Sieve([pattern.pattern]).possible(text)) == [0]


def test_a_sieve_of_patterns_without_hints_lets_everything_through() -> None:
    assert list(Sieve([re.compile(r"\d+"), re.compile(r"\w")]).possible("none of them")) == [0, 1]


def test_every_cue_has_hints_so_that_the_sieve_saves_work() -> None:
    assert [cue.kind for cue in CUES if hints(cue.pattern) is None] == []


def test_nothing_is_left_out_of_what_the_sample_says() -> None:
    folder = resources.files("sago.sample")
    files = [file for name in ("filler", "screenplays") for file in (folder / name).iterdir()]
    for text in {line for file in files for line in file.read_text(encoding="utf-8").splitlines()}:
        for pattern in OTHERS:
            assert str(pattern.search(text)) == str(pattern.pattern.search(text))
        matching = {place for place, cue in enumerate(CUES) if cue.pattern.search(text)}
        assert matching <= set(SIEVE.possible(text))
