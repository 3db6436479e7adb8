"""Why a call had no answer, in Sago's classes: what may pass, what must be mended, what no second try will change.

https://ai.google.dev/gemini-api/docs/troubleshooting
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import httpx2
from google.genai import errors

from sago.domain.model_calls import CallOutcome
from sago.errors import PermanentError, ProviderSettingError, SagoError, TransientError, UnusableAnswerError
from sago.sections import GeminiSettings

PASSING = (408, 429)
"""Time-out and too many requests; with every 5xx they may pass."""
NOT_FOUND = 404
NO_ACCESS = (401, 403)
LONGEST_REASON = 200
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
"""https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto"""


class Refusal(NamedTuple):
    """What to raise and what to write into the ledger."""

    error: SagoError
    outcome: CallOutcome


def translated(error: Exception, settings: GeminiSettings, *, is_lone: bool) -> Refusal:
    """The error as the rest of Sago knows it, one line, without the key. `is_lone`: the call held one message, so
    that asking for less at once is no way out."""
    if isinstance(error, UnusableAnswerError):
        return Refusal(error, CallOutcome.UNUSABLE)
    if isinstance(error, PermanentError):
        return Refusal(error, CallOutcome.BLOCKED)
    if isinstance(error, errors.APIError):
        return _answered(error, settings)
    if isinstance(error, httpx2.HTTPError):
        return _unanswered(error, settings, is_lone)
    return Refusal(UnusableAnswerError("gemini's answer is not of its protocol"), CallOutcome.UNUSABLE)


def _unanswered(error: httpx2.HTTPError, settings: GeminiSettings, is_lone: bool) -> Refusal:
    if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
        reason = f"gemini did not answer within {settings.timeout:g} s"
        kind = TransientError if is_lone else UnusableAnswerError
        return Refusal(kind(reason), CallOutcome.FAILED)
    where = f" at {settings.base_url}" if settings.base_url else ""
    return Refusal(TransientError(f"gemini{where} cannot be reached: {type(error).__name__}"), CallOutcome.FAILED)


def _answered(error: errors.APIError, settings: GeminiSettings) -> Refusal:
    code, said = error.code, _said(error, settings)
    if code in PASSING or code >= 500:
        passing = TransientError(f"gemini answers {code}: {said}", retry_after=_retry_after(error))
        return Refusal(passing, CallOutcome.FAILED)
    if code == NOT_FOUND:
        line = f"gemini does not know the model {settings.model!r}: set gemini.model in config.yaml ({said})"
    elif code in NO_ACCESS or "API_KEY" in str(error.details) or "api key" in said.lower():
        line = f"gemini refuses the key: check GEMINI_API_KEY in .env ({code}: {said})"
    else:
        line = f"gemini refuses the request: check the gemini part of config.yaml ({code}: {said})"
    return Refusal(ProviderSettingError(line), CallOutcome.REFUSED)


def _said(error: errors.APIError, settings: GeminiSettings) -> str:
    """The vendor's words on one line, with the key blotted out should they repeat it."""
    words = " ".join(str(error.message or error.status or "no reason given").split())
    key = settings.api_key.get_secret_value().strip() if settings.api_key else ""
    return (words.replace(key, "***") if key else words)[:LONGEST_REASON]


def _retry_after(error: errors.APIError) -> timedelta | None:
    """The delay of a `RetryInfo` among the details, else of a `Retry-After` header in seconds."""
    told = [
        str(detail.get("retryDelay", "")) for detail in _details(error.details) if detail.get("@type") == _RETRY_INFO
    ]
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    told.append(headers.get("Retry-After", "") or headers.get("retry-after", ""))
    for value in told:
        if match := _SECONDS.fullmatch(value.strip()):
            return timedelta(seconds=math.ceil(float(match[1])))
    return None


def _details(body: Any) -> list[dict[str, Any]]:
    told = body.get("error", body) if isinstance(body, dict) else None
    details = told.get("details") if isinstance(told, dict) else None
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
