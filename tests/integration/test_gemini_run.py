"""`sago run --provider gemini` through real Kafka, Celery and Postgres, its model a server on this machine."""

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
from tests import gemini_server as fake
from tests.gemini_server import KEY, GeminiServer
from tests.integration.orchard import DEALS, write_messages

pytestmark = pytest.mark.services


@pytest.fixture
def server() -> Iterator[GeminiServer]:
    with fake.gemini_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of one test: its messages, its stack's state, what it writes."""
    write_messages(tmp_path / "messages.csv")
    yield tmp_path
    remove_data(tmp_path / "state" / "postgres")


def run(folder: Path, server: GeminiServer, *options: str) -> subprocess.CompletedProcess[str]:
    """With a stack of its own that waits a second where another would wait a minute."""
    sago = str(Path(sys.executable).parent / "sago")
    command = [sago, "run", "messages.csv", "--provider", "gemini", "--out", "out", "--json", *options]
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("SAGO_", "GEMINI_", "GOOGLE_"))}
    settings = {
        "SAGO_STATE_DIR": str(folder / "state"),
        "SAGO_GEMINI__BASE_URL": server.url,
        "SAGO_EXTRACTION__RETRY_AFTER": "1",
        "SAGO_EXTRACTION__TRIAGE": "false",  # every message is the server's, which counts the calls
        "SAGO_UPKEEP__REAP_EVERY": "1",
        "GEMINI_API_KEY": KEY,
        "COLUMNS": "200",
    }
    return subprocess.run(
        command, env=ours | settings, cwd=folder, capture_output=True, text=True, check=False, start_new_session=True
    )


def errors_kept(folder: Path) -> list[str]:
    """What the stopped stack's database says of chunks and calls that failed."""
    postgres = start_postgres(folder / "state" / "postgres", durable=False)
    try:
        with closing(psycopg2.connect(postgres.address)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT error FROM batch_chunks WHERE error IS NOT NULL UNION ALL SELECT error FROM model_calls"
                " UNION ALL SELECT error FROM batches WHERE error IS NOT NULL"
            )
            return [error for (error,) in cursor.fetchall()]
    finally:
        postgres.stop()


def test_with_consent_events_and_letter_are_geminis_until_it_is_taken_back(folder: Path, server: GeminiServer) -> None:
    server.script.append(fake.too_many("2s"))
    done = run(folder, server, "--allow-model")
    assert done.returncode == 0, done.stderr
    assert "orchard: messages may now go to gemini; `--forbid-model` takes it back" in done.stderr
    figures = json.loads(done.stdout)
    assert (figures["read"], figures["stored"], figures["events"], figures["letters"]) == (120, 120, 3, 1)
    asked = ["letter" if asked.is_letter else len(asked.texts) for asked in server.asked]
    # the chunk that met the 429 once more
    assert sorted(asked, key=str) in ([100, 100, 20, "letter"], [100, 20, 20, "letter"])
    assert figures["model_calls"] == len(asked)
    assert figures["model_tokens"] == 3 * 1057
    assert f"gemini: 4 calls, 3,000 tokens in, 171 out, ${3 * (1000 * 2 + 57 * 12) / 1e6:.4f}" in done.stderr
    events = [json.loads(line) for line in (folder / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {event["title"] for event in events} == {f"Enterprise deal: {name}" for name in DEALS.values()}
    (draft,) = (folder / "out" / "outreach").glob("orchard-*.eml")
    assert "There is news." in draft.read_text(encoding="utf-8")
    assert any(asked.is_letter for asked in server.asked)

    server.reset()
    rows = (folder / "messages.csv").read_text(encoding="utf-8")
    (folder / "messages.csv").write_text(rows.replace("standup 0", "standup zero").replace("c0,", "c900,"), "utf-8")
    done = run(folder, server, "--forbid-model")
    assert done.returncode == 0, done.stderr
    assert "orchard: messages stay on this machine again" in done.stderr
    assert json.loads(done.stdout)["stored"] == 1
    assert server.asked == []


def test_a_key_that_is_refused_ends_the_run_with_one_line_and_stands_nowhere(
    folder: Path, server: GeminiServer
) -> None:
    server.usual = fake.echoing(403, "PERMISSION_DENIED")
    refused = run(folder, server, "--allow-model")
    assert (refused.returncode, refused.stdout) == (1, "")
    line = "gemini refuses the key: check GEMINI_API_KEY in .env (403: PERMISSION_DENIED, contents[0].parts)"
    assert refused.stderr.splitlines()[-1] == f"sago: {line}"
    kept = errors_kept(folder)
    assert len(kept) >= 2
    assert set(kept) == {line}
    assert all(KEY in json.dumps(asked.headers) for asked in server.asked)
    written = [path for path in (folder / "state").rglob("*") if path.is_file() and "postgres" not in path.parts]
    logs = [path for path in written if path.suffix == ".log"]
    assert logs
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
    assert not [path for path in logs if b"Anvil" in path.read_bytes()]
