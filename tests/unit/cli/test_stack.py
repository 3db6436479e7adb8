"""The commands around a stack that does not run: clear lines and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sago.cli import doctor
from sago.cli.app import app
from sago.errors import ConfigError, UsageError


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    return tmp_path


def test_status_of_nothing(state: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"mode": "embedded", "services": {}}
    assert "start it with `sago up`" in " ".join(result.stderr.split())


def test_down_of_nothing_is_fine(state: Path) -> None:
    result = CliRunner().invoke(app, ["down", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"stopped": []}


def test_logs_gives_the_last_lines(state: Path) -> None:
    (state / "logs").mkdir()
    (state / "logs" / "store.log").write_text("".join(f"line {n} [x]\n" for n in range(9)))
    result = CliRunner().invoke(app, ["logs", "store", "-n", "2"])
    assert result.stdout == "line 7 [x]\nline 8 [x]\n"


def test_logs_of_a_server_lie_in_its_folder(state: Path) -> None:
    (state / "redis").mkdir()
    (state / "redis" / "redis.log").write_text("Ready\n")
    assert CliRunner().invoke(app, ["logs", "redis"]).stdout == "Ready\n"


def test_logs_of_nobody_names_those_there_are(state: Path) -> None:
    (state / "logs").mkdir()
    (state / "logs" / "store.log").touch()
    result = CliRunner().invoke(app, ["logs", "shop"])
    assert isinstance(result.exception, UsageError)
    assert "no log of shop" in str(result.exception)
    assert "store" in str(result.exception)


def test_doctor_passes_here(state: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0, result.output
    checks = json.loads(result.stdout)
    assert {"python", "settings", "redis-server", "postgres", "kafka library", "state folder", "disk"} <= set(checks)


def test_doctor_says_how_to_mend_what_is_broken(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise ConfigError("no redis-server: install Redis")

    monkeypatch.setattr(doctor, "redis_binary", missing)
    monkeypatch.setattr(doctor, "DISK_NEEDED", 10**18)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "FAIL redis-server: no redis-server: install Redis" in result.stdout
    assert "FAIL disk" in result.stdout
    assert "ok   python" in result.stdout


def test_doctor_stops_at_settings_that_cannot_be_read(tmp_path: Path) -> None:
    wrong = tmp_path / "config.yaml"
    wrong.write_text("kafak: {}\n")
    result = CliRunner().invoke(app, ["doctor", "--config", str(wrong)])
    assert result.exit_code == 1
    assert "FAIL settings" in result.stdout
    assert "did you mean kafka?" in result.stdout
