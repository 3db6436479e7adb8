"""`sago logs`: what the processes and servers write, followed through rotations."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.embedded.logs import log_file, log_files, set_aside
from sago.embedded.processes import last_line
from sago.errors import UsageError

FOLLOW_EVERY = 0.25
COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("logs", rich_help_panel=OPERATE)(logs)


def logs(
    name: Annotated[str | None, typer.Argument(help="A process or server, as `sago status` names it.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines from the end.")] = 50,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """The last lines of a log; without a NAME which logs there are, with [bold]-f[/] all of them as they are written.

    Example: [bold]sago logs extract -f[/]
    """
    session = Session(as_json, verbose, quiet, config)
    places = log_files(session.settings.state_dir)
    if name is None and not follow:
        _list(session, places)
        return
    if name is not None:
        places = {name: _named(session.settings.state_dir, places, name)}
    tails = {each: Tail(path) for each, path in places.items()}
    for each, tail in tails.items():
        for line in tail.last(lines if name else 0):
            _print_line(session, each if name is None else "", line)
    if follow:
        _follow(session, tails, prefixed=name is None)


class Tail:
    """One log read to its end, and on from there; it follows when the log is set aside and begins anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._aside = _inode(set_aside(path))

    def last(self, count: int) -> list[str]:
        """The last lines as they are now, and on from there; none where it was deleted just now."""
        try:
            with self._path.open("rb") as log:
                kept = deque(log, maxlen=count)
                self._position = log.tell()
        except FileNotFoundError:
            return []
        return [line.decode(errors="replace").rstrip("\n") for line in kept]

    def more(self) -> Iterator[str]:
        """The complete lines written since the last call."""
        try:
            if self._was_set_aside():
                yield from self._lines(set_aside(self._path))
                self._position = 0
            yield from self._lines(self._path)
        except FileNotFoundError:
            self._position = 0

    def _was_set_aside(self) -> bool:
        """Whether there is a new `.1` and the log was emptied since: it is copied first."""
        aside = set_aside(self._path)
        inode = _inode(aside)
        if inode in (None, self._aside) or self._path.stat().st_size >= aside.stat().st_size:
            return False
        self._aside = inode
        return True

    def _lines(self, path: Path) -> Iterator[str]:
        with path.open("rb") as log:
            log.seek(self._position)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                yield line.decode(errors="replace").rstrip("\n")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _follow(session: Session, tails: dict[str, Tail], *, prefixed: bool) -> None:
    try:
        while True:
            for name, tail in tails.items():
                for line in tail.more():
                    _print_line(session, name if prefixed else "", line)
            time.sleep(FOLLOW_EVERY)
    except KeyboardInterrupt:
        return


def _list(session: Session, places: dict[str, Path]) -> None:
    if session.as_json:
        session.emit({name: str(path) for name, path in places.items()})
        return
    if not places:
        session.note(f"no logs in {session.settings.state_dir}: start the stack with `sago up`")
        return
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False, expand=True)
    for column in ("log", "written (UTC)"):
        table.add_column(column, no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("last line", no_wrap=True, overflow="ellipsis", ratio=1)
    for name, path in places.items():
        with suppress(FileNotFoundError):  # deleted just now
            told = path.stat()
            written = datetime.fromtimestamp(told.st_mtime, UTC).strftime("%d %b %H:%M:%S")
            table.add_row(name, written, f"{told.st_size / 1000:.0f} kB", Text(last_line(path, "")))
    session.out.print(table)
    session.note("`sago logs NAME` shows one, `-f` goes on, `sago logs -f` follows all")


def _named(state_dir: Path, places: dict[str, Path], name: str) -> Path:
    if name not in places:
        there = f"there are logs of {', '.join(places)}" if places else "start the stack with `sago up`"
        raise UsageError(f"no log of {name} in {log_file(state_dir, name).parent}: {there}")
    return places[name]


def _print_line(session: Session, name: str, line: str) -> None:
    if session.as_json:
        session.emit({"name": name, "line": line} if name else {"line": line})
        return
    colour = COLOURS[sum(name.encode()) % len(COLOURS)]
    prefix = Text(f"{name:<11}", colour) if name else Text()
    session.out.print(prefix + Text(line), soft_wrap=True)
