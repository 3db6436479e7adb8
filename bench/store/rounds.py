"""Rounds in which every contender has its turn, so that whatever else the machine does meets all alike."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from bench.store.contenders import Contender, Run
from bench.store.load import Load
from bench.store.rig import Rig

_numbers = count(1)


@dataclass(frozen=True)
class Entry:
    """One turn of a round: who stores which load."""

    contender: Contender
    load: Callable[[str], Load]
    """Made at its turn, as its messages are sent at that moment."""


def say(text: str) -> None:
    """A line of progress."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def play(rig: Rig, rounds: int, entries: Mapping[str, Entry], *, warm_up: bool = True) -> dict[str, list[Run]]:
    """The runs of each entry by its name. The first round, where there is a warm-up, is shown and not counted.

    It goes in the order that is given; in each further round another entry begins.
    """
    runs: dict[str, list[Run]] = {name: [] for name in entries}
    for shift, turn in enumerate(range(0 if warm_up else 1, rounds + 1)):
        for name in rotated(list(entries), shift):
            began, entry = time.monotonic(), entries[name]
            run = entry.contender(rig, entry.load(f"run{next(_numbers)}"))
            say(f"  round {turn or 'warm-up':7} {name:24} {_line(run)}  in all {time.monotonic() - began:.0f} s")
            if turn:
                runs[name].append(run)
    return runs


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The same circle from another beginning."""
    start = by % len(names)
    return [*names[start:], *names[:start]]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, and the least and largest in brackets."""
    low, middle, high = (f"{each:,.{digits}f}" for each in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} – {high})"


def ratios(mine: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """Rate against rate, each within its round."""
    return [one.rate / other.rate for one, other in zip(mine, theirs, strict=True)]


def rates(runs: Sequence[Run]) -> list[float]:
    return [run.rate for run in runs]


def cpu_row(name: str, runs: Sequence[Run]) -> str:
    """Processor time a thousand messages, in ms, by process: the medians."""
    parts = {who: statistics.median(run.cpu[who] / run.messages * 1e6 for run in runs) for who in runs[0].cpu}
    shown = ", ".join(f"{who} {ms:.0f}" for who, ms in sorted(parts.items(), key=lambda part: -part[1]))
    return f"| {name} | {sum(parts.values()):.0f} | {shown} |"


def _line(run: Run) -> str:
    return f"{run.rate:8.0f}/s {run.seconds:8.2f} s, processor {run.cpu_ms:6.0f} ms a thousand"
