"""A claim with a late answer: its lease may be over, and the update claimed by another poller."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import asyncpg

from app.storage.postgres.dsn import asyncpg_arguments
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World
from tests.integration.test_stale_sessions import LONG

LEASE = 60.0
# As soon as a poller has claimed an update, another one gets it.
_ELSEWHERE = """
    CREATE FUNCTION elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      UPDATE updates SET lease_token = gen_random_uuid(), leased_by = 'another'
       WHERE store_id = NEW.store_id AND id = NEW.id;
      RETURN NULL; END $$;
    CREATE TRIGGER elsewhere AFTER UPDATE OF state ON updates FOR EACH ROW
      WHEN (NEW.state = 'sending' AND OLD.state <> 'sending') EXECUTE FUNCTION elsewhere();
"""
_CLAIMS = """
    SELECT count(*) FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND query LIKE '%SET claims = l.claims + 1%'
"""


@dataclass
class Clock:
    """A monotonic clock that a test can advance."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


async def until_one_claims(connection: Any) -> None:
    async with limited():
        while not await connection.fetchval(_CLAIMS):
            await asyncio.sleep(0.01)
            # A transaction reads pg_stat_activity once by default.
            await connection.execute("SELECT pg_stat_clear_snapshot()")


async def test_nothing_is_sent_under_a_lease_that_ended_before_its_claim_was_answered(
    world: World,
) -> None:
    order = await world.an_order(1)
    shipped = await ship.ship(world.context, order.id, a_package("1ZLATE"), actor=ACTOR)
    clock, stop = Clock(), asyncio.Event()
    poller = world.poller(policy=LONG, lease=LEASE, monotonic=clock)
    holder = await asyncpg.connect(**asyncpg_arguments(world.url))
    await holder.execute(_ELSEWHERE)
    async with holder.transaction():
        await holder.execute("LOCK TABLE updates IN SHARE MODE")
        running = asyncio.create_task(poller.run(stop))
        await until_one_claims(holder)
        clock.ahead = 2 * LEASE
    async with limited():
        while (await world.update(shipped.shipment.update.id)).state != "sending":
            await asyncio.sleep(0.01)
    # Deliveries under way end.
    stop.set()
    await running
    await holder.close()
    assert await world.calls("shipping") == []
