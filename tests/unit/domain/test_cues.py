"""What the cue detector keeps, drops and calls urgent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.cues import BEGINNING, LONGEST, is_chatter, is_urgent, learned, sentences


@pytest.mark.parametrize(
    "text",
    [
        "good morning all",
        "who has the projector",
        "coffee machine is out of order again",
        "I'll be ten minutes late, sorry",
        "can you review my pull request?",
        "",
        "👍",
        "   \n\n",
    ],
)
def test_small_talk_is_chatter_and_not_urgent(text: str) -> None:
    assert is_chatter(text)
    assert not is_urgent(text)


@pytest.mark.parametrize(
    "text",
    [
        "We signed Halvorsen Freight, a three-year contract worth $480k a year.",
        "ARR passed $2.4M this morning, up from $2.1M in the spring.",
        "Marta Lindqvist joined us as VP Engineering on Monday.",
        "We lost the Castellan account, they churned at the end of the term.",
        "Correction: ARR was 2.3M, not 2.4M",
    ],
)
def test_what_tells_an_event_is_no_chatter(text: str) -> None:
    assert not is_chatter(text)


@pytest.mark.parametrize(
    "text",
    [
        "We signed Halvorsen Freight, a three-year contract worth $480k a year.",
        "Our largest customer terminated its contract, that is $400k ARR gone.",
        "Term sheet signed, €6M at €22M pre-money.",
    ],
)
def test_news_of_weight_is_urgent(text: str) -> None:
    assert is_urgent(text)


def test_a_text_is_as_telling_as_its_most_telling_sentence() -> None:
    news = "We signed Halvorsen Freight, a three-year contract worth $480k a year."
    talk = "Good morning all. Who has the projector? I'll be late.\n"
    assert is_urgent(talk * 20 + news)
    assert not is_chatter(talk * 20 + news)


def test_a_percentage_is_never_chatter() -> None:
    assert not is_chatter("their handling time fell by 33% since they use us")


def test_a_language_that_was_not_learned_is_not_judged() -> None:
    assert not is_chatter("Tänään kävimme läpi uudistetut hankintasuunnitelmat perusteellisesti")


def test_a_text_too_long_to_be_looked_at_whole_is_no_chatter() -> None:
    talk = "thanks, see you\n"
    assert is_chatter(talk * (LONGEST // len(talk)))
    assert not is_chatter(talk * (LONGEST // len(talk) + 1))


def test_urgent_is_what_is_told_at_the_beginning() -> None:
    news = "\nWe signed Halvorsen Freight, a three-year contract worth $480k a year."
    assert is_urgent("hm" * ((BEGINNING - len(news)) // 2) + news)
    assert not is_urgent("hm" * (BEGINNING // 2) + news)


def test_figures_count_by_their_form_and_currencies_alike() -> None:
    assert sentences("ARR is €2.41M, up 31%. Done?") == [
        [b"arr", b"is", b"$", b"0.0m", b"up", b"0", b"%"],
        [b"done", b"?"],
        [],
    ]
    assert sentences("$1,200 und $9,300")[0] == [b"$", b"0,0", b"und", b"$", b"0,0"]


@given(st.text(max_size=300))
def test_any_text_is_judged_and_the_same_way_each_time(text: str) -> None:
    assert (is_chatter(text), is_urgent(text)) == (is_chatter(text), is_urgent(text))


def test_every_weight_is_of_one_word_or_of_two() -> None:
    cues = learned().any.cues
    assert len(cues) > 5000
    assert {len(cue) for cue in cues if isinstance(cue, tuple)} == {2}
