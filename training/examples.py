"""`python -m training.examples`: statements of the labelled companies in context, with their types, as JSON lines.

Behind them single statements: the everyday talk of `labelled/everyday.jsonl`, which tells nothing, and the news of
`labelled/told.jsonl`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from bench.extraction.sets import LABELLED, read_set
from sago.domain.events import EventType
from sago.domain.messages import native_id
from sago.evaluation.labels import Label
from sago.llm.providers.offline import subjects
from sago.llm.providers.offline.inputs import inputs
from sago.llm.providers.offline.reading import Reading, Statement, read

LEAST = 12
"""Code points of a quote that a statement must hold to tell it, or most of a shorter statement."""


def examples(company: str) -> Iterator[dict[str, Any]]:
    """A company's statements in order; `types` has a 0 or 1 for each type of event, in the order of EventType."""
    messages, labels = read_set(LABELLED / company)
    own = subjects.squeezed([company])
    ordered = sorted(messages[company], key=lambda m: (m.sent_at, m.id, m.version))
    readings = [read(message, own) for message in ordered]
    for reading, given in zip(readings, inputs(readings), strict=True):
        spans = list(_spans(reading, labels))
        for statement, words in zip(reading.statements, given, strict=True):
            told = {event_type for event_type, start, end in spans if _tells(statement, start, end)}
            yield {
                "company": company,
                "message_id": native_id(reading.message.id),
                "start": statement.start,
                "statement": words.statement,
                "before": words.before,
                "types": [int(event_type in told) for event_type in EventType],
            }


def _spans(reading: Reading, labels: list[Label]) -> Iterator[tuple[EventType, int, int]]:
    """Where the message's labelled words stand, with the type of what they tell."""
    text, message_id = reading.message.text, native_id(reading.message.id)
    for label in labels:
        for words in label.evidence:
            start = text.find(words.quote) if words.message_id == message_id else -1
            while start >= 0:
                yield label.event_type, start, start + len(words.quote)
                start = text.find(words.quote, start + 1)


def _tells(statement: Statement, start: int, end: int) -> bool:
    shared = min(end, statement.end) - max(start, statement.start)
    return shared >= min(LEAST, 0.6 * (statement.end - statement.start))


def single(name: str) -> Iterator[dict[str, Any]]:
    """The statements of `labelled/<name>.jsonl`, as examples of a company of that name."""
    for number, line in enumerate((LABELLED / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()):
        given = json.loads(line)
        told = [int(event_type in given.get("types", ())) for event_type in EventType]
        yield {"company": name, "message_id": f"{name}{number}", "start": 0, **given, "types": told}


def main() -> None:
    for folder in sorted(LABELLED.iterdir()):
        if (folder / "gold.jsonl").exists():
            for example in examples(folder.name):
                sys.stdout.write(json.dumps(example, ensure_ascii=False) + "\n")
    for example in (*single("everyday"), *single("told")):
        sys.stdout.write(json.dumps(example, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
