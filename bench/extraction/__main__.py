"""`python -m bench.extraction`: every provider that can run on every labelled set, target beside measured.

`--write` puts the scores into docs/extraction.md; `--check` exits with 1 where a rule, a prompt or a label has changed
since the scores of that page were made.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from bench.extraction.page import Scored, lines, stale, write
from bench.extraction.sets import LabelledSet, sets
from sago import config
from sago.evaluation.evaluation import Evaluation, evaluate
from sago.llm import registry
from sago.pipeline.reading import Reading
from sago.stores.clock import SystemClock
from sago.stores.memory.model_calls import MemoryCallLedger


def main() -> int:
    """Measure or check; the exit status."""
    parser = argparse.ArgumentParser(prog="bench.extraction", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the scores into docs/extraction.md")
    parser.add_argument("--check", action="store_true", help="only say whether the page's scores are of this code")
    parser.add_argument("--allow-model", action="store_true", help="also ask vendors whose key is set; it costs")
    args = parser.parse_args()
    if args.check:
        reason = stale()
        sys.stderr.write(f"{reason}\n" if reason else "")
        return 1 if reason else 0
    scored = [_scored(name, labelled) for name in _providers(allow_model=args.allow_model) for labelled in sets()]
    stamp = f"`make eval` on {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}."
    sys.stdout.write("\n".join(lines(scored, stamp)) + "\n")
    if args.write:
        write(scored, stamp)
    return 0


def _providers(*, allow_model: bool) -> Iterator[str]:
    """Those that can read here: in this process, or with a key and the user's word."""
    settings = config.load(None)
    for name in registry.OFFERED:
        if not registry.PROVIDERS[name].section or (allow_model and not registry.missing(name, settings)):
            yield name


def _scored(provider: str, labelled: LabelledSet) -> Scored:
    settings, clock = config.load(None), SystemClock()
    reading = Reading(
        registry.load(provider, settings, MemoryCallLedger(), clock),
        clock,
        _say,
        chunk=settings.cache.message_limit,
        context=settings.extraction.context_messages,
        attempts=settings.extraction.max_attempts,
    )
    began = time.process_time()
    events = {company: reading.events(company, messages) for company, messages in labelled.messages.items()}
    took = time.process_time() - began
    comparisons = {
        company: evaluate(company, messages, events[company], labelled.labels)
        for company, messages in labelled.messages.items()
    }
    return Scored(provider, labelled, Evaluation(comparisons), sum(map(len, labelled.messages.values())) / took)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
