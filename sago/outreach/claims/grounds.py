"""What a letter may draw on, proof by proof: each event, the watch with its thresholds, the company and the people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from sago.domain.amounts import Amount, find_amounts
from sago.domain.claims import direction_of
from sago.domain.companies import Person
from sago.domain.events import CATALOGUE, Event, EventType, Evidence
from sago.domain.letters import LetterRequest
from sago.domain.metrics import METRICS
from sago.domain.watches import ConditionResult, Direction
from sago.domain.wording import metric_label
from sago.outreach.claims.calendar import Day, find_days
from sago.outreach.claims.measures import measure_beside, measures_of
from sago.outreach.claims.passages import Span, clauses, stems_of, words_of

UNDECIDED = re.compile(
    r"\b(?:will|would|plan(?:s|ned)?|target(?:s|ing)?|goals?|aim(?:s|ing)?|expect(?:s|ed|ing)?|hop(?:e|es|ing)|should|"
    r"might|could|if|forecasts?|budget(?:ed)?|want(?:s|ed)?|wish|next|unless|until|toward(?:s)?|going to"
    r"|to go)\b|\bby (?=[A-Z])",
    re.I,
)
"""Words of a plan, a wish or a condition."""
DENIED = re.compile(
    r"\b(?:not|never|no longer|nor|neither|without|cannot|untrue|false|falsely|wrong|wrongly|barely|hardly|allegedly|"
    r"supposedly|none|nobody|nothing|fail(?:s|ed)? to|refus(?:es|ed) to|declin(?:es|ed) to|yet to|instead of"
    r"|rather than|far from|"
    r"short of|deni(?:es|ed))\b|\w(?:n[’']t)\b",
    re.I,
)
"""Words that turn what is said into its opposite."""
TOKEN = re.compile(r"[\w./+-]*\d[\w./+-]*")


IS_BARE = True
"""No unit was written."""


class Saying(NamedTuple):
    """One text of a ground: a quote with its proof, or a title, a reason or a name without."""

    text: str
    proof: Evidence | None = None


class Stated(NamedTuple):
    """A figure of a ground, with what it is told of."""

    value: float
    unit: str
    bare: bool
    measures: frozenset[str]
    saying: Saying
    amount: Amount | None = None
    """As it stands in the saying; None where a metric or a threshold holds it."""
    name: str = ""
    """The metric's."""
    earlier: bool = False
    open: bool = False
    """Planned, wished, conditional or denied where it stands."""
    how: str = ""
    """How it was come by, where no text states it."""

    @property
    def context(self) -> frozenset[str]:
        """Stems of what stands around it."""
        if self.amount is None:
            labels = [self.name.replace("_", " "), metric_label(self.name), *_aliases(self.name)]
            return stems_of(" ".join(labels))
        return stems_of(self.saying.text)


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


class Grounds(NamedTuple):
    """All that one request may draw on."""

    events: tuple[Ground, ...]
    watch: Ground
    company: Ground
    sender: str
    addressee: str
    habits: frozenset[str] = frozenset()
    """Words that the sender greets and closes with, in small letters."""

    @classmethod
    def of(cls, request: LetterRequest) -> Grounds:
        results = {event.id: [r for r in request.verdict.results if r.event_id == event.id] for event in request.events}
        events = [of_event(event, results[event.id]) for event in request.events]
        others = [r for r in request.verdict.results if r.event_id and r.event_id not in results]
        events += [_of_result(result) for result in others]
        founder = Person(name=request.company.founder or f"The {request.company.name} team")
        investor = request.watch.investor or Person(name="")
        people = (investor, founder) if request.watch.direction is Direction.TO_FOUNDER else (founder, investor)
        names = (people[0].name, people[1].name)
        return cls(tuple(events), _of_watch(request), _of_company(request), *names, _habits(request))


def _habits(request: LetterRequest) -> frozenset[str]:
    voice = request.watch.voice
    return frozenset(words_of(f"{voice.greeting.replace('{name}', '')} {voice.sign_off}")) if voice else frozenset()


