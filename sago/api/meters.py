"""What Prometheus is told: requests as they are served, Kafka's answers, and the pipeline's figures when it asks.

No label holds a company, a firm or a key: whoever reaches the port reads sums of all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from sago import telemetry
from sago.domain.vitals import Gauges

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Bounds of the histograms."""
KEPT_FOR = 5.0
"""Seconds for which figures of the pipeline are told again: whoever scrapes more often costs the servers nothing."""

log = telemetry.logger(__name__)


class Meters:
    """Of one process. Thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "sago_http_requests", "Requests served.", ("route", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "sago_http_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("route", "method"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._of: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        """What counts requests of a route, a method and a status; to have it found costs more than to count."""
        self.in_flight = Gauge("sago_http_requests_in_flight", "Requests under way.", registry=self.registry)
        self._produced = Histogram(
            "sago_kafka_produce_seconds",
            "Seconds until Kafka has acknowledged all messages of a call.",
            buckets=SECONDS,
            registry=self.registry,
        )

    @cached_property
    def produced(self) -> Callable[[float], object]:
        """Told of the seconds that a call to Kafka took."""
        return self._produced.observe

    def served(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request. Its route is the template, never the path that was asked for."""
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in METHODS else "other"
        known = self._of.get((route, method, status))
        if known is None:
            known = self._requests.labels(route, method, status), self._seconds.labels(route, method)
            self._of[route, method, status] = known
        requests, durations = known
        requests.inc()
        durations.observe(seconds)

    def watch(self, measure: Callable[[], Gauges]) -> None:
        """Tell figures of the pipeline too."""
        self.registry.register(_Pipeline(measure))

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Serve `/metrics` from threads of its own until the returned function is called. Where the port cannot be had
        the log says so, and the API goes on without."""
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as error:
            mend = "set api.metrics_port to a free one, or to 0 for none (SAGO_API__METRICS_PORT)"
            log.error("metrics are not served", address=f"{host}:{port}", reason=str(error), mend=mend)
            return lambda: None
        log.info("metrics are served", address=f"http://{host}:{port}/metrics")

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop


class _Pipeline(Collector):
    """The pipeline's figures. What a server does not tell is left out, not zero."""

    def __init__(self, measure: Callable[[], Gauges]) -> None:
        self._measure = measure
        self._lock = threading.Lock()
        self._kept: tuple[float, list[Metric]] = (0.0, [])

    def describe(self) -> Iterator[Metric]:
        """Nothing: else registering would ask the servers."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Those that could be had within the seconds that servers are given."""
        with self._lock:
            if time.monotonic() >= self._kept[0]:
                found = list(_families(self._measure()))
                self._kept = time.monotonic() + KEPT_FOR, found
            return iter(self._kept[1])


def _families(gauges: Gauges) -> Iterator[Metric]:
    yield _by("sago_server_up", "Whether a server answered.", "server", {k: int(v) for k, v in gauges.up.items()})
    for name, what, label, figures in (
        ("sago_kafka_lag_messages", "Messages in Kafka that are not stored yet.", "topic", gauges.lag),
        ("sago_batches", "Batches by state.", "state", gauges.batches),
    ):
        if figures is not None:
            yield _by(name, what, label, figures)
    for name, (what, value) in gauges.totals.items():
        yield GaugeMetricFamily(f"sago_{name}", what, value)


def _by(name: str, what: str, label: str, figures: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for of, value in sorted(figures.items()):
        family.add_metric([of], value)
    return family
