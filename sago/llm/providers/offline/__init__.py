"""Reading without a model: cue words, speech acts, who it happened to, figures. Nothing leaves this machine."""

from __future__ import annotations

from sago.llm.providers.offline.model import OfflineModel, RulesModel

__all__ = ["OfflineModel", "RulesModel"]
