"""`sago run` with a vendor that is out, a model of the house instead, a budget, a rate and a cache, through real Kafka,
Celery, Redis and Postgres."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from sago.embedded.postgres import remove_data, start_postgres
from tests import gemini_server, openai_server
from tests.gemini_server import KEY, GeminiServer
from tests.integration.orchard import write_messages

pytestmark = pytest.mark.services


@pytest.fixture
def vendor() -> Iterator[GeminiServer]:
    with gemini_server.gemini_server() as server:
        yield server


@pytest.fixture
def house() -> Iterator[GeminiServer]:
    with openai_server.openai_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of one test: its messages, its stack's state, what it writes."""
    write_messages(tmp_path / "messages.csv")
    yield tmp_path
    remove_data(tmp_path / "state" / "postgres")


def run(folder: Path, vendor: GeminiServer, house: GeminiServer, **settings: str) -> dict[str, float]:
    """The figures of a run in which Gemini is asked first, and the house's model in its place."""
    sago = str(Path(sys.executable).parent / "sago")
    command = [sago, "run", "messages.csv", "--provider", "gemini", "--allow-model", "--out", "out", "--json"]
    prefixes = ("SAGO_", "GEMINI_", "GOOGLE_", "OPENAI_")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    more = {
        "SAGO_STATE_DIR": str(folder / "state"),
        "SAGO_GEMINI__BASE_URL": vendor.url,
        "SAGO_OPENAI__BASE_URL": f"{house.url}/v1",
        "SAGO_OPENAI__MODEL": "qwen3:8b",
        "SAGO_MODELS__FALLBACK": "openai,offline",
        "SAGO_EXTRACTION__RETRY_AFTER": "1",
        "SAGO_EXTRACTION__TRIAGE": "false",  # a mark is no language
        "SAGO_UPKEEP__REAP_EVERY": "1",
        "GEMINI_API_KEY": KEY,
        "COLUMNS": "200",
    }
    done = subprocess.run(
        command, env=ours | more | settings, cwd=folder, capture_output=True, text=True, check=False,
        start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def kept(folder: Path, query: str) -> list[tuple[object, ...]]:
    """What the stopped stack's database says."""
    postgres = start_postgres(folder / "state" / "postgres", durable=False)
    try:
        with closing(psycopg2.connect(postgres.address)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        postgres.stop()


def test_while_the_vendor_is_out_the_houses_model_reads_and_is_named(
    folder: Path, vendor: GeminiServer, house: GeminiServer
) -> None:
    vendor.usual = gemini_server.failing(503, "UNAVAILABLE")
    figures = run(folder, vendor, house)
    assert (figures["events"], figures["letters"]) == (3, 1)
    assert vendor.asked
    assert len(house.asked) == 3
    assert kept(folder, "SELECT DISTINCT extractor FROM observations") == [("openai",)]
    assert kept(folder, "SELECT DISTINCT extractor, extractor_version FROM extractions") == [
        ("openai", "qwen3:8b/extraction-2/second-look-3")
    ]
    assert kept(folder, "SELECT composed_by FROM outreach") == [("openai",)]


def test_a_spent_budget_falls_back_and_nothing_is_asked_twice(
    folder: Path, vendor: GeminiServer, house: GeminiServer
) -> None:
    """The vendor's worst case is 39 cents a question; the house's model costs nothing."""
    limits = {
        "SAGO_MODELS__BUDGET_USD_A_DAY__COMPANY": "0.01",
        "SAGO_MODELS__REQUESTS_A_MINUTE": json.dumps({"openai": 60}),
        "SAGO_MODELS__CACHE_TTL": "600",
    }
    figures = run(folder, vendor, house, **limits)
    assert (figures["events"], figures["model_usd"]) == (3, 0)
    assert vendor.asked == []
    assert len(house.asked) == 3
    assert kept(folder, "SELECT provider, count(*) FROM model_calls GROUP BY 1") == [("openai", 3)]
    assert kept(folder, "SELECT * FROM model_reservations") == []
    assert kept(folder, "SELECT count(*) FROM batches WHERE state <> 'merged'") == [(0,)]
