"""A sender's own words: a mail's text without what it quotes or passes on of others, and without its signature.

How mail programs of many languages begin a quote is known to two libraries, mail-parser-reply and quotequail; what
follows such a beginning is decided here, line by line, for neither of them keeps an answer between quoted lines:

- a line behind `>` is a quote, wherever it stands, and so is the line above it that says who wrote it;
- where what follows that line, or a block of `From:`, `Sent:`, `To:`, is not behind `>`, all below is the quote, if
  the line has a time of day or an address, and the block an address or a date at the sender's side;
- what follows `Forwarded message` is another's; `-- ` (RFC 3676, 4.3) begins a signature, `Sent from my …` is one.

In doubt the words stay: `On 3 March 2026 the customer wrote:` is the sender's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import quotequail
from mailparser_reply.constants import MAIL_LANGUAGES

from sago.sources.mail_disclaimers import without_disclaimer

WRAPPED = 4
"""Lines that a program may break the line over which says who wrote."""
HEADER_LINES = 8
LONGEST_LINE = 300
"""Characters of a line that are looked at for a beginning of a quote."""
MOST_TRIED = 400
"""Times that the libraries' patterns are tried on one mail."""
MOST_ARMOUR = 20
_QUOTED = re.compile(r"[ \t\xa0]*>")
_RULE = re.compile(r"[ \t]*[_=-]{10,}[ \t]*$")
_OWN_NUMBER = re.compile(r"[ \t\xa0]*>[ \t\xa0]*[$€£]?\d.*[^?\s]\s*$")
_SIGNATURE = re.compile(r"[ \t]*(?:--|__)[ \xa0]?[ \t]*$")
_SENTENCE = re.compile(r"(?:\S+\s+){3,}\S*[.!?]$")
SIGNATURE_LINES, SIGNATURE_WIDTH = 10, 60
"""At most, below dashes without the blank that the standard wants."""
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
    r"|(?P<when>sent|date|gesendet|datum|envoyé|enviad[oa](?: el| em)?|fecha|data|inviato|verzonden|skickat|sendt|dato"
    r"|wysłano|odesláno|отправлено|дата|gönderilen|发送时间|送信日時|보낸\s?날짜)"
    r"|(?:to|subject|cc|bcc|reply-to|organization|importance|attachments?|an|betreff|kopie|à|objet|para|asunto|assunto"
    r"|a|oggetto|aan|onderwerp|till|ämne|kopia|til|emne|do|temat|komu|předmět|кому|тема|kime|konu|收件人|主题|抄送|宛先"
    r"|件名|받는\s?사람|제목))[ \xa0]?[*]?[ \xa0]?[:：]",
    re.IGNORECASE,
)
_LIST_FOOTER = re.compile(
    r"^[ \t]*[\w.+-]+ mailing list\b[^.]{0,40}$|mailman/listinfo|^[ \t]*to unsubscribe\b"
    r"|unsubscribe:? *<?(?:https?:|mailto:)|you received this message because you",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(r"[^\s<>@]@[^\s<>@]")
_DATED = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[:.]\d\d(?!\d)|(?<!\d)\d{1,2}h\d\d(?!\d)")
_TIMED = re.compile(r"(?<!\d)\d{1,2}[:.h]\d\d(?![\d.])")
_WEEKDAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b", re.IGNORECASE)
_VERB = (
    r"(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev|kirjoitti|napisał(?:\(a\)|a)?"
    r"|napsal(?:\(a\)|a)?"
    r"|написал(?:\(а\)|а)?)"
)
_NAMED = (
    rf"^[^<>@:!?\n]{{0,80}}(?:\d{{1,2}}:\d\d[^<>@:!?\n]{{0,80}})?[<(\[ ]+[^\s<>@]+@[^\s<>@]+[>)\]]*,? {_VERB}"
    r"(?: [^\n]{0,20}\d[^\n]{0,40})?\s?[:：]$"
)
"""`Max <max@x.example> schrieb am 2. März 2026, 10:00:`, with the date before, behind or nowhere."""
_STAMPED = r"^\d{4}[-/.]\d\d?[-/.]\d\d?,? \d\d?:\d\d[^<>@\n]{0,80}<[^\s<>@]+@[^\s<>@]+>\s?[:：]$"
_NO_COLON = re.compile(rf"\b{_VERB}$", re.IGNORECASE)
_FULL_STOP = re.compile(r"[^\W\d_]{2}\.$|[:!?]$")
_WROTE = r"^.{0,40}\d{4}\s?[年년].{4,200}(?:写道|寫道|작성하였습니다|작성했습니다|작성)\s?[:：]$"
_OPENING = re.compile(r"^-{2,3}[ \t]+(?=\S)")
_CLEARTEXT = re.compile(
    r"^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Z][\w-]*: .*\n)*\n(.*?)^-----BEGIN PGP SIGNATURE-----.*?"
    r"(?:^-----END PGP SIGNATURE-----[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_CIPHER = re.compile(r"^-----BEGIN PGP MESSAGE-----$.*?(?:^-----END PGP MESSAGE-----$|\Z)", re.MULTILINE | re.DOTALL)


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
    return Own(without_disclaimer("\n".join(own).strip()), quotes, forwards, bool(ciphers))


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
    run: list[str] = []
    quotes, at, tries = False, 0, iter(range(MOST_TRIED))
    while at < len(lines):
        line = lines[at]
        if _QUOTED.match(line):
            end = next((n for n in range(at, len(lines)) if not _QUOTED.match(lines[n])), len(lines))
            if not quotes and all(_OWN_NUMBER.match(each) for each in lines[at:end]):
                run += lines[at:end]
            else:
                own += _unsigned(run)
                run, quotes = [], True
            at = end
            continue
        if is_forward := bool(_FORWARD.match(line[:LONGEST_LINE])):
            return own + _unsigned(run), quotes, is_forward
        if _ORIGINAL.match(line[:LONGEST_LINE]) or _is_header_block(lines, at):
            return own + _unsigned(run), True, False
        if length := _attribution(lines, at, tries):
            is_quoted = _is_quoted_below(lines, at + length)
            if not is_quoted and _is_sure("\n".join(lines[at : at + length])):
                return own + _unsigned(run), True, False
            if is_quoted:
                quotes, at = True, at + length
                continue
        run.append(line)
        at += 1
    return own + _unsigned(run), quotes, False


def _is_sure(attribution: str) -> bool:
    return bool(_TIMED.search(attribution) or _ADDRESS.search(attribution))


def _unsigned(lines: list[str]) -> list[str]:
    """Lines between quotes without what is no word to anybody at their end: signature, footer of a list, program."""
    marks = [at for at, line in enumerate(lines) if _SIGNATURE.match(line)]
    ends = [at for at in marks if lines[at] == "-- "] + [at for at in marks[:1] if _is_signature(lines, at)]
    ends += [at for at in range(len(lines)) if _is_list_footer(lines, at)]
    lines = lines[: min(ends, default=len(lines))]
    kept = len(lines)
    while kept and (not lines[kept - 1].strip() or _RULE.match(lines[kept - 1]) or _is_sent_from(lines[kept - 1])):
        kept -= 1
    return lines[:kept] + [line for line in lines[kept:] if not _is_sent_from(line)]


def _is_signature(lines: list[str], at: int) -> bool:
    """Whether so little stands below a divider that it is one's name."""
    below = [line.strip() for line in lines[at + 1 :] if line.strip()]
    return len(below) <= SIGNATURE_LINES and not any(
        len(line) > SIGNATURE_WIDTH or _SENTENCE.match(line) or _SIGNATURE.match(line) for line in below
    )


def _attribution(lines: list[str], at: int, tries: Iterator[int]) -> int:
    """How many lines from `at` on say who wrote what follows; 0 where they do not, or nothing is left to try."""
    if not lines[at].strip():
        return 0
    window = ""
    for length in range(1, WRAPPED + 1):
        if at + length > len(lines) or not lines[at + length - 1].strip():
            return 0
        part = _OPENING.sub("", lines[at + length - 1][:LONGEST_LINE].replace("\xa0", " ").strip())
        window = f"{window}\n{part}".strip()
        said = window if part.endswith((":", "：")) else f"{window}:"
        is_told = said == window or (_NO_COLON.search(part) and _is_told(window))
        if is_told and next(tries, None) is not None and _begins_quote(said, length):
            return length
        if _FULL_STOP.search(part):
            return 0
    return 0


def _is_told(window: str) -> bool:
    return bool(_DATED.search(window) and _ADDRESS.search(window))


def _begins_quote(window: str, length: int) -> bool:
    if length > 2 and not _ADDRESS.search(window):
        return False
    if _wrote().match(window):
        return True
    joined = window.replace("\n", " ")
    return _wrote().match(joined) is not None or quotequail.quote(joined, quote_intro_line=True)[0] == (True, "")


@cache
def _wrote() -> re.Pattern[str]:
    """mail-parser-reply's pattern of `On …, … wrote:` in every language it knows; its Chinese and Korean ones match
    nothing (1.36), so those are ours."""
    patterns = [known["wrote_header"] for known in MAIL_LANGUAGES.values() if known.get("wrote_header")]
    return re.compile(
        "|".join(f"(?:{each})" for each in [*patterns, _WROTE, _NAMED, _STAMPED]), re.IGNORECASE | re.MULTILINE
    )


@cache
def _sent_from() -> re.Pattern[str]:
    """mail-parser-reply's `Sent from my …`, of every language, alone on its line, with a device or a program."""
    known = [each["sent_from"] for each in MAIL_LANGUAGES.values() if each.get("sent_from")]
    return re.compile(
        rf"[ \t]*(?:{'|'.join(known)}|Sent (?:via|using|with)|Von mein\w+|Envoyé (?:de|à partir de) m)"
        r"(?=[^:,;!?<]{0,70}$)(?=.{0,70}(?:phone|i(?:pad|pod|os)\b|android|galaxy|samsung|huawei|pixel|xiaomi|nokia"
        r"|blackberry|windows|outlook|mail\b|gmx|web\.de|mobil|m[óo]vil|handy|telefon|teléfono|téléphone|cellular|tablet"
        r"|device|gerät|appareil|wireless))",
        re.IGNORECASE,
    )


def _is_sent_from(line: str) -> bool:
    bare = re.sub(r"<?https?://\S{1,200}|[.]$", "", line.strip()[:LONGEST_LINE])
    return len(line) < LONGEST_LINE and len(bare.split()) <= 9 and _sent_from().match(bare.strip()) is not None


def _is_quoted_below(lines: list[str], at: int) -> bool:
    for line in lines[at:]:
        if line.strip():
            return _QUOTED.match(line) is not None
    return True


def _is_header_block(lines: list[str], at: int) -> bool:
    """Whether the head of another mail begins here: who wrote it, one more line of the kind, and an address; or who
    wrote it, beside it when, and a third."""
    if not _LABEL.match(lines[at]):
        return False
    block = [line[:LONGEST_LINE] for line in lines[at : at + HEADER_LINES]]
    found = [(label, line) for line in block if (label := _LABEL.match(line))]
    if _LABEL.match(block[1] if len(block) > 1 else "") is None and len(found) < 3:
        return False
    who = next((n for n, (label, _) in enumerate(found) if label["who"]), None)
    if who is None or len(found) < 2:
        return False
    beside = found[max(0, who - 1) : who] + found[who + 1 : who + 2]
    is_dated = any(label["when"] and (_DATED.search(line) or _WEEKDAY.search(line)) for label, line in beside)
    return any(_ADDRESS.search(line) for _, line in found) or (len(found) >= 3 and is_dated)


def _is_list_footer(lines: list[str], at: int) -> bool:
    """A rule, and below it the words that a mailing list puts under each mail, with where to find it."""
    if _RULE.match(lines[at]) is None:
        return False
    below = "\n".join(line[:LONGEST_LINE] for line in lines[at + 1 : at + 5])
    is_told = _ADDRESS.search(below) or "://" in below
    return len(lines) - at <= 2 * SIGNATURE_LINES and bool(is_told and _LIST_FOOTER.search(below))
