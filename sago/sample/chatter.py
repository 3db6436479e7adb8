"""The rest of a working month: small talk, tickets, invoices, newsletters. Nothing in it is an event.

`filler/chatter.txt` holds conversations, a blank line between them, each line `role: text`; `filler/mail.txt` mails.
A company works through a shuffled deck, so that no line comes twice before all have come once.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple, TypeVar

from sago.sample.screenplay import Month, Person, Story

_SLOT = re.compile(r"\{(\w+)\}")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_HOURS = ("nine", "ten", "eleven", "two", "three", "four")
_FOOD = ("falafel", "soup", "dumplings", "the good sandwiches", "ramen", "leftover curry", "pizza", "tacos", "pierogi")
_PLACES = ("small meeting room", "kitchen", "phone booth", "blue room", "supply closet", "room with the sofa")
_BRANCHES = (
    "fix/retry-loop",
    "tidy-config",
    "tmp-really-tmp",
    "less-yaml",
    "wip-dates",
    "cache-ceiling",
    "rename-all",
    "feat/quiet-mode",
    "split-the-big-file",
    "test-clock",
    "fix/tab-order",
    "log-less",
)
_BOT = "buildbot"
_ASKING = ("Who ", "What ", "Which ", "Does ", "Is ", "Can ", "How ", "Why ", "Anyone ", "Anybody ", "Could ")
_ROLE = {"lead": "ceo"}


Card = TypeVar("Card")


class Line(NamedTuple):
    """One message of small talk, before it has a time."""

    sender: str
    text: str


class Filler:
    """One company's small talk, in an order of its own; endless."""

    def __init__(self, story: Story, month: Month, rng: random.Random) -> None:
        self._story, self._month, self._rng = story, month, rng
        self._talks = _deck(_conversations(), rng)
        self._mails = _deck(_mails(), rng)
        self._ticket = story.head["name"][:2].upper()

    def conversation(self) -> list[Line]:
        """A conversation of people of this company, each in their own voice."""
        lines = next(self._talks)
        cast = self._cast([role for role, _ in lines])
        fill = self._slots({person.name for person in cast.values()})
        return [
            Line(_BOT, fill(text)) if role == "bot" else Line(cast[role].name, _spoken(fill(text), cast[role].voice))
            for role, text in lines
        ]

    def mail(self) -> Line:
        """A mail from inside or outside."""
        sender, text = next(self._mails)
        writer = self._rng.choice(self._story.people).name
        client = self._rng.choice(self._story.slots["client"])
        known = {
            "client": client,
            "client_mail": f"hello@{re.sub('[^a-z]', '', client.lower())}.example",
            "person_mail": f"{writer.lower()}@{self._story.head['domain']}",
        }
        fill = self._slots({writer}, known)
        return Line(fill(sender), self._month.fill(fill(text)))

    def _cast(self, roles: list[str]) -> dict[str, Person]:
        """A person for each role of the conversation, nobody twice while there is another."""
        people = list(self._story.people)
        cast: dict[str, Person] = {}
        # Named roles choose first: `a` can be anybody, `eng` can not.
        for role in sorted(dict.fromkeys(roles), key=lambda name: len(name) == 1):
            wanted = _ROLE.get(role, role.rstrip("2"))
            free = [person for person in people if person not in cast.values()] or people
            fitting = [person for person in free if person.role == wanted]
            cast[role] = self._rng.choice(fitting or free)
        return cast

    def _slots(self, present: set[str], known: Mapping[str, str] | None = None) -> Callable[[str], str]:
        """A filler of slots that gives the same slot the same value throughout one conversation."""
        chosen = dict(known or {})

        def put(found: re.Match[str]) -> str:
            name = found[1]
            if name not in chosen:
                chosen[name] = self._value(name, present, set(chosen.values()))
            return chosen[name]

        return lambda text: _SLOT.sub(put, text)

    def _value(self, name: str, present: set[str], taken: set[str]) -> str:
        story, rng = self._story, self._rng
        kind = name.rstrip("2")
        lists: dict[str, tuple[str, ...]] = {
            **story.slots,
            "weekday": _WEEKDAYS,
            "hour": _HOURS,
            "food": _FOOD,
            "place": _PLACES,
            "branch": _BRANCHES,
            "person": tuple(person.name for person in story.people if person.name not in present),
        }
        if kind in lists:
            return rng.choice([value for value in lists[kind] if value not in taken] or lists[kind])
        made = {
            "n": str(rng.randrange(11, 60)),
            "digit": str(rng.randrange(2, 9)),
            "pr": f"#{rng.randrange(800, 4200)}",
            "ticket": f"{self._ticket}-{rng.randrange(1000, 9999)}",
            "money": f"${rng.randrange(120, 4800):,}.{rng.randrange(100):02d}",
            "domain": story.head["domain"],
            "founder_first": story.head["founder"].split()[0],
        }
        return made[kind]


def _spoken(text: str, voice: str) -> str:
    """The text as a person with this voice types it."""
    if voice == "lower":
        text = re.sub(r"\bI\b", "i", text)
        return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] in " '" else text
    if voice == "tidy":
        text = re.sub(r"(^|[.?!] )([a-z])", lambda found: found[1] + found[2].upper(), text)
        if not text[-1:].isalnum():
            return text
        return f"{text}?" if text.startswith(_ASKING) else f"{text}."
    return text


def _deck(cards: Sequence[Card], rng: random.Random) -> Iterator[Card]:
    while True:
        yield from rng.sample(cards, len(cards))


@cache
def _conversations() -> list[list[tuple[str, str]]]:
    """Each block is a conversation; a block of the bot's is one notice a line."""
    talks: list[list[tuple[str, str]]] = []
    for block in _read("chatter.txt").split("\n\n"):
        lines = [(role, text) for role, _, text in (line.partition(": ") for line in block.splitlines())]
        talks += [[line] for line in lines] if lines[0][0] == "bot" else [lines]
    return talks


@cache
def _mails() -> list[tuple[str, str]]:
    parts = (part.strip() for part in _read("mail.txt").split("===\n"))
    return [(sender.removeprefix("from: "), text) for sender, _, text in (part.partition("\n") for part in parts)]


def _read(name: str) -> str:
    return (resources.files("sago.sample") / "filler" / name).read_text(encoding="utf-8").strip()
