"""Metrics of one process: its version, requests, connection pools, memory and descriptors."""

import platform
from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.storage.postgres.database import Database

# Other methods share one label, because a request can contain any method.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "HEAD", "OPTIONS"})


class _Pools(Collector):
    """The connection pools of this process, as they are when they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Yield size, connections and waiting callers of each pool."""
        size = GaugeMetricFamily(
            "waybill_database_pool_size", "The most connections of a pool.", labels=["pool"]
        )
        connections = GaugeMetricFamily(
            "waybill_database_pool_connections",
            "Open connections of a pool, in use or idle.",
            labels=["pool", "state"],
        )
        waiting = GaugeMetricFamily(
            "waybill_database_pool_waiting",
            "Callers that wait because all connections of a pool are in use.",
            labels=["pool"],
        )
        for name, use in self._database.pools().items():
            size.add_metric([name], use.size)
            connections.add_metric([name, "in_use"], use.in_use)
            connections.add_metric([name, "idle"], use.idle)
            waiting.add_metric([name], use.waiting)
        yield from (size, connections, waiting)


class ProcessMetrics:
    """The metrics registry of one process, without anything from the database."""

    def __init__(self, database: Database, version: str) -> None:
        # prometheus_client would add a series for each label with the time of its creation.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.registry.register(_Pools(database))
        ProcessCollector(registry=self.registry)
        Gauge(
            "waybill_build_info",
            "The version that runs, and its Python.",
            ["version", "python"],
            registry=self.registry,
        ).labels(version, platform.python_version()).set(1)
        self._requests = Counter(
            "waybill_http_requests",
            "Requests answered by this process.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = [
            Histogram(name, help_text, ["route"], registry=self.registry)
            for name, help_text in (
                ("waybill_http_request_duration_seconds", "Time to answer."),
                # Its name before. It goes with the next version.
                ("waybill_http_request_seconds", "Deprecated: the same."),
            )
        ]

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request, and its duration in seconds."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        for histogram in self._seconds:
            histogram.labels(route).observe(seconds)

    def show_requests_left(self, fewest: Callable[[], float]) -> None:
        """Show from now on what `fewest` returns: requests that a limited API key has left."""
        Gauge(
            "waybill_key_requests_left",
            "The fewest requests that an API key has left at this process.",
            registry=self.registry,
        ).set_function(fewest)

    async def refresh(self) -> None:
        """Read nothing: these metrics are always as of now."""

    def render(self) -> tuple[bytes, str]:
        """Return the exposition text and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
