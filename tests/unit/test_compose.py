"""docker-compose.yml as data: the Procfile's commands, nothing open to others, nothing that runs without a bound."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sago.config import PROJECT, load
from sago.embedded.procfile import read_procfile

SERVERS = {"kafka", "cassandra", "redis", "postgres"}
PROCESSES = read_procfile(PROJECT / "Procfile")
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWER_PASSWORD", "API_KEY")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    loaded = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    return dict(loaded["services"])


def test_each_process_runs_the_procfiles_command(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == SERVERS | {"migrate"} | set(PROCESSES)
    for name, command in PROCESSES.items():
        assert services[name]["command"] == ["sh", "-c", f"exec {command.replace('$', '$$')}"], name


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    images = [service["image"] for service in services.values()]
    for image in [*images, *re.findall(r"^ARG PYTHON=(\S+)$", dockerfile, re.MULTILINE)]:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+[a-z0-9-]*", image), image
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["${PYTHON}", "${PYTHON}"]


def test_ports_are_of_this_machine_alone(services: dict[str, dict[str, Any]]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(ports) == {"kafka", "flower", "api"}
    assert all(port.startswith("127.0.0.1:") for of_service in ports.values() for port in of_service)


def test_each_service_is_bounded_and_has_few_rights(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["mem_limit"], name
        assert service["logging"]["options"]["max-size"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert name in SERVERS or service["read_only"], name
        assert int(service["stop_grace_period"].removesuffix("s")) >= 30, name


def test_each_service_that_stays_tells_its_health(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        if name != "migrate":
            assert service["healthcheck"]["start_period"], name
            assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name


def test_processes_wait_for_the_schema_and_the_schema_for_healthy_servers(services: dict[str, dict[str, Any]]) -> None:
    assert services["migrate"]["depends_on"] == {name: {"condition": "service_healthy"} for name in SERVERS}
    for name in PROCESSES:
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}, name


def test_a_bad_deploy_is_not_started_again(services: dict[str, dict[str, Any]]) -> None:
    entrypoint = '["tini", "-e", "78", "--"]'
    assert f"ENTRYPOINT {entrypoint}" in (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    assert {services[name]["restart"] for name in PROCESSES} == {"on-failure"}
    assert {services[name]["restart"] for name in SERVERS} == {"unless-stopped"}
    assert services["migrate"]["restart"] == "no"


def test_data_lies_in_named_volumes(services: dict[str, dict[str, Any]]) -> None:
    for name in SERVERS:
        ((volume, _, _),) = [each.partition(":") for each in services[name]["volumes"]]
        assert volume == f"{name}-data"


def test_no_password_is_written_down(services: dict[str, dict[str, Any]]) -> None:
    text = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in SECRETS:
        assert f"${{{name}:?" in text
        assert f"${{{name}}}" not in text
    example = (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    active = [line for line in example if line and not line.startswith("#")]
    assert active == [f"{name}=" for name in SECRETS]


def test_a_copied_env_leaves_the_embedded_mode_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(PROJECT / ".env.example", tmp_path / ".env")
    for name in SECRETS:  # set first, so that what `load` reads from .env is undone as well
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    settings = load(PROJECT / "config.yaml")
    assert settings.mode == "embedded"
    assert settings.flower.password is None
    assert settings.api.key is None


def test_settings_of_the_containers_are_settings(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("flower", "api"):
        for variable, value in services[name]["environment"].items():
            monkeypatch.setenv(variable, re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "secret", value))
        settings = load(PROJECT / "config.yaml")
        assert settings.mode == "services"
        assert settings.redis.url == "redis://:secret@redis:6379"
        assert settings.cassandra.contact_points == ("cassandra",)
        assert settings.raw_store.kind == "cassandra"


def test_compose_itself_accepts_it(tmp_path: Path) -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode
    ):
        pytest.skip("needs docker compose")
    environment = tmp_path / ".env"
    environment.write_text("".join(f"{name}=secret\n" for name in SECRETS))
    for name in ("docker-compose.yml", "config.yaml"):
        shutil.copy(PROJECT / name, tmp_path)
    ran = subprocess.run(
        ["docker", "compose", "config", "--quiet"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
