"""`python -m training.weighing LIKELY.jsonl`: the signs beside each likelihood, and whether it was true, as JSON lines.

LIKELY is what `training.encoder --test` wrote: of companies that the encoder has not learned from. For
`training.weights`, which fits the constants of `sago/llm/providers/offline/weighing.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.extraction.sets import LABELLED, read_set
from sago.domain.events import EventType
from sago.domain.messages import native_id
from sago.llm.providers.offline import subjects
from sago.llm.providers.offline.draft import Setting
from sago.llm.providers.offline.drafts import drafts
from sago.llm.providers.offline.figures import Currencies
from sago.llm.providers.offline.reading import Voice, read
from sago.llm.providers.offline.weighing import all_signs
from training.examples import examples
from training.opinions import read_likely


def main() -> None:
    """All companies of the file."""
    likely = read_likely(Path(sys.argv[1]))
    known = {message_id for message_id, _ in likely}
    for folder in sorted(LABELLED.iterdir()):
        if not (folder / "gold.jsonl").exists():
            continue
        told = {(each["message_id"], each["start"]): each["types"] for each in examples(folder.name)}
        if not known & {message_id for message_id, _ in told}:
            continue
        own = subjects.squeezed([folder.name])
        ordered = sorted(read_set(folder)[0][folder.name], key=lambda m: (m.sent_at, m.id, m.version))
        readings = [read(message, own) for message in ordered]
        found = {each.message.id: drafts(each, Setting(Currencies(), own)) for each in readings}
        opinions = {
            each.message.id: [likely[native_id(each.message.id), statement.start] for statement in each.statements]
            for each in readings
            if each.voice is not Voice.NOBODY
        }
        starts = {each.message.id: [statement.start for statement in each.statements] for each in readings}
        for message_id, place, event_type, signs in all_signs(readings, found, opinions):
            types = told[native_id(message_id), starts[message_id][place]]
            same = types[list(EventType).index(event_type)]
            sys.stdout.write(json.dumps({"company": folder.name, "signs": signs, "same": same}) + "\n")


if __name__ == "__main__":
    main()
