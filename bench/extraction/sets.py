"""The labelled sets: where they lie, what each is good for, and how they are loaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sago.config import PROJECT
from sago.domain.messages import CompactMessage, Message
from sago.evaluation.labels import Label, read_labels
from sago.sample.generate import SampleRow, generate
from sago.sources.files import read_path

LABELLED = PROJECT / "labelled"
DEVELOPMENT = PROJECT.parent / "shared" / "eval" / "dev"
GENERATED_ROWS, GENERATED_COMPANIES = 5000, 10


@dataclass(frozen=True)
class LabelledSet:
    """Companies' messages with the labels of what they tell."""

    name: str
    what: str
    """What it may be used for, in a sentence."""
    messages: dict[str, list[CompactMessage]]
    labels: list[Label]


def sets() -> Iterator[LabelledSet]:
    """Those at hand, the strictest first."""
    unseen = held_out()
    companies = sorted(path.name for path in LABELLED.iterdir() if (path / "gold.jsonl").exists())
    yield _own("unseen", "Nobody tunes on these: what a stranger's company may expect.", unseen)
    yield _own("seen", "Rules and weights are made on these.", [name for name in companies if name not in unseen])
    if DEVELOPMENT.exists():
        messages, labels = read_set(DEVELOPMENT)
        yield LabelledSet("development", "Four companies that were looked at from the beginning.", messages, labels)
    yield _generated()


def held_out() -> list[str]:
    """The companies that are measured and never learned from."""
    return (LABELLED / "unseen.txt").read_text(encoding="utf-8").split()


def _own(name: str, what: str, companies: list[str]) -> LabelledSet:
    messages: dict[str, list[CompactMessage]] = {}
    labels: list[Label] = []
    for company in companies:
        read, told = read_set(LABELLED / company)
        messages |= read
        labels += told
    return LabelledSet(name, what, messages, labels)


def read_set(folder: Path) -> tuple[dict[str, list[CompactMessage]], list[Label]]:
    """Company → its messages, and the labels, of a folder with messages.csv and gold.jsonl."""
    messages: dict[str, list[CompactMessage]] = {}
    for row in read_path(folder / "messages.csv", company_id="", mapping={}, now=datetime.now(UTC)):
        if not isinstance(row, Message):
            raise ValueError(f"{folder / 'messages.csv'}:{row.line}: {row.reason}")
        messages.setdefault(row.company_id, []).append(row.compact())
    return messages, read_labels(folder / "gold.jsonl")


def _generated() -> LabelledSet:
    sample = generate(rows=GENERATED_ROWS, companies=GENERATED_COMPANIES)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(SampleRow._fields)
    writer.writerows(sample.rows)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "messages.csv"
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
        (Path(folder) / "gold.jsonl").write_text("", encoding="utf-8")
        messages, _ = read_set(Path(folder))
    labels = [Label.model_validate(label) for label in sample.labels]
    return LabelledSet(
        "generated", "`sago generate-data`: three stories by hand, the rest put together.", messages, labels
    )
