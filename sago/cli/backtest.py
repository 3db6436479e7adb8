"""`sago backtest`: when conditions would have fired, replayed without hindsight."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from sago.cli.days import day_option
from sago.cli.lookup import opened, require_known, table
from sago.cli.session import EVERYDAY, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.backtests import Backtest, Stretch
from sago.domain.wording import day
from sago.errors import UsageError
from sago.outreach.backtesting import Question
from sago.outreach.conditions import parse_all
from sago.report.backtest_plot import lead, write_plot
from sago.report.phrases import counted, one_line


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("backtest", rich_help_panel=EVERYDAY)(backtest)


def backtest(
    company: Annotated[str, typer.Option("--company", help="Company id, as in `sago company list`.")],
    when: Annotated[list[str], typer.Option("--when", help="A condition: 'arr >= 2M'. Repeatable: all must hold.")],
    start: Annotated[date, day_option("--from", help="First day.")],
    end: Annotated[date | None, day_option("--to", help="Last day \\[the last with news].")] = None,
    met_on: Annotated[
        date | None, day_option("--met", help="Events count from this day on, its own too [--from].")
    ] = None,
    against: Annotated[date | None, day_option("--against", help="Day to which the lead time counts [--to].")] = None,
    step: Annotated[str, typer.Option("--step", help="From look to look: 1d, 7d, 2w.")] = "1d",
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Plot it into this file.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Replay history: on which days these conditions would have held, by what had been said by the end of each.

    An edit counts from the day it was made, a rejection of yours from the day you made it. Lead time: days from the
    first firing to --against, the day on which you would have learned of it anyway. A miss: days on which the
    conditions held, as is known today, and nobody had said so yet. It is the house's own view: all that was read,
    whatever the founder shares with a firm. Exit code 1 where it never fired.

    Example: [bold]sago backtest --company scaleflow --when 'arr >= 2M' --from 2026-01-01 --svg arr.svg[/]
    """
    session = Session(as_json, verbose, quiet, config)
    question = Question(
        company_id=company,
        conditions=parse_all(when),
        start=start,
        end=end,
        met_on=met_on,
        against=against,
        step=_step(step),
    )
    with opened(session) as container:
        with container.database.begin() as tx:
            require_known(tx, company)
            profile = tx.companies.get(company)
        replayed = container.backtesting.run(question, container.clock.now())
    if svg:
        write_plot(replayed, profile.name if profile else company, svg)
    if as_json:
        session.emit(_row(replayed))
    else:
        _say(session, replayed)
    if svg:
        session.note(f"plot: {svg}")
    if not replayed.firings:
        raise typer.Exit(1)


def _step(written: str) -> int:
    match = re.fullmatch(r"(\d{1,3})\s*([dw])", written.strip().lower())
    number = int(match[1]) * (7 if match[2] == "w" else 1) if match else 0
    if not number:
        raise UsageError(f"--step {one_line(written, 20)}: write it in days or weeks, as in 1d or 2w")
    return number


def _row(replayed: Backtest) -> dict[str, object]:
    row = replayed.model_dump(mode="json", exclude={"days"})
    for name in ("firings", "misses", "mistakes"):
        for told, stretch in zip(row[name], getattr(replayed, name), strict=True):
            told["days"] = stretch.days
    return row | {"lead_days": replayed.lead_days, "held_days": sum(each.days for each in replayed.firings)}


def _say(session: Session, replayed: Backtest) -> None:
    kinds = (("fired", replayed.firings), ("missed", replayed.misses), ("mistaken", replayed.mistakes))
    rows = sorted(((each, kind) for kind, found in kinds for each in found), key=lambda pair: pair[0].first)
    if rows:
        heads = ("", "from", "to", "days", "why")
        table(session, heads, [_cells(stretch, kind, replayed) for stretch, kind in rows], "", right=("days",))
    looked = counted(len(replayed.days), "look")
    told = f"{lead(replayed)} (the house's own view, whatever is shared)"
    session.out.print(Text(f"{day(replayed.start)} to {day(replayed.end)}, {looked}: {told}"))


def _cells(stretch: Stretch, kind: str, replayed: Backtest) -> tuple[str, ...]:
    still = " (still)" if stretch.last == replayed.days[-1].day else ""
    return kind, f"{stretch.first}", f"{stretch.last}{still}", str(stretch.days), stretch.because
