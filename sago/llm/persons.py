"""Who is named in a request: senders, names beside addresses, names under letters. By general means, without a list of
first names: a person who is only mentioned is not found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from email.utils import parseaddr
from importlib.resources import files
from itertools import permutations

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
_SENDER = re.compile(r"\s*(?P<shown>[^<>]*?)\s*<(?P<address>[^<>\s]*@[^<>\s]*)>\s*")
_BEHIND = re.compile(r"\s(?:via|at|bei|chez|de chez)\s.*", re.I)
_SIDES = re.compile(r"[()\[\]|/·•]|(?:^|\s)from\s", re.I)
_ROBOT = re.compile(r"(?:(?:^|[\W_])[Bb]ots?|[a-z0-9]B(?:ot|OT)s?)$")
"""A whole word, or the end of one in CamelCase: `Talbot` is none."""
_JOINT = re.compile(r"(?<=[a-zß-öø-ÿ]{2})(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2})")
"""Where `KimLee` is two words; `McDonald` is one."""
_PARTS = re.compile(r"[\s._,]+")
_NOT_OF_A_NAME = re.compile(r"[^\w'’-]")
_TITLES = frozenset(
    {
        *("dr", "mr", "mrs", "ms", "prof", "jr", "sr", "sir", "herr", "frau", "mme", "phd", "mba"),
        *("ceo", "cto", "cfo", "coo", "cmo", "cro", "cpo", "vp", "svp", "evp"),
        *("he", "him", "his", "she", "her", "hers", "they", "them", "theirs"),
    }
)
"""What stands beside a name and is none."""
_OFFICES = _listed("offices.txt")
"""Words of a mailbox, a robot or a company: whoever bears one is no person."""
_ALSO_WORDS = _listed("names_that_are_words.txt")
SHORTEST = 3
"""Letters of a name that is looked for in small letters too."""
LONGEST_JOINED = 8
"""Words of a name of which any two are looked for without a blank."""
_ACCENTED = {"ä": "ae", "ö": "oe", "ü": "ue"}
_SPELT = str.maketrans({**_ACCENTED, "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})


def is_word(name: str) -> bool:
    """Whether a name is a word as well: only with a capital it is the name."""
    return len(name) < SHORTEST or name in _ALSO_WORDS or name in _OFFICES or name in everyday_words()


def is_office(address: str) -> bool:
    """Whether an address is a mailbox rather than a person's: every part of it, without its +tag, is an office's."""
    local = address.partition("@")[0].partition("+")[0].lower()
    return all(part.rstrip("0123456789") in _OFFICES for part in re.split(r"[._-]", local))


def are_of_an_office(words: Iterable[str], organisation: Collection[str] = ()) -> bool:
    """Whether words name an office, maybe that of an organisation whose words these are."""
    words = set(words)
    return not words.isdisjoint(_OFFICES) and words <= {*_OFFICES, *organisation}


def of_sender(sender: str) -> Iterator[Name]:
    """The names that a sender shows: a handle, a display name on either side of a bar, in brackets or behind `from`,
    the first part of an address. However many words it has."""
    shown, address = _shown_and_address(sender)
    for side in _SIDES.split(_BEHIND.sub("", shown)):
        if not _ROBOT.search(side.strip()) and not _is_of_a_company(side, address):
            yield from (tuple(_words(_JOINT.sub(" ", side))) for _ in _name(side))
    yield from of_address(address)


def _shown_and_address(sender: str) -> tuple[str, str]:
    if match := _SENDER.fullmatch(sender):
        return match["shown"], match["address"]
    shown, address = parseaddr(sender) if "@" in sender.lstrip("@ ") else ("", "")
    return (shown, address) if "@" in address else (sender, "")


def _is_of_a_company(shown: str, address: str) -> bool:
    """Whether a display name is that of the domain or its office: `Kestrel Bio Sales <hello@kestrelbio.example>`."""
    words, (local, _, domain) = [word for word in _words(shown) if word not in _OFFICES], address.lower().partition("@")
    return "".join(words) in domain.replace("-", "").split(".") and not any(word in local for word in words)


def of_address(address: str) -> Iterator[Name]:
    """The name in the first part of an address, unless it is a mailbox or made of words alone; the words of an office
    in it are left out."""
    local = address.partition("@")[0].partition("+")[0]
    words = [word for word in _words(local) if word not in _OFFICES]
    if not is_office(address) and not all(is_word(word) for word in words):
        yield tuple(words)


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
    is_of_an_office = not _OFFICES.isdisjoint(_PARTS.split(shown.lower())) or _ROBOT.search(shown)
    has_digits = any(char.isdigit() for char in shown)
    if 1 <= len(parts) <= 4 and has_capitals and not is_a_word and not is_of_an_office and not has_digits:
        yield from _name(shown)


def _name(shown: str) -> Iterator[Name]:
    words = tuple(_words(shown))
    if not _OFFICES.issuperset(words):
        yield words


def _words(shown: str) -> Iterator[str]:
    for part in _PARTS.split(unicodedata.normalize("NFC", shown)):
        word = _NOT_OF_A_NAME.sub("", part).strip("'’-").lower()
        if (len(word) > 1 or _is_wide(word)) and word not in _TITLES and not word.isdigit():
            yield word


def _is_wide(word: str) -> bool:
    return word[:1] >= "\u2e80"


def spellings(word: str) -> set[str]:
    """The ways in which a name is written: composed, decomposed, without its accents or with letters for them (`ue`
    for `ü`) or these read as accents, without digits behind it."""
    bare = word.rstrip("0123456789")
    if bare != word and len(bare) >= SHORTEST:
        return {word, *spellings(bare)}
    composed, decomposed = unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    spelt, read = composed.translate(_SPELT), composed
    for accented, letters in _ACCENTED.items():
        read = read.replace(letters, accented)
    return {composed, decomposed, plain, spelt, read}


def joined(name: Name) -> set[str]:
    """A name's words without a blank, as in `kimlee`: all of them, and any two in either order."""
    pairs = {"".join(pair) for pair in permutations(name[:LONGEST_JOINED], 2)}
    return {"".join(name), *pairs} if len(name) > 1 else set()


def merged(names: Iterable[Name]) -> list[Name]:
    """Each person once, in order: a lone word that is part of exactly one longer name is that person's."""
    known = list(dict.fromkeys(names))
    longer = [name for name in known if len(name) > 1]
    return [name for name in known if len(name) > 1 or sum(name[0] in other for other in longer) != 1]
