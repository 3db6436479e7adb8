"""One chunk's messages, read in as many requests as the budget of tokens asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

from sago import telemetry
from sago.domain.batches import ExtractionRequest
from sago.domain.events import Finding
from sago.domain.messages import CompactMessage
from sago.domain.metrics import METRICS
from sago.domain.model_calls import ModelJob
from sago.errors import PermanentError, TransientError, UnusableAnswerError
from sago.llm.gateway import PATIENCE
from sago.llm.prompts import EXTRACTION, Rendered, invented_names
from sago.llm.remote import answers, packing
from sago.llm.remote.question import Line, Question, Reply, TooLongError
from sago.model_sections import RemoteSettings
from sago.ports import Clock

LEAST_TIME = 5.0
"""Seconds below which a further request is not begun."""
_log = telemetry.logger(__name__)
SCHEMA_TOKENS = packing.tokens(str(answers.FindingsAnswer.model_json_schema()))


class ChunkReading:
    """The reading of one request; `dropped` counts the findings of all answers that were left out, by reason."""

    def __init__(
        self, request: ExtractionRequest, name: str, line: Line, settings: RemoteSettings, clock: Clock
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self._answered = 0
        self._request = request
        self._name = name
        self._line = line
        self._timeout = settings.timeout
        self._clock = clock
        self._within = min(PATIENCE, request.within or PATIENCE)
        self._deadline = clock.monotonic() + self._within
        self._messages = packing.readable(request.messages)
        self._context = packing.context_lines(request.context, settings.input_tokens)
        empty = self._render([])
        self._room = settings.input_tokens - SCHEMA_TOKENS - packing.tokens(empty.system) - packing.tokens(empty.user)

    def findings(self) -> list[Finding]:
        """What all parts say, in the order of their messages."""
        parts = packing.parts(self._messages, self._room)
        found = [finding for part in parts for finding in self._read(part)]
        own = [finding for finding in found if not self._is_of_an_example(finding)]
        self.dropped["speaks of the prompt's example"] += len(found) - len(own)
        return own

    def _is_of_an_example(self, finding: Finding) -> bool:
        """Whether it names somebody whom the prompt has invented and no message of the request names."""
        shown = " ".join((finding.title, finding.subject or "", *finding.stakeholders)).casefold()
        invented = [name for name in invented_names(EXTRACTION) if name in shown]
        said = (*self._request.context, *self._request.messages)
        return any(not any(name in message.text.casefold() for message in said) for name in invented)

    def _read(self, messages: Sequence[CompactMessage]) -> list[Finding]:
        """One request; where it is too long for the model or its answer was cut off, two with half of the messages
        each. Of the answer about a single message what is complete is kept."""
        middle = len(messages) // 2
        try:
            reply = self._ask(messages)
        except TooLongError as error:
            if not middle:
                raise
            _log.warning("read in halves", messages=len(messages), reason=str(error))
            reply = Reply(None, is_cut=True)
        if reply.is_cut and middle:
            return self._read(messages[:middle]) + self._read(messages[middle:])
        if reply.value is None:
            raise UnusableAnswerError(
                f"{self._name} spent all of {self._name}.output_tokens without an answer: raise it"
            )
        return answers.findings(reply.value, messages, self.dropped)

    def _ask(self, messages: Sequence[CompactMessage]) -> Reply:
        """The answer of one request. Where others of this chunk had theirs, whoever keeps the rest from being asked
        would keep it the next time too, and each time those would be paid again: PermanentError, for the reaper to
        halve the chunk until a part that was answered stays."""
        question = self._question(messages)
        try:
            reply = self._line.ask(question)
        except UnusableAnswerError:
            raise
        except TransientError as error:
            if not self._answered:
                raise
            raise PermanentError(f"read in halves: {error} (after {self._answered} of its requests)") from error
        except TooLongError:
            self._answered += 1
            raise
        self._answered += 1
        return reply

    def _question(self, messages: Sequence[CompactMessage]) -> Question:
        left = self._deadline - self._clock.monotonic()
        if left < LEAST_TIME:
            raise PermanentError(
                f"{self._name} takes longer than {self._within:.0f} s for {len(self._messages)} messages"
            )
        rendered = self._render(packing.numbered_lines(messages, self._room))
        return Question(
            id=uuid4(),
            company_id=self._request.company_id,
            job=ModelJob.EXTRACTION,
            prompt_version=EXTRACTION.version,
            system=rendered.system,
            user=rendered.user,
            answer=answers.FindingsAnswer,
            is_lone=len(self._messages) == 1,
            timeout=min(self._timeout, left),
        )

    def _render(self, lines: Sequence[str]) -> Rendered:
        return EXTRACTION.render(
            company=self._request.company_name, metrics=", ".join(METRICS), context=self._context, messages=lines
        )
