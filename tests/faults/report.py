"""The table of fault runs: printed at the end, and kept in docs/reliability.md, where a run replaces its own lines."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median

import psutil

from sago.config import PROJECT
from sago.embedded.jars import VERSIONS
from tests.faults.house import Outcome

HEAD = ("fault", "injected", "messages", "lost", "doubled", "overtaken", "to recover (s)", "seed", "day", "commit")
FAILED = "FAILED: "
WHOLE = "The last run of all faults: "
PAGE = """# Reliability

Each line is one load, of 20,000 messages unless it says otherwise (one in a hundred sent twice, edits last), and a \
fault injected while it goes in, so many times, on real Kafka, Cassandra, Redis and Postgres, \
read by the test provider `marker`. `make \
faults` runs them all and writes this page; a part of them (`make faults ARGS="-k kafka"`) replaces its own lines. \
The seed gives the same moments again: `make faults ARGS="-k kafka" SAGO_FAULTS_SEED=…`.

- *lost*: versions without a row in the raw store, or in no merged batch and no dead letter, and events or \
observations that an undisturbed run has.
- *doubled*: rows, readings, observations or events that an undisturbed run does not have, and months with two \
letters; looked at once more when the broker has given out again what killed workers held.
- *overtaken*: versions that nobody read because a higher one of the same message had been read before they were \
queued: a fault turned the two round. The message says what its newest version says, so no event is missing.
- *to recover*: from the later of the last fault and the last message until all was accounted for. Set for it: \
{waits}; what waits for the 200th message is flushed every five seconds. With the defaults it takes longer: a batch \
whose tasks are lost waits `extraction.lost_after`, 360 s.

{table}

{whole}

On {machine}; Kafka {kafka}, Cassandra {cassandra}; load, servers and processes on the one machine.
"""


@dataclass
class Line:
    """One fault and what became of it in each of its runs."""

    fault: str
    injected: int
    outcomes: list[Outcome] = field(default_factory=list)


class Report:
    """Collects lines; draws the moments of faults from one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.day, self.commit = time.strftime("%Y-%m-%d", time.gmtime()), _commit()
        self.lines: list[Line] = []
        self.passed: set[str] = set()
        self._began = time.monotonic()

    def chance(self, name: str) -> Random:
        """The same for a name and a seed, whatever else runs."""
        return Random(f"{self.seed}:{name}")  # noqa: S311 - moments of faults, no secret

    def failed(self, test: str) -> None:
        """A test that ended otherwise than by its account."""
        if test not in (line.fault for line in self.lines):
            self.lines.append(Line(FAILED + test, 0))

    def add(self, fault: str, injected: int, *outcomes: Outcome) -> None:
        """Keep a line, and fail where anything was lost or doubled."""
        self.lines.append(Line(fault, injected, list(outcomes)))
        for outcome in outcomes:
            assert outcome.account.lost == [], f"{fault} (seed {self.seed}): {_some(outcome.account.lost)}"
            assert outcome.account.doubled == [], f"{fault} (seed {self.seed}): {_some(outcome.account.doubled)}"

    def rows(self) -> list[tuple[str, ...]]:
        """As text, in the order they ran."""
        return [(line.fault, *_figures(line), str(self.seed), self.day, self.commit) for line in self.lines]

    def write(self, path: Path, waits: str, *, whole: bool) -> None:
        """The page with our lines in the place of those of the same faults; of ours alone after a `whole` run."""
        before = path.read_text(encoding="utf-8") if path.exists() and not whole else ""
        lines = _lines(before)
        mended = {FAILED + test for test in self.passed}
        lines = {fault: row for fault, row in lines.items() if fault not in mended}
        lines |= {row[0]: row for row in self.rows()}
        page = PAGE.format(
            table="\n".join(f"| {' | '.join(row)} |" for row in (HEAD, ("---",) * len(HEAD), *lines.values())),
            waits=waits,
            whole=self._whole() if whole else _whole_of(before),
            machine=f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
            **VERSIONS,
        )
        path.write_text(page, encoding="utf-8")

    def _whole(self) -> str:
        minutes = (time.monotonic() - self._began) / 60
        return f"{WHOLE}{self.day}, commit {self.commit}, seed {self.seed}, in {minutes:.0f} minutes."


def _figures(line: Line) -> tuple[str, ...]:
    """Faults, messages, lost, doubled, overtaken, seconds; nothing of a test that failed before its account."""
    if not line.outcomes:
        return ("–",) * 6
    late = sum(outcome.faults_too_late for outcome in line.outcomes)
    return (
        f"{line.injected} ({late} after the load)" if late else str(line.injected),
        f"{sum(outcome.messages for outcome in line.outcomes):,}",
        str(sum(len(outcome.account.lost) for outcome in line.outcomes)),
        str(sum(len(outcome.account.doubled) for outcome in line.outcomes)),
        str(sum(outcome.account.overtaken for outcome in line.outcomes)),
        _spread([outcome.recovered for outcome in line.outcomes]),
    )


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    asked = subprocess.run(command, check=False, cwd=PROJECT, capture_output=True, text=True)
    return asked.stdout.strip() or "unknown"


def _whole_of(page: str) -> str:
    """What the page says of the last whole run."""
    return next((line for line in page.splitlines() if line.startswith(WHOLE)), f"{WHOLE}none.")


def _lines(page: str) -> dict[str, tuple[str, ...]]:
    """Fault → its line as it stands on the page."""
    rows = (tuple(line.strip("| ").split(" | ")) for line in page.splitlines() if line.startswith("| "))
    return {row[0]: row for row in rows if len(row) == len(HEAD) and row[0] not in (HEAD[0], "---")}


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "–"
    middle = f"{median(seconds):.1f}"
    return middle if len(seconds) == 1 else f"{middle} ({min(seconds):.1f}–{max(seconds):.1f})"


def _some(what: list[str]) -> str:
    more = f" and {len(what) - 5} more" if len(what) > 5 else ""
    return "; ".join(what[:5]) + more
