"""What a model outside the house is sent of persons, and that everything comes back to the letter."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sago.domain.batches import ExtractionRequest
from sago.domain.companies import Person
from sago.domain.events import EventType, Finding
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.messages import CompactMessage
from sago.domain.reasons import ReasonRequest, Suggestion, Suggestions, suggest
from sago.domain.watches import Direction
from sago.errors import UnusableAnswerError
from sago.llm.letters import compose_offline
from sago.llm.masking import MOST_TRIES, Masking, _divided
from sago.llm.persons import is_word
from sago.llm.providers.marker import MarkerModel
from sago.llm.redacted import Redacted
from sago.llm.remote.chunk import PATIENCE
from sago.pipeline.grounding import ground
from tests.unit.llm.said import START, chat, mail
from tests.unit.outreach.stories import request as letter_request
from tests.unit.outreach.stories import watch

WORDS = ["Ilka", "Torvald", "Müller", "José", "O'Neill", "Jean-Luc", "Kim", "Park", "Lee", "田中", "Will"]
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True).map(" ".join)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from([*WORDS, *(word.lower() for word in WORDS), *(word.upper() for word in WORDS)]),
        st.sampled_from(["[Person-1]", "Person 3", "[Surname-2b]", "person1@acme.example", "[Phone-1]", "[", "]", "1"]),
        st.sampled_from(["ilka@acme.example", "k.lee+x@müller.example", "info@acme.example", "+49 30 901820"]),
        st.sampled_from([" ", "\n", ", ", "'s ", "さん", "signed for $90k", "020 7946 0958", "Best,\n", "😀"]),
    ),
    max_size=14,
).map("".join)


@given(senders=st.lists(NAMES, max_size=4), texts=st.lists(TEXTS, max_size=4))
@example(senders=["Kim Lee", "Kim Park"], texts=["Kim and Kim Park, [Person-1], person 2"])
def test_what_is_restored_is_what_was_masked(senders: list[str], texts: list[str]) -> None:
    masking = Masking(senders, texts)
    for text in [*senders, *texts]:
        assert masking.restore(masking.mask(text)) == text


@given(senders=st.lists(st.text(max_size=12), max_size=3), texts=st.lists(st.text(max_size=30), max_size=3))
def test_any_text_comes_back_whatever_the_senders_are_called(senders: list[str], texts: list[str]) -> None:
    masking = Masking(senders, texts)
    for text in [*senders, *texts, " ".join([*senders, *texts])]:
        assert masking.restore(masking.mask(text)) == text


@given(senders=st.lists(NAMES, min_size=1, max_size=4), texts=st.lists(TEXTS, max_size=4))
def test_no_name_of_a_sender_is_left(senders: list[str], texts: list[str]) -> None:
    masking = Masking(senders, texts)
    masked = " ".join(masking.mask(text) for text in [*senders, *texts])
    for word in {word for sender in senders for word in sender.split()}:
        small = 0 if is_word(word.lower()) else re.I  # a word as well: found with a capital alone
        assert not re.search(rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])", masked, small), (word, masked)


SHOWN = [
    "{0} {1}",
    "{0} {1} <{2}@acme.example>",
    "{0} {1} <mail@acme.example>",
    "{1}, {0} <info@acme.example>",
    "{0} {1} (she/her)",
    "{0} del Carmen Fernandez {1} Lopez <mdc@acme.example>",
    "Acme | {0} {1} <noreply@acme.example>",
    "Slack ({0} {1}) <notify@slack.example>",
    "Message from {0} {1} <no-reply@news.example>",
    "{0} {1} via Groups <groups@news.example>",
    "{0}{1}",
]
ADDRESSED = ["{2}.{3}@acme.example", "{2}.{3}+news@mail.example", "{2}.{3}.sales@acme.example", "{2}_{3}2@acme.example"]
WRITTEN = [
    "{0} {1}",
    "{1}, {0}",
    "{0}{1}",
    "@{2}{3}",
    "{2}-{3}",
    "{0}s Vertrag",
    "{1}s offer",
    "{1}'s offer",
    "{4} {5}",
]
FIRST, LAST = ["Kim", "Anna", "Jörg", "Steve", "Joerg"], ["Lee", "Talbot", "Müller", "Whitfield", "Mueller"]


def _spelt(name: str) -> str:
    """`Mueller` of `Müller`, and the reverse."""
    letters = {"ü": "ue", "ö": "oe"}
    read = {letter: accent for accent, letter in letters.items()}
    return re.sub("ü|ö|ue|oe", lambda match: (letters | read)[match[0]], name)


@given(
    shown=st.one_of(
        st.tuples(st.sampled_from(SHOWN), st.sampled_from(FIRST), st.sampled_from([*LAST, "Jobs"])),
        st.tuples(st.sampled_from(ADDRESSED), st.sampled_from(FIRST), st.sampled_from(LAST)),
    ),
    written=st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=4),
)
@example(shown=("{0} {1}", "Anna", "Talbot"), written=["{1}s offer"])
def test_no_name_is_left_however_a_sender_shows_it_and_a_text_writes_it(
    shown: tuple[str, str, str], written: list[str]
) -> None:
    shape, first, last = shown
    names = (first, last, first.lower(), last.lower(), _spelt(first), _spelt(last))
    sender, text = shape.format(*names), "; ".join(written).format(*names)
    masking = Masking([sender], [text])
    masked = f"{masking.mask(sender)}\n{masking.mask(text)}"
    left = [name for name in names if name.lower() in masked.lower()]
    assert not left or (last == "Jobs" and "Jobs" not in masked), masked  # a word too: hidden with its capital alone
    assert masking.restore(masking.mask(text)) == text


@pytest.mark.parametrize(
    ("sender", "text"),
    [
        ("Thi Nguyen", "This is it, this"),
        ("Maria del Mar", "vista del puerto"),
        ("The Acme Team <team@acme.example>", "the team of Acme"),
        ("GitHub Notifications <noreply@github.example>", "on GitHub, Notifications"),
        ("ReleaseBot", "ReleaseBot: done"),
        ("customer-success2+eu@acme.example", "customer success"),
        ("no-reply@acme.example", "no-reply@acme.example"),
    ],
)
def test_a_sender_hides_no_other_words(sender: str, text: str) -> None:
    assert Masking([sender], [text], ["Acme"]).mask(text) == text


@given(senders=st.lists(NAMES, max_size=5, unique_by=lambda name: unicodedata.normalize("NFC", name)))
def test_two_persons_never_share_a_placeholder(senders: list[str]) -> None:
    masking = Masking(senders, [])
    masked = [masking.mask(sender) for sender in senders]
    numbers = [set(re.findall(r"-(\d+)", each)) for each in masked]
    for place, sender in enumerate(senders):
        for other in range(place):
            is_part = len({sender, senders[other]} & set(WORDS)) > 0  # `Kim` alone may be `Kim Lee`
            assert is_part or not numbers[place] & numbers[other]
    assert len(set(masked)) == len(senders)


def test_the_names_of_a_person_have_one_number_and_addresses_keep_their_domain() -> None:
    said = "Kim Lee <kim.lee@acme.example> wrote: ask kim, or KIM LEE, at +44 20 7946 0958"
    masked = Masking(["Kim Lee <kim.lee@acme.example>"], [said], ["Acme"]).mask(said)
    assert masked == (
        "[Person-1] [Surname-1] <person1@acme.example> wrote: ask [Person-1b], or [Person-1c] [Surname-1b], "
        "at [Phone-2]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Acme signed Kestrel for $90k, 12,000 users",
        "write to info@acme.example or no-reply@kestrel.example",
        "we will mark the best may numbers",
        "Best,\nsee below",
        "on 2026-03-02 at 12:30, version 10.2.33.4",
        "MRR 1 250 000 000, up from 415,555,267",
    ],
)
def test_what_is_no_person_stays(text: str) -> None:
    senders = ["Will", "Mark May", "Kestrel <hello@kestrel.example>", "Acme Support <support@acme.example>", "ci-bot"]
    assert Masking(senders, [text], ["Acme"]).mask(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("ok then\n\nBest regards,\nJonas Whitfield\nVP Ops, Kestrel", "Jonas Whitfield"),
        ("see you\n\nMit freundlichen Grüßen\nJonas Whitfield", "Whitfield"),
        ("see you\n— Jonas", "Jonas"),
        ("From: Jonas Whitfield <jw@kestrel.example>\nhello", "Jonas"),
        ("On Monday, Jonas Whitfield <jw@kestrel.example> wrote:", "Whitfield"),
        ("ask jonas.whitfield@kestrel.example, Whitfield knows", "Whitfield"),
        ("call +1 (555) 010-0199 now", "010"),
        ("ring 020 7946 0958 now", "7946"),
        ("ruf an: 030 901820, jonas@kestrel.de", "901820"),
    ],
)
def test_persons_beside_the_senders_are_found(text: str, hidden: str) -> None:
    masking = Masking(["kim"], [text], ["Acme"])
    assert hidden not in masking.mask(text)
    assert masking.restore(masking.mask(text)) == text


class Listening(MarkerModel):
    """Remembers what it was sent, and says what it is told to."""

    def __init__(self, *findings: dict[str, Any]) -> None:
        self.findings = findings
        self.request: ExtractionRequest | None = None
        self.letter: LetterRequest | None = None
        self.reason: ReasonRequest | None = None

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        self.request = request
        return [Finding.model_validate({"event_type": EventType.HIRING, **each}) for each in self.findings]

    def compose(self, request: LetterRequest) -> LetterDraft:
        self.letter = request
        return compose_offline(request)

    def propose(self, request: ReasonRequest) -> Suggestions:
        self.reason = request
        return suggest(request.reason)


def asked(model: Listening, *messages: CompactMessage, context: tuple[CompactMessage, ...] = ()) -> list[Finding]:
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=messages, context=context)
    return Redacted(model).extract(request)


def test_a_quote_with_a_placeholder_stands_to_the_letter_in_the_true_text() -> None:
    text = "🎉 Jose\u0301 Álvarez joins us as CTO! [Person-1] is no placeholder here"
    model = Listening(
        {
            "message_id": "gmail:1",
            "quote": "[Person-2] [Surname-2] joins us as CTO",
            "title": "Person-2 [Surname-2] joins as CTO",
            "subject": "[Person-2] [Surname-2]",
            "stakeholders": ("[Person-2]",),
        }
    )
    message = mail(1, text, sender="Jose\u0301 Álvarez <jose@acme.example>")
    found = asked(model, message)
    (seen,), dropped = ground(
        found, [message], company_id="acme", extractor="x", extractor_version="1", recorded_at=START
    )
    assert seen.quote == "Jose\u0301 Álvarez joins us as CTO" == text[seen.start : seen.end]
    assert (seen.title, seen.subject) == ("Jose\u0301 Álvarez joins as CTO", "Jose\u0301 Álvarez")
    assert (seen.stakeholders, dropped) == (("Jose\u0301",), {})


def test_messages_context_senders_and_threads_are_sent_without_persons() -> None:
    model = Listening()
    threaded = mail(2, "thanks Ilka, Torvald").model_copy(update={"thread_id": "<1@torvald.example>"})
    asked(model, chat(1, "hi torvald", sender="ilka"), threaded, context=(mail(0, "x", "Torvald <t@acme.example>"),))
    assert model.request is not None
    sent = model.request.model_dump_json(include={"messages", "context"})
    assert "orvald" not in sent
    assert "lka" not in sent
    assert [message.id for message in model.request.messages] == ["slack:1", "gmail:2"]


@pytest.mark.parametrize("direction", list(Direction))
def test_a_letter_is_asked_for_without_its_people_and_signed_with_them(direction: Direction) -> None:
    request = letter_request(watch("arr >= 2M", direction=direction))
    model = Listening()
    draft = Redacted(model).compose(request)
    plain = compose_offline(request)
    assert draft == plain
    assert model.letter is not None
    sent = model.letter.model_dump_json()
    assert not re.search(r"Ivo|Brandt|Nell\b", sent), sent


def test_the_version_tells_that_persons_were_hidden() -> None:
    assert Redacted(MarkerModel()).version == "1/redacted"


@pytest.mark.parametrize(
    "altered",
    ["[person-1]", "PERSON-1", "Person 1", "[Person‑1]", "[Person - 1]", "person_1", "**[Person-1]**"],
)
def test_a_placeholder_that_the_model_altered_is_restored(altered: str) -> None:
    masking = Masking(["Kim Lee <kim@acme.example>"], [])
    masking.mask("Kim Lee <kim@acme.example>")
    assert masking.restore(f"{altered} signed").strip("*").replace("**", "") == "Kim signed"
    assert not masking.has_strays(f"{altered} signed")


def test_addresses_come_back_in_any_case_and_an_altered_one_is_nobodys() -> None:
    masking = Masking(["Kim Lee <kim@acme.example>"], ["as Person-7 said"])
    masking.mask("Kim Lee <kim@acme.example>")
    assert masking.restore("Person1@ACME.example") == "kim@acme.example"
    assert masking.has_strays("write to person1@other.example")
    assert masking.restore("write to person1@other.example") == "write to person1@other.example"
    assert masking.has_strays("[Person-9] agrees")
    assert not masking.has_strays("as [Person-7] said")


def test_a_reason_is_asked_about_without_its_people_and_its_words_come_back() -> None:
    reason = "ARR below 2M. Founder Nell left; write to dana.reed@northgate.example, +44 20 7946 0958"
    company = letter_request(watch("arr >= 2M")).company.model_copy(update={"founder": "Nell Hart"})
    model = Listening()
    said = Redacted(model).propose(ReasonRequest(company=company, reason=reason, objections=("“Nell left” is vague",)))
    assert model.reason is not None
    sent = model.reason.model_dump_json()
    assert not re.search(r"Nell|Hart|dana|7946", sent), sent
    assert "ARR below 2M" in sent
    assert said.conditions[0] == Suggestion("arr >= 2M", "ARR below 2M")
    assert said == suggest(reason)
    named = ReasonRequest(company=company, reason="ARR of Nell below 2M")
    assert Redacted(model).propose(named).conditions == (Suggestion("arr >= 2M", "ARR of Nell below 2M"),)


def test_a_reason_is_asked_about_without_the_investors_whom_it_names() -> None:
    company = letter_request(watch("arr >= 2M")).company
    model = Listening()
    reason = "ARR below 2M, ask Dana Reed; Tom Smith cannot sell"
    people = (Person(name="Dana Reed", email="dana@northgate.example"),)
    said = Redacted(model).propose(ReasonRequest(company=company, reason=reason, people=people))
    assert model.reason is not None
    assert not re.search(r"Dana|Reed|dana", model.reason.model_dump_json())
    assert "Tom Smith" in model.reason.reason
    assert said == suggest(reason)


class Inventive(Listening):
    """Writes into its letter what it was not given."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line

    def compose(self, request: LetterRequest) -> LetterDraft:
        draft = compose_offline(request)
        return draft.model_copy(update={"body": f"{draft.body}\nPS: {self.line}"})


