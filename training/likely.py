"""`python -m training.likely COMPANY …`: the encoder's likelihoods as it runs, 8 bits and all, as JSON lines.

For `training.weighing` and `training.opinions`, with companies that it has not learned from.
"""

from __future__ import annotations

import json
import sys

from bench.extraction.sets import LABELLED, held_out, read_set
from sago.domain.events import EventType
from sago.domain.messages import native_id
from sago.llm.providers.offline import subjects
from sago.llm.providers.offline.encoder import Encoder
from sago.llm.providers.offline.reading import read


def main() -> None:
    """The companies named, in order."""
    encoder = Encoder()
    if shown := set(sys.argv[1:]) & set(held_out()):
        raise SystemExit(f"{', '.join(sorted(shown))}: nothing is chosen by companies that are kept unseen")
    for company in sys.argv[1:]:
        ordered = sorted(read_set(LABELLED / company)[0][company], key=lambda m: (m.sent_at, m.id, m.version))
        readings = [read(message, subjects.squeezed([company])) for message in ordered]
        opinions = encoder.opinions(readings, {reading.message.id for reading in readings})
        for reading in readings:
            for statement, likely in zip(reading.statements, opinions.get(reading.message.id, ()), strict=False):
                told = [round(likely[event_type], 4) for event_type in EventType]
                line = {"message_id": native_id(reading.message.id), "start": statement.start, "likely": told}
                sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
