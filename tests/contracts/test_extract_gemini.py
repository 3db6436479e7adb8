"""`sago extract --provider gemini`: one process, no servers of ours, a vendor's protocol on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sago.errors import ConfigError, TransientError, UsageError
from sago.pipeline import reading
from tests import gemini_server as fake
from tests.contracts.extracting import extract_with
from tests.gemini_server import KEY, GeminiServer

extract = partial(extract_with, "gemini")
DEAL = "[[event enterprise_deal subject=Kite]]"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GeminiServer]:
    with fake.gemini_server() as server:
        monkeypatch.setenv("GEMINI_API_KEY", KEY)
        monkeypatch.setenv("SAGO_GEMINI__BASE_URL", server.url)
        monkeypatch.setenv("SAGO_EXTRACTION__TRIAGE", "false")  # a mark is no language
        monkeypatch.setattr(reading, "FIRST_WAIT", 0.01)
        yield server


def test_events_come_on_stdout_and_what_they_cost_on_stderr(server: GeminiServer, tmp_path: Path) -> None:
    done = extract(tmp_path, "lunch?", DEAL)
    (event,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.exit_code, event["message_ids"]) == (0, ["c1"])
    assert "gemini: 1 call, 1,000 tokens in, 57 out, $0.0027" in done.stderr


def test_what_may_pass_is_tried_again_by_the_command(server: GeminiServer, tmp_path: Path) -> None:
    server.script.extend([fake.failing(503, "UNAVAILABLE"), fake.always(fake.said(""))])
    done = extract(tmp_path, DEAL)
    assert (done.exit_code, len(done.stdout.splitlines()), len(server.asked)) == (0, 1, 3)
    assert "gemini answers 503: UNAVAILABLE; again in 0.01 s" in done.stderr


def test_an_outage_ends_the_command_after_its_attempts(server: GeminiServer, tmp_path: Path) -> None:
    server.usual = fake.failing(503, "UNAVAILABLE")
    done = extract(tmp_path, DEAL)
    assert isinstance(done.exception, TransientError)
    assert len(server.asked) == 5
    assert "gemini: 5 calls" in done.stderr


def test_a_message_the_filters_block_is_left_out_alone(server: GeminiServer, tmp_path: Path) -> None:
    server.usual = fake.blocked_where("forbidden")
    done = extract(tmp_path, DEAL, "a forbidden word", "lunch?", DEAL)
    assert (done.exit_code, len(done.stdout.splitlines())) == (1, 1)
    assert json.loads(done.stdout)["message_ids"] == ["c0", "c3"]
    assert "left out: slack:c1: gemini's filters block the question: PROHIBITED_CONTENT" in done.stderr


def test_without_consent_nothing_is_sent(server: GeminiServer, tmp_path: Path) -> None:
    refused = extract(tmp_path, DEAL, options=())
    assert isinstance(refused.exception, UsageError)
    assert "nothing was sent; add --allow-model" in str(refused.exception)
    assert server.asked == []


def test_a_page_of_somebody_else_costs_no_message(server: GeminiServer, tmp_path: Path) -> None:
    server.usual = fake.always(fake.Reply(200, b"<html>sign in to the network</html>"))
    done = extract(tmp_path, DEAL, DEAL)
    assert isinstance(done.exception, TransientError)
    assert "check gemini.base_url" in str(done.exception)
    assert "left out" not in done.stderr


def test_a_refused_key_ends_at_once(server: GeminiServer, tmp_path: Path) -> None:
    server.usual = fake.failing(403, "PERMISSION_DENIED")
    done = extract(tmp_path, DEAL, DEAL)
    assert isinstance(done.exception, ConfigError)
    assert len(server.asked) == 1
