"""Metrics for Prometheus: of this process, and of the whole deployment from the database."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from app.domain.errors import NotAvailable
from app.domain.outbox.lag import BOUNDS, SETTLING
from app.storage import queries
from app.storage.postgres.database import Connection, Database
from app.storage.queries import Throughput

# Other methods share one label, because a request can contain any method.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "HEAD", "OPTIONS"})


class _Deployment(Collector):
    """Counters of the whole deployment."""

    def __init__(self) -> None:
        self.tally = Throughput()

    def collect(self) -> Iterator[Metric]:
        """Yield the counters as of the last refresh."""
        accepted = CounterMetricFamily(
            "waybill_updates_accepted", "Updates accepted, in the database.", labels=["kind"]
        )
        for kind, count in self.tally.accepted.items():
            accepted.add_metric([kind], count)
        yield accepted
        deliveries = CounterMetricFamily(
            "waybill_deliveries",
            "Tries to deliver by verdict, in the database.",
            labels=["kind", "verdict"],
        )
        for labels, count in self.tally.deliveries.items():
            deliveries.add_metric(labels, count)
        yield deliveries
        yield self._lag()

    def _lag(self) -> Metric:
        lag = HistogramMetricFamily(
            "waybill_delivery_lag_seconds", "Accepted to confirmed by Walmart.", labels=["kind"]
        )
        names = [*map(floatToGoString, BOUNDS), "+Inf"]
        for kind, seconds in self.tally.lag_seconds.items():
            counts = [self.tally.lags.get((kind, bucket), 0) for bucket in range(len(names))]
            buckets = list(zip(names, accumulate(counts), strict=True))
            lag.add_metric([kind], buckets=buckets, sum_value=seconds)
        return lag


class Metrics:
    """The metrics registry of one process.

    Gauges and the counts of updates and deliveries are of the whole deployment. Every API reports
    them, each since its own start, so use one of them and not their sum.
    """

    def __init__(self, database: Database, version: str, *, started_at: datetime) -> None:
        # prometheus_client would add a series for each label with the time of its creation.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._database = database
        self._alone = asyncio.Lock()
        self._settled, self._until = Throughput(), started_at
        self.registry = CollectorRegistry()
        self._deployment = _Deployment()
        self.registry.register(self._deployment)
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
        self._drift = Gauge(
            "waybill_drift",
            "Differences from Walmart that need a person, of each store's last reconciliation.",
            ["cause"],
            registry=self.registry,
        )
        self._reconciled = Gauge(
            "waybill_reconciliation_age_seconds",
            "Since the reconciliation that is longest ago.",
            registry=self.registry,
        )
        self._missed = Gauge(
            "waybill_webhooks_missed",
            "New orders and wishes to cancel that polling found and Walmart never announced.",
            registry=self.registry,
        )
        self._imported = Gauge(
            "waybill_import_age_seconds",
            "Since the store that is longest ago was read from Walmart to the end.",
            registry=self.registry,
        )
        self._transaction = Gauge(
            "waybill_oldest_transaction_seconds",
            "The oldest transaction open in the database: nothing newer is vacuumed away.",
            registry=self.registry,
        )
        self._unseen = Gauge(
            "waybill_unseen_sessions",
            "Sessions whose transactions Waybill's role may not see (grant pg_read_all_stats).",
            registry=self.registry,
        )
        self._unread = Gauge(
            "waybill_import_unread_orders",
            "Orders that Walmart lists and that could not be read; they are tried again.",
            registry=self.registry,
        )
        self._stopped = Gauge(
            "waybill_import_stopped_lists",
            "Lists of Walmart's, by store, with a last reading that broke off.",
            registry=self.registry,
        )
        self._database_up = Gauge(
            "waybill_database_up", "1 when the gauges are fresh.", registry=self.registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request, and its duration in seconds."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    async def refresh(self) -> None:
        """Read the database. If it is unavailable, the values stay and waybill_database_up is 0."""
        try:
            # Concurrent refreshes must not count the same interval as settled twice.
            async with self._alone, self._database.begin() as connection:
                found = await queries.figures(connection)
                await self._count(connection, found.at)
        except NotAvailable:
            self._database_up.set(0)
            return
        self._database_up.set(1)
        self._oldest.set(found.oldest_due)
        self._reconciled.set(found.reconciled)
        self._missed.set(found.missed)
        self._imported.set(found.imported)
        self._transaction.set(found.oldest_transaction)
        self._unseen.set(found.unseen)
        self._unread.set(found.unread)
        self._stopped.set(found.stopped)
        for gauge in (self._open, self._paused, self._drift):
            gauge.clear()
        for (kind, state), count in found.open.items():
            self._open.labels(kind, state).set(count)
        for reason, lanes in found.paused.items():
            self._paused.labels(reason).set(lanes)
        for cause, findings in found.drift.items():
            self._drift.labels(cause).set(findings)

    async def _count(self, connection: Connection, now: datetime) -> None:
        """Add final counts once, and replace the counts that are not final each time."""
        settled, edge = self._settled, max(now - SETTLING, self._until)
        if edge > self._until:
            settled += await queries.throughput(connection, self._until, edge, BOUNDS)
        # Ids contain the pollers' clocks, which may be ahead.
        fresh = await queries.throughput(connection, edge, now + SETTLING, BOUNDS)
        self._settled, self._until, self._deployment.tally = settled, edge, settled + fresh

    def render(self) -> tuple[bytes, str]:
        """Return the exposition text and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
