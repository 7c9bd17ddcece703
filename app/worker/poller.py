"""The poller: delivers due updates with bounded concurrency, and runs maintenance beside that.

Any number of pollers work on one database and share nothing else.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.worker.completer import Completer
from app.worker.dispatcher import Dispatcher
from app.worker.executor import Executor
from app.worker.heartbeat import Heartbeat
from app.worker.maintenance.scheduler import MaintenanceScheduler


@dataclass(frozen=True, slots=True)
class Poller:
    """Delivers updates until it is stopped. It runs once."""

    dispatcher: Dispatcher
    executor: Executor
    completer: Completer
    maintenance: MaintenanceScheduler
    heartbeat: Heartbeat
    """Shows a liveness probe that the dispatcher's loop turns."""
    drain: float
    """Seconds in which deliveries in flight may end after a stop."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stop is set, then end the deliveries in flight and record their results."""
        helpers = [
            asyncio.create_task(self.completer.run(), name="completer"),
            asyncio.create_task(self.maintenance.run(), name="maintenance"),
        ]

        def check() -> None:
            self.heartbeat.beat()
            _raise_if_ended(helpers)

        try:
            await self.dispatcher.run(stop, check)
        finally:
            await self.executor.drain(self.drain)
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)


def _raise_if_ended(helpers: Sequence[asyncio.Task[None]]) -> None:
    """Raise the error of a helper that ended: without its completer a poller only fills up."""
    for helper in helpers:
        if helper.done():
            helper.result()
