"""`sago doctor` before servers that refuse it, ports that are taken and parts that are missing."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from sago.bootstrap import build
from sago.cli import doctor
from sago.cli.app import app
from sago.config import load
from sago.domain.companies import Person
from sago.domain.mails import MailState, WaitsFor, new_mail
from sago.embedded.servers import Server, free_port
from sago.errors import ConfigError
from sago.stores.postgres import migrate
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
        assert checks["unsubscribe"]["warns"]
        assert "outreach.unsubscribe_url, or at least outreach.unsubscribe_mailto" in checks["unsubscribe"]["says"]
        assert "WARN unsubscribe: " in CliRunner().invoke(app, ["doctor"]).stdout
        monkeypatch.setenv("SAGO_OUTREACH__UNSUBSCRIBE_MAILTO", "stop@sago.example.com")
        assert "unsubscribe" not in examine()[1]
        assert server.handler.rcpts == []
    code, checks = examine()
    assert code == 1
    assert "refused: does it run, and are smtp.host and smtp.port right?" in checks["mail"]["says"]


def test_mails_that_wait_for_a_dead_server_fail_the_check(
    servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    section = servers["postgres"].settings["postgres"]
    monkeypatch.setenv("SAGO_KAFKA__BOOTSTRAP_SERVERS", servers["kafka"].address)
    monkeypatch.setenv("SAGO_REDIS__URL", servers["redis"].address)
    for key in ("host", "port", "db", "user", "password"):
        monkeypatch.setenv(f"POSTGRES_{key.upper()}", str(section[key]))
    monkeypatch.setenv("SAGO_SMTP__HOST", "localhost")
    monkeypatch.setenv("SAGO_SMTP__PORT", str(free_port()))
    monkeypatch.setenv("SAGO_SMTP__STARTTLS", "false")
    migrate(load().postgres)
    assert examine()[1]["outbox"] == {"ok": True, "warns": False, "says": "nothing waits"}
    container = build(load())
    now = container.clock.now()
    dana = Person(name="Dana", email="dana@x.example")
    queued = new_mail("letter", UUID(int=1), dana, firm_id="default", company_id=None, now=now)
    ago = now - timedelta(hours=1)
    held = queued.waiting(ago, now + timedelta(hours=1), "refused", WaitsFor.SERVER)
    with container.database.begin() as tx:
        assert tx.mails.add(held)
    checks = examine()[1]
    with container.database.begin() as tx:
        assert tx.mails.replace(held, held.ended(MailState.CANCELLED, None))
    container.close()
    assert not checks["outbox"]["ok"]
    assert checks["outbox"]["says"].startswith("1 mail waits for smtp/localhost:")
    assert "refused; nothing is lost" in checks["outbox"]["says"]
