"""A server on this machine that speaks chat completions, as Ollama, vLLM and llama.cpp do, in their manners.

Behaviours, scripts and what a perfect model would say are those of `tests.gemini_server`.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

from tests import gemini_server as fake
from tests.gemini_server import Behaviour, GeminiServer, Reply, always

JSON = [("Content-Type", "application/json")]


class Asked(fake.Asked):
    """One request as it came."""

    @property
    def system(self) -> str:
        return str(self.body["messages"][0]["content"])

    @property
    def user(self) -> str:
        return str(self.body["messages"][1]["content"])


def said(value: object, *, finish: str = "stop", **message: object) -> Reply:
    """A usual response whose text is this value as JSON, or this very text."""
    text = value if isinstance(value, str) else json.dumps(value)
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    return response({"choices": [choice]})


def response(body: dict[str, Any]) -> Reply:
    usage = {"prompt_tokens": 1000, "completion_tokens": 57, "total_tokens": 1057}
    whole = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "test", "usage": usage} | body
    return Reply(body=json.dumps(whole).encode(), headers=JSON)


def marks(asked: fake.Asked) -> Reply:
    """What a perfect model would say."""
    return said(fake.perfect(asked))


def failing(status: int, message: str = "no", /, **error: object) -> Behaviour:
    """An error as most servers write it."""
    return always(Reply(status, json.dumps({"error": {"message": message, **error}}).encode(), JSON))


def too_many(seconds: str) -> Behaviour:
    """429 with a delay in seconds."""
    limited = failing(429, "slow down", type="requests", code="rate_limit_exceeded")
    return lambda asked: limited(asked)._replace(headers=[*JSON, ("Retry-After", seconds)])


def without_schema(asked: fake.Asked) -> Reply:
    """A server that knows no `response_format`."""
    if "response_format" in asked.body:
        return failing(400, "unknown field: response_format", type="invalid_request_error")(asked)
    return marks(asked)


def small(most: int) -> Behaviour:
    """A model that takes so many messages at once, in the words of llama.cpp."""
    too_long = failing(
        400, "the request exceeds the available context size", type="exceed_context_size_error", code=400
    )
    return lambda asked: marks(asked) if len(asked.texts) <= most else too_long(asked)


def cut_above(most: int) -> Behaviour:
    """The answer about more than so many messages reaches the output limit."""

    def answer(asked: fake.Asked) -> Reply:
        if len(asked.texts) <= most:
            return marks(asked)
        whole = json.dumps({"findings": fake.findings(asked)})
        return said(whole[: len(whole) * 2 // 3], finish="length")

    return answer


def slow(seconds: float) -> Behaviour:
    return lambda asked: marks(asked)._replace(after=seconds)


def echoing(code: int) -> Behaviour:
    """An error that repeats the whole request, key and all, wherever an error has room for text."""

    def answer(asked: fake.Asked) -> Reply:
        key = asked.headers["authorization"].removeprefix("Bearer ")
        request = f"invalid request: {json.dumps(asked.body, ensure_ascii=False)} with {key}"
        return failing(code, request, type=request, code=key, param="messages[1].content")(asked)

    return answer


class OpenAIServer(GeminiServer):
    """The running server."""

    kind = Asked
    well = staticmethod(marks)


def openai_server() -> AbstractContextManager[GeminiServer]:
    """A server as long as the block."""
    return fake.running(OpenAIServer())
