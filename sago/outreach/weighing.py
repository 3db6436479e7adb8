"""A verdict with what it weighs, what speaks against it, what was promised, and how fresh its facts are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from sago.domain.bands import BandPoint
from sago.domain.events import Event, EventType, MetricPoint, Observation
from sago.domain.letters import Letter, LetterState
from sago.domain.significance import Arrivals, NewlyMet, Scale, Score
from sago.domain.watches import Outcome, Verdict, Watch
from sago.domain.wording import day
from sago.outreach.absences import without_unheard
from sago.outreach.counterevidence import counter_evidence
from sago.outreach.promises import promises
from sago.outreach.proofs import held_since
from sago.outreach.significance import newly_met, scores
from sago.outreach.silence import gaps

COUNTED = 20
"""The strongest events make the score: who chats more does not weigh more, and each part can be shown."""


class Grounds(NamedTuple):
    """What one company's watches are judged on."""

    events: Sequence[Event]
    metric_points: Sequence[MetricPoint]
    observations: Sequence[Observation] = ()
    """Of plans and denials alone."""
    arrivals: Sequence[Arrivals] = ()
    letters: Sequence[Letter] = ()
    """Of the company, rejected and superseded ones too."""
    bands: Sequence[BandPoint] | None = None
    """In place of the metric points, where no exact figure is shared."""

    def last_look(self, watch: Watch) -> datetime | None:
        """The newest event that a letter of the watch told which a person let go: what came before it is no news.

        A letter that told what is no longer held is left out: what holds has to be told anew.
        """
        let_go = [each for each in self.letters if each.watch_id == watch.id and _is_let_go(each)]
        at = {event.id: event.occurred_at for event in self.events if event.is_active}
        told = [event_id for letter in let_go if at.keys() >= set(letter.event_ids) for event_id in letter.event_ids]
        return max((at[event_id] for event_id in told), default=None)


def assess(verdict: Verdict, on: Grounds, as_of: datetime, scale: Scale) -> Verdict:
    """The verdict with all that is shown of it."""
    weighed = weigh(without_unheard(verdict, on.arrivals), on, scale)
    since = _news_since(verdict.watch, on)
    told = promises(on.observations, on.events, on.metric_points, as_of)
    against = counter_evidence(weighed, on.events, on.metric_points, on.observations, since, scale)
    return weighed.model_copy(update={"counter": against, "promises": told})


def weigh(verdict: Verdict, on: Grounds, scale: Scale) -> Verdict:
    """The verdict with its score and how fresh its facts are.

    The score is the sum of the COUNTED strongest events since the last look, or else since the meeting, and of the
    conditions met since then. An update below `scale.threshold` is NOT_YET: nothing is worth a letter. There events
    are weighed as of the newest of them: history that is read for the first time was news on its day.
    """
    watch, as_of = verdict.watch, verdict.as_of
    since = _news_since(watch, on)
    news = [event for event in on.events if _is_news(event, since, as_of)]
    counted = _strongest(news, on, as_of, watch, scale)
    met = tuple(_newly_met(verdict, on, since, scale))
    weighed = verdict.model_copy(
        update={
            "score": sum(each.value for each in counted) + sum(each.value for each in met),
            "scores": counted,
            "newly_met": met,
            "gaps": gaps(on.arrivals, as_of),
        }
    )
    if weighed.outcome is Outcome.UPDATE:
        weighed = _worth_a_letter(weighed, news, on, since, scale)
    return _with_gaps(weighed)


def _strongest(news: Sequence[Event], on: Grounds, as_of: datetime, watch: Watch, scale: Scale) -> tuple[Score, ...]:
    return tuple(scores(on.events, as_of, watch.weights, scale, of=news, limit=COUNTED).values())


def _worth_a_letter(
    verdict: Verdict, news: Sequence[Event], on: Grounds, since: datetime | None, scale: Scale
) -> Verdict:
    newest = max((event.occurred_at for event in news), default=verdict.as_of)
    worth = sum(each.value for each in _strongest(news, on, newest, verdict.watch, scale))
    if worth >= scale.threshold and news:
        return verdict
    when = f" since {day(since, beside=verdict.as_of)}" if since else ""
    because = f"Nothing worth a letter{when}: significance {worth:.1f} of {scale.threshold:.1f}."
    return verdict.model_copy(update={"outcome": Outcome.NOT_YET, "because": because})


def _newly_met(verdict: Verdict, on: Grounds, since: datetime | None, scale: Scale) -> Iterator[NewlyMet]:
    watch, as_of = verdict.watch, verdict.as_of
    for result in verdict.results:
        if not result.holds:
            continue
        held = held_since(result.condition, on.events, on.metric_points, watch.met_on, as_of, on.bands)
        if held is not None and (since is None or held > since.date()):
            yield newly_met(result.condition, held, as_of, scale)


def _with_gaps(verdict: Verdict) -> Verdict:
    """Old facts are said to be old, beside what is said of them; not beside a quote, which speaks for itself."""
    if not verdict.gaps or verdict.outcome is Outcome.DO_NOT_WRITE:
        return verdict
    told = " ".join([verdict.because, *(f"{gap.text}." for gap in verdict.gaps)])
    return verdict.model_copy(update={"because": told})


def _news_since(watch: Watch, on: Grounds) -> datetime | None:
    """News is what was said after this moment: the last look; else, where a meeting is waited from, the last moment
    before its day."""
    looked = on.last_look(watch)
    met_on = watch.met_on if watch.conditions else None
    met = datetime.combine(met_on, time.min, UTC) - timedelta(milliseconds=1) if met_on else None
    return max((moment for moment in (looked, met) if moment), default=None)


def _is_news(event: Event, since: datetime | None, as_of: datetime) -> bool:
    is_new = event.occurred_at <= as_of and (since is None or event.occurred_at > since)
    return is_new and event.is_active and event.event_type is not EventType.SETBACK


def _is_let_go(letter: Letter) -> bool:
    return letter.state.is_live and letter.state is not LetterState.DRAFT
