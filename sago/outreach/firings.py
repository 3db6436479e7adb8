"""One name for one firing: what a person has decided about stays decided while the conditions go on holding."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sago.domain.letters import Letter, LetterState
from sago.domain.watches import Watch
from sago.ports import Transaction


def decided_window(window: str, decided: Sequence[Letter], as_of: datetime, begun_by: Collection[UUID]) -> str:
    """The window of the newest of a watch's decided letters that is of this very firing, or else `window` itself.

    Windows of the same conditions differ in their day alone. The conditions have held from the day of `window` until
    `as_of`: a letter of a day in between was of the same firing. So was one of an earlier day that tells an event of
    `begun_by`, by which they hold since: its day was corrected, or its figure.
    """
    prefix = window.rpartition(":")[0]
    latest = f"{prefix}:{as_of.date().isoformat()}"
    same = [
        letter.window
        for letter in decided
        if window <= letter.window <= latest
        or (f"{prefix}:" <= letter.window < window and not set(begun_by).isdisjoint(letter.event_ids))
    ]
    return max(same, default=window)


def decided_letters(tx: Transaction, watch: Watch, letters: Sequence[Letter], known: Collection[UUID]) -> list[Letter]:
    """The watch's decided letters with the ids that what they tell has by now; what is `known` has its own still."""

    def held(event_id: UUID) -> UUID:
        event = None if event_id in known else tx.events.get(event_id)
        return event.id if event else event_id

    return [
        each.model_copy(update={"event_ids": tuple(map(held, each.event_ids))})
        for each in letters
        if each.watch_id == watch.id and _is_decided(each)
    ]


def _is_decided(letter: Letter) -> bool:
    """Whether a person let it go, be it that it expired since, or rejected it."""
    if letter.state is LetterState.EXPIRED:
        return letter.approved_by is not None
    return letter.state not in (LetterState.DRAFT, LetterState.SUPERSEDED)
