"""Paragraphs at a mail's end that say it is confidential: a lawyer's words, not the sender's."""

from __future__ import annotations

import re
from functools import cache

from mailparser_reply.constants import MAIL_LANGUAGES
from mailparser_reply.parser import EmailMessage

_DISCLAIMER = re.compile(
    r"(?:this|the(?: information(?: contained)? in this)?|any) (?:e-?mail|message|communication|transmission)\b"
    r"|diese e-?mail\b|ce (?:message|courriel)\b|este (?:mensaje|correo|e-?mail)\b|questo messaggio\b|dit bericht\b",
    re.IGNORECASE,
)
_USUAL = re.compile(
    r"delet|destroy|notify|unauthori[sz]ed|prohibited|disseminat|distribut|copying|in error|virus|liab|views|opinions?"
    r"|intended|addressed|recipient|registered|disclos|sender|adressat|empfänger|irrtümlich|löschen|vernichten"
    r"|destinat|supprimer|erreur|avertir|eliminar|error|avis|cancell|errore|ontvang|bestemd|verwijder|notice",
    re.IGNORECASE,
)
"""What each sentence of a disclaimer has one of, or says that it is confidential."""
_SECRET = re.compile(
    r"confidential|privileged|intended (?:only|solely|recipient)|vertraulich|confidentiel|confidencial|riservat"
    r"|vertrouwelijk|addressee|sole use",
    re.IGNORECASE,
)


def without_disclaimer(text: str) -> str:
    """Without paragraphs at the end that say the mail is confidential."""
    while (begins := _last_paragraph(text)) and _is_disclaimer(text[begins:]):
        text = text[:begins].rstrip()
    return text


def _last_paragraph(text: str) -> int:
    """Where it begins; 0 where there is but one."""
    return max((found.end() for found in re.finditer(r"\n[ \t]*\n", text)), default=0)


def _is_disclaimer(paragraph: str) -> bool:
    begins = paragraph.strip()[:4000]
    if len(begins) < 100 or not _SECRET.search(begins):
        return False
    sentences = [each for each in re.split(r"[.!?:;]\s+", " ".join(begins.split())) if len(each.split()) > 2]
    if not all(_USUAL.search(each) or _SECRET.search(each) for each in sentences):
        return False
    return bool(_DISCLAIMER.search(begins[:120]) or _known_disclaimers().match(f"\n{begins}"))


@cache
def _known_disclaimers() -> re.Pattern[str]:
    """mail-parser-reply's, of every language: `CONFIDENTIALITY NOTICE: this e-mail …`."""
    known: re.Pattern[str] = EmailMessage(text="", languages=list(MAIL_LANGUAGES)).DISCLAIMERS_REGEX
    return known
