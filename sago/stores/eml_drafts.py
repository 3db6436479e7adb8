"""Drafts as `.eml` files: any mail program opens one as an unsent message (`X-Unsent: 1`), nothing sends it."""

from __future__ import annotations

import os
import re
from email.policy import SMTP
from pathlib import Path

from sago.domain.letters import Letter
from sago.errors import ConfigError
from sago.stores.letter_mail import as_mail

__all__ = ["EmlDrafts", "as_mail", "file_name"]


class EmlDrafts:
    """The port `Drafts` over a folder. A file is replaced whole; raises ConfigError where it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, letter: Letter) -> str:
        """Its file."""
        return str(self.folder / file_name(letter))

    def files(self, letter: Letter) -> list[str]:
        """The draft, and the file by its Message-ID that it was handed over as."""
        return [
            str(path) for path in (self.folder / file_name(letter), self.folder / f"{letter.id}.eml") if path.exists()
        ]

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
