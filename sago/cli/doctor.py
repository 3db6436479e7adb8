"""`sago doctor`: one line a check, each failed one with how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import typer
from rich.text import Text

from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.config import Settings
from sago.embedded.broker import library_path
from sago.embedded.health import check_stack
from sago.embedded.postgres import postgres_install
from sago.embedded.record import read_record
from sago.embedded.redis import redis_binary
from sago.errors import ConfigError, SagoError

DISK_NEEDED = 1_000_000_000
"""Bytes free under which a check fails."""


class Check(NamedTuple):
    """A check's name, whether it passed, and what was found or how to mend it."""

    name: str
    says: str
    ok: bool = True


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("doctor", rich_help_panel=OPERATE)(doctor)


def doctor(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Look at this machine, the settings and the servers; exit 1 when something is broken.

    Example: [bold]sago doctor[/]
    """
    session = Session(as_json, verbose, quiet, config)
    checks = list(examine(session))
    if as_json:
        session.emit({check.name: {"ok": check.ok, "says": check.says} for check in checks})
    else:
        for check in checks:
            mark = Text("ok   " if check.ok else "FAIL ", "green" if check.ok else "bold red")
            session.out.print(mark + Text(f"{check.name}: {check.says}"), soft_wrap=True)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def examine(session: Session) -> Iterator[Check]:
    """Every check that makes sense after those before it."""
    yield _python()
    settings_check, settings = _settings(session)
    yield settings_check
    if settings is None:
        return
    if settings.mode == "embedded":
        yield _try("redis-server", lambda: str(redis_binary()))
        yield _try("postgres", lambda: str(postgres_install()))
        yield _try("kafka library", _broker_library)
    yield _state_dir(settings.state_dir)
    yield _disk(settings.state_dir)
    yield from _servers(settings)


def schema_level_of(settings: Settings) -> str:
    """The migration the schema stands at; raises ConfigError when it is not the newest."""
    from sago.stores.postgres import schema_level

    level = schema_level(settings.postgres)
    if level.current != level.head:
        raise ConfigError(
            f"the schema is at {level.current or 'nothing'}, this checkout needs {level.head}: `sago migrate`"
        )
    return level.head


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


def _try(name: str, find: Callable[[], str]) -> Check:
    try:
        return Check(name, find())
    except SagoError as error:
        return Check(name, str(error), ok=False)


def _broker_library() -> str:
    try:
        return str(library_path())
    except FileNotFoundError as error:
        raise ConfigError(f"{error}: `make setup` on Linux x86-64, or set kafka.bootstrap_servers") from error


def _existing(folder: Path) -> Path:
    folder = folder.resolve()
    return next(each for each in (folder, *folder.parents) if each.exists())


def _state_dir(folder: Path) -> Check:
    ok = _existing(folder).is_dir() and os.access(_existing(folder), os.W_OK | os.X_OK)
    says = str(folder) if ok else f"{folder} cannot be written: set state_dir in config.yaml, or mend its mode"
    return Check("state folder", says, ok)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(_existing(folder)).free
    says = f"{free / 1e9:.1f} GB free"
    ok = free >= DISK_NEEDED
    return Check("disk", says if ok else f"{says}: free at least {DISK_NEEDED / 1e9:.0f} GB, or move state_dir", ok)


def _servers(settings: Settings) -> Iterator[Check]:
    try:
        found = check_stack(read_record(settings.state_dir), settings)
    except ConfigError as error:
        yield Check("stack", str(error), ok=False)
        return
    if not found:
        yield Check("stack", "not running; `sago up` starts it, `sago run` needs none")
        return
    for name, health in found.items():
        kind = health.service.kind
        mend = "" if kind == "service" else f": see `sago logs {name}`, then `sago down` and `sago up`"
        says = kind if health.healthy else health.reason + mend
        yield Check(name, says, health.healthy)
    if found["postgres"].healthy:
        yield _try("schema", lambda: schema_level_of(settings))
