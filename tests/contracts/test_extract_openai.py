"""`sago extract --provider openai`: one process, and a model of the house on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sago.errors import ConfigError, UsageError
from sago.pipeline import reading
from tests import openai_server as fake
from tests.contracts.extracting import extract_with
from tests.gemini_server import GeminiServer, always

extract = partial(extract_with, "openai")
DEAL = "[[event enterprise_deal subject=Kite]]"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiServer]:
    with fake.openai_server() as server:
        monkeypatch.setenv("SAGO_OPENAI__BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("SAGO_OPENAI__MODEL", "qwen3:8b")
        monkeypatch.setenv("SAGO_EXTRACTION__TRIAGE", "false")  # a mark is no language
        monkeypatch.setattr(reading, "FIRST_WAIT", 0.01)
        yield server


def test_events_come_on_stdout_and_what_they_cost_on_stderr(server: GeminiServer, tmp_path: Path) -> None:
    server.script.extend([fake.failing(503, "loading model"), always(fake.said("Let me think."))])
    done = extract(tmp_path, "lunch?", DEAL)
    (event,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.exit_code, event["message_ids"], len(server.asked)) == (0, ["c1"], 3)
    assert "openai: 3 calls, 2,000 tokens in, 114 out, $0.0000" in done.stderr


def test_without_consent_nothing_is_sent_to_a_server_of_the_house_either(server: GeminiServer, tmp_path: Path) -> None:
    refused = extract(tmp_path, DEAL, options=())
    assert isinstance(refused.exception, UsageError)
    assert "to a server of the house: nothing was sent; add --allow-model" in str(refused.exception)
    assert server.asked == []


def test_without_a_model_the_command_says_what_to_set(
    server: GeminiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGO_OPENAI__MODEL", "")
    refused = extract(tmp_path, DEAL)
    assert isinstance(refused.exception, ConfigError)
    assert "openai.model is not set" in str(refused.exception)
    assert server.asked == []
