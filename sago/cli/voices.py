"""`--voice`: how the sender of a watch's letters writes, read from a folder of their sent mails."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sago.cli.session import Session
from sago.domain.companies import Company, Person
from sago.domain.voices import Voice
from sago.domain.watches import Direction
from sago.errors import UsageError
from sago.outreach.voice import FEWEST, learn
from sago.sources.sent_mails import read_sent

VoiceFolder = Annotated[
    Path | None, typer.Option("--voice", metavar="FOLDER", help="Sent mails of who signs the letters: .eml or .mbox.")
]


def voice_of(
    session: Session,
    folder: Path | None,
    direction: Direction,
    investor: Person | None,
    company: Company,
    now: datetime,
) -> Voice | None:
    """The voice of who signs: the investor, or the founder of a company update. None where no folder is given, or
    where too few of its mails are theirs to tell a habit, which is said. Raises UsageError where none is."""
    if folder is None:
        return None
    who = investor.email if direction is Direction.TO_FOUNDER and investor else company.founder_email
    if not who or (direction is Direction.TO_FOUNDER and investor is None):
        whose = "--investor" if direction is Direction.TO_FOUNDER else f"the founder of {company.company_id}"
        raise UsageError(f"--voice {folder}: {whose} has no mail address to know their own mails by")
    learned = learn(read_sent(folder, now), who)
    if not learned.own:
        raise UsageError(f"--voice {folder}: none of its {learned.others} mails is from {who}, who signs the letters")
    if learned.voice is None:
        session.note(
            f"[yellow]note:[/] {escape(str(folder))}: {learned.own} of its mails are from {escape(who)}, too few to "
            f"tell a habit ({FEWEST} at least): not used"
        )
        return None
    voice = learned.voice
    sign_off = f"“{voice.sign_off}”" if voice.sign_off else "the name alone"
    session.note(
        escape(
            f"voice of {voice.sender}: “{voice.greeting}” … {sign_off}, about {voice.words} words, {voice.formality}; "
            f"from {voice.samples} mails, {learned.others} of others left aside"
        )
    )
    return voice
