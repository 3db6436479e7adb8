"""From a company's counter at 200 to its events committed, under half the load that all processes together sustain."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import psycopg2

from bench.store.background import beside
from bench.store.feed import paced, staggered
from bench.store.load import Load
from bench.store.page import Finding, Row
from bench.store.rig import LostError, Rig, plain
from bench.store.rounds import say, spread
from bench.store.scale import Scale
from sago.embedded.kinds import folder_of
from sago.embedded.postgres import start_postgres
from sago.sections import PostgresSettings

COMPANIES = 50
PROCESSES = ("store", "extract", "beat")
"""The workers of a running system; outreach sleeps all month."""
P50, P95 = 0.5, 1.5
"""The targets, in seconds."""
ONE_SCRIPT = 0.02
"""Seconds: notices of one company that are nearer to each other come from one claim over two sources."""
PATIENCE = 120.0
MERGED = """
    SELECT id, company_id, extract(epoch FROM claimed_at), extract(epoch FROM pg_xact_commit_timestamp(xmin))
    FROM batches WHERE state = 'merged' ORDER BY claimed_at"""
STANDING = "SELECT (SELECT count(*) FROM batches WHERE state <> 'merged'), (SELECT count(*) FROM batch_members)"


class Crossing(NamedTuple):
    """One batch; moments in seconds since the epoch."""

    task_began: float | None
    """Of the store task that crossed, as it read the clock before it wrote rows; None where Redis forgot."""
    crossed: float
    """When Redis told of the claim."""
    committed: float


def keep_commit_times(state_dir: Path) -> None:
    """Have Postgres, not started yet, remember when each transaction was committed."""
    server = start_postgres(folder_of(state_dir, "local") / "postgres")
    try:
        with closing(psycopg2.connect(plain(PostgresSettings(**server.settings["postgres"])))) as connection:
            connection.autocommit = True
            connection.cursor().execute("ALTER SYSTEM SET track_commit_timestamp = on")
    finally:
        server.stop()


def crossing(rig: Rig, scale: Scale, rate: float | None) -> Finding:
    """The sustained rate, then the time of each batch at half of it. `rate` is what was measured before."""
    most = [rate] if rate else [_sustained(rig, scale.merged, turn) for turn in range(scale.rounds + 1)][1:]
    half = statistics.median(most) / 2
    windows = _windows(rig, half, scale.seconds / scale.rounds, scale.rounds)
    p50, p95 = ([_quantile(window, share) for window in windows] for share in (0.50, 0.95))
    early = [each.committed - each.task_began for window in windows for each in window if each.task_began]
    row = Row(
        "6",
        f"counter at 200 → events committed, at {half:,.0f} messages a second",
        f"p50 < {P50} s, p95 < {P95} s",
        f"p50 {spread(p50, 2)} s, p95 {spread(p95, 2)} s",
        statistics.median(p50) < P50 and statistics.median(p95) < P95,
    )
    count = sum(map(len, windows))
    source = "given by --rate" if rate else f"{scale.merged:,} messages put in before"
    lines = [
        f"All of `bridge, {', '.join(PROCESSES)}`, provider `offline`, {COMPANIES} companies.",
        f"Sustained end to end, {source}, queues at all heights: {spread(most)} messages a second. Then",
        f"{half:,.0f} a second: {count} batches in {scale.rounds} windows of {scale.seconds / scale.rounds:.0f} s.",
    ]
    if early:
        whole = statistics.quantiles(early, n=20)
        lines.append(
            f"Counted from the moment the crossing store task began, its rows not yet written: p50 {whole[9]:.2f} s, "
            f"p95 {whole[18]:.2f} s."
        )
    return Finding("crossing", [row], lines)


def sustained(rig: Rig, messages: int) -> float:
    """Messages merged a second, the log filled before; a first run warms up."""
    return [_sustained(rig, messages, turn) for turn in range(2)][1]


def _sustained(rig: Rig, messages: int, turn: int) -> float:
    """Each company's queue is filled to another height before: reading goes on beside storing from the first second.
    Of what was stored and what was read the smaller counts, to the end of both."""
    rig.empty()
    with rig.bridge() as bridge:
        rig.assigned_at(bridge)
        waiting = rig.fill_with(staggered(COMPANIES))
        settle(rig)
    before = rig.ends()
    rig.fill(Load.live(f"end{turn}", messages, COMPANIES))
    ends = {pair: end for pair, end in rig.ends().items() if end > before[pair]}
    with rig.bridge() as bridge:
        started = rig.assigned_at(bridge)
        stored = rig.committed_at(ends)
        settle(rig)
    merged, members = _merged(rig), check(rig, waiting + messages)
    ended = max(stored, *(committed for *_, committed in merged))
    rate = min(messages, members) / (ended - started)
    say(
        f"  end to end, round {turn or 'warm-up':7} {rate:8.0f}/s, {messages} messages stored, "
        f"{members} read in {len(merged)} batches, {waiting} waited before"
    )
    return rate


def _windows(rig: Rig, rate: float, seconds: float, count: int) -> list[list[Crossing]]:
    """The batches that crossed in each of so many windows, after one that is not counted."""
    rig.empty()
    with rig.bridge() as bridge, _claims(rig) as claims:
        rig.assigned_at(bridge)
        before = rig.fill_with(staggered(COMPANIES))
        marks = []
        with paced(rig, "paced", rate, COMPANIES) as feed:
            for window in range(count + 1):
                marks.append(time.time())
                time.sleep(seconds)
                say(f"  window {window or 'warm-up':7} unmerged {_standing(rig)[0]}, lag {_lag(rig)}")
            marks.append(time.time())
        settle(rig)
        check(rig, before + feed.sent)
        found = _matched(rig, claims)
    return [[each for each in found if since <= each.crossed < until] for since, until in list(pairwise(marks))[1:]]


@contextmanager
def _claims(rig: Rig) -> Iterator[dict[str, list[float]]]:
    """When Redis told of each company's claims: a notice for each write to a `…:processing` key."""
    heard: dict[str, list[float]] = defaultdict(list)
    database = rig.settings.redis.buffer_db

    def listen(stop: threading.Event) -> None:
        while not stop.is_set():
            message = listener.get_message(timeout=0.2)
            if message and message["type"] == "pmessage" and message["data"] == b"hset":
                at, company = time.time(), message["channel"].decode().split("{")[1].split("}")[0]
                if not heard[company] or at - heard[company][-1] > ONE_SCRIPT:
                    heard[company].append(at)

    with closing(rig.redis(database)) as client, closing(client.pubsub()) as listener:
        client.config_set("notify-keyspace-events", "Kh")
        listener.psubscribe(f"__keyspace@{database}__:messages:*:processing")
        try:
            with beside("bench-claims", listen):
                yield heard
        finally:
            client.config_set("notify-keyspace-events", "")


