"""Observations fold into events: a pure function of the set, whatever the order of arrival and however often.

The observations are read in the order in which they were said. Each actual one joins the event it tells again, or
begins one; a correction replaces a figure; a denial takes the event away. Two tellings are one event when they have the
same type, were said within `WINDOW`, contradict each other in no figure, and name the same subject, state the same
figure or share enough else (`sago.pipeline.retelling`). Two different subjects are two events, unless they share a
figure; in the types of `NAMED` one must also be named in the other's words. A round's term sheet and its close are two
events.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, count
from typing import TypeVar
from uuid import UUID, uuid5

from sago.domain.amounts import find_amounts
from sago.domain.events import Event, EventType, Evidence, Fold, Metric, MetricPoint, Observation, Rejection, Status
from sago.domain.metrics import METRICS, UNSTATED, is_currency, is_vague
from sago.domain.months import as_of, month_of
from sago.domain.wording import figure
from sago.pipeline.retelling import (
    NAMED,
    SAME_NAME,
    Shared,
    Traits,
    alike,
    forget,
    log_odds,
    named_by_either,
    shares_anything,
    stage,
    traits,
)

NAMESPACE = UUID("6f1d7a52-3c0b-5b7e-9a44-2f5f0c8e51aa")
WINDOW = timedelta(days=45)
"""How long after its last telling an event is still told again, rather than happening anew."""
CALLED_OFF = {EventType.HIRING: timedelta(days=180)}
"""How long after its last telling an event can be denied by name, where that is longer: who was hired comes months
later, or not after all."""
OF_LEVELS = frozenset({EventType.REVENUE_MILESTONE, EventType.USER_GROWTH})
"""Types whose events are figures of the company: a month's level is an event, and a denial denies that figure alone."""

SOON, LATE = 43_200.0, 2.5 * 86_400
UNEXPLAINED = 1.0
"""A telling that shares neither a figure nor an uncommon word with an event is so much less likely of it SOON seconds
after its last telling, and of another event LATE seconds after."""
AT_ONCE = timedelta(days=1)
ABOUT, SCALED = 1.25, 4.0
"""A correction without a name is of what was just said, and of a figure so many times as large or as small at most."""
MAGNITUDES = (1.0, 1e3, 1e6)
"""What a correction leaves out that repeats the wrong figure."""
SURE = 1.0
"""Log-odds at least of what shares a name or a figure."""

ROUND = 3
"""Digits that a figure is rounded to by who tells it again."""
MANY, MOST = 3, 2 / 3
"""Figures, and the share of all, from which a company's own currency shows."""

K = TypeVar("K")
Figure = tuple[float, str]
"""Value and unit."""


@dataclass
class _Group:
    """The tellings of one event so far, and what they say together: kept beside them, as a lively company tells the
    same thing hundreds of times."""

    event_type: EventType
    tellings: list[Observation] = field(default_factory=list)
    messages: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    stages: set[str] = field(default_factory=set)
    months: set[tuple[int, int]] = field(default_factory=set)
    """Year and month of the levels, where a telling names one."""
    shared: Shared = field(default_factory=Shared)
    stated: set[Figure] = field(default_factory=set)
    """Figures of any telling, superseded ones too."""
    metrics: dict[tuple[str, str], tuple[Metric, Observation]] = field(default_factory=dict)
    """(name, unit) → the figure that holds now and the telling that says it; one figure once, under one name."""
    superseded: set[Figure] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    withdrawn: bool = False

    @property
    def last(self) -> datetime:
        return self.tellings[-1].said_at

    def add(self, telling: Observation, own: Traits) -> None:
        """One more telling, not said before the others."""
        self.tellings.append(telling)
        self.messages.add(telling.message_id)
        self.shared.add(own)
        if telling.subject:
            self.subjects.add(telling.subject)
        if reached := stage(telling):
            self.stages.add(reached)
        if telling.event_type in OF_LEVELS and (month := month_of(telling.quote, telling.said_at)):
            self.months.add(month)
        self.stated.update((metric.value, metric.unit) for metric in telling.metrics)
        self._hold(telling)

    def supersede(self, figures: set[Figure], but: set[Figure]) -> None:
        """These hold no more; `but` hold, whatever was superseded before."""
        self.superseded = (self.superseded | figures) - but
        self.metrics = {}
        for telling in self.tellings:
            self._hold(telling)

    def _hold(self, telling: Observation) -> None:
        for metric in telling.metrics:
            again = any((m.value, m.unit) == (metric.value, metric.unit) for m, _ in self.metrics.values())
            if (metric.value, metric.unit) not in self.superseded and not again:
                name = self._name(metric)
                self.metrics.setdefault((name, metric.unit), (metric.model_copy(update={"name": name}), telling))

    def _name(self, metric: Metric) -> str:
        """Its name; where that says little, one under which no other figure stands yet."""
        taken = {name for name, unit in self.metrics if unit == metric.unit}
        numbered = (f"{metric.name} {n}" for n in count(2))
        return (
            next(numbered_name for numbered_name in chain((metric.name,), numbered) if numbered_name not in taken)
            if is_vague(metric.name)
            else metric.name
        )


