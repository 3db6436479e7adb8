"""The parts that store loads and nothing else: against others, by size, by companies."""

from __future__ import annotations

import statistics
from functools import partial

from bench.store.contenders import Run, bare, one_a_task, ours, watched
from bench.store.load import Load
from bench.store.memory import flat
from bench.store.page import Finding, Row
from bench.store.rig import Rig
from bench.store.rounds import Entry, cpu_row, play, rates, ratios, spread
from bench.store.scale import Scale

COMPANIES = 50
IMPORTING = 5
"""Companies of an import: some twenty messages a day of each."""
PER_TASK, BARE, WITHIN, MANY = 20.0, 1.0, 1.25, 0.3
"""The targets."""


def against(rig: Rig, scale: Scale) -> Finding:
    """Messages sent just now: ours, the bare loop, one task a message."""
    live = partial(Load.live, messages=scale.messages, companies=COMPANIES)
    entries = {
        "ours": Entry(ours, live),
        "bare loop": Entry(bare, live),
    }
    if scale.few:
        few = partial(Load.live, messages=scale.few, companies=COMPANIES)
        entries["one task a message"] = Entry(one_a_task, few)
    runs = play(rig, scale.rounds, entries)
    rows = [_row("2", "against the bare loop", ratios(runs["ours"], runs["bare loop"]), BARE, 2)]
    if scale.few:
        each = ratios(runs["ours"], runs["one task a message"])
        rows.insert(0, _row("1", "against one task a message", each, PER_TASK, 1))
    said = f"{scale.messages:,} messages a run, {scale.few:,} where each is a task; {COMPANIES} companies."
    return Finding("against", rows, [f"{scale.rounds} rounds; {said}", "", *_table(runs)])


def imported(rig: Rig, scale: Scale) -> Finding:
    """The same with messages of half a year: more partitions in each micro-batch."""
    old = partial(Load.imported, messages=scale.messages, companies=IMPORTING)
    runs = play(rig, scale.rounds, {"ours": Entry(ours, old), "bare loop": Entry(bare, old)})
    what = "against the bare loop, an import of half a year"
    row = _row("2b", what, ratios(runs["ours"], runs["bare loop"]), BARE, 2)
    said = f"{scale.rounds} rounds; {scale.messages:,} messages a run, {IMPORTING} companies."
    return Finding("imported", [row], [said, "", *_table(runs)])


def sizes(rig: Rig, scale: Scale) -> Finding:
    """Time per message as the load grows; the largest once, its memory watched."""
    *smaller, large = scale.sizes
    entries = {f"{size:,}": Entry(ours, partial(Load.live, messages=size, companies=COMPANIES)) for size in smaller}
    runs = play(rig, scale.rounds, entries)
    series, look = watched(scale.look_every)
    entry = Entry(look, partial(Load.live, messages=large, companies=COMPANIES))
    runs |= play(rig, 1, {f"{large:,}": entry}, warm_up=False)
    times = {name: [1e6 / run.rate for run in found] for name, found in runs.items()}
    middles = {name: _median(found) for name, found in times.items()}
    worst = max(middles.values()) / min(middles.values())
    times_more = " and ".join(f"{size / scale.sizes[0]:g}" for size in scale.sizes[1:])
    measured = ", ".join(f"{name}: {each:.0f} µs" for name, each in middles.items()) + f": {worst:.2f} ×"
    processes = ["bridge", "store"]
    grown = ", ".join(f"{name} {series.growth(name):.2f} ×" for name in processes)
    rows = [
        Row("3", f"time per message, {times_more} times as many", "within 25%", measured, worst <= WITHIN),
        Row("5", f"memory over {large:,} messages, last fifth : second", "flat", grown, flat(series, processes)),
    ]
    table = ["| messages | µs a message: median (min – max) | runs |", "|---:|---|---:|"]
    table += [f"| {name} | {spread(found)} | {len(found)} |" for name, found in times.items()]
    memory = series.table(f"MB over {large:,} messages", sorted(series.values, key=lambda name: name not in processes))
    said = "Redis holds each waiting message here, as nothing is claimed: it grows with them, and so it must."
    return Finding("sizes", rows, [*table, "", *memory, "", said])


def companies(rig: Rig, scale: Scale) -> Finding:
    """The same load spread over more and more companies. The first round also meets them for the first time."""
    entries = {
        f"{many:,}": Entry(ours, partial(Load.live, messages=max(scale.messages, many), companies=many))
        for many in scale.companies
    }
    cold = {name: found[0].rate for name, found in play(rig, 1, entries, warm_up=False).items()}
    runs = play(rig, scale.rounds, entries, warm_up=False)
    first = next(iter(runs))
    against_few = {name: ratios(found, runs[first]) for name, found in runs.items()}
    worst = min(against_few, key=lambda name: _median(against_few[name]))
    measured = f"at {worst} companies {spread(against_few[worst], 2)} ×"
    met = _median(against_few[worst]) >= MANY
    row = Row("4", f"{first} → {list(runs)[-1]} companies", f"never below {MANY} ×", measured, met)
    table = ["| companies | messages a second | against few | when new |", "|---:|---|---|---:|"]
    table += [
        f"| {name} | {spread(rates(found))} | {spread(against_few[name], 2)} | {cold[name]:,.0f} |"
        for name, found in runs.items()
    ]
    return Finding("companies", [row], [f"{scale.messages:,} messages a run, {scale.rounds} rounds.", "", *table])


def _row(key: str, what: str, found: list[float], target: float, digits: int) -> Row:
    """A ratio that must not be less than its target."""
    return Row(key, what, f"≥ {target:g} ×", f"{spread(found, digits)} ×", _median(found) >= target)


def _table(runs: dict[str, list[Run]]) -> list[str]:
    table = ["| | messages a second: median (min – max) | ours against it |", "|---|---|---|"]
    for name, found in runs.items():
        ratio = spread(ratios(runs["ours"], found), 2)
        table.append(f"| {name} | {spread(rates(found))} | {ratio} |")
    head = ["", "| | processor, ms a thousand messages | of it |", "|---|---:|---|"]
    return [*table, *head, *(cpu_row(name, found) for name, found in runs.items())]


def _median(values: list[float]) -> float:
    return statistics.median(values)
