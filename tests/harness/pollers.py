"""The pollers of a test, composed as in production, with retry and quiet period in fast motion."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from app.bootstrap import worker
from app.bootstrap.process import Parts
from app.domain.outbox.rate_limits import Breaker
from app.domain.outbox.retry_policy import RetryPolicy
from app.domain.update import State
from app.settings import Settings
from app.storage.queries.views import UpdateView
from app.worker.importer.webhook_events import WebhookEventReader
from app.worker.poller import Poller
from tests.harness.outbox import StoredState
from tests.harness.waiting import limited
from tests.harness.walmart import SimulatedWalmart

# Fractions of a second, so that a suite of hours of waiting takes minutes.
BREAKER = Breaker(base=0.1, cap=0.4)
POLICY = RetryPolicy(base=0.02, cap=0.2, give_up_after=3600, quiet_period=0.4)
_DRAIN = 5.0
HOUSEKEEPING = frozenset({"retention", "aging", "order_counts", "rollup"})
"""Jobs that no delivery waits for. In every poller they cost half as much as all else."""
SETTINGS = Settings.model_construct(
    poller_concurrency=20,
    lease=20.0,
    # Jobs that run every 0.05 s take a quarter of a processor.
    poll_interval=0.2,
    reconcile_interval=0,
    import_interval=0,
    retain_updates=0,
    retain_attempts=0,
    retain_idempotency_keys=0,
    retain_audit=0,
)


@dataclass(kw_only=True)
class Pollers(SimulatedWalmart, StoredState):
    """Composes and runs pollers."""

    parts: Parts
    """What pollers are composed of, but for the context."""

    def poller(
        self,
        *,
        policy: RetryPolicy = POLICY,
        without: str | None = None,
        housekeeping: bool = False,
        **changes: Any,
    ) -> Poller:
        """Compose a poller.

        without: the name of a job that it leaves out. housekeeping: with the jobs of HOUSEKEEPING.
        changes: parts and settings, by name.
        """
        parts = {each.name for each in fields(Parts)} & changes.keys()
        settings = {
            "retry_base": policy.base,
            "retry_cap": policy.cap,
            "give_up_after": policy.give_up_after,
            "quiet_period": policy.quiet_period,
            **{name: value for name, value in changes.items() if name not in parts},
        }
        given = replace(
            self.parts,
            **{
                "context": self.context,
                "settings": self.parts.settings.model_copy(update=settings),
                **{name: changes[name] for name in parts},
            },
        )
        composed = worker.poller(given)
        left_out = {without} if housekeeping else {without, *HOUSEKEEPING}
        jobs = [each for each in composed.maintenance.jobs if each.name not in left_out]
        return replace(composed, maintenance=replace(composed.maintenance, jobs=jobs), drain=_DRAIN)

    @asynccontextmanager
    async def polling(self, pollers: int = 1, **changes: Any) -> AsyncIterator[None]:
        """Run pollers during the block."""
        stop = asyncio.Event()
        running = [
            asyncio.create_task(self.poller(**changes).run(stop), name="poller")
            for _ in range(pollers)
        ]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*running)

    async def process_webhook_events(self) -> None:
        """Process the due events of all stores, as a poller does."""
        reader = WebhookEventReader(self.context, BREAKER)
        await asyncio.gather(*(reader.process(store_id) for store_id in await reader.due()))

    async def deliver_until(
        self, *update_ids: UUID, states: set[State] | None = None, pollers: int = 1, **changes: Any
    ) -> list[UpdateView]:
        """Run pollers until each update is at rest, or in one of the states."""
        wanted = {state.value for state in states or {State.CONFIRMED, State.FAILED}}
        async with self.polling(pollers, **changes), limited():
            while True:
                # The states alone are read at a quarter of the cost.
                if await self.in_states(update_ids, wanted):
                    found = [await self.update(update_id) for update_id in update_ids]
                    if all(update.state in wanted for update in found):
                        break
                await asyncio.sleep(0.02)
        await self.end_refusals()
        return found
