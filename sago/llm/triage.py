"""Triage before a model outside this process: chatter stays out of the messages that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sago.domain import cues
from sago.domain.batches import ExtractionRequest
from sago.domain.events import Finding
from sago.domain.messages import CompactMessage
from sago.llm.wrapping import Wrapping

NEAR = timedelta(minutes=30)
"""How long before or after a kept message context is still about it."""


@dataclass(frozen=True)
class Triaged(Wrapping):
    """A `Model` that is asked about what may tell an event; the rest counts as read with nothing found."""

    @property
    def version(self) -> str:
        """The model's, and the detector's: either changes what is found."""
        return f"{self.model.version}/triage-{cues.learned().digest}"

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """As the model's; it is not asked at all where everything is chatter."""
        left = without_chatter(request)
        return self.model.extract(left) if left.messages else []


def without_chatter(request: ExtractionRequest) -> ExtractionRequest:
    """The request with those messages that may tell an event; as context what was said just before each, and of its
    own context what stands near one."""
    kept = [message for message in request.messages if not cues.is_chatter(message.text)]
    context = {message.key: message for message in _near(request.context, kept)}
    context |= {message.key: message for message in _said_before([*request.context, *request.messages], kept)}
    numbered = {message.key for message in kept}
    beside = sorted((each for key, each in context.items() if key not in numbered), key=_place)
    return request.model_copy(update={"messages": tuple(kept), "context": tuple(beside)})


def _near(context: Iterable[CompactMessage], kept: Sequence[CompactMessage]) -> Iterator[CompactMessage]:
    """Those in the thread of a kept message, and those said within `NEAR` of one."""
    threads = {(message.source, message.thread_id) for message in kept if message.thread_id}
    for each in context:
        if (each.source, each.thread_id) in threads or any(abs(each.sent_at - m.sent_at) <= NEAR for m in kept):
            yield each


def _place(message: CompactMessage) -> tuple[datetime, str, int]:
    return message.sent_at, message.id, message.version


def _said_before(messages: Iterable[CompactMessage], kept: Sequence[CompactMessage]) -> Iterator[CompactMessage]:
    """Of each kept message the one before it in its thread, or in the source where it has none; each once."""
    wanted = {message.key for message in kept}
    last: dict[tuple[str, str | None], CompactMessage] = {}
    given = set()
    for message in sorted(messages, key=_place):
        before = last.get((message.source, message.thread_id))
        if message.key in wanted and before is not None and before.key not in given:
            given.add(before.key)
            yield before
        last[message.source, message.thread_id] = message
