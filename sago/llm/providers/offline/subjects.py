"""Who or what a statement is about, as written and in a form in which two tellings meet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources

from sago.domain.amount_words import ISO_CODES
from sago.domain.events import EventType
from sago.domain.everyday import everyday_words

_NAME = r"[A-Z\u00c0-\u00de][\w'’&.-]*[\w]|[A-Z]{2,}"
_PHRASE = re.compile(rf"(?<![\w'’])(?:{_NAME})(?:\s(?:(?:of|de|van|von|der|the|and|&|y|la)\s)?(?:{_NAME})){{0,4}}")


def _words(file: str) -> frozenset[str]:
    return frozenset(resources.files(__package__).joinpath(file).read_text(encoding="utf-8").split())


_COMMON = _words("common_words.txt")
"""Words that are capitalised without being a name."""
_BEFORE_CUE = re.compile(
    r"(?:^|[\s(\"“'])([\w&.'’-]{2,30})\s+(?:(?:has|have|had|is|are|was|were|just|also|officially|"
    r"finally|now|team|folks|guys|people)\s+){0,3}$",
    re.I,
)
_AFTER_CUE = re.compile(
    r"^\W{0,2}(?:(?:with|from|by|at|of|the|a|new|an|our|is|paid|deal|contract|pilot)\s+){0,3}([\w&.'’-]{3,30})", re.I
)
_FUNCTION = _COMMON | _words("function_words.txt")
_ORG_WORDS = re.compile(r"\b(?:inc|ltd|llc|gmbh|b\.?v|s\.?a|plc|corp|co|company|group|holdings?|eg|ag|nv)\b\.?", re.I)
_STANDARD = re.compile(
    r"\b(soc ?\d|iso(?:/iec)? ?\d{4,5}|hipaa|gdpr|pci(?:[ -]dss)?|fedramp|hitrust|isms-?p?|tisax|"
    r"cyber essentials|fda|ce mark\w*)\b",
    re.I,
)
_OFFICE = re.compile(r"\b(?:c[efotmprs]o|chief \w+ officer|vp \w+|head of \w+)\b", re.I)
_SPACED = re.compile(r"\b(SOC|ISO)(?:/IEC)? ?(\d+)")
_INSTRUMENT = re.compile(
    r"\b(series [a-f]|pre-?seed|seed|grant|loan|venture debt|bridge|safe|credit (?:line|facility))\b", re.I
)
_LED = re.compile(rf"\b(?:led by|from|by|with)\s((?:{_NAME})(?:\s(?:{_NAME})){{0,2}})")
_OUTLET = re.compile(rf"\b(?:in|on|by|from)\s(?:the\s)?((?:{_NAME})(?:\s(?:{_NAME})){{0,2}})")
_PLACE = re.compile(rf"\b(?:in|into|to|for)\s(?:the\s)?((?:{_NAME})(?:\s(?:{_NAME})){{0,1}})")
_BELONGS = re.compile(r"\b(?:at|from|of|for|in|ex)[\s-]$", re.I)
"""Before a name: it is where somebody comes from, not who."""
_BESIDE = re.compile(r"\b(?:by|the|with)\s$", re.I)
"""Before a name: it is who only where no other is named."""
LOWER_OK = frozenset(
    {
        EventType.ENTERPRISE_DEAL,
        EventType.PARTNERSHIP,
        EventType.SETBACK,
        EventType.INVESTOR_INTEREST,
        EventType.CUSTOMER_SUCCESS,
    }
)
"""Types whose subject chat writes in small letters: `goldman pilot kicked off`."""
KIND_SUBJECTS = frozenset({"outage", "breach", "layoffs", "recall"})
"""Kinds that are told apart by themselves, not by a name."""


def names(text: str, exclude: frozenset[str]) -> list[tuple[int, str]]:
    """Proper names in a text with their places: runs of capitalised words, without common words at their ends."""
    shouting = sum(c.isupper() for c in text) > 0.6 * max(1, sum(c.isalpha() for c in text))
    found = []
    for match in _PHRASE.finditer(text):
        words = match[0].split()
        offset = match.start()
        while words and _is_common(words[0], exclude):
            offset += len(words[0]) + 1
            words.pop(0)
        kept: list[str] = []
        for word in words:
            if _is_common(word, exclude) and (shouting or word[:1].isupper()):
                break
            kept.append(word)
        while kept and kept[-1][:1].islower():
            kept.pop()
        name = re.sub(r"['’]s$", "", " ".join(kept)).strip(".'’-& ")
        if len(name) > 1:
            found.append((offset, name))
    return found


def clear_names(text: str, exclude: frozenset[str]) -> list[str]:
    """Names that are none merely because a sentence begins with a capital: `Wonderful.`"""
    return [
        name
        for place, name in names(text, exclude)
        if " " in name or ((place > 0 or name.isupper()) and name.lower() not in everyday_words())
    ]


def _is_common(word: str, exclude: frozenset[str]) -> bool:
    plain = re.sub(r"['’]s$", "", word.lower()).strip(".,'’!?:-")
    squeezed_word = re.sub(r"[^a-z0-9]", "", plain)
    return plain in _COMMON or word in ISO_CODES or squeezed_word in exclude or plain.isdigit()


def find(text: str, cue: tuple[int, int], event_type: EventType, kind: str, exclude: frozenset[str]) -> str | None:
    """The name a statement is about, as written; None where it names nobody."""
    special = _special(text, event_type, kind, exclude)
    if special is not None or kind in KIND_SUBJECTS or event_type is EventType.COMPLIANCE:
        return special
    proper = [(place, name) for place, name in names(text, exclude) if name.lower() not in everyday_words()]
    if event_type is EventType.HIRING:
        people = [(place, name) for place, name in proper if not _BELONGS.search(text[:place])]
        people = [(place, name) for place, name in people if not _BESIDE.search(text[:place])] or people
        return people[0][1] if people else None
    before = [name for place, name in proper if place < cue[0]]
    after = [name for place, name in proper if place >= cue[0]]
    lower = _lower(text, cue) if event_type in LOWER_OK and not before else None
    return (before[-1] if before else None) or (after[0] if after else None) or lower


def _special(text: str, event_type: EventType, kind: str, exclude: frozenset[str]) -> str | None:
    """Types whose subject has a form of its own."""
    if event_type is EventType.COMPLIANCE and (standard := _STANDARD.search(text)):
        return _SPACED.sub(r"\1 \2", standard[1].upper()).replace("MARK", "mark")
    pattern = {"round": _LED, "term sheet": _LED, "grant": _LED, "article": _OUTLET, "place": _PLACE}.get(kind)
    if pattern is not None:
        for match in pattern.finditer(text):
            proper = names(match[1], exclude)
            if proper:
                return proper[0][1]
    return None


def _lower(text: str, cue: tuple[int, int]) -> str | None:
    for match in (_BEFORE_CUE.search(text[: cue[0]]), _AFTER_CUE.match(text[cue[1] :])):
        if (
            match
            and match[1].lower().strip(".") not in _FUNCTION
            and match[1].replace("-", "").replace("&", "").isalpha()
        ):
            return match[1]
    return None


def key(subject: str | None, event_type: EventType, kind: str, text: str) -> str | None:
    """The subject in the form in which tellings meet: small letters, no legal form, with a
    funding's instrument."""
    parts: list[str] = [] if subject is None else [subject]
    if event_type is EventType.FUNDING and (instrument := _INSTRUMENT.search(text)):
        parts.append(instrument[1])
    if kind == "departure" and (office := _OFFICE.search(text)):
        parts.append(office[0])
    if kind in KIND_SUBJECTS:
        parts = [kind]
    plain = _ORG_WORDS.sub(" ", " ".join(parts).lower())
    plain = " ".join(re.sub(r"[^\w\s&]", " ", plain).split())
    return plain[:200] or None


def squeezed(words: Iterable[str]) -> frozenset[str]:
    """Names in small letters without blanks and signs, to be left out or looked for."""
    plain = (re.sub(r"[^a-z0-9]", "", word.lower()) for word in words)
    return frozenset(word for word in plain if len(word) > 2)


def instrument(text: str) -> str | None:
    """`Series A`, `grant`, `loan` as written."""
    found = _INSTRUMENT.search(text)
    return found[1] if found else None
