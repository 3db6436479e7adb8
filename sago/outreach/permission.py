"""Whether a letter may leave the house: what speaks against it, asked at its approval and again when it is sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sago.domain.amounts import find_amounts
from sago.domain.contradictions import ROUNDED, contradictions
from sago.domain.erasures import NO_WORDS
from sago.domain.events import Event, MetricPoint
from sago.domain.letters import UNNAMED, Letter, LetterDraft, LetterRequest, LetterState
from sago.domain.mails import NO_MAIL
from sago.domain.wording import day
from sago.outreach.checking import Problem, check, ungrounded
from sago.outreach.claims.passages import words_of
from sago.outreach.knowledge import load
from sago.outreach.requesting import request_of
from sago.outreach.sharing import has_ended
from sago.outreach.standing import told_events
from sago.ports import Transaction

OFFLINE_WRITERS = frozenset({"offline", "rules", "marker"})
"""Providers that put letters together in this process, from sentences of their own."""
SHOWN_CLAIMS = 4
"""So many claims that are not ticked are named; `sago outreach tick` shows all."""


class TickRule(StrEnum):
    """Whose letters a person ticks claim by claim before approval: the offline providers', everybody's, nobody's."""

    OFFLINE = "offline"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class ApprovalRules:
    """How the house approves: who ticks, how long a decision can be undone, how old the newest fact may be."""

    tick: TickRule = TickRule.OFFLINE
    undo: timedelta = timedelta(seconds=60)
    fresh_for: timedelta = timedelta(days=14)


def objections(
    tx: Transaction, letter: Letter, now: datetime, fresh_for: timedelta, *, quoting: bool = True
) -> list[str]:
    """What speaks against sending this letter as of now, one line each for a person; empty where nothing does.

    Call it in the transaction that approves, or claims, the letter. `fresh_for`: how long facts are news. Without
    `quoting` kinds and counts stand in place of the letter's words: lines that are kept.
    """
    told = told_events(tx, letter)
    of_facts = _itself(tx, letter) or _share(tx, letter, now) or _events(letter, told) or _proofs(tx, letter, quoting)
    reader = letter.recipient.email if letter.recipient else None
    return [*suppression(tx, reader or ""), *of_facts, *_age(told, now, fresh_for)]


def suppression(tx: Transaction, email: str) -> list[str]:
    """What is said of a letter to an address to which nothing is mailed any more; a firm may read it."""
    return [NO_MAIL] if tx.contacts.suppression(email) else []


def needed(tx: Transaction, letter: Letter, now: datetime, rules: ApprovalRules) -> list[str]:
    """What keeps a draft from being approved: what speaks against it, and claims that nobody has ticked."""
    return [*objections(tx, letter, now, rules.fresh_for), *_ticks(letter, rules.tick)]


def unticked(letter: Letter, rule: TickRule) -> list[int]:
    """Claims, counted from 0, that have to be ticked still."""
    is_asked = rule is TickRule.ALWAYS or (rule is TickRule.OFFLINE and letter.composed_by in OFFLINE_WRITERS)
    return sorted(letter.to_tick - letter.ticked) if is_asked else []


def notes(letter: Letter) -> list[str]:
    """What does not keep a letter back, and its approver should know."""
    if letter.recipient and letter.recipient.email:
        return []
    return ["no mail address of its reader is known: it is laid out as a file, and not mailed"]


def doubts(tx: Transaction, letter: Letter) -> list[str]:
    """What only a person can answer for before a draft is approved, one line each: words that no event bears out, a
    model's or an editor's; figures that another event states otherwise; claims of a letter from before receipts were
    kept."""
    known = load(tx, letter.watch_id, letter.created_at) if letter.state is LetterState.DRAFT else None
    if known is None:
        return []
    found = [problem for problem in check(letter.draft, request_of(tx, letter)) if problem.is_addition]
    no_receipts = [] if letter.receipts else ["its claims have no receipts that could be looked at"]
    unsaid = [f"no event says “{problem.text}”, in “{problem.sentence}”" for problem in found]
    return [*no_receipts, *unsaid, *_contradicted(letter, known.metric_points)]


def _contradicted(letter: Letter, points: Sequence[MetricPoint]) -> list[str]:
    """Each figure of the letter that another event, as its firm sees it, states otherwise for the same month."""
    told = [amount.value for amount in find_amounts(f"{letter.draft.subject}\n\n{letter.draft.body}")]
    against = contradictions(points)
    return [
        f"another event says otherwise: {each.text}"
        for event_id in letter.event_ids
        for each in against.get(event_id, ())
        if any(math.isclose(value, each.own.value, rel_tol=ROUNDED) for value in told)
    ]


