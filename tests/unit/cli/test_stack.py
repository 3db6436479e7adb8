"""The commands around a stack that does not run: clear lines and exit codes."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sago.cli.app import app
from sago.embedded import jars
from sago.embedded.kinds import choose, folder_of
from sago.embedded.processes import Child, ourselves
from sago.embedded.record import Record, Service
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


def test_a_kind_of_servers_is_not_changed_under_a_running_stack(state: Path) -> None:
    Record("embedded", "2026-03-02T09:00:00+00:00", supervisor=ourselves()).write(state)
    result = CliRunner().invoke(app, ["up", "--servers", "local"])
    assert isinstance(result.exception, UsageError)
    assert "--servers local: the embedded stack is running: `sago down` first" in str(result.exception)


def test_servers_of_yours_are_not_started(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGO_KAFKA__BOOTSTRAP_SERVERS", "broker:9092")
    monkeypatch.setenv("SAGO_REDIS__URL", "redis://cache")
    monkeypatch.setenv("POSTGRES_HOST", "database")
    result = CliRunner().invoke(app, ["up", "--servers", "local"])
    assert isinstance(result.exception, UsageError)
    assert "name servers of yours" in str(result.exception)


def test_a_folder_keeps_to_the_servers_that_hold_its_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "missing", lambda: None)
    assert choose(None, tmp_path).kind == "embedded"
    for kind, when in (("embedded", 100), ("local", 200)):
        started = folder_of(tmp_path, kind) / "redis" / "redis.conf"
        started.parent.mkdir(parents=True)
        started.touch()
        os.utime(started, (when, when))
        assert [choose(wanted, tmp_path).kind for wanted in (None, "auto")] == [kind, kind]
    assert choose("embedded", tmp_path).kind == "embedded"


def test_local_servers_are_chosen_where_they_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "missing", lambda: None)
    assert [choose(wanted, tmp_path).kind for wanted in ("embedded", "local", "auto")] == ["embedded", "local", "local"]
    monkeypatch.setattr(jars, "missing", lambda: "no Java on PATH: install JDK 17")
    assert choose("auto", tmp_path) == ("embedded", "a small Kafka, no Cassandra (no Java on PATH: install JDK 17)")
    with pytest.raises(ConfigError, match="servers: local: no Java on PATH: install JDK 17"):
        choose("local", tmp_path)


def troubled(state: Path) -> None:
    gone = Child("store", 2**22 + 1, 1.0)
    record = Record("embedded", "2026-03-02T09:00:00+00:00", supervisor=ourselves())
    since = time.time() - 3600
    record.services = {
        "bridge": Service("bridge", "process", child=gone, trouble="stopped (78): 100 dead letters in a row"),
        "store": Service(
            "store", "process", child=gone, restarts=3, trouble="killed", again_at=time.time() + 9, down_since=since
        ),
        "api": Service("api", "process", "http://127.0.0.1:1", child=gone, trouble="still starting"),
    }
    record.write(state)


@pytest.mark.parametrize("width", [80, 40])
def test_status_fits_a_terminal_and_tells_why(state: Path, width: int) -> None:
    troubled(state)
    result = CliRunner().invoke(app, ["status"], env={"COLUMNS": str(width)})
    assert result.exit_code == 1
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert max(map(len, lines)) <= width
    shown = " ".join(" ".join(lines).split())
    assert "- bridge is down: stopped (78): 100 dead letters in a row see `sago dlq list`" in shown
    assert re.search(
        r"UTC \(60 min\): restarting in \d+ s: killed it is started again by itself; `sago logs store`", shown
    )
    assert any("stopped (78)" in line and "bridge" in line.split() for line in lines)
    assert "api http://127.0.0.1:1" in shown
    assert "queued not known while its server is silent" in shown


def test_status_as_json_has_the_same_words(state: Path) -> None:
    troubled(state)
    told = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert told["overall_status"] == "unhealthy"
    assert told["problems"][1].startswith("store is down since ")
    assert told["services"]["store"]["down_since"]
    assert told["services"]["bridge"]["reason"] == "stopped (78): 100 dead letters in a row"
    assert told["services"]["bridge"]["down_since"] is None
    assert told["lag"] == {}
    assert "queued" not in told


def test_status_of_a_stack_whose_supervisor_was_killed(state: Path) -> None:
    record = Record("embedded", "2026-03-02T09:00:00+00:00", supervisor=Child("sago", 2**22 + 1, 1.0))
    record.services = {"store": Service("store", "process", child=Child("store", 2**22 + 2, 1.0))}
    record.write(state)
    shown = " ".join(CliRunner().invoke(app, ["status"]).stdout.split())
    assert f"the supervisor of the last stack (pid {2**22 + 1}) was killed" in shown
    assert "`sago up` starts anew" in shown


def test_doctor_stops_at_settings_that_cannot_be_read(tmp_path: Path) -> None:
    wrong = tmp_path / "config.yaml"
    wrong.write_text("kafak: {}\n")
    result = CliRunner().invoke(app, ["doctor", "--config", str(wrong)])
    assert result.exit_code == 1
    assert "FAIL settings" in result.stdout
    assert "did you mean kafka?" in result.stdout
