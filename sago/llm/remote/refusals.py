"""Why a call had no answer, in Sago's classes: what may pass, what must be mended, what no second try will change."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

import httpx2

from sago.domain.model_calls import CallOutcome
from sago.errors import (
    PermanentError,
    ProviderSettingError,
    SagoError,
    TooLateError,
    TransientError,
    UnusableAnswerError,
)
from sago.llm.remote.wire import StrangerError
from sago.model_sections import RemoteSettings

PASSING = (408, 429)
"""Time-out and too many requests; with every 5xx they may pass."""
NOT_FOUND = 404
NO_ACCESS = (401, 403)
MOST_WORDS = 5
_NAME = re.compile(r"[A-Z][A-Z0-9_]{3,60}|[A-Z][A-Za-z]{3,60}-[A-Za-z]{3,20}|[a-z][A-Za-z0-9_.\[\]]{2,80}")
"""A status or reason, a quota, the path of a field: without blanks, so no sentence."""
_OUR_FAULT = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")


class Refusal(NamedTuple):
    """What to raise and what to write into the ledger. `may_be_billed`: the question went out and nobody waited for the
    end of its answer."""

    error: SagoError
    outcome: CallOutcome
    may_be_billed: bool = False


class Refusals(ABC):
    """The errors of one provider: one line each, without the key and without a word of what was sent, which a server
    may repeat. `speaks`: whose protocol a server at `base_url` has to speak."""

    def __init__(self, name: str, speaks: str, settings: RemoteSettings) -> None:
        self.name = name
        self.settings = settings
        self._speaks = speaks
        self._check_url = f": check {name}.base_url and what stands between"

    def translated(self, error: Exception, *, is_lone: bool, has_answer: bool) -> Refusal:
        """`is_lone`: asking for less at once is no way out. `has_answer`: a 200 of the protocol came."""
        if isinstance(error, ProviderSettingError):
            return Refusal(error, CallOutcome.REFUSED)
        if isinstance(error, StrangerError):
            line = f"{self._server} answers, but not as {self._speaks}{self._check_url}"
            return Refusal(TransientError(line), CallOutcome.FAILED)
        if isinstance(error, (UnusableAnswerError, PermanentError)):
            is_blocked = isinstance(error, PermanentError)
            whose = type(error)(f"{self.name}'s {error}")
            return Refusal(whose, CallOutcome.BLOCKED if is_blocked else CallOutcome.UNUSABLE)
        if (refusal := self.answered(error)) is not None:
            return refusal
        if has_answer:
            return Refusal(UnusableAnswerError(f"{self.name}'s answer cannot be read"), CallOutcome.UNUSABLE)
        if isinstance(error, httpx2.HTTPError) and not isinstance(error, _OUR_FAULT):
            return self._unanswered(error, is_lone)
        where = f"check {self.name}.base_url, {self.settings.key_variable} and HTTPS_PROXY"
        line = f"{self.name} cannot be asked ({type(error).__name__}): {where}"
        return Refusal(ProviderSettingError(line), CallOutcome.REFUSED)

    @abstractmethod
    def answered(self, error: Exception) -> Refusal | None:
        """An error of the SDK that stands for a response with a status; None for any other. Each provider's own."""

    def of_status(self, code: int, words: list[str], retry_after: timedelta | None, *, is_key: bool) -> Refusal:
        """A response without an answer; `words` are what `names` leaves of it, `is_key`: it speaks of the key."""
        told = f"{code}: {', '.join(words)}" if words else str(code)
        if code in PASSING or code >= 500:
            passing = TransientError(f"{self.name} answers {told}", retry_after=retry_after)
            return Refusal(passing, CallOutcome.FAILED)
        if code in NO_ACCESS or is_key:
            line = f"{self.name} refuses the key: check {self.settings.key_variable} in .env ({told})"
        elif code < 400 or not words:
            line = f"{self._server} answers {told}, but not as {self._speaks}{self._check_url}"
        elif code == NOT_FOUND:
            which = repr(self.settings.model)
            line = f"{self.name} does not know the model {which}: set {self.name}.model in config.yaml ({told})"
        else:
            line = f"{self.name} refuses the request: check the {self.name} part of config.yaml ({told})"
        return Refusal(ProviderSettingError(line), CallOutcome.REFUSED)

    def names(self, *values: object) -> list[str]:
        """What of these is not free text, nor holds the key."""
        key = self.settings.api_key.get_secret_value() if self.settings.api_key else ""
        fit = [value for value in values if isinstance(value, str) and _NAME.fullmatch(value)]
        return [*dict.fromkeys(name for name in fit if not key or key not in name)]

    def _unanswered(self, error: httpx2.HTTPError, is_lone: bool) -> Refusal:
        if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
            reason = f"{self.name} did not answer within {self.settings.timeout:g} s"
            kind = TransientError if is_lone else TooLateError
            return Refusal(kind(reason), CallOutcome.FAILED, may_be_billed=True)
        line = f"{self._server} cannot be reached: {type(error).__name__}"
        return Refusal(TransientError(line), CallOutcome.FAILED)

    @property
    def _server(self) -> str:
        url = self.settings.base_url
        return f"{self.name} at {url}" if url else self.name


def first_delay(told: Iterable[str]) -> timedelta | None:
    """The first that is a number of seconds, such as `41.2s` or `7`; rounded up."""
    for value in told:
        if match := _SECONDS.fullmatch(value.strip()):
            return timedelta(seconds=math.ceil(float(match[1])))
    return None