def _matched(rig: Rig, claims: dict[str, list[float]]) -> list[Crossing]:
    """The n-th batch of a company is its n-th claim. Raises LostError where their numbers differ."""
    by_company: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for batch_id, company, _, committed in _merged(rig):
        by_company[company].append((batch_id, committed))
    found = []
    for company, batches in by_company.items():
        if len(claims[company]) != len(batches):
            raise LostError(f"{company}: {len(claims[company])} claims were heard of, {len(batches)} batches made")
        for crossed, (batch_id, committed) in zip(claims[company], batches, strict=True):
            found.append(Crossing(_task_began(rig, company, batch_id), crossed, committed))
    return found


def _task_began(rig: Rig, company: str, batch_id: str) -> float | None:
    """The newest `queued_at` among a batch's messages, while Redis keeps them."""
    with closing(rig.redis(rig.settings.redis.buffer_db)) as client:
        keys = [f"messages:{{{company}}}:{{{source}}}:processing:{batch_id}" for source in rig.settings.kafka.topics]
        bodies = [json.loads(body) for body in client.mget(keys) if body]
    times = [message["queued_at"] for body in bodies for message in body if "queued_at" in message]
    return max(times) / 1000 if times else None


def check(rig: Rig, fed: int) -> int:
    """The messages in batches, once all is at rest: with those that wait they are the rows, and these are the different
    messages that were fed. Raises LostError."""
    rows, members = rig.container.raw.count(), _standing(rig)[1]
    if rows != fed:
        raise LostError(f"{rows} rows of {fed} messages")
    waiting = sum(rig.container.buffer.counts().values())
    if members + waiting != rows:
        raise LostError(f"{members} messages in batches and {waiting} waiting, of {rows} rows")
    return members


def settle(rig: Rig) -> None:
    """Wait until nothing is on its way: no lag, every batch merged and no further one made for a second."""
    until, quiet, last = time.monotonic() + PATIENCE, 0, (-1, -1)
    while quiet < 5:
        if time.monotonic() > until:
            raise LostError(f"not at rest after {PATIENCE:.0f} s: {last[0]} batches unmerged, lag {_lag(rig)}")
        now = _standing(rig)
        moved = now != last
        until = time.monotonic() + PATIENCE if moved else until
        quiet = 0 if moved or now[0] or rig.queued() or _lag(rig) else quiet + 1
        last = now
        time.sleep(0.2)


def _lag(rig: Rig) -> int:
    return sum(rig.container.log.lag().values())


def _standing(rig: Rig) -> tuple[int, int]:
    """Batches not merged, and messages in batches."""
    ((unmerged, members),) = rig.query(STANDING)
    return int(unmerged), int(members)


def _merged(rig: Rig) -> list[tuple[str, str, float, float]]:
    return [(row[0], row[1], float(row[2]), float(row[3])) for row in rig.query(MERGED)]


def _quantile(window: list[Crossing], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(each.committed - each.crossed for each in window)
    if not ordered:
        raise LostError("a window without a batch: the pace is too low for so short a time")
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
