"""How a person writes, learned from mails that they sent: greeting, sign-off, length, formality.

Mails are data: what is taken of them is one short line of letters and punctuation each for greeting and sign-off, and
numbers. Only mails of exactly this sender are looked at.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from sago.domain.voices import Formality, SentMail, Voice

FEWEST = 3
"""Mails from which a habit can be told from chance."""
LONGEST = 40
"""Characters of a greeting or a sign-off, and"""
MOST_WORDS = 5
"""their words."""
NAME = "{name}"
_PUNCTUATION = frozenset(" ,.!:;–—-'’")
_HONORIFIC = re.compile(
    r"\b(?:mr|mrs|ms|mx|dr|prof|professor|sir|madam|herrn?|frau|monsieur|madame|señora?|sra?|signora?|dott|pan[ie]?)\b\.?",
    re.I,
)
_FORMAL_GREETING = re.compile(
    r"^(?:dear|sehr geehrte\w*|chère?|cher|estimad[oa]s?|gentile|egregio|geachte|szanown\w+|prezad[oa])\b", re.I
)
_FORMAL_CLOSE = re.compile(
    r"sincerely|faithfully|respectfully|kind regards|freundliche\w* gr[üu]|hochachtung|cordialement|salutations|"
    r"atentamente|cordiali saluti|distinti saluti|hoogachtend|vriendelijke groet|poważaniem|atenciosamente",
    re.I,
)
_EASY_CLOSE = re.compile(r"^(?:cheers|thanks|thx|best|ciao|lg|vg|bises|abrazo|tak|x+|later|speak soon)\b", re.I)
_EASY_GREETING = re.compile(r"^(?:hi|hey|hello|yo|hallo|moin|salut|hola|ciao|hoi|hej|cześć|oi|olá)\b", re.I)
_CONTRACTED = re.compile(r"\b\w+(?:n['’]t|['’](?:m|ve|ll|re|d))\b", re.I)
_WRITTEN_OUT = re.compile(
    r"\b(?:I (?:am|will|would|have)|(?:do|does|did|is|are|was|were|would|could|should|can)\s?not"
    r"|it is|we (?:are|will|have))\b",
    re.I,
)


class Learned(NamedTuple):
    """What a folder of mails tells of one sender. `voice` is None where they wrote fewer than FEWEST of them."""

    voice: Voice | None
    own: int
    others: int


class _Habit(NamedTuple):
    """One mail's."""

    greeting: str | None
    sign_off: str | None
    words: int
    text: str


def learn(mails: Iterable[SentMail], sender: str) -> Learned:
    """How `sender`, an address, writes. Mails that are not exactly theirs are counted, never read."""
    own, others = [], 0
    wanted = sender.strip().casefold()
    for mail in mails:
        if wanted and mail.sender.strip().casefold() == wanted:
            own.append(mail)
        else:
            others += 1
    if len(own) < FEWEST:
        return Learned(None, len(own), others)
    habits = [_habit(mail) for mail in own]
    voice = Voice(
        sender=sender.strip(),
        greeting=_greeting(habits),
        sign_off=_commonest([habit.sign_off for habit in habits], "Best,"),
        words=max(1, round(median(habit.words for habit in habits))),
        formality=_formality(habits),
        samples=len(own),
    )
    return Learned(voice, len(own), others)


def _habit(mail: SentMail) -> _Habit:
    lines = [" ".join(line.split()) for line in mail.text.splitlines() if line.strip()]
    greeting = _as_greeting(lines[0], mail.readers) if lines else None
    if greeting is not None:
        lines = lines[1:]
    sign_off, lines = _without_close(lines, {each.casefold() for each in _names([mail.name, mail.sender])})
    return _Habit(greeting, sign_off, sum(len(line.split()) for line in lines), "\n".join(lines))


def _as_greeting(line: str, readers: Sequence[str]) -> str | None:
    """The line with the reader's name as `{name}`; None where it is no greeting."""
    if len(line) > LONGEST + LONGEST or not re.search(r"[,:!–—-]$|^\w+( \w+)?$", line):
        return None
    for name in sorted(_names(readers), key=len, reverse=True):
        line = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", NAME, line, flags=re.I)
    line = re.sub(rf"{re.escape(NAME)}(?: {re.escape(NAME)})+", NAME, line)
    is_one = NAME in line or _EASY_GREETING.match(line) or _FORMAL_GREETING.match(line) or line.endswith(",")
    return line if is_one and len(line.replace(NAME, "x").split()) <= MOST_WORDS else None


