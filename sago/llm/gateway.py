"""Who reads whose messages: the one place that decides whether a company's text leaves the house, whether a model that
does not answer is asked at all, and who is asked instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sago import telemetry
from sago.domain.batches import ExtractionRequest
from sago.domain.companies import Company, ModelPolicy
from sago.domain.events import Finding
from sago.domain.model_calls import ModelJob
from sago.errors import ProviderSettingError, TooDearError, TransientError, UnusableAnswerError
from sago.llm.wrapping import Wrapping
from sago.ports import Clock, Model

T = TypeVar("T")
PATIENCE = 230.0
"""Seconds that a task may spend on a chunk's models together: below its soft time limit."""
MARGIN = 5.0
"""Seconds of these that are left for the change to another model."""
FALLBACK_WITHIN = 10.0
"""Seconds after which a task has no time left for another model: its soft limit less what one reading may take."""
_log = telemetry.logger(__name__)


@dataclass(frozen=True)
class Gateway:
    """The `Models` port: the configured model, that of letters and proposals where it is another, and those asked while
    it is out; `in_house` where a company's policy allows none of them."""

    configured: Model
    in_house: Model
    clock: Clock
    letters: Model | None = None
    fallback: Sequence[Model] = ()

    def ask(self, job: ModelJob, company: Company | None, question: Callable[[Model], T]) -> tuple[T, Model]:
        first, *others = self._allowed(job, company)
        begun = self.clock.monotonic()
        out: list[TransientError] = []
        wrong: ProviderSettingError | None = None
        who = company.company_id if company else None
        for model in (first, *others):
            try:
                return question(model if model is first else self._hurried(model, begun)), model
            except UnusableAnswerError:
                raise
            except TransientError as error:
                out.append(error)
                if self.clock.monotonic() - begun > FALLBACK_WITHIN:
                    break
                _log.info("a model is out", model=model.name, job=job.value, company_id=who, reason=str(error))
            except ProviderSettingError as error:
                goes_on = isinstance(error, TooDearError) and others
                if model is first and not goes_on:
                    raise
                wrong = error
                told = {"model": model.name, "job": job.value, "company_id": who}
                _log.warning("a model is set wrongly", **told, reason=str(error))
        if wrong and not out:
            raise wrong
        raise _together(out)

    def _hurried(self, model: Model, begun: float) -> Model:
        return Hurried(model, PATIENCE - MARGIN - (self.clock.monotonic() - begun))

    def _allowed(self, job: ModelJob, company: Company | None) -> list[Model]:
        """In the order in which they are asked; at least one. Where letters and proposals may not go to their own
        model, they go to the one that reads."""
        policy = company.model_policy if company else ModelPolicy.OFFLINE
        wanted = self.configured
        if self.letters and job is not ModelJob.EXTRACTION and policy.allows(self.letters.place):
            wanted = self.letters
        named = {model.name: model for model in (wanted, *self.fallback)}
        return [model for model in named.values() if policy.allows(model.place)] or [self.in_house]


def _together(out: Sequence[TransientError]) -> TransientError:
    """One error of all that are out, to be tried again as soon as the first of them may."""
    if len(out) == 1:
        return out[0]
    waits = [error.retry_after for error in out]
    known = [wait for wait in waits if wait]
    reasons = "; ".join(dict.fromkeys(str(error) for error in out))
    return TransientError(reasons, retry_after=min(known) if len(known) == len(waits) else None)


@dataclass(frozen=True)
class Hurried(Wrapping):
    """A `Model` that has what others have left of a task's time. A letter is one call, whose time its section sets."""

    within: float

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """As the model's, within that time."""
        within = min(self.within, request.within or self.within)
        return self.model.extract(request.model_copy(update={"within": within}))
