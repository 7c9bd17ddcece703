"""Stock levels: Walmart gets the newest value only, also automatically after a cancellation."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domain.errors import Invalid
from app.domain.orders.requests import CancelRequest, StockLevel
from app.domain.outbox.delivery_result import Attempt, DeliveryResult, NextStep
from app.domain.outbox.doubt import QUIET_PERIOD, Doubt
from app.domain.outbox.outcome import SendAgain
from app.domain.update import State
from app.storage import queries
from app.storage.inventory import levels as stock
from app.storage.inventory import triggers
from app.storage.outbox import retention, updates
from app.storage.queries import UpdateFilter
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.views import UpdateView
from app.storage.recording import delivery_results
from app.usecases.orders import cancel
from app.usecases.stores import inventory
from app.worker.delivery import deliver
from app.worker.delivery.context import ClaimData, DeliveryContext
from app.worker.delivery.evidence import Evidence
from app.worker.delivery.lease import Lease
from tests.harness.outbox import claim
from tests.harness.pollers import POLICY
from tests.harness.waiting import limited
from tests.harness.world import World

# The retries do not come within a test.
SLOW = replace(POLICY, base=7200, cap=7200)
# The doubts do not end within a test.
LONG = replace(POLICY, quiet_period=3600)


async def put(world: World, *levels: tuple[str, int]) -> list[UpdateView]:
    store = world._stores[0] if world._stores else await world.a_store()
    wanted = [StockLevel(sku, units) for sku, units in levels]
    queued = await inventory.put(world.context, store.id, wanted, actor="test")
    return [each.update for each in queued]


async def at_walmart(world: World) -> dict[str, int]:
    answer = (await world.walmart.get("/simulator/stock")).json()["stock"]
    return {each["sku"]: each["quantity"] for each in answer}


async def sent(world: World) -> list[tuple[str, int]]:
    return [
        (entry["line"], entry["quantity"])
        for entry in await world.ledger()
        if entry["operation"] == "inventory"
    ]


async def states(world: World) -> list[str]:
    async with world.database.begin() as connection:
        found, _ = await queries.updates(connection, UpdateFilter(), KeysetPage(50, None))
    return [update.state for update in reversed(found) if update.kind == "inventory"]


async def test_levels_reach_walmart(world: World) -> None:
    queued = await put(world, ("ABC", 5), ("A/1 +x", 0))
    await world.deliver_until(*(update.id for update in queued))
    assert await at_walmart(world) == {"ABC": 5, "A/1 +x": 0}


async def test_a_sku_with_an_at_sign_is_not_a_sku_at_a_node(world: World) -> None:
    store = await world.a_store()
    levels = [
        StockLevel("A@n", 1),
        StockLevel("A", 2, "n"),
        StockLevel("A%40n", 3),
        StockLevel("A@n", 4, "n"),
        StockLevel("A", 5, "n@n"),
    ]
    queued = await inventory.put(world.context, store.id, levels, actor="test")
    assert len({each.update.subject for each in queued}) == len(levels)
    assert queued[1].update.subject == "sku:A@n"
    await world.deliver_until(*(each.update.id for each in queued))
    assert await states(world) == ["confirmed"] * len(levels)


async def test_an_older_waiting_value_is_never_sent(world: World) -> None:
    for units in (5, 4, 3):
        (newest,) = await put(world, ("ABC", units))
    await world.deliver_until(newest.id)
    assert await sent(world) == [("ABC", 3)]
    assert await states(world) == ["dismissed", "dismissed", "confirmed"]


async def test_of_concurrent_values_one_remains(world: World) -> None:
    await world.a_store()
    await asyncio.gather(*(put(world, ("ABC", units), ("DEF", units)) for units in range(10)))
    assert sorted(await states(world)) == ["dismissed"] * 18 + ["pending"] * 2


async def test_the_newest_value_is_sent_at_once_and_again_when_no_older_can_arrive(
    world: World,
) -> None:
    """The older one timed out, and arrives after the newer was accepted."""
    (older,) = await put(world, ("ABC", 50))
    await world.fault("inventory", "held", times=1)
    # Its second try does not start by itself.
    slow = replace(SLOW, quiet_period=3600)
    await world.deliver_until(older.id, states={State.RETRYING}, policy=slow)
    (newer,) = await put(world, ("ABC", 2))
    (view,) = await world.deliver_until(newer.id, states={State.RETRYING}, policy=LONG)
    assert view.status_detail is not None
    assert view.status_detail.code == "older_value_in_doubt"
    assert await at_walmart(world) == {"ABC": 2}
    await world.walmart.post("/simulator/held")
    assert await at_walmart(world) == {"ABC": 50}
    await world.let_doubts_end()
    await world.deliver_until(newer.id, states={State.CONFIRMED}, policy=LONG)
    assert await at_walmart(world) == {"ABC": 2}


async def test_a_value_accepted_on_its_second_try_may_still_arrive_by_its_first(
    world: World,
) -> None:
    (older,) = await put(world, ("ABC", 50))
    await world.fault("inventory", "held", times=1)
    await world.deliver_until(older.id, states={State.CONFIRMED}, policy=LONG)
    assert (await world.update(older.id)).in_doubt_until is not None
    (newer,) = await put(world, ("ABC", 2))
    await world.deliver_until(newer.id, states={State.RETRYING}, policy=LONG)
    await world.walmart.post("/simulator/held")
    await world.let_doubts_end()
    await world.deliver_until(newer.id, states={State.CONFIRMED}, policy=LONG)
    assert await at_walmart(world) == {"ABC": 2}


async def test_a_value_put_while_an_older_one_is_in_flight_wins(world: World) -> None:
    (older,) = await put(world, ("ABC", 50))
    (held,) = await claim(world.database)
    assert held.id == older.id
    (newer,) = await put(world, ("ABC", 2))
    # The poller of the older value dies after it has sent the request.
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET leased_until = now() - interval '1 second' WHERE state = 'sending'"
        )
    (view,) = await world.deliver_until(newer.id, states={State.RETRYING}, policy=LONG)
    assert view.in_doubt_until is None
    await world.let_doubts_end()
    await world.deliver_until(newer.id, states={State.CONFIRMED}, policy=LONG)
    assert await sent(world) == [("ABC", 2), ("ABC", 2)]


async def test_a_quantity_that_was_read_again_from_commerce_wins(
    world: World,
) -> None:
    """Its first try read 50 and got no answer, its second read 2: both belong to one update."""
    await world.a_store(
        code="main",
        commerce_base_url=world.walmart_url,
        commerce_access_token="token",
        commerce_stock_id=1,
    )
    (level,) = await put(world, ("ABC", 0))
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET payload = payload || '{\"quantity\": null}'"
        )
    shelf = "/simulator/shops/main/stock"
    await world.walmart.post(shelf, json={"sku": "ABC", "quantity": 50})
    await world.fault("inventory", "held", times=1)
    # Its second try does not start by itself.
    slow = replace(SLOW, quiet_period=3600)
    await world.deliver_until(level.id, states={State.RETRYING}, policy=slow)
    await world.walmart.post(shelf, json={"sku": "ABC", "quantity": 2})
    async with world.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE updates SET due_at = now()")
    async with world.polling(policy=LONG), limited():
        while (await world.update(level.id)).attempts_made < 2 or await at_walmart(world) != {
            "ABC": 2
        }:
            await asyncio.sleep(0.02)
    assert (await world.update(level.id)).state == "retrying"
    await world.walmart.post("/simulator/held")
    assert await at_walmart(world) == {"ABC": 50}
    await world.let_doubts_end()
    await world.deliver_until(level.id, states={State.CONFIRMED}, policy=LONG)
    assert await at_walmart(world) == {"ABC": 2}


async def test_an_older_value_may_win_if_its_doubt_ends_while_the_newer_is_in_flight(
    world: World,
) -> None:
    await put(world, ("ABC", 2))
    (claimed,) = await claim(world.database)
    until = claimed.claimed_at + timedelta(seconds=10)

    async def mine() -> bool:
        return True

    evidence = Evidence()
    lease = Lease(
        claimed_at=claimed.claimed_at,
        seconds=60.0,
        timeout=world.timeout,
        # Nine seconds pass before the write, and two more while it is in flight.
        monotonic=lambda: 11.0 if evidence.wrote else 9.0,
        leased_monotonic=0.0,
        claimed_monotonic=0.0,
        renew=mine,
        stopping=lambda: False,
    )
    account = await world.context.account(1)
    data = ClaimData(account, {}, 0.0, 0.0, others_until={claimed.id: until})
    delivery_context = DeliveryContext(
        claimed, data, world.client, world.context.commerce, QUIET_PERIOD, lease, evidence
    )
    assert await deliver.deliver(delivery_context) == SendAgain(until)


async def test_the_doubt_of_a_level_ends_at_its_time(world: World) -> None:
    (level,) = await put(world, ("ABC", 5))
    await world.fault("inventory", "held", times=1)
    await world.deliver_until(level.id, states={State.CONFIRMED}, policy=LONG)
    await world.let_doubts_end()
    async with world.polling():
        await world.no_doubt_left()


async def test_a_leased_value_is_not_sent_again_once_a_newer_one_waits(
    world: World,
) -> None:
    (older,) = await put(world, ("ABC", 5))
    (held,) = await claim(world.database)
    assert held.id == older.id
    (newer,) = await put(world, ("ABC", 4))
    async with world.database.begin() as connection:
        # As if the poller had died: its lease ends, and the older value is due again.
        await connection.exec_driver_sql(
            "UPDATE updates SET state = 'retrying', lease_token = NULL, leased_until = NULL "
            "WHERE state = 'sending'"
        )
    await world.deliver_until(newer.id)
    assert await sent(world) == [("ABC", 4)]
    assert (await world.update(older.id)).state == "dismissed"


@pytest.mark.parametrize("fault", ["error", "error_after", "html", "cut", "throttle"])
async def test_a_value_with_an_unclear_answer_is_sent_again(world: World, fault: str) -> None:
    (update,) = await put(world, ("ABC", 5))
    await world.fault("inventory", fault, delay=0)
    await world.deliver_until(update.id, states={State.CONFIRMED})
    assert await at_walmart(world) == {"ABC": 5}


async def test_a_sku_unknown_to_walmart_needs_a_person(world: World) -> None:
    (update,) = await put(world, ("UNKNOWN-1", 5))
    (failed,) = await world.deliver_until(update.id)
    assert failed.status_detail is not None
    assert failed.status_detail.code == "sku_unknown_at_walmart"


async def test_a_sku_named_twice_is_refused_and_nothing_is_written(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        await put(world, ("ABC", 5), ("ABC", 6))
    assert refused.value.code == "sku_repeated"
    assert await states(world) == []


async def waits_for_a_lock(world: World) -> None:
    """Return once a session of the database waits for another one."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with limited():
        while True:
            async with world.database.begin() as connection:
                if (await connection.exec_driver_sql(waiting)).scalar_one():
                    return
            await asyncio.sleep(0.01)


