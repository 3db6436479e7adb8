"""From a watch to a draft: judge, choose, write, check, and keep one live letter a window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from sago import telemetry
from sago.domain.companies import Company, ModelPolicy, Person, Share
from sago.domain.letters import SYSTEM, UNNAMED, Letter, LetterDraft, LetterRequest, LetterState, Thread
from sago.domain.model_calls import ModelJob
from sago.domain.significance import DEFAULT_SCALE, Scale
from sago.domain.watches import Direction, Watch
from sago.errors import PermanentError, TransientError, UngroundedError, UnusableAnswerError
from sago.outreach.checking import check, examine, ungrounded
from sago.outreach.knowledge import load
from sago.outreach.permission import is_borne_out
from sago.outreach.requesting import request_for, window_of
from sago.outreach.sharing import view_of
from sago.outreach.standing import lay_out, open_letters, still_proven, supersede
from sago.outreach.threads import Threads
from sago.ports import Clock, Database, Drafts, Model, Models, Transaction

WRITING_TIME = 220.0
"""Seconds for all that a model is asked for one letter: below a task's soft time limit."""
STALE, NOT_SHARED = "what the letter rests on no longer holds", "the founder shares nothing with this firm any more"
"""Why a draft is superseded."""
_log = telemetry.logger(__name__)


class Plan(NamedTuple):
    """What to do about a watch: a letter to write for a window, one that stands, and those that no longer do."""

    request: LetterRequest | None = None
    window: str = ""
    standing: Letter | None = None
    withdrawn: tuple[Letter, ...] = ()
    reason: str = ""
    thread: Thread | None = None
    others: tuple[str, ...] = ()
    """Names of the house's other companies."""
    share: Share | None = None
    """What the letter is written by."""


def compose_letter(
    watch_id: UUID,
    as_of: datetime,
    *,
    database: Database,
    models: Models,
    drafts: Drafts,
    clock: Clock,
    setback_days: int,
    highlights: int,
    scale: Scale = DEFAULT_SCALE,
    threads: Threads | None = None,
) -> Letter | None:
    """The watch's letter as of a moment, inserted as a draft and laid out; None where there is nothing new to say.

    The same events again give nothing, changed ones supersede a draft; an approved, sent or rejected letter waits for
    the next window. A draft whose watch no longer wants a letter is superseded. Raises UngroundedError, with nothing
    written, when the text says what no event says, also after the reasons went back to a model once;
    UnusableAnswerError where they could not go back, as the first answer had taken too long; TransientError, with
    nothing written, when what it tells was erased or rejected while it was written.
    """
    now = clock.now()
    plan = _prepare(watch_id, as_of, database, now, setback_days, highlights, scale)
    for gone in plan.withdrawn:
        lay_out(gone, database, drafts)
    if plan.standing and plan.standing.state is LetterState.DRAFT:
        lay_out(plan.standing, database, drafts)
    if plan.request is None:
        _log.info("no letter", watch_id=str(watch_id), reason=plan.reason)
        return None
    request = plan.request
    if threads:
        plan = plan._replace(thread=threads.find(request, *_people(request.company, request.watch)))
    draft, model = models.ask(
        ModelJob.LETTER, request.company, lambda model: _write(request, model, clock, plan.others)
    )
    letter = _keep(plan, request, draft, model.name, database, clock.now())
    if letter:
        lay_out(letter, database, drafts)
    return letter


class _Written(NamedTuple):
    """What a model wrote, if anything that can be read."""

    draft: LetterDraft | None
    objections: tuple[str, ...]
    """What it is told, so that it may mend it."""
    refused: tuple[str, ...]
    """What of that keeps the letter back."""


def _write(request: LetterRequest, model: Model, clock: Clock, others: Sequence[str]) -> LetterDraft:
    """A draft that may be shown; one with objections goes back once with them, unless its writer would only write the
    same again. A second answer takes about as long as the first: it is asked for where both fit in."""
    began = clock.monotonic()
    written = _draft(request, model, others)
    took = clock.monotonic() - began
    if written.objections and model.place is not ModelPolicy.OFFLINE:
        if 2 * took <= WRITING_TIME:
            _log.info("letter goes back", watch_id=str(request.watch.id), objections=len(written.objections))
            again = _draft(request.model_copy(update={"objections": written.objections}), model, others)
            written = written if again.refused and not written.refused else again
        elif written.refused:
            raise UnusableAnswerError(
                f"letter refused, no time for another after {took:.0f} s: {'; '.join(written.refused)}"
            )
    if written.draft is None:
        raise PermanentError(f"letter of watch {request.watch.id}: {'; '.join(written.refused)}")
    if written.refused:
        raise UngroundedError(f"letter of watch {request.watch.id}: {'; '.join(written.refused)}")
    return written.draft


def _draft(request: LetterRequest, model: Model, others: Sequence[str]) -> _Written:
    try:
        draft = model.compose(request)
    except UnusableAnswerError as error:
        return _Written(None, (str(error),), (str(error),))
    problems = check(draft, request, others)
    kept_back = tuple(str(problem) for problem in problems if not problem.is_addition)
    return _Written(draft, tuple(map(str, problems)), kept_back)