def of_event(event: Event, results: Sequence[ConditionResult] = ()) -> Ground:
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
    told = [stated for saying in sayings for stated in _told(saying, figures)]
    monthly = tuple(figure for figure in figures if figure.name == "mrr")
    labels = [CATALOGUE[event.event_type].label, *(metric_label(m.name) for m in event.metrics)]
    labels += [alias for m in event.metrics for alias in _aliases(m.name)]
    return Ground(
        key=event.id,
        label=event.title,
        event_type=event.event_type,
        sayings=sayings,
        figures=(*told, *figures, *(_of_verdict(result) for result in results)),
        days=frozenset({event.occurred_at.date(), *(r.as_of.date() for r in results if r.as_of)}),
        names=(*event.stakeholders, *labels),
        monthly=monthly,
        proofs=event.evidence,
    )


def _told(saying: Saying, metrics: Sequence[Stated]) -> list[Stated]:
    """The figures of a text, each with the metric beside it, else with that of its value."""
    amounts = find_amounts(saying.text)
    told = []
    for amount in amounts:
        clause = next(
            (each for each in clauses(saying.text, Span(0, len(saying.text))) if each.start <= amount.start < each.end),
            Span(0, len(saying.text)),
        )
        beside = measure_beside(saying.text, amount, amounts, clause)
        same = [
            m for m in metrics if m.value == amount.value and (m.unit == amount.unit or amount.bare or amount.shared)
        ]
        measures = frozenset({beside} if beside else ()) | frozenset().union(*(m.measures for m in same))
        around = saying.text[clause.start : clause.end]
        is_open = not same and (UNDECIDED.search(around) is not None or DENIED.search(around) is not None)
        earlier = bool(same) and all(m.earlier for m in same)
        told.append(Stated(amount.value, amount.unit, amount.bare, measures, saying, amount, "", earlier, is_open))
    return told


def _of_verdict(result: ConditionResult) -> Stated:
    """The figure that a condition was judged by: computed by code from what the event states."""
    condition = result.condition
    proof = Saying(result.proof[0].quote, result.proof[0]) if result.proof else Saying(condition.text)
    counted = condition.kind == "count"
    how = result.note or (f"{result.seen or 0:g} counted" if counted else f"{condition.text}: computed")
    name = condition.name
    measures = frozenset() if counted else measures_of(name)
    return Stated(result.seen or 0.0, result.unit or "count", counted, measures, proof, None, name, how=how)


def _of_result(result: ConditionResult) -> Ground:
    """A proof whose event the letter does not tell as a highlight."""
    sayings = tuple(Saying(proof.quote, proof) for proof in result.proof)
    computed = _of_verdict(result)
    told = [stated for saying in sayings for stated in _told(saying, [computed])]
    days = frozenset({result.as_of.date()} if result.as_of else ())
    names = (metric_label(result.condition.name), *_aliases(result.condition.name))
    return Ground(
        result.event_id, result.condition.text, None, sayings, (*told, computed), days, names, proofs=result.proof
    )


def _of_watch(request: LetterRequest) -> Ground:
    """Reason, thresholds and the meeting's day."""
    watch = request.watch
    reason = Saying(watch.reason)
    sayings = [reason] if watch.reason else []
    figures = _told(reason, []) if watch.reason else []
    for result in request.verdict.results:
        condition, said = result.condition, Saying(result.condition.text)
        sayings.append(said)
        unit = result.unit or ("percent" if condition.kind == "change" else "count")
        figures.append(Stated(condition.value, unit, IS_BARE, measures_of(condition.name), said, None, condition.name))
        figures += [stated for stated in _told(Saying(condition.within or ""), []) if condition.within]
    days = frozenset({watch.met_on} if watch.met_on else ())
    return Ground(None, "the watch", None, tuple(sayings), tuple(figures), days)


def _of_company(request: LetterRequest) -> Ground:
    """The company's name and the founder's office."""
    company = request.company
    addresses = [
        each for each in (company.founder_email, request.watch.investor and request.watch.investor.email) if each
    ]
    names = (company.name, company.company_id, company.founder_title, *addresses)
    return Ground(None, "the company's profile", None, (Saying(company.name),), names=names)


def _aliases(name: str) -> Iterable[str]:
    kind = METRICS.get(name)
    also = {"contract_value": ("contract",), "amount_raised": ("funding", "raised")}.get(name, ())
    return (*(kind.aliases if kind else ()), *also)


def hash_of(quote: str) -> str:
    """SHA-256 of a quote's UTF-8, hexadecimal: what a receipt keeps of it for good."""
    return hashlib.sha256(quote.encode()).hexdigest()


def way_of(ground: Ground) -> frozenset[str]:
    """The directions that a ground speaks of by its metrics' names."""
    return frozenset(way for figure in ground.figures if (way := direction_of(figure.name)))