async def test_a_level_put_while_the_previous_result_is_recorded_becomes_active(
    world: World,
) -> None:
    await put(world, ("ABC", 5))
    assert len(await claim(world.database)) == 1
    async with world.database.begin() as connection:
        # The transaction that records the older one has activated the next, and is not committed yet.
        await connection.exec_driver_sql(
            "UPDATE updates SET state = 'confirmed', active = false, finished_at = now(),"
            " lease_token = NULL, leased_until = NULL, leased_by = NULL"
        )
        await updates.activate_next(connection, [(1, "walmart", "sku:ABC")])
        putting = asyncio.create_task(put(world, ("ABC", 0)))
        waiting = asyncio.create_task(waits_for_a_lock(world))
        await asyncio.wait({putting, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    (newer,) = await putting
    await world.deliver_until(newer.id)
    assert await at_walmart(world) == {"ABC": 0}


async def test_levels_put_while_cancellations_of_the_same_items_are_recorded_do_not_wait(
    world: World,
) -> None:
    """One batch has a level's result and a cancellation followed by a level: it locks both first."""
    await world.a_store()
    await world.answered_before()
    (level,) = await put(world, ("SKU-1", 5))
    canceled_ = await cancellation(world, 7)
    claimed_updates = [
        each for each in await claim(world.database) if each.id in {level.id, canceled_}
    ]
    now = world.context.now()
    results = [
        DeliveryResult(
            each,
            NextStep(State.CONFIRMED),
            Attempt(world.context.new_id(1), "p", now, now, "confirmed", None, []),
        )
        for each in claimed_updates
    ]
    async with world.database.begin() as connection:
        await stock.lock(connection, 1, [StockLevel("SKU-1", None)])
        recording_ = asyncio.create_task(
            delivery_results.record(world.database, results, world.context.new_id)
        )
        await waits_for_a_lock(world)
        # The request that waits holds no lock on the level.
        await connection.exec_driver_sql(
            f"SELECT FROM updates WHERE id = '{level.id}' FOR UPDATE NOWAIT"
        )
    assert len((await recording_).kept) == len(claimed_updates)


async def canceled(world: World, *inventory_: StockLevel) -> Any:
    order = await world.an_order(2)
    request = CancelRequest("out_of_stock", inventory=inventory_)
    view = await cancel.cancel(world.context, order.id, request, actor="t", once=None)
    await world.deliver_until(view.update.id)
    return order


async def test_the_stock_given_with_a_cancellation_follows_it(world: World) -> None:
    order = await canceled(world, StockLevel("SKU-1", 7))
    async with world.polling(), limited():
        while await at_walmart(world) != {"SKU-1": 7}:
            await asyncio.sleep(0.02)
    operations = [entry["operation"] for entry in await world.ledger()]
    assert operations.index("cancel") < operations.index("inventory")
    assert (await world.order(order.id)).status == "canceled"


async def cancellation(world: World, units: int, *, sku: str = "SKU-1") -> UUID:
    """A waiting cancellation with a level to send after it."""
    order = await world.an_order(1)
    request = CancelRequest("out_of_stock", inventory=(StockLevel(sku, units),))
    view = await cancel.cancel(world.context, order.id, request, actor="t", once=None)
    return view.update.id


async def settled(world: World) -> None:
    """Deliver all open updates, and those that follow from them."""
    # A level that a newer value replaces is dismissed.
    rest = {State.CONFIRMED, State.FAILED, State.DISMISSED}
    while True:
        async with world.database.begin() as connection:
            found, _ = await queries.updates(connection, UpdateFilter(), KeysetPage(50, None))
        open_ = [each.id for each in found if each.state in {"pending", "retrying", "verifying"}]
        if not open_:
            return
        await world.deliver_until(*open_, states=rest)


async def test_the_level_of_a_cancellation_is_not_sent_after_a_newer_one(world: World) -> None:
    canceled_ = await cancellation(world, 7)
    (newer,) = await put(world, ("SKU-1", 2))
    await world.deliver_until(canceled_, newer.id)
    await settled(world)
    assert {units for _, units in await sent(world)} == {2}
    assert await at_walmart(world) == {"SKU-1": 2}


async def test_a_newer_level_put_before_the_cancellation_is_sent_again_after_it(
    world: World,
) -> None:
    """Walmart sets the stock of the item to zero with the cancellation."""
    await world.a_store()
    await world.fault("cancel", "throttle", times=1)
    canceled_ = await cancellation(world, 7)
    await world.deliver_until(canceled_, states={State.RETRYING}, policy=SLOW)
    (newer,) = await put(world, ("SKU-1", 2))
    await world.deliver_until(newer.id)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE updates SET due_at = now()")
    await world.deliver_until(canceled_)
    await settled(world)
    assert await at_walmart(world) == {"SKU-1": 2}
    done = [each["operation"] for each in await world.ledger()]
    assert done[-3:] == ["inventory", "cancel", "inventory"]


async def test_the_level_of_a_cancellation_does_not_replace_a_waiting_newer_one(
    world: World,
) -> None:
    await world.a_store()
    # The cancellation waits first: if both were in flight at once, a level would follow in case
    # the newer one had arrived before the cancellation.
    await world.fault("cancel", "throttle", times=1)
    await world.fault("inventory", "error", times=1)
    canceled_ = await cancellation(world, 7)
    await world.deliver_until(canceled_, states={State.RETRYING}, policy=SLOW)
    (newer,) = await put(world, ("SKU-1", 2))
    await world.deliver_until(newer.id, states={State.RETRYING}, policy=SLOW)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET due_at = now() WHERE kind = 'cancellation'"
        )
    await world.deliver_until(canceled_)
    assert (await world.update(newer.id)).state == "retrying"
    assert await states(world) == ["retrying"]


async def test_levels_of_cancellations_are_ordered_by_acceptance_not_confirmation(
    world: World,
) -> None:
    older, newer = await cancellation(world, 7), await cancellation(world, 5)
    for each in (newer, older):
        # Confirmed in the reverse order of their acceptance.
        async with world.database.begin() as connection:
            await triggers.follow_cancellations(connection, [(1, each)], world.context.new_id)
    assert await states(world) == ["pending"]
    await settled(world)
    assert {units for _, units in await sent(world)} == {5}


async def test_a_level_that_was_archived_still_counts_as_newer(world: World) -> None:
    canceled_ = await cancellation(world, 7)
    (newer,) = await put(world, ("SKU-1", 2))
    await world.deliver_until(newer.id, canceled_)
    await settled(world)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET finished_at = now() - interval '2 days' WHERE kind = 'inventory'"
        )
    assert await retention.archive_updates(world.database, 1) > 0
    assert await states(world) == []
    async with world.database.begin() as connection:
        await triggers.follow_cancellations(connection, [(1, canceled_)], world.context.new_id)
    await settled(world)
    assert {units for _, units in await sent(world)} == {2}


