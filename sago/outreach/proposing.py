"""Conditions proposed from the words of a reason: `ARR below 2M, no enterprise logo`. A person confirms them.

Whoever suggests them, the rules or a model, code decides: each is a condition of our language, answers words of the
reason, and asks for nothing that these words do not name, as far as our lists of words know it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sago.domain.companies import Company, ModelPolicy, Person
from sago.domain.model_calls import ModelJob
from sago.domain.orders import gives_orders
from sago.domain.reasons import ReasonRequest, Suggestion, Suggestions, Unclear, is_kind_alone, suggest
from sago.domain.watches import Condition, Watch
from sago.errors import PermanentError, TransientError, UnusableAnswerError, UsageError
from sago.outreach.conditions import holds_conditions, parse, render, require_possible
from sago.outreach.worded import stands, unworded
from sago.ports import Clock, Model, Models

PATIENCE = 60.0
"""Seconds that a person waits for two answers: a second one is asked for where it fits in."""
SHOWN = 60
"""Characters of what a model wrote that a person is shown, where it is no condition."""
ORDERS = "the reason gives orders to a machine and was shown to no model"
SYNTAX = "the reason holds a condition's own syntax and was shown to no model"
RULES = "offline"
"""Who proposes where no model outside this process does."""


class Proposed(NamedTuple):
    """A condition, and the words of the reason it answers."""

    condition: Condition
    because: str


class Proposals(NamedTuple):
    """All that a reason gives, in its order, and who proposed it."""

    conditions: tuple[Proposed, ...]
    unclear: tuple[Unclear, ...]
    dropped: tuple[str, ...] = ()
    """A line for each suggestion that answers no words of the reason."""
    by: str = RULES
    note: str = ""
    """Why the rules stand in for a model that was to be asked."""

    @property
    def is_by_model(self) -> bool:
        """Whether another time might give others."""
        return self.by != RULES


def propose(reason: str) -> Proposals:
    """By rules: conditions under which the reason no longer holds, each once; and what of it cannot be watched as it
    stands."""
    return _read(suggest(reason), reason).proposals


def propose_with(
    models: Models, company: Company, reason: str, clock: Clock, people: Sequence[Person] = ()
) -> Proposals:
    """By the model that writes letters, where the company's text may go there; by the rules where that is in this
    process, and where it gives no answer. A reason that gives orders to a machine, or holds conditions, is shown to
    none; `people` are those whom it may name."""
    request = ReasonRequest(company=company, reason=reason, people=tuple(people))
    out: list[str] = []

    def asked(model: Model) -> Proposals:
        try:
            return _asked(request, model, clock)
        except (TransientError, PermanentError) as error:
            out.append(str(error))
            raise

    try:
        read = models.ask(ModelJob.PROPOSAL, company, asked)[0]
    except (TransientError, PermanentError) as error:
        return propose(reason)._replace(note=str(error))
    return read if read.is_by_model or read.note else read._replace(note="; ".join(out))


def answers_all(watch: Watch) -> bool:
    """Whether the watch's conditions ask for all that its reason names, and for no less of it: a count of events never
    asks for an office (`no VP sales`), or for a place (`not launched in the US`)."""
    said = propose(watch.told_reason)
    return not said.unclear and all(
        (each.condition.kind != "count" or is_kind_alone(each.because))
        and any(_covers(own, each.condition) for own in watch.conditions)
        for each in said.conditions
    )


def _covers(own: Condition, wanted: Condition) -> bool:
    if (own.kind, own.name) != (wanted.kind, wanted.name):
        return False
    if own.is_absence or wanted.is_absence:
        return own.is_absence and wanted.is_absence
    if own.op[0] != wanted.op[0]:
        return False
    return own.value <= wanted.value if own.op[0] == "<" else own.value >= wanted.value


def _asked(request: ReasonRequest, model: Model, clock: Clock) -> Proposals:
    if model.place is ModelPolicy.OFFLINE:
        return _read(model.propose(request), request.reason).proposals
    if gives_orders(request.reason):
        return propose(request.reason)._replace(note=ORDERS)
    if holds_conditions(request.reason):
        return propose(request.reason)._replace(note=SYNTAX)
    return _agreed(request, model, clock)._replace(by=model.name)


def _agreed(request: ReasonRequest, model: Model, clock: Clock) -> Proposals:
    """What is left of a model's suggestions. What fails goes back to it once with the objections; what was sound
    before stays."""
    began = clock.monotonic()
    try:
        first = _read(model.propose(request), request.reason)
    except UnusableAnswerError as error:
        if _is_late(began, clock):
            raise
        return _read(model.propose(_again(request, str(error))), request.reason).proposals
    if not first.objections or _is_late(began, clock):
        return first.proposals
    try:
        second = model.propose(_again(request, *first.objections))
    except (TransientError, PermanentError):
        return first.proposals
    return _read(_joined(first.kept, second), request.reason).proposals


def _is_late(began: float, clock: Clock) -> bool:
    return 2 * (clock.monotonic() - began) > PATIENCE


def _again(request: ReasonRequest, *objections: str) -> ReasonRequest:
    return request.model_copy(update={"objections": objections})


class _Read(NamedTuple):
    """What suggestions come to: what they propose, what is wrong with the others, and what another answer adds to."""

    proposals: Proposals
    objections: tuple[str, ...]
    kept: Suggestions


def _joined(kept: Suggestions, said: Suggestions) -> Suggestions:
    return Suggestions((*kept.conditions, *said.conditions), (*kept.unclear, *said.unclear))


def _read(said: Suggestions, reason: str) -> _Read:
    """Each suggestion that code agrees to, once; of the others why not."""
    found: dict[str, Proposed] = {}
    unclear = {_flat(words): Unclear(_flat(words), hint) for words, hint in said.unclear if stands(words, reason)}
    dropped, objections = [], []
    for each in (Suggestion(_flat(each.condition), _flat(each.because)) for each in said.conditions):
        judged = _judged(each, reason, [own.condition for own in found.values()])
        if isinstance(judged, Condition):
            found.setdefault(render(judged), Proposed(judged, each.because))
        elif judged.words:
            unclear.setdefault(judged.words, judged)
            objections.append(f"“{judged.words}” {judged.hint}")
        else:
            dropped.append(judged.hint)
    wanted = tuple(found.values())
    for proposed in wanted:
        unclear.pop(proposed.because, None)
    proposals = Proposals(wanted, tuple(unclear.values()), tuple(dropped))
    sound = tuple(Suggestion(each.condition.text, each.because) for each in wanted)
    return _Read(proposals, (*objections, *dropped), Suggestions(sound, proposals.unclear))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _judged(said: Suggestion, reason: str, others: Sequence[Condition]) -> Condition | Unclear:
    """The condition, or what is wrong with it: of these words of the reason, or of none."""
    text, because = said
    if not stands(because, reason):
        return Unclear("", f"`{text[:SHOWN]}` is left out: what it is to answer does not stand in the reason")
    try:
        condition = parse(text)
        require_possible([*others, condition])
    except UsageError as error:
        return Unclear(because, str(error).splitlines()[0])
    why = unworded(condition, because)
    return Unclear(because, f"{why}: `{text}` is left out") if why else condition
