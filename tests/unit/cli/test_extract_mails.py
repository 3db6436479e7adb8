"""`sago extract` on mails: others' words make no event, and one mail told by two ways is one event."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from sago.cli.extract import register

NEWS = "Contoso signed for three years at $120k a year."
SEPARATOR = "From kim@acme.example Mon Oct  6 09:00:00 2025\n"


def mail(message_id: str, body: str, *headers: str, second: int = 0) -> str:
    said = [
        "From: Kim <kim@acme.example>",
        f"Date: Mon, 06 Oct 2025 09:00:{second:02d} +0000",
        f"Message-ID: <{message_id}>",
        *headers,
    ]
    return SEPARATOR + "\n".join(said) + f"\n\n{body}\n\n"


def extract(tmp_path: Path, *mails: str) -> tuple[list[dict], str]:
    path = tmp_path / "mails.mbox"
    path.write_text("".join(mails), encoding="utf-8")
    app = typer.Typer()
    register(app)
    app.command("second")(lambda: None)
    result = CliRunner().invoke(app, ["extract", str(path), "--company", "acme"])
    return [json.loads(line) for line in result.stdout.splitlines()], " ".join(result.stderr.split())


def test_one_mail_from_a_file_and_from_gmail_is_one_event_with_two_proofs(tmp_path: Path) -> None:
    """The file's id is the Message-ID, Gmail's its own; Gmail's time is when it took the mail."""
    (event,), _ = extract(tmp_path, mail("1@acme.example", NEWS), mail("19caf00d17b2a001", NEWS, second=3))
    assert event["message_ids"] == ["1@acme.example", "19caf00d17b2a001"]
    assert len({proof["quote"] for proof in event["evidence"]}) == 1


def test_what_others_said_is_no_event(tmp_path: Path) -> None:
    events, said = extract(
        tmp_path,
        mail("1@x", f"Thanks!\n\nOn Mon, 6 Oct 2025, Orla wrote:\n> {NEWS}"),
        mail("2@x", f"Thanks!\n\nAm 06.10.2025 um 09:00 schrieb Orla:\n\n{NEWS}"),
        mail("3@x", "Thanks!", f"Subject: Re: {NEWS}"),
        mail("4@x", f"FYI\n\n---------- Forwarded message ---------\nFrom: o@x.example\n\n{NEWS}", "Subject: Fwd: x"),
        mail("5@x", f"---------- Forwarded message ---------\n{NEWS}", f"Subject: Fwd: {NEWS}"),
        mail("6@x", NEWS, "Auto-Submitted: auto-replied"),
        mail("7@x", f'<p>Hi</p><p style="display:none">{NEWS}</p>', "Content-Type: text/html"),
    )
    assert events == []
    assert "left out on purpose: 1 × an automatic mail" in said
    assert "left out on purpose: 1 × forwarded, without words of the sender's own" in said


def test_an_answer_between_quoted_lines_is_an_event(tmp_path: Path) -> None:
    (event,), _ = extract(tmp_path, mail("1@x", f"On Mon, Orla wrote:\n> Have they signed?\n\n{NEWS}\n\n> Oh.\n"))
    assert event["evidence"][0]["quote"] == NEWS
