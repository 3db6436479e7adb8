"""What a letter may draw on, proof by proof: each event, the watch with its thresholds, the company and the people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple, TypedDict
from uuid import UUID

from sago.domain.claims import direction_of
from sago.domain.companies import Person
from sago.domain.events import CATALOGUE, Event, EventType, Evidence
from sago.domain.letters import LetterRequest
from sago.domain.watches import ConditionResult, Direction
from sago.domain.wording import metric_label
from sago.outreach.claims.calendar import Day, find_days
from sago.outreach.claims.judged import asked_figures, judged_figures, judged_period, judged_sentences
from sago.outreach.claims.measures import measures_of
from sago.outreach.claims.passages import stems_of, words_of
from sago.outreach.claims.sayings import IS_BARE, Saying, Stated, aliases_of, figures_of

TOKEN = re.compile(r"[\w./+-]*\d[\w./+-]*")


@dataclass(frozen=True)
class Ground:
    """One thing that can be cited. `key` is an event's id, None for the watch and the people."""

    key: UUID | None
    label: str
    event_type: EventType | None
    sayings: tuple[Saying, ...]
    figures: tuple[Stated, ...] = ()
    days: frozenset[date] = frozenset()
    names: tuple[str, ...] = ()
    """Further texts that names stand in: stakeholders, labels."""
    monthly: tuple[Stated, ...] = ()
    proofs: tuple[Evidence, ...] = field(default=())
    computed: tuple[Saying, ...] = ()
    """Sentences that code writes of conditions: repeated whole they stand, their words and days alone do not."""
    periods: tuple[Stated, ...] = ()
    """Those that conditions look back over."""

    @cached_property
    def texts(self) -> tuple[str, ...]:
        return (*(saying.text for saying in self.sayings), *self.names)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset().union(*(words_of(text) for text in self.texts))

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset().union(*(stems_of(text) for text in self.texts))

    @cached_property
    def tokens(self) -> frozenset[str]:
        """Words with digits in them: `27001`, `v2.1`."""
        return frozenset(token.strip("./+-").lower() for text in self.texts for token in TOKEN.findall(text))

    @cached_property
    def written(self) -> tuple[tuple[Day, Saying], ...]:
        return tuple((day, saying) for saying in self.sayings for day in find_days(saying.text))


class _Computed(TypedDict):
    computed: tuple[Saying, ...]
    periods: tuple[Stated, ...]


class Grounds(NamedTuple):
    """All that one request may draw on."""

    events: tuple[Ground, ...]
    watch: Ground
    company: Ground
    sender: str
    addressee: str
    direction: Direction
    answers_all: bool
    """Whether each part of the reason is answered."""
    habits: frozenset[str] = frozenset()
    """Words that the sender greets and closes with, in small letters."""
    conditions: int = 0
    """How many the watch has."""

    @classmethod
    def of(cls, request: LetterRequest) -> Grounds:
        as_of = request.as_of
        results = {event.id: [r for r in request.verdict.results if r.event_id == event.id] for event in request.events}
        events = [of_event(event, as_of, results[event.id]) for event in request.events]
        others = [r for r in request.verdict.results if r.event_id and r.event_id not in results]
        events += [_of_result(result, as_of) for result in others]
        founder = Person(name=request.company.founder or f"The {request.company.name} team")
        investor = request.watch.investor or Person(name="")
        people = (investor, founder) if request.watch.direction is Direction.TO_FOUNDER else (founder, investor)
        names = (people[0].name, people[1].name)
        return cls(
            tuple(events),
            _of_watch(request),
            _of_company(request),
            *names,
            request.watch.direction,
            request.answers_all,
            _habits(request),
            len(request.verdict.results),
        )


def _habits(request: LetterRequest) -> frozenset[str]:
    voice = request.watch.voice
    return frozenset(words_of(f"{voice.greeting.replace('{name}', '')} {voice.sign_off}")) if voice else frozenset()


