"""The labelled sets: where they lie, what each is good for, and how they are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sago.config import PROJECT
from sago.domain.messages import CompactMessage, Message
from sago.evaluation.labels import Label, read_labels
from sago.sample.stories import write_csv
from sago.sources.files import read_path

LABELLED = PROJECT / "labelled"
DEVELOPMENT = PROJECT.parent / "shared" / "eval" / "dev"
GENERATED_ROWS, GENERATED_COMPANIES, SEED = 5000, 10, 7


@dataclass(frozen=True)
class LabelledSet:
    """Companies' messages with the labels of what they tell."""

    name: str
    """What it may be used for stands in docs/extraction.md."""
    messages: dict[str, list[CompactMessage]]
    labels: list[Label]


def sets() -> Iterator[LabelledSet]:
    """Those at hand, the strictest first."""
    unseen = held_out()
    companies = sorted(path.name for path in LABELLED.iterdir() if (path / "gold.jsonl").exists())
    yield _own("unseen", unseen)
    yield _own("seen", [name for name in companies if name not in unseen])
    if DEVELOPMENT.exists():
        messages, labels = read_set(DEVELOPMENT)
        yield LabelledSet("development", messages, labels)
    yield _generated()


def held_out() -> list[str]:
    """The companies that are measured and never learned from."""
    return (LABELLED / "unseen.txt").read_text(encoding="utf-8").split()


def _own(name: str, companies: list[str]) -> LabelledSet:
    messages: dict[str, list[CompactMessage]] = {}
    labels: list[Label] = []
    for company in companies:
        read, told = read_set(LABELLED / company)
        messages |= read
        labels += told
    return LabelledSet(name, messages, labels)


def read_set(folder: Path) -> tuple[dict[str, list[CompactMessage]], list[Label]]:
    """Company → its messages, and the labels, of a folder with messages.csv and gold.jsonl."""
    return _messages(folder / "messages.csv"), read_labels(folder / "gold.jsonl")


def _messages(path: Path) -> dict[str, list[CompactMessage]]:
    messages: dict[str, list[CompactMessage]] = {}
    for row in read_path(path, company_id="", mapping={}, now=datetime.now(UTC)):
        if not isinstance(row, Message):
            raise ValueError(f"{path}:{row.line}: {row.reason}")
        messages.setdefault(row.company_id, []).append(row.compact())
    return messages


def _generated() -> LabelledSet:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "messages.csv"
        written = write_csv(path, rows=GENERATED_ROWS, companies=GENERATED_COMPANIES, seed=SEED)
        return LabelledSet("generated", _messages(written.path), read_labels(written.labels_path))