def test_a_letter_with_a_placeholder_of_nobody_is_no_answer() -> None:
    request = letter_request(watch("arr >= 2M"))
    with pytest.raises(UnusableAnswerError, match="placeholder"):
        Redacted(Inventive("[Person-9] agrees")).compose(request)
    assert "PS: Nell agrees" in Redacted(Inventive("person 1 agrees")).compose(request).body


def test_a_finding_with_a_placeholder_of_nobody_is_dropped() -> None:
    good = {"message_id": "slack:1", "quote": "[person 1] joins us", "title": "[Person-1] joins us"}
    found = asked(Listening(good, {**good, "title": "[Person-4] joins us"}), chat(1, "kim joins us", sender="kim"))
    assert [(finding.title, finding.quote) for finding in found] == [("kim joins us", "kim joins us")]


def test_a_letter_is_asked_for_without_the_people_of_its_events() -> None:
    request = letter_request(watch("arr >= 2M"))
    told = {"title": "Dana Whitfield joins as CFO", "stakeholders": ("Dana Whitfield",)}
    events = (request.events[0].model_copy(update=told), *request.events[1:])
    request = request.model_copy(update={"events": events})
    model = Listening()
    draft = Redacted(model).compose(request)
    assert model.letter is not None
    assert not re.search("Dana|Whitfield", model.letter.model_dump_json())
    assert draft == compose_offline(request)


