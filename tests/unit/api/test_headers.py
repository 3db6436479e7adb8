"""What every answer tells browsers, and whose pages may call."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from sago.api.docs_page import policy_of
from sago.api.headers import NOTHING
from sago.serving_sections import ApiSettings
from tests.unit.api.api_house import HEALTH, HOUSE_KEY, INGEST, METRICS, House, MakeHouse, row
from tests.unit.api.test_access import Broken

CONSOLE = "https://console.sago.example"
PREFLIGHT = {"Origin": CONSOLE, "Access-Control-Request-Method": "POST"}
PATHS = [HEALTH, METRICS, "/health/live", "/docs", "/openapi.json", "/nothing", "/unsubscribe/x", INGEST]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_says_what_browsers_may_not_do_with_it(house: House, path: str) -> None:
    answer = house.client.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers
    assert (answer.headers.get("Cache-Control") == "no-store") is path.startswith(("/api/", "/unsubscribe/"))


def test_what_came_by_tls_is_to_come_so_for_a_year(house: House) -> None:
    answer = house.client.get("https://localhost:8000/health/live")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_an_error_nobody_foresaw_has_the_same_headers(make: MakeHouse) -> None:
    house = make(adapters={"log": Broken({"slack": "slack-messages"})}, cors_origins=[CONSOLE])
    answer = house.ingest(row(), Origin=CONSOLE)
    assert answer.status_code == 500
    assert answer.headers["Content-Security-Policy"] == NOTHING
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == CONSOLE
    assert len(answer.headers["X-Request-ID"]) == 32


def test_the_docs_may_run_their_own_script_and_load_from_here_alone(house: House) -> None:
    answer = house.client.get("/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert policy == policy_of(answer.content)
    script_sources = re.search(r"script-src ([^;]*)", policy)
    assert script_sources is not None
    assert re.fullmatch(r"'self' 'sha256-[A-Za-z0-9+/]{43}='", script_sources[1])
    assert "//" not in policy
    for source in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert house.client.get(source).status_code == 200, source


def test_without_a_setting_no_page_of_others_may_call(house: House) -> None:
    assert house.client.options(INGEST, headers=PREFLIGHT).status_code == 405
    answer = house.client.get("/health/live", headers={"Origin": CONSOLE})
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_page_that_is_named_may_ask_before_it_calls(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, cors_origins=[CONSOLE])
    wanted = {"Access-Control-Request-Headers": "authorization, content-type, idempotency-key"}
    answer = house.client.options(INGEST, headers=PREFLIGHT | wanted)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == CONSOLE
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert len(answer.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    "asked",
    [
        PREFLIGHT | {"Origin": "https://evil.example"},
        PREFLIGHT | {"Origin": f"{CONSOLE}.evil.example"},
        PREFLIGHT | {"Origin": "null"},
        PREFLIGHT | {"Access-Control-Request-Method": "TRACE"},
        PREFLIGHT | {"Access-Control-Request-Headers": "cookie"},
    ],
)
def test_any_other_page_or_wish_is_refused_in_our_form(make: MakeHouse, asked: dict[str, str]) -> None:
    answer = make(cors_origins=[CONSOLE]).client.options(INGEST, headers=asked)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Disallowed CORS")
    if asked["Origin"] != CONSOLE:
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_page_that_is_named_reads_errors_too(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, cors_origins=[CONSOLE])
    for method, path, status in (("GET", HEALTH, 401), ("GET", "/nothing", 404), ("PUT", INGEST, 405)):
        answer = house.client.request(method, path, headers={"Origin": CONSOLE})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == CONSOLE
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    assert (
        "Access-Control-Allow-Origin" not in house.client.get(HEALTH, headers={"Origin": "https://x.example"}).headers
    )


@pytest.mark.parametrize(
    "origin",
    ["*", "https://*.example", "console.example", "https://a.example/", "HTTPS://a.example", "ftp://a.example"],
)
def test_an_origin_is_written_whole(origin: str) -> None:
    with pytest.raises(ValidationError, match="is no origin: write https://host"):
        ApiSettings.model_validate({"cors_origins": [origin]})


def test_origins_are_listed_in_the_environment_with_commas() -> None:
    listed = ApiSettings.model_validate({"cors_origins": f"{CONSOLE}, http://localhost:5173"})
    assert listed.cors_origins == (CONSOLE, "http://localhost:5173")
