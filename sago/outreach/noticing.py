"""What is new for the person behind a watch: pure functions from verdicts and what was told before to one notice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from sago.domain.companies import Company, Granularity, Person
from sago.domain.events import Event
from sago.domain.letters import Letter
from sago.domain.mails import address_of
from sago.domain.notices import Change, Item, Notice, Said, Told, ToldCondition, ToldEvent, event_key, notice_id
from sago.domain.watches import ConditionResult, Direction, Outcome, Verdict, Watch
from sago.domain.wording import figure
from sago.outreach import telling
from sago.outreach.history import History
from sago.outreach.knowledge import Known
from sago.outreach.telling import Facts

_RANK = list(Change)


class Judged(NamedTuple):
    """All that a notice may tell of one watch."""

    known: Known
    verdict: Verdict
    at_meeting: Verdict
    """What it said, or would have, when the two last met."""
    window: str = ""
    """Of the firing, where all conditions hold."""
    granularity: Granularity = Granularity.EXACT
    """How exactly the founder shares figures with the watch's firm."""
    letter: Letter | None = None
    """The draft that waits for approval."""

    @property
    def watch(self) -> Watch:
        return self.known.watch


class Since(NamedTuple):
    """What became of the events that a person was told, and who said what is known."""

    ids: Mapping[UUID, UUID] = MappingProxyType({})
    """An event's id as it was told → its id now, where another proof changed it."""
    gone: Mapping[UUID, Event | None] = MappingProxyType({})
    """Told events that are held no more, by their last id; None where their words were erased."""
    said: Mapping[tuple[str, str], Said] = MappingProxyType({})
    """Sender and time by company and message id; without the quote."""


class _News(NamedTuple):
    """One change, not built yet: what is over the cap costs nothing."""

    change: Change
    of: Judged
    build: Callable[[], Item]

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
    since: Since,
    as_of: datetime,
    most: int,
) -> Notice | None:
    """What the person is told of a firm's watches on a day of theirs: at most `most` items, the weightiest; the others
    are told on a later day. None where nothing is new: what an earlier notice told is not told again until it reads
    otherwise.

    `judged` are watches of theirs, all of one firm; `earlier` and `told` what they were told of this firm's ever.
    """
    teller = _Teller(History.of(earlier, told, since.ids), since, set())
    found = sorted((news for each in judged for news in teller.news(each)), key=lambda news: news.rank)
    items = [news.build() for news in found[:most]]
    if not items:
        return None
    email, firm_id = address_of(person.email or ""), found[0].of.watch.firm_id
    return Notice(
        id=notice_id(firm_id, email, day),
        firm_id=firm_id,
        email=email,
        recipient=person,
        day=day,
        items=_by_company(items),
        held_over=tuple(news.of.known.company.name for news in found[most:]),
        created_at=as_of,
    )


def _by_company(items: Sequence[Item]) -> tuple[Item, ...]:
    """Items of one company together, the company with the weightiest first."""
    order = list(dict.fromkeys(item.company_id for item in items))
    return tuple(sorted(items, key=lambda item: order.index(item.company_id)))


def change_of(judged: Judged, history: History) -> Change | None:
    """What is new of the watch itself, as against what was last told of it."""
    watch, outcome = judged.watch, judged.verdict.outcome
    last = history.last(watch.id)
    if outcome is Outcome.DO_NOT_WRITE and not judged.verdict.against:
        return None  # nothing is shared
    has_new_draft = judged.letter is not None and not history.has(watch.id, _letter_key(judged.letter))
    if not watch.conditions:
        return Change.DRAFT if has_new_draft else None
    if outcome is Outcome.NOW:
        was_now = last.outcome is Outcome.NOW if last else history.has(watch.id, judged.window)
        return Change.MET if not was_now else Change.DRAFT if has_new_draft else None
    if last is None:  # where an erasure took the words of what was told, nothing is repeated
        is_first = not history.knows(watch.id)
        return (Change.AGAINST if outcome is Outcome.DO_NOT_WRITE else Change.MOVED) if is_first else None
    if outcome is Outcome.DO_NOT_WRITE:
        is_told = all(each.id in history.events for each in judged.verdict.against[:1])
        return None if is_told and last.outcome is outcome else Change.AGAINST
    if last.outcome is not Outcome.NOT_YET:
        return Change.OVER
    return Change.MOVED if _has_moved(last, judged.verdict.results) else None


