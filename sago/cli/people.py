"""What people do from a terminal: `company`, `people`, `events`, `watch`, `outreach`, `notices` and `share`."""

from __future__ import annotations

import typer

from sago.cli import companies, events, letters, mailing, notices, persons, shares, watches
from sago.cli.session import EVERYDAY


def register(app: typer.Typer) -> None:
    """Add the groups to their panel."""
    app.add_typer(events.group, name="events", rich_help_panel=EVERYDAY)
    app.add_typer(companies.group, name="company", rich_help_panel=EVERYDAY)
    app.add_typer(persons.group, name="people", rich_help_panel=EVERYDAY)
    app.add_typer(watches.group, name="watch", rich_help_panel=EVERYDAY)
    mailing.register(letters.group)
    app.add_typer(letters.group, name="outreach", rich_help_panel=EVERYDAY)
    app.add_typer(notices.group, name="notices", rich_help_panel=EVERYDAY)
    app.add_typer(shares.group, name="share", rich_help_panel=EVERYDAY)