def fold(company_id: str, observations: Sequence[Observation], rejections: Sequence[Rejection]) -> Fold:
    """The company's events and metric points. Observations of other companies are left out."""
    return Folding(company_id)(observations, rejections)


def folding_afresh(company_id: str) -> Folding:
    """For who must not learn, by how long a fold takes, whether somebody has folded this company before."""
    forget()
    return Folding(company_id)


class Folding:
    """`fold` again and again over one company's history as it grows: what went before is not folded anew, unless it
    was changed by an edit, or by what is learned of a currency. The result is that of `fold`, whatever came before."""

    def __init__(self, company_id: str) -> None:
        self._company_id = company_id
        self._begin()

    def _begin(self) -> None:
        self._said: list[Observation] = []
        self._ids = _ProofIds(self._company_id)
        self._groups: list[_Group] = []
        self._live: dict[EventType, list[_Group]] = {}
        """By type, as no telling meets an event of another."""
        self._told: dict[int, tuple[int, Event, list[MetricPoint]]] = {}

    def __call__(self, observations: Sequence[Observation], rejections: Sequence[Rejection]) -> Fold:
        """The events and metric points of these observations."""
        said = _with_currencies(_in_order(o for o in observations if o.company_id == self._company_id))
        if said[: len(self._said)] != self._said:
            self._begin()
        for observation in said[len(self._said) :]:
            reach = CALLED_OFF.get(observation.event_type, WINDOW)
            live = _since(observation.said_at - reach, self._live.get(observation.event_type, ()))
            self._live[observation.event_type] = live
            self._ids.add(observation)
            _take(observation, live, self._groups)
        self._said = said
        return self._whole().without(r for r in rejections if r.company_id == self._company_id)

    def _whole(self) -> Fold:
        told = [self._tell(number, group) for number, group in enumerate(self._groups) if not group.withdrawn]
        events = sorted((event for event, _ in told), key=lambda event: (event.occurred_at, str(event.id)))
        points = sorted(chain(*(own for _, own in told)), key=lambda p: (p.as_of, p.metric, str(p.event_id)))
        ids = self._ids.of
        event_of = {ids[_key(o)]: ids[_key(group.tellings[0])] for group in self._groups for o in group.tellings}
        return Fold(events, points, event_of)

    def _tell(self, number: int, group: _Group) -> tuple[Event, list[MetricPoint]]:
        """The group's event and its points, made anew where it was told again since."""
        tellings, event, points = self._told.get(number, (0, None, []))
        if event is None or tellings != len(group.tellings):
            event = _event(group, self._ids.of)
            points = _points(event, group)
            self._told[number] = len(group.tellings), event, points
        return event, points


def _key(o: Observation) -> tuple[str, int, int, int, str]:
    return o.message_id, o.version, o.start, o.end, o.event_type


def _in_order(observations: Iterable[Observation]) -> list[Observation]:
    """As said, each once; of several extractors' words on one span and type the newest."""
    newest: dict[tuple[str, int, int, int, str], Observation] = {}
    for o in observations:
        other = newest.get(_key(o))
        newest[_key(o)] = o if other is None else max(other, o, key=_recency)
    return sorted(newest.values(), key=lambda o: (o.said_at, *_key(o)))


def _recency(o: Observation) -> tuple[datetime, str, str]:
    return o.recorded_at, o.extractor_version, o.model_dump_json()


