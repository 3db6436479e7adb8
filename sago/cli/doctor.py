"""`sago doctor`: one line a check, each failed one with how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.text import Text

from sago.cli.backends import Check, attempt, check_backends
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.config import Settings
from sago.embedded import jars
from sago.embedded.broker import library_path
from sago.embedded.places import find_places
from sago.embedded.postgres import postgres_install
from sago.embedded.record import read_record
from sago.embedded.redis import redis_binary
from sago.errors import ConfigError, SagoError

DISK_NEEDED = 1_000_000_000
"""Bytes free under which a check fails."""
DOCKER_WITHIN = 5.0


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("doctor", rich_help_panel=OPERATE)(doctor)


def doctor(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Look at this machine, the settings and the servers; exit 1 when something is broken.

    Example: [bold]sago doctor[/]
    """
    session = Session(as_json, verbose, quiet, config)
    checks = []
    for check in examine(session):
        checks.append(check)
        if not as_json:
            mark = Text("WARN ", "yellow") if check.warns else Text("ok   ", "green")
            mark = mark if check.ok else Text("FAIL ", "bold red")
            session.out.print(mark + Text(f"{check.name}: {check.says}"), soft_wrap=True)
    if as_json:
        session.emit({each.name: {"ok": each.ok, "warns": each.warns, "says": each.says} for each in checks})
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def examine(session: Session) -> Iterator[Check]:
    """Every check that makes sense after those before it."""
    yield _python()
    settings_check, settings = _settings(session)
    yield settings_check
    if settings is None:
        return
    running = _runs(settings)
    if settings.mode == "embedded" or running:
        yield attempt("redis-server", lambda: str(redis_binary()))
        yield attempt("postgres programs", lambda: str(postgres_install()))
        yield attempt("kafka library", _broker_library)
        yield _local_servers()
    yield _docker()
    yield _state_dir(settings.state_dir)
    yield _disk(settings.state_dir)
    if not running:
        yield from _ports(settings)
    yield from check_backends(settings)


def _python() -> Check:
    here = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    ok = sys.version_info[:2] in ((3, 11), (3, 12))
    return Check("python", here if ok else f"{here}: use Python 3.11 or 3.12, then `make setup`", ok)


def _settings(session: Session) -> tuple[Check, Settings | None]:
    try:
        settings = session.settings
    except SagoError as error:
        return Check("settings", str(error), ok=False), None
    return Check("settings", f"{settings.mode} mode, state in {settings.state_dir}"), settings


def _runs(settings: Settings) -> bool:
    """Whether a stack of ours runs; `check_backends` tells of a file that cannot be read."""
    try:
        record = read_record(settings.state_dir)
    except ConfigError:
        return False
    return record is not None and not record.abandoned()


def _broker_library() -> str:
    try:
        return str(library_path())
    except FileNotFoundError as error:
        raise ConfigError(f"{error}: `make setup` on Linux x86-64, or set kafka.bootstrap_servers") from error


def _local_servers() -> Check:
    """For information: the embedded servers need neither."""
    missing = jars.missing()
    if missing is None:
        return Check("jdk and maven", "here: `sago up --servers local` runs real Kafka and Cassandra")
    return Check("jdk and maven", f"{missing}; without them the embedded servers run")


def _docker() -> Check:
    """For information: nothing but docker-compose.yml needs it."""
    docker = shutil.which("docker")
    if docker is None:
        return Check("docker", "not here; only `docker compose` needs it")
    command = [docker, "version", "--format", "{{.Server.Version}}"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=DOCKER_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return Check("docker", "installed, its engine does not answer; only `docker compose` needs it")
    if told.returncode:
        return Check("docker", "installed, its engine does not answer; only `docker compose` needs it")
    return Check("docker", f"engine {told.stdout.strip()}")


def _existing(folder: Path) -> Path:
    folder = folder.resolve()
    return next(each for each in (folder, *folder.parents) if each.exists())


def _state_dir(folder: Path) -> Check:
    ok = _existing(folder).is_dir() and os.access(_existing(folder), os.W_OK | os.X_OK)
    says = str(folder) if ok else f"{folder} cannot be written: set state_dir (SAGO_STATE_DIR), or mend its mode"
    return Check("state folder", says, ok)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(_existing(folder)).free
    says = f"{free / 1e9:.1f} GB free"
    ok = free >= DISK_NEEDED
    return Check("disk", says if ok else f"{says}: free at least {DISK_NEEDED / 1e9:.0f} GB, or move state_dir", ok)


def _metrics_port(settings: Settings) -> Iterator[Check]:
    """Where Prometheus would read, if that is set; without it the API works all the same."""
    host, port = settings.api.metrics_host, settings.api.metrics_port
    if not port:
        return
    try:
        with socket.create_server((host, port)):
            yield Check("port of metrics", f"{port} of {host} is free")
    except OSError as error:
        mend = "set api.metrics_port to a free one, or to 0 for none"
        yield Check("port of metrics", f"{host}:{port}: {error.strerror or error}; {mend}", ok=False)


def _ports(settings: Settings) -> Iterator[Check]:
    """Where the API and Flower would listen if the stack were started now."""
    yield from _metrics_port(settings)
    for name in ("api", "flower"):
        notes: list[str] = []
        try:
            place = find_places(settings, [name], notes.append)[name]
        except ConfigError as error:
            yield Check(f"port of {name}", str(error), ok=False)
        else:
            yield Check(f"port of {name}", notes[0] if notes else f"{place.port} of {place.host} is free")
