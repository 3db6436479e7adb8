"""A model that answers 429, 500, nothing, half a JSON and invented quotes, and then is well again.

The stand-in reads the marks out of the prompts as a right model would. Each phase begins when the one before is over
and lasts from its first request, so that it is met whatever the pace.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import psycopg2
import pytest

from sago.domain.breakers import OpenBreaker
from sago.domain.companies import ModelPolicy
from sago.pipeline.grounding import NO_QUOTE
from tests import gemini_server as fake
from tests.faults.house import SETTLES_WITHIN, House, raised
from tests.faults.report import Report
from tests.faults.scale import lasts, load_of
from tests.gemini_server import Asked, GeminiServer, Reply
from tests.integration.houses import eventually

IMPATIENT_FOR_MODELS = {
    "SAGO_EXTRACTION__PROVIDER": "gemini",
    "SAGO_EXTRACTION__TRIAGE": "false",
    "SAGO_GEMINI__TIMEOUT": "3",
    "SAGO_BREAKER__FAIL_MAX": "3",
    "SAGO_BREAKER__OPEN_FOR": "2",
    "SAGO_EXTRACTION__LOST_AFTER": "90",
    "GEMINI_API_KEY": fake.KEY,
}
"""What waited is read all at once when the model is well: no chunk that queues may count as lost."""
NAME = "gemini/gemini-3.1-pro-preview"
IN_FLIGHT = timedelta(seconds=1)
"""What was let through before the breaker opened may reach the ledger so long after."""
CALLS = "SELECT at, outcome, error FROM model_calls WHERE company_id LIKE %s ORDER BY at"
DROPPED = """
SELECT coalesce(sum((c.result->'dropped'->>%s)::int), 0) FROM batch_chunks c JOIN batches b ON b.id = c.batch_id
WHERE b.company_id LIKE %s AND c.state = 'done'
"""
READERS = """
SELECT DISTINCT c.result->>'extractor' FROM batch_chunks c JOIN batches b ON b.id = c.batch_id
WHERE b.company_id LIKE %s AND c.state = 'done'
"""


class Phase(NamedTuple):
    """One way to answer, for so many seconds or requests."""

    behaviour: fake.Behaviour
    seconds: float = 0.0
    requests: int = 1


def too_many(seconds: int) -> fake.Behaviour:
    """429 with a header alone."""
    return fake.always(Reply(429, b'{"error": {"code": 429}}', [("Retry-After", str(seconds))]))


def halved(asked: Asked) -> Reply:
    """Half of the right answer, as if that were all."""
    whole = json.dumps({"findings": fake.findings(asked)})
    return fake.said(whole[: max(1, len(whole) // 2)])


class Inventing:
    """The right answer and a fact that nobody told, of the first message; `times` counts them."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, asked: Asked) -> Reply:
        self.times += 1
        invented: dict[str, Any] = {
            "message": fake.numbered(asked.user)[0]["n"],
            "quote": "we were bought for 900 million",
            "event_type": "enterprise_deal",
            "status": "actual",
            "severity": "high",
            "title": "Bought for 900 million",
        }
        return fake.said({"findings": [*fake.findings(asked), invented]})


def misbehave(server: GeminiServer, phases: Sequence[Phase]) -> list[datetime]:
    """One phase after the other, and when each began; then it is well."""
    began = []
    for phase in phases:
        began.append(datetime.now(UTC))
        enough = len(server.asked) + phase.requests
        server.usual = phase.behaviour
        assert eventually(partial(has_asked, server, enough), SETTLES_WITHIN), f"nobody asks any more: {phase}"
        time.sleep(phase.seconds)
    server.usual = fake.marks
    return began


def has_asked(server: GeminiServer, times: int) -> bool:
    return len(server.asked) >= times


class Opening(NamedTuple):
    """The breaker, seen open at a moment."""

    seen_at: datetime
    breaker: OpenBreaker


@contextmanager
def watched(house: House) -> Iterator[list[Opening]]:
    """Every opening of the block that was seen."""
    seen: list[Opening] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            seen.extend(Opening(datetime.now(UTC), each) for each in house.container.breakers.open())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def rows(house: House, query: str, *given: str) -> list[tuple[Any, ...]]:
    """Rows of the house's database."""
    url = house.container.settings.postgres.url().replace("+psycopg2", "")
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query, given)
        return cursor.fetchall()


def made_while_open(calls: Sequence[tuple[Any, ...]], openings: Sequence[Opening]) -> list[str]:
    """Calls that an open breaker let through."""
    return [
        f"{at:%X.%f}: {outcome} {error}"
        for at, outcome, error in calls
        if any(opening.seen_at + IN_FLIGHT < at < opening.breaker.until for opening in openings)
    ]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, local_servers: None, server: GeminiServer) -> Iterator[House]:
    """A stack of this module: its model is the stand-in."""
    settings = IMPATIENT_FOR_MODELS | {"SAGO_GEMINI__BASE_URL": server.url}
    with raised(tmp_path_factory.mktemp("models"), **settings) as house:
        yield house


def test_a_model_that_answers_anything_but_well(house: House, server: GeminiServer, report: Report) -> None:
    load = load_of("model")
    house.container.consent.give(load.stories, ModelPolicy.VENDOR)
    inventing = Inventing()
    each = lasts(9.0)
    phases = [
        Phase(too_many(3), each),
        Phase(fake.failing(500, "INTERNAL"), each),
        Phase(fake.slow(4.0), each),
        Phase(halved, each / 4),
        Phase(inventing, requests=5),
    ]
    with watched(house) as openings:
        with house.under(load, lasts(45.0)) as run:
            began = misbehave(server, phases)
            run.note_fault()
        outcome = house.settle(run)
    report.add("the model: 429, 500, silence, half a JSON, invented quotes", len(phases), outcome)

    companies = f"{load.name}-%"
    calls = rows(house, CALLS, companies)
    assert {outcome for _, outcome, _ in calls} == {"ok", "failed", "unusable"}
    assert rows(house, READERS, companies) == [("gemini",)]
    reasons = {opening.breaker.reason for opening in openings}
    assert {opening.breaker.name for opening in openings} == {NAME}
    assert len(reasons) >= 3, reasons
    assert made_while_open(calls, openings) == []
    failed = [error for at, outcome, error in calls if outcome == "failed" and at < began[3]]
    # Of each kind: what opens it, and what the other worker has under way. Then one trial each two seconds.
    assert 3 <= len(failed) <= 3 * (3 + 1) + (began[3] - began[0]).total_seconds() / 2, failed
    ((dropped,),) = rows(house, DROPPED, NO_QUOTE, companies)
    assert 1 <= dropped <= inventing.times
    assert house.container.breakers.open() == []
    with house.container.database.begin() as tx:
        assert [letter for letter in tx.ledger.dead_letters() if (letter.company_id or "").startswith("model-")] == []
