"""Triage before a model outside this process: chatter stays out of the messages that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sago.domain import cues
from sago.domain.batches import ExtractionRequest
from sago.domain.events import Finding
from sago.domain.messages import CompactMessage
from sago.domain.outreach import LetterDraft, LetterRequest, ModelPolicy
from sago.ports import Model


@dataclass(frozen=True)
class Triaged:
    """A `Model` that is asked about what may tell an event; the rest counts as read with nothing found."""

    model: Model

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def version(self) -> str:
        """The model's, and the detector's: either changes what is found."""
        return f"{self.model.version}/triage-{cues.learned().digest}"

    @property
    def place(self) -> ModelPolicy:
        return self.model.place

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """As the model's; it is not asked at all where everything is chatter."""
        left = without_chatter(request)
        return self.model.extract(left) if left.messages else []

    def compose(self, request: LetterRequest) -> LetterDraft:
        """As the model's."""
        return self.model.compose(request)


def without_chatter(request: ExtractionRequest) -> ExtractionRequest:
    """The request with those messages that may tell an event, and as context what was said just before each."""
    kept = [message for message in request.messages if not cues.is_chatter(message.text)]
    numbered = {message.key for message in kept}
    before = _said_before([*request.context, *request.messages], kept)
    context = [message for message in before if message.key not in numbered]
    return request.model_copy(update={"messages": tuple(kept), "context": tuple(context)})


def _said_before(messages: Iterable[CompactMessage], kept: Sequence[CompactMessage]) -> Iterator[CompactMessage]:
    """Of each kept message the one before it in its thread, or in the source where it has none; each once."""
    wanted = {message.key for message in kept}
    last: dict[tuple[str, str | None], CompactMessage] = {}
    given = set()
    for message in sorted(messages, key=lambda m: (m.sent_at, m.id, m.version)):
        before = last.get((message.source, message.thread_id))
        if message.key in wanted and before is not None and before.key not in given:
            given.add(before.key)
            yield before
        last[message.source, message.thread_id] = message
