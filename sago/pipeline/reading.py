"""Reading one company's messages in this process: the pipeline's chunks, grounding and fold, without its servers.

`sago extract` is built on it. Here it owns the retries that the reaper owns in the pipeline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from sago.domain.batches import ExtractionRequest
from sago.domain.events import Event, Finding, Observation
from sago.domain.messages import CompactMessage
from sago.domain.orders import GIVES_ORDERS, without_orders
from sago.errors import ConfigError, PermanentError, TransientError, UnusableAnswerError
from sago.pipeline.chunking import LATER_REACH, chunks, context_of
from sago.pipeline.folding import fold
from sago.pipeline.grounding import ground
from sago.ports import Clock, Model

FIRST_WAIT = 2.0
"""Seconds before the second attempt, doubled each time."""
LONGEST_WAIT = 300.0
USABLE_WITHIN = 2
"""Attempts at an answer that can be used, before less is asked for at once."""


class Reading:
    """One provider over companies' messages; `dropped` counts what grounding refused and the messages that give
    orders, `left_out` those that could not be read."""

    def __init__(
        self, model: Model, clock: Clock, note: Callable[[str], None], *, chunk: int, context: int, attempts: int
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.left_out = 0
        self._model = model
        self._clock = clock
        self._note = note
        self._now: datetime = clock.now()
        self._chunk_size = chunk
        self._context = context
        self._attempts = attempts

    def events(self, company_id: str, messages: Sequence[CompactMessage]) -> list[Event]:
        """The events of one company, oldest first. Raises ConfigError, or TransientError after the last attempt."""
        observations: list[Observation] = []
        current = _newest_versions(messages)
        for chunk in chunks(current, self._chunk_size):
            before = [m for m in current if m.sent_at < chunk[0].sent_at]
            after = [m for m in current if timedelta(0) < m.sent_at - chunk[-1].sent_at <= LATER_REACH]
            context = context_of(chunk, before, after, self._context)
            observations.extend(self._chunk(company_id, chunk, context))
        return fold(company_id, observations, []).events

    def _chunk(
        self, company_id: str, chunk: Sequence[CompactMessage], context: Iterable[CompactMessage]
    ) -> list[Observation]:
        """A chunk that cannot be read at once is read in halves; a message that cannot be read at all is told."""
        context = tuple(context)
        request = ExtractionRequest(
            company_id=company_id,
            company_name=company_id.replace("-", " ").title(),
            messages=without_orders(chunk),
            context=without_orders(context),
        )
        try:
            observations = self._grounded(request)
        except ConfigError:
            raise
        except (PermanentError, UnusableAnswerError) as error:
            if len(chunk) == 1:
                self.left_out += 1
                self._note(f"left out: {chunk[0].id}: {error}")
                return []
        else:
            if given := len(chunk) - len(request.messages):
                self.dropped[GIVES_ORDERS] += given
            return observations
        middle = len(chunk) // 2
        halves = (chunk[:middle], chunk[middle:])
        return [observation for half in halves for observation in self._chunk(company_id, half, context)]

    def _grounded(self, request: ExtractionRequest) -> list[Observation]:
        observations, dropped = ground(
            self._patiently(request) if request.messages else [],
            request.messages,
            company_id=request.company_id,
            extractor=self._model.name,
            extractor_version=self._model.version,
            recorded_at=self._now,
        )
        self.dropped.update(dropped)
        return observations

    def _patiently(self, request: ExtractionRequest) -> list[Finding]:
        failed = unusable = 0
        while True:
            try:
                return self._model.extract(request)
            except TransientError as error:
                failed, unusable = failed + 1, unusable + isinstance(error, UnusableAnswerError)
                if failed == self._attempts or unusable == USABLE_WITHIN:
                    raise
                asked = error.retry_after or timedelta(0)
                wait = min(max(asked.total_seconds(), FIRST_WAIT * 2 ** (failed - 1)), LONGEST_WAIT)
                self._note(f"{error}; again in {wait:g} s")
                self._clock.sleep(wait)


def _newest_versions(messages: Iterable[CompactMessage]) -> list[CompactMessage]:
    """Of each message the text that stands: none of what was edited or deleted since."""
    newest: dict[str, CompactMessage] = {}
    for message in sorted(messages, key=lambda m: m.version):
        newest[message.id] = message
    return [message for message in newest.values() if message.text]
