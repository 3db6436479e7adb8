"""What of a mail is its sender's own: by the mails of four projects, read by a person first, and by hand-made ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import quotequail
from hypothesis import given
from hypothesis import strategies as st
from mailparser_reply import EmailReplyParser
from mailparser_reply.constants import MAIL_LANGUAGES

from sago.sources.mail_mime import parse, tree_of
from sago.sources.mail_parts import body_of
from sago.sources.mail_quotes import own_words, split_own

GITHUB, ZAPIER = "github_email_reply_parser/test/emails", "zapier_email_reply_parser/test/emails"
TALON, FLANKER = "talon/tests/fixtures", "flanker/tests/fixtures/messages"
OWN: dict[str, tuple[range, ...]] = {
    f"{GITHUB}/email_1_2.txt": (range(1, 2), range(9, 35)),
    f"{ZAPIER}/email_1_2.txt": (range(1, 2), range(9, 35)),
    f"{GITHUB}/email_1_5.txt": (range(1, 99),),
    f"{GITHUB}/email_1_6.txt": (range(1, 4),),
    f"{GITHUB}/email_1_8.txt": (range(13, 14), range(19, 20)),
    f"{ZAPIER}/email_1_8.txt": (range(13, 14), range(19, 20)),
    f"{GITHUB}/email_BlackBerry.txt": (range(1, 2),),
    f"{ZAPIER}/email_BlackBerry.txt": (range(1, 2),),
    f"{GITHUB}/email_bullets.txt": (range(1, 10),),
    f"{GITHUB}/email_multi_word_sent_from_my_mobile_device.txt": (range(1, 2),),
    f"{ZAPIER}/email_multi_word_sent_from_my_mobile_device.txt": (range(1, 2),),
    f"{GITHUB}/email_sent_from_my_not_signature.txt": (range(1, 4),),
    f"{ZAPIER}/email_sent_from_my_not_signature.txt": (range(1, 4),),
    f"{GITHUB}/pathological.txt": (range(1, 3),),
    f"{ZAPIER}/pathological.txt": (range(1, 3),),
    f"{ZAPIER}/email_1_3.txt": (range(1, 6),),
    f"{ZAPIER}/email_2_3.txt": (range(1, 2),),
    f"{ZAPIER}/email_gmail.txt": (range(1, 2),),
    f"{ZAPIER}/email_headers_no_delimiter.txt": (range(1, 2),),
    f"{ZAPIER}/email_sig_delimiter_in_middle_of_line.txt": (range(1, 99),),
    f"{TALON}/standard_replies/apple_mail_2.eml": (range(1, 2),),
    f"{TALON}/standard_replies/comcast.eml": (range(1, 2),),
    f"{TALON}/standard_replies/hotmail.eml": (range(1, 3),),
    f"{TALON}/standard_replies/iphone_reply_text": (range(1, 2),),
    f"{TALON}/standard_replies/outlook.eml": (range(1, 2),),
    f"{TALON}/standard_replies/sparrow.eml": (range(1, 2),),
    f"{TALON}/standard_replies/thunderbird.eml": (range(3, 4),),
    f"{TALON}/reply-quotations-share-block.eml": (range(1, 4),),
    f"{TALON}/reply-separated-by-hr.html": (range(1, 4),),
    f"{TALON}/html_replies/gmail.html": (range(1, 5),),
    f"{TALON}/html_replies/ms_outlook_2003.html": (range(1, 6),),
    f"{TALON}/html_replies/ms_outlook_2007.html": (range(1, 6),),
    f"{TALON}/html_replies/thunderbird.html": (range(1, 5),),
    f"{TALON}/signature/emails/stripped/jeff_body": (range(1, 3),),
    f"{TALON}/signature/emails/stripped/johndoeexamplecom_body": (range(1, 30),),
    f"{FLANKER}/text-only.eml": (range(1, 99),),
    f"{FLANKER}/enclosed.eml": (range(1, 99),),
    f"{FLANKER}/bilingual-simple.eml": (range(1, 99),),
}
"""Lines, from 1, of a mail's text that its sender wrote there, signatures left out, as a person reads the files; where
the project itself says it (talon's tests, the names of its signature files) it says the same."""
ENDS = {
    f"{GITHUB}/email_1_2.txt": ("Hi,", 'delete them all individually."'),
    f"{ZAPIER}/email_1_3.txt": ("Oh thanks.", "-Abhishek Kona"),
    f"{GITHUB}/email_1_8.txt": ("I will reply under this one", "and under this."),
    f"{ZAPIER}/email_2_3.txt": ("Outlook with a reply", "using unusual format"),
    f"{ZAPIER}/pathological.txt": ("I think you're onto something.", "get back to a computer."),
    f"{TALON}/html_replies/gmail.html": ("Hi. I am fine.", "Alex"),
    f"{TALON}/reply-quotations-share-block.eml": ("Hi Katharine.", "Joe XXX"),
    f"{TALON}/standard_replies/thunderbird.eml": ("Hello", "Hello"),
}
"""First and last words of some of them."""


def text_of(path: Path) -> str:
    raw = path.read_bytes()
    head = b"Content-Type: text/html; charset=utf-8\n\n" if path.suffix == ".html" else b""
    return body_of(tree_of(parse(head + raw))) if path.suffix in (".eml", ".html") else raw.decode()


def by_quotequail(text: str) -> str:
    is_own, head = quotequail.quote(text)[0]
    return head if is_own else text


def by_mail_parser_reply(text: str) -> str:
    replies = EmailReplyParser(languages=list(MAIL_LANGUAGES)).read(text).replies
    return str(replies[0].body) if replies else ""


def kept_lines(text: str, own: str) -> set[int]:
    """Which lines of a text, from 1, stand in what was made of it, in its order."""
    left = [line.strip() for line in own.split("\n") if line.strip()]
    kept = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if left and line.strip() == left[0]:
            kept.add(number)
            left.pop(0)
    return kept


def by_both(text: str) -> str:
    kept = kept_lines(text, by_quotequail(text)) & kept_lines(text, by_mail_parser_reply(text))
    return "\n".join(line for number, line in enumerate(text.split("\n"), start=1) if number in kept)


def misses(shared: Path, cut: Callable[[str], str]) -> tuple[int, int, int]:
    """Wrongly kept lines, wrongly cut lines, and mails without either."""
    kept_wrong, cut_wrong, whole = 0, 0, 0
    for name, ranges in OWN.items():
        text = text_of(shared / "data" / "real" / "email" / name)
        own = {n for n, line in enumerate(text.split("\n"), 1) if line.strip() and any(n in each for each in ranges)}
        kept = kept_lines(text, cut(text))
        kept_wrong += len(kept - own)
        cut_wrong += len(own - kept)
        whole += kept == own
    return kept_wrong, cut_wrong, whole


def test_our_cut_is_measured_against_each_library_and_both(shared: Path) -> None:
    """The figures stand in docs/decisions/0002-libraries.md."""
    measured = {cut.__name__: misses(shared, cut) for cut in (by_quotequail, by_mail_parser_reply, by_both, own_words)}
    assert measured == {
        "by_quotequail": (142, 35, 7),
        "by_mail_parser_reply": (39, 56, 23),
        "by_both": (38, 57, 23),
        "own_words": (7, 0, 36),  # two signatures without any mark
    }


def test_the_first_and_last_words_are_the_senders(shared: Path) -> None:
    for name, (first, last) in ENDS.items():
        own = own_words(text_of(shared / "data" / "real" / "email" / name)).replace("’", "'")
        own = " ".join(own.split())
        assert (own.startswith(first), own.endswith(last)) == (True, True), name


SAID = [
    "On Mon, 2 Mar 2026 at 09:04, Orla <orla@harbour.example> wrote:",
    "On Mon, 2 Mar 2026 at 09:04, Orla Byrne of the Harbour Board\n<orla@harbour.example> wrote:",
    "Am Mo., 2. März 2026 um 09:04 Uhr schrieb Orla <orla@harbour.example>:",
    "Le lun. 2 mars 2026 à 09:04, Orla <orla@harbour.example> a écrit\u00a0:",
    "El lun, 2 mar 2026 a las 9:04, Orla (<orla@harbour.example>) escribió:",
    "Il giorno lun 2 mar 2026 alle ore 09:04 Orla <orla@harbour.example> ha scritto:",
    "Op ma 2 mrt 2026 om 09:04 schreef Orla <orla@harbour.example>:",
    "Em seg., 2 de mar. de 2026 às 09:04, Orla <orla@harbour.example> escreveu:",
    "Den mån 2 mars 2026 kl 09:04 skrev Orla <orla@harbour.example>:",
    "2 марта 2026 г., 09:04, Orla написал(а):",
    "2026年3月2日(月) 9:04 Orla <orla@harbour.example>:",
    "2026년 3월 2일 (월) 오전 9:04, Orla 님이 작성하였습니다:",
    "在 2026年3月2日周一 09:04，Orla <orla@harbour.example> 写道：",
    "Dne po 2. 3. 2026 9:04 Orla napsal(a):",
]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("mark", ["> ", ""])
def test_a_quote_is_known_in_many_languages_with_and_without_its_mark(said: str, mark: str) -> None:
    own = split_own(f"We signed this morning.\n\n{said}\n\n{mark}Contoso is lost to us.\n{mark}Orla\n")
    assert (own.text, own.quotes, own.forwards) == ("We signed this morning.", True, False)


@pytest.mark.parametrize("said", SAID)
def test_answers_between_quoted_lines_stay(said: str) -> None:
    own = own_words(f"{said}\n> Have you signed?\n\nYes, on Monday.\n\n> And the price?\n\n$120k a year.\n\n-- \nKim\n")
    assert own.split("\n") == ["Yes, on Monday.", "", "", "$120k a year."]


@pytest.mark.parametrize(
    "head",
    [
        "From: Orla <orla@harbour.example>\nSent: Monday\nTo: Kim\nSubject: News",
        "*From:* Orla <orla@harbour.example>\n*Date:* Monday\n*To:* Kim",
        "Von: Orla <orla@harbour.example>\nGesendet: Montag\nAn: Kim\nBetreff: Neues",
        "De : Orla <orla@harbour.example>\nEnvoyé : lundi\nÀ : Kim\nObjet : Nouvelles",
        "De: Orla <orla@harbour.example>\nEnviado el: lunes\nPara: Kim\nAsunto: Noticias",
        "Från: Orla <orla@harbour.example>\nSkickat: måndag\nTill: Kim\nÄmne: Nyheter",
        "发件人: Orla <orla@harbour.example>\n发送时间: 2026\n收件人: Kim\n主题: 消息",
        "-----Original Message-----",
        "________________________________\nFrom: Orla <orla@harbour.example>\nSent: Monday\nTo: Kim",
    ],
)
def test_below_the_head_of_another_mail_all_is_anothers(head: str) -> None:
    own = split_own(f"We signed this morning.\n\n{head}\n\nContoso is lost to us.\n")
    assert (own.text.rstrip("_\n"), own.quotes) == ("We signed this morning.", True)


@pytest.mark.parametrize(
    "mark",
    [
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "-------- Weitergeleitete Nachricht --------",
        "---------- Message transféré ----------",
        "-------- Пересылаемое сообщение --------",
    ],
)
def test_what_is_passed_on_is_anothers(mark: str) -> None:
    own = split_own(f"FYI\n\n{mark}\nFrom: Orla <orla@harbour.example>\nSubject: News\n\nContoso signed.\n")
    assert (own.text, own.forwards) == ("FYI", True)
    assert split_own(f"{mark}\nFrom: o@x.example\n\nContoso signed.").text == ""


@pytest.mark.parametrize(
    "own",
    [
        "From: Berlin\nTo: the world. We open an office there.",
        "Here is what we did:\n- signed Contoso\n- hired Orla\n\nThanks, we could not have done it without you.",
        "Thanks, great news: Contoso signed.\n\nBest, Kim",
        "On Monday we signed Contoso; this is what they pay:\n$120k a year",
        "The price -- and this is new -- is $120k.",
        "Warning: the mail provider raises its prices in May, and we pay 120 a month more than before.",
        "To: be decided\nDate: in May",
        "Sent from my desk, is much easier then my mobile phone.",
        "Numbers\n==========\nARR is $2M",
    ],
)
def test_own_words_that_look_like_a_quote_or_a_signature_stay(own: str) -> None:
    assert split_own(own) == (own, False, False, False)


@pytest.mark.parametrize(
    "below",
    [
        "-- \nKim Lee\nCEO, we are the best",
        "--\nKim",
        "Sent from my iPhone",
        "Gesendet von meinem iPhone",
        "Get Outlook for iOS",
        "_______________________________________________\nharbour mailing list\nharbour@x.example",
        "CONFIDENTIALITY NOTICE: This e-mail and its attachments are confidential and intended only for the addressee; "
        "if you are not the one, delete it.",
        "This email and any attachments are confidential and intended solely for the use of the individual to whom it "
        "is addressed.",
        "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, informieren Sie "
        "bitte sofort den Absender.",
    ],
)
def test_a_signature_or_a_disclaimer_goes(below: str) -> None:
    assert split_own(f"We signed.\n\n{below}\n") == ("We signed.", False, False, False)


def test_a_pgp_signature_is_taken_off_and_a_cipher_left_out() -> None:
    armour = "-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----"
    signed = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nWe signed.\n- -- \nKim\n{armour}\n"
    assert split_own(signed).text == "We signed."
    assert split_own("-----BEGIN PGP MESSAGE-----\n\nhQ\n-----END PGP MESSAGE-----\n") == ("", False, False, True)


@given(st.lists(st.sampled_from([*SAID, "> a", ">", "", "-- ", "x", "From: a@b.c", "To: a@b.c", "On wrote:", ":"])))
def test_any_mail_is_cut_without_an_error_and_nothing_is_made_up(lines: list[str]) -> None:
    text = "\n".join(lines)
    own = own_words(text)
    assert {line.strip() for line in own.split("\n")} <= {line.strip() for line in text.split("\n")} | {""}
    assert not any(line.lstrip().startswith(">") for line in own.split("\n"))


@pytest.mark.parametrize(
    "line",
    [
        "a b c:",
        "On " + "x 1, " * 50 + "wrot:",
        "On " + "x " * 400 + "wrot:",
        "On 1, a b wrot:\n",
        "x" * 290,
        "-----Original Message" + "-" * 2000 + "x",
        "From: a" + " " * 300,
        "-----BEGIN PGP SIGNED MESSAGE-----",
        "Am x schrieb :",
    ],
)
def test_a_mail_made_to_be_slow_is_not(line: str) -> None:
    text = (line + "\n") * (900_000 // len(line))
    started = time.process_time()
    own_words(text)
    assert time.process_time() - started < 4
