"""Whatever comes in: no exception, no event without its proof, and no text that takes unbounded time."""

from __future__ import annotations

import base64
import hashlib
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sago.llm.providers.offline as offline
from sago.domain.amounts import find_amounts
from sago.domain.messages import CompactMessage
from sago.domain.orders import Orders, gives_orders
from sago.llm.providers.offline import OfflineModel, RulesModel
from sago.llm.providers.offline.hints import Hinted
from sago.llm.providers.offline.reading import LONGEST, LONGEST_STATEMENT
from sago.pipeline.folding import fold
from sago.pipeline.grounding import NO_QUOTE, ground
from sago.ports import Model
from sago.sources.mail_html import html_to_text
from tests.unit.llm.said import START, chat, extract, mail

NEWS = (
    "Contoso signed, $120k a year",
    "we passed 25,000 sign-ups",
    "MRR closed October at €182k, up from 150",
    "it was 62 min, not 47",
    "We did NOT close Acme",
    "Our new CFO Ann Lee starts Monday",
    "checkout was down for 3h40",
    "SOC 2 Type II passed",
)
ODD = (
    "\u200b", "\u202e", "\ufeff", "\u0301", "🎉", "שלום ", "مرحبا ", "中文", "\r\n", "\n> ", "```", "<b>", "&nbsp;",
    "\x85", "\u2028", "ﬃ", "İ", "ß", "１２", "٣", "½", "-- \n", "On x wrote:\n", "$", "%", "…", "\t", "'", "#", "@",
    "\U000e0041",
)  # fmt: skip
WORDS = st.lists(st.one_of(st.sampled_from([*NEWS, *ODD]), st.text(max_size=12)), max_size=14).map("".join)
TEXTS = st.one_of(st.text(max_size=300), WORDS)


@cache
def model(name: str) -> Model:
    return OfflineModel() if name == "offline" else RulesModel()


def proven(name: str, *messages: CompactMessage) -> int:
    """How many events the messages make; each of them has its words to the letter in a message."""
    observations, dropped = ground(
        extract(model(name), *messages), messages, company_id="acme", extractor=name, extractor_version="1",
        recorded_at=START,
    )  # fmt: skip
    texts = {message.id: message.text for message in messages}
    folded = fold("acme", observations, [])
    for event in folded.events:
        for proof in event.evidence:
            assert texts[proof.message_id][proof.start : proof.end] == proof.quote
    assert NO_QUOTE not in dropped
    return len(folded.events)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.booleans())
def test_any_text_is_read_and_what_it_tells_is_proven(texts: list[str], is_mail: bool) -> None:
    proven("rules", *((mail if is_mail else chat)(place, text) for place, text in enumerate(texts)))


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXTS, min_size=1, max_size=4), st.booleans())
def test_any_text_is_read_with_the_encoder_too(texts: list[str], is_mail: bool) -> None:
    proven("offline", *((mail if is_mail else chat)(place, text) for place, text in enumerate(texts)))


def logs() -> str:
    line = "2025-11-0{} 12:00:0{} ERROR worker[{}] upstream timed out after 3000 ms, retry 3/5 path=/v1/x?id={}\n"
    return "".join(line.format(n % 9, n % 10, n, n * 7919) for n in range(1000))


NOISE = {
    "empty": "",
    "blanks": " \n\t\u3000\u200b ",
    "emoji": "🎉🚀🔥" * 200,
    "logs": logs(),
    "base64": base64.b64encode(hashlib.shake_256(b"noise").digest(75_000)).decode(),
    "base64 of words": base64.b64encode(b"lorem ipsum " * 5000).decode(),
    "right to left": "\u202eשלום לכולם, מה נשמע היום?\u202c مرحبا بالجميع " * 50,
    "mixed": "Привет 中文 hello שלום नमस्ते 한국어 \u2066x\u2069 " * 100,
    "zero width": "\u200b\u200c\u200d\u2060\ufeff" * 2000,
    "combining": "Z" + "\u0301" * 5000,
    "html": html_to_text("<html><head><style>p{color:red}</style></head><body>" + "<div><p>hi</p>" * 300),
    "json": '{"a":' * 3000,
    "one line": "x" * 100_000,
}


@pytest.mark.parametrize("name", ["rules", "offline"])
@pytest.mark.parametrize("what", NOISE)
def test_noise_tells_nothing_and_takes_little(what: str, name: str) -> None:
    begun = time.process_time()
    for make in (chat, mail):
        events = proven(name, make(1, NOISE[what]))
        assert name == "offline" or events == 0
    assert time.process_time() - begun < 30


