"""The header of a stored mail, read from its source's own payload."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sago.domain.mail_heads import MailHead
from sago.domain.messages import Message
from sago.sources import gmail, mail_parts
from sago.sources.mail_text import decode_header, mailboxes
from sago.sources.sent_mails import sole_address

_ID = re.compile(r"<[!-;=?-~]{1,500}>")


def head_of(message: Message) -> MailHead | None:
    """None where the message is no mail, its payload was cut, or it names no Message-ID or not one sender."""
    tree = message.raw.get("payload")
    if message.source != gmail.SOURCE or message.deleted or not isinstance(tree, Mapping):
        return None
    headers = mail_parts.headers_of(tree)
    own = _ID.findall(headers.get("message-id", ""))
    sender = sole_address(headers.get("from", ""))
    if len(own) != 1 or not sender:
        return None
    written = [each for name in ("to", "cc") for each in mailboxes(headers.get(name, ""))]
    readers = tuple(address for _, address in written if "@" in address)
    references = _ID.findall(headers.get("references", "")) or _ID.findall(headers.get("in-reply-to", ""))[:1]
    return MailHead(own[0], sender, readers, decode_header(headers.get("subject", "")), tuple(references))
