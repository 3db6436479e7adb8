"""Mails made by hand, in which a reader once lost the sender's own words or took another's for them."""

from __future__ import annotations

import pytest

from sago.sources.mail_html import html_to_text
from sago.sources.mail_quotes import own_words, split_own

MINE, THEIRS = "We lost our biggest customer.", "Contoso has doubled its revenue."
DIV = "border:none;border-left:solid blue 1.5pt;padding:0cm 0cm 0cm 4.0pt"


@pytest.mark.parametrize(
    "own",
    [
        f"On Monday the customer wrote:\n\n{MINE}",
        f"On 3 March 2026 the customer wrote:\n\n{MINE}",
        f"Am 02.03.2026 schrieb der Kunde:\n{MINE}",
        f"Le client nous a écrit :\n\n{MINE}",
        f"Am Freitag schrieb uns der Kunde:\n\n{MINE}",
        f"On 3 March our largest account left. They wrote:\n\n{MINE}",
        f"Our CTO wrote:\n\n{MINE}",
        "Update:\n>100 customers now\n> 50% churn",
        f"Trip:\nFrom: Berlin\nTo: Paris\nDate: 3 March\n\n{MINE}",
        f"Trip:\nFrom: Berlin\nTo: Paris\nDate: 3 March 2026\n\n{MINE}",
        f"Board meeting\nDate: 3 March\nTo: all investors\nFrom: the team\n\n{MINE}",
        f"Hello\n--\nQ1\n{MINE}\n--\nQ2",
        f"Hello\n--\n{MINE}",
        "Hello\n--\n" + "a line of the report, without a stop\n" * 11 + "the last",
        f"Hi,\n\nThis message is confidential, please do not share it with your addressee list: {MINE} And more.",
        f"Hi\n\nThis email contains confidential information: {MINE} We have decided to shut down next month.",
        f"Hi\n\nSent from my side: {MINE}",
        f"Sent from my phone company, {MINE}",
        f"Gesendet von Max gestern: {MINE}",
        f"Gesendet von unserem Kunden. {MINE}",
        f"Hi\n\n----------\nWe now run the mailing list.\n{MINE}",
        f"Numbers\n==========\nUnsubscribe rate rose\n{MINE}",
    ],
)
def test_own_words_stay_whole(own: str) -> None:
    assert own_words(own) == own


@pytest.mark.parametrize("mark", ["", "> "])
@pytest.mark.parametrize(
    "said",
    [
        "Max Muster <max@x.example> schrieb am Mo., 2. März 2026, 10:00:",
        "Max Muster <max@x.example> schrieb am Mo., 2. März 2026,\n10:00:",
        "Max Muster <max@x.example> schrieb:",
        "Max Muster <max@x.example> a écrit le lun. 2 mars 2026, 10:00 :",
        "pon., 2 mar 2026 o 10:00 Max <max@x.example> napisał(a):",
        "2026-03-02 10:00 GMT+01:00 Max <max@x.example>:",
        "On Mon, Mar 2, 2026 at 10:00 AM Maximilian\nMuster von und zu\nNeuhaus <max@x.example>\nwrote:",
        "On Mon, Mar 2, 2026 at 10:00 AM Max <max@x.example> wrote",
    ],
)
def test_what_another_wrote_is_left_out_with_the_line_that_says_so(said: str, mark: str) -> None:
    own = split_own(f"{MINE}\n\n{said}\n\n{mark}{THEIRS}\n")
    assert (own.text, own.quotes) == (MINE, True)


def test_a_line_that_says_who_wrote_goes_with_the_quote_below_it_whatever_it_tells() -> None:
    assert own_words(f"{MINE}\n\nOn Monday the customer wrote:\n> {THEIRS}") == MINE


def test_a_number_behind_a_quotes_mark_is_anothers_below_a_quote() -> None:
    assert own_words(f"> {THEIRS}\n\n{MINE}\n\n> 50 more\n\n") == MINE
    assert own_words(f"{MINE}\n> 50 more\n> {THEIRS}") == MINE


@pytest.mark.parametrize(
    "head",
    [
        "From: Max\nDate: Monday, March 2\nTo: Kim",
        "Von: Max Muster\nGesendet: Montag, 2. März 2026 10:00\nAn: Kim\nBetreff: AW: x",
        "Gesendet: Montag, 02. März 2026 um 10:00 Uhr\nVon: Max\nAn: Kim",
    ],
)
def test_a_head_without_an_address_has_its_date_beside_the_name(head: str) -> None:
    assert own_words(f"{MINE}\n\n{head}\n\n{THEIRS}") == MINE


@pytest.mark.parametrize(
    "quote",
    [
        f'<div style="{DIV}"><p>{THEIRS}</p></div>',
        f'<div class="gmail_quote"><div>{THEIRS}</div></div>',
        f'<blockquote style="border:0"><p>{THEIRS}</p></blockquote>',
        '<div class="gmail_quote"><div class="gmail_attr">Max &lt;max@x.example&gt; schrieb am Mo., 2. März 2026,'
        f' 10:00:<br></div><blockquote class="gmail_quote">{THEIRS}</blockquote></div>',
    ],
)
def test_a_quote_in_html_is_left_out(quote: str) -> None:
    assert own_words(html_to_text(f"<div>{MINE}</div>{quote}")) == MINE


@pytest.mark.parametrize(
    "own",
    [
        '<div style="border-left:4px solid #abc">{}</div>',
        '<div class="gmail_quote"><blockquote class="gmail_quote">Signed?</blockquote><div>{}</div></div>',
    ],
)
def test_own_words_in_html_are_no_quote(own: str) -> None:
    assert own_words(html_to_text(own.format(MINE))) == MINE


def test_a_sentence_above_the_line_that_says_who_wrote_stays() -> None:
    assert own_words(f"We sold it.\nMax <max@x.example> wrote:\n\n{THEIRS}") == "We sold it."