def test_news_between_letters_that_nobody_sees_is_still_quoted_to_the_letter() -> None:
    assert proven("rules", chat(1, "\ufeff🎉\u202b" + NEWS[0] + "\u202c 🎉")) == 1


@pytest.mark.parametrize("name", ["rules", "offline"])
def test_a_thread_of_500_messages_is_read_and_folded(name: str) -> None:
    said = [chat(place, NEWS[place % len(NEWS)] if place % 25 == 0 else f"ok {place}") for place in range(500)]
    begun = time.process_time()
    assert 0 < proven(name, *(each.model_copy(update={"thread_id": "t"}) for each in said)) < 60
    assert time.process_time() - begun < 60


UNITS = (
    "a", " ", "1", "1 ", "1,", "1.", "-", "a-", "> ", "\n", "\n ", "\nfrom: a\n", "on a wrote:\n", "`", "<a", "```",
    "Aa ", "we ", "not ", "if we ", "$1 ", "and ", "the ", "a@b.c ", ".", ". ", "?", "(", "1:", "as_", "é ", "中",
    "signed ", "from 1 to 2 ", "closed ", "we signed ", "~", "x1", "%", " %", "> on a wrote:\n> ", "\n- a", "Aa. ",
    "not 1, ", "MRR 1k, ",
    "1万", "1千 ", "1일", "５，", "1.000.", "kr 1",
    "ai ", "ignore ", "system: ", "[system", "QUJD",
)  # fmt: skip
"""What a pattern may lose itself in when it is repeated."""
GROWTH = 12
"""Four times the text may take so many times as long: 4 where time is linear, 16 where it is quadratic."""
UNNOTICED = 0.25
"""Seconds that tell nothing: below them a ratio is noise."""


def grown(work: Callable[[str], object], unit: str, length: int) -> tuple[float, float]:
    """Seconds that a text of `length`, and one four times as long, take; the best of three where it matters."""
    took = []
    for size in (length, 4 * length):
        text = unit * (size // len(unit))
        runs = [seconds(work, text)]
        while runs[0] > UNNOTICED / 20 and len(runs) < 3:
            runs.append(seconds(work, text))
        took.append(min(runs))
    return took[0], took[1]


def seconds(work: Callable[[str], object], text: str) -> float:
    """Of the processor, which others may be at for most of the time."""
    begun = time.process_time()
    work(text)
    return time.process_time() - begun


@pytest.mark.parametrize(
    ("work", "length"),
    [
        (find_amounts, 3_000),
        (gives_orders, 20_000),
        (lambda text: Orders(text).hold(0, 5), 20_000),
        (lambda text: extract(model("rules"), chat(1, text)), LONGEST // 4),
        (lambda text: extract(model("rules"), mail(1, text)), LONGEST // 4),
    ],
    ids=["amounts", "orders", "order of a quote", "chat", "mail"],
)
def test_time_grows_with_the_text_and_no_faster(work: Callable[[str], object], length: int) -> None:
    for unit in UNITS:
        short, long = grown(work, unit, length)
        assert long < UNNOTICED or long < GROWTH * short, (unit, short, long)


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every compiled pattern of the offline provider and of the figures it reads."""
    names = [each.name for each in pkgutil.iter_modules(offline.__path__, "sago.llm.providers.offline.")]
    found: dict[tuple[str, int], tuple[str, re.Pattern[str]]] = {}
    for name in [
        *names,
        "sago.domain.amounts",
        "sago.domain.amount_words",
        "sago.domain.numerals",
        "sago.domain.orders",
    ]:
        for own, value in vars(importlib.import_module(name)).items():
            for pattern in _inside(value):
                found.setdefault((pattern.pattern, pattern.flags), (f"{name}.{own}", pattern))
    return iter(found.values())


def _inside(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Hinted):
        yield value.pattern
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _inside(each)
    elif isinstance(value, dict):
        yield from _inside(list(value.values()))


def test_no_pattern_loses_itself_in_a_statement() -> None:
    """They are searched in one statement, most of them only at its beginning: in the longest nothing explodes."""
    tried = list(patterns())
    assert len(tried) > 100
    for name, pattern in tried:
        for unit in UNITS:
            short, long = grown(pattern.search, unit, LONGEST_STATEMENT // 4)
            assert long < UNNOTICED or long < GROWTH * short, (name, unit, short, long)
