"""Walmart's orders are created in Commerce: once each, with the right content, after any failure."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.commerce.payloads import ShipmentSaved
from app.commerce.shipment_tracks import Track
from app.domain.errors import Invalid, NotAvailable
from app.domain.orders.requests import CancelRequest, RequestedItem
from app.domain.orders.returns import RefundRequest
from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import Breaker, CallReport, Endpoint
from app.domain.update import Kind, State
from app.storage import queries, rate_limits
from app.storage.commerce import events as storage
from app.storage.outbox import due
from app.storage.queries import UpdateFilter
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.views import MoneyView, OrderView, StoreView, UpdateView
from app.storage.returns import returns
from app.usecases.commerce_events import receive
from app.usecases.imports import link_to_commerce
from app.usecases.orders import cancel, ship
from app.usecases.returns import refund
from app.usecases.stores import manage
from app.usecases.updates import dismiss, retry
from tests.builders import a_package
from tests.contract.adobe_schema import violations
from tests.harness.pollers import POLICY
from tests.harness.server import serving
from tests.harness.waiting import limited
from tests.harness.world import World, open_world
from tests.integration.test_importer import run

SHOP = "main"
# The number of the first order in a simulated shop.
FIRST_ORDER = 1
BOTH = {"confirmed", "failed"}


async def a_store(world: World, **changes: Any) -> StoreView:
    given = {
        "code": SHOP,
        "commerce_base_url": world.walmart_url,
        "commerce_access_token": "token-of-the-shop",
        "commerce_push_orders": True,
        **changes,
    }
    return await world.a_store(**given)


async def shop(world: World) -> dict[str, Any]:
    answer = await world.walmart.get(f"/simulator/shops/{SHOP}")
    return dict(answer.raise_for_status().json())


async def updates(world: World, kind: str) -> list[UpdateView]:
    async with world.database.begin() as connection:
        found, _ = await queries.updates(connection, UpdateFilter(kind=kind), KeysetPage(50, None))
    return list(reversed(found))


async def handed_over(world: World, order: OrderView) -> OrderView:
    """Deliver until Commerce has the order, or the update has failed."""
    waiting = [each.id for each in await updates(world, "commerce_order")]
    await world.deliver_until(*waiting)
    return await world.order(order.id)


async def written(world: World, what: str) -> int:
    return sum(entry["operation"] == what for entry in await world.ledger())


async def test_a_buyers_order_is_created_in_commerce(world: World) -> None:
    store = await a_store(world, commerce_payment_method="walmart")
    number = await world.at_walmart(2, 1, store=store, status="Created", ship_method="Value")
    await run(world)
    async with world.database.begin() as connection:
        (order_id,) = (await connection.execute(sa.text("SELECT id FROM orders"))).one()
    order = await handed_over(world, await world.order(order_id))
    (made,) = (await shop(world))["orders"]
    assert (order.commerce_order_id, order.commerce_order_number) == (
        made["entity_id"],
        made["increment_id"],
    )
    assert [line.commerce_item_id for line in order.lines] == [
        item["item_id"] for item in made["items"]
    ]
    assert made["ext_order_id"] == number
    assert made["payment"]["method"] == "walmart"
    assert "Offline Channel Payment" in made["payment"]["additional_information"]
    assert f"External Order Number: {number}" in made["payment"]["additional_information"]
    assert made["shipping_description"] == "Channel Shipping - Value"
    assert [
        (item["sku"], item["qty_ordered"], item["ext_order_item_id"]) for item in made["items"]
    ] == [
        ("SKU-1", 2, "1"),
        ("SKU-2", 1, "2"),
    ]
    assert violations("sales-data-order-interface", made, closed=True) == []
    (assignment,) = made["extension_attributes"]["shipping_assignments"]
    assert [item["sku"] for item in assignment["items"]] == ["SKU-1", "SKU-2"]
    assert made["customer_email"].endswith("@relay.walmart.com")
    assert made["billing_address"]["country_id"] == "US"
    assert made["grand_total"] == sum(item["row_total"] for item in made["items"])
    assert "order_linked" in await timeline(world, order)


def charge(kind: str, name: str, amount: float) -> dict[str, Any]:
    money = {"currency": "USD", "amount": amount}
    return {"chargeType": kind, "chargeName": name, "chargeAmount": money}


# Beside the item price of 14.00; the sign of a discount is not documented.
CHARGES = [
    charge("PRODUCT", "SubscriptionDiscount", 1.0),
    charge("PRODUCT", "SubscriptionDiscount", -0.5),
    charge("SHIPPING", "Shipping", 2.0),
    charge("FEE", "Recycling", 0.25),
]


@pytest.mark.parametrize(
    ("amount_is", "price", "subtotal", "shipping", "discount", "value"),
    [("unit", 14.0, 42.0, 6.75, 4.5, "44.25"), ("line", 4.6667, 14.0, 2.25, 1.5, "14.75")],
)
async def test_every_charge_of_three_units_is_in_the_totals(
    world: World,
    amount_is: str,
    price: float,
    subtotal: float,
    shipping: float,
    discount: float,
    value: str,
) -> None:
    store = await a_store(world, charge_amount_is=amount_is)
    lines = [{"line_number": "1", "sku": "ABC", "quantity": 3, "charges": CHARGES}]
    number = await world.at_walmart(store=store, lines=lines)
    order = await handed_over(world, await world.imported(number, store))
    assert order.order_value == MoneyView(value, "USD")
    (made,) = (await shop(world))["orders"]
    (item,) = made["items"]
    # Magento (SalesRule/Model/Quote/Discount.php) keeps an order's discount negative and an item's
    # positive; the total is the sum of subtotal, shipping and discount.
    assert (made["subtotal"], made["shipping_amount"]) == (subtotal, shipping)
    assert (made["discount_amount"], made["base_discount_amount"]) == (-discount, -discount)
    assert made["grand_total"] == made["base_grand_total"] == float(value)
    assert made["grand_total"] == pytest.approx(subtotal + shipping - discount)
    assert made["payment"]["amount_ordered"] == float(value)
    assert (item["price"], item["row_total"], item["discount_amount"]) == (
        price,
        subtotal,
        discount,
    )
    assert f"Discounts at Walmart: {discount:.2f} USD" in made["payment"]["additional_information"]


async def test_charges_of_an_order_of_before_the_upgrade_come_with_the_next_read(
    world: World,
) -> None:
    store = await a_store(world, commerce_push_orders=False)
    lines = [{"line_number": "1", "sku": "ABC", "quantity": 3, "charges": CHARGES}]
    number = await world.at_walmart(store=store, lines=lines)
    order = await world.imported(number, store)
    async with world.database.begin() as connection:
        await connection.execute(sa.text("UPDATE order_lines SET other_charges = NULL"))
    assert (await world.order(order.id)).order_value == MoneyView("42.00", "USD")
    await world.imported(number, store)
    assert (await world.order(order.id)).order_value == MoneyView("44.25", "USD")


async def timeline(world: World, order: OrderView) -> list[str]:
    question = sa.text("SELECT what FROM events WHERE order_id = :id ORDER BY at")
    async with world.database.begin() as connection:
        return [row.what for row in await connection.execute(question, {"id": order.id})]


async def test_an_order_imported_by_its_number_is_created_too(world: World) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(1))
    assert order.commerce_order_id is not None
    # A second read does not create it again.
    await world.imported(order.purchase_order_id, world._stores[0])
    assert len(await updates(world, "commerce_order")) == 1


@pytest.mark.impatient
@pytest.mark.parametrize(
    "fault",
    [
        "error",
        "timeout",
        "drop",
        "html",
        "slow",
        "late",
        "cut",
        "unshown",
        "error_after",
        "timeout_after",
        "drop_after",
        "html_after",
    ],
)
async def test_an_order_is_created_once_after_any_failure(world: World, fault: str) -> None:
    await a_store(world)
    order = await world.an_order(1)
    # The first call searches for it, the second reads the store views, the third creates it.
    await world.fault("commerce_orders", "slow", delay=0, times=2)
    await world.fault("commerce_orders", fault, delay=0.3)
    order = await handed_over(world, order)
    assert await written(world, "commerce_order") == 1
    assert order.commerce_order_id is not None
    assert order.status == "open"


async def test_an_order_that_may_still_arrive_is_not_created_again_within_the_quiet_period(
    world: World,
) -> None:
    await a_store(world)
    order = await world.an_order(1)
    doubt = (
        "UPDATE updates SET state = 'verifying', ambiguous = true, attempts = 1, due_at = now(), "
        "in_doubt_until = now() + make_interval(secs => 3600 - :ago) WHERE kind = 'commerce_order'"
    )
    async with world.database.begin() as connection:
        await connection.execute(sa.text(doubt), {"ago": 0.0})
    async with world.polling(policy=replace(POLICY, quiet_period=3600)), limited():
        while not await world.calls("commerce_orders"):
            await asyncio.sleep(0.02)
    assert await written(world, "commerce_order") == 0
    async with world.database.begin() as connection:
        await connection.execute(sa.text(doubt), {"ago": 4000.0})
    order = await handed_over(world, order)
    assert order.commerce_order_id is not None
    assert await written(world, "commerce_order") == 1


@pytest.mark.impatient
@pytest.mark.parametrize("fault", ["error", "timeout", "drop", "html", "throttle"])
async def test_a_failed_search_creates_nothing_twice(world: World, fault: str) -> None:
    await a_store(world)
    order = await world.an_order(1)
    await world.fault("commerce_orders", fault, delay=0.1, status=503 if fault == "error" else None)
    async with world.database.begin() as connection:
        await connection.execute(sa.text("UPDATE lanes SET answered = true"))
    if fault == "throttle":
        (update,) = await updates(world, "commerce_order")
        await world.deliver_until(update.id, states={State.RETRYING})
        (detail,) = (await world.order(order.id)).status_details
        assert (detail.code, detail.origin) == ("commerce_throttled", "commerce")
        return
    order = await handed_over(world, order)
    assert await written(world, "commerce_order") == 1


async def test_an_order_that_commerce_has_is_only_linked(world: World) -> None:
    store = await a_store(world)
    order = await handed_over(world, await world.an_order(1))
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE orders SET commerce_order_id = NULL, commerce_order_number = NULL")
        )
        await connection.execute(
            sa.text(
                "UPDATE updates SET state = 'pending', active = true, due_at = now() "
                "WHERE kind = 'commerce_order'"
            )
        )
    assert store.code == SHOP
    again = await handed_over(world, order)
    assert again.commerce_order_id == order.commerce_order_id
    assert await written(world, "commerce_order") == 1


async def test_an_order_that_was_linked_is_not_created(world: World) -> None:
    await a_store(world)
    order = await world.an_order(1)
    changes = {"commerce_order_number": "000000077", "commerce_order_id": 77}
    await link_to_commerce.link(world.context, order.id, changes=changes, actor="test")
    order = await handed_over(world, order)
    assert (order.commerce_order_id, await written(world, "commerce_order")) == (77, 0)


async def test_orders_are_created_only_for_stores_that_want_it_and_not_if_walmart_ships_them(
    world: World,
) -> None:
    quiet = await world.a_store()
    await world.an_order(1, store=quiet)
    store = await a_store(world)
    await world.an_order(1, store=store, node_type="WFSFulfilled")
    number = await world.at_walmart(1, store=store)
    await world.walmart.post(f"/simulator/orders/{number}/cancel", json={})
    await world.imported(number, store)
    assert await updates(world, "commerce_order") == []


async def test_a_refusal_of_commerce_is_reported_and_can_be_retried(world: World) -> None:
    await a_store(world)
    order = await world.an_order(1)
    await world.fault("commerce_orders", "slow", delay=0, times=2)
    await world.fault("commerce_orders", "refuse", status=400)
    order = await handed_over(world, order)
    (detail,) = order.status_details
    assert (order.status, detail.code, detail.origin, detail.operation) == (
        "error",
        "commerce_refused",
        "commerce",
        "commerce_order",
    )
    assert detail.update_id is not None
    preview = await retry.retry(
        world.context, detail.update_id, override_cancel_request=False, actor="test"
    )
    assert "Commerce is read first" in preview.explanation
    order = await handed_over(world, order)
    assert (order.status, order.commerce_order_id is not None) == ("open", True)


async def test_dismissing_an_order_creation_reads_commerce_and_not_walmart(world: World) -> None:
    await a_store(world)
    await world.an_order(1)
    (update,) = await updates(world, "commerce_order")
    read = len(await world.calls("read"))
    dismissed = await dismiss.dismiss(world.context, update.id, note="made by hand", actor="test")
    assert dismissed.explanation == "Commerce shows no such order. Walmart was not asked."
    assert len(await world.calls("read")) == read


async def test_a_hanging_commerce_does_not_delay_shipments(fresh_url: str) -> None:
    # No call ends by itself during this test.
    async with open_world(fresh_url, timeout=60) as world:
        store = await a_store(world)
        await world.fault("commerce_orders", "timeout", times=None)
        found = [await world.an_order(1, store=store) for _ in range(8)]
        await world.answered_before()
        async with world.polling(poller_concurrency=10):
            async with limited():
                while not await world.calls("commerce_orders"):
                    await asyncio.sleep(0.02)
            sent = [
                await ship.ship(world.context, order.id, a_package(f"1Z{n}"), actor="test")
                for n, order in enumerate(found)
            ]
            async with limited():
                while len(await world.calls("shipping")) < len(sent):
                    await asyncio.sleep(0.02)
        # At most as many calls at once as one store may make to Commerce.
        assert len(await world.calls("commerce_orders")) <= 4


async def test_a_token_rejected_by_commerce_stops_only_commerce(world: World) -> None:
    store = await a_store(world, commerce_access_token="wrong")
    order = await world.an_order(1)
    (update,) = await updates(world, "commerce_order")
    await world.deliver_until(update.id, states={State.RETRYING})
    sent = await ship.ship(world.context, order.id, a_package("1Z1"), actor="test")
    (shipped,) = await world.deliver_until(sent.shipment.update.id)
    assert shipped.state == "confirmed"
    async with world.database.begin() as connection:
        shown = await queries.store(connection, store.id)
    assert shown is not None
    (detail,) = shown.status_details
    assert (detail.code, detail.operation) == ("commerce_credentials_rejected", "commerce")
    new = manage.StoreChanges(commerce_access_token="another")
    await manage.change(world.context, store.id, new, actor="test")
    order = await handed_over(world, order)
    assert order.commerce_order_id is not None


async def test_a_store_with_rejected_walmart_keys_does_not_read_the_buyer(world: World) -> None:
    await a_store(world)
    await world.an_order(1)
    async with world.database.begin() as connection:
        now = await rate_limits.now(connection)
        pause = Pause(Endpoint.ALL, "credentials_rejected", timedelta(seconds=60))
        await rate_limits.record(
            connection, [CallReport(1, Endpoint.ALL, now, now, pause=pause)], Breaker()
        )
    groups = {each.kind: each.due_in for each in await due.groups(world.database.direct)}
    assert groups[Kind.COMMERCE_ORDER] > 0


async def canceled(world: World, order: OrderView) -> None:
    wanted = CancelRequest("out_of_stock")
    accepted = await cancel.cancel(world.context, order.id, wanted, actor="test")
    await world.deliver_until(accepted.update.id)
    await world.deliver_until(*(each.id for each in await updates(world, "commerce_note")))


@pytest.mark.impatient
@pytest.mark.parametrize("fault", [None, "timeout_after", "drop", "error_after", "error"])
async def test_the_reason_of_a_cancellation_is_noted_in_commerce(
    world: World, fault: str | None
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(2))
    if fault is not None:
        await world.fault("commerce_comments", fault)
    await canceled(world, order)
    (made,) = (await shop(world))["orders"]
    (comment,) = [each["comment"] for each in made["status_histories"]]
    assert "The item is out of stock" in comment
    assert order.purchase_order_id in comment
    lines = made["payment"]["additional_information"]
    assert lines.count("Cancellation Reason: The item is out of stock") == 1
    assert "Offline Channel Payment" in lines


async def test_changes_made_by_walmart_are_noted_in_commerce(world: World) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(2))
    base = f"/simulator/orders/{order.purchase_order_id}"
    await world.walmart.post(f"{base}/intent-to-cancel", json={"lines": ["1"]})
    await run(world)
    await world.walmart.post(
        f"{base}/cancel", json={"lines": [{"line_number": "1", "quantity": 1}]}
    )
    await run(world)
    await world.deliver_until(*(each.id for each in await updates(world, "commerce_note")))
    (made,) = (await shop(world))["orders"]
    first, second = [each["comment"] for each in made["status_histories"]]
    assert first.startswith("The buyer asked Walmart to cancel SKU-1")
    assert second.startswith("Canceled at Walmart: 1 of SKU-1")


async def test_stock_is_read_from_commerce_when_it_is_sent_to_walmart(world: World) -> None:
    await a_store(world, commerce_stock_id=1)
    order = await handed_over(world, await world.an_order(2))
    wanted = CancelRequest("pricing_error")
    accepted = await cancel.cancel(world.context, order.id, wanted, actor="test")
    await world.deliver_until(accepted.update.id)
    # Commerce put the units back only now.
    path = f"/simulator/shops/{SHOP}/stock"
    await world.walmart.post(path, json={"sku": "SKU-1", "quantity": 41})
    (update,) = await updates(world, "inventory")
    if update.state != "confirmed":
        if update.state == "failed":
            await retry.retry(world.context, update.id, override_cancel_request=False, actor="test")
        await world.deliver_until(update.id)
    answer = (await world.walmart.get("/simulator/stock")).json()["stock"]
    assert [(each["sku"], each["quantity"]) for each in answer] == [("SKU-1", 41)]


async def refunded(world: World) -> None:
    """An order with one return, which is refunded."""
    number = await world.at_walmart(2, store=world._stores[0])
    await world.walmart.post(f"/simulator/orders/{number}/ship", json={})
    order = await world.imported(number, world._stores[0])
    await world.walmart.post(f"/simulator/orders/{number}/return", json={})
    await run(world)
    async with world.database.begin() as connection:
        (found,) = await returns.of_order(connection, 1, order.purchase_order_id)
    accepted = await refund.refund(world.context, found.id, RefundRequest(), actor="test")
    await world.deliver_until(accepted.update.id)


async def test_stock_is_read_from_commerce_after_a_refund(world: World) -> None:
    await a_store(world, commerce_stock_id=1)
    path = f"/simulator/shops/{SHOP}/stock"
    await world.walmart.post(path, json={"sku": "SKU-1", "quantity": 43})
    await refunded(world)
    (update,) = await updates(world, "inventory")
    await world.deliver_until(update.id)
    answer = (await world.walmart.get("/simulator/stock")).json()["stock"]
    assert [(each["sku"], each["quantity"]) for each in answer] == [("SKU-1", 43)]


async def test_no_stock_follows_a_refund_if_commerce_is_unreachable(world: World) -> None:
    await a_store(world)
    await refunded(world)
    assert await updates(world, "inventory") == []


async def test_no_data_of_the_buyer_is_stored(world: World) -> None:
    await a_store(world)
    await handed_over(world, await world.an_order(2))
    private = ("Sam", "Sample", "Example Street", "Bentonville", "relay.walmart", "token-of-")
    async with world.database.begin() as connection:
        names = await connection.execute(
            sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        for (table,) in names.all():
            rows = await connection.execute(sa.text(f'SELECT t::text FROM "{table}" t'))
            for (row,) in rows:
                assert not [word for word in private if word in row], (table, row[:2000])


async def test_an_unlinked_commerce_order_is_recognised(world: World) -> None:
    store = await a_store(world)
    order = await handed_over(world, await world.an_order(2))
    (made,) = (await shop(world))["orders"]
    async with world.database.begin() as connection:
        # As after an unclear try: Commerce has the order, and Waybill has not read it yet.
        await connection.execute(
            sa.text("UPDATE orders SET commerce_order_id = NULL, commerce_order_number = NULL")
        )
        await connection.execute(sa.text("UPDATE order_lines SET commerce_item_id = NULL"))
    item = RequestedItem(1, commerce_item_id=made["items"][0]["item_id"])
    event = ShipmentSaved(made["entity_id"], "45", (item,), (Track("ups", "UPS", "1Z1"),))
    done = await receive.receive(world.context, store.store_id, event)
    again = await world.order(order.id)
    assert done.what == "accepted"
    assert again.commerce_order_id == made["entity_id"]
    assert again.lines[0].quantity.pending == 1


async def test_an_event_received_before_its_order_is_processed_by_a_poller(
    world: World,
) -> None:
    store = await a_store(world)
    order = await world.an_order(2)
    # Commerce cannot say which order it is.
    await world.fault("commerce_orders", "error", status=503)
    (waiting,) = await updates(world, "commerce_order")
    item = RequestedItem(1, commerce_item_id=1)
    event = ShipmentSaved(FIRST_ORDER, "45", (item,), (Track("ups", "UPS", "1Z1"),))
    with pytest.raises(NotAvailable):
        await receive.receive(world.context, store.store_id, event)
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE order_lines SET commerce_item_id = 1 WHERE order_id = :id"),
            {"id": order.id},
        )
    async with world.polling(), limited():
        while not (await world.order(order.id)).shipments:
            await asyncio.sleep(0.02)
    linked = await world.order(order.id)
    assert linked.commerce_order_id == FIRST_ORDER
    assert (await world.update(waiting.id)).state == "confirmed"
    assert [each.tracking_number for each in (await world.order(order.id)).shipments] == ["1Z1"]
    async with world.database.begin() as connection:
        (told_once,) = await storage.of_order(connection, store.store_id, order.id)
    assert told_once.state == storage.DONE


async def own_order(world: World) -> int:
    """An order that the shop itself received."""
    entity = {
        "base_grand_total": 1,
        "grand_total": 1,
        "customer_email": "buyer@example.com",
        "items": [{"sku": "SKU-1"}],
        "payment": {"method": "checkmo"},
    }
    answer = await world.walmart.post(
        f"/rest/{SHOP}/V1/orders",
        json={"entity": entity},
        headers={"Authorization": "Bearer token-of-the-shop"},
    )
    return int(answer.raise_for_status().json()["entity_id"])


async def test_an_event_of_the_shops_own_order_is_ignored(world: World) -> None:
    store = await a_store(world)
    await handed_over(world, await world.an_order(1))
    event = ShipmentSaved(await own_order(world), "45", None, (Track("ups", "UPS", "1Z1"),))
    done = await receive.receive(world.context, store.store_id, event)
    assert done.what == "ignored"


@pytest.mark.parametrize("how", ["refused", "not found", "without Walmart's number"])
async def test_a_shipment_is_kept_if_commerce_does_not_say_that_the_order_is_its_own(
    world: World, how: str
) -> None:
    store = await a_store(world)
    # It does not exist yet, or a person has to create it.
    order = await world.an_order(2)
    number = await own_order(world)
    if how == "refused":
        await world.fault("commerce_orders", "refuse", status=400)
    # A wrong address answers the same.
    number += how == "not found"
    item = RequestedItem(1, commerce_item_id=70)
    event = ShipmentSaved(number, "45", (item,), (Track("ups", "UPS", "1Z1"),))
    if how == "refused":
        with pytest.raises(NotAvailable):
            await receive.receive(world.context, store.store_id, event)
    else:
        done = await receive.receive(world.context, store.store_id, event)
        assert done.what == "waiting"
    changes = {"commerce_order_id": number}
    await link_to_commerce.link(
        world.context, order.id, changes=changes, actor="test", items={"1": 70}
    )
    assert [each.tracking_number for each in (await world.order(order.id)).shipments] == ["1Z1"]


@pytest.mark.impatient
@pytest.mark.parametrize("fault", ["error", "timeout", "html"])
async def test_an_event_waits_while_commerce_cannot_identify_its_order(
    world: World, fault: str
) -> None:
    store = await a_store(world)
    await world.an_order(1)
    await world.fault("commerce_orders", fault, status=503 if fault == "error" else None)
    event = ShipmentSaved(1, "45", None, (Track("ups", "UPS", "1Z1"),))
    with pytest.raises(NotAvailable):
        await receive.receive(world.context, store.store_id, event)


async def test_a_token_is_never_sent_to_a_new_address(world: World) -> None:
    store = await a_store(world)
    moved = manage.StoreChanges(commerce_base_url="https://elsewhere.example")
    with pytest.raises(Invalid, match="again"):
        await manage.change(world.context, store.id, moved, actor="test")
    same = manage.StoreChanges(commerce_base_url=world.walmart_url, commerce_stock_id=2)
    changed = await manage.change(world.context, store.id, same, actor="test")
    assert changed.commerce.stock_id == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"commerce_base_url": None}, "commerce_access_needed"),
        ({"commerce_access_token": None}, "commerce_access_needed"),
        ({"commerce_base_url": "ftp://shop.example"}, "commerce_base_url_invalid"),
        ({"commerce_base_url": "https://me:secret@shop.example"}, "commerce_base_url_invalid"),
        ({"commerce_base_url": "https://shop.example/?a=b"}, "commerce_base_url_invalid"),
        ({"commerce_base_url": "https://shop.example:port"}, "commerce_base_url_invalid"),
        ({"commerce_base_url": "shop.example"}, "commerce_base_url_invalid"),
        ({"commerce_base_url": "http://169.254.169.254"}, "address_forbidden"),
        ({"commerce_base_url": "https://[fe80::1]"}, "address_forbidden"),
        ({"commerce_base_url": "http://203.0.113.7"}, "address_forbidden"),
    ],
)
async def test_a_forbidden_commerce_address_is_refused(
    world: World, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await a_store(world, **changes)
    assert code in {problem.code for problem in refused.value.problems}


async def test_an_address_that_becomes_forbidden_later_is_not_called(world: World) -> None:
    store = await a_store(world)
    async with world.database.begin() as connection:
        elsewhere = world.walmart_url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - never called
        statement = sa.text("UPDATE stores SET commerce_base_url = :url")
        await connection.execute(statement, {"url": elsewhere})
    order = await world.an_order(1, store=store)
    (waiting,) = await updates(world, "commerce_order")
    (tried,) = await world.deliver_until(waiting.id, states={State.RETRYING})
    assert tried.order_id == order.id
    assert await shown(world, tried) == {("unusable_address", None)}
    assert await world.calls("commerce_orders") == []


async def test_an_answer_that_is_not_from_commerce_is_not_shown(world: World) -> None:
    store = await a_store(world)
    async with serving(ForeignServer()) as url, world.database.begin() as connection:
        await connection.execute(sa.text("UPDATE stores SET commerce_base_url = :u"), {"u": url})
        await connection.commit()
        await world.an_order(1, store=store)
        (waiting,) = await updates(world, "commerce_order")
        (tried,) = await world.deliver_until(waiting.id, states={State.RETRYING, State.VERIFYING})
    calls = await shown(world, tried)
    assert {response for _, response in calls} == {
        "[23 characters that are no answer of this system's]"
    }


async def shown(world: World, update: UpdateView) -> set[tuple[str | None, str | None]]:
    """The calls of an update as the API shows them: the failure and the response of each."""
    async with world.database.begin() as connection:
        attempts = await queries.attempts(connection, update.store_id.int & 0xFFFFFFFF, update.id)
    return {(call.failure, call.response) for each in attempts for call in each.calls}


class ForeignServer:
    """A server in the network that answers JSON and is not Commerce."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for what in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{what}.complete"})
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"inner": "a password"}'})
