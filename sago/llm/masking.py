"""Names, addresses and telephone numbers of persons behind placeholders, and back again to the letter.

`Kim Lee <kim@acme.example>` is sent as `[Person-1] [Surname-1] <person1@acme.example>`. Of an address the domain
stays, as it tells who speaks for whom, unless a name is part of it. One placeholder stands for one spelling, so that
what comes back can be put into the text exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher

from sago.domain.amounts import find_amounts
from sago.llm import persons

NO_DOMAIN = "redacted.example"
_FORM = r"(person|surname|phone)[-_\s\u00ad\u2010-\u2015\u2212]{0,3}(\d{1,9})"
_USED = re.compile(_FORM, re.I)
_LOOSE = re.compile(rf"\[{_FORM}([a-z]*)\]|(?<![\w-]){_FORM}([a-z]*)(?!\w)", re.I)
"""A placeholder as a model may write it: in any case, with another hyphen or a blank, without brackets."""
_KINDS = {"e": "Person", "h": "Phone", "u": "Surname"}
"""By their second letter."""
_LETTERS = "bcdefghijklmnopqrstuvwxyz"
_MIGHT_BE_A_NUMBER = re.compile(r"\d(?:\D{0,3}\d){5}")
_NARROW = r"[^\W\d_\u2e80-\U0003ffff]"
"""A letter of a script that puts blanks between words."""
MOST_TRIES = 100
"""Groups of digits of one text in which telephone numbers are looked for by each country's rules."""
MOST_REGIONS = 8
_DIGITS = re.compile(r"\d+")
_PLAIN_NUMBER = re.compile(
    r"(?<![\w.,:/-])(?:(?:\+|\(?0)\d[\d ()./-]{5,18}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?![\w-])"
)
"""The commonest ways to write one, for what stands behind them."""


class Span(NamedTuple):
    """A passage to be masked."""

    start: int
    end: int
    kind: str


