"""What became of what vendors delivered, by source."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """The first four are of messages and the like, the others of whole deliveries."""

    TAKEN = "taken"
    KNOWN = "known"
    IGNORED = "ignored"
    REFUSED = "refused"
    WOKEN = "woken"
    ENDED = "ended"
    WRONG_SIGNATURE = "wrong_signature"
    UNREADABLE = "unreadable"
    NOT_SET_UP = "not_set_up"
    UNAVAILABLE = "unavailable"
    UNKNOWN_SOURCE = "unknown_source"


class Counted(NamedTuple):
    """What is counted together; `reason` of what is ignored alone, `source` empty where there is none of that name."""

    source: str
    outcome: Outcome
    reason: str = ""
