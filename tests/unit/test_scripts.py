"""`make up` and `make down`: what they start where, asked with commands of the test's own on PATH."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

from sago.config import PROJECT

SAYS = """#!/bin/sh
echo "{name} $*" >>"$CALLS"
{body}
"""
ENGINE = 'case "$*" in "compose port "*) echo 127.0.0.1:1234;; "compose ps --all --quiet") echo "$CONTAINERS";; esac'
NO_ENGINE = "exit 1"
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWER_PASSWORD", "API_KEY")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the scripts, with `sago`, `make` and `docker` that write down how they were called."""
    shutil.copytree(PROJECT / "scripts", tmp_path / "scripts")
    shutil.copy(PROJECT / ".env.example", tmp_path)
    for path, body in (
        (".venv/bin/sago", ""),
        ("bin/make", ""),
        ("bin/docker", NO_ENGINE),
        ("engine/docker", ENGINE),
    ):
        command = tmp_path / path
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(SAYS.format(name=command.name, body=body))
        command.chmod(0o755)
    return tmp_path


def call(project: Path, script: str, *words: str, **environ: str) -> tuple[str, list[str]]:
    """What the script said, and the commands it called but for questions to Docker."""
    calls = project / "calls"
    calls.unlink(missing_ok=True)
    folders = [project / "engine"] if environ.pop("engine", "") else []
    path = os.pathsep.join([*map(str, folders), str(project / "bin"), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", str(project / "scripts" / script), *words],
        env={"PATH": path, "CALLS": str(calls), "CONTAINERS": "", **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    asked = ("docker info", "docker compose version", "docker compose port", "docker compose ps")
    return ran.stdout, [line for line in calls.read_text().splitlines() if not line.startswith(asked)]


def test_no_engine_means_local_processes(project: Path) -> None:
    said, called = call(project, "up.sh", "--quiet")
    assert said == "up: no Docker engine answers: local processes (sago up)\n"
    assert called == ["make --silent setup", "sago up --servers auto --quiet"]
    assert not (project / ".env").exists()


def test_an_engine_means_containers_and_new_passwords_once(project: Path) -> None:
    said, called = call(project, "up.sh", engine="yes")
    assert called == ["docker compose up --detach --build"]
    assert "made .env with new passwords" in said
    assert "API on http://127.0.0.1:1234/docs" in said
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600
    made = dotenv_values(project / ".env")
    assert set(made) == set(SECRETS)
    assert len({value for value in made.values() if value and len(value) == 48 and value.isalnum()}) == 4
    said, called = call(project, "up.sh", "--pull=always", engine="yes")
    assert called == ["docker compose up --detach --build --pull=always"]
    assert "made .env" not in said
    assert dotenv_values(project / ".env") == made


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_key_of_yours_stays_and_missing_passwords_come_beside_it(project: Path, end: str) -> None:
    (project / ".env").write_text(f"REDIS_PASSWORD=mine\nAPI_KEY=\nGEMINI_API_KEY=secret{end}")
    said, _ = call(project, "up.sh", engine="yes")
    assert "made .env with new passwords (from .env," in said
    made = dotenv_values(project / ".env")
    assert {"REDIS_PASSWORD": "mine", "GEMINI_API_KEY": "secret"}.items() <= made.items()
    assert all(made[name] for name in SECRETS)
    assert "made .env" not in call(project, "up.sh", engine="yes")[0]
    assert dotenv_values(project / ".env") == made


def test_servers_of_your_own_are_used_although_an_engine_answers(project: Path) -> None:
    said, called = call(project, "up.sh", engine="yes", POSTGRES_HOST="db.example")
    assert "your own servers" in said
    assert called[-1] == "sago up --servers auto"
    (project / ".env").write_text("SAGO_REDIS__URL=redis://redis.example\n")
    assert call(project, "up.sh", engine="yes")[1][-1] == "sago up --servers auto"


def test_down_stops_what_runs(project: Path) -> None:
    assert call(project, "down.sh")[1] == ["make --silent setup", "sago down"]
    assert call(project, "down.sh", engine="yes")[1][-1] == "sago down"
    (project / ".env").touch()
    assert call(project, "down.sh", engine="yes")[1][-1] == "sago down"
    said, called = call(project, "down.sh", "--volumes", engine="yes", CONTAINERS="a1b2c3")
    assert said == "down: containers (docker compose down)\n"
    assert called == ["docker compose down --volumes"]
