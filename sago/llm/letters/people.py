"""Who writes to whom: greeting, sign-off and signature, in the sender's own habits where these are known."""

from __future__ import annotations

import re
import unicodedata

from sago.domain.letters import LetterRequest
from sago.domain.voices import Formality
from sago.domain.watches import Direction

_TITLES = re.compile(
    r"\A(?:(?:dr|prof|professor|mr|mrs|ms|mx|sir|dame|lord|lady|rev|hon|herr|frau|ing|dipl|mag|mme|m|mlle|sr|sra|sig|dott|eng)"
    r"\.?\s+)+",
    re.I,
)


def greeting(request: LetterRequest) -> str:
    """`Hi Nell,`: as the sender greets, the reader's first name where it is known."""
    voice = request.watch.voice
    name = first_name(reader(request))
    if voice is None:
        return f"Hi {name or 'there'},"
    if name or "{name}" not in voice.greeting:
        return voice.greeting.replace("{name}", name)
    return "Hello,"


def sign_off(request: LetterRequest, otherwise: str) -> str:
    """The closing words with their comma; empty where the sender closes with no more than a name."""
    return request.watch.voice.sign_off if request.watch.voice else f"{otherwise},"


def signature(request: LetterRequest) -> str:
    """Name and office of who signs; a casual writer signs with the first name."""
    if request.watch.direction is Direction.TO_FOUNDER:
        name = request.watch.investor.name if request.watch.investor else ""
        return first_name(name) if _is_casual(request) else name
    company = request.company
    if not company.founder:
        return f"The {company.name} team"
    name = first_name(company.founder) if _is_casual(request) else company.founder
    title = company.founder_title
    return f"{name}\n{title}, {company.name}" if title else f"{name}, {company.name}"


def reader(request: LetterRequest) -> str:
    """The full name of whom the letter is for, empty where it is unknown."""
    investor = request.watch.investor
    to_founder = request.watch.direction is Direction.TO_FOUNDER
    return (request.company.founder or "") if to_founder else investor.name if investor else ""


def first_name(name: str) -> str:
    """`Ingrid` of `Dr Ingrid Solheim` and of `Solheim, Ingrid`; a name in a script without first names in front stays
    whole."""
    bare = _TITLES.sub("", " ".join(name.split()) + " ", count=1).strip() or name.strip()
    _, comma, first = bare.partition(",")
    if comma and first.strip():
        bare = first.strip()
    if any(unicodedata.name(letter, "").startswith(("CJK", "HANGUL", "HIRAGANA", "KATAKANA")) for letter in bare):
        return bare
    return bare.split()[0].rstrip(",") if bare.split() else ""


def _is_casual(request: LetterRequest) -> bool:
    return request.watch.voice is not None and request.watch.voice.formality is Formality.CASUAL
