"""What is new for the person behind a watch: pure functions from verdicts and what was told before to one notice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sago.domain.companies import Company, Person
from sago.domain.events import Event
from sago.domain.letters import Letter
from sago.domain.mails import address_of
from sago.domain.notices import Change, Item, Notice, Said, Told, ToldEvent, notice_id
from sago.domain.watches import ConditionResult, Direction, Outcome, Verdict, Watch
from sago.domain.wording import figure
from sago.outreach import telling
from sago.outreach.history import History, event_key
from sago.outreach.knowledge import Known

_RANK = list(Change)


class Judged(NamedTuple):
    """All that a notice may tell of one watch."""

    known: Known
    verdict: Verdict
    at_meeting: Verdict
    """What it said, or would have, when the two last met."""
    window: str = ""
    """Of the firing, where all conditions hold."""
    letter: Letter | None = None
    """The draft that waits for approval."""
    said: Mapping[str, Said] = MappingProxyType({})
    """Sender and time by message id; without the quote."""
    ids: Mapping[UUID, UUID] = MappingProxyType({})
    """An event's id as it was told → its id now, where another proof changed it."""
    gone: Mapping[UUID, Event | None] = MappingProxyType({})
    """Told events that are held no more, by their last id; None where their words were erased."""

    @property
    def watch(self) -> Watch:
        return self.known.watch


class _News(NamedTuple):
    """One change, not built yet: what is over the cap costs nothing."""

    change: Change
    of: Judged
    build: Callable[[set[UUID]], Item]
    """From the events that other items of the notice show already."""

    @property
    def rank(self) -> tuple[int, str, str]:
        """Weightiest first, then by company."""
        return _RANK.index(self.change), self.of.known.company.name.casefold(), str(self.of.watch.id)


def reader_of(watch: Watch, company: Company) -> Person | None:
    """In whose name the letter would go: who is told first. None where they have no address."""
    if watch.direction is Direction.TO_FOUNDER:
        return watch.investor if watch.investor and watch.investor.email else None
    name = company.founder or f"The {company.name} team"
    return Person(name=name, email=company.founder_email) if company.founder_email else None


def notice_for(
    person: Person,
    day: date,
    judged: Sequence[Judged],
    earlier: Sequence[Notice],
    told: Collection[Told],
    as_of: datetime,
    most: int,
) -> Notice | None:
    """What the person is told on a day of theirs: at most `most` items, the weightiest; the others are told on a later
    day. None where nothing is new: what an earlier notice told is not told again until it reads otherwise.

    `judged` are watches of theirs, `earlier` their notices, `told` the keys of all that they were ever told.
    """
    history = History.of(earlier, told)
    found = sorted((news for each in judged for news in _news(each, history)), key=lambda news: news.rank)
    shown: set[UUID] = set()
    items = [news.build(shown) for news in found[:most]]
    if not items:
        return None
    email = address_of(person.email or "")
    return Notice(
        id=notice_id(email, day),
        firm_id=found[0].of.watch.firm_id,
        email=email,
        recipient=person,
        day=day,
        items=tuple(_by_company(items)),
        held_over=tuple(dict.fromkeys(news.of.known.company.name for news in found[most:])),
        created_at=as_of,
    )


def _by_company(items: Sequence[Item]) -> Iterable[Item]:
    """Items of one company together, the company with the weightiest first."""
    order = list(dict.fromkeys(item.company_id for item in items))
    grouped = groupby(sorted(items, key=lambda item: order.index(item.company_id)), lambda item: item.company_id)
    return [item for _, group in grouped for item in group]


def _news(judged: Judged, history: History) -> Iterable[_News]:
    change = change_of(judged, history)
    if change:
        yield _News(change, judged, lambda shown: _state(change, judged, history, shown))
    told = history.events_of(judged.watch.id, judged.ids)
    if corrected := telling.corrections(judged.known, told):
        yield _News(Change.CORRECTED, judged, lambda _: _fact(Change.CORRECTED, judged, history, corrected))
    if gone := telling.withdrawals(judged.gone, told):
        yield _News(Change.WITHDRAWN, judged, lambda _: _fact(Change.WITHDRAWN, judged, history, gone))


