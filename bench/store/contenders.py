"""Who stores a load: ours, ours with one task a message, and the bare loop. Each gives one `Run`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from kafka import TopicPartition

from bench.store.load import Load
from bench.store.memory import Series, memory_of, sampled
from bench.store.rig import STALLED, LostError, Rig, cpu_of
from sago.domain.dead_letters import SUFFIX
from sago.embedded.processes import last_line

ONE_A_TASK = {
    "SAGO_BRIDGE__BATCH_MESSAGES": "1",
    "SAGO_BRIDGE__IN_FLIGHT_BATCHES": "64",
    "SAGO_BRIDGE__CONFIRM_DEADLINE": "120",
}
"""With the eight in flight of the defaults the bridge would mostly wait; with many more, tasks would wait so long for
their turn that the bridge took them for lost, and sent them again."""


@dataclass(frozen=True)
class Run:
    """What one run took: seconds from the partitions' assignment to the last commit, and of processor time."""

    messages: int
    seconds: float
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        """Different messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time of everything, in ms for a thousand messages."""
        return sum(self.cpu.values()) / self.messages * 1e6


Ends = dict[TopicPartition, int]
Contender = Callable[[Rig, Load], Run]


def ours(rig: Rig, load: Load) -> Run:
    """The Procfile's bridge and workers as they are configured."""
    return _bridged(rig, load, {})


def one_a_task(rig: Rig, load: Load) -> Run:
    """The same, each message a task of its own."""
    return _bridged(rig, load, ONE_A_TASK)


def watched(every: float) -> tuple[Series, Contender]:
    """Ours, and the memory of everything while it runs."""
    series = Series()

    def run(rig: Rig, load: Load) -> Run:
        return _bridged(rig, load, {}, (series, every))

    return series, run


def _bridged(rig: Rig, load: Load, environ: Mapping[str, str], watch: tuple[Series, float] | None = None) -> Run:
    letters, ends, before = _prepare(rig, load)
    with rig.bridge(environ) as bridge:
        started = rig.assigned_at(bridge)
        start_up = cpu_of(bridge.pid)
        with sampled(*watch, partial(memory_of, rig.children() | {"bridge": bridge})) if watch else nullcontext():
            ended = rig.committed_at(ends)
        cpu = _spent(rig, before) | {"bridge": cpu_of(bridge.pid) - start_up}
    rig.verify(load, letters)
    return Run(load.messages, ended - started, cpu)


def bare(rig: Rig, load: Load) -> Run:
    """One process without Celery."""
    letters, ends, before = _prepare(rig, load)
    task_file, result = rig.state_dir / "task.json", rig.state_dir / "result.json"
    result.unlink(missing_ok=True)
    task = {
        "ends": [(pair.topic, pair.partition, end) for pair, end in ends.items()],
        "companies": [load.company(n) for n in range(load.companies)],
    }
    task_file.write_text(json.dumps(task), encoding="utf-8")
    with rig.module(f"{sys.executable} -m bench.store.bare_loop {task_file} {result}") as loop:
        if not loop.wait(STALLED + load.messages / 100) or not result.exists():
            raise LostError(f"the bare loop gave no result: {last_line(rig.log_of(loop))}")
    found = json.loads(result.read_text(encoding="utf-8"))
    rig.verify(load, letters)
    return Run(load.messages, found["ended"] - found["started"], _spent(rig, before) | {"loop": found["cpu"]})


def _prepare(rig: Rig, load: Load) -> tuple[Ends, Ends, dict[str, float]]:
    """Empty stores and a full log: where dead letters end now, the ends to reach, processor time until now."""
    rig.empty()
    letters, before = rig.ends(SUFFIX), rig.ends()
    rig.fill(load)
    ends = {pair: end for pair, end in rig.ends().items() if end > before[pair]}
    return letters, ends, rig.cpu()


def _spent(rig: Rig, before: dict[str, float]) -> dict[str, float]:
    return {name: now - before.get(name, 0.0) for name, now in rig.cpu().items()}
