"""What speaks for a statement telling an event beside the encoder's likelihood: log-odds from a few signs.

The weights are those of a logistic regression over the statements of labelled companies that the encoder had not
learned from (`python -m training.weighing`), rounded; of an earlier encoder, as those of this one scored no better.
What stands alone or is not English is held against a statement less than was fitted: the labelled companies talk more
about their news, and more in English, than others do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sago.domain.amounts import find_amounts
from sago.domain.events import EventType, Status
from sago.llm.providers.offline.draft import Draft
from sago.llm.providers.offline.reading import Reading, Statement
from sago.llm.providers.offline.threads import NEAR

Likely = Mapping[EventType, float]
"""Type → probability that a statement tells it."""

WEIGHTS = {
    "likely": 0.4, "beside": 0.2, "near": 0.2, "other near": -0.05, "a rule": 0.9, "a figure": 0.7, "English": 0.3,
    "a mail": 0.45,
}  # fmt: skip
BEGIN = -0.4
OWN, AT_MOST = 0.0, -0.5
"""Log-odds below which the words themselves hardly tell it, and what they then come to at most: `sixty lines` behind a
round that was closed is no proof of the round."""
LEAST = 0.05
"""A type less likely than this is left as it is."""
BESIDE = 4
"""Messages before and after that may speak of the same."""
_FAR = -4.0
"""Log-odds of a neighbour that tells nothing, at least: news that nobody talks about is news too."""
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    "the a an and or of to in is it we i you for on that this with at are was be have has not from by they our us my "  # noqa: SIM905
    "but as so all if no out up just do will can their he she what there about been had your".split()
)
_MOSTLY = 0.2
"""Of an English statement's words so many are among the commonest."""


def weighed(
    readings: Sequence[Reading], found: Mapping[str, Sequence[Draft]], opinions: Mapping[str, Sequence[Likely]]
) -> dict[str, list[dict[EventType, float]]]:
    """The likelihoods with all signs counted, by message id; `found` is what the rules found, `readings` by time."""
    new = {message_id: [dict(each) for each in likely] for message_id, likely in opinions.items()}
    for message_id, place, event_type, signs in all_signs(readings, found, opinions):
        odds = BEGIN + sum(WEIGHTS[name] * value for name, value in signs.items())
        if signs["likely"] < OWN and not signs["a rule"]:
            odds = min(odds, AT_MOST)
        new[message_id][place][event_type] = 1 / (1 + math.exp(-odds))
    return new


def all_signs(
    readings: Sequence[Reading], found: Mapping[str, Sequence[Draft]], opinions: Mapping[str, Sequence[Likely]]
) -> Iterator[tuple[str, int, EventType, dict[str, float]]]:
    """Message id, place of the statement in it, type, and the signs by the names of WEIGHTS, of each type that is not
    unlikely."""
    surest = [_surest(opinions.get(reading.message.id, ())) for reading in readings]
    for at, reading in enumerate(readings):
        likely = opinions.get(reading.message.id, ())
        around: list[Likely] | None = None
        for place, (statement, each) in enumerate(zip(reading.statements, likely, strict=bool(likely))):
            candidates = [event_type for event_type, own in each.items() if own >= LEAST]
            if not candidates:
                continue
            around = [surest[other] for other in beside(readings, at)] if around is None else around
            plain = {
                "a figure": float(bool(find_amounts(statement.text))),
                "English": float(_is_english(statement.text)),
                "a mail": float("@" in reading.message.sender),
            }
            next_to = [likely[other] for other in (place - 1, place + 1) if 0 <= other < len(likely)]
            for event_type in candidates:
                signs = {
                    "likely": _log_odds(each[event_type]),
                    "beside": _highest(other[event_type] for other in next_to),
                    "near": _highest(other.get(event_type, 0.0) for other in around),
                    "other near": _highest(
                        value for other in around for other_type, value in other.items() if other_type is not event_type
                    ),
                    "a rule": float(_is_ruled(found[reading.message.id], statement, event_type)),
                }
                yield reading.message.id, place, event_type, signs | plain


def beside(readings: Sequence[Reading], at: int) -> list[int]:
    """The places of the chat messages shortly before and after this one; none for a mail."""
    message = readings[at].message
    if "@" in message.sender:
        return []
    return [
        other
        for other in range(max(0, at - BESIDE), min(len(readings), at + BESIDE + 1))
        if other != at
        and "@" not in readings[other].message.sender
        and abs(readings[other].message.sent_at - message.sent_at) <= NEAR
    ]


def _surest(likely: Sequence[Likely]) -> Likely:
    """Of each type the highest likelihood of a message's statements."""
    return {event_type: max(each[event_type] for each in likely) for event_type in likely[0]} if likely else {}


def _is_ruled(found: Sequence[Draft], statement: Statement, event_type: EventType) -> bool:
    return any(
        draft.event_type is event_type
        and draft.status is Status.ACTUAL
        and draft.overlaps(statement.start, statement.end)
        for draft in found
    )


def _highest(likely: Iterable[float]) -> float:
    """Log-odds of the highest; _FAR where there is none."""
    return max((_log_odds(each) for each in likely), default=_FAR)


def _is_english(text: str) -> bool:
    words = [word.lower() for word in _WORD.findall(text)]
    return sum(word in _ENGLISH for word in words) >= _MOSTLY * max(1, len(words))


def _log_odds(likely: float) -> float:
    bounded = min(max(likely, 1e-4), 1 - 1e-4)
    return max(_FAR, math.log(bounded / (1 - bounded)))
