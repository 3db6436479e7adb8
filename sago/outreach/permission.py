"""Whether an approved letter may still leave the house."""

from __future__ import annotations

from datetime import datetime

from sago.domain.letters import Letter
from sago.outreach.standing import no_longer_held
from sago.ports import Transaction


def objections(tx: Transaction, letter: Letter, now: datetime) -> tuple[str, ...]:  # noqa: ARG001
    """What speaks against letting the letter go as of now, each in a line for a person; empty where nothing does."""
    gone = no_longer_held(tx, letter)
    return (f"{gone} of its {len(letter.event_ids)} events are no longer held",) if gone else ()
