"""How we run a server on the JVM: what both have in common, and why one ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sago.embedded.jars import java_binary
from sago.embedded.processes import Child, spawn

FLAGS = (
    # The quick compiler alone: up a fifth sooner, 60 MB less, and half the processor time in the first minutes of bulk
    # writes, on cores that it shares with the workers. Clients in Python never wait for the better code.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",  # half a GB of heap on two cores: G1 would only add threads and 40 MB
    "-XX:+ExitOnOutOfMemoryError",  # dead, and said so by `sago status`, rather than half alive
    "-XX:-UsePerfData",  # nothing in the machine's /tmp
    "-Djava.net.preferIPv4Stack=true",
    "-Djava.awt.headless=true",
    "-Dfile.encoding=UTF-8",
)

PR_SET_TIMERSLACK = 29
"""Of prctl(2), from linux/prctl.h."""
TIMER_SLACK = 1_000_000
"""Nanoseconds by which a sleep may end late. Cassandra's idle workers sleep for 10 µs again and again; at Linux's own
slack of 50 µs this took two fifths of its processor time under a steady feed."""


def run_java(
    name: str, main: str, class_path: Sequence[Path], flags: Sequence[str], *arguments: str, folder: Path
) -> Child:
    """Start a main class whose output goes to `<folder>/<name>.log`; raises ConfigError where there is no Java.

    Native parts are unpacked into `<folder>/tmp`, emptied at each start: a killed JVM leaves them behind.
    """
    unpacked = folder / "tmp"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir(parents=True)
    command = [str(java_binary()), *FLAGS, f"-Djava.io.tmpdir={unpacked}", *flags, main, *arguments]
    with timer_slack(TIMER_SLACK):
        return spawn(name, command, log=folder / f"{name}.log", env=_environment(class_path), cwd=folder)


@contextlib.contextmanager
def timer_slack(nanoseconds: int) -> Iterator[None]:
    """For what this thread starts meanwhile, through its exec; then this thread's own default again. Linux only."""
    if sys.platform != "linux":
        yield
        return
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(nanoseconds))
    try:
        yield
    finally:
        prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(0))


def reason(log: Path, otherwise: str = "it wrote nothing") -> str:
    """The last line of a log that names an error; stack frames follow it."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return otherwise
    told = [line.strip() for line in lines if re.match(r"(?=\S).*(Exception|Error|ERROR|FATAL)", line)]
    return told[-1] if told else next((line.strip() for line in reversed(lines) if line.strip()), otherwise)


def _environment(class_path: Sequence[Path]) -> dict[str, str]:
    """Nothing of ours: JAVA_TOOL_OPTIONS and the like would reach in. A class path here keeps `ps` readable."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", "CLASSPATH": os.pathsep.join(map(str, class_path))}
