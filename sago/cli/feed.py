"""`sago ingest` and `sago wipe`: feed the stores and empty them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sago.bootstrap import build
from sago.cli.columns import ColumnMap, column_map, told
from sago.cli.feeding import Run
from sago.cli.run import STOPPED, check_file, exit_code, stack_for
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.config import Settings
from sago.embedded.kinds import remove_servers
from sago.embedded.record import read_record
from sago.errors import UsageError
from sago.sources.files import count_rows, read_path


def register(app: typer.Typer) -> None:
    """Add the commands to their panel."""
    app.command("ingest", rich_help_panel=OPERATE)(ingest)
    app.command("wipe", rich_help_panel=OPERATE)(wipe)


def ingest(
    path: Annotated[Path, typer.Argument(help="CSV, Slack export .zip, .mbox, .eml or a folder of .eml.")],
    company: Annotated[str | None, typer.Option(help="Company of rows that name none.")] = None,
    mapping: ColumnMap = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Store a file's messages and let the running stack read them in its own time.

    Example: [bold]sago ingest today.csv --company scaleflow[/]
    """
    session = Session(as_json, verbose, quiet, config)
    settings = session.settings
    columns = column_map(mapping)
    check_file(path, company or settings.company_id, columns)
    with stack_for(session, settings, Path("output"), None) as running:
        done = _feed(session, running, path, company or settings.company_id, columns)
    figures = done.figures()
    if as_json:
        session.emit(figures | done.left_out())
    else:
        session.out.print(" · ".join(f"{name} {value}" for name, value in figures.items() if name != "batches"))
        for line in done.refused():
            session.note(f"  {escape(line)}")
        for line in told(done.ignored):
            session.note(line)
    if not settings.has_servers and done.account.stored:
        session.note(
            f"no stack was running: stored in {escape(str(settings.state_dir))}; "
            "read at the next `sago up` or `sago run`"
        )
    raise typer.Exit(exit_code(done))


def _feed(session: Session, settings: Settings, path: Path, company: str, columns: dict[str, str]) -> Run:
    container = build(settings)
    try:
        done = Run(container)
        now = container.clock.now()
        rows = read_path(path, company_id=company, mapping=columns, now=now, ignored=done.ignored)
        with session.progress() as bars:
            done.feed(rows, count_rows(path), bars)
    except KeyboardInterrupt:
        session.note(STOPPED)
        raise
    finally:
        container.close()
    return done


def wipe(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Erase everything Sago has stored on this machine: messages, events, letters, logs. Other files stay.

    Example: [bold]sago wipe --yes[/]
    """
    session = Session(as_json, verbose, quiet, config)
    settings = session.settings
    record = read_record(settings.state_dir)
    if record is not None and record.alive():
        raise UsageError(f"wipe erases what lies in {settings.state_dir}; the stack is running: `sago down` first")
    if settings.has_servers:
        raise UsageError(f"wipe erases what lies in {settings.state_dir}; these are your servers")
    if not yes:
        typer.confirm(f"Erase everything in {settings.state_dir.resolve()}?", abort=True, err=True)
    _erase(settings.state_dir)
    if as_json:
        session.emit({"erased": str(settings.state_dir)})
    else:
        session.out.print(f"{settings.state_dir} is erased")


def _erase(state_dir: Path) -> None:
    """Delete what Sago keeps in the folder, and the folder when nothing else is in it: it may be a project's own."""
    for folder in (state_dir, state_dir / "demo"):
        remove_servers(folder)
    for name in ("logs", "run", "demo", "mirror"):
        shutil.rmtree(state_dir / name, ignore_errors=True)
    for name in ("stack.json", "stack.lock"):
        (state_dir / name).unlink(missing_ok=True)
    if state_dir.is_dir() and not any(state_dir.iterdir()):
        state_dir.rmdir()
