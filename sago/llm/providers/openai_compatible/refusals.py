"""What the errors of OpenAI-compatible servers say; each has words of its own for the same thing.

https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from datetime import timedelta

import openai

from sago.domain.model_calls import CallOutcome
from sago.llm.remote.question import FormRefusedError, TooLongError
from sago.llm.remote.reading import BlockedError
from sago.llm.remote.refusals import MOST_WORDS, Refusal, Refusals, first_delay

REFUSED_REQUEST = (400, 422, 501)
TOO_LARGE = 413
_TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")
_TOO_LONG_SAID = ("maximum context length", "context size", "context length", "context window", "max_model_len")
"""Phrases of servers that have no word for it."""


class OpenAIRefusals(Refusals):
    """Errors of the official client."""

    def translated(self, error: Exception, *, is_lone: bool, has_answer: bool) -> Refusal:
        """The client wraps what httpx raises: its cause is told."""
        if isinstance(error, FormRefusedError):
            return Refusal(error, CallOutcome.FAILED)  # nothing is wrong yet
        cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else None
        reason = cause if isinstance(cause, Exception) else error
        if isinstance(reason, openai.APIStatusError) and _is_too_long(reason):
            # of what can be asked for in halves nothing is wrong yet
            outcome = CallOutcome.REFUSED if is_lone else CallOutcome.FAILED
            line = f"{self.name}'s model takes fewer tokens at once: lower {self.name}.input_tokens in config.yaml"
            return Refusal(TooLongError(f"{line} ({reason.status_code})"), outcome)
        return super().translated(reason, is_lone=is_lone, has_answer=has_answer)

    def answered(self, error: Exception) -> Refusal | None:
        if not isinstance(error, openai.APIStatusError):
            return None
        words = self.names(error.type, error.code, error.param)[:MOST_WORDS]
        if "content_filter" in words:
            blocked = BlockedError(f"{self.name}'s filters block the question: content_filter")
            return Refusal(blocked, CallOutcome.BLOCKED)
        return self.of_status(error.status_code, words, _retry_after(error), is_key="invalid_api_key" in words)


def is_about_form(error: openai.APIStatusError) -> bool:
    """Whether the refusal may be one of the form that the answer is asked for in: nothing says that it is about
    something else."""
    about = {str(error.code), str(error.type)} & {"content_filter", "model_not_found", "invalid_api_key"}
    return error.status_code in REFUSED_REQUEST and not about and not _is_too_long(error)


def _is_too_long(error: openai.APIStatusError) -> bool:
    if error.status_code == TOO_LARGE or error.code in _TOO_LONG or error.type in _TOO_LONG:
        return True
    return error.status_code in REFUSED_REQUEST and any(phrase in error.message for phrase in _TOO_LONG_SAID)


def _retry_after(error: openai.APIStatusError) -> timedelta | None:
    return first_delay([error.response.headers.get("retry-after", "")])
