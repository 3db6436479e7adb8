"""What a message means beside its neighbours: the figure here, its subject there; and corrections of what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import EventType, Metric, Status
from sago.domain.metrics import is_currency
from sago.llm.providers.offline import figures, subjects
from sago.llm.providers.offline.draft import Draft, Setting
from sago.llm.providers.offline.levels import is_bare
from sago.llm.providers.offline.reading import LONGEST, Reading, Voice
from sago.llm.providers.offline.speech import Act, act, is_taken_back

NEAR = timedelta(minutes=30)
"""How far apart messages may be that speak of one thing without saying so."""
CORRECTED_WITHIN = timedelta(hours=36)
_ANSWERED = frozenset({EventType.ENTERPRISE_DEAL, EventType.FUNDING, EventType.PARTNERSHIP, EventType.HIRING})
"""Types whose news is told in pieces: `they signed!` – `who?` – `ACME, 35k a month`."""
_WORTH = frozenset({"contract", "expansion", "pilot", "churn", "lost deal"})
"""Kinds whose worth is told behind them."""
_MESSAGES_BETWEEN = 6
_ASKED_WITHIN = timedelta(minutes=10)
_SHORT_ANSWER = 50


def follow_ups(readings: Sequence[Reading], found: dict[str, list[Draft]], setting: Setting) -> list[Draft]:
    """Further tellings that only their neighbours explain: the same sender adds the figure or the name, or anybody
    takes a figure back. `found` is by message id, `readings` by time."""
    more: list[Draft] = []
    for place, reading in enumerate(readings):
        own = found.get(reading.message.id, [])
        if reading.voice is not Voice.OURS or not reading.statements:
            continue
        takes_back = reading.takes_back
        earlier = _earlier(readings[:place], found, reading, CORRECTED_WITHIN if takes_back else NEAR)
        if own and all(draft.kind == "figures" for draft in own):
            value = _value(reading, earlier, setting)
            found[reading.message.id] = [value] if value is not None else own
        if not own:
            addition = _correction(reading, earlier) if takes_back else _addition(reading, earlier, setting)
            if addition is not None:
                more.append(addition)
                found.setdefault(reading.message.id, []).append(addition)
    return more


def _earlier(readings: Sequence[Reading], found: dict[str, list[Draft]], now: Reading, reach: timedelta) -> list[Draft]:
    """Drafts of messages before this one and near to it, the nearest first."""
    near: list[Draft] = []
    for distance, reading in enumerate(reversed(readings)):
        if now.message.sent_at - reading.message.sent_at > reach or (reach == NEAR and distance > _MESSAGES_BETWEEN):
            break
        if reading.message.source == now.message.source:
            near.extend(found.get(reading.message.id, []))
    return near


def _addition(reading: Reading, earlier: Sequence[Draft], setting: Setting) -> Draft | None:
    """The same sender's next words on news of theirs: figures, and the name where it was missing."""
    before = next(
        (d for d in earlier if d.message.sender == reading.message.sender and d.status is Status.ACTUAL), None
    )
    if before is None or before.event_type not in _ANSWERED or "@" in reading.message.sender:
        return None
    told = [s for s in reading.statements[:3] if act(s.text) in (Act.TOLD, Act.PLANNED)]
    if not told or told[0].start != reading.statements[0].start:
        return None
    start, end = told[0].start, told[-1].end
    text = reading.message.text[start:end]
    read = figures.figures(
        text, find_amounts(text), before.event_type, before.kind, setting.currencies, setting.exclude
    )
    metrics = tuple(f.metric for f in read)
    names = subjects.names(text, setting.exclude)
    subject = before.subject or (names[0][1] if names else None)
    if not any(is_currency(m.unit) or m.unit in figures.TIMES for m in metrics) or (
        subject is None and not before.pending
    ):
        return None
    return replace(before, message=reading.message, start=start, end=end, subject=subject, metrics=metrics)


def _value(reading: Reading, earlier: Sequence[Draft], setting: Setting) -> Draft | None:
    """`$180k ARR` and no more, right behind the same sender's `Signed ACME!`: what that is worth."""
    first = reading.statements[0]
    before = next((d for d in earlier if d.message.sender == reading.message.sender), None)
    if before is None or before.status is not Status.ACTUAL or not is_bare(first.text, figures.MENTION.pattern):
        return None
    is_told = before.kind == figures.TOLD and before.event_type in (EventType.ENTERPRISE_DEAL, EventType.SETBACK)
    if not (is_told or before.kind in _WORTH) or any(is_currency(m.unit) for m in before.metrics):
        return None
    read = figures.figures(
        first.text, find_amounts(first.text), before.event_type, before.kind, setting.currencies, setting.exclude
    )
    metrics = tuple(figure.metric for figure in read)
    return replace(before, message=reading.message, start=first.start, end=first.end, metrics=metrics)


