"""Reading and writing by Google's Gemini, over its `generateContent` protocol.

https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from sago.config import Settings
from sago.llm.providers.gemini.service import NAME, GeminiService
from sago.llm.remote.client import RemoteClient
from sago.llm.remote.model import RemoteModel
from sago.ports import CallLedger, Clock

__all__ = ["GeminiModel"]


class GeminiModel(RemoteModel):
    """The `gemini` provider."""

    def __init__(self, settings: Settings, calls: CallLedger, clock: Clock) -> None:
        own = settings.gemini
        super().__init__(NAME, own, RemoteClient(GeminiService(own), own, calls, clock), clock)
