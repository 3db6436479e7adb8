"""RFC 5322 mails as they lie in files, made into Gmail's shape and read from there; the malformed ones too.

The native id is the Message-ID, or `sha256-…` of the bytes where there is none. The thread is Gmail's where Takeout
tells it, else the first of References, else In-Reply-To, else the mail itself.
"""

from __future__ import annotations

import email.message
import email.utils
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sago import telemetry
from sago.domain.messages import Message
from sago.errors import InvalidMessageError, SagoError, is_out_of_time
from sago.sources import gmail, mail_mime
from sago.sources.mail_text import decode_header
from sago.sources.registry import ReadRequest
from sago.sources.rows import BadRow, Row, check, topic_of

ID_LIMIT = 500
LIMIT = 64 * 1024 * 1024
"""Bytes of one mail, attachments included."""
_ID = re.compile(r"<([^<>\s]+)>")
_THREAD = re.compile(r"\d{1,20}")
_LABELS = {
    "DRAFT": "draft drafts entwurf entwürfe brouillon brouillons borrador borradores bozze concepten rascunhos utkast",
    "SPAM": "spam",
    "TRASH": "trash bin papierkorb corbeille papelera cestino prullenbak lixeira papperskorg",
    "CHAT": "chat chats",
}
"""Gmail's label → how Takeout writes it, by the language of the account."""
log = telemetry.logger(__name__)


def rows(raw: bytes, request: ReadRequest, file_sha256: str, line: int) -> Iterator[Row]:
    """The one message in `raw`, or the reason why it is none, whatever that is: a mail ends no import. Nothing where it
    is left out on purpose."""
    try:
        found = _read(raw, request.company_id)
        if isinstance(found, str):
            request.leave_out(found)
            return
        check(found, request.now)
    except InvalidMessageError as error:
        yield BadRow(line, error.reason, raw, file_sha256, topic_of(gmail.SOURCE), request.company_id, error.message_id)
    else:
        yield found


def _read(raw: bytes, company_id: str) -> Message | str:
    try:
        return gmail.read(to_payload(raw), company_id)
    except SagoError:
        raise
    except Exception as error:
        if is_out_of_time(error):
            raise
        kind = type(error).__name__
        log.error("unforeseen error", error=kind, where=telemetry.place_of(error), source=gmail.SOURCE)
        raise InvalidMessageError(f"cannot be read, an error on our side: {kind}") from None


def to_message(raw: bytes, company_id: str) -> Message:
    """The message in a mail's bytes; raises InvalidMessageError, also for what is left out on purpose."""
    return gmail.to_message(to_payload(raw), company_id)


def to_payload(raw: bytes) -> dict[str, Any]:
    """The mail as Gmail's API would give it; raises InvalidMessageError where nothing tells when it was sent."""
    mail = mail_mime.parse(raw)
    native_id = _message_id(mail) or f"sha256-{hashlib.sha256(raw).hexdigest()[:32]}"
    return gmail.envelope(
        native_id=native_id,
        thread_id=_thread(mail) or native_id,
        sent_at=_date(mail, native_id),
        snippet="",
        payload=mail_mime.tree_of(mail),
        labels=_labels(mail) or ("INBOX",),
    )


def _message_id(mail: email.message.Message) -> str | None:
    said = mail_mime.header(mail, "Message-ID").strip()
    found = _ID.search(said)
    native_id = found[1] if found else "".join(said.split())
    return native_id if 0 < len(native_id) <= ID_LIMIT else None


def _thread(mail: email.message.Message) -> str | None:
    """Gmail's API names a thread by the number in hexadecimal that Takeout writes in decimal."""
    number = mail_mime.header(mail, "X-GM-THRID").strip()
    if _THREAD.fullmatch(number):
        return f"{int(number):x}"
    for name in ("References", "In-Reply-To"):
        found = _ID.search(mail_mime.header(mail, name))
        if found and len(found[1]) <= ID_LIMIT:
            return found[1]
    return None


def _labels(mail: email.message.Message) -> list[str]:
    """Of the labels in Takeout's `X-Gmail-Labels` those of Gmail's own that say what is not mail to a person."""
    said = decode_header(mail_mime.header(mail, "X-Gmail-Labels")).lower()
    written = {label.strip().strip('"') for label in said.split(",")}
    return [label for label, names in _LABELS.items() if written & set(names.split())]


def _date(mail: email.message.Message, native_id: str) -> datetime:
    """When it was sent: by Date, else by the newest Received, which names when the last server had it."""
    said = mail_mime.header(mail, "Date").strip()
    if (sent_at := _moment(said)) is not None:
        return sent_at
    received = [value.rpartition(";")[2] for value in mail_mime.headers(mail, "Received")]
    moments = [moment for value in received if (moment := _moment(value)) is not None]
    if moments:
        return max(moments)
    reason = f"Date {said[:60]!r} is no time" if said else "the mail has no Date"
    raise InvalidMessageError(reason, message_id=f"{gmail.SOURCE}:{native_id}")


def _moment(said: str) -> datetime | None:
    """A time as mails write it (RFC 5322, 3.3, and the obsolete forms); without a zone it is taken as UTC."""
    try:
        moment = email.utils.parsedate_to_datetime(" ".join(said.split()))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
