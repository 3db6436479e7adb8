"""Pages whose examples run as they stand: the shell blocks of a Markdown page in one shell, and what each answered."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from subprocess import PIPE
from typing import Any, NamedTuple

BLOCK = re.compile(r"^```sh\n(?P<command>.*?)^```\n(?:```json\n(?P<answer>.*?)^```$)?", re.DOTALL | re.MULTILINE)
MARK = "\x1e"
AS_IT_CAME = "as it came"
"""Instead of what another run, or another machine, tells otherwise."""
VARIES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|key:[0-9a-f]{8}"
    r"|\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?|(?<=(on|by) )\d{1,2} [A-Z][a-z]+( \d{4})?"
)


class Example(NamedTuple):
    """One shell block, and the answer that stands below it; None where none does."""

    command: str
    answer: str | None


def examples_of(page: str) -> list[Example]:
    """In their order."""
    return [Example(found["command"], found["answer"]) for found in BLOCK.finditer(page)]


def run_in_one_shell(examples: list[Example], environment: Mapping[str, str], folder: Path, within: float) -> list[str]:
    """What each wrote to stdout; raises AssertionError with what the shell said where one fails, or takes too long."""
    script = "set -euo pipefail\n" + "".join(f"printf '{MARK}'\n{each.command}" for each in examples)
    with subprocess.Popen(
        ["bash", "-c", script], env=environment, cwd=folder, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True
    ) as shell:
        try:
            out, errors = shell.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            out, errors = shell.communicate()
    said = out.split(MARK)[1:]
    assert shell.returncode == 0, f"{examples[len(said) - 1].command}\n{said[-1]}\n{errors[-3000:]}"
    return said


def settled(value: Any) -> Any:
    """The answer without what varies from run to run."""
    if isinstance(value, dict):
        return {name: settled(each) for name, each in value.items()}
    if isinstance(value, list):
        return [settled(each) for each in value]
    if isinstance(value, float):
        return round(value, 1)  # scores fall by the minute
    return VARIES.sub(AS_IT_CAME, value) if isinstance(value, str) else value


def shape(value: Any) -> Any:
    """The names of an answer, without values; of a list those of its first item."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value[:1]] if isinstance(value, list) else None
