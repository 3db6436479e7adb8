"""Company metrics told as they are: `MRR 450k, NRR 143%`, `DAU 12.4k`; one draft a family of metrics."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import EventType, Status
from sago.domain.messages import CompactMessage
from sago.domain.metrics import is_vague
from sago.llm.providers.offline import figures
from sago.llm.providers.offline.desk import is_paper
from sago.llm.providers.offline.draft import STATUS, Draft, Setting
from sago.llm.providers.offline.exclusions import ELSEWHERE
from sago.llm.providers.offline.reading import Reading, Statement
from sago.llm.providers.offline.speech import Act, act, is_conditional, is_not_to_be, is_ruled_out

_REACHED = re.compile(
    r"\b(?:hit|passed|pass|crossed|reached|grew|now|at|is|are|was|were|stands?|closed|landed|lands|"
    r"ended|finished|came in|up|over|surpassed|broke|"
    r"topped|finali[sz]ed|million|more than)\b|[=:+~(]",
    re.I,
)
_ADDED = "additions"
"""The family of what came on top of revenue."""
_SOME, _MANY = 100, 1000
"""From here on users are a figure, and anything that 'we passed' is."""
_MILESTONE = re.compile(
    r"\bwe(?:['’]ve)?\W+(?:\w+\W+){0,2}?(?:passed|crossed|hit|reached|surpassed|topped|broke)\b", re.I
)
_NOT_PEOPLE = re.compile(
    r"\b(?:tests?|tickets?|commits?|lines?|messages?|requests?|bugs?|issues?|builds?|deploys?|events?|stars?|errors?|rows?|"
    r"connections?|sockets?|queries|jobs?|downloads of|points?|steps?|words?|emails?|calls?)\b",
    re.I,
)
"""What is counted in large numbers without being somebody who uses the product."""
FAKE = re.compile(
    r"\b(?:bots?|scripts?|spam|blocked|fake|test (?:users|accounts|devices|data)|scrap\w+|datacenter|synthetic|"
    r"load test)\b",
    re.I,
)


def company_figures(reading: Reading, statement: Statement, setting: Setting) -> list[Draft]:
    """`MRR 450k, NRR 143%`: company metrics told as they are, one draft a family."""
    text = statement.text
    named = figures.MENTION.search(text) or _MILESTONE.search(text)
    amounts = find_amounts(text) if named is not None else []
    if named is None or not amounts:
        return []
    span = min(named.start(), amounts[0].start), max(named.end(), amounts[-1].end)
    told = act(text[: span[0]] + " " * (span[1] - span[0]) + text[span[1] :], span)
    if told in (Act.TOLD, Act.DENIED):
        held = [amount for amount in amounts if not is_ruled_out(text, amount.start, amount.end)]
        if is_conditional(text) or (is_not_to_be(text, amounts[0].start) and not held):
            told = Act.SUPPOSED
        elif 0 < len(held) < len(amounts):
            told, amounts = Act.TOLD, held
    if told not in STATUS or ELSEWHERE.search(text) or FAKE.search(text):
        return []
    read = figures.figures(text, amounts, EventType.REVENUE_MILESTONE, "figures", setting.currencies, setting.exclude)
    families: dict[tuple[EventType, str], list[figures.Figure]] = {}
    for figure in read:
        family = _family(figure, text)
        if family is not None:
            families.setdefault(family, []).append(figure)
    is_level = any(family in figures.REVENUE.values() for _, family in families)
    told_now = {
        family: members
        for family, members in families.items()
        if any(_is_now(f.metric.name) for f in members) and not (is_level and family[1] == _ADDED)
    }
    return [
        _family_draft(reading.message, statement, family, members, STATUS[told], read if len(families) == 1 else None)
        for family, members in told_now.items()
    ]


def _is_now(name: str) -> bool:
    """Whether a metric states how things are, rather than how they were or changed."""
    return not name.startswith("earlier ") and not name.endswith((" growth", " decline"))


def _family(figure: figures.Figure, text: str) -> tuple[EventType, str] | None:
    name = figure.metric.name.removeprefix("earlier ").removesuffix(" growth").removesuffix(" decline")
    if name in figures.REVENUE:
        return EventType.REVENUE_MILESTONE, figures.REVENUE[name]
    if name.removeprefix("new ") in figures.REVENUE:
        return EventType.REVENUE_MILESTONE, _ADDED
    metric = figure.metric
    if metric.unit != "count":
        return None
    people = figures.has_users(name) and metric.value >= _SOME and _REACHED.search(text)
    is_somebody = not (_NOT_PEOPLE.search(metric.name) or is_paper(metric.name) or is_vague(metric.name))
    passed = is_somebody and metric.value >= _MANY and _MILESTONE.search(text)
    return (EventType.USER_GROWTH, name) if people or passed else None


def _family_draft(
    message: CompactMessage,
    statement: Statement,
    family: tuple[EventType, str],
    members: Sequence[figures.Figure],
    status: Status,
    everything: Sequence[figures.Figure] | None,
) -> Draft:
    """The quote is the statement with `everything` it states, or of several families the part that tells this one."""
    span = (statement.start, statement.end) if everything else _part(statement, [figure.amount for figure in members])
    metrics = tuple(figure.metric for figure in (everything or members))
    return Draft(message, family[0], "figures", status, span[0], span[1], family[1], metrics)


def _part(statement: Statement, amounts: Sequence[Amount]) -> tuple[int, int]:
    mentions = list(figures.MENTION.pattern.finditer(statement.text))
    first, last = amounts[0].start, amounts[-1].end
    before = [m.start() for m in mentions if m.end() <= first]
    behind = [m.end() for m in mentions if 0 <= m.start() - last <= 8]
    left = before[-1] if before else first
    return statement.start + left, statement.start + max(last, behind[0] if behind and not before else last)
