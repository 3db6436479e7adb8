"""`python -m bench.api [PART …]`: handing in beside a bare handler, at a steady rate, and the page of events.

Target and measured are printed beside each other; `--write` puts them into docs/performance.md, each part into its own
place. Exit status 1 where a request got another answer than 202: then nothing is written of that part.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median

from bench.api.client import Heard, Orders
from bench.api.events import events
from bench.api.house import KEY, UNLIMITED, House, Server, load, opened
from bench.store.page import Finding, Row, write
from bench.store.rounds import say, spread

INGEST = "/api/v1/data-flow/ingest"
BARE = ("/ingest", "/ingest-async")
BODY = (
    '{"source_name": "slack", "company_id": "acme", "data": {"id": "RUN-{n}", "timestamp": "2026-03-02T16:04:11Z", '
    '"sender": "dana", "content": "Signed Northwind today: $180k ARR. The notes of the call are in the channel."}}'
)
RATIO, STEADY_MS = 0.7, 20.0
RATE = 200.0
"""Requests a second."""
_numbers = count(0, 1_000_000)


@dataclass(frozen=True)
class Scale:
    """How much is measured; seconds of each run."""

    rounds: int
    seconds: float
    connections: int
    events: int


@dataclass(frozen=True)
class Run:
    """What one run found."""

    rate: float
    ms: Sequence[float]
    cpu_us: float
    """Processor time of the server for one request."""

    @property
    def p95(self) -> float:
        """Milliseconds."""
        return sorted(self.ms)[int(len(self.ms) * 0.95)]


class WrongAnswerError(RuntimeError):
    """Some request was not taken: what was measured is not what was meant."""


def main(words: Sequence[str]) -> int:
    """Measure; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="one short round: does it run?")
    parser.add_argument("--write", action="store_true", help="write what is found into docs/performance.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a run")
    parser.add_argument("--connections", type=int, default=32, help="that hand in at once, in `ingest`")
    parser.add_argument("--events", type=int, default=1_000_000)
    args = parser.parse_args(words)
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    scale = Scale(args.rounds, args.seconds, args.connections, args.events)
    scale = Scale(1, 2.0, args.connections, 10_000) if args.quick else scale
    options = [word for word in words if word not in (*PARTS, "--write")]
    try:
        for finding in _findings(args.parts or PARTS, scale):
            say(finding.text())
            if args.write:
                write(finding, f"python -m bench.api {' '.join([finding.part, *options])}".strip())
    except WrongAnswerError as error:
        sys.stderr.write(f"bench.api: {error}\n")
        return 1
    return 0


def _findings(parts: Sequence[str], scale: Scale) -> Iterator[Finding]:
    if handed := [part for part in parts if part in HANDED]:
        with opened() as house:
            for part in handed:
                yield HANDED[part](house, scale)
    if "events" in parts:
        yield events(scale.events)


def ingest(house: House, scale: Scale) -> Finding:
    """As fast as answers come, ours and the bare handler in turns."""
    runs: dict[str, list[Run]] = {path: [] for path in (*BARE, INGEST)}
    with house.bare() as bare, house.ours(**UNLIMITED) as ours:
        for turn in range(scale.rounds + 1):
            for path in runs:
                run = _run(ours if path == INGEST else bare, path, scale.seconds, connections=scale.connections)
                say(f"  round {turn or 'warm-up':7} {path:24} {run.rate:6.0f}/s p95 {run.p95:6.1f} ms")
                if turn:
                    runs[path].append(run)
    best = [max(each.rate for each in pair) for pair in zip(*(runs[path] for path in BARE), strict=True)]
    ratios = [run.rate / rate for run, rate in zip(runs[INGEST], best, strict=True)]
    met = median(ratios) >= RATIO
    row = Row("A1", "requests a second, against a bare handler", f"≥ {RATIO} ×", f"{spread(ratios, 2)} ×", met)
    lines = ["| handler | requests a second | p95, ms | processor time of a request, µs |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {spread([run.rate for run in runs[path]])} | {spread([run.p95 for run in runs[path]], 1)} | "
        f"{spread([run.cpu_us for run in runs[path]])} |"
        for name, path in (("bare, in threads", BARE[0]), ("bare, async", BARE[1]), ("ours", INGEST))
    ]
    return Finding("ingest", [row], [f"{scale.connections} connections, runs of {scale.seconds:g} s.", "", *lines])


def steady(house: House, scale: Scale) -> Finding:
    """At a rate that waits for nobody, with the limits as they are set by themselves."""
    paced: dict[str, list[Run]] = {path: [] for path in (BARE[1], INGEST)}
    with house.bare() as bare, house.ours() as ours:
        for turn in range(scale.rounds + 1):
            for path in paced:
                run = _run(ours if path == INGEST else bare, path, 1.5 * scale.seconds, rate=RATE)
                say(f"  round {turn or 'warm-up':7} {path:24} {run.rate:6.0f}/s p95 {run.p95:6.1f} ms")
                if turn:
                    paced[path].append(run)
    p95 = [run.p95 for run in paced[INGEST]]
    met = median(p95) < STEADY_MS
    what = f"handing in at {RATE:.0f} requests a second, from the moment each is due"
    row = Row("A2", what, f"p95 < {STEADY_MS:.0f} ms", f"p95 {spread(p95, 1)} ms", met)
    bare_p95 = spread([run.p95 for run in paced[BARE[1]]], 1)
    return Finding("steady", [row], [f"The bare handler in the same rounds: p95 {bare_p95} ms."])


HANDED: dict[str, Callable[[House, Scale], Finding]] = {"ingest": ingest, "steady": steady}
PARTS = (*HANDED, "events")


def _run(server: Server, path: str, seconds: float, *, connections: int = 8, rate: float = 0.0) -> Run:
    body = BODY.replace("RUN", f"r{time.time_ns()}")
    orders = Orders(server.url + path, body=body, key=KEY, connections=connections, seconds=seconds, rate=rate)
    orders.first = next(_numbers)
    before = server.cpu()
    heard: Heard = load(orders)
    if set(heard.statuses) != {"202"}:
        raise WrongAnswerError(f"{server.name}: answers {heard.statuses}, not 202 alone")
    count_of = len(heard.ms)
    return Run(count_of / heard.seconds, heard.ms, (server.cpu() - before) / count_of * 1e6)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
