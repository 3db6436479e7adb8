"""`python -m bench.store`: runs the parts that are named, all of them without a name."""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from bench.store.contenders import Contender, Run, bare, one_a_task, ours
from bench.store.load import Load
from bench.store.rig import NEVER, Rig, running


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def compare(rig: Rig, rounds: int, messages: int, few: int) -> dict[str, list[Run]]:
    ways: dict[str, tuple[Contender, int]] = {"ours": (ours, messages), "bare loop": (bare, messages)}
    if few:
        ways["one task a message"] = (one_a_task, few)
    runs: dict[str, list[Run]] = {}
    for turn in range(rounds + 1):
        for name, (run, size) in ways.items():
            began = time.monotonic()
            found = run(rig, Load.live(f"{name.split()[0]}{turn}", size if turn else min(size, 2000), 50))
            took = time.monotonic() - began
            cpu = " ".join(f"{who} {sec:.1f}" for who, sec in sorted(found.cpu.items()))
            note = "" if turn else " (warm-up)"
            say(
                f"round {turn} {name:20} {found.rate:8.0f}/s  {found.seconds:6.2f} s  cpu {cpu}  all {took:.0f} s{note}"
            )
            if turn:
                runs.setdefault(name, []).append(found)
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.store")
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--few", type=int, default=2000, help="messages of the runs with one task each; 0: none")
    args = parser.parse_args()
    with running(("store",), {"SAGO_CACHE__CACHE_TRIGGER_THRESHOLD": str(NEVER)}) as rig:
        runs = compare(rig, args.rounds, args.messages, args.few)
    for name, found in runs.items():
        rates = [run.rate for run in found]
        say(f"{name:20} median {statistics.median(rates):8.0f}/s  min {min(rates):8.0f}  max {max(rates):8.0f}")
    for other in list(runs)[1:]:
        ratios = [mine.rate / theirs.rate for mine, theirs in zip(runs["ours"], runs[other], strict=True)]
        say(f"ours : {other:20} {statistics.median(ratios):6.2f} x  min {min(ratios):6.2f}  max {max(ratios):6.2f}")


if __name__ == "__main__":
    main()
