"""A model outside this process that never sees who writes: persons are masked in every request and put back into what
comes of it. Grounding afterwards reads the true texts, as for any provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sago import telemetry
from sago.domain.batches import ExtractionRequest
from sago.domain.companies import Person
from sago.domain.events import CATALOGUE, Finding
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.messages import CompactMessage
from sago.domain.reasons import ReasonRequest, Suggestion, Suggestions, Unclear
from sago.errors import UnusableAnswerError
from sago.llm.gateway import PATIENCE
from sago.llm.masking import Masking
from sago.llm.remote import packing
from sago.llm.wrapping import Wrapping
from sago.ports import Clock

LONGEST_SUBJECT = 90
LONGEST_TITLE = 200
SHORTEST_TITLE = 5
_TORN = re.compile(r"\s?\[(?:Person|Surname|Phone)[\w-]*$", re.I)
"""A placeholder that a subject's limit has cut."""
_PARTS = frozenset(
    {"company", "watch", "investor", "verdict", "events", "results", "against", "proof", "evidence", "people"}
)
_TEXTS = frozenset({"founder", "founder_email", "reason", "title", "description", "impact", "timeline", "stakeholders"})
_WORDED = _PARTS | _TEXTS | {"quote", "because", "note", "missing", "objections", "condition", "text"}
"""Fields of a letter's request that people have written, or that hold such."""

_log = telemetry.logger(__name__)


@dataclass(frozen=True)
class Redacted(Wrapping):
    """A `Model` that sends placeholders for persons' names, addresses and telephone numbers."""

    clock: Clock | None = None
    """Where it is given, masking counts as part of the chunk's time."""
    input_tokens: int = 200_000
    """Of one request: what is longer is not sent, and not masked."""

    @property
    def version(self) -> str:
        """Of its own: what is hidden may change what is found."""
        return f"{self.model.version}/redacted"

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """As the model's, with every placeholder restored; a finding with one that stands for nobody is dropped."""
        begun = self.clock.monotonic() if self.clock else 0.0
        request = self._sent(request)
        said = (*request.context, *request.messages)
        masking = Masking(
            [message.sender for message in said], [message.text for message in said], [request.company_name]
        )
        threads = {thread: f"thread {number}" for number, thread in enumerate(dict.fromkeys(m.thread_id for m in said))}
        masked = request.model_copy(
            update={
                "context": tuple(_masked(message, masking, threads) for message in request.context),
                "messages": tuple(_masked(message, masking, threads) for message in request.messages),
            }
        )
        if self.clock:
            left = min(PATIENCE, request.within or PATIENCE) - (self.clock.monotonic() - begun)
            masked = masked.model_copy(update={"within": left or -1.0})
        found = self.model.extract(masked)
        own = [_restored(finding, masking) for finding in found if not _names_nobody(finding, masking)]
        if len(own) < len(found):
            reasons = {"names a placeholder of nobody": len(found) - len(own)}
            _log.warning("findings dropped", company_id=request.company_id, reasons=reasons)
        return own

    def _sent(self, request: ExtractionRequest) -> ExtractionRequest:
        """What packing may send of it: the newest versions, and of each text as much as a request can hold."""
        most = self.input_tokens * packing.BYTES_A_TOKEN
        texts = {"messages": (request.messages, most), "context": (request.context, packing.CONTEXT_TEXT)}
        cut = {name: tuple(_cut(each, end) for each in packing.readable(of)) for name, (of, end) in texts.items()}
        return request.model_copy(update=cut)

    def compose(self, request: LetterRequest) -> LetterDraft:
        """As the model's, with every placeholder restored. Raises UnusableAnswerError also where one stands for
        nobody."""
        investor = request.watch.investor
        told = [name for event in (*request.events, *request.verdict.against) for name in event.stakeholders]
        people = [request.company.founder or "", investor.name if investor else "", *told]
        masking = Masking(people, list(_words_of(request)), [request.company.name])
        draft = self.model.compose(_walk(request, masking))
        lines_of = [text for line in draft.highlights for text in (line.heading, line.text)]
        if any(map(masking.has_strays, (_TORN.sub("", draft.subject), draft.body, *lines_of))):
            raise UnusableAnswerError("the letter names a placeholder that stands for nobody: copy them as they are")
        lines = tuple(
            line.model_copy(update={"heading": masking.restore(line.heading), "text": masking.restore(line.text)})
            for line in draft.highlights
        )
        subject = masking.restore(_TORN.sub("", draft.subject))[:LONGEST_SUBJECT]
        return draft.model_copy(update={"subject": subject, "body": masking.restore(draft.body), "highlights": lines})

    def propose(self, request: ReasonRequest) -> Suggestions:
        """As the model's, with every placeholder restored: one that stands for nobody stands in no reason."""
        people = [request.company.founder or "", *(each.name for each in request.people)]
        masking = Masking(people, list(_words_of(request)), [request.company.name])
        said = self.model.propose(_walk(request, masking))
        own = (Suggestion(masking.restore(each.condition), masking.restore(each.because)) for each in said.conditions)
        return Suggestions(tuple(own), tuple(Unclear(masking.restore(each.words), each.hint) for each in said.unclear))


def _cut(message: CompactMessage, end: int) -> CompactMessage:
    return message.model_copy(update={"text": message.text[:end]}) if len(message.text) > end else message


def _masked(message: CompactMessage, masking: Masking, threads: dict[str | None, str]) -> CompactMessage:
    """Its thread's name may hold an address: a number tells threads apart as well."""
    thread = threads[message.thread_id] if message.thread_id else None
    hidden = {"sender": masking.mask(message.sender), "text": masking.mask(message.text), "thread_id": thread}
    return message.model_copy(update=hidden)


def _names_nobody(finding: Finding, masking: Masking) -> bool:
    shown = (_TORN.sub("", finding.title), finding.quote, finding.description, finding.impact, finding.subject or "")
    return any(map(masking.has_strays, (*shown, *finding.stakeholders)))


def _restored(finding: Finding, masking: Masking) -> Finding:
    """Places in the masked text mean nothing in the true one: the quote is looked for anew."""
    title = masking.restore(_TORN.sub("", finding.title))[:LONGEST_TITLE]
    if len(title) < SHORTEST_TITLE:
        title = f"{CATALOGUE[finding.event_type].label}: {title}"
    return finding.model_copy(
        update={
            "quote": masking.restore(finding.quote),
            "start": None,
            "title": title,
            "description": masking.restore(finding.description),
            "impact": masking.restore(finding.impact),
            "subject": masking.restore(finding.subject)[:LONGEST_TITLE] if finding.subject else None,
            "stakeholders": tuple(masking.restore(name) for name in finding.stakeholders),
        }
    )


def _walk(value: Any, masking: Masking) -> Any:
    """The value with every text of people masked; ids, figures and the company's name as they are."""
    if isinstance(value, str):
        return masking.mask(value)
    if isinstance(value, tuple):
        return tuple(_walk(each, masking) for each in value)
    if isinstance(value, Person):
        return Person(name=masking.mask(value.name), email=masking.mask(value.email) if value.email else None)
    if isinstance(value, BaseModel):
        named = {name: getattr(value, name) for name in type(value).model_fields if name in _WORDED}
        return value.model_copy(update={name: _walk(each, masking) for name, each in named.items()})
    return value


def _words_of(value: Any) -> Iterator[str]:
    """Every text that `_walk` masks."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _words_of(each)
    elif isinstance(value, Person):
        yield from filter(None, (value.name, value.email))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name in _WORDED:
                yield from _words_of(getattr(value, name))
