"""`python -m training.opinions LIKELY.jsonl [SURE DOUBTFUL …]`: the offline reader beside a second reader, scored.

LIKELY is what `training.encoder --test` wrote. Each pair of thresholds is scored on the companies it holds; without a
pair a few are tried. The first line is the rules alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from bench.extraction.sets import LABELLED, read_set
from sago.domain.events import EventType
from sago.domain.messages import native_id
from sago.evaluation.evaluation import Evaluation, evaluate
from sago.llm.providers.offline import OfflineModel, RulesModel, opinions
from sago.llm.providers.offline.reading import Reading, Voice
from sago.pipeline.reading import Reading as FileReading
from sago.stores.clock import SystemClock

TRIED = [(0.4, 0.3), (0.5, 0.3), (0.6, 0.3)]
CHUNK, CONTEXT = 67, 20
Likely = dict[tuple[str, int], dict[EventType, float]]


class Known:
    """Opinions that were computed before, by message and the place of the statement."""

    def __init__(self, likely: Likely) -> None:
        self._likely = likely

    def opinions(self, readings: Sequence[Reading], of: Collection[str]) -> dict[str, list[Mapping[EventType, float]]]:
        """Raises KeyError for a statement that was not among the examples."""
        return {
            reading.message.id: [
                self._likely[native_id(reading.message.id), statement.start] for statement in reading.statements
            ]
            for reading in readings
            if reading.message.id in of and reading.voice is not Voice.NOBODY
        }


def read_likely(path: Path) -> Likely:
    """(message id, start) → type → probability."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row["message_id"], row["start"]): dict(zip(EventType, row["likely"], strict=True)) for row in rows}


def score(model: RulesModel, companies: Sequence[str]) -> Evaluation:
    """The reader's score on these companies."""
    comparisons = {}
    for company in companies:
        messages, labels = read_set(LABELLED / company)
        reading = FileReading(model, SystemClock(), sys.stderr.write, chunk=CHUNK, context=CONTEXT, attempts=1)
        events = reading.events(company, messages[company])
        comparisons[company] = evaluate(company, messages[company], events, labels)
    return Evaluation(comparisons)


def main() -> None:
    """Score each pair of thresholds."""
    likely = read_likely(Path(sys.argv[1]))
    given = [float(number) for number in sys.argv[2:]]
    known = {message_id for message_id, _ in likely}
    companies = [
        folder.name
        for folder in sorted(LABELLED.iterdir())
        if (folder / "gold.jsonl").exists()
        and any(native_id(message.id) in known for message in read_set(folder)[0][folder.name])
    ]
    _tell("the rules alone", score(RulesModel(), companies))
    for sure, doubtful in list(zip(given[::2], given[1::2], strict=True)) or TRIED:
        opinions.SURE, opinions.DOUBTFUL = sure, doubtful
        _tell(f"sure from {sure}, doubtful below {doubtful}", score(OfflineModel(Known(likely)), companies))


def _tell(what: str, evaluation: Evaluation) -> None:
    figures = ", ".join(f"{name} {value:.2f}" for name, (value, _) in evaluation.figures().items() if value is not None)
    sys.stdout.write(f"{what}: {figures}\n")


if __name__ == "__main__":
    main()
