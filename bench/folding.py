"""`python -m bench.folding`: what a fold costs a company that tells the same four events again and again."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from statistics import median

from bench.store.load import NEWS
from sago.domain.batches import ExtractionRequest
from sago.domain.events import Observation
from sago.domain.messages import CompactMessage
from sago.llm.providers.offline.model import RulesModel
from sago.pipeline.folding import fold
from sago.pipeline.grounding import ground

COMPANY = "acme"
START = datetime(2026, 3, 2, tzinfo=UTC)
ROUNDS = 5


def observations(tellings: int) -> list[Observation]:
    """What the offline reader finds in so many messages, ten seconds apart."""
    messages = tuple(
        CompactMessage(
            id=f"slack:{n}",
            source="slack",
            sent_at=START + n * timedelta(seconds=10),
            sender="x",
            text=NEWS[n % len(NEWS)],
        )
        for n in range(tellings)
    )
    model = RulesModel()
    findings = model.extract(ExtractionRequest(company_id=COMPANY, company_name="Acme", messages=messages))
    reading = {"extractor": model.name, "extractor_version": model.version, "recorded_at": START}
    return ground(findings, messages, company_id=COMPANY, **reading)[0]  # type: ignore[arg-type]


def milliseconds(said: list[Observation]) -> float:
    """Processor time of one fold."""
    began = time.process_time()
    fold(COMPANY, said, [])
    return 1000 * (time.process_time() - began)


def main() -> None:
    for tellings in (100, 200, 400, 800):
        said = observations(tellings)
        took = [milliseconds(said) for _ in range(ROUNDS)]
        sys.stdout.write(f"{tellings} tellings: {median(took):.1f} ms ({min(took):.1f} - {max(took):.1f})\n")


if __name__ == "__main__":
    main()
