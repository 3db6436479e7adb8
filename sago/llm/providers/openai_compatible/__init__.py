"""Reading and writing by any server that speaks OpenAI's chat completions: Ollama, vLLM, llama.cpp, or the vendor.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from sago.config import Settings
from sago.llm.providers.openai_compatible.service import NAME, OpenAIService
from sago.llm.remote.client import RemoteClient
from sago.llm.remote.model import RemoteModel
from sago.ports import CallLedger, Clock

__all__ = ["OpenAIModel"]


class OpenAIModel(RemoteModel):
    """The `openai` provider."""

    def __init__(self, settings: Settings, calls: CallLedger, clock: Clock) -> None:
        own = settings.openai
        super().__init__(NAME, own, RemoteClient(OpenAIService(own), own, calls, clock), clock)
