"""All processes at half their sustained rate for a long time: does anything grow that should not?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from bench.store.crossing import COMPANIES, PROCESSES, check, settle, sustained
from bench.store.feed import paced, staggered
from bench.store.memory import Series, flat, memory_of, sampled
from bench.store.page import Finding, Row
from bench.store.rig import Rig
from bench.store.rounds import say

OURS = ("bridge", *PROCESSES)
SAMPLES = 120
"""Over the whole time."""
FEW = 50.0
"""Tasks or results that are on their way; below it a queue is as good as empty."""
DATABASES = ("broker_db", "results_db", "buffer_db", "cache_db")
PERSISTENT, PASSING, MARKS, WAITING, TASKS = "keys kept", "keys that expire", "marks", "waiting messages", "tasks"


def soak(rig: Rig, minutes: float, messages: int, rate: float | None) -> Finding:
    """Feed for so many minutes and judge what was sampled; `rate` is the sustained rate, if it is known."""
    half = (rate or sustained(rig, messages)) / 2
    say(f"  {half:,.0f} messages a second for {minutes:g} minutes")
    rig.empty()
    series = Series()
    with rig.bridge() as bridge:
        rig.assigned_at(bridge)
        before = rig.fill_with(staggered(COMPANIES))
        look = partial(_look, rig, rig.children() | {"bridge": bridge})
        every = minutes * 60 / SAMPLES
        with paced(rig, "soak", half, COMPANIES) as feed, sampled(series, every, look):
            _watch(series, minutes)
        settle(rig)
        check(rig, before + feed.sent)
    return _judge(series, half, minutes)


def _watch(series: Series, minutes: float) -> None:
    for minute in range(max(1, int(minutes))):
        time.sleep(minutes * 60 / max(1, int(minutes)))
        shown = {name: round(values[-1]) for name, values in series.values.items()}
        say(f"  minute {minute + 1}: {shown}")


def _judge(series: Series, rate: float, minutes: float) -> Finding:
    servers = sorted(name for name in series.values if name not in OURS and name not in _counts())
    queues = all(series.fifths(name)[4] <= FEW or series.growth(name) <= 1.1 for name in (TASKS, WAITING))
    memory, keys = flat(series, OURS), flat(series, [PERSISTENT])
    rows = [
        Row("7", f"soak: memory of {', '.join(OURS)}", "within 10%", _growths(series, OURS), memory),
        Row("8", "soak: keys in Redis that are kept", "flat", _growths(series, [PERSISTENT]), keys),
        Row("9", "soak: lengths of queues", f"flat, or at most {FEW:g}", _lengths(series, [TASKS, WAITING]), queues),
    ]
    said = f"{minutes:g} minutes at {rate:,.0f} messages a second; a fifth is {minutes / 5:g} minutes."
    said += " Not run: outreach, api and flower, through which no message goes."
    tables = [
        *series.table("MB", [*OURS, *servers]),
        "",
        *series.table("in Redis", [PERSISTENT, TASKS, WAITING, PASSING, MARKS]),
    ]
    return Finding("soak", rows, [said, "", *tables])


def _look(rig: Rig, children: Mapping[str, Any]) -> dict[str, float]:
    return memory_of(dict(children)) | _redis(rig)


def _redis(rig: Rig) -> dict[str, float]:
    """Keys with and without an end; those of the mark sets are kept, what lies in them ends after 48 hours."""
    kept = passing = 0
    for name in DATABASES:
        with closing(rig.redis(getattr(rig.settings.redis, name))) as client:
            told = client.info("keyspace").get(f"db{getattr(rig.settings.redis, name)}", {"keys": 0, "expires": 0})
            kept += told["keys"] - told["expires"]
            passing += told["expires"]
    buffer = rig.container.buffer
    return {
        PERSISTENT: float(kept),
        PASSING: float(passing),
        MARKS: float(buffer.marks()),
        WAITING: float(sum(buffer.counts().values())),
        TASKS: float(rig.queued()),
    }


def _counts() -> tuple[str, ...]:
    return PERSISTENT, PASSING, MARKS, WAITING, TASKS


def _lengths(series: Series, names: Sequence[str]) -> str:
    """Of the second fifth and of the last: of a few tasks the growth would tell little."""
    told = {name: series.fifths(name) for name in names}
    return ", ".join(f"{name} {fifths[1]:,.0f} → {fifths[4]:,.0f}" for name, fifths in told.items())


def _growths(series: Series, names: Any) -> str:
    return ", ".join(f"{name} {series.growth(name):.2f} ×" for name in names)
