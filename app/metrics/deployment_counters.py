"""Counters of the whole deployment: updates accepted, deliveries, and how long they took."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from app.domain.outbox.lag import BOUNDS
from app.storage.queries import Throughput


class DeploymentCounters(Collector):
    """Counters of the whole deployment. They stay while the database is away."""

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
