"""One name for one firing: what a person has decided about stays decided while the conditions go on holding."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sago.domain.letters import Letter, LetterState
from sago.domain.watches import Watch


def decided_window(window: str, watch: Watch, letters: Sequence[Letter], as_of: datetime) -> str:
    """The window of the newest decided letter of this very firing, or else `window` itself.

    Windows of the same conditions differ in their day alone. The conditions have held from the day of `window` until
    `as_of`: a letter of a day in between was of the same firing.
    """
    prefix = window.rpartition(":")[0]
    latest = f"{prefix}:{as_of.date().isoformat()}"
    same = [
        letter.window
        for letter in letters
        if letter.watch_id == watch.id and _is_decided(letter) and window <= letter.window <= latest
    ]
    return max(same, default=window)


def _is_decided(letter: Letter) -> bool:
    """Whether a person let it go, be it that it expired since, or rejected it."""
    if letter.state is LetterState.EXPIRED:
        return letter.approved_by is not None
    return letter.state not in (LetterState.DRAFT, LetterState.SUPERSEDED)
