"""`python -m bench.store [PART …]`: measures the parts that are named, without a name all but the soak.

Target and measured are printed beside each other; `--write` puts them into docs/performance.md, each part into its own
place. Exit status 1 when a soak is not flat, or when a run lost or doubled a message: then nothing is written of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from bench.store import throughput
from bench.store.crossing import PROCESSES, crossing, keep_commit_times
from bench.store.page import Finding, write
from bench.store.rig import NEVER, LostError, Rig, running
from bench.store.rounds import say
from bench.store.scale import QUICK, WHOLE, Scale
from bench.store.soak import soak
from bench.store.urgent import urgent
from sago.errors import SagoError

STORE_PATH: dict[str, Callable[[Rig, Scale], Finding]] = {
    "against": throughput.against,
    "imported": throughput.imported,
    "sizes": throughput.sizes,
    "companies": throughput.companies,
}
"""Parts over the store worker alone, with a threshold that no company reaches."""
PARTS = ("urgent", *STORE_PATH, "crossing")


def main(words: Sequence[str]) -> int:
    """Measure; the exit status."""
    args = _arguments(words)
    scale = _scale(args)
    parts = args.parts or PARTS
    findings: list[Finding] = []
    try:
        for finding in _findings(parts, scale, args):
            say(finding.text())
            findings.append(finding)
            if args.write:
                write(finding, f"python -m bench.store {' '.join([finding.part, *_options(words)])}")
    except (LostError, SagoError) as error:
        sys.stderr.write(f"bench.store: {error}\n")
        return 1
    say("\n".join(str(row) for finding in findings for row in finding.rows))
    return 0 if all(row.met for finding in findings if finding.part == "soak" for row in finding.rows) else 1


def _findings(parts: Sequence[str], scale: Scale, args: argparse.Namespace) -> Iterator[Finding]:
    if "urgent" in parts:
        yield _timed("urgent", urgent)
    if stored := [part for part in parts if part in STORE_PATH]:
        with running(("store",), {"SAGO_CACHE__CACHE_TRIGGER_THRESHOLD": str(NEVER)}) as rig:
            for part in stored:
                yield _timed(part, partial(STORE_PATH[part], rig, scale))
    if "crossing" in parts:
        with running(PROCESSES, {}, before=keep_commit_times) as rig:
            yield _timed("crossing", partial(crossing, rig, scale, args.rate))
    if "soak" in parts:
        with running(PROCESSES, {}, before=keep_commit_times) as rig:
            yield _timed("soak", partial(soak, rig, args.minutes, scale.merged, args.rate))


def _timed(part: str, measure: Callable[[], Finding]) -> Finding:
    say(f"{part} …")
    began = time.monotonic()
    finding = measure()
    say(f"  {part} took {time.monotonic() - began:.0f} s")
    return finding


def _scale(args: argparse.Namespace) -> Scale:
    given = {
        name: getattr(args, name) for name in ("rounds", "messages", "few", "merged", "seconds", "sizes", "companies")
    }
    return replace(QUICK if args.quick else WHOLE, **{name: each for name, each in given.items() if each is not None})


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.store", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*PARTS, "soak"]))
    parser.add_argument("--quick", action="store_true", help="small loads, one round: does it run?")
    parser.add_argument("--write", action="store_true", help="write what is found into docs/performance.md")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--messages", type=int, help="of a run")
    parser.add_argument("--few", type=int, help="messages of a run with one task each; 0: no such run")
    parser.add_argument("--merged", type=int, help="messages of a run to the last merge")
    parser.add_argument("--sizes", type=_numbers, help="loads of `sizes`, as 10000,100000: rising, the last runs once")
    parser.add_argument("--companies", type=_numbers, help="of `companies`, as 10,1000,10000: rising")
    parser.add_argument("--seconds", type=float, help="of the paced feed of `crossing`")
    parser.add_argument("--minutes", type=float, default=30.0, help="of `soak`")
    parser.add_argument("--rate", type=float, help="the sustained end-to-end rate, where it is known")
    args = parser.parse_args(words)
    if unknown := set(args.parts) - {*PARTS, "soak"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return args


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(map(int, text.split(",")))
    if len(numbers) < 2 or list(numbers) != sorted(set(numbers)):
        raise ValueError(text)
    return numbers


def _options(words: Sequence[str]) -> list[str]:
    """The command's options as they were given, without the names of parts."""
    return [word for word in words if word not in (*PARTS, "soak", "--write")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
