"""Gauges of the whole deployment, as the database shows them.

While the database is away there are none: an unknown value is absent, and never 0.
"""

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.storage.queries import OperatorFigures

# Gauges with one value: the field of the figures, the name and the help text.
_SINGLE = {
    "oldest_due": (
        "waybill_oldest_due_seconds",
        "How long the longest waiting update is overdue, in the database.",
    ),
    "in_doubt": (
        "waybill_doubt_updates",
        "Updates with a write that may still take effect or not.",
    ),
    "oldest_doubt": (
        "waybill_doubt_oldest_seconds",
        "Since a read could have ended the oldest doubt; 0 while no doubt is overdue.",
    ),
    "reconciled": (
        "waybill_reconciliation_age_seconds",
        "Since the reconciliation that is longest ago.",
    ),
    "missed": (
        "waybill_webhooks_missed",
        "New orders and wishes to cancel that polling found and Walmart never announced.",
    ),
    "imported": (
        "waybill_import_age_seconds",
        "Since the store that is longest ago was read from Walmart to the end.",
    ),
    "oldest_transaction": (
        "waybill_oldest_transaction_seconds",
        "The oldest transaction open in the database: nothing newer is vacuumed away.",
    ),
    "unseen": (
        "waybill_unseen_sessions",
        "Sessions whose transactions Waybill's role may not see (grant pg_read_all_stats).",
    ),
    "unread": (
        "waybill_import_unread_orders",
        "Orders that Walmart lists and that could not be read; they are tried again.",
    ),
    "stopped": (
        "waybill_import_stopped_lists",
        "Lists of Walmart's, by store, with a last reading that broke off.",
    ),
    "notifications_failing": (
        "waybill_notifications_failing",
        "Stores with an error notification that does not arrive.",
    ),
}
# Gauges with a value for each value of a label: the field, the name, the help text, the label.
_LABELED = {
    "queue_depth": (
        "waybill_queue_depth",
        "Updates that are due and wait for a poller, a pause or Walmart.",
        "kind",
    ),
    "queue_age": (
        "waybill_queue_age_seconds",
        "How long the longest waiting update of a kind is overdue.",
        "kind",
    ),
    "urgent": (
        "waybill_urgent_updates",
        "Updates not confirmed of orders that must be shipped soon or are late.",
        "state",
    ),
    "paused": (
        "waybill_paused_lanes",
        "Lanes by reason that are paused or have an open circuit.",
        "reason",
    ),
    "tokens": (
        "waybill_rate_limit_tokens_left",
        "The fewest calls that a store has left, by Walmart's headers of the last minute.",
        "endpoint",
    ),
    "drift": (
        "waybill_drift",
        "Differences from Walmart that need a person, of each store's last reconciliation.",
        "cause",
    ),
}


class DeploymentGauges(Collector):
    """Gauges of the whole deployment."""

    def __init__(self) -> None:
        self.figures: OperatorFigures | None = None
        """None while they are not known."""

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges as of the last refresh."""
        known = self.figures is not None
        yield GaugeMetricFamily(
            "waybill_database_up", "1 while the database shows the gauges.", value=int(known)
        )
        if self.figures is None:
            return
        for field, (name, help_text) in _SINGLE.items():
            yield GaugeMetricFamily(name, help_text, value=getattr(self.figures, field))
        if self.figures.pollers is not None:
            yield GaugeMetricFamily(
                "waybill_pollers", "Pollers that are connected.", value=self.figures.pollers
            )
        for field, (name, help_text, label) in _LABELED.items():
            yield _labeled(name, help_text, label, getattr(self.figures, field))
        opened = GaugeMetricFamily(
            "waybill_open_updates",
            "Updates not confirmed or dismissed, in the database.",
            labels=["kind", "state"],
        )
        for labels, count in self.figures.open.items():
            opened.add_metric(labels, count)
        yield opened


def _labeled(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
