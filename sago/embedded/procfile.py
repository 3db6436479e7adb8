"""The Procfile: one `name: command` a line; a shell replaces variables and is itself replaced by the command."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from sago.embedded.logs import log_file
from sago.embedded.processes import Child, spawn
from sago.errors import ConfigError

_LINE = re.compile(r"^(?P<name>[a-z][a-z0-9_-]*):\s*(?P<command>\S.*)$")


def read_procfile(path: Path) -> dict[str, str]:
    """Name → command, in the order of the file; raises ConfigError with the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); run from a clone of the project") from error
    commands: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None or match["name"] in commands:
            raise ConfigError(f"{path}:{number}: must be `name: command`, each name once")
        commands[match["name"]] = match["command"]
    return commands


def ready_file(state_dir: Path, name: str) -> Path:
    """Touched by a process once it works."""
    return state_dir / "run" / f"{name}.ready"


def start_process(name: str, command: str, state_dir: Path, environ: Mapping[str, str]) -> Child:
    """Start one process of the Procfile; it has not said yet that it is ready."""
    ready = ready_file(state_dir, name)
    ready.parent.mkdir(parents=True, exist_ok=True)
    ready.unlink(missing_ok=True)
    shell = ["/bin/sh", "-c", f"exec {command}"]
    return spawn(name, shell, log=log_file(state_dir, name), env={**environ, "SAGO_READY_FILE": str(ready)})


def process_environment(state_dir: Path, config: Path | None, extra: Mapping[str, str]) -> dict[str, str]:
    """Ours, with the stack's folder and settings file, and our own interpreter and commands first on PATH."""
    programs = str(Path(sys.executable).parent)
    environ = {
        **os.environ,
        **extra,
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        "SAGO_STATE_DIR": str(state_dir),
        "PYTHONUNBUFFERED": "1",
        # One malloc arena a process instead of eight a core: threads here wait, they do not allocate.
        "MALLOC_ARENA_MAX": "2",
    }
    return environ if config is None else {**environ, "SAGO_CONFIG": str(config.resolve())}
