"""What Prometheus is told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from prometheus_client import generate_latest

from sago.api.meters import Meters
from sago.domain.vitals import Gauges
from sago.errors import TransientError
from sago.pipeline.vitals import gauges_of
from sago.stores.memory.log import MemoryLog
from tests.unit.api.api_house import HEALTH, HOUSE_KEY, House, MakeHouse, row

INGEST_ROUTE = "/api/v1/data-flow/ingest"


def meters_of(house: House) -> Meters:
    meters: Meters = house.client.app.state.meters
    return meters


def told(meters: Meters) -> dict[str, float]:
    """Name with labels → value."""
    lines = generate_latest(meters.registry).decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def requests(method: str, route: str, status: int) -> str:
    return f'sago_http_requests_total{{method="{method}",route="{route}",status="{status}"}}'


def test_requests_are_counted_by_route_method_and_status(make: MakeHouse) -> None:
    house = make(key=HOUSE_KEY, rate_limit=60, rate_burst=2)
    bearer = {"Authorization": f"Bearer {HOUSE_KEY}"}
    assert [house.ingest(row(n), **bearer).status_code for n in range(3)] == [202, 202, 429]
    house.client.get(HEALTH)
    house.client.get("/secret-path-of-a-scanner")
    house.client.get("/unsubscribe/some-token")
    house.client.request("BREW", "/health/live")
    found = told(meters_of(house))
    assert found[requests("POST", INGEST_ROUTE, 202)] == 2
    assert found[requests("POST", INGEST_ROUTE, 429)] == 1
    assert found[requests("GET", HEALTH, 401)] == 1
    assert found[requests("GET", "none", 404)] == 1
    assert found[requests("GET", "/unsubscribe/{token}", 404)] == 1
    assert found[requests("other", "/health/live", 405)] == 1
    assert found[f'sago_http_request_seconds_count{{method="POST",route="{INGEST_ROUTE}"}}'] == 3
    assert found["sago_http_requests_in_flight"] == 0


def test_a_request_is_in_flight_until_it_is_answered(make: MakeHouse) -> None:
    seen: list[float] = []

    class Looking(MemoryLog):
        def publish(self, messages: Any, **more: Any) -> Any:
            seen.append(told(meters_of(house))["sago_http_requests_in_flight"])
            return super().publish(messages, **more)

    house = make(adapters={"log": Looking({"slack": "slack-messages"})})
    assert house.ingest(row()).status_code == 202
    assert seen == [1]


def test_figures_of_the_pipeline_are_told_when_asked_and_name_no_company(house: House) -> None:
    meters = meters_of(house)
    house.ingest([{**row(1), "company_id": "scaleflow"}])
    meters.watch(house.container.vitals.gauges)
    found = told(meters)
    assert found['sago_kafka_lag_messages{topic="slack-messages"}'] == 1
    assert found['sago_batches{state="failed"}'] == 0
    assert found["sago_events"] == found["sago_dead_letters"] == found["sago_queued_messages"] == 0
    assert {found[f'sago_server_up{{server="{name}"}}'] for name in ("kafka", "redis", "postgres")} == {1}
    assert not any("scaleflow" in name or "acme" in name for name in found)


class Silent(MemoryLog):
    """A Kafka that does not answer."""

    def lag(self) -> dict[str, int]:
        raise TransientError("no answer")


def test_what_a_server_does_not_tell_is_absent(make: MakeHouse) -> None:
    house = make(adapters={"log": Silent({"slack": "slack-messages"})})
    meters = meters_of(house)
    meters.watch(house.container.vitals.gauges)
    found = told(meters)
    assert found['sago_server_up{server="kafka"}'] == 0
    assert not any(name.startswith("sago_kafka_lag") for name in found)
    assert found["sago_events"] == 0


def test_a_raw_store_with_a_server_of_its_own_is_told_as_the_others(house: House) -> None:
    silent = gauges_of({"kafka": {}, "redis": {}, "postgres": {}, "cassandra": TransientError("no answer")})
    assert silent.up == {"kafka": True, "redis": True, "postgres": True, "cassandra": False}
    meters = meters_of(house)
    meters.watch(house.container.vitals.gauges)
    assert "# HELP sago_batches_merged Batches that were read to the end." in generate_latest(meters.registry).decode()


def test_who_scrapes_often_asks_the_servers_once() -> None:
    asked: list[int] = []

    def measure() -> Gauges:
        asked.append(1)
        return Gauges({"kafka": True}, {"slack-messages": 3}, None, {"events": ("Events.", 5)})

    meters = Meters()
    meters.watch(measure)
    assert asked == []
    for _ in range(3):
        found = told(meters)
        assert found["sago_events"] == 5
        assert not any(name.startswith("sago_batches") for name in found)
    assert asked == [1]


def test_a_port_that_is_taken_is_told_and_nothing_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def taken(*_: Any) -> Any:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("sago.api.meters.start_http_server", taken)
    with caplog.at_level(logging.INFO):
        Meters().serve("127.0.0.1", 9464)()
    said = caplog.text + "".join(capsys.readouterr())
    assert "metrics are not served" in said
    assert "127.0.0.1:9464" in said
    assert "set api.metrics_port to a free one" in said


def test_without_a_port_nothing_listens_and_kafka_is_not_timed(house: House) -> None:
    assert house.container.settings.api.metrics_port == 0
    assert house.container.produced == []
