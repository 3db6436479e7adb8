"""A provider for exact tests: only marked text is found, so what stands around a message never changes the result.

    [[event enterprise_deal subject=Acme metric=contract_value:120000:USD status=actual severity=high]]

gives exactly one finding, whose quote is the mark itself. Options: subject, status, severity, corrects, title, and
metric any number of times. `_` in a value stands for a blank. A mark that is not valid is text like any other.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from sago.domain.batches import ExtractionRequest
from sago.domain.companies import ModelPolicy
from sago.domain.events import Finding, Metric
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.reasons import ReasonRequest, Suggestions, suggest
from sago.llm.letters import compose_offline

_MARK = re.compile(r"\[\[event (?P<type>[a-z_]{1,32})(?P<options>(?: [a-z]{1,16}=[^\s\[\]]{1,120}){0,16})\]\]")
_PLAIN = frozenset({"subject", "status", "severity", "corrects", "title"})


class MarkerModel:
    """Finds what is marked; deterministic, and blind to everything else."""

    name = "marker"
    version = "1"
    place = ModelPolicy.OFFLINE

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """One finding for each valid mark, by time. Never raises."""
        messages = sorted(request.messages, key=lambda message: (message.sent_at, message.id, message.version))
        marks = ((message.id, mark) for message in messages for mark in _MARK.finditer(message.text))
        return [finding for message_id, mark in marks if (finding := _finding(message_id, mark)) is not None]

    def compose(self, request: LetterRequest) -> LetterDraft:
        """The offline letter; raises PermanentError when there is no event to tell."""
        return compose_offline(request)

    def propose(self, request: ReasonRequest) -> Suggestions:
        """What the rules make of the reason. Never raises."""
        return suggest(request.reason)


def _finding(message_id: str, mark: re.Match[str]) -> Finding | None:
    options: dict[str, Any] = {}
    metrics: list[dict[str, str]] = []
    for option in mark["options"].split():
        key, _, value = option.partition("=")
        if key == "metric":
            metrics.append(dict(zip(("name", "value", "unit"), value.split(":"), strict=False)))
        elif key in _PLAIN:
            options[key] = value.replace("_", " ")
    title = f"{mark['type'].replace('_', ' ').capitalize()}: {options.get('subject', 'unnamed')}"
    try:
        read = tuple(Metric.model_validate(metric) for metric in metrics)
        found = {"title": title, **options, "metrics": read, "event_type": mark["type"]}
        return Finding.model_validate({**found, "message_id": message_id, "quote": mark[0], "start": mark.start()})
    except ValidationError:
        return None
