"""How long it takes to tell whether a message is urgent: what each message costs at store before it is queued."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from bench.store.load import Load
from bench.store.page import Finding, Row
from sago.domain.cues import is_urgent
from sago.domain.messages import Message

TARGET = 20.0
"""µs a message."""
KINDS = {"chat": "slack", "mail": "gmail"}
MESSAGES, ROUNDS = 5_000, 20


def urgent() -> Finding:
    """Over the messages of the load that all parts store, in its order, and of each kind alone. In processor time: what
    others do on the machine is not counted."""
    load = Load.live("urgent", MESSAGES, 50)
    messages = [Message.from_json(load.delivery(n).value) for n in range(MESSAGES)]
    texts = {name: [each.text for each in messages if each.source == source] for name, source in KINDS.items()}
    fired = sum(is_urgent(each.text) for each in messages)  # the first reads the weights
    took = [{name: _took(some) for name, some in texts.items()} for _ in range(ROUNDS)]
    means = [_took([each.text for each in messages]) / MESSAGES for _ in range(ROUNDS)]
    mean = statistics.median(means)
    measured = f"{mean:.1f} ({min(means):.1f} – {max(means):.1f}) µs"
    row = Row(
        "3b", "is it urgent? processor time a message, mean of the load", f"≤ {TARGET:g} µs", measured, mean <= TARGET
    )
    table = ["| | messages | characters: median | µs a message |", "|---|---:|---:|---:|"]
    for name, some in texts.items():
        each = statistics.median(times[name] for times in took) / len(some)
        table.append(f"| {name} | {len(some):,} | {statistics.median(map(len, some)):,.0f} | {each:.1f} |")
    told = (
        f"{MESSAGES:,} messages, {ROUNDS} rounds, of which the middle one is told; {fired / MESSAGES:.1%} of them are."
    )
    return Finding("urgent", [row], [told, "", *table])


def _took(texts: Sequence[str]) -> float:
    """µs of this thread for all of them."""
    began = time.thread_time_ns()
    for text in texts:
        is_urgent(text)
    return (time.thread_time_ns() - began) / 1000
