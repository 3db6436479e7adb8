"""Reading and writing by Google's Gemini, over its `generateContent` protocol.

https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from sago.llm.providers.gemini.model import GeminiModel

__all__ = ["GeminiModel"]
