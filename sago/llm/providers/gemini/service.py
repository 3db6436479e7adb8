"""The protocol `generateContent` over google-genai: what is sent and what a response says."""

from __future__ import annotations

import warnings
from functools import cache, cached_property
from typing import Any

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from sago.errors import ProviderSettingError, UnusableAnswerError
from sago.llm import registry
from sago.llm.providers.gemini.refusals import GeminiRefusals
from sago.llm.remote import reading, wire
from sago.llm.remote.question import Question, Reply, Usage
from sago.llm.remote.reading import BlockedError
from sago.llm.remote.refusals import Refusal
from sago.model_sections import GeminiSettings

NAME = "gemini"
BASE_URL = "https://generativelanguage.googleapis.com/"
API_VERSION = "v1beta"
"""Where preview models are served: https://ai.google.dev/gemini-api/docs/api-versions"""
TOP_LEVEL = frozenset({"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"})
"""Keys of which an answer has at least one: https://ai.google.dev/api/generate-content#generatecontentresponse"""


class GeminiService:
    """The `Service` of Google's servers, or of one at `gemini.base_url`."""

    name = NAME
    errors = (errors.APIError,)

    def __init__(self, settings: GeminiSettings) -> None:
        self._settings = settings
        self._refusals = GeminiRefusals(NAME, "Gemini", settings)

    def send(self, question: Question) -> types.GenerateContentResponse:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a reason unknown to the SDK, in the server's own words
            return self._client.models.generate_content(
                model=self._settings.model, contents=question.user, config=self._config(question)
            )

    def usage(self, response: types.GenerateContentResponse) -> Usage:
        told = response.usage_metadata
        if told is None:
            return Usage()
        written = (told.candidates_token_count or 0) + (told.thoughts_token_count or 0)
        return Usage(max(0, told.prompt_token_count or 0), max(0, written))

    def reply(self, response: types.GenerateContentResponse, answer: type[BaseModel]) -> Reply:
        feedback = response.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            raise BlockedError(f"filters block the question: {_name(feedback.block_reason)}")
        if not response.candidates:
            raise UnusableAnswerError("answer is empty")
        candidate = response.candidates[0]
        reason = candidate.finish_reason
        if reason in _BLOCKED:
            raise BlockedError(f"filters block the answer: {_name(reason)}")
        text = _text(candidate)
        if reason is types.FinishReason.MAX_TOKENS:
            return reading.cut_reply(text)
        return reading.reply(text, answer, ended=_name(reason) if reason else "")

    def refusal(self, error: Exception, *, is_lone: bool, has_answer: bool) -> Refusal:
        return self._refusals.translated(error, is_lone=is_lone, has_answer=has_answer)

    @cached_property
    def _client(self) -> genai.Client:
        key = self._settings.api_key
        if key is None:
            raise ProviderSettingError(registry.no_key(NAME))
        options = types.HttpOptions(
            base_url=self._settings.base_url or BASE_URL,
            api_version=API_VERSION,
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_client=wire.Wire(TOP_LEVEL),
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


_BLOCKED = frozenset(
    {
        types.FinishReason.SAFETY,
        types.FinishReason.RECITATION,
        types.FinishReason.LANGUAGE,
        types.FinishReason.BLOCKLIST,
        types.FinishReason.PROHIBITED_CONTENT,
        types.FinishReason.SPII,
    }
)


def _name(reason: types.BlockedReason | types.FinishReason) -> str:
    """As the SDK knows it; it takes any other text for a reason too."""
    return reason.value if reason.name in type(reason).__members__ else "unknown reason"


def _text(candidate: types.Candidate) -> str:
    """The parts of the answer without the thoughts; the SDK's own `text` warns of each thought's signature."""
    parts = candidate.content.parts if candidate.content and candidate.content.parts else []
    return "".join(part.text for part in parts if part.text and not part.thought)


@cache
def _schema(answer: type[BaseModel]) -> dict[str, Any]:
    return answer.model_json_schema()
