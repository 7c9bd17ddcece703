"""Carries out jobs: a batch of one job at a time, so that a long one does not stop the others."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.domain.errors import NotAvailable
from app.domain.outbox.rate_limits import Breaker, Endpoint
from app.storage import jobs
from app.usecases.context import AppContext
from app.usecases.walmart_reader import Reply
from app.worker.importer.rate_limited_reader import LanePaused, RateLimitedReader


@dataclass(frozen=True)
class BatchReader(RateLimitedReader):
    """Reads Walmart within the rate limits; a pause is an error that a job knows."""

    async def ask(self, endpoint: Endpoint, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Call if the lane is not paused. Raises NotAvailable and WalmartError."""
        try:
            return await super().ask(endpoint, call)
        except LanePaused as paused:
            seconds = int(max(paused.left.total_seconds(), 0.0)) + 1
            message = "Walmart accepts no calls of this kind for now."
            raise NotAvailable("walmart_unavailable", message, seconds) from paused


async def run_jobs(context: AppContext, breaker: Breaker) -> bool:
    """Carry out a batch of the job that has waited longest. True means that more may be due."""
    job = await jobs.take(context.database)
    if job is None:
        return False
    # The use cases of all acts, which a poller without jobs does not need.
    from app.usecases.job_batches import run  # noqa: PLC0415

    await run.work(context, job, lambda store_id: BatchReader(context, breaker, store_id))
    return True
