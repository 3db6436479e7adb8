"""A second reader's opinion: what it doubts is left out, what it alone is sure of is told in its own words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sago.domain.batches import ExtractionRequest
from sago.domain.events import EventType, Finding, Status
from sago.domain.messages import CompactMessage
from sago.llm.providers.offline import OfflineModel
from sago.llm.providers.offline.inputs import EARLIER, inputs
from sago.llm.providers.offline.reading import Reading, Voice, read

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEAL, FUNDING, HIRING = EventType.ENTERPRISE_DEAL, EventType.FUNDING, EventType.HIRING


class Sure:
    """Sure of the types it was told for words of a statement, of nothing else."""

    def __init__(self, by_words: Mapping[str, EventType]) -> None:
        self._by_words = by_words

    def opinions(self, readings: Sequence[Reading], of: Collection[str]) -> dict[str, list[Mapping[EventType, float]]]:
        return {
            reading.message.id: [self._of(statement.text) for statement in reading.statements]
            for reading in readings
            if reading.message.id in of and reading.voice is not Voice.NOBODY
        }

    def _of(self, text: str) -> Mapping[EventType, float]:
        sure = {event_type for words, event_type in self._by_words.items() if words in text}
        return {event_type: 0.99 if event_type in sure else 0.01 for event_type in EventType}


def chat(*texts: str, sender: str = "kim", every: timedelta = timedelta(minutes=2)) -> tuple[CompactMessage, ...]:
    return tuple(
        CompactMessage(id=f"slack:{n}", source="slack", sent_at=START + n * every, sender=sender, text=text)
        for n, text in enumerate(texts)
    )


def found(messages: tuple[CompactMessage, ...], by_words: Mapping[str, EventType]) -> list[Finding]:
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=messages)
    return OfflineModel(Sure(by_words)).extract(request)


def test_what_no_rule_sees_is_told_in_its_own_words_with_its_figures() -> None:
    (finding,) = found(chat("morning", "the ink is dry with Brookhaven, 11.5 million"), {"ink is dry": FUNDING})
    assert (finding.event_type, finding.message_id) == (FUNDING, "slack:1")
    assert finding.quote == finding.title == "the ink is dry with Brookhaven, 11.5 million"
    assert finding.subject is None
    assert [metric.value for metric in finding.metrics] == [11_500_000]


def test_a_rule_that_the_second_reader_doubts_is_not_believed() -> None:
    messages = chat("Contoso signed for three years")
    assert [f.event_type for f in found(messages, {"Contoso signed": DEAL})] == [DEAL]
    assert found(messages, {}) == []


def test_a_name_with_an_amount_of_money_is_believed_the_rules() -> None:
    messages = chat("Contoso signed for three years at $120k a year")
    assert [f.event_type for f in found(messages, {})] == [DEAL]


def test_what_both_see_is_told_once() -> None:
    assert len(found(chat("Contoso signed for three years at $120k a year"), {"Contoso": DEAL})) == 1


def test_neighbouring_sentences_are_one_telling_and_lines_of_a_mail_are_not() -> None:
    words = {"ink": FUNDING, "bank": FUNDING}
    (one,) = found(chat("The ink is dry. It is in the bank."), words)
    assert one.quote == "The ink is dry. It is in the bank."
    mail = chat("- the ink is dry on both copies\n- Lindqvist's money is in the bank", sender="kim@acme.example")
    assert [f.quote for f in found(mail, words)] == [
        "the ink is dry on both copies",
        "Lindqvist's money is in the bank",
    ]


def test_news_is_not_named_by_what_its_words_say_it_is_not() -> None:
    words = {"time": EventType.SETBACK}
    told = found(chat("it is time to go after 6 years, and it isn't the outage"), words)
    assert [f.title for f in told if f.status is Status.ACTUAL] == [
        "it is time to go after 6 years, and it isn't the outage"
    ]


def test_a_few_words_of_a_mail_are_no_event_of_their_own() -> None:
    assert found(chat("Dear all,\nThe ink is dry.", sender="kim@acme.example"), {"ink": FUNDING}) == []
    assert len(found(chat("Dear all,\n契約書に双方の押印、8億円。", sender="kim@acme.example"), {"押印": FUNDING})) == 1


def test_a_word_or_two_tell_nothing_by_themselves() -> None:
    assert found(chat("signed."), {"signed": DEAL}) == []


def test_nobody_in_person_tells_nothing() -> None:
    assert found(chat("the ink is dry with Brookhaven", sender="crm-bot"), {"ink": FUNDING}) == []


def test_a_statement_comes_with_what_was_said_before_it() -> None:
    texts = [f"line number {n}" for n in range(6)]
    readings = [read(message, frozenset()) for message in chat(*texts, "Is it done? Yes, all of it.")]
    first, second = inputs(readings)[-1]
    assert (first.statement, second.statement) == ("Is it done?", "Yes, all of it.")
    assert first.before.split(" | ") == ["chat ours", *(f"same: line number {n}" for n in (5, 4, 3))]
    assert second.before.split(" | ")[1] == "Is it done?"
    assert len(first.before.split(" | ")) == 1 + EARLIER


def test_what_was_said_long_before_or_in_a_mail_is_no_context() -> None:
    old, mail, now = (
        *chat("yesterday's words"),
        *chat("a mail", sender="kim@acme.example"),
        *(m.model_copy(update={"sent_at": START + timedelta(days=1)}) for m in chat("now")),
    )
    readings = [read(message, frozenset()) for message in (old, mail, now)]
    assert inputs(readings)[-1][0].before == "chat ours"
    assert inputs(readings)[1][0].before == "mail theirs"
