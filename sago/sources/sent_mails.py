"""A person's sent mails, read from an .eml, a folder of .eml or an .mbox: who wrote to whom, in words of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from sago.domain.messages import Message
from sago.domain.voices import SentMail
from sago.errors import UsageError
from sago.sources import gmail, mail_parts
from sago.sources.files import BadRow, Kind, describe, read_path
from sago.sources.mail_quotes import own_words
from sago.sources.mail_text import decode_header, mailboxes

_OF_NOBODY = "voice"
_MAILS = (Kind.EML, Kind.EML_FOLDER, Kind.MBOX)


def read_sent(path: Path, now: datetime) -> Iterator[SentMail]:
    """Each mail that can be read; raises UsageError where the path holds no mails at all."""
    kind = describe(path)
    if kind not in _MAILS:
        raise UsageError(f"{path}: mails are read from an .eml, a folder of .eml or an .mbox; this is a {kind}")
    rows = read_path(path, company_id=_OF_NOBODY, mapping={}, now=now)
    return (_sent(row) for row in rows if not isinstance(row, BadRow))


def _sent(message: Message) -> SentMail:
    tree = message.raw.get("payload")
    headers = mail_parts.headers_of(tree) if isinstance(tree, Mapping) else {}
    _, body = gmail.split_subject(message.text)
    readers = [each for pair in mailboxes(decode_header(headers.get("to", ""))) for each in pair]
    sender, name = sole_address(headers.get("from", "")), mail_parts.name_in(headers.get("from", ""))
    return SentMail(sender=sender, name=name, readers=tuple(filter(None, readers)), text=own_words(body))


def sole_address(header: str) -> str:
    """The one address of a From; empty where there is none or more than one."""
    found = mail_parts.senders_in(header)
    return found[0] if len(found) == 1 else ""
