"""Drafts as `.eml` files: any mail program opens one as an unsent message (`X-Unsent: 1`), nothing sends it."""

from __future__ import annotations

import html
import os
import re
from email.errors import HeaderParseError
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from sago.domain.companies import Person
from sago.domain.letters import Letter
from sago.errors import ConfigError

DOMAIN = "sago.invalid"
"""Of Message-IDs: reserved by RFC 2606, so that it never names a real host."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


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


def as_mail(letter: Letter) -> EmailMessage:
    """The letter as a message: plain text first, simple HTML beside it."""
    mail = EmailMessage()
    mail["From"] = _address(letter.sender)
    if letter.recipient:
        mail["To"] = _address(letter.recipient)
    mail["Subject"] = _one_line(letter.draft.subject)
    mail["Date"] = format_datetime(letter.created_at)
    mail["Message-ID"] = f"<{letter.id}@{DOMAIN}>"
    mail["X-Unsent"] = "1"
    mail.set_content(letter.draft.body + "\n", charset="utf-8")
    mail.add_alternative(_html(letter.draft.body), subtype="html", charset="utf-8")
    return mail


def _address(person: Person) -> Address | Group:
    """Name and address; without a usable address the name as an empty group, which RFC 6854 allows also in From."""
    name = _one_line(person.name)
    try:
        return Address(name, addr_spec=_one_line(person.email)) if person.email else Group(name)
    except (ValueError, IndexError, HeaderParseError):
        return Group(name)


def _one_line(text: str) -> str:
    """No line ends and control characters: they could begin a header of their own."""
    return _CONTROL.sub(" ", text).strip()


def _html(body: str) -> str:
    blocks = [_block(block) for block in re.split(r"\n{2,}", body.strip())]
    return f'<html><body style="font-family: sans-serif; line-height: 1.5">\n{chr(10).join(blocks)}\n</body></html>\n'


def _block(block: str) -> str:
    lines = [html.escape(line) for line in block.split("\n")]
    if all(line.startswith("- ") for line in lines):
        return "<ul>\n" + "\n".join(f"<li>{line[2:]}</li>" for line in lines) + "\n</ul>"
    return f"<p>{'<br>'.join(lines)}</p>"
