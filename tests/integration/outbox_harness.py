"""The environment of the outbox's state machine: database, simulated Walmart, API, poller parts.

Only time is simulated: a wait moves the times of the store's rows back, and those of the claims
that a poller holds.
"""

import asyncio
import dataclasses
import itertools
import secrets
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import httpx
import sqlalchemy as sa

from app.commerce.adobe_keys import open_keys
from app.commerce.client import CommerceClient
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.delivery_result import DeliveryResult
from app.domain.outbox.rate_limits import Breaker
from app.domain.outbox.retry_policy import RetryPolicy
from app.http_client.transport import Http
from app.http_client.webhook_sender import WebhookSender
from app.simulator.app import create_app as create_simulator
from app.storage.orders.accept_batcher import AcceptBatcher
from app.storage.outbox import due, rescue
from app.storage.outbox.claims import ClaimRequest
from app.storage.outbox.take import ClaimSettings
from app.storage.postgres.database import Database, open_database
from app.storage.recording import delivery_results
from app.usecases.context import AppContext
from app.walmart.client import WalmartClient
from app.web.app import create_app
from app.worker.claimer import Claimer
from app.worker.completer import Completer
from app.worker.delivery import deliver as delivery
from app.worker.delivery.context import ClaimData, DeliveryContext
from app.worker.executor import Executor
from app.worker.maintenance.doubts import DoubtResolver
from tests.harness.outbox import VAULT
from tests.integration.web.conftest import ADMIN_KEY, Counted, client_of

# Long, so that the run time on a busy machine is negligible beside it.
QUIET = 1200.0
LEASE = 90.0
# Shorter than the quiet period by more than any run takes.
CALM = 1000.0
POLICY = RetryPolicy(base=1, cap=10, give_up_after=10_000_000, quiet_period=QUIET)
TIMES = {
    "updates": (
        "due_at",
        "in_doubt_until",
        "known_at",
        "created_at",
        "finished_at",
        "leased_until",
    ),
    "archived_updates": ("finished_at",),
    "lanes": ("paused_until", "replenish_at", "seen_at", "since"),
    "shipments": ("first_confirmed_at",),
    "orders": ("last_synced_at",),
}
_numbers = itertools.count(1_796_440_000_000)
Value = TypeVar("Value")


