"""Small stacks for tests: processes of a line of Python, and what is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from sago.config import Settings
from sago.embedded.postgres import data_folder

READY = "import os, pathlib, time; pathlib.Path(os.environ['SAGO_READY_FILE']).touch(); time.sleep(300)"
FAILS = "raise SystemExit('cannot: the reason')"
NEVER_READY = "import time; time.sleep(300)"
UP = """
import signal, sys, time
from pathlib import Path
from sago.embedded.stack import Stack
signal.signal(signal.SIGINT, signal.default_int_handler)
def migrate(settings):
    print("schema", flush=True)
    time.sleep(float(sys.argv[3]))
stack = Stack(Path(sys.argv[1]), migrate, procfile=Path(sys.argv[2]), on_step=lambda step: print(step, flush=True))
stack.start()
"""
"""`sago up` without its command line: state folder, Procfile, seconds the schema takes. It prints its steps."""


def no_schema(settings: Settings) -> None:
    """These processes need none; the addresses must be there already."""
    assert settings.has_servers


def procfile(state: Path, **codes: str) -> Path:
    """A Procfile beside the state folder: a process a keyword, each a line of Python."""
    path = state.parent / "Procfile"
    path.write_text("".join(f'{name}: python -c "{code}"\n' for name, code in codes.items()))
    return path


def leftovers(state: Path) -> list[str]:
    """Command lines of everything that still runs for this state folder."""
    marks = {str(state), str(data_folder(state / "postgres").parent)}
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.environ().get("SAGO_STATE_DIR", "")]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(mark in word for word in words for mark in marks):
            found.append(" ".join(words))
    return found


def run_until(line: str, code: str, *words: str) -> subprocess.Popen[str]:
    """A Python process of its own that has just printed `line`."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for printed in process.stdout:
        if printed.strip() == line:
            return process
    process.wait()
    raise AssertionError(f"it ended before it printed {line!r}")
