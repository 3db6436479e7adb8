"""The gate a letter passes before anybody sees it: a receipt for every figure, date and name, or a problem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sago.domain.letters import Highlight, LetterDraft, LetterRequest, Receipt
from sago.outreach.claims.acts import unbacked, whole_reason
from sago.outreach.claims.additions import additions
from sago.outreach.claims.coarse import is_coarse
from sago.outreach.claims.coherence import settled
from sago.outreach.claims.grounds import Ground, Grounds
from sago.outreach.claims.passages import Span
from sago.outreach.claims.reading import Problem, Text, receipt
from sago.outreach.claims.wording import absences, subject_problems, trends, written_problems

__all__ = ["Checked", "Problem", "check", "examine", "ungrounded", "written"]


class Checked(NamedTuple):
    """What became of a letter's claims: each has a receipt or is a problem."""

    receipts: tuple[Receipt, ...]
    problems: tuple[Problem, ...]


def check(draft: LetterDraft, request: LetterRequest, others: Sequence[str] = ()) -> list[Problem]:
    """Everything in the letter that is not grounded."""
    return list(examine(draft, request, others).problems)


def ungrounded(draft: LetterDraft, request: LetterRequest, others: Sequence[str] = ()) -> list[Problem]:
    """What keeps the letter back; empty when it may be shown. Additions, words without a figure, date or name, go back
    to a model once, and are shown to the person who approves."""
    return [problem for problem in check(draft, request, others) if not problem.is_addition]


def examine(draft: LetterDraft, request: LetterRequest, others: Sequence[str] = ()) -> Checked:
    """Every claim of the letter, receipted or refused; what is not receipted is refused.

    A highlight is held against its own event, subject and body against all events, each clause against one of them.
    Allowed besides what is stated: rounding to the digits written, MRR × 12 where the letter marks it (`~$5.4M ARR`),
    the watch's threshold where the letter speaks of what was asked, and what a condition was judged by. `others` are
    names of further companies of the house: they stand in a letter only where its own events name them.
    """
    receipts: list[Receipt] = []
    problems = [*subject_problems(draft.subject), *_strangers(draft, request)]
    for text in _texts(draft, request):
        problems += [
            *written_problems(text),
            *trends(text),
            *absences(text),
            *unbacked(text),
            *whole_reason(text),
            *_of_the_house(text, others),
        ]
        claims = list(settled(text))
        problems += additions(text, claims)
        for claim, match, refusal in claims:
            exact = match is None or is_coarse(claim, match, text, request.granularity)
            if refusal or not exact:
                why = refusal or "is more exact than the founder lets it be seen"
                shown = text.shown(text.sentence(claim.start))
                problems.append(Problem(claim.kind, text.raw[claim.start : claim.end], text.where, why, shown))
            elif match and claim.is_receipted:
                receipts.append(receipt(claim, match, text))
    return Checked(tuple(receipts), (*dict.fromkeys(problems), *_metrics(draft, request)))


def written(line: Highlight) -> str:
    """A highlight as it stands in the body, without its bullet; the text that its receipts' offsets count in."""
    return f"{line.heading}: {line.text}"


def _texts(draft: LetterDraft, request: LetterRequest) -> Iterator[Text]:
    grounds, as_of = Grounds.of(request), request.as_of.date()
    yield Text("subject", draft.subject, grounds.events, grounds, as_of)
    yield Text("body", _without_highlights(draft), grounds.events, grounds, as_of)
    for number, line in enumerate(draft.highlights, start=1):
        own: tuple[Ground, ...] = tuple(ground for ground in grounds.events if ground.key == line.event_id)
        yield Text(f"highlight {number}", written(line), own, grounds, as_of)


def _without_highlights(draft: LetterDraft) -> str:
    """The body, the highlights' own lines blanked: they are held against their events one by one."""
    body = draft.body
    for line in draft.highlights:
        body = body.replace(written(line), " " * len(written(line)), 1)
    return body


def _strangers(draft: LetterDraft, request: LetterRequest) -> Iterator[Problem]:
    known = {event.id for event in request.events}
    for number, line in enumerate(draft.highlights, start=1):
        if line.event_id not in known:
            yield Problem("event", str(line.event_id), f"highlight {number}")


def _of_the_house(text: Text, others: Iterable[str]) -> Iterator[Problem]:
    for name in others:
        form = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.I)
        if any(
            form.search(each) for ground in (*text.grounds, text.all.company, text.all.watch) for each in ground.texts
        ):
            continue
        for match in form.finditer(text.text):
            if match.group()[0].isupper() or len(name.split()) > 1:
                shown = text.shown(text.sentence(Span(*match.span()).start))
                yield Problem("name", match.group(), text.where, "is another company of the house", shown)


def _metrics(draft: LetterDraft, request: LetterRequest) -> list[Problem]:
    stated = {metric for event in request.events for metric in event.metrics}
    return [
        Problem("figure", f"{metric.name} {metric.value:g} {metric.unit}", "metrics")
        for metric in draft.metrics
        if metric not in stated
    ]
