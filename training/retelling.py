"""`python -m training.retelling`: which telling is of which event, and what they share, as JSON lines.

Each labelled telling of the seen companies, in the order of time, against each event of its type told before it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench.extraction.sets import LABELLED, held_out, read_set
from sago.domain.amounts import find_amounts
from sago.domain.events import Finding, Observation
from sago.domain.messages import CompactMessage, native_id
from sago.evaluation.labels import Label
from sago.llm.providers.offline import subjects
from sago.llm.providers.offline.drafts import match
from sago.llm.providers.offline.figures import TOLD, Currencies, figures
from sago.llm.providers.offline.reading import Voice
from sago.pipeline.grounding import ground
from sago.pipeline.retelling import Shared, signs, traits

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def tellings(company: str) -> list[tuple[int, Observation]]:
    """Number of the event and its tellings as observations, by time."""
    messages, labels = read_set(LABELLED / company)
    exclude = subjects.squeezed([company])
    numbered = {}
    findings = []
    by_id = {native_id(message.id): message for message in messages[company]}
    for number, label in enumerate(labels):
        for words in label.evidence:
            message = by_id[words.message_id]
            findings.append(_finding(label, message, words.quote, exclude))
            numbered[message.id, words.quote, label.event_type] = number
    extractor = {"extractor": "labels", "extractor_version": "1", "recorded_at": NOW}
    said, _ = ground(findings, messages[company], company_id=company, **extractor)  # type: ignore[arg-type]
    said.sort(key=lambda o: (o.said_at, o.message_id, o.start))
    return [(numbered[o.message_id, o.quote, o.event_type], o) for o in said]


def _finding(label: Label, message: CompactMessage, quote: str, exclude: frozenset[str]) -> Finding:
    cued = match(quote, Voice.OURS)
    kind = cued[0].kind if cued and cued[0].event_type is label.event_type else ""
    subject = subjects.find(quote, cued[1].span(), label.event_type, kind, exclude) if kind and cued else None
    metrics = tuple(f.metric for f in figures(quote, find_amounts(quote), label.event_type, kind or TOLD, Currencies()))
    return Finding(
        message_id=message.id,
        quote=quote,
        event_type=label.event_type,
        title=label.title,
        subject=subjects.key(subject, label.event_type, kind, quote),
        metrics=metrics,
    )


def pairs(said: list[tuple[int, Observation]]) -> Iterator[dict[str, Any]]:
    """Each telling against each event told before: what they share, and whether it is the same."""
    events: dict[int, tuple[Shared, set[str], list[Observation]]] = {}
    for number, o in said:
        own = traits(o)
        of_type = {other: event for other, event in events.items() if event[2][0].event_type is o.event_type}
        newest = max((told[-1].said_at for _, _, told in of_type.values()), default=None)
        for other, (shared, names, told) in of_type.items():
            if all(o.message_id != each.message_id for each in told):
                since = (o.said_at - told[-1].said_at).total_seconds()
                found = signs(o, own, shared, names, since, is_newest=told[-1].said_at == newest)
                yield {"signs": found, "same": int(other == number)}
        shared, names, told = events.setdefault(number, (Shared(), set(), []))
        shared.add(own)
        names |= {o.subject} if o.subject else set()
        told.append(o)


def main() -> None:
    """All seen companies."""
    companies = sorted(folder.name for folder in LABELLED.iterdir() if (folder / "gold.jsonl").exists())
    for company in companies:
        if company not in held_out():
            for pair in pairs(tellings(company)):
                sys.stdout.write(json.dumps({"company": company, **pair}) + "\n")


if __name__ == "__main__":
    main()
