"""What a `generateContent` response says: its JSON, its tokens, or why there is no answer."""

from __future__ import annotations

from typing import Any, NamedTuple

from google.genai import types
from pydantic import BaseModel

from sago.errors import PermanentError, UnusableAnswerError
from sago.llm.providers.gemini.parsing import parse


class Reply(NamedTuple):
    """The answer's JSON. `is_cut`: only its complete items, None where there is not one."""

    value: Any
    is_cut: bool


class Usage(NamedTuple):
    """Tokens as billed: thinking counts as output."""

    input_tokens: int = 0
    output_tokens: int = 0


class BlockedError(PermanentError):
    """The vendor's filters refuse this question, or their model's answer to it."""


def usage_of(response: types.GenerateContentResponse) -> Usage:
    """Zero where the response does not say."""
    told = response.usage_metadata
    if told is None:
        return Usage()
    written = (told.candidates_token_count or 0) + (told.thoughts_token_count or 0)
    return Usage(max(0, told.prompt_token_count or 0), max(0, written))


def read(response: types.GenerateContentResponse, answer: type[BaseModel]) -> Reply:
    """The answer; raises BlockedError, or UnusableAnswerError where it is empty, holds no JSON or lacks a key."""
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        raise BlockedError(f"gemini's filters block the question: {_name(feedback.block_reason)}")
    if not response.candidates:
        raise UnusableAnswerError("gemini's answer is empty")
    candidate = response.candidates[0]
    reason = candidate.finish_reason
    if reason in _BLOCKED:
        raise BlockedError(f"gemini's filters block the answer: {_name(reason)}")
    text = _text(candidate)
    if reason is types.FinishReason.MAX_TOKENS:
        return _cut_reply(text)
    if not text.strip():
        raise UnusableAnswerError(f"gemini's answer is empty{f': {_name(reason)}' if reason else ''}")
    parsed = parse(text)
    missing = [key for key in answer.model_fields if isinstance(parsed.value, dict) and key not in parsed.value]
    if missing:
        raise UnusableAnswerError(f"gemini's answer lacks {', '.join(missing)}")
    if parsed.is_cut:  # below the output limit: what is missing would be there another time
        raise UnusableAnswerError("gemini's answer breaks off")
    return Reply(parsed.value, is_cut=False)


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


def _cut_reply(text: str) -> Reply:
    """All output tokens are spent, maybe on thinking alone."""
    try:
        return Reply(parse(text).value, is_cut=True)
    except UnusableAnswerError:
        return Reply(None, is_cut=True)


def _text(candidate: types.Candidate) -> str:
    """The parts of the answer without the thoughts; the SDK's own `text` warns of each thought's signature."""
    parts = candidate.content.parts if candidate.content and candidate.content.parts else []
    return "".join(part.text for part in parts if part.text and not part.thought)