class Masking:
    """The placeholders of one request. Made of everything that will be sent, so that no placeholder is one that a text
    holds already."""

    def __init__(self, senders: Sequence[str], texts: Sequence[str], organisations: Iterable[str] = ()) -> None:
        """`organisations` are names that stay: a word of theirs is masked only inside a whole name."""
        self._surfaces: dict[str, str] = {}
        self._placeholders: dict[tuple[str, str], str] = {}
        self._said = {_stem(*form) for text in (*senders, *texts) for form in _USED.findall(text)}
        self._used = {int(stem.partition("-")[2]) for stem in self._said}
        self._forms: Counter[str] = Counter()
        self._numbers: dict[str, int] = {}
        self._last = 0
        names = persons.merged(
            [
                *(name for sender in senders for name in persons.of_sender(sender)),
                *(name for text in texts for name in persons.of_text(text)),
            ]
        )
        kept = {word for name in organisations for word in re.split(r"\W+", name.lower())}
        self._people = _People([name for name in names if not persons.are_of_an_office(name, kept)], kept)
        self._regions = tuple(_regions([*senders, *texts]))

    def mask(self, text: str) -> str:
        """The text with placeholders; `restore` of it is the text."""
        pieces, end = [], 0
        for span in self._spans(text):
            pieces += [text[end : span.start], self._masked(span, text[span.start : span.end])]
            end = span.end
        return "".join([*pieces, text[end:]])

    def restore(self, text: str) -> str:
        """The text with each placeholder of this request replaced by what it stands for, also where a model has
        changed its case, its hyphen or its brackets."""
        pattern, lowered = self._addresses_made()
        pieces, end = [], 0
        for match in pattern.finditer(text):
            address = self._surfaces.get(match[0], lowered[match[0].lower()])
            pieces += [_LOOSE.sub(self._loose, text[end : match.start()]), address]
            end = match.end()
        return "".join([*pieces, _LOOSE.sub(self._loose, text[end:])])

    def has_strays(self, text: str) -> bool:
        """Whether a model's text holds what looks like a placeholder, while it is none of this request's and stands in
        none of its texts."""
        rest = self._addresses_made()[0].sub(" ", text)
        strays = (match for match in _LOOSE.finditer(rest) if self._surface(match) is None)
        return any(_stem(*filter(None, match.group(1, 2, 4, 5))) not in self._said for match in strays)

    def _addresses_made(self) -> tuple[re.Pattern[str], dict[str, str]]:
        lowered = {form.lower(): surface for form, surface in self._surfaces.items() if not form.startswith("[")}
        whole = "|".join(map(re.escape, sorted(lowered, key=len, reverse=True)))
        return re.compile(rf"(?<!\w)(?:{whole or '(?!)'})", re.I), lowered

    def _loose(self, match: re.Match[str]) -> str:
        surface = self._surface(match)
        return match[0] if surface is None else surface

    def _surface(self, match: re.Match[str]) -> str | None:
        """What a placeholder stands for; of an address, which is one only as a whole, and an unknown one None."""
        if match[4] and match.string[match.end() : match.end() + 1] == "@":
            return None
        kind, number, form = match.group(1, 2, 3) if match[1] else match.group(4, 5, 6)
        return self._surfaces.get(f"[{_stem(kind, number)}{form.lower()}]")

    def _spans(self, text: str) -> list[Span]:
        spans: list[Span] = []
        for span in (*self._addresses(text), *self._phones(text), *self._people.spans(text)):
            if all(span.end <= other.start or span.start >= other.end for other in spans):
                spans.append(span)
        return sorted(spans)

    def _addresses(self, text: str) -> Iterator[Span]:
        for match in persons.ADDRESS.finditer(text):
            if not persons.is_office(match[0]):
                yield Span(match.start(), match.end(), "address")

    def _phones(self, text: str) -> list[Span]:
        """Numbers with a country's prefix, and national ones in the grouping of a country that the request points to.
        What the reader of figures takes for a figure is one."""
        if not _MIGHT_BE_A_NUMBER.search(text):
            return []
        searched, rest = _divided(text)
        found = list(_numbers(searched, None, Leniency.POSSIBLE))
        for region in self._regions:
            found += _numbers(searched, region, Leniency.STRICT_GROUPING)
        spans = [Span(match.start, match.end, "phone") for match in found]
        spans += [
            Span(m.start() + len(searched), m.end() + len(searched), "phone") for m in _PLAIN_NUMBER.finditer(rest)
        ]
        figures = find_amounts(text) if any(text[span.start] != "+" for span in spans) else []
        return [
            span
            for span in spans
            if text[span.start] == "+"
            or not any(figure.start < span.end and span.start < figure.end for figure in figures)
        ]

    def _masked(self, span: Span, surface: str) -> str:
        if span.kind == "phone":
            return self._placeholder("Phone", surface, self._number(f"phone {surface}"))
        if span.kind == "address":
            return self._address(surface)
        return "".join(
            part if separates else self._placeholder(kind, part, self._number(person))
            for part, separates, person, kind in self._people.parts(surface)
        )

    def _address(self, surface: str) -> str:
        local, _, domain = surface.rpartition("@")
        owner = next((self._people.owner(name) for name in persons.of_address(surface)), None)
        number = self._number(owner or f"address {local.lower()}")
        if self._people.are_named_in(domain):
            domain = NO_DOMAIN
        if (known := self._placeholders.get(("address", surface))) is not None:
            return known
        form = f"person{number}@{domain}"
        if form in self._surfaces:
            form = f"person{number}{self._form(f'person{number}@')}@{domain}"
        return self._keep("address", surface, form)

    def _placeholder(self, kind: str, surface: str, number: int) -> str:
        stem = f"{kind}-{number}"
        if (known := self._placeholders.get((stem, surface))) is not None:
            return known
        form = f"[{stem}]" if f"[{stem}]" not in self._surfaces else f"[{stem}{self._form(stem)}]"
        return self._keep(stem, surface, form)

    def _keep(self, stem: str, surface: str, form: str) -> str:
        self._placeholders[stem, surface] = form
        self._surfaces[form] = surface
        return form

    def _form(self, stem: str) -> str:
        """`b`, `c`, … `z`, `zb`, …: for the further spellings of one thing."""
        count = self._forms[stem]
        self._forms[stem] += 1
        return "z" * (count // len(_LETTERS)) + _LETTERS[count % len(_LETTERS)]

    def _number(self, of: str) -> int:
        if of not in self._numbers:
            self._last += 1
            while self._last in self._used:
                self._last += 1
            self._numbers[of] = self._last
        return self._numbers[of]


def _stem(kind: str, number: str) -> str:
    return f"{_KINDS[kind[1].lower()]}-{int(number)}"


class _People:
    """Where names stand in a text, and whose they are."""

    def __init__(self, names: Sequence[persons.Name], kept: set[str]) -> None:
        self._owners: dict[str, set[str]] = {}
        self._of_words: dict[persons.Name, str] = {}
        for name in names:
            whole = " ".join(name)
            for word in name:
                for spelling in persons.spellings(word):
                    self._owners.setdefault(spelling, set()).add(whole)
            for word in persons.joined(name):
                for spelling in persons.spellings(word):
                    self._owners.setdefault(spelling, set()).add(whole)
            self._of_words[name] = whole
        lone = {word for word in self._owners if word not in kept}
        phrases = {order for name in self._of_words if len(name) > 1 for order in (name, name[::-1])}
        self._pattern = _names_pattern(phrases, lone)
        self._lone = lone

    def owner(self, name: persons.Name) -> str:
        """The key of the person of that name, or the name itself."""
        owners = self._owners.get(name[0], set())
        return next(iter(owners)) if len(owners) == 1 else self._of_words.get(name, " ".join(name))

    def are_named_in(self, domain: str) -> bool:
        """Whether a name is part of a domain."""
        labels = re.split(r"[\W_]+", domain.lower())
        return any(word in labels or (len(word) > persons.SHORTEST and word in domain.lower()) for word in self._lone)

    def spans(self, text: str) -> Iterator[Span]:
        """Where a name stands, also with an s behind it; one that is a word as well only with a capital, and none
        that only the s makes a word: `Thi` is not in `This`."""
        for match in self._pattern.finditer(text):
            found, ending = match[0], text[match.end() : match.end() + 1]
            makes_a_word = ending in ("s", "S") and persons.is_word(f"{found}s".lower())
            if not makes_a_word and (found != found.lower() or not _is_cased(found) or not persons.is_word(found)):
                yield Span(match.start(), match.end(), "name")

    def parts(self, surface: str) -> Iterator[tuple[str, bool, str, str]]:
        """The words of a name and what stands between them: (text, whether it is between, the person, the kind)."""
        pieces = re.split(r"([\s._,]+)", surface)
        words = tuple(unicodedata.normalize("NFC", piece.lower()) for piece in pieces[::2] if piece)
        for place, piece in enumerate(pieces):
            word = piece.lower()
            owners = self._owners.get(word, {word})
            whole = self._of_words.get(words) or (next(iter(owners)) if len(owners) == 1 else f"{word} *")
            is_surname = unicodedata.normalize("NFC", word) in whole.split(" ")[1:]
            yield piece, bool(place % 2) or not piece, whole, "Surname" if is_surname else "Person"


def _divided(text: str) -> tuple[str, str]:
    """The text up to the last group of digits that is tried, and what follows."""
    group = next(islice(_DIGITS.finditer(text), MOST_TRIES, None), None)
    end = group.start() if group else len(text)
    return text[:end], text[end:]


def _numbers(text: str, region: str | None, leniency: int) -> PhoneNumberMatcher:
    return PhoneNumberMatcher(text, region, leniency, max_tries=MOST_TRIES)


def _is_cased(text: str) -> bool:
    return text.lower() != text.upper()


def _names_pattern(phrases: Iterable[persons.Name], lone: Iterable[str]) -> re.Pattern[str]:
    whole = [r"[\s._,-]{1,3}".join(map(re.escape, phrase)) for phrase in phrases]
    single = [re.escape(word) for word in lone]
    ordered = sorted([*whole, *single], key=lambda form: (-len(form), form))
    narrow = [form for form in ordered if form[:1] < "\u2e80"]
    wide = [form for form in ordered if form[:1] >= "\u2e80"]
    bounded = rf"(?<!{_NARROW})(?:{'|'.join(narrow) or '(?!)'})(?=s?(?!{_NARROW}))"
    return re.compile(rf"{bounded}|{'|'.join(wide) or '(?!)'}", re.I)


def _regions(texts: Sequence[str]) -> Iterator[str]:
    """The countries that a request points to: by the domains of its addresses and the prefixes of its numbers, beside
    the two whose numbers are most often written without one."""
    found = {"US": None, "GB": None}
    for text in texts:
        for address in persons.ADDRESS.findall(text):
            found[{"UK": "GB"}.get(top := address.rpartition(".")[2].upper(), top)] = None
        if "+" in text:
            for match in _numbers(_divided(text)[0], None, Leniency.POSSIBLE):
                found[phonenumbers.region_code_for_number(match.number) or "US"] = None
    return islice((region for region in found if region in phonenumbers.SUPPORTED_REGIONS), MOST_REGIONS)