def is_borne_out(tx: Transaction, letter: Letter) -> bool:
    """Whether each of its claims has its proof still, as its firm sees it; nobody can say of one whose watch was
    removed."""
    return tx.outreach.watch(letter.watch_id) is not None and not _proofs(tx, letter, quoting=False)


def untraceable(letter: Letter, draft: LetterDraft, request: LetterRequest) -> list[Problem]:
    """What is ungrounded in a text of this letter, but for the names of its own sender and reader: the profile of the
    company may name others by now."""
    people = " ".join(person.name for person in (letter.sender, letter.recipient) if person)
    return [
        problem
        for problem in ungrounded(draft, request)
        if problem.kind != "name" or not words_of(problem.text) <= words_of(people)
    ]


def age_objection(tx: Transaction, letter: Letter, now: datetime, fresh_for: timedelta) -> str | None:
    """What it says of a letter whose newest fact is older than that; None where it is news still."""
    return next(iter(_age(told_events(tx, letter), now, fresh_for)), None)


def _itself(tx: Transaction, letter: Letter) -> list[str]:
    if letter.draft == NO_WORDS:
        return ["its words were erased: reject it"]
    watch = tx.outreach.watch(letter.watch_id)
    if watch is None:
        return ["its watch was removed: reject it"]
    is_unsigned = letter.state is LetterState.DRAFT and letter.sender.name == UNNAMED
    return ["its watch names nobody who writes: remove that, and add it anew with an investor"] if is_unsigned else []


def _share(tx: Transaction, letter: Letter, now: datetime) -> list[str]:
    is_ended = has_ended(tx, letter.firm_id, letter.company_id, now)
    return [f"the founder shares nothing with {letter.firm_id} any more; reject it"] if is_ended else []


def _events(letter: Letter, told: Mapping[UUID, Event]) -> list[str]:
    if not (lost := len(set(letter.event_ids) - told.keys())):
        return []
    return [
        f"rests on {lost} of {len(letter.event_ids)} events that are no longer held; "
        "reject it, or let `outreach.schedule` renew it"
    ]


def _proofs(tx: Transaction, letter: Letter, quoting: bool) -> list[str]:
    """A proof may go although its event stays, told by another message; a correction leaves the event, with another
    figure. Both are as the firm sees them."""
    request = request_of(tx, letter)
    seen = [(proof.message_id, proof.quote) for event in request.events for proof in event.evidence]
    lost = dict.fromkeys(
        repr(receipt.claim)
        for receipt in letter.receipts
        if receipt.event_id
        and receipt.message_id
        and not any(receipt.message_id == message_id and receipt.quote in quote for message_id, quote in seen)
    )
    problems = untraceable(letter, letter.draft, request)
    of_what = ", ".join(lost) if quoting else _claims(len(lost))
    said = (
        ", ".join(map(str, problems)) if quoting else f"{_claims(len(problems))} no longer borne out{_kinds(problems)}"
    )
    told = [f"the proof of {of_what} is no longer held; let `outreach.schedule` renew it"] if lost else []
    return [*told, f"{said}: edit it, or let `outreach.schedule` renew it"] if problems else told


def _claims(count: int) -> str:
    return f"{count} claim{'' if count == 1 else 's'}"


def _kinds(problems: Sequence[Problem]) -> str:
    counts = Counter(problem.kind for problem in problems)
    return f" ({', '.join(f'{kind}: {count}' for kind, count in sorted(counts.items()))})"


def _age(told: Mapping[UUID, Event], now: datetime, fresh_for: timedelta) -> list[str]:
    newest = max((event.occurred_at for event in told.values()), default=now)
    if now - newest <= fresh_for:
        return []
    return [
        f"its newest fact is {(now - newest).days} days old, of {day(newest)}; after {fresh_for.days} days it is no "
        "news any more (outreach.fresh_for): reject it, another is written when there is news"
    ]


def _ticks(letter: Letter, rule: TickRule) -> list[str]:
    if not (left := unticked(letter, rule)):
        return []
    claims = ", ".join(f"{number + 1} {letter.receipts[number].claim!r}" for number in left[:SHOWN_CLAIMS])
    others = f" and {len(left) - SHOWN_CLAIMS} more" if len(left) > SHOWN_CLAIMS else ""
    verb = "is" if len(left) == 1 else "are"
    return [f"{len(left)} of {len(letter.to_tick)} claims {verb} not ticked: {claims}{others}; `sago outreach tick`"]
