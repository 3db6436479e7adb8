"""Who is named in a request: senders, names beside addresses, names under letters. By general means, without a list of
first names: a person who is only mentioned is not found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from email.utils import parseaddr
from importlib.resources import files

from sago.domain.everyday import everyday_words

Name = tuple[str, ...]
"""The words of one person's name, in small letters."""


def _listed(name: str) -> frozenset[str]:
    return frozenset(files("sago.llm").joinpath(name).read_text(encoding="utf-8").split())


ADDRESS = re.compile(r"(?<![\w.+-])[\w.+'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_BESIDE_ADDRESS = re.compile(
    r"(?P<name>[^\W\d_][^\n<>\"“”:;,@]{1,60}?)[\"”]?\s{0,2}<(?:mailto:)?[^\s<>@]{1,64}@[^\s<>]{1,190}>"
)
_WROTE = re.compile(r"^(?:on|am|le|el|op|den)\b.*?,?\s(?=\S+(?:\s\S+){0,3}$)", re.I)
_CLOSING = re.compile(
    r"^[ \t]*(?:(?:(?:kind|best|warm|warmest|many)\s)?(?:regards|wishes|thanks)|best|cheers|sincerely|yours(?:\s\w+)?"
    r"|thx|thanks(?:\s(?:again|all|so much))?|thank you|talk soon"
    r"|(?:mit )?(?:freundlichen|besten|viele|liebe) gr(?:ü|ue)(?:ß|ss)en?|lg|vg|mfg|cordialement|bien à (?:vous|toi)"
    r"|merci|saludos(?: cordiales)?|un saludo|abrazo|abraços?|atenciosamente|obrigad[oa]|met vriendelijke groet(?:en)?"
    r"|groet(?:en|jes)?|hilsen|mvh|med vänliga hälsningar|cordiali saluti|--)[ \t]*[,.!—–-]?[ \t]*$",
    re.I,
)
_DASHED = re.compile(r"^[ \t]*(?:—|–|--?)[ \t]*(?P<name>[^\W\d_][^\n]{1,40})$")
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]|\s(?:via|from|at|bei|chez|de chez)\s.*|\s?[|/·•].*", re.I)
_PARTS = re.compile(r"[\s._,]+")
_NOT_OF_A_NAME = re.compile(r"[^\w'’-]")
_TITLES = frozenset({"dr", "mr", "mrs", "ms", "prof", "jr", "sr", "sir", "herr", "frau", "mme"})
_OFFICES = _listed("offices.txt")
"""Words of a mailbox, a robot or a company: whoever bears one is no person."""
_ALSO_WORDS = _listed("names_that_are_words.txt")
SHORTEST = 3
"""Letters of a name that is looked for in small letters too."""


def is_word(name: str) -> bool:
    """Whether a name is a word as well: only with a capital it is the name."""
    return len(name) < SHORTEST or name in _ALSO_WORDS or name in everyday_words()


def is_office(address: str) -> bool:
    """Whether an address is a mailbox rather than a person's."""
    return not _OFFICES.isdisjoint(re.split(r"[._+-]", address.partition("@")[0].lower()))


def of_sender(sender: str) -> Iterator[Name]:
    """The names that a sender shows: a handle, a display name, the first part of an address."""
    shown, address = parseaddr(sender) if "@" in sender else (sender, "")
    if not _is_of_a_company(shown, address):
        yield from _name(_ASIDE.sub("", shown))
    yield from of_address(address)


def _is_of_a_company(shown: str, address: str) -> bool:
    """Whether a display name is that of the domain: `Kestrel Bio <hello@kestrelbio.example>`."""
    words, (local, _, domain) = list(_words(shown)), address.lower().partition("@")
    return "".join(words) in domain.replace("-", "").split(".") and not any(word in local for word in words)


def of_address(address: str) -> Iterator[Name]:
    """The name in the first part of an address, unless it is a mailbox or a word of its own."""
    local = address.partition("@")[0].partition("+")[0]
    if address and not is_office(address):
        words = [word for word in _words(local) if not is_word(word)]
        yield from [tuple(words)] if words else []


def of_text(text: str) -> Iterator[Name]:
    """Names beside addresses and under letters, and those in addresses."""
    for match in _BESIDE_ADDRESS.finditer(text):
        yield from _written(_WROTE.sub("", match["name"].strip()))
    for match in ADDRESS.finditer(text):
        yield from of_address(match[0])
    yield from (name for line in _signatures(text) for name in _written(line))


def _signatures(text: str) -> Iterator[str]:
    lines = [line.strip() for line in text.split("\n")]
    filled = [line for line in lines if line]
    for place, line in enumerate(filled):
        if _CLOSING.match(line):
            yield from filled[place + 1 : place + 2]
    if len(filled) > 1 and (dashed := _DASHED.match(filled[-1])):
        yield dashed["name"]


def _written(shown: str) -> Iterator[Name]:
    """A name in the middle of a text: at most four words, each with a capital where the script has them, and no word
    that people write otherwise."""
    shown = _ASIDE.sub("", shown).strip(" ,.!\"'")
    parts = shown.split()
    has_capitals = all(part[0].isalpha() and part[0] == part[0].upper() for part in parts)
    is_a_word = len(parts) == 1 and is_word(parts[0].lower())
    if 1 <= len(parts) <= 4 and has_capitals and not is_a_word and not any(char.isdigit() for char in shown):
        yield from _name(shown)


def _name(shown: str) -> Iterator[Name]:
    words = tuple(_words(shown))
    if words and len(words) <= 4 and _OFFICES.isdisjoint(_PARTS.split(shown.lower())) and "bot" not in words[-1][-3:]:
        yield words


def _words(shown: str) -> Iterator[str]:
    for part in _PARTS.split(unicodedata.normalize("NFC", shown)):
        word = _NOT_OF_A_NAME.sub("", part).strip("'’-").lower()
        if (len(word) > 1 or _is_wide(word)) and word not in _TITLES and not word.isdigit():
            yield word


def _is_wide(word: str) -> bool:
    return word[:1] >= "\u2e80"


def spellings(word: str) -> set[str]:
    """The ways in which a name is written: composed, decomposed, without its accents, without digits behind it."""
    composed, decomposed = unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    bare = word.rstrip("0123456789")
    return {composed, decomposed, plain, *([bare] if len(bare) >= SHORTEST else [])}


def merged(names: Iterable[Name]) -> list[Name]:
    """Each person once, in order: a lone word that is part of exactly one longer name is that person's."""
    known = list(dict.fromkeys(names))
    longer = [name for name in known if len(name) > 1]
    return [name for name in known if len(name) > 1 or sum(name[0] in other for other in longer) != 1]
