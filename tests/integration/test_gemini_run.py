"""`sago run --provider gemini` through real Kafka, Celery and Postgres, its model a server on this machine."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sago.embedded.postgres import remove_data
from tests import gemini_server as fake
from tests.gemini_server import KEY, GeminiServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEALS = {3: "Anvil", 70: "Borealis", 110: "Cobalt"}
MARK = "[[event enterprise_deal subject={}]]"


@pytest.fixture(scope="module")
def server() -> Iterator[GeminiServer]:
    with fake.gemini_server() as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("run")
    with (folder / "messages.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "is_chat", "chat_sender", "email_sender", "timestamp", "content", "company_id"])
        for n in range(120):
            said = MARK.format(DEALS[n]) if n in DEALS else f"standup {n}"
            writer.writerow([f"c{n}", "true", "ana", "", (START + timedelta(minutes=n)).isoformat(), said, "orchard"])
    yield folder
    remove_data(folder / "state" / "postgres")


def run(folder: Path, server: GeminiServer, *options: str) -> subprocess.CompletedProcess[str]:
    """With a stack of its own that waits a second where another would wait a minute."""
    sago = str(Path(sys.executable).parent / "sago")
    command = [sago, "run", "messages.csv", "--provider", "gemini", "--out", "out", "--json", *options]
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("SAGO_", "GEMINI_", "GOOGLE_"))}
    settings = {
        "SAGO_STATE_DIR": str(folder / "state"),
        "SAGO_GEMINI__BASE_URL": server.url,
        "SAGO_EXTRACTION__RETRY_AFTER": "1",
        "SAGO_UPKEEP__REAP_EVERY": "1",
        "GEMINI_API_KEY": KEY,
        "COLUMNS": "200",
    }
    return subprocess.run(
        command, env=ours | settings, cwd=folder, capture_output=True, text=True, check=False, start_new_session=True
    )


def test_with_consent_events_and_letter_are_geminis_and_a_429_is_waited_for(folder: Path, server: GeminiServer) -> None:
    server.script.append(fake.too_many("2s"))
    done = run(folder, server, "--allow-model")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["read"], figures["stored"], figures["events"], figures["letters"]) == (120, 120, 3, 1)
    # two chunks and a letter; the chunk that met the 429 once more
    assert figures["model_calls"] == len(server.asked) == 4
    assert figures["model_tokens"] == 3 * 1057
    assert f"gemini: 4 calls, 3,000 tokens in, 171 out, ${3 * (1000 * 2 + 57 * 12) / 1e6:.4f}" in done.stderr
    events = [json.loads(line) for line in (folder / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {event["title"] for event in events} == {f"Enterprise deal: {name}" for name in DEALS.values()}
    (draft,) = (folder / "out" / "outreach").glob("orchard-*.eml")
    assert "There is news." in draft.read_text(encoding="utf-8")
    assert any(asked.is_letter for asked in server.asked)


def test_another_company_is_not_read_without_its_consent(folder: Path, server: GeminiServer) -> None:
    server.reset()
    rows = (folder / "messages.csv").read_text(encoding="utf-8").replace("orchard", "grove")
    (folder / "messages.csv").write_text(rows, encoding="utf-8")
    refused = run(folder, server)
    (line,) = refused.stderr.strip().splitlines()
    assert refused.returncode == 2
    assert line == (
        "sago: company grove: its model_policy is offline, gemini needs vendor: nothing was sent; "
        "with --allow-model its messages go to gemini"
    )
    assert server.asked == []


def test_a_key_that_is_refused_ends_the_run_at_once_with_one_line(folder: Path, server: GeminiServer) -> None:
    server.reset()
    server.usual = fake.failing(403, "PERMISSION_DENIED", "Your API key was reported as leaked.")
    refused = run(folder, server, "--allow-model")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "check GEMINI_API_KEY in .env (403: Your API key was reported as leaked.)" in refused.stderr


def test_the_key_is_in_no_file_of_the_stack(folder: Path) -> None:
    written = [path for path in (folder / "state").rglob("*") if path.is_file() and "postgres" not in path.parts]
    assert written
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
