"""The JSON of an answer's text, or why there is none. Errors do not say whose answer it is: the client does."""

from __future__ import annotations

from pydantic import BaseModel

from sago.errors import PermanentError, UnusableAnswerError
from sago.llm.remote.parsing import parse
from sago.llm.remote.question import Reply


class BlockedError(PermanentError):
    """The vendor's filters refuse this question, or their model's answer to it."""


def reply(text: str, answer: type[BaseModel], *, ended: str = "") -> Reply:
    """The JSON of a whole answer; raises UnusableAnswerError where it is empty, holds no JSON, lacks a key or breaks
    off. `ended`: why the model stopped, in the vendor's word."""
    if not text.strip():
        raise UnusableAnswerError(f"answer is empty{f': {ended}' if ended else ''}")
    parsed = parse(text)
    missing = [key for key in answer.model_fields if isinstance(parsed.value, dict) and key not in parsed.value]
    if missing:
        raise UnusableAnswerError(f"answer lacks {', '.join(missing)}")
    if parsed.is_cut:  # below the output limit: what is missing would be there another time
        raise UnusableAnswerError("answer breaks off")
    return Reply(parsed.value)


def cut_reply(text: str) -> Reply:
    """The complete items of an answer that reached the output limit, maybe by thinking alone."""
    try:
        return Reply(parse(text).value, is_cut=True)
    except UnusableAnswerError:
        return Reply(None, is_cut=True)