def _has_moved(last: Item, results: Iterable[ConditionResult]) -> bool:
    """Whether a condition began or ceased to hold, or another distance is missing, in the figures that are shown."""
    before = {told.text: told for told in last.conditions}
    return any(_differs(before.get(result.condition.text), result) for result in results)


def _differs(before: ToldCondition | None, now: ConditionResult) -> bool:
    if before is None or before.holds != now.holds:
        return True
    if now.holds or now.seen is None:  # a figure that is not shared any more has not moved
        return False
    return before.seen is None or figure(before.seen, before.unit) != figure(now.seen, now.unit)


def _letter_key(letter: Letter) -> str:
    return f"letter:{letter.id}"


class _Teller(NamedTuple):
    """Builds the items of one notice."""

    history: History
    since: Since
    shown: set[UUID]
    """Events that items built so far tell: two watches of one company do not tell the same."""

    def news(self, judged: Judged) -> Iterable[_News]:
        if change := change_of(judged, self.history):
            yield _News(change, judged, partial(self._state, change, judged))
        told = self.history.events_of(judged.watch.id)
        if corrected := telling.corrections(judged.known, told, judged.granularity):
            yield _News(Change.CORRECTED, judged, partial(self._fact, Change.CORRECTED, judged, corrected))
        if gone := telling.withdrawals(judged.known.view, self.since.gone, told):
            yield _News(Change.WITHDRAWN, judged, partial(self._fact, Change.WITHDRAWN, judged, gone))

    def _state(self, change: Change, judged: Judged) -> Item:
        """An item about the watch itself; events are told where all that was asked for holds, or against it."""
        verdict, looked = judged.verdict, self._looked(judged)
        facts = self._facts(judged, looked) if verdict.outcome in (Outcome.NOW, Outcome.DO_NOT_WRITE) else Facts()
        self.shown.update(facts.ids)
        letter = judged.letter if change in (Change.MET, Change.DRAFT) else None
        return Item(
            **_about(judged),
            change=change,
            outcome=verdict.outcome,
            because=verdict.because,
            conditions=tuple(telling.condition(each, judged.known, looked) for each in verdict.results),
            events=facts.events,
            more=facts.more,
            against=facts.against,
            letter=telling.letter(letter) if letter else None,
            tells=tuple(self._keys(change, judged, facts, letter)),
        )

    def _looked(self, judged: Judged) -> telling.Looked:
        last = self.history.last(judged.watch.id)
        conditions, at = last.conditions if last else (), self.history.when(judged.watch.id)
        return telling.Looked(conditions, judged.at_meeting.results, at, self.since.said, judged.granularity)

    def _facts(self, judged: Judged, looked: telling.Looked) -> Facts:
        if judged.verdict.outcome is Outcome.NOW:
            return telling.facts(judged.known, judged.verdict, self.history.events | self.shown, looked)
        against = tuple(telling.event(each, judged.known, looked) for each in judged.verdict.against[:1])
        return Facts(against=against, ids=tuple(each.event_id for each in against))

    def _keys(self, change: Change, judged: Judged, facts: Facts, letter: Letter | None) -> Iterable[str]:
        watch_id = judged.watch.id
        if change is not Change.DRAFT:
            state = judged.verdict.outcome.value
            yield self.history.next(watch_id, (judged.window or state) if change is Change.MET else state)
        if letter and not self.history.has(watch_id, _letter_key(letter)):
            yield _letter_key(letter)
        yield from (event_key(each) for each in facts.ids if each not in self.history.events)

    def _fact(self, change: Change, judged: Judged, events: Sequence[ToldEvent]) -> Item:
        """An item about what was told before: corrected, or withdrawn."""
        told = tuple(events[: telling.MOST_EVENTS])
        keys = (self.history.next(judged.watch.id, event_key(each.event_id)) for each in told)
        return Item(**_about(judged), change=change, events=told, tells=tuple(keys))


def _about(judged: Judged) -> dict[str, Any]:
    watch, company = judged.watch, judged.known.company
    asking = watch.investor.name if watch.investor else "the investor"
    asked_by = "" if watch.direction is Direction.TO_FOUNDER else asking
    return {"watch_id": watch.id, "company_id": company.company_id, "company": company.name, "asked_by": asked_by}
