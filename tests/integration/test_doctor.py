"""`sago doctor` before servers that refuse it, ports that are taken and parts that are missing."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sago.cli import doctor
from sago.cli.app import app
from sago.embedded.servers import Server
from sago.errors import ConfigError
from tests.smtp_server import mail_server


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    return tmp_path


def examine() -> tuple[int, dict[str, dict[str, str]]]:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_doctor_passes_here() -> None:
    code, checks = examine()
    assert code == 0, checks
    machine = {"python", "redis-server", "postgres programs", "kafka library", "jdk and maven", "docker", "disk"}
    assert machine | {"settings", "state folder", "port of api", "port of flower", "stack", "mail"} == set(checks)


def test_doctor_says_how_to_mend_what_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise ConfigError("no redis-server: install Redis")

    monkeypatch.setattr(doctor, "redis_binary", missing)
    monkeypatch.setattr(doctor, "DISK_NEEDED", 10**18)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("SAGO_API__PORT", str(port))
        result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "FAIL redis-server: no redis-server: install Redis" in result.stdout
    assert "FAIL disk: " in result.stdout
    assert f"FAIL port of api: api: port {port} of 127.0.0.1 is in use" in result.stdout
    assert "ok   port of flower" in result.stdout


def test_a_refused_password_names_where_it_is_set(servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    section = servers["postgres"].settings["postgres"]
    monkeypatch.setenv("SAGO_KAFKA__BOOTSTRAP_SERVERS", servers["kafka"].address)
    monkeypatch.setenv("SAGO_REDIS__URL", servers["redis"].address.replace("redis://:", "redis://:wrong-"))
    for key in ("host", "port", "db", "user"):
        monkeypatch.setenv(f"POSTGRES_{key.upper()}", str(section[key]))
    monkeypatch.delenv("POSTGRES_PASSWORD", raising=False)
    code, checks = examine()
    assert code == 1
    assert checks["kafka"]["ok"]
    assert "its address is from SAGO_REDIS__URL in the environment" in checks["redis"]["says"]
    assert "set the right one in POSTGRES_PASSWORD" in checks["postgres"]["says"]
    assert "POSTGRES_PASSWORD is not set" in checks["postgres"]["says"]
    assert "schema" not in checks


def test_the_mail_server_is_asked_and_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as server:
        monkeypatch.setenv("SAGO_SMTP__HOST", "localhost")
        monkeypatch.setenv("SAGO_SMTP__PORT", str(server.port))
        code, checks = examine()
        assert code == 1
        assert "offers no STARTTLS" in checks["mail"]["says"]
        monkeypatch.setenv("SAGO_SMTP__STARTTLS", "false")
        code, checks = examine()
        assert code == 0
        assert checks["mail"]["says"] == f"localhost:{server.port} takes mail not encrypted"
        assert server.handler.rcpts == []
