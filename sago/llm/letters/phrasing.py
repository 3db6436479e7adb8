"""Which of several phrasings a letter takes, and how near to speech they come."""

from __future__ import annotations

import hashlib
import re

from sago.domain.letters import LetterRequest
from sago.domain.voices import Formality
from sago.domain.watches import Outcome
from sago.domain.wording import one_line

__all__ = ["Phrases", "capital", "listed", "one_line"]

_CONTRACTIONS = (
    ("I would", "I’d"), ("I have", "I’ve"), ("I am", "I’m"), ("I will", "I’ll"), ("we have", "we’ve"),
    ("We have", "We’ve"), ("we are", "we’re"), ("it is", "it’s"), ("It is", "It’s"),
    ("That is", "That’s"), ("that is", "that’s"), ("did not", "didn’t"), ("do not", "don’t"), ("is not", "isn’t"),
)  # fmt: skip
_CONTRACTED = re.compile("|".join(rf"\b{re.escape(long)}\b" for long, _ in _CONTRACTIONS))
_SHORT = dict(_CONTRACTIONS)


class Phrases:
    """Picks one of several phrasings, the same each time for one watch and window, whatever else the letter tells."""

    def __init__(self, request: LetterRequest) -> None:
        voice = request.watch.voice
        self._seed = f"{request.watch.id}:{_window(request)}"
        self._contracts = voice is None or voice.formality is not Formality.FORMAL

    def pick(self, slot: str, *choices: str, **fields: str) -> str:
        """The choice for this slot, its `{fields}` filled in: what they hold stays to the letter."""
        return self.say(self.choose(slot, *choices), **fields)

    def choose(self, slot: str, *choices: str) -> str:
        """The choice for this slot as it stands."""
        digest = hashlib.sha256(f"{self._seed}:{slot}".encode()).digest()
        return choices[int.from_bytes(digest[:4]) % len(choices)]

    def say(self, text: str, **fields: str) -> str:
        """One phrasing, contracted as its writer does."""
        spoken = _CONTRACTED.sub(lambda match: _SHORT[match.group()], text) if self._contracts else text
        return spoken.format(**fields)


def _window(request: LetterRequest) -> str:
    """The month of an update; of a firing the newest day that its conditions rest on."""
    days = [result.as_of for result in request.verdict.results if result.as_of]
    if request.verdict.outcome is Outcome.NOW and days:
        return f"{max(days):%Y-%m-%d}"
    return f"{request.as_of:%Y-%m}"


def capital(text: str) -> str:
    """As a sentence begins."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
