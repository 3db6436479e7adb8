"""What people have judged, as labelled messages that `sago eval` reads.

The messages of each rejected event are there without its label: a reader that still finds it is counted wrong. Those of
the events that an approved or sent letter tells are there with theirs. Nothing else is: what no person has looked at is
no label.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sago.domain.events import Event
from sago.domain.letters import LetterState
from sago.domain.messages import Message, MessageRef, iso_ms, native_id
from sago.errors import ConfigError
from sago.evaluation.labels import Label, Words
from sago.ports import Database, RawStore, Transaction

COLUMNS = ("id", "is_chat", "chat_sender", "email_sender", "timestamp", "content", "company_id", "thread_id")
_APPROVED = (LetterState.APPROVED, LetterState.QUEUED, LetterState.SENT)


class Judged(NamedTuple):
    """Messages by company and time, and the labels of what they tell."""

    messages: list[Message]
    labels: list[Label]

    def write(self, folder: Path) -> None:
        """`messages.csv` and `gold.jsonl`; raises ConfigError where they cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "messages.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([COLUMNS, *map(_row, self.messages)])
            lines = "".join(f"{label.model_dump_json()}\n" for label in self.labels)
            (folder / "gold.jsonl").write_text(lines, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be written ({error.strerror}); choose another with --out") from error


def judged(database: Database, raw: RawStore, companies: Iterable[str]) -> Judged:
    """Of these companies. A message that was erased, and a label that rests on erased ones alone, is left out."""
    messages: list[Message] = []
    labels: list[Label] = []
    for company_id in companies:
        with database.begin() as transaction:
            standing = transaction.events.find(company_id)
            events = [*_rejected(transaction, company_id), *_approved(transaction, company_id, standing)]
            said = {o.message_id: o.said_at.date() for o in transaction.events.current(company_id)}
        days = {p.message_id: said.get(p.message_id, e.occurred_at.date()) for e in events for p in e.evidence}
        read = _read(raw, company_id, days)
        messages += read
        labels += [label for event in standing if (label := _label(event, {message.id for message in read}))]
    return Judged(messages, labels)


def _rejected(transaction: Transaction, company_id: str) -> list[Event]:
    found = (transaction.events.get(rejection.event_id) for rejection in transaction.events.rejections(company_id))
    return [event for event in found if event is not None and not event.is_active]


def _approved(transaction: Transaction, company_id: str, standing: Sequence[Event]) -> list[Event]:
    letters = transaction.outreach.letters(company_id, live=False)
    told = {event_id for letter in letters if letter.state in _APPROVED for event_id in letter.event_ids}
    return [event for event in standing if event.id in told]


def _read(raw: RawStore, company_id: str, days: dict[str, date]) -> list[Message]:
    """Of each message its newest version, none where that is a deletion."""
    newest: dict[str, MessageRef] = {}
    for day in sorted(set(days.values())):
        for ref in raw.read_day(company_id, day):
            if ref.message_id in days and ref.version >= newest.get(ref.message_id, ref).version:
                newest[ref.message_id] = ref
    return [message for message in raw.read(sorted(newest.values())) if not message.deleted]


def _label(event: Event, at_hand: set[str]) -> Label | None:
    """The event as far as the messages at hand tell it."""
    words = [proof for proof in event.evidence if proof.message_id in at_hand]
    if not words:
        return None
    return Label(
        company_id=event.company_id,
        event_type=event.event_type,
        severity=event.severity,
        title=event.title,
        message_ids=tuple(dict.fromkeys(native_id(proof.message_id) for proof in words)),
        metrics=event.metrics,
        evidence=tuple(Words(message_id=native_id(proof.message_id), quote=proof.quote) for proof in words),
    )


def _row(message: Message) -> tuple[object, ...]:
    is_chat = message.source == "slack"
    senders = (message.sender, "") if is_chat else ("", message.sender)
    thread = message.thread_id or ""
    return (message.native_id, is_chat, *senders, iso_ms(message.sent_at), message.text, message.company_id, thread)
