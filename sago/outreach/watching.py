"""A watch is kept once: the same words again change nothing but its weights and its sender's voice."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sago.domain.events import EventType
from sago.domain.watches import Watch
from sago.errors import UsageError
from sago.outreach.conditions import asked_currency
from sago.ports import Note, Transaction

ADDED, REMOVED = "watch.added", "watch.removed"


class Kept(NamedTuple):
    """The watch as it is kept, and what keeping it changed."""

    watch: Watch
    is_new: bool
    is_reweighed: bool = False


def keep_watch(watch: Watch, transaction: Transaction) -> Kept:
    """Keep it, unless one that would write the same letter is there; that one takes weights and
    voice, where any are given."""
    if watch.met_on and lies_ahead(watch.met_on, watch.created_at):
        raise UsageError(f"--met {watch.met_on}: lies in the future; give the day on which you said no")
    same = (each for each in transaction.outreach.watches(watch.company_id) if _meaning(each) == _meaning(watch))
    twin = next(same, None)
    if twin is None:
        transaction.outreach.add_watch(watch)
        return Kept(watch, is_new=True)
    is_reweighed = bool(watch.weights) and dict(watch.weights) != dict(twin.weights)
    changed = twin.model_copy(
        update={"weights": watch.weights if is_reweighed else twin.weights, "voice": watch.voice or twin.voice}
    )
    if changed != twin:
        transaction.outreach.add_watch(changed)
    return Kept(changed, is_new=False, is_reweighed=is_reweighed)


def drop_watch(watch: Watch, transaction: Transaction, who: str, now: datetime) -> None:
    """Wait no more, and say so in the log of its firm; again changes nothing."""
    if transaction.outreach.remove_watch(watch.id):
        transaction.erasures.note(watch_note(REMOVED, watch, who, now))


def watch_note(action: str, watch: Watch, who: str, now: datetime) -> Note:
    """What the log says of an act on a watch."""
    waits_for = ", ".join(each.text for each in watch.conditions) or "nothing: a periodic update"
    return Note(now, who, action, str(watch.id), watch.firm_id, watch.company_id, f"waits for {waits_for}")


def lies_ahead(met_on: date, now: datetime) -> bool:
    """Whether nobody can have met on that day: theirs may be one ahead of UTC."""
    return met_on > now.date() + timedelta(days=1)


def weights(pairs: Sequence[str]) -> dict[EventType, float]:
    """`["enterprise_deal=1.0"]` → how much a type matters, 0 to 1. Raises UsageError."""
    return dict(_weight(pair) for pair in pairs)


def _weight(pair: str) -> tuple[EventType, float]:
    name, _, written = pair.partition("=")
    name = name.strip().lower().replace("-", "_")
    if name not in set(EventType):
        near = difflib.get_close_matches(name, list(EventType), n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(EventType)}"
        raise UsageError(f"--weight {pair}: `{name}` is no event type; {hint}")
    try:
        weight = float(written)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1:
        raise UsageError(f"--weight {pair}: a weight lies between 0 and 1, as in --weight {name}=0.8")
    return EventType(name), weight


def _meaning(watch: Watch) -> tuple[object, ...]:
    """What two watches must not share: both would write the same letter."""
    conditions = frozenset(
        (each.kind, each.name, each.severity, each.within, each.op, each.value, asked_currency(each))
        for each in watch.conditions
    )
    return watch.firm_id, watch.company_id, watch.investor, watch.met_on, watch.reason, conditions, watch.direction
