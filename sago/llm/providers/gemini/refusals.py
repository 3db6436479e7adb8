"""What Gemini's errors say: https://ai.google.dev/gemini-api/docs/troubleshooting"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.genai import errors

from sago.llm.remote.refusals import MOST_WORDS, Refusal, Refusals, first_delay

_OF_THE_KEY = ("API key not valid", "API key expired", "reported as leaked")
_KNOWN = (*_OF_THE_KEY, "User location is not supported", "limit: 0")
"""Phrases of the vendor's messages that help a person, and hold nothing of ours."""
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
"""https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto"""


class GeminiRefusals(Refusals):
    """Errors of google-genai, with the details that Google's servers give."""

    def answered(self, error: Exception) -> Refusal | None:
        if not isinstance(error, errors.APIError):
            return None
        words = self._words(error)
        is_key = any(word.startswith("API_KEY") or word in _OF_THE_KEY for word in words)
        return self.of_status(error.code, words, _retry_after(error), is_key=is_key)

    def _words(self, error: errors.APIError) -> list[str]:
        """Its status, reasons, the fields it is about and quotas, and phrases known."""
        details = _details(error.details)
        names = self.names(
            error.status,
            *(detail.get("reason") for detail in details),
            *(each.get("field") for detail in details for each in _entries(detail, "fieldViolations")),
            *(each.get("quotaId") for detail in details for each in _entries(detail, "violations")),
        )
        said = error.message if isinstance(error.message, str) else ""
        return [*names, *(phrase for phrase in _KNOWN if phrase in said)][:MOST_WORDS]


def _entries(of: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = of.get(name)
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _retry_after(error: errors.APIError) -> timedelta | None:
    """The delay of a `RetryInfo` among the details, else of a `Retry-After` header in seconds."""
    told = [
        str(detail.get("retryDelay", "")) for detail in _details(error.details) if detail.get("@type") == _RETRY_INFO
    ]
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    return first_delay([*told, headers.get("Retry-After", "") or headers.get("retry-after", "")])


def _details(body: Any) -> list[dict[str, Any]]:
    told = body.get("error", body) if isinstance(body, dict) else None
    details = told.get("details") if isinstance(told, dict) else None
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
