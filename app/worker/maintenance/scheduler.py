"""Runs maintenance jobs at intervals, each in a loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from app import logs
from app.domain.errors import NotAvailable

_log = structlog.get_logger(__name__)


async def _nothing() -> None:
    """The stop of a job that leaves nothing running."""


@dataclass(frozen=True, slots=True)
class Job:
    """Work that every poller repeats. Running it in several pollers at once does no harm."""

    name: str
    """Names the job in the log, as `work`."""
    every: float
    """Seconds between two runs, more or less."""
    run: Callable[[], Awaitable[bool]]
    """Does a part of the work. True means that more of it is due at once."""
    stop: Callable[[], Awaitable[None]] = _nothing
    """Ends the tasks that the job started."""


@dataclass(frozen=True, slots=True)
class MaintenanceScheduler:
    """Runs jobs side by side: a job that fails or hangs delays no other."""

    jobs: Sequence[Job]
    random: Callable[[], float]
    """Uniform in [0, 1)."""

    async def run(self) -> None:
        """Run all jobs until cancelled."""
        try:
            await asyncio.gather(*(self._repeat(job) for job in self.jobs))
        finally:
            await asyncio.gather(*(job.stop() for job in self.jobs))

    async def _repeat(self, job: Job) -> None:
        while True:
            if not await _run(job):
                # Jitter keeps pollers that started together from working in step.
                await asyncio.sleep(job.every * (0.5 + self.random()))


async def _run(job: Job) -> bool:
    """Run a job. A job that fails is logged and runs again after its interval."""
    logs.about_nothing()
    try:
        return await job.run()
    except NotAvailable as error:
        _log.warning("upkeep_waits", work=job.name, error=str(error))
    except Exception:  # noqa: BLE001 - logged; the job runs again
        _log.exception("upkeep_failed", work=job.name)
    return False
