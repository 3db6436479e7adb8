"""A letter's receipts held against what is stored now: whether each proof still stands to the letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sago.domain.events import Event, Evidence, Observation
from sago.domain.letters import Letter, Receipt
from sago.domain.messages import Message
from sago.domain.watches import Watch
from sago.outreach.claims.grounds import hash_of
from sago.outreach.sharing import as_shared
from sago.ports import Database, RawStore, Transaction

CHECKS = (
    "every figure is its event's: metric, unit, period, rounding",
    "every date is its event's, or stands in a quote",
    "every name stands in its event",
    "each clause tells of one event alone",
    "no superlative, plan or denial that no event has",
    "no hidden character, link or markup",
)
"""What a letter with receipts has passed."""


class Standing(StrEnum):
    """What became of a proof since the letter was written."""

    STANDS = "proof stands"
    CHANGED = "changed since"
    ERASED = "erased"


class Proven(NamedTuple):
    """A receipt, what became of its proof, and who said it when, as far as it is still stored."""

    receipt: Receipt
    standing: Standing
    title: str = ""
    sender: str = ""
    said_at: datetime | None = None


class _Stored(NamedTuple):
    """What is stored of the company that the letter is about."""

    watch: Watch | None
    company: frozenset[str]
    events: Mapping[UUID, Event]
    shown: Mapping[UUID, Event]
    """The same as the letter's firm is shown them."""
    said: Mapping[str, Observation]


def proven(letter: Letter, database: Database, raw: RawStore) -> list[Proven]:
    """Each receipt of the letter with what became of its proof: quotes are hashed again, in the event and, where the
    raw store has it, in the message."""
    with database.begin() as tx:
        stored = _stored(tx, letter)
    messages = _messages(letter, stored, raw)
    return [_proven(receipt, stored, messages.get(receipt.message_id or "")) for receipt in letter.receipts]


def _stored(tx: Transaction, letter: Letter) -> _Stored:
    watch = next((each for each in tx.outreach.watches(letter.company_id) if each.id == letter.watch_id), None)
    company = tx.companies.get(letter.company_id)
    people = [letter.sender.name, letter.recipient.name if letter.recipient else ""]
    names = [company.name, company.founder or "", *people] if company else people
    wanted = {receipt.event_id for receipt in letter.receipts if receipt.event_id}
    events = {each: event for each in wanted if (event := tx.events.get(each)) and event.is_active}
    said = {observation.message_id: observation for observation in tx.events.current(letter.company_id)}
    shown = as_shared(tx.shares.get(letter.firm_id, letter.company_id), events.values())
    return _Stored(watch, frozenset(names), events, {event.id: event for event in shown}, said)


def _messages(letter: Letter, stored: _Stored, raw: RawStore) -> dict[str, Message]:
    """The newest stored version of each cited message: on the day it was said, or its event happened."""
    wanted = {receipt.message_id for receipt in letter.receipts if receipt.message_id}
    days = {stored.said[each].said_at.date() for each in wanted if each in stored.said}
    days |= {event.occurred_at.date() for event in stored.events.values()}
    found: dict[str, Message] = {}
    for message in _read(letter.company_id, days, wanted, raw):
        known = found.get(message.id)
        if known is None or message.version > known.version:
            found[message.id] = message
    return found


def _read(company_id: str, days: set[date], wanted: set[str], raw: RawStore) -> Iterator[Message]:
    for day in sorted(days):
        yield from raw.read([ref for ref in raw.read_day(company_id, day) if ref.message_id in wanted])


def _proven(receipt: Receipt, stored: _Stored, message: Message | None) -> Proven:
    event = stored.events.get(receipt.event_id) if receipt.event_id else None
    said = stored.said.get(receipt.message_id or "")
    sender = message.sender if message else said.sender if said else ""
    said_at = message.sent_at if message else said.said_at if said else None
    shown = stored.shown.get(event.id) if event else None
    title = shown.title if shown else ""
    return Proven(receipt, _standing(receipt, event, stored, message), title, sender, said_at)


def _standing(receipt: Receipt, event: Event | None, stored: _Stored, message: Message | None) -> Standing:
    if not receipt.quote or (message is not None and message.deleted and not message.sender):
        return Standing.ERASED
    if receipt.event_id is None:
        return Standing.STANDS if receipt.sha256 in _hashes(_own(stored)) else Standing.CHANGED
    if event is None:
        return Standing.CHANGED
    shown = stored.shown.get(event.id, event)  # the letter was written from what is shown, in bands or whole
    if receipt.sha256 not in _hashes([each.quote for each in _of_message(shown, receipt)]):
        return Standing.CHANGED
    if message is None:
        return Standing.STANDS
    is_said = any(message.text[each.start : each.end] == each.quote for each in _of_message(event, receipt))
    return Standing.STANDS if is_said else Standing.CHANGED


def _of_message(event: Event, receipt: Receipt) -> list[Evidence]:
    return [proof for proof in event.evidence if proof.message_id == receipt.message_id]


def _own(stored: _Stored) -> list[str]:
    watch = stored.watch
    told = [watch.reason, *(condition.text for condition in watch.conditions)] if watch else []
    investor = [watch.investor.name] if watch and watch.investor else []
    return [*told, *(each.within or "" for each in (watch.conditions if watch else ())), *investor, *stored.company]


def _hashes(texts: Sequence[str]) -> set[str]:
    return {hash_of(text) for text in texts}
