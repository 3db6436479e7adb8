"""Gmail: messages in the shape of its API (`users.messages`, formats `full` and `raw`), made and read back.

`Message.text` of a mail is `Subject: …`, an empty line, and the body; without a subject, or where the subject is
another's (`Re:`, `Fwd:`), only the body. The body is the sender's own words (`mail_quotes`); the whole mail is in
`raw`, attachments by name, kind and size (`attachments`). Rows of our own files bear a label that Gmail never gives:
their text goes through `to_payload` and `to_message` to the letter.
Shape: developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

from __future__ import annotations

import base64
import binascii
import email.utils
import html
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.sources import mail_kinds, mail_mime, mail_parts
from sago.sources.mail_parts import Attachment, headers_of
from sago.sources.mail_quotes import split_own
from sago.sources.mail_text import clean, decode_header, mailboxes

SOURCE = "gmail"
IMPORT_LABEL = "IMPORT"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUBJECT = re.compile(r"\ASubject: ([^\r\n]*)\n\n")
_SUBJECT_LIMIT = 2000
_PASSED_ON = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)?(?P<prefix>re|aw|antw|sv|vs|r|res|odp|ynt|回复|答复|返信|fwd?|wg|tr|rv|enc|i|vl|vb|fs|pd|doorst"
    r"|转发|轉寄|転送)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.IGNORECASE,
)
_FORWARDS = frozenset(
    ("fw", "fwd", "wg", "tr", "rv", "enc", "i", "vl", "vb", "fs", "pd", "doorst", "转发", "轉寄", "転送")
)
_LETTERS = frozenset(("i", "r"))
"""In Italian; of a mail that neither answers nor quotes, a word of its own."""
_SHUT = frozenset(
    ("application/ms-tnef", "application/vnd.ms-tnef", "application/pkcs7-mime", "application/x-pkcs7-mime")
)
"""Parts that hold the text where no other part does: Outlook's winmail.dat, a mail inside its S/MIME signature."""


def to_payload(
    *, native_id: str, sender: str, sent_at: datetime, text: str, thread_id: str | None = None
) -> dict[str, Any]:
    """A message as `users.messages.get` would give it, of a row that came from a file."""
    subject, body = split_subject(text)
    headers = [("From", sender), ("Date", email.utils.format_datetime(sent_at))]
    if subject:
        headers.append(("Subject", encode_header(subject)))
    headers.append(("Content-Type", 'text/plain; charset="UTF-8"'))
    part = {
        "partId": "",
        "mimeType": "text/plain",
        "filename": "",
        "headers": [{"name": name, "value": value} for name, value in headers],
        "body": encode_body(body),
    }
    return envelope(
        native_id=native_id, thread_id=thread_id, sent_at=sent_at, snippet=body, payload=part, labels=(IMPORT_LABEL,)
    )