def _with_currencies(said: list[Observation]) -> list[Observation]:
    """Money whose currency nobody wrote is in the one that the company writes that metric in; else in the one in which
    it states that figure for such an event; else in the one in which it writes most of its money, if there are
    MANY figures. Where none of them tells, it stays unstated."""
    if not any(metric.unit == UNSTATED for o in said for metric in o.metrics):
        return said
    written = [
        (o.event_type, m) for o in said if o.status is Status.ACTUAL for m in o.metrics
        if is_currency(m.unit) and m.unit != UNSTATED
    ]  # fmt: skip
    of_name = _only(((metric.name, metric.unit) for _, metric in written if metric.name in METRICS))
    of_value = _only((((event_type, metric.value), metric.unit) for event_type, metric in written))
    figures = {(metric.value, metric.unit) for _, metric in written}
    counted = Counter(unit for _, unit in figures)
    most = next((unit for unit, count in counted.items() if count >= MANY and count >= MOST * len(figures)), UNSTATED)

    def stated(o: Observation, metric: Metric) -> Metric:
        if metric.unit != UNSTATED:
            return metric
        unit = of_name.get(metric.name) or of_value.get((o.event_type, metric.value)) or most
        return metric.model_copy(update={"unit": unit})

    return [
        o.model_copy(update={"metrics": tuple(stated(o, metric) for metric in o.metrics)}) if o.metrics else o
        for o in said
    ]


def _only(pairs: Iterable[tuple[K, str]]) -> dict[K, str]:
    """Those keys that have one unit alone."""
    units: dict[K, set[str]] = {}
    for key, unit in pairs:
        units.setdefault(key, set()).add(unit)
    return {key: min(found) for key, found in units.items() if len(found) == 1}


class _ProofIds:
    """`of`: the id an event has while this observation is its earliest proof: uuid5 of company, type, message and the
    proof's ordinal among those of its type in the message. A rejection names one of them, and so it still finds the
    event after an earlier proof has changed the event's id."""

    def __init__(self, company_id: str) -> None:
        self.of: dict[tuple[str, int, int, int, str], UUID] = {}
        self._company_id = company_id
        self._ordinals: dict[tuple[str, str], int] = {}

    def add(self, o: Observation) -> None:
        """The next observation, in the order in which they are folded."""
        ordinal = self._ordinals.get((o.event_type, o.message_id), 0)
        self._ordinals[o.event_type, o.message_id] = ordinal + 1
        self.of[_key(o)] = uuid5(NAMESPACE, f"{self._company_id}|{o.event_type}|{o.message_id}|{ordinal}")


def _since(moment: datetime, groups: Iterable[_Group]) -> list[_Group]:
    return [group for group in groups if not group.withdrawn and group.last >= moment]


def _take(o: Observation, known: list[_Group], groups: list[_Group]) -> None:
    """Let one observation do its work on the groups of its type that it can reach; one that it begins joins both
    lists."""
    if o.status is Status.DENIED:
        for group in known:
            group.withdrawn |= _denies(o, group)
        return
    if o.status is not Status.ACTUAL:
        return
    live = _since(o.said_at - WINDOW, known) if o.event_type in CALLED_OFF else known
    own = traits(o)
    target = _corrected(o, live) if o.corrects else None
    if target is not None:
        _correct(o, own, target)
        return
    newest = max((group.last for group in live), default=None)
    named = [metric for metric in o.metrics if not is_vague(metric.name)]  # other names may be of another thing
    near = [
        (_closeness(o, own, group, is_newest=group.last == newest), group)
        for group in live
        if not _contradicts(named, group) and _may_tell_again(o, own, group)
    ]
    best = max(near, key=lambda pair: pair[0], default=None)
    if best is not None and best[0][0] > 0:
        best[1].add(o, own)
    else:
        new = _Group(o.event_type)
        new.add(o, own)
        known.append(new)
        groups.append(new)


def _same_subject(subject: str | None, group: _Group) -> bool:
    """Whether the group speaks of this subject; False where either names none."""
    return subject is not None and alike(subject, group.subjects) >= SAME_NAME


def _shared(o: Observation, group: _Group) -> int:
    """How many figures of the observation the group already states: small counts and times are no proof."""
    return sum(
        (m.value, m.unit) in group.stated and (m.unit not in ("count", "x") or m.value >= 100) for m in o.metrics
    )


