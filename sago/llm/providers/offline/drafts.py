"""From one message's statements to drafts of findings: cue, speech act, who it happened to, figures, quote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sago.domain.amounts import find_amounts
from sago.domain.changes import changes
from sago.domain.events import EventType, Metric, Status
from sago.domain.metrics import is_currency
from sago.llm.providers.offline import figures, subjects
from sago.llm.providers.offline.company_figures import company_figures
from sago.llm.providers.offline.contracts import CONTRACTS, act_of, is_other, is_over, names_customer
from sago.llm.providers.offline.cues import CUES, ROLE, Cue
from sago.llm.providers.offline.desk import TOLD_BY_WORK, is_at_work
from sago.llm.providers.offline.draft import STATUS, Draft, Setting
from sago.llm.providers.offline.exclusions import (
    CALLED_OFF,
    DENIED_DEAL,
    DENIED_TYPES,
    ELSEWHERE,
    NOT_A_DEAL,
    NOT_BETTER,
    NOT_LAUNCHED,
)
from sago.llm.providers.offline.hints import Sieve
from sago.llm.providers.offline.levels import is_bare
from sago.llm.providers.offline.reading import Reading, Statement, Voice
from sago.llm.providers.offline.senders import organisation, signed_by_them
from sago.llm.providers.offline.speech import Act, act, foretells, negates, told_part

_FROM_OUTSIDE = frozenset({
    EventType.ENTERPRISE_DEAL, EventType.COMPLIANCE, EventType.INVESTOR_INTEREST, EventType.FUNDING,
    EventType.PARTNERSHIP,
    EventType.CUSTOMER_SUCCESS, EventType.MEDIA_COVERAGE, EventType.SETBACK,
})  # fmt: skip
"""What people outside the company can tell it in a mail."""
_BY_SENDER = frozenset({
    EventType.ENTERPRISE_DEAL, EventType.INVESTOR_INTEREST, EventType.CUSTOMER_SUCCESS, EventType.PARTNERSHIP,
    EventType.SETBACK,
})  # fmt: skip
_ABOUT_US = frozenset({
    EventType.FUNDING, EventType.PRODUCT_LAUNCH, EventType.REVENUE_MILESTONE, EventType.USER_GROWTH,
    EventType.MARKET_EXPANSION,
    EventType.TECHNICAL_ACHIEVEMENT, EventType.HIRING, EventType.COMPLIANCE,
})  # fmt: skip
"""Types that are news of ours only where nobody else is the one who did it."""
_CUES = (*CUES, *CONTRACTS)
_SIEVE = Sieve([cue.pattern for cue in _CUES])
LONGEST_QUOTE = 480
_IN_EARNEST = (Act.TOLD, Act.PLANNED, Act.DENIED)
"""Acts by which something is called off; `she will stay where she is` may stand behind."""
_SHORT = 140
_OUTCRY = 60
_LOSSES = frozenset({"churn", "lost deal", "fall"})
_DEALS = frozenset({"contract", "expansion", "pilot"})
_CLOSED_AT = re.compile(rf"(?:{figures.MENTION.pattern.pattern})\s(?:has\s|for \w+\s)?$", re.I)
"""`MRR closed October at 182k` closes no deal."""
_ROLE = re.compile(rf"\b{ROLE}", re.I)


def drafts(reading: Reading, setting: Setting) -> list[Draft]:
    """What one message says, in order; empty for a voice that is nobody's."""
    found: list[Draft] = []
    asked = bool(reading.statements) and _opens_with_a_question(reading)
    for place, statement in enumerate(reading.statements):
        if statement.ahead or asked:
            continue
        found.extend(_of_statement(reading, place, setting))
    takes_back = reading.takes_back
    told = _one_fact(_joined(found))
    return [replace(draft, corrects=takes_back and bool(draft.metrics)) for draft in told]


def _one_fact(found: list[Draft]) -> list[Draft]:
    """Without the weaker readings of the same words: an agreement of partners is no sale, and the revenue that a
    customer takes along no milestone."""
    types = {draft.event_type for draft in found if draft.status is Status.ACTUAL}
    weaker: set[str] = set()
    if types & {EventType.PARTNERSHIP, EventType.FUNDING, EventType.HIRING}:
        weaker.add("contract")
    if EventType.SETBACK in types and found and "@" not in found[0].message.sender:
        weaker.add("figures")
    deals = [draft for draft in found if draft.kind in _DEALS]
    return [
        draft
        for draft in found
        if draft.kind not in weaker
        and not (draft.kind == "figures" and any(deal.overlaps(draft.start, draft.end) for deal in deals))
    ]


def _opens_with_a_question(reading: Reading) -> bool:
    """Chat that begins with a question doubts what it goes on to say."""
    return "@" not in reading.message.sender and act(reading.statements[0].text) is Act.ASKED


