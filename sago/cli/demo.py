"""`sago demo`: a month of three companies in, three verdicts and a letter out, on servers of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sago.bootstrap import Container, build
from sago.cli.feeding import Run
from sago.cli.run import exit_code, feed_file, make_folder
from sago.cli.session import EVERYDAY, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.cli.transient import transient_stack
from sago.report import screen
from sago.sample import stories


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("demo", rich_help_panel=EVERYDAY)(demo)


def demo(
    rows: Annotated[int, typer.Option(min=200, help="Messages of the three companies together.")] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same messages.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("output"),
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Run the sample stories through the real pipeline and show what an investor would see.

    Starts its own servers in a fresh folder and stops them afterwards; nothing leaves this machine.

    Example: [bold]sago demo --rows 2000 --seed 11[/]
    """
    session = Session(as_json, verbose, quiet, config)
    fresh = session.settings.state_dir / "demo"
    make_folder(out)
    forget_letters(out / "outreach")
    done = _tell(session, fresh, rows, seed, out)
    raise typer.Exit(exit_code(done))


def forget_letters(folder: Path) -> None:
    """Delete the letters of an earlier demo; those of every other company stay."""
    ours = "|".join(re.escape(company.company_id) for company in stories.companies())
    letter = re.compile(rf"({ours})-(\d{{4}}-\d{{2}}|now-.*)-[0-9a-f]{{8}}\.eml")
    for file in folder.glob("*.eml"):
        if letter.fullmatch(file.name):
            file.unlink()


def _tell(session: Session, fresh: Path, rows: int, seed: int, out: Path) -> Run:
    sample_file = fresh / "sample.csv"
    stories.write_csv(sample_file, rows=rows, seed=seed)
    with transient_stack(session, fresh, out, provider="offline", discard=True) as running:
        container = build(running)
        try:
            introduce(container)
            done = feed_file(session, container, sample_file, "scaleflow", {})
            data = done.report(out)
        finally:
            container.close()
    if session.as_json:
        session.emit(done.figures() | {"events": len(data.events), "letters": len(data.letters)})
    else:
        session.out.print(screen(data, out))
    return done


def introduce(container: Container) -> None:
    """The companies of the stories, and the watches of the investors who passed on them."""
    now = container.clock.now()
    with container.database.begin() as tx:
        for company in stories.companies():
            tx.companies.ensure(company.company_id, now)
            tx.companies.save(company)
        for watch in stories.watches(now):
            tx.outreach.add_watch(watch)