def _contradicts(named: Sequence[Metric], group: _Group) -> bool:
    """Whether a metric of the same name and unit has another figure that no correction explains, and that does not
    merely round it."""
    for metric in named:
        held = group.metrics.get((metric.name, metric.unit))
        if held is None or math.isclose(held[0].value, metric.value, rel_tol=1e-6) or _rounds(metric.value, held[0]):
            continue
        if (metric.value, metric.unit) not in group.superseded:
            return True
    return False


def _rounds(value: float, held: Metric) -> bool:
    """Whether a figure is the held one in ROUND digits: 1.12M of 1.116M."""
    return is_currency(held.unit) and value == float(f"{held.value:.{ROUND}g}")


def _may_tell_again(o: Observation, own: Traits, group: _Group) -> bool:
    """Whether nothing speaks against it, beside another figure: another name, another stage of a round, or the same
    message telling something else. Another name is forgiven where the two share a figure, in the types of NAMED only if
    the words of one also name the other."""
    if group.stages and (reached := stage(o)) and reached not in group.stages:
        return False
    if _is_of_another_month(o, group):
        return False
    is_named, shares = _same_subject(o.subject, group), _shared(o, group) > 0
    if o.subject and group.subjects and not is_named:
        in_words = named_by_either(o, own, group.shared, group.subjects)
        return shares and (in_words or group.event_type not in NAMED)
    return o.message_id not in group.messages or is_named or shares


def _is_of_another_month(o: Observation, group: _Group) -> bool:
    """Whether both name the month that their levels are of, two different ones, and share no figure."""
    if o.event_type not in OF_LEVELS or not group.months or _shared(o, group):
        return False
    month = month_of(o.quote, o.said_at)
    return month is not None and month not in group.months


def _closeness(o: Observation, own: Traits, group: _Group, *, is_newest: bool) -> tuple[float, datetime, str]:
    """How surely it tells this event again, above 0 where it does: the same name or a shared figure is enough."""
    first = group.tellings[0]
    since = (o.said_at - group.last).total_seconds()
    odds = log_odds(o, own, group.shared, group.subjects, since, is_newest=is_newest)
    if since > SOON and not shares_anything(own, group.shared):
        odds = odds - UNEXPLAINED if since <= LATE else 0.0
    if _same_subject(o.subject, group) or _shared(o, group) > 0:
        odds = SURE + max(odds, 0.0)
    return odds, group.last, f"{first.message_id}:{first.start:09}"


def _taken_back(o: Observation) -> set[Figure]:
    """The figures that a correction quotes beside its own."""
    new = {m.value for m in o.metrics}
    return {(amount.value, amount.unit) for amount in find_amounts(o.quote) if amount.value not in new}


def _corrected(o: Observation, live: list[_Group]) -> _Group | None:
    """The event a correction speaks of: the one that states the figure it takes back, else the newest with the same
    metric, else the one just told whose figure a plain number replaces; never one about somebody else."""
    near = [
        group
        for group in live
        if o.message_id != group.tellings[0].message_id
        and (not o.subject or not group.subjects or _same_subject(o.subject, group) or group.event_type not in NAMED)
    ]  # fmt: skip
    names = {(m.name, m.unit) for m in o.metrics if not is_vague(m.name)}
    old = _taken_back(o)
    scored = [
        (
            any((m.value, m.unit) in old for m, _ in group.metrics.values()),
            bool(names & group.metrics.keys()),
            _replaced(o, group) is not None,
            group,
        )
        for group in near
    ]
    fitting = [row for row in scored if any(row[:3])]
    return max(fitting, key=lambda row: (*row[:3], row[3].last))[3] if fitting else None


def _replaced(o: Observation, group: _Group) -> tuple[Metric, float] | None:
    """The figure of the event that a correction of one plain number replaces, and how many times more it stands for.
    `It is 127` replaces the only one about as large, just told; `421, not 412` the 412,000 that it takes back."""
    amounts = find_amounts(o.quote)
    if len(o.metrics) != 1 or o.metrics[0].unit != "count" or not is_vague(o.metrics[0].name):
        return None
    new, held = o.metrics[0].value, [m for m, _ in group.metrics.values()]
    if len(amounts) == 1 and o.said_at - group.last <= AT_ONCE:
        alike = [m for m in held if m.value and 1 / ABOUT <= new / m.value <= ABOUT]
        return (alike[0], 1.0) if len(alike) == 1 else None
    others = [amount.value for amount in amounts if amount.bare and not math.isclose(amount.value, new, rel_tol=1e-3)]
    if len(amounts) == 2 and len(others) == 1 and others[0] / SCALED <= new <= others[0] * SCALED:
        scaled = [(m, scale) for scale in MAGNITUDES for m in held if math.isclose(m.value, others[0] * scale)]
        return scaled[0] if scaled else None
    return None


