"""How far a figure may be off because the set is small: the bootstrap over companies.

Messages of one company resemble each other, so companies are drawn, not messages (cluster bootstrap; Davison and
Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sago.evaluation.scoring import Tally

DRAWS = 1000
SEED = 20260301
SHARE = 0.95


class Interval(NamedTuple):
    """The middle `SHARE` of what the draws gave."""

    low: float
    high: float


def intervals(tallies: Sequence[Tally], figures: Sequence[Callable[[Tally], float | None]]) -> list[Interval | None]:
    """One interval a figure, the same for the same tallies; None for all where there are fewer than two companies. A
    draw of which a figure says nothing is left out of that figure's interval; None where all are."""
    if len(tallies) < 2:
        return [None for _ in figures]
    chance = random.Random(SEED)  # noqa: S311 - draws a sample, keeps no secret
    drawn = [sum(chance.choices(tallies, k=len(tallies)), Tally()) for _ in range(DRAWS)]
    told = [[value for tally in drawn if (value := figure(tally)) is not None] for figure in figures]
    return [_middle(sorted(values)) if values else None for values in told]


def _middle(values: Sequence[float]) -> Interval:
    cut = round(len(values) * (1 - SHARE) / 2)
    return Interval(values[cut], values[-1 - cut])
