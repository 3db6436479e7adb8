"""A `Model` outside this process: a chunk's facts, a watch's letter and a reason's conditions, asked for as JSON and
checked afterwards."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from sago import telemetry
from sago.domain.batches import ExtractionRequest
from sago.domain.companies import Company, ModelPolicy
from sago.domain.events import Finding
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.model_calls import ModelJob
from sago.domain.reasons import ReasonRequest, Suggestions
from sago.errors import PermanentError, UnusableAnswerError
from sago.llm.prompts import EXTRACTION, LETTER, PROPOSAL, Prompt
from sago.llm.remote import letters, proposals
from sago.llm.remote.answers import LetterAnswer, ProposalAnswer
from sago.llm.remote.chunk import ChunkReading
from sago.llm.remote.guards import AskedAgain
from sago.llm.remote.question import Line, Question
from sago.model_sections import RemoteSettings
from sago.ports import Clock

_log = telemetry.logger(__name__)


class RemoteModel:
    """Findings are as good as their quotes: grounding decides, as for every provider. `line` is where its questions
    go; what guards them is put before it."""

    def __init__(self, name: str, settings: RemoteSettings, line: Line, clock: Clock) -> None:
        self.line = line
        self._name = name
        self._settings = settings
        self._clock = clock

    @property
    def name(self) -> str:
        return self._name

    @property
    def version(self) -> str:
        """Model and prompt: either changes what is found."""
        return f"{self._settings.model}/{EXTRACTION.version}"

    @property
    def place(self) -> ModelPolicy:
        return self._settings.reach

    @property
    def _twice(self) -> Line:
        return AskedAgain(self.line, self._name, self._clock)

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """What the messages say; a chunk over the budget, or whose answer was cut off, is read in several requests.

        Raises TransientError, UnusableAnswerError, PermanentError (blocked by a filter, or too slow for one task: the
        chunk is bisected) or ProviderSettingError.
        """
        reading = ChunkReading(request, self._name, self._twice, self._settings, self._clock)
        found = reading.findings()
        if dropped := dict(+reading.dropped):
            _log.warning("findings dropped", company_id=request.company_id, reasons=dropped)
        return found

    def compose(self, request: LetterRequest) -> LetterDraft:
        """A letter from the events of the request; raises as `extract`, PermanentError when there is no event."""
        if not request.events:
            raise PermanentError(f"watch {request.watch.id}: there is no event to write about")
        value = self._whole(ModelJob.LETTER, LETTER, request.company, letters.values(request), LetterAnswer)
        return letters.draft(value, request)

    def propose(self, request: ReasonRequest) -> Suggestions:
        """Conditions that the reason in the request asks for; raises as `extract`."""
        values = proposals.values(request)
        value = self._whole(ModelJob.PROPOSAL, PROPOSAL, request.company, values, ProposalAnswer)
        return proposals.suggestions(value)

    def _whole(
        self, job: ModelJob, prompt: Prompt, company: Company, values: dict[str, Any], answer: type[BaseModel]
    ) -> Any:
        """The JSON of an answer that is of no use in parts."""
        system, user = prompt.render(**values)
        question = Question(
            id=uuid4(),
            company_id=company.company_id,
            job=job,
            prompt_version=prompt.version,
            system=system,
            user=user,
            answer=answer,
            is_lone=True,
            timeout=self._settings.timeout,
        )
        reply = self._twice.ask(question)
        if reply.is_cut:
            raise UnusableAnswerError(f"{self._name}'s {job.value} is cut off: raise {self._name}.output_tokens")
        return reply.value