def _prepare(
    watch_id: UUID,
    as_of: datetime,
    database: Database,
    now: datetime,
    setback_days: int,
    highlights: int,
    scale: Scale,
) -> Plan:
    with database.begin() as transaction:
        known = load(transaction, watch_id, as_of, now)
        if known is None:
            return Plan(reason="no such active watch")
        request = request_for(known, as_of, setback_days, highlights, scale)
        if request is None:
            withdrawn = _withdraw(transaction, known.watch, None, now, STALE if known.view.is_open else NOT_SHARED)
            return Plan(withdrawn=withdrawn, reason="the verdict, or a want of events, speaks against it")
        window = window_of(transaction, known, request)
        withdrawn = _withdraw(transaction, known.watch, window, now, STALE) if known.watch.conditions else ()
        others = tuple(each.name for each in transaction.companies.all() if each.company_id != known.company.company_id)
        standing = _standing(transaction, request, window) or _told(transaction, request)
    if standing:
        return Plan(standing=standing, withdrawn=withdrawn, reason=f"the letter of {standing.window} tells it")
    return Plan(request, window, withdrawn=withdrawn, others=others, share=known.view.share)


def _standing(transaction: Transaction, request: LetterRequest, window: str) -> Letter | None:
    """The window's letter that needs no successor: decided by a person, who may have sent it by hand, or a draft of
    the same events, be it one that nobody approved while they were news."""
    events = set(_rests_on(request))
    for letter in transaction.outreach.letters(request.company.company_id, live=False):
        if letter.watch_id != request.watch.id or letter.window != window:
            continue
        if letter.state is LetterState.DRAFT:
            if set(letter.event_ids) == events and _is_sound(transaction, letter, request):
                return letter
        elif letter.state is LetterState.EXPIRED:
            if letter.approved_by or set(letter.event_ids) == events:
                return letter
        elif letter.state is not LetterState.SUPERSEDED:
            return letter
    return None


def _told(transaction: Transaction, request: LetterRequest) -> Letter | None:
    """The update of an earlier month that tells the very same events: nothing has happened since."""
    if request.watch.conditions:
        return None
    events = set(_rests_on(request))
    for letter in transaction.outreach.letters(request.company.company_id, live=False):
        is_told = letter.state.is_live or letter.state is LetterState.EXPIRED
        if is_told and letter.watch_id == request.watch.id and set(letter.event_ids) == events:
            is_draft = letter.state is LetterState.DRAFT
            return letter if not is_draft or _is_sound(transaction, letter, request) else None
    return None


def _is_sound(transaction: Transaction, draft: Letter, request: LetterRequest) -> bool:
    """Whether it could be approved as it is, its proofs shared as they were."""
    return not ungrounded(draft.draft, request) and is_borne_out(transaction, draft)


def _withdraw(transaction: Transaction, watch: Watch, but: str | None, now: datetime, why: str) -> tuple[Letter, ...]:
    """Supersede the watch's drafts of other windows than `but`: what they rest on has gone."""
    gone = [
        letter
        for letter in open_letters(transaction, watch.company_id)
        if letter.state is LetterState.DRAFT and letter.watch_id == watch.id and letter.window != but
    ]
    return tuple(supersede(transaction, gone, now, SYSTEM, why))


def _keep(
    plan: Plan, request: LetterRequest, draft: LetterDraft, composed_by: str, database: Database, now: datetime
) -> Letter | None:
    """Insert the draft in place of the window's earlier one; None where another process, or a person who decided about
    that one, was first."""
    with database.begin() as transaction:
        transaction.events.lock(request.company.company_id)
        view = view_of(transaction, request.watch, request.as_of, now)
        is_shared = view.share == plan.share
        if not (is_shared and still_proven(view.seen.events, request.events)):
            what = "its events" if is_shared else "its share"
            raise TransientError(f"letter of watch {request.watch.id}: {what} changed while it was written")
        if _standing(transaction, request, plan.window):
            return None
        if live := transaction.outreach.live_letter(request.watch.id, plan.window):
            why = "its events changed"
            transaction.outreach.set_letter_state(live.id, LetterState.SUPERSEDED, now, SYSTEM, why)
        earlier = transaction.outreach.letters(request.company.company_id, live=False)
        ordinal = sum(letter.watch_id == request.watch.id and letter.window == plan.window for letter in earlier)
        name = f"sago:letter:{request.watch.id}:{plan.window}:{ordinal}"
        letter = _letter(uuid5(NAMESPACE_URL, name), request, plan.window, draft, composed_by, now)
        letter = letter.model_copy(update={"thread": plan.thread})
        return letter if transaction.outreach.add_letter(letter) else None


def _letter(
    letter_id: UUID, request: LetterRequest, window: str, draft: LetterDraft, composed_by: str, now: datetime
) -> Letter:
    sender, recipient = _people(request.company, request.watch)
    return Letter(
        id=letter_id,
        firm_id=request.watch.firm_id,
        watch_id=request.watch.id,
        company_id=request.company.company_id,
        window=window,
        sender=sender,
        recipient=recipient,
        draft=draft,
        event_ids=_rests_on(request),
        composed_by=composed_by,
        prompt_version=draft.prompt_version,
        receipts=examine(draft, request).receipts,
        created_at=now,
    )


def _rests_on(request: LetterRequest) -> tuple[UUID, ...]:
    """The events a letter tells, and those that state the earlier figure of a change."""
    ends = [point.event_id for result in request.verdict.results for point in result.points]
    return tuple(dict.fromkeys([*(event.id for event in request.events), *ends]))


def _people(company: Company, watch: Watch) -> tuple[Person, Person | None]:
    """Sender and recipient by the letter's direction."""
    founder = Person(name=company.founder or f"The {company.name} team", email=company.founder_email)
    if watch.direction is Direction.TO_INVESTOR:
        return founder, watch.investor
    return watch.investor or Person(name=UNNAMED), founder
