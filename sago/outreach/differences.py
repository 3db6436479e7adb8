"""What changed from one verdict of a watch to the next, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from sago.domain.watches import ConditionResult, Verdict

SAME_SCORE = 0.1
"""Scores decay from day to day: what they change by less is not told."""


def differences(before: Verdict, now: Verdict) -> list[str]:
    """Outcome, conditions, score, counter-evidence, promises and gaps, where they are not what they were."""
    return [*_outcome(before, now), *_conditions(before, now), *_score(before, now), *_facts(before, now)]


def _outcome(before: Verdict, now: Verdict) -> Iterator[str]:
    if before.outcome is not now.outcome:
        yield f"was {_words(before)}, is {_words(now)}"


def _words(verdict: Verdict) -> str:
    return verdict.outcome.value.replace("_", " ").upper()


def _conditions(before: Verdict, now: Verdict) -> Iterator[str]:
    held = {result.condition.text: result for result in before.results}
    for result in now.results:
        earlier = held.get(result.condition.text)
        if earlier is None:
            yield f"new condition: {result.condition.text}"
        elif earlier.holds is not result.holds:
            yield f"{result.condition.text}: {'holds now' if result.holds else _lost(result)}"
        elif earlier.seen != result.seen and result.missing:
            yield f"{result.condition.text}: {result.missing}"


def _lost(result: ConditionResult) -> str:
    return f"holds no more: {result.missing}" if result.missing else "holds no more"


def _score(before: Verdict, now: Verdict) -> Iterator[str]:
    if abs(now.score - before.score) >= SAME_SCORE:
        yield f"significance {before.score:.1f} → {now.score:.1f}"


def _facts(before: Verdict, now: Verdict) -> Iterator[str]:
    told = {each.text for each in before.counter}
    yield from (f"against it: {each.text}" for each in now.counter if each.text not in told)
    fates = {(each.what, each.due): each.fate for each in before.promises}
    yield from (each.text for each in now.promises if fates.get((each.what, each.due)) is not each.fate)
    quiet = {(gap.source, gap.last) for gap in before.gaps}
    yield from (gap.text for gap in now.gaps if (gap.source, gap.last) not in quiet)
