"""First answers to requests that may come again (`Idempotency-Key`)."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

MOST_REPLIES = 2_000
"""Of one caller."""


class Begun(NamedTuple):
    """What a request finds under its key: nothing, and then it is the first; else one under way, or its answer."""

    is_first: bool
    digest: str
    """Of the body that the first had."""
    answer: Any = None
    """Plain JSON; None while the first is under way."""
    token: str = ""
    """Of the first: nobody else's, who may have taken the name since."""


class Replies(Protocol):
    """Answers kept for a day, of each caller the newest `MOST_REPLIES`, each under a name of the caller's own. Nothing
    depends on it: never raises, and where nobody answers each request is a first."""

    def begin(self, caller: str, name: str, digest: str) -> Begun:
        """Take the name for a request with such a body, unless another has it. It is given back by itself after a
        minute, should whoever took it never end."""

    def end(self, caller: str, name: str, begun: Begun, answer: Any) -> None:
        """Keep the answer under the name that was taken, unless another has it by now; the caller's oldest makes
        room."""

    def release(self, caller: str, name: str, begun: Begun) -> None:
        """Give the name back, unless another has it by now: the next request is a first again."""

    def close(self) -> None:
        """Let go of connections."""