def envelope(
    *,
    native_id: str,
    thread_id: str | None,
    sent_at: datetime,
    snippet: str,
    payload: dict[str, Any],
    labels: Collection[str] = ("INBOX",),
) -> dict[str, Any]:
    """The outer object around a MIME tree; Gmail's snippet is the body's beginning on one line, escaped for HTML."""
    return {
        "id": native_id,
        "threadId": thread_id or native_id,
        "labelIds": list(labels),
        "snippet": html.escape(" ".join(snippet[:400].split())[:200]),
        "internalDate": str((sent_at - _EPOCH) // timedelta(milliseconds=1)),
        "payload": payload,
    }


class _Read(NamedTuple):
    """What was made of a mail: its text, or why it is left out."""

    subject: str
    text: str
    reason: str | None = None


def to_message(payload: Mapping[str, Any], company_id: str) -> Message:
    """The message in a payload; `sender` is the address of From, the name stays in `raw`.

    Raises InvalidMessageError where the id, the time, the sender or any text is missing, and for what `ignored` names.
    """
    found = read(payload, company_id)
    if isinstance(found, str):
        raise InvalidMessageError(f"not a message: {found}", message_id=f"{SOURCE}:{payload['id']}")
    return found


def ignored(payload: Mapping[str, Any]) -> str | None:
    """Why a payload is left out on purpose, or None where it is a message to take, or cannot be read."""
    try:
        return _read(full(payload)).reason
    except InvalidMessageError:
        return None


def read(payload: Mapping[str, Any], company_id: str) -> Message | str:
    """The message in a payload, or why it is left out on purpose; raises InvalidMessageError."""
    mail = full(payload)
    sent_at = _sent_at(mail)
    found = _read(mail)
    if found.reason:
        return found.reason
    return Message.parse(
        {
            "id": f"{SOURCE}:{mail['id']}",
            "company_id": company_id,
            "source": SOURCE,
            "sender": _sender(mail),
            "sent_at": sent_at,
            "thread_id": mail.get("threadId"),
            "subject": found.subject or None,
            "text": found.text,
            "raw": dict(mail),
        }
    )


def full(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload in format `full`; raises InvalidMessageError where it is in no format with a text."""
    if not isinstance(payload.get("id"), str):
        raise InvalidMessageError("not a Gmail message in format `full` or `raw`: `id` is missing")
    if isinstance(payload.get("payload"), Mapping):
        return payload
    if not isinstance(payload.get("raw"), str):
        raise InvalidMessageError("not a Gmail message in format `full` or `raw`: both are missing", field="payload")
    try:
        letters = payload["raw"].rstrip("=")
        raw = base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidMessageError("`raw` is not base64url", field="raw") from error
    told = {name: value for name, value in payload.items() if name != "raw"}
    return told | {"payload": mail_mime.tree_of(mail_mime.parse(raw))}


def attachments(message: Message) -> list[Attachment]:
    """What came with a stored mail and is not part of its text; empty where its payload was cut."""
    tree = message.raw.get("payload")
    return mail_parts.attachments_of(tree) if isinstance(tree, Mapping) else []


def _read(mail: Mapping[str, Any]) -> _Read:
    tree, labels = mail["payload"], _labels(mail)
    subject = decode_header(headers_of(tree).get("subject", ""))[:_SUBJECT_LIMIT]
    if IMPORT_LABEL in labels:
        return _Read(subject, join_subject(subject, mail_parts.body_of(tree)))
    subject = clean(subject)
    if reason := mail_kinds.left_out(tree, labels):
        return _Read(subject, "", reason)
    body = clean(mail_parts.body_of(tree))
    if len(body) > mail_parts.LIMIT:
        raise InvalidMessageError("the mail's text is over 2 MB", message_id=f"{SOURCE}:{mail['id']}")
    own = split_own(body)
    passed_on = _passed_on(subject, is_sure=own.quotes or own.forwards or _answers(tree))
    if own.text:
        return _Read(subject, own.text if passed_on else join_subject(subject, own.text))
    if own.encrypted:
        return _Read(subject, "", mail_kinds.ENCRYPTED)
    kinds = mail_parts.kinds_of(tree)
    if kinds & _SHUT:
        wrong = "its text lies in winmail.dat or inside an S/MIME signature, which are not opened"
        raise InvalidMessageError(wrong, message_id=f"{SOURCE}:{mail['id']}")
    if mail_parts.is_aside(tree):
        wrong = "its text is not in the payload but kept aside (attachmentId): ask for format `raw`"
        raise InvalidMessageError(wrong, message_id=f"{SOURCE}:{mail['id']}")
    is_forward = own.forwards or "message/rfc822" in kinds or (passed_on and passed_on["prefix"].lower() in _FORWARDS)
    if is_forward or own.quotes:
        return _Read(subject, "", mail_kinds.FORWARDED if is_forward else mail_kinds.QUOTED)
    if passed_on or not subject:
        return _Read(subject, "", mail_kinds.NO_WORDS)
    return _Read(subject, join_subject(subject, ""))


def _passed_on(subject: str, *, is_sure: bool) -> re.Match[str] | None:
    found = _PASSED_ON.match(subject)
    return None if found and found["prefix"].lower() in _LETTERS and not is_sure else found


def _answers(tree: Mapping[str, Any]) -> bool:
    found = {*headers_of(tree), *mail_parts.kinds_of(tree)}
    return not found.isdisjoint(("references", "in-reply-to", "message/rfc822"))


def _labels(mail: Mapping[str, Any]) -> list[str]:
    labels = mail.get("labelIds")
    return [label for label in labels if isinstance(label, str)] if isinstance(labels, list) else []


def split_subject(text: str) -> tuple[str, str]:
    """Subject and body of a text; no subject where taking it apart and joining it again would change a letter."""
    found = _SUBJECT.match(text)
    if found:
        subject, body = found[1], text[found.end() :]
        if decode_header(encode_header(subject))[:_SUBJECT_LIMIT] == subject and join_subject(subject, body) == text:
            return subject, body
    return "", text


def join_subject(subject: str, body: str) -> str:
    """The text of a mail, as the module says."""
    return f"Subject: {subject}\n\n{body}" if subject else body


def encode_header(value: str) -> str:
    """The value itself, or one RFC 2047 word where reading it back would take it for one."""
    if decode_header(value) == value:
        return value
    return f"=?utf-8?b?{base64.b64encode(value.encode()).decode()}?="


def encode_body(text: str) -> dict[str, Any]:
    """The body of a part: base64url with its padding, as Gmail gives it."""
    data = text.encode("utf-8")
    return {"size": len(data), "data": base64.urlsafe_b64encode(data).decode("ascii")}


def _sender(mail: Mapping[str, Any]) -> str:
    """The address that From names, else Sender; raises InvalidMessageError for none, and for two: whose the mail is
    would be a guess."""
    tree = mail["payload"]
    if IMPORT_LABEL in _labels(mail):
        return address_of(headers_of(tree).get("from", ""))
    written = [value for name, value in mail_parts.all_headers(tree) if name == "from"]
    named = [address for value in written for address in mail_parts.senders_in(value)]
    named = named or mail_parts.senders_in(headers_of(tree).get("sender", ""))
    if len({address.lower() for address in named}) == 1:
        return named[0][:512]
    wrong = "names two senders" if named else "names no sender: there is no address in From or Sender"
    raise InvalidMessageError(f"the mail {wrong}", message_id=f"{SOURCE}:{mail['id']}", field="sender")


def address_of(value: str) -> str:
    """The address in a From header; the whole header where there is none."""
    decoded = decode_header(value)
    address = next((address for _, address in mailboxes(decoded)), "")
    return (address if "@" in address else decoded)[:512]


def _sent_at(payload: Mapping[str, Any]) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=int(payload["internalDate"]))
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise InvalidMessageError(
            "internalDate is missing or no time in ms", message_id=f"{SOURCE}:{payload['id']}", field="internalDate"
        ) from error
