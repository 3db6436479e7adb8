"""Who stores a load: ours, ours with one task a message, and the bare loop. Each gives one `Run`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kafka import TopicPartition

from bench.store.load import Load
from bench.store.rig import STALLED, LostError, Rig, _cpu

ONE_A_TASK = {"SAGO_BRIDGE__BATCH_MESSAGES": "1", "SAGO_BRIDGE__IN_FLIGHT_BATCHES": "1000"}
"""As many messages in flight as one of our micro-batches holds: with eight, the bridge would mostly wait."""


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


Contender = Callable[[Rig, Load], Run]


def ours(rig: Rig, load: Load) -> Run:
    """The Procfile's bridge and workers as they are configured."""
    return _bridged(rig, load, {})


def one_a_task(rig: Rig, load: Load) -> Run:
    """The same, each message a task of its own."""
    return _bridged(rig, load, ONE_A_TASK)


def claiming(rig: Rig, load: Load) -> Run:
    """Ours on a rig whose threshold is in reach: batches are claimed and taken over meanwhile."""
    return _bridged(rig, load, {}, claimed=True)


def _bridged(rig: Rig, load: Load, environ: Mapping[str, str], *, claimed: bool = False) -> Run:
    letters, ends, before = _prepare(rig, load)
    with rig.bridge(environ) as bridge:
        started = rig.assigned_at(bridge)
        ended = rig.committed_at(ends)
        cpu = _spent(rig, before) | {"bridge": _cpu(bridge.pid)}
    rig.verify(load, letters, claimed=claimed)
    return Run(load.messages, ended - started, cpu)


def bare(rig: Rig, load: Load) -> Run:
    """One process without Celery."""
    letters, ends, before = _prepare(rig, load)
    ends_file, result = rig.state_dir / "ends.json", rig.state_dir / "result.json"
    result.unlink(missing_ok=True)
    pairs = [(pair.topic, pair.partition, end) for pair, end in ends.items()]
    ends_file.write_text(json.dumps(pairs), encoding="utf-8")
    with rig.module(f"{sys.executable} -m bench.store.bare_loop {ends_file} {result}") as loop:
        if not loop.wait(STALLED + load.messages / 100) or not result.exists():
            raise LostError(f"the bare loop ended without a result; see {rig.log_of(loop)}")
    found = json.loads(result.read_text(encoding="utf-8"))
    rig.verify(load, letters)
    return Run(load.messages, found["ended"] - found["started"], _spent(rig, before) | {"loop": found["cpu"]})


def _prepare(rig: Rig, load: Load) -> tuple[int, dict[TopicPartition, int], dict[str, float]]:
    """Empty stores and a full log: dead letters until now, the ends to reach, processor time until now."""
    rig.empty()
    letters, before = sum(rig.ends(".dlq").values()), rig.ends()
    rig.fill(load)
    ends = {pair: end for pair, end in rig.ends().items() if end > before[pair]}
    return letters, ends, rig.cpu()


def _spent(rig: Rig, before: dict[str, float]) -> dict[str, float]:
    return {name: now - before.get(name, 0.0) for name, now in rig.cpu().items()}
