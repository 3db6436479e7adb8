"""Who may call, in which form errors come, and what is written down."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sago.api.app import create_app
from sago.config import load
from sago.errors import ConfigError, TransientError
from sago.stores.memory.log import MemoryLog
from tests.unit.api.api_house import (
    HEALTH,
    INGEST,
    METRICS,
    House,
    MakeHouse,
    container_in_memory,
    row,
    settings_of,
)
from tests.unit.pipeline.bridge_world import message as chat

KEY = "schlüssel-7f3a-der-diesem-haus-gehört"
BEARER = {"Authorization": f"Bearer {KEY}".encode()}
SECRET = "nobody may read this text"


def test_with_a_key_every_path_under_api_asks_for_it(make: MakeHouse) -> None:
    house = make(key=KEY, caller=("203.0.113.9", 4711))
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic c2FnbzpzYWdv"}):
        for method, path in (("POST", INGEST), ("GET", HEALTH), ("GET", METRICS)):
            answer = house.client.request(method, path, headers=given)
            assert answer.status_code == 401, (path, given)
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sago"'
            assert answer.json()["errors"] == []
    assert house.client.get(HEALTH, headers=BEARER).status_code == 200
    assert house.client.post(INGEST, json=row(), headers=BEARER).status_code == 202


def test_a_body_is_not_read_before_the_key(make: MakeHouse) -> None:
    house = make(key=KEY, body_limit=10)
    assert house.ingest(row()).status_code == 401


def test_probes_and_docs_need_no_key(make: MakeHouse) -> None:
    house = make(key=KEY, caller=("203.0.113.9", 4711))
    for path in ("/health/live", "/health/ready", "/docs", "/openapi.json"):
        assert house.client.get(path).status_code == 200, path


def test_without_a_key_nobody_else_is_served(make: MakeHouse) -> None:
    assert make(caller=("203.0.113.9", 4711)).ingest(row()).status_code == 403
    assert make(caller=("::1", 4711)).ingest(row()).status_code == 202
    # A page of another site that had its own name point to this machine.
    assert make().ingest(row(), Host="evil.example").status_code == 403
    for origin in ("https://evil.example", "null", "http://[evil"):
        assert make().ingest(row(), Origin=origin).status_code == 403, origin
    assert make().ingest(row(), Origin="http://localhost:8000").status_code == 202


@pytest.mark.parametrize("given", ["Basic c2FnbzpzYWdv", "Bearer ", "Bearer", "sago_1f0c93ab_x", "", "Token x"])
def test_a_header_without_a_key_is_not_the_house_on_this_machine_either(house: House, given: str) -> None:
    for path in (HEALTH, METRICS, "/api/v1/dead-letters"):
        answer = house.client.get(path, headers={"Authorization": given})
        assert answer.status_code == 401
        assert answer.json()["detail"] == "Authorization holds no key: send it as Authorization: Bearer KEY"
    assert house.ingest(row(), Authorization=given).status_code == 401


@pytest.mark.parametrize("host", ["::", "10.0.0.7", "sago.example"])
@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_no_other_host_is_started_on(host: str, key: str | None) -> None:
    container = container_in_memory(settings_of(host=host, key=key))
    with pytest.raises(ConfigError, match="there is no key: set SAGO_API__KEY"):
        create_app(container)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_needs_no_key(host: str) -> None:
    create_app(container_in_memory(settings_of(host=host)))


def test_a_key_of_the_house_that_could_be_guessed_is_refused_with_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAGO_API__KEY", "hunter2" * 4)
    with pytest.raises(ConfigError, match=r"SAGO_API__KEY: is shorter than 32 .* `openssl rand -hex 32`") as refused:
        load()
    assert "hunter2" not in str(refused.value)


def test_an_empty_key_is_none(make: MakeHouse) -> None:
    assert make(key="").ingest(row()).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/api/v1/data-flow/nothing", 404), ("PUT", INGEST, 405), ("GET", INGEST, 405)],
)
def test_errors_of_the_framework_have_our_form(house: House, method: str, path: str, status: int) -> None:
    answer = house.client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"detail", "errors"}
    assert "/docs" in answer.json()["detail"]


class Broken(MemoryLog):
    """A log with a mistake in it that quotes what it was given."""

    def publish(self, messages: Any, **_: Any) -> Any:
        raise ValueError(f"cannot: {messages}")


def test_an_unforeseen_error_is_told_by_its_request_and_logged_without_text(
    make: MakeHouse, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    house = make(adapters={"log": Broken({"slack": "slack-messages"})})
    with caplog.at_level(logging.DEBUG):
        answer = house.ingest(row(content=SECRET), **{"X-Request-ID": "req-1"})
    assert answer.status_code == 500
    assert answer.json() == {"detail": "an error on our side; the log has it under req-1", "errors": []}
    assert answer.headers["X-Request-ID"] == "req-1"
    logged = caplog.text + "".join(capsys.readouterr())
    assert "ValueError" in logged
    assert SECRET not in logged


def test_a_request_is_logged_under_its_id_and_without_its_text(
    house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = house.ingest([row(content=SECRET), row(2, content=SECRET, timestamp=SECRET)])
        odd = house.client.get("/health/live", headers={"X-Request-ID": "two words"})
    logged = caplog.text + "".join(capsys.readouterr())
    assert answer.headers["X-Request-ID"] in logged
    assert len(answer.headers["X-Request-ID"]) == 32
    assert odd.headers["X-Request-ID"] != "two words"
    assert SECRET not in logged


def test_the_docs_load_nothing_from_elsewhere(house: House) -> None:
    page = house.client.get("/docs").text
    assert "swagger-ui-bundle.js" in page
    assert "https://" not in page
    assert house.client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_each_path_is_described_with_its_answers(house: House) -> None:
    described = house.client.get("/openapi.json").json()
    paths = described["paths"]
    assert set(paths[INGEST]["post"]["responses"]) == {
        "202", "207", "401", "403", "408", "409", "413", "414", "415", "422", "429", "431", "503",
    }  # fmt: skip
    assert paths[INGEST]["post"]["security"] == [{"HTTPBearer": ["ingest:COMPANY"]}]
    assert all(route["description"] for path in paths.values() for route in path.values())


def test_a_route_that_asks_by_itself_is_described_as_the_others(house: House) -> None:
    paths = house.client.get("/openapi.json").json()["paths"]
    by_itself, by_dependencies = paths[INGEST]["post"], paths["/api/v1/tasks"]["post"]
    assert by_itself["parameters"] == by_dependencies["parameters"]
    assert [list(each) for each in by_itself["security"]] == [["HTTPBearer"]]
    assert by_dependencies["security"] == [{"HTTPBearer": ["operate"]}, {"HTTPBearer": ["write"]}]


def test_each_example_of_the_docs_is_taken(house: House) -> None:
    body = house.client.get("/openapi.json").json()["paths"][INGEST]["post"]["requestBody"]
    examples = body["content"]["application/json"]["examples"]
    assert set(examples) == {"row", "slack", "gmail", "list"}
    for name, example in examples.items():
        assert house.ingest(example["value"]).status_code == 202, name


SERVERS = {
    "SAGO_KAFKA__BOOTSTRAP_SERVERS": "nowhere:1",
    "SAGO_REDIS__URL": "redis://nowhere:1",
    "POSTGRES_HOST": "nowhere",
}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SAGO_CACHE__TTL": "no number"}, "SAGO_CACHE__TTL: Input should be a valid integer"),
        ({}, "no stack is running and no servers are set: start one with `sago up`"),
        ({**SERVERS, "SAGO_API__HOST": "10.0.0.7"}, "set SAGO_API__KEY, or SAGO_API__HOST=127.0.0.1"),
    ],
)
def test_the_server_itself_ends_with_one_line(
    variables: dict[str, str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("sago.telemetry.configure", lambda *_: None)
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="78"):
        create_app()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sago api: ")
    assert words in line


def test_what_was_opened_is_closed_at_the_end() -> None:
    container = container_in_memory(settings_of())
    with TestClient(create_app(container)) as client:
        assert client.get("/health/live").json() == {"status": "live"}
    with pytest.raises(TransientError, match="closed"):
        container.log.publish([chat(1)])