def earlier(value: Value, by: timedelta) -> Value:
    """Return the same value with all its times moved back."""
    found: object = value
    if isinstance(value, datetime):
        found = value - by if value.year > 1970 else value
    elif isinstance(value, tuple | list):
        found = type(value)(earlier(each, by) for each in value)
    elif isinstance(value, Mapping):
        found = {name: earlier(each, by) for name, each in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        found = dataclasses.replace(value, **{n: earlier(part, by) for n, part in parts.items()})
    return cast("Value", found)


@dataclass(frozen=True)
class ClaimedUpdate:
    """An update claimed by a poller, with the data loaded for it."""

    update: Claimed
    data: ClaimData

    def older(self, seconds: float) -> "ClaimedUpdate":
        """Return the same claim after this many seconds."""
        by = timedelta(seconds=seconds)
        at = self.data.at - seconds
        data = dataclasses.replace(earlier(self.data, by), asked_at=at, at=at)
        return ClaimedUpdate(earlier(self.update, by), data)


@dataclass
class Environment:
    """What all runs share: a database, a Walmart, the API, and an event loop."""

    database: Database
    context: AppContext
    api: httpx.AsyncClient
    walmart: httpx.AsyncClient
    runner: asyncio.Runner
    claimer: Claimer
    deliveries: Executor
    doubts: DoubtResolver

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def close(self) -> None:
        await self.api.aclose()
        await self.walmart.aclose()
        await self.database.close()


async def _no_reason() -> str | None:
    return None


def open_environment(url: str, runner: asyncio.Runner) -> Environment:
    database = open_database(url, pool_size=4)
    simulated = httpx.ASGITransport(app=create_simulator())
    walmart = httpx.AsyncClient(transport=simulated, base_url="http://127.0.0.1")
    http = Http(simulated, timeout=30)
    client = WalmartClient(
        http, base_url="http://127.0.0.1", timeout=30, now=lambda: datetime.now(UTC)
    )
    context = AppContext(
        database=database,
        accept_batcher=AcceptBatcher(database),
        cipher=VAULT,
        walmart=client,
        now=lambda: datetime.now(UTC),
        entropy=lambda: secrets.randbits(64),
        wake=lambda *_: None,
        commerce=CommerceClient(http, timeout=30, now=lambda: datetime.now(UTC)),
        webhook_sender=WebhookSender(http, timeout=30, now=lambda: datetime.now(UTC)),
        quiet_period=timedelta(seconds=QUIET),
    )
    breaker = Breaker()
    claimer = Claimer(
        database=database,
        cipher=VAULT,
        settings=ClaimSettings("p", LEASE, 30, quiet=QUIET),
        breaker=breaker,
        new_id=context.new_id,
        monotonic=time.monotonic,
    )
    carried = Executor(
        database=database,
        walmart=client,
        commerce=context.commerce,
        completer=Completer(database, context.new_id, time.monotonic, LEASE, breaker),
        poller="p",
        lease=LEASE,
        timeout=30,
        policy=POLICY,
        random=lambda: 0.5,
        new_id=context.new_id,
        monotonic=time.monotonic,
    )
    app = create_app(
        context=context,
        admin_key=ADMIN_KEY,
        metrics=Counted(),
        ready=_no_reason,
        version="0",
        adobe_keys=open_keys(),
    )
    doubts = DoubtResolver(context, breaker)
    return Environment(database, context, client_of(app), walmart, runner, claimer, carried, doubts)


@dataclass
class Pollers:
    """The pollers of one store: their claims, their unrecorded results, and time.

    A held write is applied or dropped before its doubt can end; after that, no read lags behind it.
    author: the update that made a call, by its correlation id.
    """

    environment: Environment
    store_id: int
    claims: list[ClaimedUpdate] = field(default_factory=list)
    # Delivered by pollers that have not recorded the result yet.
    late: list[DeliveryResult] = field(default_factory=list)
    author: dict[str, Claimed] = field(default_factory=dict)
    _since_calm: float = 0.0

    async def wait(self, seconds: float, *, lands: bool) -> None:
        """Let time pass; lands: whether held writes with a possibly ended doubt are applied by then."""
        self._since_calm += seconds
        if self._since_calm > CALM:
            await self.end_disturbances(lands=lands)
        values = {"s": float(seconds), "store": self.store_id}
        async with self.environment.database.begin() as connection:
            for table, columns in TIMES.items():
                moved = ", ".join(f"{c} = {c} - make_interval(secs => :s)" for c in columns)
                statement = f"UPDATE {table} SET {moved} WHERE store_id = :store"
                await connection.execute(sa.text(statement), values)
        self.claims = [claimed.older(seconds) for claimed in self.claims]
        self.late = [earlier(result, timedelta(seconds=seconds)) for result in self.late]

    async def end_disturbances(self, *, lands: bool) -> None:
        """Apply or drop held writes, and end the lag of reads."""
        if lands:
            await self.environment.walmart.post("/simulator/held")
        await self.environment.walmart.delete("/simulator/held")
        await self.environment.walmart.delete("/simulator/history")
        self._since_calm = 0.0

    async def claim(self) -> None:
        sharded = await self.environment.database.is_sharded()
        found = await due.groups(self.environment.database.by_key, sharded=sharded)
        groups = [each for each in found if each.store_id == self.store_id and each.due_in <= 0]
        if groups:
            (taken,) = await self.environment.claimer.claim(
                [ClaimRequest(groups, 5)], sharded=sharded
            )
            assert not taken.unreadable
            self.claims += [ClaimedUpdate(update, data) for update, data in taken.deliveries]

    async def deliver(self, claimed: ClaimedUpdate, *, then: str) -> None:
        """Deliver an update; then: recorded, died (nothing was recorded), or late."""
        update, carried = claimed.update, self.environment.deliveries
        delivery_context = carried._context(update, claimed.data)
        # A poller that lost its lease must not write; it sees that by its clock.
        if not await carried._renew(update):
            return
        started = delivery_context.now()
        outcome = await self._delivered(delivery_context)
        result = carried._judged(delivery_context, outcome, started)
        if then == "recorded":
            await self.record([result])
        elif then == "late":
            self.late.append(result)

    async def _delivered(self, delivery_context: DeliveryContext) -> Any:
        try:
            return await delivery.deliver(delivery_context)
        finally:
            self.author |= {
                call.correlation_id: delivery_context.update
                for call in delivery_context.evidence.calls
            }

    async def record(self, results: list[DeliveryResult]) -> None:
        await delivery_results.record(
            self.environment.database, results, self.environment.context.new_id
        )

    async def take_back(self) -> None:
        """Take back the updates of stopped pollers."""
        self.claims.clear()
        await rescue.rescue(self.environment.database, self.environment.context.new_id, QUIET)

    async def end_doubts(self) -> None:
        """Resolve the doubts of updates at rest that a read may end."""
        if self.store_id in await self.environment.doubts.due():
            await self.environment.doubts.end(self.store_id)


def next_number() -> str:
    """A purchase order number that no other run has used."""
    return str(next(_numbers))
