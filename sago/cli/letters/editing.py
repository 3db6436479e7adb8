"""`sago outreach edit`: a letter in your own words, in your editor or from a file."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.letters.chosen import doubted, is_terminal, lacks, letter_named, next_steps, short, steps_of
from sago.cli.lookup import Wanted, me, opened
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.letters import Letter, LetterState
from sago.errors import ConfigError, UngroundedError, UsageError
from sago.outreach.editing import edit
from sago.outreach.permission import unticked
from sago.report.phrases import counted
from sago.stores.eml_drafts import EDITS

Subject = Annotated[str | None, typer.Option(help="A new subject.")]
BodyFile = Annotated[
    Path | None, typer.Option("--body-file", help="The new text; a first line `Subject: …` is its subject.")
]
Reason = Annotated[str, typer.Option("--because", help="Your reason, kept in the audit log.")]


def edit_letter(
    letter: Wanted,
    subject: Subject = None,
    body_file: BodyFile = None,
    because: Reason = "edited on the command line",
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Edit a letter in $EDITOR, or from options; it is checked again, and an approved one wants a new approval.

    Example: [bold]sago outreach edit 77c0d1aa --subject "ARR passed $2M"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = letter_named(container, letter)
        file, is_own = body_file, False
        if subject is None and body_file is None:
            file, is_own = _edited_by_hand(container, found), True
        new_subject, body = _read(file, found) if file else (found.draft.subject, found.draft.body)
        edited = _kept(container, found, subject or new_subject, body, because, file)
        if is_own and file:
            file.unlink()
        left = unticked(edited, container.approval_rules.tick)
        steps, own_words = steps_of(container, edited, lacks(container, edited)), doubted(container, edited)
    if as_json:
        session.emit(edited.model_dump(mode="json"))
    _say(session, found, edited, len(left), own_words)
    next_steps(session, edited, *steps)


def _kept(container: Container, found: Letter, subject: str, body: str, why: str, file: Path | None) -> Letter:
    """The letter as it is kept; raises with the place of the words that were refused."""
    try:
        return edit(
            found,
            subject,
            body,
            database=container.database,
            drafts=container.drafts,
            who=me(),
            why=why,
            at=container.clock.now(),
        )
    except (UngroundedError, UsageError) as error:
        again = f"; your text is in {file}: mend it, then sago outreach edit {short(found)} --body-file {file}"
        raise type(error)(f"{error}{again if file else ''}") from error


def _edited_by_hand(container: Container, letter: Letter) -> Path:
    """The file that the person's editor has left. Words of an earlier try on the same text are in it still; raises
    ConfigError where there is no editor, or nobody to use it."""
    if not is_terminal():
        raise UsageError(f"letter {letter.id}: no editor can be opened here; give --subject or --body-file")
    file: Path = container.settings.state_dir / EDITS / f"{letter.id}-{letter.draft.sha256[:8]}.txt"
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(f"Subject: {letter.draft.subject}\n\n{letter.draft.body}\n", encoding="utf-8")
        subprocess.run([*shlex.split(editor), str(file)], check=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise ConfigError(f"{editor}: {error}; set EDITOR, or give --body-file. Your text, if any: {file}") from error
    return file


def _read(file: Path, letter: Letter) -> tuple[str, str]:
    """Subject and body of a file; the letter's own subject where the file has none. Raises UsageError where it holds
    no text."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"--body-file {file}: cannot be read ({error.strerror}); name a text file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--body-file {file}: byte {error.start + 1} is not UTF-8; save it as UTF-8 text") from error
    first, _, rest = text.partition("\n")
    subject, body = letter.draft.subject, text.strip()
    if first.lower().startswith("subject:"):
        subject, body = first.partition(":")[2].strip(), rest.strip()
    if not body:
        raise UsageError(f"--body-file {file}: holds no text for the letter; write it there, below the subject if any")
    return subject, body


def _say(session: Session, before: Letter, after: Letter, left: int, own_words: Sequence[str]) -> None:
    if after.draft == before.draft:
        session.note(f"{after.id}: the text is as it was; nothing was changed")
        return
    taken_back = "; its approval is taken back" if before.state is LetterState.APPROVED else ""
    session.note(f"edited {after.id}{taken_back}")
    if left:
        session.note(f"{counted(left, 'claim')} to tick")
    for line in own_words:
        session.note(escape(f"{line}: yours to answer for"))
