"""Drafts as `.eml` files: any mail program opens one as an unsent message (`X-Unsent: 1`), nothing sends it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from email.policy import SMTP
from glob import escape
from pathlib import Path

from sago.domain.letters import Letter
from sago.domain.mails import mail_id
from sago.errors import ConfigError
from sago.stores.eml_folder import SENT
from sago.stores.letter_mail import as_mail

__all__ = ["EDITS", "EmlDrafts", "as_mail", "file_name"]

EDITS = "edits"
"""The folder's name in the state."""


class EmlDrafts:
    """The port `Drafts` over a folder. A file is replaced whole; raises ConfigError where it cannot be written.

    `edits`: where a person's own texts of letters wait that were refused, each named with its letter's id.
    """

    def __init__(self, folder: Path, edits: Path | None = None) -> None:
        self.folder = folder
        self._edits = edits

    def place(self, letter: Letter) -> str:
        """Its file."""
        return str(self.folder / file_name(letter))

    def files(self, letter: Letter) -> list[str]:
        """The draft, the file that it was handed over as, what a killed process left of either, and refused edits."""
        return sorted(map(str, self._found(letter)))

    def _found(self, letter: Letter) -> Iterator[Path]:
        for path in (self.folder / file_name(letter), self.folder / SENT / f"{mail_id('letter', letter.id)}.eml"):
            if path.exists():
                yield path
            yield from path.parent.glob(f"{escape(path.stem)}.*.partial")
        if self._edits:
            yield from self._edits.glob(f"*{letter.id}*")

    def forget(self, letter: Letter) -> None:
        for path in self.files(letter):
            try:
                Path(path).unlink(missing_ok=True)
            except OSError as error:
                raise ConfigError(f"{path}: cannot be taken away ({error.strerror}); set outreach.folder") from error

    def put(self, letter: Letter) -> str:
        """Write the letter as `<company>-<window>-<watch>.eml`, or remove that file when it is no longer live."""
        path = self.folder / file_name(letter)
        try:
            if letter.state.is_live:
                self._write(path, as_mail(letter).as_bytes(policy=SMTP))
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror}); set outreach.folder") from error
        return str(path)

    def _write(self, path: Path, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def file_name(letter: Letter) -> str:
    """The same for each letter of a watch and window, so that a successor takes its predecessor's place."""
    window = re.sub(r"[^A-Za-z0-9]+", "-", letter.window).strip("-")
    return f"{letter.company_id}-{window}-{letter.watch_id.hex[:8]}.eml"
