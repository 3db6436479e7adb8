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
_A_GREETING = re.compile(
    r"(?:(?:hi|hey|hello|yo|hallo|moin|salut|bonjour|bonsoir|hola|ciao|hoi|hej|hei|cześć|oi|olá|ola|buenos días"
    r"|buenas(?: tardes)?|bom dia|boa tarde|good (?:morning|afternoon|evening)|guten (?:morgen|tag|abend)|servus"
    r"|grüezi|goede(?:morgen|middag)|buongiorno|buonasera|dzień dobry|god dag|dear|lieber?|chère?|cher|estimad[oa]s?"
    r"|querid[oa]s?|gentile|car[oa]|geachte|beste|prezad[oa]s?|szanown\w+)(?: there| all| everyone| again| zusammen)?)?"
    r"[ ,.!:–—-]*",
    re.I,
)
"""What a mail begins with beside the reader's name."""
_A_CLOSE = re.compile(
    r"(?:(?:all the |all my |my )?best(?: (?:wishes|regards))?|(?:kind|kindest|warm|warmest|with (?:best|kind|warm))"
    r" (?:regards|wishes)|regards|cheers|(?:many )?thanks(?: (?:again|so much|a lot))?|thx|thank you(?: again)?|ta"
    r"|(?:yours )?(?:sincerely|faithfully|truly|respectfully)(?: yours)?|respectfully yours|yours|speak soon"
    r"|talk soon|take care|(?:mit )?(?:freundliche[nm]?|viele[n]?|beste[n]?|liebe[n]?|herzliche[n]?|schöne[n]?)"
    r" gr(?:ü|ue)(?:ß|ss)en?|(?:mit )?gr(?:u(?:ß|ss)|ü(?:ß|ss)en?)|hochachtungsvoll"
    r"|lg|vg|mfg|ciao|(?:bien )?cordialement|amicalement|bien à (?:vous|toi)"
    r"|salutations(?: distinguées)?|saludos(?: cordiales)?|(?:un )?(?:cordial saludo|abrazo)|atentamente|atenciosamente"
    r"|abraços?|cumprimentos|(?:cordiali|distinti) saluti|saluti|(?:met )?(?:vriendelijke|hartelijke) groet(?:en)?"
    r"|groet(?:en|jes)?|hoogachtend|pozdrawiam|z poważaniem"
    r"|(?:med )?(?:vänlig|venlig|vennlig)a? (?:hälsning(?:ar)?|hilsen)"
    r"|hälsningar|hilsen|mvh|tak|bises)[ ,.!–—-]*",
    re.I,
)
"""What a mail ends with: a closed list, so that no sentence, and no name, is learned."""
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
        sign_off=_habitual(
            [h.sign_off if h.sign_off is None or _closes(h.sign_off) else None for h in habits], "Best,"
        ),
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
    fit = [h.greeting if h.greeting and _fits_anybody(h.greeting) else None for h in habits]
    named = [greeting if greeting and NAME in greeting else None for greeting in fit]
    if not any(fit) and any(habit.greeting and _HONORIFIC.search(habit.greeting) for habit in habits):
        return f"Dear {NAME},"
    return _habitual(named if any(named) else fit, f"Hi {NAME},")


def _fits_anybody(greeting: str) -> bool:
    """Short, and with nobody's name or title in it: those of one reader are wrong for the next."""
    rest = greeting.replace(NAME, "")
    return (
        bool(_A_GREETING.fullmatch(rest))
        and greeting.count(NAME) <= 1
        and len(greeting) <= LONGEST
        and _is_plain(rest)
        and not _HONORIFIC.search(rest)
    )


def _closes(line: str) -> bool:
    """Whether a close is one that anybody may write to anybody; none at all is one too."""
    return not line or bool(_A_CLOSE.fullmatch(line))


def _habitual(seen: Sequence[str | None], otherwise: str) -> str:
    """What was seen most often, the first of equals, where at least half of the mails have it, and two."""
    told = Counter(each for each in seen if each is not None)
    best = max(told, key=lambda each: told[each], default=None)
    return best if best is not None and told[best] >= max(2, len(seen) / 2) else otherwise


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