def change_of(judged: Judged, history: History) -> Change | None:
    """What is new of the watch itself, as against what was last told of it."""
    watch, outcome = judged.watch, judged.verdict.outcome
    last = history.last(watch.id)
    has_new_draft = judged.letter is not None and not history.has(watch.id, _letter_key(judged.letter))
    if outcome is Outcome.UPDATE:
        return Change.DRAFT if has_new_draft else None
    if outcome is Outcome.NOW:
        was_now = last.outcome is Outcome.NOW if last else history.has(watch.id, judged.window)
        return Change.MET if not was_now else Change.DRAFT if has_new_draft else None
    if last is None:  # whose last notice lost its words was told something: nothing is repeated
        is_first = not history.knows(watch.id)
        return (Change.AGAINST if outcome is Outcome.DO_NOT_WRITE else Change.MOVED) if is_first else None
    if outcome is Outcome.DO_NOT_WRITE:
        known = history.event_ids(judged.ids)
        is_told = last.outcome is Outcome.DO_NOT_WRITE and all(each.id in known for each in judged.verdict.against[:1])
        return None if is_told else Change.AGAINST
    if last.outcome is not Outcome.NOT_YET:
        return Change.OVER
    return Change.MOVED if _has_moved(last, judged.verdict.results) else None


def _has_moved(last: Item, results: Iterable[ConditionResult]) -> bool:
    """Whether a condition began or ceased to hold, or another distance is missing, in the figures that are shown."""
    before = {told.text: (told.holds, _shown(told.seen, told.unit)) for told in last.conditions}
    now = {result.condition.text: (result.holds, _shown(result.seen, result.unit)) for result in results}
    return any(
        before.get(text) != state for text, state in now.items() if not state[0] or not before.get(text, state)[0]
    )


def _shown(seen: float | None, unit: str | None) -> str:
    return "" if seen is None else figure(seen, unit)


def _letter_key(letter: Letter) -> str:
    return f"letter:{letter.id}"


def _state(change: Change, judged: Judged, history: History, shown: set[UUID]) -> Item:
    """An item about the watch itself; events are told at length only where a letter is at hand, or against one."""
    known, verdict, watch = judged.known, judged.verdict, judged.watch
    last = history.last(watch.id)
    looked = telling.Looked(last.conditions if last else (), judged.at_meeting.results, history.when(watch.id))
    conditions = tuple(telling.condition(result, known, looked, judged.said) for result in verdict.results)
    facts = telling.Facts()
    if verdict.outcome is Outcome.NOW:
        facts = telling.facts(known, verdict, history.event_ids(judged.ids) | shown, looked, judged.said)
    elif change is Change.AGAINST:
        against = tuple(telling.event(each, known, looked, judged.said) for each in verdict.against[:1])
        facts = telling.Facts(against=against, ids=tuple(each.event_id for each in against))
    shown.update(facts.ids)
    letter = judged.letter if change in (Change.MET, Change.DRAFT) else None
    keys = [_state_key(change, judged)] if change is not Change.DRAFT else []
    keys += [event_key(each) for each in facts.ids if each not in history.event_ids(judged.ids)]
    return Item(
        **_about(judged),
        change=change,
        outcome=verdict.outcome,
        because=verdict.because,
        conditions=conditions,
        events=facts.events,
        more=facts.more,
        against=facts.against,
        letter=telling.letter(letter) if letter else None,
        tells=(*(history.next(watch.id, key) for key in keys), *([_letter_key(letter)] if letter else [])),
    )


def _state_key(change: Change, judged: Judged) -> str:
    return judged.window if change is Change.MET and judged.window else judged.verdict.outcome.value


def _fact(change: Change, judged: Judged, history: History, events: Sequence[ToldEvent]) -> Item:
    """An item about what was told before: corrected, or withdrawn."""
    told = tuple(events[: telling.MOST_EVENTS])
    keys = (history.next(judged.watch.id, event_key(each.event_id)) for each in told)
    return Item(**_about(judged), change=change, events=told, tells=tuple(keys))


def _about(judged: Judged) -> dict[str, object]:
    watch = judged.watch
    asked_by = (
        "" if watch.direction is Direction.TO_FOUNDER else watch.investor.name if watch.investor else "the investor"
    )
    company = judged.known.company
    return {"watch_id": watch.id, "company_id": company.company_id, "company": company.name, "asked_by": asked_by}
