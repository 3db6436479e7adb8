"""Models, what guards calls of them, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from sago.domain.batches import (
    ExtractionRequest,
)
from sago.domain.breakers import OpenBreaker
from sago.domain.companies import Company, ModelPolicy
from sago.domain.events import Finding
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.model_calls import Budget, CallTotals, Limit, ModelCall, ModelJob, Reservation
from sago.domain.reasons import ReasonRequest, Suggestions

T = TypeVar("T")


class Model(Protocol):
    """A provider of extraction, letters and proposals. Message text is data; a provider has no tools."""

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

    def propose(self, request: ReasonRequest) -> Suggestions:
        """What the reason in the request would be answered by; mends what `request.objections` name. Nothing of it is
        true until code has held it against the reason, nor wanted until a person says so. Raises as `extract`."""


class Models(Protocol):
    """Which model may read whose messages: the one place that decides whether text leaves the house."""

    def ask(self, job: ModelJob, company: Company | None, question: Callable[[Model], T]) -> tuple[T, Model]:
        """What `question` returns of the first model that answers, and that model.

        Asked are those configured for the job, in their order, as far as the company's policy lets its text go; where
        it goes to none of them, the one of this process. A company that is not known has the default policy. The next
        one is asked where one is out: it does not answer, or a limit of ours is reached. Raises what `question`
        raises; TransientError where all are out.
        """


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


class RateLimit(Protocol):
    """How often another side may be asked, counted over all processes; never raises: where the count cannot be
    reached, everybody may ask."""

    def take(self, name: str, most: int) -> timedelta:
        """Zero where `name` may be asked now, which then counts: at most `most` times in any minute. Else how long
        until it may; nothing is counted then."""

    def hold(self, name: str, wait: timedelta) -> None:
        """The other side says that it answers nobody for so long."""

    def held(self, name: str) -> timedelta:
        """How much of that is left; zero where nothing is."""


class Answers(Protocol):
    """Answers of models that are kept for a while, by company and by the digest of what was asked."""

    def get(self, company_id: str, digest: str) -> Any:
        """The answer's JSON; None where there is none, or nobody who could tell. Never raises."""

    def put(self, company_id: str, digest: str, answer: Any) -> None:
        """Keep it. Never raises: what cannot be kept is asked again."""

    def forget(self, company_id: str) -> None:
        """Delete all answers about the company's messages."""

    def count(self, company_id: str) -> int:
        """How many are kept. Raises TransientError where that cannot be told."""


class CallLedger(Protocol):
    """`model_calls`: what was asked of vendors, what it cost and what became of it, append-only; and what is reserved
    for calls under way."""

    def reserve(self, reservation: Reservation, budget: Budget) -> Limit | None:
        """Keep the reservation, unless with it the calls of its day, their costs and all that is reserved, could cost
        more than the budget: then which limit that is, and nothing is kept. Over all processes one after the other.
        """

    def record(self, call: ModelCall) -> None:
        """Write one row and let go of what is reserved for it, in a transaction of its own; the same id again changes
        nothing."""

    def totals(self, company_ids: Sequence[str], since: datetime) -> CallTotals:
        """What the calls for these companies from `since` on came to."""
