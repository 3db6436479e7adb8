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
from sago.embedded.launch import WORKER_GRACE
from sago.embedded.procfile import read_procfile

SERVERS = {"kafka", "cassandra", "redis", "postgres"}
PROCESSES = read_procfile(PROJECT / "Procfile")
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWER_PASSWORD", "API_KEY")
MADE = "5ec7e7" * 8
"""A password as `make up` makes them."""


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
    assert set(ports) == {"flower", "api"}
    assert all(port.startswith("127.0.0.1:") for of_service in ports.values() for port in of_service)


def test_kafkas_port_is_opened_by_a_file_of_its_own(services: dict[str, dict[str, Any]]) -> None:
    assert "OUTSIDE" not in str(services["kafka"])
    added = yaml.safe_load((PROJECT / "docker-compose.sources.yml").read_text(encoding="utf-8"))["services"]
    assert set(added) == {"kafka"}
    (port,) = added["kafka"]["ports"]
    assert port == "127.0.0.1:${PUBLISHED_KAFKA_PORT:-9094}:9094"
    for name, value in added["kafka"]["environment"].items():
        assert value.startswith(services["kafka"]["environment"][name])
        assert value.count("OUTSIDE:") == 1


def test_each_service_is_bounded_and_has_few_rights(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["mem_limit"], name
        assert service["logging"]["options"]["max-size"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert name in SERVERS or service["read_only"], name
        assert int(service["stop_grace_period"].removesuffix("s")) >= 30, name


def test_one_service_builds_the_image_and_none_is_pulled(services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, service in services.items() if "build" in service] == ["migrate"]
    assert services["migrate"]["pull_policy"] == "build"
    assert {(services[name]["image"], services[name]["pull_policy"]) for name in PROCESSES} == {
        (services["migrate"]["image"], "never")
    }


def test_the_image_can_be_used_whatever_the_checkouts_modes(services: dict[str, dict[str, Any]]) -> None:
    build, run = (PROJECT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ${PYTHON}\n")
    assert "chmod -R a+rX /app" in build.partition("COPY . /app")[2]
    folder = str(Path(services["store"]["environment"]["SAGO_READY_FILE"]).parent)
    assert f"install -d -o sago -g sago -m 1777 {folder}\n" in run
    assert f"{folder}:mode=1777" in services["store"]["tmpfs"]


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
    assert services["bridge"]["restart"] == "on-failure"
    assert services["migrate"]["restart"] == "no"


def test_all_but_the_bridge_are_back_after_the_engines_restart(services: dict[str, dict[str, Any]]) -> None:
    policies = {services[name]["restart"] for name in set(services) - {"bridge", "migrate"}}
    assert policies == {"unless-stopped"}


def test_half_a_request_does_not_keep_the_api_up(services: dict[str, dict[str, Any]]) -> None:
    patience = re.search(r"--timeout-graceful-shutdown (\d+)$", PROCESSES["api"])
    assert patience
    assert load(PROJECT / "config.yaml").api.answer_within < int(patience[1])
    assert int(patience[1]) < min(WORKER_GRACE, int(services["api"]["stop_grace_period"].removesuffix("s")))


def test_no_anchor_is_unused() -> None:
    text = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r" &([a-z-]+)", text)) == set(re.findall(r" \*([a-z-]+)", text))


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
            monkeypatch.setenv(variable, re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", MADE, value))
        settings = load(PROJECT / "config.yaml")
        assert settings.mode == "services"
        assert settings.redis.url == f"redis://:{MADE}@redis:6379"
        assert settings.cassandra.contact_points == ("cassandra",)
        assert settings.raw_store.kind == "cassandra"


@pytest.mark.parametrize("added", [(), ("-f", "docker-compose.sources.yml")])
def test_compose_itself_accepts_it(added: tuple[str, ...], tmp_path: Path) -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode
    ):
        pytest.skip("needs docker compose")
    environment = tmp_path / ".env"
    environment.write_text("".join(f"{name}=secret\n" for name in SECRETS))
    for name in ("docker-compose.yml", "docker-compose.sources.yml", "config.yaml"):
        shutil.copy(PROJECT / name, tmp_path)
    command = ["docker", "compose", "-f", "docker-compose.yml", *added, "config", "--quiet"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
