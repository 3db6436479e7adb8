"""What nobody could have heard did not fail to happen: an absence holds only over a time that was listened to, and is
told of what is shared alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from sago.domain import periods
from sago.domain.companies import EVERY_SOURCE, Share
from sago.domain.significance import Arrivals
from sago.domain.watches import ConditionResult, Outcome, Verdict
from sago.domain.wording import day
from sago.outreach.conditions import holds
from sago.outreach.silence import LOOK_BACK
from sago.outreach.verdicts import lacking, reasons


def without_unheard(verdict: Verdict, arrivals: Sequence[Arrivals]) -> Verdict:
    """The verdict, in which no absence holds whose period was not heard from its start, or in which nothing was heard.

    Where no arrivals are known the verdict is left as it is.
    """
    heard = [each.day for each in arrivals if each.messages and each.day <= verdict.as_of.date()]
    if not heard or (verdict.outcome is Outcome.DO_NOT_WRITE and not verdict.against):
        return verdict
    results = tuple(_heard(result, verdict, min(heard), max(heard)) for result in verdict.results)
    if results == verdict.results:
        return verdict
    because = lacking(results, verdict.as_of)
    return verdict.model_copy(update={"results": results, "outcome": Outcome.NOT_YET, "because": because})


def told_of_shared(verdict: Verdict, share: Share) -> Verdict:
    """The verdict, whose absences say of which sources they are told, where the share does not cover all: what happened
    may stand in the others."""
    if EVERY_SOURCE in share.sources:
        return verdict
    within = f"in what is shared ({', '.join(share.sources)})"
    results = tuple(
        result.model_copy(update={"note": within}) if _is_held_by_absence(result) else result
        for result in verdict.results
    )
    because = reasons(results, verdict.as_of) if verdict.outcome is Outcome.NOW else verdict.because
    return verdict.model_copy(update={"results": results, "because": because})


def _is_held_by_absence(result: ConditionResult) -> bool:
    condition = result.condition
    return result.holds and condition.kind == "count" and holds(condition, 0)


def _heard(result: ConditionResult, verdict: Verdict, first: date, last: date) -> ConditionResult:
    if not _is_held_by_absence(result):
        return result
    start = _start(result, verdict)
    if last < start:
        missing = f"nothing heard since {day(last, beside=verdict.as_of)}"
    elif start < first:
        missing = f"nothing heard before {day(first, beside=verdict.as_of)}"
    else:
        return result
    asked = f"{result.condition.text}: {missing}, so nobody can say"
    return result.model_copy(update={"holds": False, "missing": asked, "note": ""})


def _start(result: ConditionResult, verdict: Verdict) -> date:
    """The first day of the absence's time, as far back as arrivals are known."""
    known = verdict.as_of - LOOK_BACK
    met = verdict.watch.met_on
    since = datetime.combine(met, time.min, UTC) if met else known
    asked = periods.before(verdict.as_of, result.condition.within) if result.condition.within else since
    return max(asked, known).date()
