"""`python -m bench.triage`: what triage keeps out of a model's prompts, and what it loses, on every labelled set.

Tokens are the prompt's own estimate. *Messages* are the lines of numbered messages and of context; *prompts* has the
instructions and the schema of each request as well. An event is lost when none of its messages is numbered any more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from bench.extraction.sets import LabelledSet, sets
from sago.config import Settings
from sago.domain.batches import ExtractionRequest
from sago.domain.cues import is_urgent
from sago.domain.events import Severity
from sago.domain.messages import native_id
from sago.domain.metrics import METRICS
from sago.llm.prompts import EXTRACTION
from sago.llm.remote import packing
from sago.llm.remote.chunk import SCHEMA_TOKENS
from sago.llm.triage import without_chatter
from sago.pipeline.chunking import LATER_REACH, chunks, context_of

GOAL = 0.6
"""Fewer tokens on the development and the generated set together."""
TOGETHER = ("development", "generated")
SETTINGS = Settings()
ROOM = SETTINGS.gemini.input_tokens


class Tokens(NamedTuple):
    """Of the messages' own lines, and of whole prompts."""

    messages: int = 0
    prompts: int = 0

    def plus(self, other: Tokens) -> Tokens:
        return Tokens(self.messages + other.messages, self.prompts + other.prompts)


class Measured(NamedTuple):
    """One set, or several together."""

    messages: int
    kept: int
    without: Tokens
    with_triage: Tokens
    events: int
    lost: int
    high: int
    high_urgent: int
    quiet: int
    quiet_urgent: int


def main() -> int:
    """Print the table; the exit status is 1 where the goal is missed."""
    found = {labelled.name: _measured(labelled) for labelled in sets()}
    both = Measured(*map(_sum, zip(*(found[name] for name in TOGETHER if name in found), strict=True)))
    rows = [*_rows(found), _row("**development and generated**", both)]
    head = "| | messages | numbered | tokens of messages a 1,000 | tokens of prompts a 1,000 | events lost |"
    sys.stdout.write("\n".join([head, "|---|---:|---:|---|---|---:|", *rows, "", *_urgent(found)]) + "\n")
    return 0 if both.lost == 0 and _fewer(both.without.messages, both.with_triage.messages) >= GOAL else 1


def _measured(labelled: LabelledSet) -> Measured:
    without = with_triage = Tokens()
    kept: set[tuple[str, str]] = set()
    for company, requests in _requests(labelled):
        for request in requests:
            left = without_chatter(request)
            kept |= {(company, native_id(message.id)) for message in left.messages}
            without = without.plus(_tokens(request))
            with_triage = with_triage.plus(_tokens(left))
    told = [{(label.company_id, message_id) for message_id in label.message_ids} for label in labelled.labels]
    high = [keys for keys, label in zip(told, labelled.labels, strict=True) if label.severity is Severity.HIGH]
    texts = {(company, native_id(m.id)): m.text for company, ms in labelled.messages.items() for m in ms}
    fired = {key for key, text in texts.items() if is_urgent(text)}
    quiet = texts.keys() - set().union(*told)
    return Measured(
        messages=sum(map(len, labelled.messages.values())),
        kept=len(kept),
        without=without,
        with_triage=with_triage,
        events=len(told),
        lost=sum(not keys & kept for keys in told),
        high=len(high),
        high_urgent=sum(bool(keys & fired) for keys in high),
        quiet=len(quiet),
        quiet_urgent=len(quiet & fired),
    )


def _requests(labelled: LabelledSet) -> Iterator[tuple[str, list[ExtractionRequest]]]:
    """Chunks and their context, as `sago extract` makes them."""
    for company, messages in labelled.messages.items():
        requests = []
        for chunk in chunks(messages, SETTINGS.cache.message_limit):
            before = [m for m in messages if m.sent_at < chunk[0].sent_at]
            after = [m for m in messages if timedelta(0) < m.sent_at - chunk[-1].sent_at <= LATER_REACH]
            context = context_of(chunk, before, after, SETTINGS.extraction.context_messages)
            requests.append(
                ExtractionRequest(
                    company_id=company, company_name=company, messages=tuple(chunk), context=tuple(context)
                )
            )
        yield company, requests


def _tokens(request: ExtractionRequest) -> Tokens:
    if not request.messages:
        return Tokens()
    lines = packing.numbered_lines(packing.readable(request.messages), ROOM)
    context = packing.context_lines(request.context, ROOM)
    prompt = EXTRACTION.render(
        company=request.company_name, metrics=", ".join(METRICS), context=context, messages=lines
    )
    whole = SCHEMA_TOKENS + packing.tokens(prompt.system) + packing.tokens(prompt.user)
    return Tokens(sum(map(packing.tokens, lines)) + sum(map(packing.tokens, context)), whole)


def _rows(found: dict[str, Measured]) -> Iterator[str]:
    for name, measured in found.items():
        yield _row(name, measured)


def _row(name: str, found: Measured) -> str:
    thousands = found.messages / 1000
    tokens = " | ".join(
        f"{without / thousands:,.0f} → {left / thousands:,.0f}: {_fewer(without, left):.0%} fewer"
        for without, left in zip(found.without, found.with_triage, strict=True)
    )
    share = f"{found.kept / found.messages:.0%}"
    return f"| {name} | {found.messages:,} | {share} | {tokens} | {found.lost} of {found.events} |"


def _urgent(found: dict[str, Measured]) -> Iterator[str]:
    yield "| urgent | of high-severity events | of messages without an event |"
    yield "|---|---:|---:|"
    for name, each in found.items():
        yield f"| {name} | {each.high_urgent / each.high:.0%} of {each.high} | {each.quiet_urgent / each.quiet:.2%} |"


def _fewer(without: int, left: int) -> float:
    return 1 - left / without


def _sum(values: tuple[int | Tokens, ...]) -> int | Tokens:
    if isinstance(values[0], Tokens):
        return Tokens(*map(sum, zip(*values, strict=True)))  # type: ignore[arg-type]
    return sum(values)  # type: ignore[arg-type]


if __name__ == "__main__":
    raise SystemExit(main())
