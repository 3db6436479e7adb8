"""How a person writes, learned from mails of their own and of nobody else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.config import PROJECT
from sago.domain.voices import Formality, SentMail
from sago.errors import UsageError
from sago.llm.letters import compose_offline
from sago.outreach.checking import check
from sago.outreach.voice import LONGEST, learn
from sago.sources.sent_mails import read_sent, sole_address
from tests.unit.outreach.stories import request, watch

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
VOICES = Path(__file__).resolve().parents[2] / "data" / "voices"
SENDER = "ivo@fund.example"


def sent(
    *texts: str, sender: str = SENDER, readers: tuple[str, ...] = ("Nell Quist", "nell@orchard.example")
) -> list[SentMail]:
    return [SentMail(sender=sender, readers=readers, text=text) for text in texts]


def test_a_terse_investor_is_learned_without_the_words_of_others() -> None:
    learned = learn(read_sent(VOICES / "terse_investor", NOW), "Ivo@Fund.Example")
    voice = learned.voice
    assert voice is not None
    assert (voice.greeting, voice.sign_off, voice.formality) == ("{name} –", "Cheers,", Formality.CASUAL)
    assert voice.words < 25
    assert (learned.own, learned.others) == (4, 1), "a mail with a like address is another's"


def test_a_formal_founder_is_learned_without_the_signature() -> None:
    voice = learn(read_sent(VOICES / "formal_founder", NOW), "amelie@lichtwerk.example").voice
    assert voice is not None
    assert (voice.greeting, voice.sign_off, voice.formality) == ("Dear {name},", "Yours sincerely,", Formality.FORMAL)
    assert 50 < voice.words < 110


def test_the_sample_of_the_manual_gives_a_voice() -> None:
    voice = learn(read_sent(PROJECT / "samples" / "dana", NOW), "dana@northgate.example").voice
    assert voice is not None
    assert (voice.greeting, voice.sign_off) == ("Hi {name},", "Best,")
    assert voice.formality is Formality.CASUAL
    assert voice.samples == 4


@pytest.mark.parametrize("sender", ["ivo@fund.example.evil.example", "nell@orchard.example", "vo@fund.example", ""])
def test_nobody_elses_mails_are_used(sender: str) -> None:
    others = sent(*["Hey Nell,\n\nHa.\n\nXoxo,\nEve"] * 5, sender=sender)
    assert learn(others, SENDER) == (None, 0, 5)
    own = sent(*["Hi Nell,\n\nThe deck is here.\n\nBest,\nIvo"] * 3)
    voice = learn([*others, *own], SENDER).voice
    assert voice is not None
    assert (voice.greeting, voice.sign_off, voice.samples) == ("Hi {name},", "Best,", 3)


def test_two_mails_show_no_habit() -> None:
    assert learn(sent("Hi Nell,\n\nYes.\n\nBest,\nIvo", "Hi Nell,\n\nNo.\n\nBest,\nIvo"), SENDER) == (None, 2, 0)


@pytest.mark.parametrize(
    ("greeting", "kept"),
    [
        ("Hallo Nell,", "Hallo {name},"),
        ("Hola Nell:", "Hola {name}:"),
        ("Bonjour Nell,", "Bonjour {name},"),
        ("Cześć Nell!", "Cześć {name}!"),
        ("Guten Tag Nell Quist,", "Guten Tag {name},"),
        ("nell,", "{name},"),
        ("Hi,", "Hi,"),
        ("Dear Ms Quist,", "Dear {name},"),
        ("Sehr geehrte Frau Quist,", "Dear {name},"),
        ("Hi Bob,", "Hi {name},"),
        ("Hi Nell and Walmart,", "Hi {name},"),
        ("We closed at $5M,", "Hi {name},"),
    ],
)
def test_a_greeting_is_kept_to_the_word_and_fits_the_next_reader(greeting: str, kept: str) -> None:
    voice = learn(sent(*[f"{greeting}\n\nThe deck is here, as you asked.\n\nBest,\nIvo"] * 3), SENDER).voice
    assert voice is not None
    assert voice.greeting == kept


@pytest.mark.parametrize("name", ["Hallo {name},", "Hola {name}:", "Moin {name},", "{name} –", "Guten Tag {name},"])
def test_a_letter_in_that_voice_passes_the_check(name: str) -> None:
    mails = sent(*[f"{name.replace('{name}', 'Nell')}\n\nThe deck is here, as you asked.\n\nMit Gruß,\nIvo"] * 3)
    asked = request(watch("arr >= 2M"))
    asked = asked.model_copy(update={"watch": asked.watch.model_copy(update={"voice": learn(mails, SENDER).voice})})
    draft = compose_offline(asked)
    assert draft.body.startswith(name.replace("{name}", "Nell"))
    assert draft.body.endswith("Mit Gruß,\n\nIvo Brandt") or draft.body.endswith("Mit Gruß,\n\nIvo")
    assert check(draft, asked) == []


@pytest.mark.parametrize(
    ("close", "kept"),
    [
        ("Best,\nIvo", "Best,"),
        ("Cheers, Ivo", "Cheers,"),
        ("Mit freundlichen Grüßen\n\nIvo Brandt", "Mit freundlichen Grüßen"),
        ("Ivo", ""),
        ("Thanks!", "Thanks!"),
        ("Saludos,\nIvo Brandt\nPartner, The Fund\n+44 20 7946 0000", "Saludos,"),
    ],
)
def test_a_sign_off_is_what_stands_above_the_name(close: str, kept: str) -> None:
    voice = learn(sent(*[f"Hi Nell,\n\nThe deck is here, as you asked.\n\n{close}"] * 3), SENDER).voice
    assert voice is not None
    assert voice.sign_off == kept
    assert voice.words == 7


@given(st.lists(st.text(max_size=200), min_size=3, max_size=6))
def test_whatever_a_mail_says_a_voice_is_short_lines_of_letters(texts: list[str]) -> None:
    voice = learn(sent(*texts), SENDER).voice
    assert voice is not None
    for line in (voice.greeting, voice.sign_off):
        assert len(line) <= LONGEST
        assert not set(line) & set("\n\r<>@/$%0123456789")


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("Ivo Brandt <ivo@fund.example>", "ivo@fund.example"),
        ('"Ivo <ivo@fund.example>" <eve@evil.example>', "eve@evil.example"),
        ("=?utf-8?q?Ivo_=3Civo=40fund=2Eexample=3E?= <eve@evil.example>", "eve@evil.example"),
        ("ivo@fund.example, eve@evil.example", ""),
        ("Ivo <ivo@fund.example> <eve@evil.example>", "eve@evil.example"),
        ("", ""),
    ],
)
def test_a_name_that_spells_an_address_is_no_address(header: str, address: str) -> None:
    assert sole_address(header) == address


def test_a_folder_without_mails_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,content\n1,x\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"holds no \.eml"):
        list(read_sent(tmp_path, NOW))
    with pytest.raises(UsageError, match="this is a"):
        list(read_sent(tmp_path / "a.csv", NOW))


@pytest.mark.parametrize(
    "close", ["Wire it today,", "Helmut Vogel,", "Regards to Helmut and Osprey,", "Darling,", "Kisses,"]
)
def test_a_sentence_or_a_name_is_no_sign_off(close: str) -> None:
    voice = learn(sent(*[f"Hi Nell,\n\nThe deck is here.\n\n{close}\nIvo"] * 3), SENDER).voice
    assert voice is not None
    assert voice.sign_off == "Best,"


@pytest.mark.parametrize("greeting", ["Congrats on the round,", "Hi mom,", "Darling,", "Wire it today {name},"])
def test_a_sentence_is_no_greeting(greeting: str) -> None:
    voice = learn(sent(*[f"{greeting.format(name='Nell')}\n\nThe deck is here.\n\nBest,\nIvo"] * 3), SENDER).voice
    assert voice is not None
    assert voice.greeting == "Hi {name},"


def test_what_was_written_once_is_no_habit() -> None:
    bodies = ["Moin Nell,\n\nYes.\n\nCheers,\nIvo", "Nell,\n\nNo.\n\nThanks,\nIvo", "Hey Nell,\n\nHm.\n\nTa,\nIvo"]
    voice = learn(sent(*bodies), SENDER).voice
    assert voice is not None
    assert (voice.greeting, voice.sign_off) == ("Hi {name},", "Best,")
