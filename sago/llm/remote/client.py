"""One call of a model outside this process: sent once, answered in time, its errors in Sago's classes, a row in the
ledger.

Nothing is tried again here: the reaper, Celery or the command owns that, so an SDK's own retries are off.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import httpx2
from pydantic import BaseModel

from sago import telemetry
from sago.domain.model_calls import LONGEST_ERROR, CallOutcome, ModelCall
from sago.errors import SagoError
from sago.llm.remote import wire
from sago.llm.remote.question import Question, Reply, Usage
from sago.llm.remote.refusals import Refusal
from sago.model_sections import RemoteSettings
from sago.ports import CallLedger, Clock

STUMBLES = (ValueError, TypeError, AttributeError, LookupError, httpx2.InvalidURL)
"""What SDKs and httpx raise over a setting that makes no request, and an SDK over an answer that it cannot read;
`wire.answered` tells which of the two it is."""
_log = telemetry.logger(__name__)


class Service(Protocol):
    """One vendor's protocol, over its SDK."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the SDK raises besides httpx's errors."""

    def send(self, question: Question) -> Any:
        """The SDK's response. The key goes out in a header and nowhere else."""

    def usage(self, response: Any) -> Usage:
        """Zero where the response does not say."""

    def reply(self, response: Any, answer: type[BaseModel]) -> Reply:
        """The answer; raises as `remote.reading.reply`, BlockedError where a filter refuses."""

    def refusal(self, error: Exception, *, is_lone: bool, has_answer: bool) -> Refusal:
        """The error as the rest of Sago knows it."""


class RemoteClient:
    """The `Line` to one service. Each question has a connection of its own: beside an answer's seconds a handshake is
    nothing, and none stays open over a fork or at the end."""

    def __init__(self, service: Service, settings: RemoteSettings, calls: CallLedger, clock: Clock) -> None:
        self._service = service
        self._errors: tuple[type[Exception], ...] = (SagoError, httpx2.HTTPError, *STUMBLES, *service.errors)
        self._settings = settings
        self._calls = calls
        self._clock = clock

    def ask(self, question: Question) -> Reply:
        """Each call leaves a row, whatever became of it, also one that could not be made. What was reserved for one
        that had no answer in time stays spent: the vendor may bill it."""
        wire.answered.set(False)
        at, begun = self._clock.now(), self._clock.monotonic()
        usage, outcome, reason = Usage(), CallOutcome.FAILED, "given up"  # unless something else becomes of it
        may_be_billed = True
        service = self._service
        try:
            response = service.send(question)
            usage, may_be_billed = service.usage(response), False
            reply = service.reply(response, question.answer)
            outcome, reason = CallOutcome.TRUNCATED if reply.is_cut else CallOutcome.OK, ""
        except self._errors as error:
            refusal = service.refusal(error, is_lone=question.is_lone, has_answer=wire.answered.get())
            outcome, reason, may_be_billed = refusal.outcome, str(refusal.error), refusal.may_be_billed
            raise refusal.error from None  # the SDK's error may hold the request
        finally:
            cost = question.reserved if may_be_billed else self._settings.cost(*usage)
            self._record(question, at, self._clock.monotonic() - begun, usage, cost, outcome, reason)
        return reply

    def _record(
        self,
        question: Question,
        at: datetime,
        seconds: float,
        usage: Usage,
        cost: float,
        outcome: CallOutcome,
        reason: str,
    ) -> None:
        """A ledger that cannot be written costs a line in the log, not the answer."""
        call: dict[str, Any] = {
            "company_id": question.company_id,
            "provider": self._service.name,
            "model": self._settings.model,
            "job": question.job,
            "prompt_version": question.prompt_version,
            **usage._asdict(),
            "cost_usd": cost,
            "latency_ms": round(seconds * 1000),
            "outcome": outcome,
            "error": reason[:LONGEST_ERROR] or None,
        }
        try:
            self._calls.record(ModelCall(id=question.id, at=at, **call))
        except SagoError as error:
            _log.warning("model call not recorded", reason=str(error), call=call)
