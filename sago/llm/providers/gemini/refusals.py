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
from sago.errors import (
    PermanentError,
    ProviderSettingError,
    SagoError,
    TooLateError,
    TransientError,
    UnusableAnswerError,
)
from sago.llm.providers.gemini.wire import StrangerError
from sago.sections import GeminiSettings

PASSING = (408, 429)
"""Time-out and too many requests; with every 5xx they may pass."""
NOT_FOUND = 404
NO_ACCESS = (401, 403)
MOST_WORDS = 5
_NAME = re.compile(r"[A-Z][A-Z0-9_]{3,60}|[A-Z][A-Za-z]{3,60}-[A-Za-z]{3,20}|[a-z][A-Za-z0-9_.\[\]]{2,80}")
"""A status or reason, a quota, the path of a field: without blanks, so no sentence."""
_OF_THE_KEY = ("API key not valid", "API key expired", "reported as leaked")
_KNOWN = (*_OF_THE_KEY, "User location is not supported", "limit: 0")
"""Phrases of the vendor's messages that help a person, and hold nothing of ours."""
_OUR_FAULT = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)
_CHECK_URL = ": check gemini.base_url and what stands between"
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
"""https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto"""


class Refusal(NamedTuple):
    """What to raise and what to write into the ledger."""

    error: SagoError
    outcome: CallOutcome


def translated(error: Exception, settings: GeminiSettings, *, is_lone: bool, has_answer: bool) -> Refusal:
    """The error as the rest of Sago knows it: one line without the key and without a word of what was sent, which a
    server may repeat. `is_lone`: asking for less at once is no way out. `has_answer`: a 200 of the protocol came."""
    if isinstance(error, ProviderSettingError):
        return Refusal(error, CallOutcome.REFUSED)
    if isinstance(error, StrangerError):
        return Refusal(
            TransientError(f"{_server(settings)} answers, but not as Gemini{_CHECK_URL}"), CallOutcome.FAILED
        )
    if isinstance(error, UnusableAnswerError):
        return Refusal(error, CallOutcome.UNUSABLE)
    if isinstance(error, PermanentError):
        return Refusal(error, CallOutcome.BLOCKED)
    if isinstance(error, errors.APIError):
        return _answered(error, settings)
    if has_answer:
        return Refusal(UnusableAnswerError("gemini's answer cannot be read"), CallOutcome.UNUSABLE)
    if isinstance(error, httpx2.HTTPError) and not isinstance(error, _OUR_FAULT):
        return _unanswered(error, settings, is_lone)
    line = f"gemini cannot be asked ({type(error).__name__}): check gemini.base_url, GEMINI_API_KEY and HTTPS_PROXY"
    return Refusal(ProviderSettingError(line), CallOutcome.REFUSED)


def _unanswered(error: httpx2.HTTPError, settings: GeminiSettings, is_lone: bool) -> Refusal:
    if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
        reason = f"gemini did not answer within {settings.timeout:g} s"
        kind = TransientError if is_lone else TooLateError
        return Refusal(kind(reason), CallOutcome.FAILED)
    line = f"{_server(settings)} cannot be reached: {type(error).__name__}"
    return Refusal(TransientError(line), CallOutcome.FAILED)


def _server(settings: GeminiSettings) -> str:
    return f"gemini at {settings.base_url}" if settings.base_url else "gemini"


def _answered(error: errors.APIError, settings: GeminiSettings) -> Refusal:
    code, words = error.code, _words(error, settings)
    told = f"{code}: {', '.join(words)}" if words else str(code)
    if code in PASSING or code >= 500:
        passing = TransientError(f"gemini answers {told}", retry_after=_retry_after(error))
        return Refusal(passing, CallOutcome.FAILED)
    if code in NO_ACCESS or any(word.startswith("API_KEY") or word in _OF_THE_KEY for word in words):
        line = f"gemini refuses the key: check GEMINI_API_KEY in .env ({told})"
    elif code < 400 or not words:
        line = f"{_server(settings)} answers {told}, but not as Gemini{_CHECK_URL}"
    elif code == NOT_FOUND:
        line = f"gemini does not know the model {settings.model!r}: set gemini.model in config.yaml ({told})"
    else:
        line = f"gemini refuses the request: check the gemini part of config.yaml ({told})"
    return Refusal(ProviderSettingError(line), CallOutcome.REFUSED)


def _words(error: errors.APIError, settings: GeminiSettings) -> list[str]:
    """What of an error is not free text: its status, reasons, the fields it is about and quotas, and phrases known."""
    details = _details(error.details)
    about = [
        *(_strings(detail, "reason") for detail in details),
        *(_strings(each, "field") for detail in details for each in _entries(detail, "fieldViolations")),
        *(_strings(each, "quotaId") for detail in details for each in _entries(detail, "violations")),
    ]
    names = [*_strings({"status": error.status}, "status"), *(name for each in about for name in each)]
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    said = error.message if isinstance(error.message, str) else ""
    known = [phrase for phrase in _KNOWN if phrase in said]
    return [*dict.fromkeys(name for name in names if not key or key not in name), *known][:MOST_WORDS]


def _strings(of: dict[str, Any], name: str) -> list[str]:
    value = of.get(name)
    return [value] if isinstance(value, str) and _NAME.fullmatch(value) else []


def _entries(of: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = of.get(name)
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


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
