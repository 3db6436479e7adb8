"""The page of events out of a million, as each kind of firm asks for it."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

import httpx2

from bench import events_page
from bench.store.page import Finding, Row
from bench.store.rounds import say
from sago.bootstrap import build, migrate
from sago.domain.pages import EventsAsked
from sago.embedded.kafka import start_kafka
from sago.embedded.postgres import start_postgres
from sago.embedded.redis import start_redis

P95_MS = 30.0
ROUNDS = 3
REQUESTS = 100
"""Of each kind and round."""
SHOWN = "many-exact"
"""The firm whose plan is shown: it sees most."""


def events(count: int) -> Finding:
    """50 events a page, page after page, from one client; a row for the slowest firm's unfiltered page."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        topics = [*events_page.TOPICS, *(f"{topic}.dlq" for topic in events_page.TOPICS), "unparsed.dlq"]
        servers = [
            start_postgres(folder / "postgres", durable=False),
            start_redis(folder / "redis"),
            start_kafka(folder / "kafka", topics, 1),
        ]
        for server in servers:
            stack.callback(server.stop)
        settings, environment = events_page._settings(servers)
        migrate(settings)
        container = build(settings)
        stack.callback(container.close)
        events_page.fill(container, count)
        plan = events_page.plan(container, SHOWN, EventsAsked())
        address = stack.enter_context(events_page.api(environment | {"SAGO_API__RATE_LIMIT": "0"}, folder))
        firms = [f"{size}-{kind}" for size in events_page.FIRMS for kind in events_page.SHARES]
        keys = {firm: container.keyring.issue("bench", ["read"], firm, "bench")[0] for firm in firms}
        found: dict[tuple[str, str], list[float]] = {}
        with httpx2.Client(base_url=address, timeout=60) as client:
            for turn in range(ROUNDS + 1):
                for firm, key in keys.items():
                    for what, asked in events_page.FILTERS.items():
                        took = events_page.pages(client, key, asked, REQUESTS)
                        if turn:
                            found.setdefault((firm, what), []).append(quantiles(took, n=100)[94])
                say(f"  round {turn or 'warm-up'}")
    return _finding(count, found, plan)


def _finding(count: int, found: dict[tuple[str, str], list[float]], plan: str) -> Finding:
    slowest = max(found, key=lambda each: median(found[each]))
    p95 = found[slowest]
    told = f"p95 {median(p95):.1f} ({min(p95):.1f} – {max(p95):.1f}) ms"
    row = Row("A3", f"a page of events out of {count:,}", f"p95 < {P95_MS:.0f} ms", told, median(p95) < P95_MS)
    lines = [f"The slowest kind is `{slowest[0]}`{f', {slowest[1]}' if slowest[1] else ''}.", ""]
    lines += ["| firm | asked for | p95, ms: median (least – most) of rounds |", "|---|---|---:|"]
    lines += [
        f"| {firm} | {what or 'everything'} | {median(p95):.1f} ({min(p95):.1f} – {max(p95):.1f}) |"
        for (firm, what), p95 in found.items()
    ]
    return Finding("events", [row], [*lines, "", f"The plan of the first page of `{SHOWN}`:", "", "```", plan, "```"])