def _correct(o: Observation, own: Traits, group: _Group) -> None:
    """Replace what the correction takes back: the figure of the same metric, or the figure it quotes as wrong. A plain
    number is of the unit and the name of what it replaces."""
    replaced = _replaced(o, group)
    if replaced is not None:
        meant, scale = replaced
        o = o.model_copy(update={"metrics": (meant.model_copy(update={"value": o.metrics[0].value * scale}),)})
    new = {(m.value, m.unit) for m in o.metrics}
    taken_back = _taken_back(o) | ({(replaced[0].value, replaced[0].unit)} if replaced else set())
    superseded: set[Figure] = set()
    for (name, unit), (metric, _) in group.metrics.items():
        right = next((m for m in o.metrics if m.unit == unit and m.value != metric.value), None)
        by_name = any((m.name, m.unit) == (name, unit) for m in o.metrics)
        if right is not None and (by_name or (metric.value, unit) in taken_back) and (metric.value, unit) not in new:
            superseded.add((metric.value, unit))
            change = f"from {figure(metric.value, unit)} to {figure(right.value, unit)}"
            group.notes.append(f"{o.said_at:%Y-%m-%d}: {name} corrected {change}")
    group.supersede(superseded, but=new)
    group.add(o, own)


def _denies(o: Observation, group: _Group) -> bool:
    """Whether the denial takes this event back, of its type: said later, same subject or, with none, same figure. A
    level is denied by its own figure: who has not reached $5M still has what was told."""
    if o.event_type in OF_LEVELS and o.metrics:
        denied = [metric for metric in o.metrics if metric.name in METRICS] or o.metrics
        return any((metric.value, metric.unit) in group.stated for metric in denied)
    return _same_subject(o.subject, group) if o.subject and group.subjects else _shared(o, group) > 0


def _event(group: _Group, ids: dict[tuple[str, int, int, int, str], UUID]) -> Event:
    best = max(group.tellings, key=lambda o: _informative(o, group))
    first = group.tellings[0]
    proofs = {(o.message_id, o.start, o.end): o for o in group.tellings}
    lines = [f"{o.said_at:%Y-%m-%d}: {o.title}" for o in group.tellings] + group.notes
    return Event(
        id=ids[_key(first)],
        company_id=first.company_id,
        event_type=group.event_type,
        title=best.title,
        description=best.description,
        impact=best.impact,
        metrics=tuple(metric for metric, _ in group.metrics.values()),
        timeline="\n".join(dict.fromkeys(lines)),
        severity=max((o.severity for o in group.tellings), key=lambda severity: severity.rank),
        stakeholders=tuple(dict.fromkeys(name for o in group.tellings for name in o.stakeholders)),
        evidence=tuple(
            Evidence(message_id=o.message_id, quote=o.quote, start=o.start, end=o.end) for o in proofs.values()
        ),
        occurred_at=first.said_at,
    )


def _informative(o: Observation, group: _Group) -> tuple[bool, bool, int, int, float, str]:
    """Greater is better: no figure taken back, a subject, metrics, severity; then the earlier."""
    stale = group.superseded and any((f.value, f.unit) in group.superseded for f in find_amounts(o.title))
    return not stale, bool(o.subject), len(o.metrics), o.severity.rank, -o.said_at.timestamp(), o.message_id


def _points(event: Event, group: _Group) -> list[MetricPoint]:
    """The figures of known company metrics, in the unit such a metric takes."""
    return [
        MetricPoint(
            company_id=event.company_id,
            metric=metric.name,
            value=metric.value,
            unit=metric.unit,
            as_of=as_of(telling.quote, telling.said_at),
            said_at=telling.said_at,
            event_id=event.id,
        )
        for metric, telling in group.metrics.values()
        if metric.name in METRICS and _fits(metric)
    ]


def _fits(metric: Metric) -> bool:
    wanted = METRICS[metric.name].unit
    return is_currency(metric.unit) if wanted == "currency" else metric.unit == wanted or metric.name == "runway"
