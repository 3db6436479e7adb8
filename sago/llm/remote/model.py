"""A `Model` outside this process: a chunk's facts and a watch's letter, asked for as JSON and checked afterwards."""

from __future__ import annotations

from uuid import uuid4

from sago import telemetry
from sago.domain.batches import ExtractionRequest
from sago.domain.companies import ModelPolicy
from sago.domain.events import Finding
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.model_calls import ModelJob
from sago.errors import PermanentError, UnusableAnswerError
from sago.llm.prompts import EXTRACTION, LETTER
from sago.llm.remote import letters
from sago.llm.remote.answers import LetterAnswer
from sago.llm.remote.chunk import ChunkReading
from sago.llm.remote.guards import AskedAgain
from sago.llm.remote.question import Line, Question
from sago.ports import Clock
from sago.sections import RemoteSettings

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
        system, user = LETTER.render(**letters.values(request))
        question = Question(
            id=uuid4(),
            company_id=request.company.company_id,
            job=ModelJob.LETTER,
            prompt_version=LETTER.version,
            system=system,
            user=user,
            answer=LetterAnswer,
            is_lone=True,
            timeout=self._settings.timeout,
        )
        reply = self._twice.ask(question)
        if reply.is_cut:
            raise UnusableAnswerError(f"{self._name}'s letter is cut off: raise {self._name}.output_tokens")
        return letters.draft(reply.value, request)
