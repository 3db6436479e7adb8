"""What every command shares: the options --json, -v, -q and --config, where output goes, and how errors end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sago import config, telemetry
from sago.config import Settings
from sago.errors import SagoError, UsageError

EVERYDAY, CONNECT, OPERATE = "Everyday", "Connect", "Operate"
"""The three panels of `sago --help`."""

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only errors on stderr.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings file [./config.yaml].")]


@dataclass
class Session:
    """One command's settings and its two outputs: results on stdout, progress and notes on stderr."""

    as_json: bool = False
    verbose: bool = False
    quiet: bool = False
    config_file: Path | None = None
    out: Console = field(default_factory=lambda: Console(soft_wrap=False, highlight=False))
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def __post_init__(self) -> None:
        telemetry.configure("DEBUG" if self.verbose else "ERROR" if self.quiet else "WARNING", "auto")

    @property
    def settings(self) -> Settings:
        """Read anew at each use: a stack may have started meanwhile. Raises ConfigError."""
        return config.load(self.config_file)

    def note(self, text: str) -> None:
        """One line for a person, on stderr; markup allowed; nothing with --quiet."""
        if not self.quiet:
            self.err.print(text)

    def emit(self, value: Any) -> None:
        """One JSON value as one line on stdout."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Progress bars on stderr; invisible without a terminal or with --quiet."""
        bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.err,
            disable=self.quiet or not self.err.is_terminal,
        )
        with bars:
            yield bars


def fail(error: SagoError) -> NoReturn:
    """Say the error in one line on stderr and leave: 2 for wrong usage, 1 for everything else."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]sago:[/] {_escape(str(error))}")
    raise SystemExit(2 if isinstance(error, UsageError) else 1)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
