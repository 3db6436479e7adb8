"""Mails that are left out on purpose: nobody wrote them, or nobody sent them. Each with its reason, without content.

A machine's mail says so: `Auto-Submitted` (RFC 3834), `multipart/report` (RFC 6522), `Precedence` and the headers of
lists (RFC 2369, RFC 2919, RFC 8058). A list that people write to (`List-Post`) is people's words; any other is a
newsletter, and a newsletter is nobody's word to an investor, not even the founder's. What Gmail found not to come
from the domain that From names (`Authentication-Results`, RFC 8601; `dmarc=fail`, RFC 7489) is not the sender's word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from sago.sources.mail_parts import headers_of, kind_of, kinds_of, parts_of, senders_in
from sago.sources.mail_text import decode_header

DRAFT, SPAM, TRASH, CHAT = "a draft", "in spam", "in the bin", "a chat"
NOT_THEIRS = "not from whom it says: DMARC failed"
REPORT = "a delivery report"
AUTOMATIC = "an automatic mail"
NEWSLETTER = "a newsletter"
ENCRYPTED = "encrypted"
FORWARDED = "forwarded, without words of the sender's own"
QUOTED = "nothing but what others wrote"
NO_WORDS = "no words"
LABELS = {"DRAFT": DRAFT, "SPAM": SPAM, "TRASH": TRASH, "CHAT": CHAT}
"""Gmail's own labels (developers.google.com/workspace/gmail/api/guides/labels) of what is not mail to a person."""
_NOBODY = re.compile(r"(?:mailer-?daemon|postmaster)@", re.IGNORECASE)
_BOUNCED = re.compile(
    r"delivery status notification|undeliver|delivery (?:has )?fail|fail(?:ed|ure) (?:notice|to deliver)|returned mail"
    r"|delayed mail|mail delivery|unzustellbar|non remis",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"\s*(?:automatic reply|auto(?:matic|mated)? ?-?(?:reply|response|antwort)|autoreply|out of (?:the )?office"
    r"|automatische antwort|abwesenheits(?:notiz|meldung)|abwesend|réponse automatique|absence du bureau"
    r"|respuesta automática|fuera de la oficina|risposta automatica|fuori sede|automatisch antwoord|afwezig"
    r"|resposta automática|automatiskt svar|automatisk svar|autosvar|automatická odpověď|odpowiedź automatyczna"
    r"|автоответ|自动回复|自動応答|자동 회신)(?: auto-?(?:reply|response))?\s*(?:[:：]|$)",
    re.IGNORECASE,
)
_GMAILS = re.compile(r"\s*mx\.google\.com\s*;", re.IGNORECASE)
_FAILED = re.compile(r";\s*dmarc\s*=\s*fail\b", re.IGNORECASE)
_MACHINE = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply")


def left_out(tree: Mapping[str, Any], labels: Collection[str]) -> str | None:
    """Why a mail is left out whatever it says; None for one to read."""
    for label, reason in LABELS.items():
        if label in labels:
            return reason
    headers = headers_of(tree)
    if _is_not_theirs(headers):
        return NOT_THEIRS
    if _is_report(tree, headers):
        return REPORT
    if _is_automatic(headers) or _is_calendars_answer(tree):
        return AUTOMATIC
    if _is_newsletter(headers):
        return NEWSLETTER
    return ENCRYPTED if _is_encrypted(tree) else None


def _is_not_theirs(headers: Mapping[str, str]) -> bool:
    """By the topmost of the headers, which is the last server's: those below it anybody may have written."""
    found = headers.get("authentication-results", "")
    return bool(_GMAILS.match(found) and _FAILED.search(found))


def _is_report(tree: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    kinds = kinds_of(tree)
    if kind_of(tree) == "multipart/report" or kinds & {"message/delivery-status", "message/disposition-notification"}:
        return True
    if "x-failed-recipients" in headers or (headers.get("return-path", "-").strip() == "<>" and _from_nobody(headers)):
        return True
    return _from_nobody(headers) and bool(
        _BOUNCED.search(decode_header(headers.get("subject", "") + headers.get("from", "")))
    )


def _from_nobody(headers: Mapping[str, str]) -> bool:
    return any(_NOBODY.match(address) for address in senders_in(headers.get("from", "")))


def _is_automatic(headers: Mapping[str, str]) -> bool:
    submitted = headers.get("auto-submitted", "no").partition(";")[0].strip().lower()
    if submitted not in ("", "no") or headers.get("precedence", "").strip().lower() == "auto_reply":
        return True
    answered = any(headers.get(name, "no").strip().lower() not in ("", "no") for name in _MACHINE)
    return answered or bool(_AWAY.match(decode_header(headers.get("subject", ""))))


def _is_calendars_answer(tree: Mapping[str, Any]) -> bool:
    """That somebody comes or does not (RFC 5546, 3.2.3): a button's words."""
    return any(
        kind_of(part) == "text/calendar"
        and re.search(r"method=\"?reply\b", headers_of(part).get("content-type", "").lower())
        for part in parts_of(tree)
    )


def _is_newsletter(headers: Mapping[str, str]) -> bool:
    posting = headers.get("list-post", "no").strip().lower()
    if not posting.startswith("no"):
        return False
    precedence = headers.get("precedence", "").strip().lower()
    return precedence in ("bulk", "junk") or "list-unsubscribe" in headers or "list-id" in headers


def _is_encrypted(tree: Mapping[str, Any]) -> bool:
    """PGP (RFC 3156) or S/MIME (RFC 8551): no signature, which is read, but a cipher."""
    kinds = kinds_of(tree)
    about = headers_of(tree).get("content-type", "").lower()
    is_cms = kind_of(tree) in ("application/pkcs7-mime", "application/x-pkcs7-mime")
    return "multipart/encrypted" in kinds or (is_cms and "signed-data" not in about)
