"""`sago outreach`: letters as they would be read, and a person's work on each."""

from __future__ import annotations

import typer

from sago.cli.letters.deciding import approve_letter, reject_letter, resolve_letter, undo_decision
from sago.cli.letters.editing import edit_letter
from sago.cli.letters.reading import list_letters, show_history, show_letter, show_receipts
from sago.cli.letters.ticking import tick_claims

group = typer.Typer(no_args_is_help=True, help="Letters: read, tick, edit, approve. Nothing goes out unapproved.")
group.command("list")(list_letters)
group.command("show")(show_letter)
group.command("receipt")(show_receipts)
group.command("tick")(tick_claims)
group.command("edit")(edit_letter)
group.command("approve")(approve_letter)
group.command("undo")(undo_decision)
group.command("reject")(reject_letter)
group.command("resolve")(resolve_letter)
group.command("history")(show_history)
