"""One text of a letter, laid beside what it may draw on: the common ground of all that is checked in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal, NamedTuple

from sago.domain.amounts import Amount, find_amounts
from sago.domain.letters import Receipt
from sago.outreach.claims.calendar import Day, find_days
from sago.outreach.claims.grounds import Ground, Grounds, hash_of
from sago.outreach.claims.passages import Span, clauses, occurrences, sentences, unwrapped
from sago.outreach.claims.sayings import Saying

Kind = Literal["figure", "date", "name", "event", "wording", "addition"]
SHORTEST_PASSAGE = 3
"""Words of a quote's sentence from which its repetition is no chance."""
_QUOTE_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")
_IN_MARKS = re.compile(r"[“\"]([^“”\"\n]{2,})[”\"]")


class Problem(NamedTuple):
    """One thing a letter says that nothing it cites says, and where: `subject`, `body`, `highlight 2`, `metrics`."""

    kind: Kind
    text: str
    where: str
    why: str = "stands in no cited event"
    """What the events say instead, as far as they say anything of it."""
    sentence: str = ""

    @property
    def is_addition(self) -> bool:
        """Words alone, that change no figure, date or name: whether they are true only a person can tell."""
        return self.kind == "addition"

    def __str__(self) -> str:
        said = f", in “{self.sentence}”" if self.sentence else ""
        return f"{self.where}: {self.kind} {self.text!r} {self.why}{said}"


class Match(NamedTuple):
    """A ground for a claim, the text of it, and what was done to what stands there."""

    ground: Ground
    saying: Saying
    how: str = ""


class Claim(NamedTuple):
    """A figure, date or name of the letter with its possible grounds; without any it is refused for `why`."""

    kind: Kind
    start: int
    end: int
    matches: tuple[Match, ...]
    why: str = "stands in no cited event"
    is_anchor: bool = False
    """It says by itself what its clause is about: a name, a figure with its metric, a repeated title."""
    is_receipted: bool = True

    @property
    def events(self) -> frozenset[object] | None:
        """The events it may come from; None where the watch or the company says it too."""
        keys = frozenset(match.ground.key for match in self.matches)
        return None if None in keys else keys


class Passage(NamedTuple):
    """A part of the text that repeats one of the sayings to the letter."""

    span: Span
    match: Match


@dataclass(frozen=True)
class Text:
    """`subject`, `body` or `highlight 2`, and what it may draw on."""

    where: str
    raw: str
    grounds: tuple[Ground, ...]
    all: Grounds
    as_of: date

    @cached_property
    def text(self) -> str:
        """As long as it was written: lines that go on are joined, the company's own name is blanked where it holds a
        figure."""
        text, name = unwrapped(self.raw), self.all.company.sayings[0].text
        own = rf"(?<!\w){re.escape(name)}(?!\w)"
        return re.sub(own, "\u2400" * len(name), text) if re.search(r"\d", name) else text

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """Repetitions, the longest first where several begin in one place."""
        found = [
            Passage(span, Match(ground, saying))
            for ground in (*self.grounds, self.all.watch)
            for saying in (*ground.sayings, *ground.computed)
            for wanted in _whole(saying, ground)
            for span in occurrences(wanted, self.text)
        ]
        return tuple(sorted(found, key=lambda each: (each.span.start, -each.span.end)))

    @cached_property
    def whole(self) -> tuple[Span, ...]:
        return tuple(each.span for each in self.passages)

    def repeated(self, start: int, end: int) -> tuple[Match, ...]:
        """The sayings that this stretch repeats."""
        return tuple(each.match for each in self.passages if each.span.holds(start, end))

    @cached_property
    def amounts(self) -> tuple[Amount, ...]:
        return tuple(find_amounts(self.text))

    @cached_property
    def days(self) -> tuple[Day, ...]:
        figures = [each for each in self.amounts if each.text.strip().isdigit()]
        taken = [Span(each.start, each.end) for each in self.amounts if each not in figures]
        return tuple(day for day in find_days(self.text) if not any(span.holds(day.start, day.end) for span in taken))

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        return tuple(sentences(self.text, self.whole))

    def sentence(self, at: int) -> Span:
        return next((each for each in self.sentences if each.start <= at < each.end), Span(0, len(self.text)))

    def clause(self, at: int) -> Span:
        parts = clauses(self.text, self.sentence(at), self.whole)
        return next((each for each in parts if each.start <= at < each.end), self.sentence(at))

    def own_words(self, span: Span) -> str:
        """What the letter says there in words of its own: repeated passages are blanked."""
        text = self.text[span.start : span.end]
        for each in self.whole:
            start, end = max(each.start, span.start) - span.start, min(each.end, span.end) - span.start
            if start < end:
                text = text[:start] + " " * (end - start) + text[end:]
        return text

    def shown(self, span: Span) -> str:
        """For an objection: the sentence in one line."""
        line = " ".join(self.raw[span.start : span.end].split())
        return line if len(line) <= 160 else f"{line[:159]}…"


def _whole(saying: Saying, ground: Ground) -> Iterable[str]:
    """What of a saying counts as repeated: a title or reason as a whole, of a quote also its sentences."""
    text = " ".join(saying.text.split()).rstrip(".!")
    if len(text.split()) >= 2 or saying.proof is None:
        yield text
    if saying.proof is not None or ground.key is None:
        parts = [" ".join(part.split()).rstrip(".!?") for part in _QUOTE_ENDS.split(saying.text)]
        yield from (part for part in parts if part != text and len(part.split()) >= SHORTEST_PASSAGE)


def quoted(text: Text) -> Iterable[tuple[Span, tuple[Match, ...]]]:
    """What stands in quotation marks, and the sayings that hold it to the letter."""
    for match in _IN_MARKS.finditer(text.text):
        words = " ".join(match[1].split()).rstrip(".,!?…").casefold()
        if len(words.split()) < SHORTEST_PASSAGE:
            continue
        held = tuple(
            Match(ground, saying)
            for ground in (*text.grounds, text.all.watch)
            for saying in ground.sayings
            if words in " ".join(saying.text.split()).casefold()
        )
        yield Span(match.start(1), match.end(1)), held


def receipt(claim: Claim, match: Match, text: Text) -> Receipt:
    """The proof of a claim; a title's is the event's first quote."""
    ground, saying = match.ground, match.saying
    proof = saying.proof or next(iter(ground.proofs), None)
    quote = proof.quote if proof else saying.text
    return Receipt(
        claim=text.raw[claim.start : claim.end],
        kind=claim.kind if claim.kind in ("figure", "date", "name") else "name",
        where=text.where,
        start=claim.start,
        end=claim.end,
        event_id=saying.of or ground.key,
        message_id=proof.message_id if proof else None,
        quote=quote,
        sha256=hash_of(quote),
        transformation=match.how,
    )
