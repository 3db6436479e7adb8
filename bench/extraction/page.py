"""docs/extraction.md: the scores, beside the digest of the code they are of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.extraction.recognizers import measured
from bench.extraction.sets import LabelledSet
from sago.config import PROJECT
from sago.evaluation.evaluation import PER_1000, Evaluation, Measured

PAGE = PROJECT / "docs" / "extraction.md"
BEGIN, END = "<!-- begin scores -->", "<!-- end scores -->"
READ_BY = (
    "sago/llm/providers",
    "sago/llm/remote",
    "sago/prompts",
    "sago/domain",
    "sago/pipeline",
    "sago/evaluation",
    "sago/sample",
    "labelled",
)
"""What a score depends on: rules, prompts, figures, the fold, the scoring, and the labels themselves."""
READ_AS = frozenset({".py", ".txt", ".csv", ".jsonl", ".onnx"})
GOALS = {
    "macro F1": (0.50, 0.80),
    "precision": (0.70, 0.90),
    "metric recall": (0.65, 0.85),
    PER_1000: (30, 10),
    "duplicates per true event": (0.05, 0.05),
    "grounding": (1.0, 1.0),
}
"""Floor and goal on companies that nobody tuned to."""
PER_SECOND = {"rules": 1000, "offline": 100}
"""Messages that a core should read in a second, without a model and with one."""
EXAMPLES = 12


@dataclass(frozen=True)
class Scored:
    """One provider on one set."""

    provider: str
    labelled: LabelledSet
    evaluation: Evaluation
    per_second: float
    """Messages read in a second of one core's time."""


def digest(project: Path = PROJECT) -> str:
    """The first 16 digits of the SHA-256 of everything that a score depends on."""
    found = hashlib.sha256()
    for place in READ_BY:
        for path in sorted((project / place).rglob("*")):
            if path.is_file() and path.suffix in READ_AS:
                found.update(path.relative_to(project).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def stale(page: Path = PAGE, project: Path = PROJECT) -> str | None:
    """Why the page's scores are not those of the code, or None."""
    told = re.search(r"digest `([0-9a-f]{16})`", page.read_text(encoding="utf-8")) if page.exists() else None
    if told is not None and told[1] == digest(project):
        return None
    return "docs/extraction.md has scores of other rules, prompts or labels than these: run `make eval`"


def write(scored: Sequence[Scored], stamp: str, page: Path = PAGE) -> None:
    """Put the scores into their place of the page; what stands around them stays. Raises ValueError without a place."""
    text = page.read_text(encoding="utf-8")
    found, times = re.subn(
        rf"(?s){re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: "\n".join([BEGIN, *lines(scored, stamp), END]), text
    )
    if times != 1:
        raise ValueError(f"{page} has {times} places for the scores")
    page.write_text(found, encoding="utf-8")


def lines(scored: Sequence[Scored], stamp: str) -> list[str]:
    """Everything that a run writes."""
    out = [f"{stamp} Of the code with the digest `{digest()}`.", ""]
    for provider in dict.fromkeys(each.provider for each in scored):
        own = [each for each in scored if each.provider == provider]
        out += [f"### {provider}", "", *_table(own), "", *_by_type(own), ""]
    examples = [each for each in scored if each.labelled.name == "seen"]
    for each in examples:
        out += [f"### What {each.provider} gets wrong", "", *_wrong(each), ""]
    return [*out, "### Figures", "", *_figures_read(), ""]


def _figures_read() -> list[str]:
    """How figures alone are read, whoever reads the sentences around them."""
    rows = [
        f"| {each.name} | {each.expected} | {each.valued / each.expected:.2f} | {each.united / each.expected:.2f} "
        f"| {each.exact / each.expected:.2f} | {each.foreign} |"
        for each in measured()
    ]
    if not rows:
        return ["Not measured: the corpus is not beside the repository."]
    head = "| file | figures | value right | and unit | and span | left out |"
    return [
        "`find_amounts` on the English test cases of Recognizers-Text. *left out*: no value, or a currency Sago does "
        "not name. *number* holds fractions, powers and dates, which are no figures here.",
        "",
        head,
        "|---|---|---|---|---|---|",
        *rows,
    ]


def _table(scored: Sequence[Scored]) -> list[str]:
    names = [each.labelled.name for each in scored]
    figures = [each.evaluation.figures() for each in scored]
    sizes = [
        f"{sum(map(len, each.labelled.messages.values())):,} messages, {len(each.labelled.labels)} events, "
        f"{len(each.labelled.messages)} companies"
        for each in scored
    ]
    rows = [
        f"| | floor → goal | {' | '.join(names)} |",
        f"|---|---|{'---|' * len(names)}",
        f"| | | {' | '.join(sizes)} |",
    ]
    for name in figures[0]:
        wanted = f"{GOALS[name][0]:g} → {GOALS[name][1]:g}" if name in GOALS else ""
        rows.append(f"| {name} | {wanted} | {' | '.join(_figure(name, each[name]) for each in figures)} |")
    speed = PER_SECOND.get(scored[0].provider, PER_SECOND["rules"])
    rows.append(
        f"| messages a second a core | {speed:,} | {' | '.join(f'{each.per_second:,.0f}' for each in scored)} |"
    )
    return rows


def _figure(name: str, measured: Measured) -> str:
    digits = 1 if name == PER_1000 else 2
    value, interval = measured
    if value is None:
        return "–"
    spread = f" ({interval.low:.{digits}f}–{interval.high:.{digits}f})" if interval else ""
    return f"{value:.{digits}f}{spread}"


def _by_type(scored: Sequence[Scored]) -> list[str]:
    """Precision and recall of each type on each set, with how many are labelled."""
    names = [each.labelled.name for each in scored]
    tallies = [each.evaluation.tally for each in scored]
    rows = [f"| F1 (precision, recall; labelled) | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for event_type in sorted({event_type for tally in tallies for event_type in tally.labelled}):
        cells = []
        for tally in tallies:
            precision, recall, f1 = tally.of(event_type)
            cells.append(f"{f1:.2f} ({precision:.2f}, {recall:.2f}; {tally.labelled[event_type]})")
        rows.append(f"| {event_type.value} | {' | '.join(cells)} |")
    return rows


def _wrong(scored: Scored) -> list[str]:
    """One missed and one false event of each company, in turn, up to EXAMPLES: titles, and ids to look them up."""
    rows: list[str] = []
    for comparison in scored.evaluation.companies.values():
        rows += [
            f"- missed {e.event_type.value}: {e.title} ({', '.join(e.message_ids)})" for e in comparison.missed[:1]
        ]
        rows += [f"- false {e.event_type.value}: {e.title} ({', '.join(e.message_ids)})" for e in comparison.false[:1]]
    return rows[:EXAMPLES]
