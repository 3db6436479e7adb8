"""Chat completions over the official client: what is sent and what a response says."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any

import openai
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from sago import telemetry
from sago.domain.companies import ModelPolicy
from sago.errors import ProviderSettingError, UnusableAnswerError
from sago.llm import registry
from sago.llm.providers.openai_compatible.refusals import OpenAIRefusals, is_about_form
from sago.llm.remote import reading, wire
from sago.llm.remote.question import FormRefusedError, Question, Reply, Usage
from sago.llm.remote.reading import BlockedError
from sago.llm.remote.refusals import Refusal
from sago.model_sections import OpenAISettings

NAME = "openai"
BASE_URL = "https://api.openai.com/v1"
NO_KEY = "none"
"""What goes out where a server asks for no key: the client has to send one."""
TOP_LEVEL = frozenset({"choices"})
"""Of an answer: https://platform.openai.com/docs/api-reference/chat/object"""
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
"""What a server without a parser for its model's thoughts leaves before the answer."""
_WORD = re.compile(r"[a-z_]{1,40}")
_log = telemetry.logger(__name__)


class OpenAIService:
    """The `Service` of the server at `openai.base_url`, or of the vendor."""

    name = NAME
    errors = (openai.OpenAIError,)

    def __init__(self, settings: OpenAISettings) -> None:
        self._settings = settings
        self._refusals = OpenAIRefusals(NAME, "an OpenAI-compatible server", settings)
        self._takes_schema = True
        self._words_helped = False

    def send(self, question: Question) -> ChatCompletion:
        """With the answer's schema as `response_format`. A server that refuses this is asked in words alone the next
        time (FormRefusedError), and from then on once that has helped."""
        if not self._settings.model:
            raise ProviderSettingError(registry.no_model(NAME))
        return self._with_schema(question) if self._takes_schema else self._in_words(question)

    def _with_schema(self, question: Question) -> ChatCompletion:
        try:
            return self._create(question, question.system, response_format=_form(question.answer))
        except openai.APIStatusError as error:
            if not is_about_form(error):
                raise
            self._takes_schema = False
            refusal = self.refusal(error, is_lone=question.is_lone, has_answer=False)
            raise FormRefusedError(str(refusal.error)) from None

    def _in_words(self, question: Question) -> ChatCompletion:
        schema = json.dumps(question.answer.model_json_schema())
        in_words = f"{question.system}\n\nThe answer is one JSON object of this schema, and nothing else:\n{schema}"
        try:
            response = self._create(question, in_words)
        except openai.APIStatusError as error:
            self._takes_schema = not self._words_helped and is_about_form(error)
            raise
        if not self._words_helped:
            _log.info("the server takes no schema: it is told in words", model=self._settings.model)
        self._words_helped = True
        return response

    def usage(self, response: ChatCompletion) -> Usage:
        told = response.usage
        return Usage(max(0, told.prompt_tokens or 0), max(0, told.completion_tokens or 0)) if told else Usage()

    def reply(self, response: ChatCompletion, answer: type[BaseModel]) -> Reply:
        if not response.choices:
            raise UnusableAnswerError("answer is empty")
        choice = response.choices[0]
        if choice.finish_reason == "content_filter":
            raise BlockedError("filters block the answer: content_filter")
        if choice.message.refusal:
            raise BlockedError("model refuses to answer")
        text = _THOUGHTS.sub("", choice.message.content or "")
        if choice.finish_reason == "length":
            return reading.cut_reply(text)
        return reading.reply(text, answer, ended=_word(choice.finish_reason))

    def refusal(self, error: Exception, *, is_lone: bool, has_answer: bool) -> Refusal:
        return self._refusals.translated(error, is_lone=is_lone, has_answer=has_answer)

    def _create(self, question: Question, system: str, **more: Any) -> ChatCompletion:
        settings, create = self._settings, self._client.chat.completions.create
        # the vendor's newer models take only the newer name, many servers only the older
        more["max_tokens" if settings.base_url else "max_completion_tokens"] = settings.output_tokens
        if settings.temperature is not None:
            more["temperature"] = settings.temperature
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question.user}]
        asked: dict[str, Any] = {"model": settings.model, "messages": messages, "timeout": question.timeout, **more}
        answered: ChatCompletion = create(**asked)
        return answered

    @cached_property
    def _client(self) -> openai.OpenAI:
        settings = self._settings
        if settings.needs_key and settings.api_key is None:
            raise ProviderSettingError(registry.no_key(NAME))
        in_house = settings.reach is ModelPolicy.OWN_HOUSE
        return openai.OpenAI(
            api_key=settings.api_key.get_secret_value() if settings.api_key else NO_KEY,
            base_url=settings.base_url or BASE_URL,
            max_retries=0,
            http_client=wire.Wire(TOP_LEVEL, is_direct=in_house),
        )


def _form(answer: type[BaseModel]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": answer.__name__, "schema": answer.model_json_schema()}}


def _word(reason: object) -> str:
    """A reason to stop as long as it is a word: the client takes any text for one."""
    return reason if isinstance(reason, str) and _WORD.fullmatch(reason) else ""
