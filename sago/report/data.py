"""Everything a report shows, gathered once, and read by each of its forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from sago.domain.companies import Company
from sago.domain.contradictions import Contradiction, contradictions
from sago.domain.events import Event, Evidence, MetricPoint
from sago.domain.letters import Letter
from sago.domain.messages import CompactMessage, MessageRef, native_id
from sago.domain.watches import Outcome, Verdict
from sago.domain.wording import titled
from sago.ports import Database, RawStore, Transaction

ORDER = (Outcome.NOW, Outcome.NOT_YET, Outcome.DO_NOT_WRITE)


class Proof(NamedTuple):
    """A quote in its message, where that is at hand: `before + quote + after` is the message's text."""

    quote: str
    before: str = ""
    after: str = ""
    sender: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True)
class ReportData:
    """One report. `messages` are the quoted ones by (company, message id); `bad_rows` one line for each refused row.

    `figures` are shown in their order; keys are words joined by underscores.
    """

    companies: Sequence[Company]
    verdicts: Sequence[Verdict]
    events: Sequence[Event]
    letters: Sequence[Letter]
    messages: Mapping[tuple[str, str], CompactMessage]
    figures: Mapping[str, float]
    bad_rows: Sequence[str]
    as_of: datetime
    metric_points: Sequence[MetricPoint] = field(default=())

    def name(self, company_id: str) -> str:
        """The company's name; its id where it is not known."""
        return next((c.name for c in self.companies if c.company_id == company_id), company_id)

    def judged(self) -> list[Verdict]:
        """Verdicts of watches with conditions: NOW first, then NOT YET, then DO NOT WRITE."""
        waiting = (v for v in self.verdicts if v.watch.conditions and v.outcome in ORDER)
        return sorted(waiting, key=lambda v: ORDER.index(v.outcome))

    def events_of(self, company_id: str) -> list[Event]:
        """One company's events, newest first."""
        mine = [event for event in self.events if event.company_id == company_id]
        return sorted(mine, key=lambda event: (-event.occurred_at.timestamp(), str(event.id)))

    def contradictions_of(self, event: Event) -> list[Contradiction]:
        """What other events of the report say otherwise."""
        return self._contradictions.get(event.id, [])

    def title_of(self, event_id: UUID) -> str:
        """The title of one of the events."""
        return next(titled(event) for event in self.events if event.id == event_id)

    @cached_property
    def _contradictions(self) -> dict[UUID, list[Contradiction]]:
        shown = {event.id for event in self.events}
        return contradictions(point for point in self.metric_points if point.event_id in shown)

    def proof(self, company_id: str, evidence: Evidence) -> Proof:
        """The quote with its message around it; the quote alone where the message is missing or says it no more."""
        message = self.messages.get((company_id, evidence.message_id))
        if message is None:
            return Proof(evidence.quote)
        start = evidence.start
        if message.text[start : evidence.end] != evidence.quote:
            start = message.text.find(evidence.quote)
        if start < 0:
            return Proof(evidence.quote, sender=message.sender, sent_at=message.sent_at)
        end = start + len(evidence.quote)
        return Proof(evidence.quote, message.text[:start], message.text[end:], message.sender, message.sent_at)

    def letters_in_order(self) -> list[Letter]:
        """Answers to a reason that is gone first, then updates; by company."""
        return sorted(self.letters, key=lambda letter: (":" not in letter.window, letter.company_id, letter.window))

    def letter_of(self, verdict: Verdict) -> Letter | None:
        """The newest letter of the verdict's watch."""
        mine = [letter for letter in self.letters if letter.watch_id == verdict.watch.id]
        return max(mine, key=lambda letter: letter.created_at, default=None)


def gather(
    database: Database,
    raw: RawStore,
    companies: Sequence[str],
    verdicts: Sequence[Verdict],
    as_of: datetime,
    figures: Mapping[str, float],
    bad_rows: Sequence[str],
) -> ReportData:
    """The report of these companies from the stores; verdicts of other companies are left out."""
    wanted = set(companies)
    with database.begin() as transaction:
        known = [company for company in transaction.companies.all() if company.company_id in wanted]
        events = [event for company_id in companies for event in transaction.events.find(company_id)]
        letters = [letter for company_id in companies for letter in transaction.outreach.letters(company_id)]
        points = [point for company_id in companies for point in transaction.events.metric_points(company_id)]
        said = {company_id: _said(transaction, company_id) for company_id in companies}
    return ReportData(
        companies=known,
        verdicts=[verdict for verdict in verdicts if verdict.watch.company_id in wanted],
        events=events,
        letters=letters,
        messages=_messages(raw, events, said),
        figures=figures,
        bad_rows=bad_rows,
        as_of=as_of,
        metric_points=points,
    )


def _said(transaction: Transaction, company_id: str) -> dict[str, tuple[int, datetime]]:
    """Message id → version read and when it was said."""
    return {o.message_id: (o.version, o.said_at) for o in transaction.events.current(company_id)}


def _messages(
    raw: RawStore, events: Sequence[Event], said: Mapping[str, Mapping[str, tuple[int, datetime]]]
) -> dict[tuple[str, str], CompactMessage]:
    """The quoted messages. A day's references are looked up, for an edit was said later than its original was sent."""
    wanted = {(event.company_id, proof.message_id) for event in events for proof in event.evidence}
    refs: list[MessageRef] = []
    days = {(company, said[company][mid][1].date()) for company, mid in wanted if mid in said.get(company, {})}
    for company, day in sorted(days):
        versions = {mid: version for mid, (version, _) in said[company].items() if (company, mid) in wanted}
        refs += [ref for ref in raw.read_day(company, day) if versions.get(ref.message_id) == ref.version]
    found = raw.read(refs)
    return {(message.company_id, message.id): message.compact() for message in found}


def event_row(event: Event) -> dict[str, Any]:
    """An event as `events.jsonl` and `sago extract` print it: with the file's own message ids and its quotes."""
    row = event.to_row()
    for proof in row["source_messages"]:
        proof["message_id"] = native_id(proof["message_id"])
    ids = list(dict.fromkeys(native_id(proof.message_id) for proof in event.evidence))
    quotes = [{"message_id": native_id(proof.message_id), "quote": proof.quote} for proof in event.evidence]
    return row | {"message_ids": ids, "evidence": quotes}
