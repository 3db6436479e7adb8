"""A second, smaller question where a model found little in a chunk and a cheaper reader sees much there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sago import telemetry
from sago.domain.batches import ExtractionRequest
from sago.domain.events import Finding, Status
from sago.domain.messages import CompactMessage
from sago.errors import PermanentError, TransientError
from sago.llm.gateway import PATIENCE
from sago.llm.providers.offline.model import RulesModel
from sago.llm.wrapping import Wrapping
from sago.ports import Clock

Detector = Callable[[ExtractionRequest], Collection[str]]
"""The ids of a chunk's messages that probably tell an event; in this process, and never raises."""
NEIGHBOURS = 3
"""Messages shown on each side of one that is asked about again."""
LEAST_TIME = 20.0
"""Seconds that must be left of a chunk's time."""
_log = telemetry.logger(__name__)


def seen_by_rules(request: ExtractionRequest) -> set[str]:
    """The messages in which the rules of the offline reader find something that happened."""
    found = RulesModel().extract(request)
    return {finding.message_id for finding in found if finding.status is Status.ACTUAL}


@dataclass(frozen=True)
class SecondLook(Wrapping):
    """A `Model` that asks once more, never twice, about the messages on which `detector` sees an event and the model
    said nothing, where they are at least `least`, more than those on which it said something, and not all of them: that
    would be the same question."""

    detector: Detector
    least: int
    clock: Clock

    @property
    def version(self) -> str:
        """Of its own: the same text may give more."""
        return f"{self.model.version}/second-look-{self.least}"

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """What both questions give. Raises as the model's, for the first question alone: the second is an extra."""
        begun = self.clock.monotonic()
        first = self.model.extract(request)
        missed = self._missed(request, first)
        left = min(PATIENCE, request.within or PATIENCE) - (self.clock.monotonic() - begun)
        if not missed or left < LEAST_TIME:
            return first
        again = request.model_copy(update={"messages": missed, "context": _around(missed, request), "within": left})
        try:
            return [*first, *self.model.extract(again)]
        except (TransientError, PermanentError) as error:
            _log.warning("no second look", company_id=request.company_id, messages=len(missed), reason=str(error))
            return first

    def _missed(self, request: ExtractionRequest, first: Sequence[Finding]) -> tuple[CompactMessage, ...]:
        """The messages to ask about again; none where that is not worth a call."""
        told = {finding.message_id for finding in first}
        if len(request.messages) - len(told) < self.least:
            return ()
        silent = set(self.detector(request)) - told
        is_worth_it = self.least <= len(silent) < len(request.messages) and len(silent) > len(told)
        return tuple(message for message in request.messages if message.id in silent) if is_worth_it else ()


def _around(missed: Sequence[CompactMessage], request: ExtractionRequest) -> tuple[CompactMessage, ...]:
    """The neighbours of these messages among all that the chunk and its context hold, oldest first."""
    said = sorted((*request.context, *request.messages), key=lambda message: (message.sent_at, message.id))
    asked = {message.id for message in missed}
    places = [place for place, message in enumerate(said) if message.id in asked]
    near = {beside for place in places for beside in range(place - NEIGHBOURS, place + NEIGHBOURS + 1)}
    return tuple(message for place, message in enumerate(said) if place in near and message.id not in asked)
