"""What a condition was judged by: figures and sentences that code makes of what events state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sago.domain import periods
from sago.domain.amounts import find_amounts
from sago.domain.condition_wording import change_phrase, count_phrase, time_phrase
from sago.domain.events import MetricPoint
from sago.domain.watches import Condition, ConditionResult
from sago.outreach.claims.measures import measures_of
from sago.outreach.claims.sayings import IS_BARE, Saying, Stated, figures_of


def judged_figures(result: ConditionResult) -> Iterator[Stated]:
    """What was seen: a level or a count, the edges of a band, or a change with both its ends."""
    if result.points:
        yield from _of_change(result)
    elif result.seen is None:
        name, said = result.condition.name, _of_proof(result)
        for stated in figures_of(Saying(result.note, said.proof), []):
            yield stated._replace(measures=measures_of(name), how=f"the band that it lies in: {result.note}")
    else:
        yield _seen(result)


def judged_sentences(result: ConditionResult, as_of: date) -> Iterator[Saying]:
    """What may be repeated whole: `MRR grew 12% in the 3 months to 1 April, from $156k to $175k`."""
    if result.points:
        yield Saying(change_phrase(result, as_of))
    elif result.condition.kind == "count" and result.seen is not None:
        phrase = count_phrase(result.condition, int(result.seen))
        within = f" {result.note}" if result.note else ""
        told = (time_phrase(result.condition, since) for since in ("", " since we met"))
        yield from (Saying(f"{phrase}{time}{within}") for time in told)
    elif result.seen is None and result.note:
        yield Saying(result.note)


def judged_period(condition: Condition) -> Iterator[Stated]:
    """The period that a condition names."""
    if condition.within:
        number, unit = periods.amount(condition.within)
        said = Saying(condition.text)
        yield Stated(number, unit, not IS_BARE, frozenset(), said, how=f"the period of “{condition.text}”")


def asked_figures(result: ConditionResult) -> Iterator[Stated]:
    """The threshold as a letter tells it: of `burn growth 6m <= -20%` a decline of 20%; and the period."""
    condition, said = result.condition, Saying(result.condition.text)
    is_change = condition.kind == "change"
    unit = "percent" if is_change else result.unit or "count"
    value = abs(condition.value) if is_change else condition.value
    yield Stated(value, unit, IS_BARE, measures_of(condition.name), said, None, condition.name)
    yield from (stated._replace(how="") for stated in judged_period(condition))


def _seen(result: ConditionResult) -> Stated:
    condition, seen = result.condition, result.seen or 0.0
    counted = condition.kind == "count"
    how = result.note or (f"{seen:g} counted" if counted else f"{condition.text}: computed")
    measures = frozenset() if counted else measures_of(condition.name)
    return Stated(seen, result.unit or "count", counted, measures, _of_proof(result), None, condition.name, how=how)


def _of_change(result: ConditionResult) -> Iterator[Stated]:
    """The share, told without its sign beside its direction, and the figures at both ends."""
    (before, after), seen = result.points, result.seen or 0.0
    told, way = measures_of(after.metric), "up" if seen > 0 else "down" if seen < 0 else ""
    said = _end(after, result).saying
    yield Stated(abs(seen), "percent", not IS_BARE, told, said, None, after.metric, how=result.note, way=way)
    yield _end(before, result, earlier=True)
    yield _end(after, result)


def _end(point: MetricPoint, result: ConditionResult, *, earlier: bool = False) -> Stated:
    """A figure at an end of the change, with the quote that states it."""
    proofs = result.proof if earlier else tuple(reversed(result.proof))
    stating = (
        (proof, amount) for proof in proofs for amount in find_amounts(proof.quote) if amount.value == point.value
    )
    proof, amount = next(stating, (next(iter(proofs), None), None))
    said = Saying(proof.quote if proof else result.note, proof, point.event_id)
    measures = measures_of(point.metric)
    on = point.as_of.date() if earlier else None
    return Stated(point.value, point.unit, not IS_BARE, measures, said, amount, point.metric, earlier, on=on)


def _of_proof(result: ConditionResult) -> Saying:
    proof = next(iter(result.proof), None)
    return Saying(proof.quote, proof) if proof else Saying(result.condition.text)
