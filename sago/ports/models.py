"""Models, what guards calls of them, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sago.domain.batches import (
    ExtractionRequest,
)
from sago.domain.breakers import OpenBreaker
from sago.domain.events import Finding
from sago.domain.model_calls import CallTotals, ModelCall
from sago.domain.outreach import (
    Company,
    LetterDraft,
    LetterRequest,
    ModelPolicy,
)

T = TypeVar("T")


class Model(Protocol):
    """A provider of extraction and letters. Message text is data; a provider has no tools."""

    @property
    def name(self) -> str:
        """`offline`, `gemini`, … as in the configuration."""

    @property
    def version(self) -> str:
        """Changes whenever the same text could give other findings."""

    @property
    def place(self) -> ModelPolicy:
        """How far text goes: nowhere (`offline`), to a server of the house, or to a vendor."""

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """What the chunk's messages say; only message ids of `request.messages` may be named. Deterministic for
        `offline` and `marker`. Raises TransientError, PermanentError or ConfigError."""

    def compose(self, request: LetterRequest) -> LetterDraft:
        """A letter from the events of the request alone; mends what `request.objections` name. Raises as `extract`."""


class Models(Protocol):
    """Which model may read whose messages: the one place that decides whether text leaves the house."""

    def for_company(self, company: Company | None) -> Model:
        """The configured model where the company's policy lets its text go that far, else the one of this process;
        a company that is not known has the default policy."""


class Breakers(Protocol):
    """One breaker for each other side that may not answer, shared by all processes; never raises by itself: one whose
    state cannot be read counts as closed."""

    def call(self, name: str, ask: Callable[[], T]) -> T:
        """What `ask` returns or raises. While the breaker is open nothing is asked: TransientError at once, whose
        `retry_after` is the time until one call may try. While that one is under way the others are refused too.

        A run of outages opens it: TransientErrors of `ask` that are no answers. One with `retry_after` opens it at
        once and for that long at least. An outage leaves with the breaker's own `retry_after`, if that is longer.
        """

    def open(self) -> list[OpenBreaker]:
        """Those that let nothing through, or one call alone, by name."""


class CallLedger(Protocol):
    """`model_calls`: what was asked of vendors, what it cost and what became of it. Append-only."""

    def record(self, call: ModelCall) -> None:
        """Write one row in a transaction of its own; the same id again changes nothing."""

    def totals(self, company_ids: Sequence[str], since: datetime) -> CallTotals:
        """What the calls for these companies from `since` on came to."""