class Slow(Listening):
    """A clock that moves ten seconds at each look."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def now(self) -> datetime:
        return START

    def monotonic(self) -> float:
        self.at += 10.0
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.mark.parametrize(("within", "left"), [(None, PATIENCE - 10), (60.0, 50.0)])
def test_masking_is_part_of_the_chunks_time(within: float | None, left: float) -> None:
    model = Slow()
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=(chat(1, "hi"),), within=within)
    Redacted(model, model).extract(request)
    assert model.request is not None
    assert model.request.within == left


def test_only_what_may_be_sent_is_masked() -> None:
    model = Listening()
    long, old = chat(1, "x" * 90_000), chat(0, "y" * 9_000)
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=(long,), context=(old,))
    Redacted(model, input_tokens=8_000).extract(request)
    assert model.request is not None
    assert [len(m.text) for m in (*model.request.messages, *model.request.context)] == [24_000, 1_500]


def test_telephone_numbers_behind_many_figures_are_found_in_their_common_forms() -> None:
    line = "2026-01-02 12:00:00.123 10.0.0.1 GET /a/123456789 200 4411 0.123 id=99-88-77-66\n"
    text = line * 200 + "call +44 20 7946 0958 or 555-123-4567"
    masking = Masking(["kim@acme.example"], [text])
    masked = masking.mask(text)
    assert masked.startswith(line * 200)
    assert not re.search(r"7946|555", masked)
    assert masking.restore(masked) == text


def test_the_work_of_the_phone_rules_does_not_grow_with_a_text() -> None:
    tried = [len(_divided("12345678 " * size)[0]) for size in (100, 1_000, 10_000)]
    assert tried == [900, 9 * MOST_TRIES, 9 * MOST_TRIES]
