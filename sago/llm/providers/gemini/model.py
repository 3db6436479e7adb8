"""The `gemini` provider: a chunk's facts and a watch's letter, asked for as JSON and checked afterwards."""

from __future__ import annotations

from sago import telemetry
from sago.config import Settings
from sago.domain.batches import ExtractionRequest
from sago.domain.events import Finding
from sago.domain.model_calls import ModelJob
from sago.domain.outreach import LetterDraft, LetterRequest, ModelPolicy
from sago.errors import PermanentError, UnusableAnswerError
from sago.llm.prompts import EXTRACTION, LETTER
from sago.llm.providers.gemini import letters
from sago.llm.providers.gemini.answers import LetterAnswer
from sago.llm.providers.gemini.chunk import ChunkReading
from sago.llm.providers.gemini.client import PROVIDER, GeminiClient, Question
from sago.ports import CallLedger, Clock

_log = telemetry.logger(__name__)


class GeminiModel:
    """Reads and writes at Google's. Findings are as good as their quotes: grounding decides, as for every provider."""

    name = PROVIDER
    place = ModelPolicy.VENDOR

    def __init__(self, settings: Settings, calls: CallLedger, clock: Clock) -> None:
        self._settings = settings.gemini
        self._clock = clock
        self._client = GeminiClient(settings.gemini, calls, clock)

    @property
    def version(self) -> str:
        """Model and prompt: either changes what is found."""
        return f"{self._settings.model}/{EXTRACTION.version}"

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """What the messages say; a chunk over the budget, or whose answer was cut off, is read in several requests.

        Raises TransientError, UnusableAnswerError, PermanentError (blocked by a filter, or too slow for one task: the
        chunk is bisected) or ProviderSettingError.
        """
        reading = ChunkReading(request, self._client, self._settings, self._clock)
        found = reading.findings()
        if reading.dropped:
            _log.warning("findings dropped", company_id=request.company_id, reasons=dict(reading.dropped))
        return found

    def compose(self, request: LetterRequest) -> LetterDraft:
        """A letter from the events of the request; raises as `extract`, PermanentError when there is no event."""
        if not request.events:
            raise PermanentError(f"watch {request.watch.id}: there is no event to write about")
        system, user = LETTER.render(**letters.values(request))
        question = Question(
            company_id=request.company.company_id,
            job=ModelJob.LETTER,
            prompt_version=LETTER.version,
            system=system,
            user=user,
            answer=LetterAnswer,
            is_lone=True,
            timeout=self._settings.timeout,
        )
        reply = self._client.ask(question)
        if reply.is_cut:
            raise UnusableAnswerError("gemini's letter is cut off: raise gemini.output_tokens in config.yaml")
        return letters.draft(reply.value, request)
