"""How often somebody may ask us."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Rate(NamedTuple):
    """So many requests a minute, evenly, and `burst` at once: in any w minutes at most burst + w × a_minute."""

    a_minute: int
    burst: int

    @property
    def interval(self) -> float:
        """Milliseconds from one to the next."""
        return 60_000 / self.a_minute


class Room(NamedTuple):
    """What was given of a rate, and what is left of it."""

    is_given: bool
    left: int
    """Requests that may come now."""
    wait: float
    """Seconds until one may come; zero where one may."""
    whole_in: float
    """Seconds until `burst` may come again, where none comes before."""


class Throttle(Protocol):
    """Counts over all processes, in a constant amount of memory for each name. Asked in an event loop, which it does
    not block; never raises, and waits no longer than a blink: where the count cannot be reached, everybody may ask."""

    async def take(self, name: str, rate: Rate) -> Room:
        """One request of `name`, which counts where it is given."""

    async def look(self, name: str, rate: Rate) -> Room:
        """Whether one would be given; nothing is counted."""

    async def close(self) -> None:
        """Let go of connections."""