def _correction(reading: Reading, earlier: Sequence[Draft]) -> Draft | None:
    """`it was 62 min, not 47`: the earlier telling of 47, told again with 62."""
    for statement in reading.statements:
        amounts = find_amounts(statement.text)
        wrong = [a for a in amounts if is_taken_back(statement.text, a.start)]
        right = [a for a in amounts if a not in wrong]
        if not right or act(statement.text) not in (Act.TOLD, Act.DENIED):
            continue
        for draft in earlier:
            metrics = _replaced(draft, right, wrong, is_own=draft.message.sender == reading.message.sender)
            if metrics:
                return replace(
                    draft,
                    message=reading.message,
                    start=statement.start,
                    end=statement.end,
                    metrics=metrics,
                    corrects=True,
                )
    return None


def _replaced(draft: Draft, right: Sequence[Amount], wrong: Sequence[Amount], *, is_own: bool) -> tuple[Metric, ...]:
    """The draft's metrics whose figure is taken back, with the right one; without a wrong figure, whoever told the
    first may replace the one figure of the same unit."""
    wrong_values = {amount.value for amount in wrong}
    metrics = [m for m in draft.metrics if m.value in wrong_values]
    if not wrong_values and is_own:
        metrics = [m for m in draft.metrics if not m.name.startswith("earlier ")][:1]
    told = []
    for metric in metrics:
        new = next((a for a in right if a.unit == metric.unit or a.bare), None)
        if new is not None and new.value != metric.value:
            told.append(Metric(name=metric.name, value=new.value, unit=metric.unit))
    return tuple(told)


def name_the_pending(readings: Sequence[Reading], found: dict[str, list[Draft]], setting: Setting) -> None:
    """Give news without a subject the one its neighbours name; drop what stays without. Changes `found`."""
    drafts = [draft for reading in readings for draft in found.get(reading.message.id, [])]
    for place, reading in enumerate(readings):
        kept: list[Draft] = []
        for draft in found.get(reading.message.id, []):
            is_by_rule = draft.kind != figures.TOLD and draft.event_type in _ANSWERED
            if draft.subject is not None or not is_by_rule or "@" in reading.message.sender:
                kept.append(draft)
                continue
            later = next((d.subject for d in drafts if _completes(d, draft)), None)
            subject = later or _named_beside(readings, place, setting)
            if subject is not None or not draft.pending:
                kept.append(replace(draft, subject=subject, pending=False))
        found[reading.message.id] = kept


def _completes(later: Draft, draft: Draft) -> bool:
    return (
        later.event_type is draft.event_type
        and later.subject is not None
        and later.message.source == draft.message.source
        and timedelta(0) < later.message.sent_at - draft.message.sent_at <= NEAR
    )


def _named_beside(readings: Sequence[Reading], place: int, setting: Setting) -> str | None:
    """The name in a neighbour's question: `renewal's back` – `this is ACME?`."""
    at = readings[place].message
    beside = sorted(
        (abs(index - place), index)
        for index in range(max(0, place - 3), min(len(readings), place + 4))
        if index != place
    )
    for _, index in beside:
        other = readings[index]
        near = abs(other.message.sent_at - at.sent_at) <= _ASKED_WITHIN and other.message.source == at.source
        for statement in other.statements if near and "@" not in other.message.sender else ():
            names = subjects.clear_names(statement.text, setting.exclude)
            if names and ("?" in statement.text or len(statement.text) <= _SHORT_ANSWER):
                return names[0]
    return None


def one_deal(readings: Sequence[Reading], found: dict[str, list[Draft]]) -> None:
    """`samsung is signed` after the mail with the partner agreement speaks of that agreement, not of a sale. Changes
    `found`."""
    agreements = [d for r in readings for d in found.get(r.message.id, []) if d.event_type is EventType.PARTNERSHIP]
    for message_id, drafts in found.items():
        found[message_id] = [
            replace(draft, event_type=EventType.PARTNERSHIP, kind="partnership")
            if _is_agreement(draft, agreements)
            else draft
            for draft in drafts
        ]


def _is_agreement(draft: Draft, agreements: Sequence[Draft]) -> bool:
    if draft.kind != "contract" or not draft.key or any(is_currency(m.unit) for m in draft.metrics):
        return False
    return any(
        abs(agreement.message.sent_at - draft.message.sent_at) <= CORRECTED_WITHIN
        and draft.key.split()[0] in agreement.message.text[:LONGEST].lower()
        for agreement in agreements
    )
