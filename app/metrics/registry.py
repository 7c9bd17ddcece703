"""The metrics that an API exposes: its own, and those of the whole deployment."""

import asyncio
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest

from app.domain.errors import NotAvailable
from app.domain.outbox.lag import BOUNDS, SETTLING
from app.metrics.deployment_counters import DeploymentCounters
from app.metrics.deployment_gauges import DeploymentGauges
from app.metrics.process_metrics import ProcessMetrics
from app.storage import queries
from app.storage.postgres.database import Connection, Database
from app.storage.queries import Throughput

# Seconds for the figures of the database: Prometheus gives up a scrape after 10.
PATIENCE = 5.0


class Metrics:
    """The metrics of a process and of the whole deployment.

    Gauges and the counts of updates and deliveries are of the whole deployment. Every API reports
    them, each since its own start, so use one of them and not their sum.
    """

    def __init__(
        self,
        database: Database,
        version: str,
        *,
        started_at: datetime,
        sees_pollers: bool = True,
    ) -> None:
        """sees_pollers: pollers have a session of their own, by which they are counted."""
        self._database = database
        self._sees_pollers = sees_pollers
        self._alone = asyncio.Lock()
        self._settled, self._until = Throughput(), started_at
        self.process = ProcessMetrics(database, version)
        self.counters, self.gauges = DeploymentCounters(), DeploymentGauges()
        self.registry = CollectorRegistry()
        self.registry.register(self.counters)
        self.registry.register(self.gauges)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request, and its duration in seconds."""
        self.process.request(method, route, status, seconds)

    async def refresh(self) -> None:
        """Read the database.

        If it does not answer in time, there are no gauges, and waybill_database_up is 0.
        """
        try:
            # Concurrent refreshes must not count the same interval as settled twice.
            async with (
                asyncio.timeout(PATIENCE),
                self._alone,
                self._database.begin() as connection,
            ):
                found = await queries.figures(connection, sees_pollers=self._sees_pollers)
                await self._count(connection, found.at)
        except (NotAvailable, TimeoutError):
            # mutation: unknown-figures
            self.gauges.figures = None
            return
        self.gauges.figures = found

    async def _count(self, connection: Connection, now: datetime) -> None:
        """Add final counts once, and replace the counts that are not final each time."""
        settled, edge = self._settled, max(now - SETTLING, self._until)
        if edge > self._until:
            settled += await queries.throughput(connection, self._until, edge, BOUNDS)
        # Ids contain the pollers' clocks, which may be ahead.
        fresh = await queries.throughput(connection, edge, now + SETTLING, BOUNDS)
        self._settled, self._until, self.counters.tally = settled, edge, settled + fresh

    def render(self) -> tuple[bytes, str]:
        """Return the exposition text and its content type."""
        text, content_type = self.process.render()
        return text + generate_latest(self.registry), content_type
