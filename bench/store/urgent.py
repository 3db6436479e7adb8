"""How long it takes to tell whether a message is urgent: what each message costs at store before it is queued."""

from __future__ import annotations

import statistics
import time

from bench.store.load import Load
from bench.store.page import Finding, Row
from sago.domain.cues import is_urgent
from sago.domain.messages import Message

TARGET = 20.0
"""µs a message."""
MESSAGES, ROUNDS = 5_000, 5


def urgent() -> Finding:
    """Over the messages of the load that all parts store, judged one by one."""
    load = Load.live("urgent", MESSAGES, 50)
    messages = [Message.from_json(load.delivery(n).value) for n in range(MESSAGES)]
    took: dict[str, list[float]] = {"slack": [], "gmail": []}
    fired = 0
    for turn in range(ROUNDS + 1):
        for message in messages:
            began = time.perf_counter_ns()
            is_one = is_urgent(message.text)
            spent = (time.perf_counter_ns() - began) / 1000
            if turn:  # the first reads the weights
                took[message.source].append(spent)
                fired += is_one
    every = [*took["slack"], *took["gmail"]]
    median = statistics.median(every)
    row = Row("3b", "is it urgent? a message, median", f"≤ {TARGET:g} µs", f"{median:.1f} µs", median <= TARGET)
    table = ["| | characters: median | µs: median | 90 of 100 below |", "|---|---:|---:|---:|"]
    for name, source in (("chat", "slack"), ("mail", "gmail")):
        size = statistics.median(len(message.text) for message in messages if message.source == source)
        table.append(f"| {name} | {size:,.0f} | {statistics.median(took[source]):.1f} | {_ninth(took[source]):.1f} |")
    share = fired / ROUNDS / MESSAGES
    return Finding("urgent", [row], [f"{MESSAGES:,} messages, {ROUNDS} rounds; {share:.1%} of them are.", "", *table])


def _ninth(values: list[float]) -> float:
    return statistics.quantiles(values, n=10)[-1]