def of_event(event: Event, as_of: date, results: Sequence[ConditionResult] = ()) -> Ground:
    """What its title, quotes and metrics say, and the days it happened or its figures are true of."""
    title = Saying(event.title)
    sayings = (title, *(Saying(proof.quote, proof) for proof in event.evidence))
    figures = [
        Stated(
            m.value,
            m.unit,
            not IS_BARE,
            measures_of(m.name),
            title,
            None,
            m.name,
            m.name.startswith(("earlier", "previous")),
        )
        for m in event.metrics
    ]
    told = [stated for saying in sayings for stated in figures_of(saying, figures)]
    monthly = tuple(figure for figure in figures if figure.name == "mrr")
    labels = [CATALOGUE[event.event_type].label, *(metric_label(m.name) for m in event.metrics)]
    labels += [alias for m in event.metrics for alias in aliases_of(m.name)]
    return Ground(
        key=event.id,
        label=event.title,
        event_type=event.event_type,
        sayings=sayings,
        figures=(*told, *figures, *(figure for result in results for figure in judged_figures(result))),
        days=frozenset({event.occurred_at.date(), *(r.as_of.date() for r in results if r.as_of)}),
        names=(*event.stakeholders, *labels),
        monthly=monthly,
        proofs=event.evidence,
        **_judged(results, as_of),
    )


def _judged(results: Sequence[ConditionResult], as_of: date) -> _Computed:
    return {
        "computed": tuple(saying for result in results for saying in judged_sentences(result, as_of)),
        "periods": tuple(period for result in results for period in judged_period(result.condition)),
    }


def _of_result(result: ConditionResult, as_of: date) -> Ground:
    """A proof whose event the letter does not tell as a highlight."""
    figures = list(judged_figures(result))
    of = {figure.saying.proof: figure.saying.of for figure in figures}
    sayings = tuple(Saying(proof.quote, proof, of.get(proof)) for proof in result.proof)
    told = [stated for saying in sayings for stated in figures_of(saying, figures)]
    days = frozenset({result.as_of.date()} if result.as_of else ())
    names = (metric_label(result.condition.name), *aliases_of(result.condition.name))
    return Ground(
        key=result.event_id,
        label=result.condition.text,
        event_type=None,
        sayings=sayings,
        figures=(*told, *figures),
        days=days,
        names=names,
        proofs=result.proof,
        **_judged([result], as_of),
    )


def _of_watch(request: LetterRequest) -> Ground:
    """Reason, thresholds and the meeting's day."""
    watch = request.watch
    reason = Saying(watch.reason)
    sayings = [Saying(each) for each in dict.fromkeys((watch.reason, watch.recalled_reason)) if each]
    figures = figures_of(reason, []) if watch.reason else []
    for result in request.verdict.results:
        sayings.append(Saying(result.condition.text))
        figures += asked_figures(result)
    days = frozenset({watch.met_on} if watch.met_on else ())
    absent = [result for result in request.verdict.results if result.holds and result.event_id is None]
    judged = _judged(absent, request.as_of)
    return Ground(None, "the watch", None, tuple(sayings), tuple(figures), days, **judged)


def _of_company(request: LetterRequest) -> Ground:
    """The company's name and the founder's office."""
    company = request.company
    addresses = [
        each for each in (company.founder_email, request.watch.investor and request.watch.investor.email) if each
    ]
    names = (company.name, company.company_id, company.founder_title, *addresses)
    return Ground(None, "the company's profile", None, (Saying(company.name),), names=names)


def hash_of(quote: str) -> str:
    """SHA-256 of a quote's UTF-8, hexadecimal: what a receipt keeps of it for good."""
    return hashlib.sha256(quote.encode()).hexdigest()


def way_of(ground: Ground) -> frozenset[str]:
    """The directions that a ground speaks of by its metrics' names."""
    return frozenset(way for figure in ground.figures if (way := direction_of(figure.name)))