def match(text: str, voice: Voice) -> tuple[Cue, re.Match[str]] | None:
    """The strongest cue of a statement."""
    for place in _SIEVE.possible(text):
        cue = _CUES[place]
        if voice is Voice.THEIRS and cue.event_type not in _FROM_OUTSIDE:
            continue
        found = next((each for each in cue.pattern.finditer(text) if not _is_other(text, cue, each)), None)
        if found is not None:
            return cue, found
    return None


def _is_other(text: str, cue: Cue, found: re.Match[str]) -> bool:
    """Whether words beside the cue say that it means something else."""
    if cue.language:
        return is_other(text, cue.language)
    if cue.kind == "launch":
        return NOT_LAUNCHED.search(text) is not None
    if cue.kind == "measure":
        return NOT_BETTER.search(text) is not None or _changed(text, found, better=False)
    if cue.kind in ("fall", "outage"):
        return _changed(text, found, better=True)
    if cue.kind == "contract":
        near = text[max(0, found.start() - 60) : found.end() + 60]
        closes_a_figure = _CLOSED_AT.search(text[: found.start()]) is not None and found[0].lower().startswith("closed")
        return closes_a_figure or NOT_A_DEAL.search(near) is not None
    return False


def _changed(text: str, found: re.Match[str], *, better: bool) -> bool:
    """Whether what the cue found are changes of figures, all for the better, or all for the worse."""
    told = [change.is_better for change in changes(text) if change.start < found.end() and found.start() < change.end]
    return bool(told) and all(each is better for each in told)


def _of_statement(reading: Reading, place: int, setting: Setting) -> list[Draft]:
    statement = _told(reading.statements[place])
    found = match(statement.text, reading.voice)
    if found is not None:
        draft = _cued(reading, place, statement, found[0], found[1], setting)
        if draft is not None:
            return [draft]
        if found[0].event_type is EventType.SETBACK:
            return []
    denial = DENIED_DEAL.search(statement.text)
    if denial is not None:
        return _denied(reading, statement, denial, setting)
    whole = reading.statements[place]
    called_off = CALLED_OFF.search(whole.text)
    if called_off is not None and act(whole.text, called_off.span()) in _IN_EARNEST:
        return _denied(reading, whole, called_off, setting)
    return company_figures(reading, statement, setting) if reading.voice is Voice.OURS else []


def _told(statement: Statement) -> Statement:
    """The statement up to where it turns to what shall be, if something is told before."""
    part = statement.text[: told_part(statement.text)].rstrip()
    if len(part) == len(statement.text) or not (match(part, Voice.OURS) or figures.MENTION.search(part)):
        return statement
    return replace(statement, end=statement.start + len(part), text=part)


def _cued(
    reading: Reading, place: int, statement: Statement, cue: Cue, found: re.Match[str], setting: Setting
) -> Draft | None:
    if cue.language and is_over(reading.message.text, reading.message.sent_at.year):
        return None
    told = act(statement.text, found.span(), wish=cue.wish)
    if told is Act.TOLD and cue.language:
        told = act_of(statement.text, found.span(), cue.language)
    if told is Act.TOLD and cue.event_type is not EventType.SETBACK:
        if negates(found[0]):
            told = Act.DENIED
        elif foretells(found[0]) and not cue.wish:
            told = Act.PLANNED
    if told not in STATUS or (cue.event_type in _ABOUT_US and ELSEWHERE.search(statement.text)):
        return None
    if cue.event_type not in TOLD_BY_WORK and is_at_work(statement.text):
        return None
    end = (
        _extent(reading, place, cue, setting.exclude)
        if statement.end == reading.statements[place].end
        else statement.end
    )
    quote = reading.message.text[statement.start : end]
    subject = found["who"] if cue.language else _subject(reading, place, cue, found.span(), setting)
    metrics = metrics_of(quote, cue.event_type, cue.kind, setting)
    pending = False
    if not _has_needs(cue, subject, metrics, quote):
        is_outcry = cue.kind in ("contract", "expansion") and len(statement.text) <= _OUTCRY
        pending = is_outcry and not cue.language and reading.voice is Voice.OURS
        if not pending:
            return None
    status = STATUS[told]
    return Draft(
        reading.message, cue.event_type, cue.kind, status, statement.start, end, subject, metrics, pending=pending,
        plain=bool(cue.language) and names_customer(found[0]),
    )  # fmt: skip


def _has_needs(cue: Cue, subject: str | None, metrics: Sequence[Metric], quote: str) -> bool:
    if cue.kind == "contract" and not metrics and len(quote) > _SHORT:
        return False
    return {
        "figure": bool(metrics),
        "name": subject is not None,
        "name or figure": subject is not None or bool(metrics),
        "name or role": subject is not None or _ROLE.search(quote) is not None,
        "size": any(is_currency(m.unit) or m.value >= 1 for m in metrics) or subjects.instrument(quote) is not None,
    }.get(cue.needs, True)


