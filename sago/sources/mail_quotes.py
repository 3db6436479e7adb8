"""A sender's own words: a mail's text without what it quotes or passes on of others, and without its signature.

How mail programs of many languages begin a quote is known to two libraries, mail-parser-reply and quotequail; what
follows such a beginning is decided here, line by line, for neither of them keeps an answer between quoted lines:

- a line behind `>` is a quote, wherever it stands, and so is the line above it that says who wrote it;
- where what follows that line, or a block of `From:`, `Sent:`, `To:`, is not behind `>`, all below is the quote;
- what follows `Forwarded message` is another's; `-- ` (RFC 3676, 4.3) begins a signature, `Sent from my …` is one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import quotequail
from mailparser_reply.constants import MAIL_LANGUAGES
from mailparser_reply.parser import EmailMessage

WRAPPED = 3
"""Lines that a program may break the line over which says who wrote."""
HEADER_LINES = 8
LONGEST_LINE = 300
"""Characters of a line that are looked at for a beginning of a quote."""
MOST_TRIED = 400
"""Lines of one mail that are looked at with the libraries' patterns."""
MOST_ARMOUR = 20
_QUOTED = re.compile(r"[ \t\xa0]*>")
_RULE = re.compile(r"[ \t]*[_=-]{10,}[ \t]*$")
_SIGNATURE = re.compile(r"[ \t]*(?:--|__)[ \xa0]?[ \t]*$")
_FORWARD = re.compile(
    r"[ \t]*-{2,}[ \t]*(?:forwarded message|weitergeleitete (?:nachricht|e-?mail)|message (?:transféré|réexpédié)"
    r"|mensaje reenviado|doorgestuurd bericht|vidarebefordrat meddelande|messaggio inoltrato|mensagem encaminhada"
    r"|пересылаемое сообщение|przekazana wiadomość|videresendt (?:besked|meddelelse|melding))\b.*-{2,}[ \t]*$"
    r"|[ \t]*(?:begin forwarded message|anfang der weitergeleiteten e-?mail|début du message (?:réexpédié|transféré)"
    r"|inicio del mensaje reenviado|begin doorgestuurd bericht|inizio messaggio inoltrato)[ \xa0]?:[ \t]*$",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"[ \t]*-{3,}[ \t]*(?:original (?:message|appointment)|ursprüngliche nachricht|original-?nachricht"
    r"|message d'origine"
    r"|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|ursprungligt meddelande"
    r"|oprindelig meddelelse|opprinnelig melding|исходное сообщение|wiadomość oryginalna|原始邮件)\b.*-{3,}[ \t]*$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"[ \t*]*(?:(?P<who>from|von|de|da|van|från|fra|od|от|kimden|发件人|差出人|보낸\s?사람)"
    r"|(?:sent|to|subject|date|cc|bcc"
    r"|reply-to|organization|importance|attachments?|gesendet|an|betreff|datum|kopie|envoyé|à|objet"
    r"|enviad[oa](?: el| em)?|para|asunto|assunto|fecha|data|inviato|a|oggetto|verzonden|aan|onderwerp|skickat|till"
    r"|ämne|kopia|sendt|til|emne|dato|wysłano|do|temat|odesláno|komu|předmět|отправлено|кому|тема|дата|gönderilen|kime"
    r"|konu|发送时间|收件人|主题|抄送|送信日時|宛先|件名|받는\s?사람|보낸\s?날짜|제목))[ \xa0]?[*]?[ \xa0]?[:：]",
    re.IGNORECASE,
)
_LIST_FOOTER = re.compile(r"mailing list|mailman/listinfo|unsubscribe|you received this message because", re.IGNORECASE)
_OPENING = re.compile(r"[ \t]*-{2,3}[ \t]+(?=\S)")
_CLEARTEXT = re.compile(
    r"^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Z][\w-]*: .*\n)*\n(.*?)^-----BEGIN PGP SIGNATURE-----.*?"
    r"(?:^-----END PGP SIGNATURE-----[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_CIPHER = re.compile(r"^-----BEGIN PGP MESSAGE-----$.*?(?:^-----END PGP MESSAGE-----$|\Z)", re.MULTILINE | re.DOTALL)
_DISCLAIMER = re.compile(
    r"(?:this|the(?: information(?: contained)? in this)?|any) (?:e-?mail|message|communication|transmission)\b"
    r"|diese e-?mail\b|ce (?:message|courriel)\b|este (?:mensaje|correo|e-?mail)\b|questo messaggio\b|dit bericht\b",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"confidential|privileged|intended (?:only|solely|recipient)|vertraulich|confidentiel|confidencial|riservat"
    r"|vertrouwelijk|addressee|sole use",
    re.IGNORECASE,
)


class Own(NamedTuple):
    """What is the sender's own in a text, and what else was there."""

    text: str
    quotes: bool = False
    """Whether lines of others were left out."""
    forwards: bool = False
    """Whether a mail of another is passed on in it."""
    encrypted: bool = False


def own_words(text: str) -> str:
    """The sender's own words in a mail's text."""
    return split_own(text).text


def split_own(text: str) -> Own:
    """The sender's own words, and what was left out; lines keep their order, blank lines at the ends go."""
    opened, ciphers = _opened(text.replace("\r\n", "\n").replace("\r", "\n"))
    own, quotes, forwards = _own_lines(opened.split("\n"))
    return Own(_without_disclaimer("\n".join(own).strip()), quotes, forwards, bool(ciphers))


def _opened(text: str) -> tuple[str, int]:
    """The text with its PGP armour taken off, and how many encrypted texts were left out."""
    if not 0 < text.count("-----BEGIN PGP ") <= MOST_ARMOUR:
        return text, 0
    return _CIPHER.subn("", _CLEARTEXT.sub(_signed, text))


def _signed(found: re.Match[str]) -> str:
    """The text under a PGP signature, its dashes unescaped (RFC 9580, 7.2)."""
    return re.sub(r"^- ", "", found[1], flags=re.MULTILINE)


def _own_lines(lines: list[str]) -> tuple[list[str], bool, bool]:
    own: list[str] = []
    quotes, is_signature, at, tried = False, False, 0, 0
    while at < len(lines):
        line = lines[at]
        if _QUOTED.match(line):
            quotes, is_signature, at = True, False, at + 1
            continue
        if _FORWARD.match(line):
            return own, quotes, True
        if _ORIGINAL.match(line) or _is_header_block(lines, at):
            return own, True, False
        if tried < MOST_TRIED and (length := _attribution(lines, at)):
            tried += 1
            at += length
            quotes, is_signature = True, False
            if not _is_quoted_below(lines, at):
                return own, True, False
            continue
        if _is_list_footer(lines, at):
            break
        is_signature = is_signature or bool(_SIGNATURE.match(line))
        if not is_signature and not _is_sent_from(line):
            own.append(line)
        at += 1
    return own, quotes, False


def _attribution(lines: list[str], at: int) -> int:
    """How many lines from `at` on say who wrote what follows; 0 where they do not."""
    if not lines[at].strip():
        return 0
    window = ""
    for length in range(1, WRAPPED + 1):
        if at + length > len(lines) or not lines[at + length - 1].strip():
            return 0
        part = _OPENING.sub("", lines[at + length - 1][:LONGEST_LINE].replace("\xa0", " ")).strip()
        window = f"{window}\n{part}".strip()
        if part.endswith((":", "：")) and _begins_quote(window):
            return length
    return 0


def _begins_quote(window: str) -> bool:
    if _wrote().match(window):
        return True
    joined = window.replace("\n", " ")
    return _wrote().match(joined) is not None or quotequail.quote(joined, quote_intro_line=True)[0] == (True, "")


@cache
def _wrote() -> re.Pattern[str]:
    """mail-parser-reply's pattern of `On …, … wrote:` in every language it knows."""
    patterns = [known["wrote_header"] for known in MAIL_LANGUAGES.values() if known.get("wrote_header")]
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE | re.MULTILINE)


@cache
def _sent_from() -> re.Pattern[str]:
    """mail-parser-reply's `Sent from my …`, of every language, alone on its line."""
    known = [each["sent_from"] for each in MAIL_LANGUAGES.values() if each.get("sent_from")]
    return re.compile(rf"[ \t]*(?:{'|'.join(known)})(?:[\w .:/<>-]{{0,80}})$", re.IGNORECASE)


def _is_sent_from(line: str) -> bool:
    return len(line) < LONGEST_LINE and _sent_from().match(line.strip()) is not None


def _is_quoted_below(lines: list[str], at: int) -> bool:
    for line in lines[at:]:
        if line.strip():
            return _QUOTED.match(line) is not None
    return True


def _is_header_block(lines: list[str], at: int) -> bool:
    """Whether the head of another mail begins here: who wrote it, and two more lines of the kind, or an address."""
    if not _LABEL.match(lines[at]):
        return False
    block = [line[:LONGEST_LINE] for line in lines[at : at + HEADER_LINES]]
    found = [(label, line) for line in block if (label := _LABEL.match(line))]
    if _LABEL.match(block[1] if len(block) > 1 else "") is None and len(found) < 3:
        return False
    names_sender = any(label["who"] for label, _ in found)
    return len(found) >= 2 and names_sender and (len(found) >= 3 or any("@" in line for _, line in found))


def _is_list_footer(lines: list[str], at: int) -> bool:
    """A rule, and below it the words that a mailing list puts under each mail."""
    return _RULE.match(lines[at]) is not None and _LIST_FOOTER.search("\n".join(lines[at + 1 : at + 5])) is not None


def _without_disclaimer(text: str) -> str:
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
    return bool(_DISCLAIMER.search(begins[:120]) or _known_disclaimers().match(f"\n{begins}"))


@cache
def _known_disclaimers() -> re.Pattern[str]:
    """mail-parser-reply's, of every language: `CONFIDENTIALITY NOTICE: this e-mail …`."""
    known: re.Pattern[str] = EmailMessage(text="", languages=list(MAIL_LANGUAGES)).DISCLAIMERS_REGEX
    return known
