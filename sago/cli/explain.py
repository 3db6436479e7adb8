"""`sago watch explain`: why a watch says what it says."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from sago.bootstrap import Container
from sago.cli.days import day_option
from sago.cli.lookup import CompanyOption, opened, require_known, the_one
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.outreach.judging import Explanation
from sago.report.explanation import explanation


def explain(
    watch: Annotated[str | None, typer.Argument(help="Id, or its first characters; all without.")] = None,
    company: CompanyOption = None,
    as_of: Annotated[date | None, day_option("--as-of", help="At the end of this day (UTC) \\[now].")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say why a watch says write, wait or do not write: what it weighs, the proof, and what speaks against it.

    Example: [bold]sago watch explain --company scaleflow[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        explained = _explained(container, watch, company, as_of)
        with container.database.begin() as tx:
            names = {each.company_id: each.name for each in tx.companies.all()}
    for each in explained:
        if as_json:
            since = each.before.as_of if each.before else None
            session.emit(
                each.verdict.model_dump(mode="json") | {"verdict_before": since, "changes": each.changes},
            )
        else:
            name = names.get(each.verdict.watch.company_id, each.verdict.watch.company_id)
            session.out.print(explanation(each.verdict, each.before, each.changes, name, each.titles))
    if not explained:
        session.note("no watches yet")


def _explained(container: Container, wanted: str | None, company: str | None, as_of: date | None) -> list[Explanation]:
    with container.database.begin() as tx:
        require_known(tx, company)
        watches = tx.outreach.watches(company)
    if wanted is not None:
        watches = [the_one("watch", wanted, watches, lambda each: each.id)]
    moment = container.clock.now()
    if as_of is not None:
        moment = datetime.combine(as_of, time.min, UTC) + timedelta(days=1, milliseconds=-1)
    return container.judging.explain(watches, moment)
