"""A shipment not heard of for longer than the quiet period is read at Walmart before it is sent.

So a backlog costs one read per shipment, and a restored backup sends nothing twice by itself.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from app.storage.queries.views import OrderView
from app.storage.tables import updates
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.pollers import POLICY
from tests.harness.world import ACTOR, World

# Long enough that nothing recent becomes stale on a slow machine.
LONG = replace(POLICY, quiet_period=3600)
LONG_AGO = timedelta(hours=2)
# Longer than the default period.
A_WHILE_AGO = timedelta(minutes=10)


async def accepted(world: World, number: str) -> tuple[OrderView, UUID]:
    order = await world.an_order(1)
    shipped = await ship.ship(world.context, order.id, a_package(number), actor=ACTOR)
    return order, shipped.shipment.update.id


async def set_back(world: World, column: str, *update_ids: UUID, by: timedelta = LONG_AGO) -> None:
    """Move the times of updates into the distant past."""
    async with world.database.begin() as connection:
        await connection.execute(
            sa.update(updates)
            .where(updates.c.id.in_(update_ids))
            .values({column: sa.func.now() - by})
        )


async def reads(world: World) -> int:
    return len(await world.calls("read"))


async def shipped_at_walmart(world: World) -> list[str]:
    return [e["tracking_number"] for e in await world.ledger() if e["operation"] == "shipping"]


async def test_a_backlog_is_read_once_for_each_shipment_and_shipped_once(world: World) -> None:
    backlog = [await accepted(world, f"1Z{number}") for number in range(3)]
    ids = [update_id for _, update_id in backlog]
    await set_back(world, "created_at", *ids)
    before = await reads(world)
    await world.deliver_until(*ids, policy=LONG)
    assert await reads(world) == before + len(ids)
    assert sorted(await shipped_at_walmart(world)) == ["1Z0", "1Z1", "1Z2"]


async def test_a_recent_shipment_is_sent_without_a_read(world: World) -> None:
    _, fresh = await accepted(world, "1ZFRESH")
    before = await reads(world)
    await world.deliver_until(fresh, policy=LONG)
    assert await reads(world) == before
    assert await shipped_at_walmart(world) == ["1ZFRESH"]


async def test_the_age_limit_is_the_configured_quiet_period(world: World) -> None:
    _, waited = await accepted(world, "1ZWAITED")
    await set_back(world, "created_at", waited, by=A_WHILE_AGO)
    before = await reads(world)
    await world.deliver_until(waited, policy=LONG)
    assert await reads(world) == before


async def test_an_old_shipment_that_walmart_answered_a_moment_ago_is_sent_without_a_read(
    world: World,
) -> None:
    _, old = await accepted(world, "1ZOLD")
    await set_back(world, "created_at", old)
    async with world.database.begin() as connection:
        await connection.execute(sa.update(updates).values(known_at=sa.func.now()))
    before = await reads(world)
    await world.deliver_until(old, policy=LONG)
    assert await reads(world) == before


async def test_a_shipment_delivered_after_the_backup_is_found_and_not_sent_again(
    world: World,
) -> None:
    order, delivered = await accepted(world, "1ZDONE")
    await set_back(world, "created_at", delivered)
    await world.shipped_by_hand(order, 1, "1ZDONE")
    (after,) = await world.deliver_until(delivered, policy=LONG)
    assert after.state == "confirmed"
    assert (await world.order(order.id)).status == "shipped"
    assert not await world.calls("shipping")
