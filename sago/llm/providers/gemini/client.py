"""One call of `generateContent`: sent once, answered in time, its errors in Sago's classes, a row in the ledger.

Nothing is tried again here: the reaper, Celery or the command owns that, so the SDK's own retries are off. The key goes
out in a header and nowhere else.
"""

from __future__ import annotations

import warnings
from datetime import datetime
from functools import cache, cached_property
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from sago import telemetry
from sago.domain.model_calls import LONGEST_ERROR, CallOutcome, ModelCall, ModelJob
from sago.errors import ProviderSettingError, SagoError
from sago.llm import registry
from sago.llm.providers.gemini import refusals, wire
from sago.llm.providers.gemini.reading import Reply, Usage, read, usage_of
from sago.ports import CallLedger, Clock
from sago.sections import GeminiSettings

PROVIDER = "gemini"
BASE_URL = "https://generativelanguage.googleapis.com/"
API_VERSION = "v1beta"
"""Where preview models are served: https://ai.google.dev/gemini-api/docs/api-versions"""
STUMBLES = (ValueError, TypeError, AttributeError, LookupError, httpx2.InvalidURL)
"""What SDK and httpx raise over a setting that makes no request, and the SDK over an answer that it cannot read;
`wire.answered` tells which of the two it is."""
_log = telemetry.logger(__name__)


class Question(NamedTuple):
    """What is asked for one company, within `timeout` seconds. `is_lone`: it is not part of a larger piece of work
    that could be asked for in halves."""

    company_id: str
    job: ModelJob
    prompt_version: str
    system: str
    user: str
    answer: type[BaseModel]
    is_lone: bool
    timeout: float


class GeminiClient:
    """Each question has a connection of its own: beside an answer's seconds a handshake is nothing, and none stays
    open over a fork or at the end."""

    def __init__(self, settings: GeminiSettings, calls: CallLedger, clock: Clock) -> None:
        self._settings = settings
        self._calls = calls
        self._clock = clock

    def ask(self, question: Question) -> Reply:
        """The answer's JSON. Raises TransientError, UnusableAnswerError, PermanentError (blocked by a filter) or
        ProviderSettingError; each call leaves a row, whatever became of it, also one that could not be made."""
        wire.answered.set(False)
        at, begun = self._clock.now(), self._clock.monotonic()
        usage, outcome, reason = Usage(), CallOutcome.FAILED, "given up"  # unless something else becomes of it
        try:
            response = self._generate(question)
            usage = usage_of(response)
            reply = read(response, question.answer)
            outcome, reason = CallOutcome.TRUNCATED if reply.is_cut else CallOutcome.OK, ""
        except (SagoError, errors.APIError, httpx2.HTTPError, *STUMBLES) as error:
            refusal = refusals.translated(
                error, self._settings, is_lone=question.is_lone, has_answer=wire.answered.get()
            )
            outcome, reason = refusal.outcome, str(refusal.error)
            raise refusal.error from None  # the SDK's error may hold the request
        finally:
            self._record(question, at, self._clock.monotonic() - begun, usage, outcome, reason)
        return reply

    def _generate(self, question: Question) -> types.GenerateContentResponse:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a reason unknown to the SDK, in the server's own words
            return self._client.models.generate_content(
                model=self._settings.model, contents=question.user, config=self._config(question)
            )

    @cached_property
    def _client(self) -> genai.Client:
        key = self._settings.api_key
        if key is None:
            raise ProviderSettingError(registry.no_key(PROVIDER))
        options = types.HttpOptions(
            base_url=self._settings.base_url or BASE_URL,
            api_version=API_VERSION,
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_client=wire.Wire(),
        )
        return genai.Client(vertexai=False, api_key=key.get_secret_value(), http_options=options)

    def _config(self, question: Question) -> types.GenerateContentConfig:
        """No temperature: Gemini 3 is made for the vendor's default and loops below it
        (https://ai.google.dev/gemini-api/docs/gemini-3)."""
        return types.GenerateContentConfig(
            system_instruction=question.system,
            response_mime_type="application/json",
            response_json_schema=_schema(question.answer),
            max_output_tokens=self._settings.output_tokens,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            http_options=types.HttpOptions(timeout=max(1, int(question.timeout * 1000))),
        )

    def _record(
        self, question: Question, at: datetime, seconds: float, usage: Usage, outcome: CallOutcome, reason: str
    ) -> None:
        """A ledger that cannot be written costs a line in the log, not the answer."""
        prices = self._settings.price_input, self._settings.price_output
        call: dict[str, Any] = {
            "company_id": question.company_id,
            "provider": PROVIDER,
            "model": self._settings.model,
            "job": question.job,
            "prompt_version": question.prompt_version,
            **usage._asdict(),
            "cost_usd": (usage.input_tokens * prices[0] + usage.output_tokens * prices[1]) / 1e6,
            "latency_ms": round(seconds * 1000),
            "outcome": outcome,
            "error": reason[:LONGEST_ERROR] or None,
        }
        try:
            self._calls.record(ModelCall(id=uuid4(), at=at, **call))
        except SagoError as error:
            _log.warning("model call not recorded", reason=str(error), call=call)


@cache
def _schema(answer: type[BaseModel]) -> dict[str, Any]:
    return answer.model_json_schema()
