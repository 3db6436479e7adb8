"""`sago extract` in this process on messages of a test."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner, Result

from sago.cli.extract import register

HEADER = "id,is_chat,chat_sender,email_sender,timestamp,content,company_id\n"


def extract_with(provider: str, folder: Path, *texts: str, options: tuple[str, ...] = ("--allow-model",)) -> Result:
    """One chat message a text, of the company acme."""
    path = folder / "messages.csv"
    rows = "".join(f"c{n},true,kim,,2025-10-06T09:{n:02}:00Z,{text},acme\n" for n, text in enumerate(texts))
    path.write_text(HEADER + rows, encoding="utf-8")
    app = typer.Typer()
    register(app)
    app.command("second")(lambda: None)
    return CliRunner().invoke(app, ["extract", str(path), "--provider", provider, *options])
