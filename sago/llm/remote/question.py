"""One question to a model outside this process, and what comes of it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol
from uuid import UUID

from pydantic import BaseModel

from sago.domain.model_calls import ModelJob
from sago.errors import ProviderSettingError


class Question(NamedTuple):
    """What is asked for one company, within `timeout` seconds. `is_lone`: it is not part of a larger piece of work
    that could be asked for in halves. `id` is that of the call's row in the ledger, `reserved` the USD of the budget
    that are kept for it."""

    id: UUID
    company_id: str
    job: ModelJob
    prompt_version: str
    system: str
    user: str
    answer: type[BaseModel]
    is_lone: bool
    timeout: float
    reserved: float = 0.0


class Reply(NamedTuple):
    """The answer's JSON. `is_cut`: only its complete items, None where there is not one."""

    value: Any
    is_cut: bool = False


class Usage(NamedTuple):
    """Tokens as billed: thinking counts as output."""

    input_tokens: int = 0
    output_tokens: int = 0


class TooLongError(ProviderSettingError):
    """The question is longer than the model takes; a part of it may be taken."""


class FormRefusedError(ProviderSettingError):
    """The server may not take the form in which the answer was asked for; the same question again goes in another."""


class Line(Protocol):
    """Where questions go: a provider's client, or what stands before it."""

    def ask(self, question: Question) -> Reply:
        """The answer's JSON. Raises TransientError, UnusableAnswerError, PermanentError (blocked by a filter) or
        ProviderSettingError (TooLongError where less might be asked, FormRefusedError where another form might)."""