async def test_a_sku_with_an_at_sign_and_a_sku_at_a_node_do_not_share_a_queue(
    world: World,
) -> None:
    store = await world.a_store()
    for level in (StockLevel("A@n", 1), StockLevel("A", 2, "n"), StockLevel("A%40n", 3)):
        await inventory.put(world.context, store.id, [level], actor="test")
    assert await states(world) == ["pending"] * 3
    names = [("A@n", None), ("A", "n"), ("A%40n", None), ("A", "%40n"), ("A%", "40n"), ("A", None)]
    assert len({stock.subject(*name) for name in names}) == len(names)


async def test_a_level_queued_under_a_former_subject_is_superseded_only_by_its_own_sku(
    world: World,
) -> None:
    (former,) = await put(world, ("A@n", 1))
    async with world.database.begin() as connection:
        # In the form of earlier versions.
        await connection.exec_driver_sql("UPDATE updates SET subject = 'sku:A@n'")
    await inventory.put(world.context, world._stores[0].id, [StockLevel("A", 2, "n")], actor="test")
    assert await states(world) == ["pending", "pending"]
    (newest,) = await put(world, ("A@n", 3))
    assert (await world.update(former.id)).state == "dismissed"
    await settled(world)
    assert (await world.update(newest.id)).state == "confirmed"
    assert sorted(await sent(world)) == [("A", 2), ("A@n", 3)]


