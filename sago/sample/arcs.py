"""Stories for further companies: arcs from `screenplays/arcs.txt` with seeded names and figures that agree."""

from __future__ import annotations

import random
import re
from functools import cache
from importlib import resources

from sago.sample.screenplay import Beat, Person, Story, parse_scenes

ARCS = 9
"""Labelled arcs a company lives through in its month; `revenue` and `dreams` are always among them."""
_SLOT = re.compile(r"\{(\w+)\}")


def story(number: int, seed: int) -> Story:
    """The story of a generated company; `number` from 1, the same for the same seed."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311 - stories, not secrets
    first, second = _one(rng, "first"), _one(rng, "second")
    name = f"{first}{second}"
    company_id = f"{name.lower()}-{number}"
    people = _people(rng)
    head = {
        "id": company_id,
        "name": name,
        "domain": f"{company_id}.example",
        "founder": f"{people[0].name} {_one(rng, 'family')}",
        "mail": f"{people[0].name.lower()}@{company_id}.example",
        "currency": "USD",
    }
    figures = _figures(rng, head, people)
    chosen = ["revenue", "dreams", *rng.sample(sorted(set(_arcs()) - {"revenue", "dreams"}), ARCS - 1)]
    beats, labels = parse_scenes("\n".join(_fill(_arcs()[arc], figures) for arc in chosen))
    slots = {
        "service": tuple(rng.sample(_names()["services"], 5)),
        "thing": _names()["things"],
        "doc": _names()["docs"],
        "client": tuple(rng.sample(_names()["clients"], 4)),
    }
    return Story(head, people, slots, (), tuple(sorted(beats, key=_when)), labels)


def _when(beat: Beat) -> tuple[int, object]:
    return beat.day, beat.at


@cache
def _names() -> dict[str, tuple[str, ...]]:
    """The lists of names in `filler/names.txt`."""
    text = (resources.files("sago.sample") / "filler" / "names.txt").read_text(encoding="utf-8")
    return {key: tuple(values.split(", ")) for key, _, values in (line.partition(": ") for line in text.splitlines())}


def _one(rng: random.Random, kind: str) -> str:
    return rng.choice(_names()[kind])


@cache
def _arcs() -> dict[str, str]:
    text = (resources.files("sago.sample") / "screenplays" / "arcs.txt").read_text(encoding="utf-8")
    parts = re.split(r"^=== (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _people(rng: random.Random) -> tuple[Person, ...]:
    names = rng.sample(_names()["given"], 7)
    roles = ("ceo", "eng", "eng", "sales", "support", "ops", "product")
    voices = ("tidy", "lower", "plain", "plain", "lower", "tidy", "plain")
    return tuple(Person(*row) for row in zip(names, roles, voices, strict=True))


def _fill(text: str, figures: dict[str, str]) -> str:
    """Slots put in; `{mm}`, a minute, may differ each time, and dates are left for the month."""
    return _SLOT.sub(lambda found: figures.get(found[1], found[0]), text)


def _figures(rng: random.Random, head: dict[str, str], people: tuple[Person, ...]) -> dict[str, str]:
    """One value a slot, so that chat, mail and label say the same."""
    return _numbers(rng) | _words(rng, head, people)


def _numbers(rng: random.Random) -> dict[str, str]:
    mrr = rng.randrange(20, 400, 5)
    numbers = {
        "mrr": mrr,
        "arr_value": mrr * 12_000,
        "nrr": rng.randrange(101, 132),
        "acv": rng.randrange(40, 320, 5),
        "years": rng.choice((2, 3, 4)),
        "users": rng.randrange(5, 90),
        "slow": rng.randrange(400, 2000, 10),
        "fast": rng.randrange(40, 200, 5),
        "sites": rng.randrange(8, 90),
        "less": rng.randrange(12, 48),
        "lost": rng.randrange(2, 9),
        "minutes": rng.randrange(25, 180),
        "hit": rng.randrange(12, 240),
        "grant": rng.randrange(100, 900, 50),
        "mm": rng.randrange(10, 49),
    }
    return {name: str(value) for name, value in numbers.items()} | {"arr": f"${mrr * 12 / 1000:g}M"}


def _words(rng: random.Random, head: dict[str, str], people: tuple[Person, ...]) -> dict[str, str]:
    customers = rng.sample(_names()["clients"], 4)
    by_role = {person.role: person.name for person in people}
    return {
        "name": head["name"],
        "founder": people[0].name,
        "founder_mail": head["mail"],
        "buyer": f"procurement@{customers[0].lower().replace(' ', '')}.example",
        "sales": by_role["sales"],
        "ops": by_role["ops"],
        "eng": by_role["eng"],
        "support": by_role["support"],
        "customer": customers[0],
        "customer2": customers[1],
        "customer3": customers[2],
        "customer4": customers[3],
        "partner": f"{_one(rng, 'family')} Systems",
        "hire": f"{_one(rng, 'given')} {_one(rng, 'family')}",
        "role": _one(rng, "roles"),
        "employer": f"{_one(rng, 'first')}grid",
        "feature": _one(rng, "features"),
        "service": f"the {_one(rng, 'services')}",
        "fund": _one(rng, "funds"),
        "country": _one(rng, "countries"),
        "outlet": _one(rng, "outlets"),
        "rival": f"{_one(rng, 'first')}ly",
        "weekday": rng.choice(("Monday", "Tuesday", "Thursday")),
    }
