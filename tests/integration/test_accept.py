"""Changes of an order are accepted without a lock on it, also when it changes concurrently."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Conflict
from app.domain.orders.requests import CancelRequest, RequestedItem, StockLevel
from app.storage import idempotency, queries
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.storage.orders import repository, save
from app.storage.outbox import updates
from app.storage.queries.views import OrderView
from app.storage.tables import shipments
from app.storage.tables import updates as outbox
from app.usecases.orders import cancel as cancellations
from app.usecases.orders import ship as use_case
from app.usecases.orders.ship_locked import AcceptedShipment
from tests.builders import a_package
from tests.harness.world import World


async def an_acknowledged_order(world: World, *quantities: int) -> OrderView:
    store = await world.a_store()
    number = await world.at_walmart(*(quantities or (3,)), store=store, status="Acknowledged")
    return await world.imported(number, store)


async def written(world: World, order: OrderView) -> int:
    async with world.database.begin() as connection:
        counted = sa.select(sa.func.count()).where(shipments.c.order_id == order.id)
        return int((await connection.execute(counted.select_from(shipments))).scalar_one())


async def accept(world: World, order: OrderView, **changes: Any) -> AcceptedShipment:
    package = a_package("1ZA", **changes)
    return await use_case.ship(world.context, order.id, package, actor="test")


async def test_a_shipments_answer_equals_a_later_read(world: World) -> None:
    order = await an_acknowledged_order(world)
    shipped = await accept(world, order, tracking_url="https://t.example/1", reference="r-1")
    store = (await world.order(order.id)).store_id.int & 0xFFFFFFFF
    async with world.database.begin() as connection:
        found = await queries.shipment(connection, store, order.id, shipped.shipment.id)
    assert found == shipped.shipment


async def test_a_cancellations_answer_equals_a_later_read(world: World) -> None:
    order = await an_acknowledged_order(world, 2, 1)
    level = StockLevel(order.lines[0].sku, 4)
    wanted = CancelRequest("out_of_stock", "gone", (level,))
    canceled = await cancellations.cancel(world.context, order.id, wanted, actor="test")
    store = order.store_id.int & 0xFFFFFFFF
    async with world.database.begin() as connection:
        found = await queries.cancellation(connection, store, order.id)
        by_id = await queries.update(connection, store, canceled.update.id)
    assert found == canceled
    assert by_id == canceled.update
    assert [line.quantity.remaining for line in (await world.order(order.id)).lines] == [0, 0]


async def test_packages_of_one_shipment_are_written_in_order(world: World) -> None:
    order = await an_acknowledged_order(world, 3)
    one = (RequestedItem(1, line_number="1"),)
    packages = [a_package(f"1Z{n}", items=one, reference=f"r-{n}") for n in range(3)]
    shipped = await use_case.ship_all(world.context, order.id, packages, actor="test")
    found = await world.order(order.id)
    assert found.shipments[0] == shipped.shipment
    assert [each.tracking_number for each in found.shipments] == ["1Z0", "1Z1", "1Z2"]
    sequences = [each.update.sequence for each in found.shipments]
    assert sequences == list(range(sequences[0], sequences[0] + 3))
    assert found.lines[0].quantity.remaining == 0
    async with world.database.begin() as connection:
        turns = sa.select(outbox.c.id).where(outbox.c.order_id == order.id, outbox.c.active)
        assert (await connection.execute(turns)).scalars().all() == [shipped.shipment.update.id]


async def test_too_many_packages_are_refused_without_writing_any(world: World) -> None:
    order = await an_acknowledged_order(world, 1)
    packages = [a_package(f"1Z{n}", items=(RequestedItem(1, line_number="1"),)) for n in range(2)]
    with pytest.raises(Conflict) as refused:
        await use_case.ship_all(world.context, order.id, packages, actor="test")
    assert refused.value.code == "quantity_exceeds_remaining"
    assert await written(world, order) == 0


@pytest.mark.one_postgresql("a lock before the check")
async def test_a_cancellation_is_checked_after_a_transaction_that_locks_its_order(
    world: World,
) -> None:
    order = await an_acknowledged_order(world)
    shipped = await accept(world, order)
    wanted = CancelRequest("out_of_stock")
    async with world.database.begin() as connection:
        await repository.lock(connection, order.id)
        late = asyncio.create_task(
            cancellations.cancel(world.context, order.id, wanted, actor="test")
        )
        blocked = asyncio.create_task(waiting(world, 1))
        await asyncio.wait({late, blocked}, return_when=asyncio.FIRST_COMPLETED)
        blocked.cancel()
        assert not late.done()
    with pytest.raises(Conflict) as refused:
        await late
    assert refused.value.code == "order_already_shipped"
    assert shipped.shipment.state == "pending"


async def test_a_shipment_behind_an_open_one_is_not_active(world: World) -> None:
    order = await an_acknowledged_order(world, 1, 1)
    await accept(world, order, items=None)
    assert (await world.order(order.id)).lines[0].quantity.remaining == 0
    async with world.database.begin() as connection:
        turns = sa.select(outbox.c.active).where(outbox.c.order_id == order.id)
        active = (await connection.execute(turns)).scalars().all()
    assert active.count(True) == 1


async def test_only_one_of_two_writers_with_the_same_order_version_writes(world: World) -> None:
    order = await an_acknowledged_order(world)
    async with world.database.begin() as connection:
        await repository.lock(connection, order.id)
        both = [asyncio.create_task(accept(world, order)) for _ in range(2)]
        await waiting(world, 2)
    results = await asyncio.gather(*both, return_exceptions=True)
    (refused,) = [each for each in results if isinstance(each, Conflict)]
    assert refused.code == "nothing_to_ship"
    assert await written(world, order) == 1


async def test_a_change_during_a_lock_wait_is_noticed(world: World) -> None:
    order = await an_acknowledged_order(world)
    async with world.database.begin() as connection:
        held = await repository.lock(connection, order.id)
        late = asyncio.create_task(accept(world, order))
        await waiting(world, 1)
        taken = sa.text("UPDATE order_lines SET pending = ordered WHERE order_id = :id")
        await connection.execute(taken, {"id": order.id})
        await save.save_status(connection, held, synced=False)
    with pytest.raises(Conflict) as refused:
        await late
    assert refused.value.code == "nothing_to_ship"
    assert await written(world, order) == 0


async def waiting(world: World, writers: int) -> None:
    """Return once this many sessions wait for a lock in this database."""
    asked = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while True:
        async with world.database.begin() as connection:
            if (await connection.execute(asked)).scalar_one() >= writers:
                return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("holds_the_order", [True, False])
async def test_a_duplicate_of_a_running_request_is_refused_without_waiting(
    world: World, holds_the_order: bool
) -> None:
    """Even while the first has only looked up its key."""
    order = await an_acknowledged_order(world)
    once = IdempotentRequest(
        store_id=order.store_id.int & 0xFFFFFFFF,
        api_key="k",
        method="POST",
        path="/p",
        key="same",
        fingerprint=b"x",
        render=lambda _: StoredResponse(202, b"{}", {}),
    )
    async with world.database.begin() as connection:
        await idempotency.begin(connection, once)
        if holds_the_order:
            await repository.lock(connection, order.id)
        with pytest.raises(Conflict) as refused:
            await use_case.ship(world.context, order.id, a_package("1ZA"), actor="test", once=once)
    assert refused.value.code == "idempotency_in_progress"
    assert await written(world, order) == 0


async def test_shipments_are_accepted_while_a_migration_adds_a_column(world: World) -> None:
    """The statements are prepared, and the new column changes their result type."""
    first, second = await an_acknowledged_order(world), await an_acknowledged_order(world)
    await accept(world, first)
    async with world.database.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE orders ADD COLUMN later text"))
    assert (await accept(world, second)).shipment.state == "pending"


async def test_an_expired_idempotency_key_can_be_used_again(world: World) -> None:
    order = await an_acknowledged_order(world)
    once = IdempotentRequest(
        store_id=order.store_id.int & 0xFFFFFFFF,
        api_key="k",
        method="POST",
        path="/p",
        key="old",
        fingerprint=b"x",
        render=lambda _: StoredResponse(202, b"{}", {}),
    )
    async with world.database.begin() as connection:
        await idempotency.store(connection, once, None)
        aged = "UPDATE idempotency_keys SET created_at = now() - interval '8 days'"
        await connection.execute(sa.text(aged))
    shipped = await use_case.ship(
        world.context, order.id, a_package("1ZA"), actor="test", once=once
    )
    assert not shipped.repeated
    assert await written(world, order) == 1


async def test_a_reference_is_answered_again_when_no_units_remain(world: World) -> None:
    order = await an_acknowledged_order(world)
    first = await accept(world, order, reference="r-1")
    again = await accept(world, order, reference="r-1")
    assert again.repeated
    assert again.shipment.id == first.shipment.id


async def test_packages_beside_a_known_one_are_answered_as_a_later_read_shows_them(
    world: World,
) -> None:
    order = await an_acknowledged_order(world)
    one = {"items": (RequestedItem(1, line_number="1"),)}
    await accept(world, order, reference="r-1", **one)
    packages = [
        a_package("1ZC", **one),
        a_package("1ZA", reference="r-1", **one),
        a_package("1ZD", **one),
    ]
    shipped = await use_case.ship_all(world.context, order.id, packages, actor="test")
    assert not shipped.repeated
    found = {each.tracking_number: each for each in (await world.order(order.id)).shipments}
    assert list(found) == ["1ZA", "1ZC", "1ZD"]
    assert (shipped.shipment, *shipped.others) == (found["1ZC"], found["1ZA"], found["1ZD"])


async def test_a_new_shipment_passes_one_that_is_known_to_be_absent(world: World) -> None:
    order = await an_acknowledged_order(world)
    one = {"items": (RequestedItem(1, line_number="1"),)}
    first = await accept(world, order, **one)
    async with world.database.begin() as connection:
        tried = "UPDATE updates SET state = 'retrying', retries = 5, due_at = now() + '1 hour'"
        await connection.execute(sa.text(f"{tried} WHERE kind = 'shipment'"))
    second = await use_case.ship(world.context, order.id, a_package("1ZB", **one), actor="test")
    async with world.database.begin() as connection:
        turns = sa.select(outbox.c.id).where(outbox.c.order_id == order.id, outbox.c.active)
        assert (await connection.execute(turns)).scalars().all() == [second.shipment.update.id]
    assert second.shipment in (await world.order(order.id)).shipments
    assert first.shipment.update.id != second.shipment.update.id


async def test_a_subject_is_found_by_its_name_in_a_store_with_many_due_updates(
    world: World,
) -> None:
    """A partial index of open updates must not be used: its statistics always lag."""
    store = await world.a_store()
    number = store.id.int & 0xFFFFFFFF
    fill = sa.text("""
        INSERT INTO updates (store_id, id, subject, kind, sequence, active)
        SELECT :store, gen_random_uuid(), 'SKU-' || n, 'shipment', 1, true
          FROM generate_series(1, 5000) n
    """)
    async with world.database.begin() as connection:
        await connection.execute(sa.text("ANALYZE updates"))
        await connection.execute(fill, {"store": number})
    arguments = {"stores": [number], "targets": ["walmart"], "subjects": ["SKU-77"]}
    forms = [
        command.form(one=one)
        for command in (updates._DEACTIVATE, updates._ACTIVATE)
        for one in (True, False)
    ]
    async with world.database.begin() as connection:
        for form in forms:
            values = {**arguments, "store_id": number}
            given = tuple(values[name] for name in form.names)
            rows = await connection.exec_driver_sql(f"EXPLAIN {form.text}", given)
            plan = "\n".join(rows.scalars())
            assert "uq_updates_store_id_target_subject_sequence" in plan
            assert "ix_updates_" not in plan
            assert "uq_updates_active" not in plan