def _extent(reading: Reading, place: int, cue: Cue, exclude: frozenset[str]) -> int:
    """Where the quote ends: the statements behind that only add figures belong to it."""
    first = reading.statements[place]
    is_mail = "@" in reading.message.sender
    end = first.end
    for statement in reading.statements[place + 1 :]:
        gap = reading.message.text[end : statement.start]
        is_long = statement.end - first.start > LONGEST_QUOTE
        if is_long or statement.ahead or reading.passes_aside(end, statement.start):
            break
        if is_mail and "\n" in gap and (reading.voice is Voice.OURS or end == first.end == 0):
            break
        other = match(statement.text, reading.voice)
        is_same = other is None or (other[0].kind == cue.kind and not subjects.clear_names(statement.text, exclude))
        adds = find_amounts(statement.text) and is_same
        if (
            adds
            and act(statement.text) in (Act.TOLD, Act.PLANNED)
            and (cue.kind in _LOSSES or not figures.MENTION.search(statement.text) or _is_of_it(cue, statement))
        ):
            end = statement.end
        elif not is_mail:
            break
    return end


def _is_of_it(cue: Cue, statement: Statement) -> bool:
    """Whether a figure behind a deal can only be the deal's."""
    return cue.kind in _DEALS and is_bare(statement.text, figures.MENTION.pattern)


def _subject(reading: Reading, place: int, cue: Cue, span: tuple[int, int], setting: Setting) -> str | None:
    """The statement's own subject, else one of the statements around it, else the organisation that writes."""
    if (
        reading.voice is Voice.THEIRS
        and cue.event_type in _BY_SENDER
        and cue.kind not in ("lawsuit", *subjects.KIND_SUBJECTS)
    ):
        return (
            (cue.kind == "contract" and signed_by_them(reading.statements[place].text, span, setting.exclude))
            or organisation(reading.message, setting.exclude)
            or subjects.find(reading.statements[place].text, span, cue.event_type, cue.kind, setting.exclude)
        )
    own = subjects.find(reading.statements[place].text, span, cue.event_type, cue.kind, setting.exclude)
    if own is not None or cue.kind in subjects.KIND_SUBJECTS or "@" in reading.message.sender:
        return own
    others = reversed(reading.statements[:place])
    around = [name for statement in others for name in subjects.clear_names(statement.text, setting.exclude)]
    return around[0] if around else None


def metrics_of(quote: str, event_type: EventType, kind: str, setting: Setting) -> tuple[Metric, ...]:
    """The figures of a quote as the metrics of such an event."""
    amounts = find_amounts(quote)
    return tuple(
        f.metric for f in figures.figures(quote, amounts, event_type, kind, setting.currencies, setting.exclude)
    )


def _denied(reading: Reading, statement: Statement, denial: re.Match[str], setting: Setting) -> list[Draft]:
    """What is said not to have happened takes an earlier telling back."""
    verb = denial["verb"] or "hire"
    event_type = DENIED_TYPES.get(verb[:4].lower(), EventType.ENTERPRISE_DEAL)
    subject = subjects.find(statement.text, denial.span(), event_type, "denial", setting.exclude)
    if subject is None:
        return []
    return [Draft(reading.message, event_type, "denial", Status.DENIED, statement.start, statement.end, subject, ())]


def _joined(found: Sequence[Draft]) -> list[Draft]:
    """Statements of one message that tell the same thing, as one: the richer is kept, with the other's words where
    they are near."""
    kept: list[Draft] = []
    for draft in found:
        twin = next((k for k in kept if _is_same(k, draft)), None)
        if twin is None:
            kept.append(draft)
            continue
        near = draft.end - twin.start <= LONGEST_QUOTE
        richer = max((twin, draft), key=lambda d: (len(d.metrics), d.subject is not None, -d.start))
        start, end = (min(twin.start, draft.start), max(twin.end, draft.end)) if near else (richer.start, richer.end)
        metrics = tuple(dict.fromkeys((*twin.metrics, *draft.metrics))) if near else richer.metrics
        kept[kept.index(twin)] = replace(
            richer, start=start, end=end, metrics=metrics, subject=richer.subject or twin.subject or draft.subject
        )
    return kept


def _is_same(one: Draft, other: Draft) -> bool:
    if one.event_type is not other.event_type or one.status is not other.status:
        return False
    if one.kind == "figures" or other.kind == "figures":
        return one.kind == other.kind and one.subject == other.subject
    beside = "\n" not in one.message.text[one.end : other.start] and one.start != other.start
    return one.kind == other.kind and (beside or one.key == other.key or one.subject is None or other.subject is None)
