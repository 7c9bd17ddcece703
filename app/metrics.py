"""Metrics for Prometheus: what this process did, and what the database says of all of them."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app.orders.errors import NotAvailable
from app.storage import overview
from app.storage.database import Database

_LAG = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
# Label values that a request can make up are not counted one by one.
_METHODS = frozenset({"GET", "POST", "PATCH", "HEAD", "OPTIONS"})


class Metrics:
    """The registry of one process. Gauges hold for the whole deployment."""

    def __init__(self, database: Database, version: str) -> None:
        # A series more for each label only to say when the process began counting.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._database = database
        self.registry = CollectorRegistry()
        Gauge(
            "waybill_build_info", "The version that runs.", ["version"], registry=self.registry
        ).labels(version).set(1)
        self._requests = Counter(
            "waybill_http_requests",
            "Requests answered by this process.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "waybill_http_request_seconds", "Time to answer.", ["route"], registry=self.registry
        )
        self._accepted = Counter(
            "waybill_updates_accepted",
            "Updates accepted over HTTP by this process.",
            ["kind"],
            registry=self.registry,
        )
        self._deliveries = Counter(
            "waybill_deliveries",
            "Deliveries ended by the poller of this process, by verdict.",
            ["kind", "verdict"],
            registry=self.registry,
        )
        self._lag = Histogram(
            "waybill_delivery_lag_seconds",
            "Accepted to confirmed by Walmart, by the poller of this process.",
            ["kind"],
            buckets=_LAG,
            registry=self.registry,
        )
        self._open = Gauge(
            "waybill_open_updates",
            "Updates not confirmed or dismissed, in the database.",
            ["kind", "state"],
            registry=self.registry,
        )
        self._oldest = Gauge(
            "waybill_oldest_due_seconds",
            "How long the longest waiting update is overdue, in the database.",
            registry=self.registry,
        )
        self._paused = Gauge(
            "waybill_paused_lanes", "Paused lanes by reason.", ["reason"], registry=self.registry
        )
        self._database_up = Gauge(
            "waybill_database_up", "1 when the gauges are fresh.", registry=self.registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request, and the update it was accepted as."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if method == "POST" and status in {201, 202}:
            kind = _KINDS.get(route)
            if kind is not None:
                self._accepted.labels(kind).inc()

    def delivered(self, kind: str, verdict: str, lag: float) -> None:
        """Count a delivery."""
        self._deliveries.labels(kind, verdict).inc()
        if verdict in {"confirmed", "already_there"}:
            self._lag.labels(kind).observe(lag)

    async def refresh(self) -> None:
        """Read the gauges anew; while the database is away they stay and say so."""
        try:
            async with self._database.begin() as connection:
                found = await overview.figures(connection)
        except NotAvailable:
            self._database_up.set(0)
            return
        self._database_up.set(1)
        self._oldest.set(found.oldest_due)
        for gauge in (self._open, self._paused):
            gauge.clear()
        for (kind, state), count in found.open.items():
            self._open.labels(kind, state).set(count)
        for reason, lanes in found.paused.items():
            self._paused.labels(reason).set(lanes)

    def render(self) -> tuple[bytes, str]:
        """The text, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


_KINDS = {
    "/v1/orders": "acknowledgement",
    "/v1/orders/import": "acknowledgement",
    "/v1/orders/{order_id}/shipments": "shipment",
    "/v1/orders/{order_id}/cancellation": "cancellation",
}