async def test_a_failed_level_does_not_put_the_order_in_error(world: World) -> None:
    order = await world.an_order(1)
    await world.fault("inventory", "refuse", times=None)
    request = CancelRequest("out_of_stock", inventory=(StockLevel("SKU-1", 7),))
    view = await cancel.cancel(world.context, order.id, request, actor="t", once=None)
    await world.deliver_until(view.update.id)
    async with world.polling(), limited():
        while await states(world) != ["failed"]:
            await asyncio.sleep(0.02)
    shown = await world.order(order.id)
    assert shown.status == "canceled"
    assert [detail.operation for detail in shown.status_details] == ["inventory"]


async def test_without_a_level_the_timeline_says_that_the_stock_is_not_known(
    world: World,
) -> None:
    order = await canceled(world)
    async with world.database.begin() as connection:
        events = [each.what for each in (await queries.timeline(connection, 1, order.id)).entries]
    assert "stock_not_known" in events
    assert await states(world) == []


async def test_a_cancellation_that_a_refresh_finds_is_followed_once(world: World) -> None:
    order = await world.an_order(1)
    request = CancelRequest("out_of_stock", inventory=(StockLevel("SKU-1", 7),))
    view = await cancel.cancel(world.context, order.id, request, actor="t", once=None)
    await world.fault("cancel", "error_after")
    await world.deliver_until(view.update.id, states={State.VERIFYING})
    await world.imported(order.purchase_order_id, world._stores[0])
    await world.imported(order.purchase_order_id, world._stores[0])
    assert (await world.update(view.update.id)).state == "confirmed"
    assert await states(world) == ["pending"]


async def test_a_failed_level_activates_a_newer_one(world: World) -> None:
    (older,) = await put(world, ("ABC", 50))
    (claimed,) = await claim(world.database)
    (newer,) = await put(world, ("ABC", 2))
    now = world.context.now()
    attempt = Attempt(world.context.new_id(1), "poller-1", now, now, "unclear", None, ())
    step = NextStep(State.RETRYING, due_in=900, doubt=Doubt.BEGIN)
    await delivery_results.record(
        world.database, [DeliveryResult(claimed, step, attempt)], world.context.new_id
    )
    ended = await world.update(older.id)
    assert ended.state == "dismissed"
    assert ended.in_doubt_until is not None
    await world.deliver_until(newer.id, states={State.RETRYING}, policy=LONG)
    assert await at_walmart(world) == {"ABC": 2}