def _names(readers: Sequence[str]) -> set[str]:
    """Full and single names of readers, those in their addresses too."""
    names = set()
    for reader in readers:
        whole = reader.partition("@")[0] if "@" in reader else reader
        names |= {whole, *re.split(r"[\s.,_+-]+", whole)}
    return {name for name in names if len(name) > 1 and not _HONORIFIC.fullmatch(name)}


def _without_close(lines: list[str], names: set[str]) -> tuple[str | None, list[str]]:
    """The closing words, and the lines above them. Who closes with no more than a name closes with nothing."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 7), -1):
        line = lines[at]
        words = re.findall(r"\w+", line.casefold())
        if len(words) <= MOST_WORDS and any(word in names for word in words):
            before = line[: line.casefold().find(next(word for word in words if word in names))].rstrip(" -–—")
            if before and _is_short(before):
                return before, lines[:at]
            above = lines[at - 1] if at else ""
            return (above, lines[: at - 1]) if above and _is_close(above) else ("", lines[:at])
    if lines and _is_close(lines[-1]):
        return lines[-1], lines[:-1]
    return None, lines


def _is_close(line: str) -> bool:
    return _is_short(line) and (line.endswith(",") or bool(_EASY_CLOSE.match(line) or _FORMAL_CLOSE.search(line)))


def _is_short(line: str) -> bool:
    return len(line) <= LONGEST and len(line.split()) <= MOST_WORDS and _is_plain(line)


def _is_plain(line: str) -> bool:
    """Letters of words and a little punctuation: no figure, no sign, nothing unseen."""
    return all(letter in _PUNCTUATION or unicodedata.category(letter)[0] in "LM" for letter in line)


def _greeting(habits: Sequence[_Habit]) -> str:
    """The commonest with a name in it that fits any reader, else the commonest of all."""
    fit = [h.greeting for h in habits if h.greeting and _fits_anybody(h.greeting)]
    named = [greeting for greeting in fit if NAME in greeting]
    if not fit and any(habit.greeting and _HONORIFIC.search(habit.greeting) for habit in habits):
        return f"Dear {NAME},"
    return _commonest(named or fit, f"Hi {NAME},")


def _fits_anybody(greeting: str) -> bool:
    """Short, and with nobody's name or title in it: those of one reader are wrong for the next."""
    rest = greeting.replace(NAME, "")
    others = [word for word in re.findall(r"\w+", rest)[1:] if word[0].isupper() and word.casefold() not in _CAPITALS]
    return (
        greeting.count(NAME) <= 1
        and len(greeting) <= LONGEST
        and _is_plain(rest)
        and not others
        and not _HONORIFIC.search(rest)
    )


_CAPITALS = frozenset({"tag", "morgen", "abend", "there", "all"})
"""Second words of greetings that some write with a capital: `Guten Tag`."""


def _commonest(seen: Sequence[str | None], otherwise: str) -> str:
    """What was seen most often, the first of equals."""
    told = Counter(each for each in seen if each is not None)
    return max(told, key=lambda each: told[each]) if told else otherwise


def _formality(habits: Sequence[_Habit]) -> Formality:
    """By what most of the mails do: how they greet, how they close, whether they contract."""
    points = [_points(habit) for habit in habits]
    mean = sum(points) / len(points)
    if mean >= 1:
        return Formality.FORMAL
    return Formality.CASUAL if mean <= -1 else Formality.NEUTRAL


def _points(habit: _Habit) -> int:
    """-3 to 3: each sign for formal or against it."""
    greeting, close = habit.greeting or "", habit.sign_off or ""
    formal = bool(_FORMAL_GREETING.match(greeting)) + bool(_FORMAL_CLOSE.search(close))
    easy = (not _FORMAL_GREETING.match(greeting)) + bool(not close or _EASY_CLOSE.match(close))
    contracted, written = len(_CONTRACTED.findall(habit.text)), len(_WRITTEN_OUT.findall(habit.text))
    return formal - easy + (written > contracted) - (contracted > written)
