"""A lagging read reverts nothing, and a person's acceptance of Walmart's quantities does."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.update import State
from app.storage.queries.views import OrderView
from app.usecases.imports import reconcile
from tests.harness.world import World
from tests.integration.web.doubtful import (
    LONG,
    a_body,
    accepted,
    at_walmart,
    code,
    dismissed,
    in_doubt,
    land,
    shown,
    units,
)
from tests.integration.web.test_dismissals import KINDS

SHIPPED = {"ordered": 3, "shipped": 2, "canceled": 0, "refunded": 0, "pending": 0, "remaining": 1}


async def lagging(world: World, changes: int = 1) -> None:
    """Let reads of an order lag behind this many of its changes, until `caught_up`."""
    for operation in ("read", "list", "released"):
        await world.fault(operation, "lag", times=None, changes=changes)


async def caught_up(world: World) -> None:
    (await world.walmart.delete("/simulator/faults")).raise_for_status()


async def confirmed(
    world: World, client: httpx.AsyncClient, order: OrderView, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    shipment = await accepted(client, order, body)
    await world.deliver_until(UUID(shipment["update"]["id"]), states={State.CONFIRMED})
    return shipment


async def long_ago(world: World) -> None:
    """Make every confirmation older than the quiet period."""
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET finished_at = finished_at - interval '1 hour'"
        )
        await connection.exec_driver_sql(
            "UPDATE shipments SET first_confirmed_at = first_confirmed_at - interval '1 hour'"
        )


async def timeline(client: httpx.AsyncClient, order: OrderView) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/orders/{order.id}/timeline")
    return list(answer.raise_for_status().json()["data"])


async def drift(client: httpx.AsyncClient, order: OrderView) -> list[str]:
    events = [each for each in await timeline(client, order) if each["what"] == "drift_found"]
    return [each["cause"] for event in events for each in event["detail"]["drift"]]


@pytest.mark.parametrize("how", ["refresh", "import", "reconcile"])
async def test_a_lagging_read_reverts_no_confirmed_unit(
    world: World, client: httpx.AsyncClient, how: str
) -> None:
    order = await world.an_order(3)
    await confirmed(world, client, order)
    await lagging(world)
    if how == "refresh":
        answer = await client.post(f"/v1/orders/{order.id}/refresh")
        assert answer.json()["refreshed"] is True
    elif how == "import":
        await world.imported(order.purchase_order_id, world._stores[0])
    else:
        await reconcile.reconcile(world.context, 1, world.context.now() - timedelta(hours=1))
    assert await units(client, order) == [SHIPPED]
    again = await client.post(f"/v1/orders/{order.id}/shipments", json=a_body())
    assert code(again) == (409, "quantity_exceeds_remaining")
    # This soon after the confirmation it is not drift.
    assert await drift(client, order) == []
    await caught_up(world)
    await client.post(f"/v1/orders/{order.id}/refresh")
    assert await units(client, order) == [SHIPPED]
    assert await drift(client, order) == []


async def test_the_other_changes_of_a_lagging_read_are_applied(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3, 2)
    await confirmed(world, client, order)
    await long_ago(world)
    path = f"/simulator/orders/{order.purchase_order_id}"
    by_hand = {"lines": [{"line_number": "2", "quantity": 1, "tracking_number": "1ZHAND"}]}
    # Walmart loses our shipment, and a person ships line 2.
    await forgotten(world, order, 3, 2)
    (await world.walmart.post(f"{path}/ship", json=by_hand)).raise_for_status()
    await client.post(f"/v1/orders/{order.id}/refresh")
    assert [line["shipped"] for line in await units(client, order)] == [2, 1]
    assert await drift(client, order) == ["missing_at_walmart"]
    # Reported once for the same finding.
    await client.post(f"/v1/orders/{order.id}/refresh")
    assert await drift(client, order) == ["missing_at_walmart"]


async def forgotten(world: World, order: OrderView, *quantities: int) -> None:
    """Reset the order at Walmart to nothing shipped and nothing canceled."""
    (await world.walmart.delete("/simulator/orders")).raise_for_status()
    number = order.purchase_order_id
    await world.at_walmart(*quantities, store=world._stores[0], purchase_order_id=number)


async def test_a_lagging_readback_of_another_shipment_reverts_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await confirmed(world, client, order)
    await lagging(world)
    other = await in_doubt(world, client, order, a_body("1ZB", 1))
    assert [line["shipped"] for line in await units(client, order)] == [2]
    await land(world)
    await caught_up(world)
    await world.let_doubts_end()
    (view,) = await world.deliver_until(UUID(other["update"]["id"]), policy=LONG)
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == [("1", 2, "1ZA"), ("1", 1, "1ZB")]
    assert [line["shipped"] for line in await units(client, order)] == [3]


async def corrected(
    client: httpx.AsyncClient, order: OrderView, shipment: dict[str, Any], number: str
) -> UUID:
    path = f"/v1/orders/{order.id}/shipments/{shipment['id']}/tracking"
    answer = await client.patch(path, json={"tracking_number": number})
    assert answer.status_code == 202, answer.text
    updates = (await client.get(f"/v1/updates?order_id={order.id}&kind=tracking")).json()["data"]
    return UUID(updates[0]["id"])


async def test_a_correction_waits_if_its_read_lags_behind_the_shipment(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    shipment = await confirmed(world, client, order)
    await lagging(world)
    update = await corrected(client, order, shipment, "1ZB")
    (view,) = await world.deliver_until(
        update, states={State.FAILED, State.RETRYING, State.VERIFYING}, policy=LONG
    )
    assert view.state != "failed"
    await caught_up(world)
    await world.let_doubts_end()
    (view,) = await world.deliver_until(update, policy=LONG)
    assert view.state == "confirmed"
    assert await at_walmart(world, order, "tracking") == [("1", 2, "1ZB")]
    assert await units(client, order) == [SHIPPED]


@pytest.mark.parametrize(("number", "changes"), [("1ZC", 1), ("1ZC", 2), ("1ZA", 1)])
async def test_a_correction_waits_if_its_read_lags_behind_the_one_before(
    world: World, client: httpx.AsyncClient, number: str, changes: int
) -> None:
    order = await world.an_order(3)
    shipment = await confirmed(world, client, order)
    first = await corrected(client, order, shipment, "1ZB")
    await world.deliver_until(first, states={State.CONFIRMED})
    await lagging(world, changes)
    second = await corrected(client, order, shipment, number)
    (view,) = await world.deliver_until(
        second,
        states={State.CONFIRMED, State.FAILED, State.RETRYING, State.VERIFYING},
        policy=LONG,
    )
    assert view.state != "failed"
    await caught_up(world)
    await world.let_doubts_end()
    (view,) = await world.deliver_until(second, policy=LONG)
    assert view.state == "confirmed"
    await client.post(f"/v1/orders/{order.id}/refresh")
    found = (await world.walmart.get(f"/simulator/orders/{order.purchase_order_id}")).json()
    assert number in str(found)
    assert "1ZB" not in str(found)


async def test_a_cancellation_missing_in_a_lagging_read_remains(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    path = f"/v1/orders/{order.id}/cancellation"
    made = await client.post(path, json={"reason": "out_of_stock"})
    await world.deliver_until(UUID(made.json()["update"]["id"]))
    await lagging(world)
    await client.post(f"/v1/orders/{order.id}/refresh")
    assert (await shown(client, order))["status"] == "canceled"
    again = await client.post(f"/v1/orders/{order.id}/shipments", json=a_body(units=1))
    assert again.status_code == 409


async def test_a_lagging_read_reverts_no_canceled_unit(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await confirmed(world, client, order)
    await long_ago(world)
    await forgotten(world, order, 3)
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    everything = {"lines": [{"line_number": "1", "quantity": 3}]}
    (await world.walmart.post(path, json=everything)).raise_for_status()
    await client.post(f"/v1/orders/{order.id}/refresh")
    # The former snapshot, with the shipped units.
    await forgotten(world, order, 3)
    await world.shipped_by_hand(order, 2, "1ZA")
    await client.post(f"/v1/orders/{order.id}/refresh")
    (line,) = await units(client, order)
    assert (line["shipped"], line["canceled"]) == (0, 3)


async def test_accepting_walmarts_quantities_records_the_person(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await confirmed(world, client, order)
    await long_ago(world)
    await forgotten(world, order, 3)
    path = f"/v1/orders/{order.id}/refresh"
    await client.post(path)
    assert [line["shipped"] for line in await units(client, order)] == [2]
    answer = await client.post(path, json={"accept_walmart": True})
    assert answer.status_code == 200, answer.text
    (line,) = await units(client, order)
    assert (line["shipped"], line["remaining"]) == (0, 3)
    (accepted,) = [
        each for each in await timeline(client, order) if each["what"] == "walmart_accepted"
    ]
    assert accepted["actor"] == "admin"
    assert [(each["here"], each["walmart"]) for each in accepted["detail"]["drift"]] == [(2, 0)]
    # They are free: the same package may be shipped again.
    again = await confirmed(world, client, order)
    assert again["tracking_number"] == "1ZA"
    assert [line["shipped"] for line in await units(client, order)] == [2]


@pytest.mark.parametrize("rests", [True, False])
async def test_nothing_is_reverted_while_an_update_of_the_order_is_in_doubt(
    world: World, client: httpx.AsyncClient, *, rests: bool
) -> None:
    order = await world.an_order(3)
    await confirmed(world, client, order)
    update = (await in_doubt(world, client, order, a_body("1ZB", 1)))["update"]["id"]
    if rests:
        await dismissed(client, update)
    await lagging(world, 5)
    refused = await client.post(f"/v1/orders/{order.id}/refresh", json={"accept_walmart": True})
    assert code(refused) == (409, "order_in_doubt")
    assert update in refused.json()["detail"]
    assert [line["shipped"] for line in await units(client, order)] == [2]


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "inventory"])
async def test_doubts_at_walmart_prevent_a_reversion_and_those_at_commerce_do_not(
    world: World, client: httpx.AsyncClient, kind: str
) -> None:
    update = await KINDS[kind][0](world, client)
    order_id = (await world.update(update)).order_id
    answer = await client.post(f"/v1/orders/{order_id}/refresh", json={"accept_walmart": True})
    assert (await world.update(update)).in_doubt_until is not None
    if kind.startswith("commerce_"):
        # Commerce may be down for days, and no update to it changes a unit at Walmart.
        assert answer.status_code == 200, answer.text
        assert answer.json()["refreshed"] is True
    else:
        assert code(answer) == (409, "order_in_doubt")
        assert str(update) in answer.json()["detail"]


async def test_a_read_that_lags_behind_a_confirmation_reverts_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    shipment = await confirmed(world, client, order, a_body(units=1))
    await lagging(world)
    refused = await client.post(f"/v1/orders/{order.id}/refresh", json={"accept_walmart": True})
    assert code(refused) == (409, "order_in_doubt")
    assert shipment["update"]["id"] in refused.json()["detail"]
    assert [line["shipped"] for line in await units(client, order)] == [1]
    assert "walmart_accepted" not in [each["what"] for each in await timeline(client, order)]
    # A current read has nothing to revert.
    await caught_up(world)
    answer = await client.post(f"/v1/orders/{order.id}/refresh", json={"accept_walmart": True})
    assert answer.status_code == 200, answer.text
    assert [line["shipped"] for line in await units(client, order)] == [1]


async def test_every_reverted_unit_is_reported_also_after_another_confirmation(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3, 2)
    await confirmed(world, client, order)
    await long_ago(world)
    await forgotten(world, order, 3, 2)
    items = [{"line_number": "2", "quantity": 1}]
    await confirmed(world, client, order, a_body("1ZB", items=items))
    answer = await client.post(f"/v1/orders/{order.id}/refresh", json={"accept_walmart": True})
    assert answer.status_code == 200, answer.text
    assert [line["shipped"] for line in await units(client, order)] == [0, 1]
    (accepted,) = [
        each for each in await timeline(client, order) if each["what"] == "walmart_accepted"
    ]
    assert [(each["here"], each["walmart"]) for each in accepted["detail"]["drift"]] == [(2, 0)]


async def test_no_unit_is_reverted_on_a_line_that_walmart_does_not_show(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3, 2)
    await confirmed(world, client, order, a_body(items=[{"line_number": "2", "quantity": 2}]))
    await long_ago(world)
    await forgotten(world, order, 3)
    answer = await client.post(f"/v1/orders/{order.id}/refresh", json={"accept_walmart": True})
    assert answer.status_code == 200, answer.text
    assert [line["shipped"] for line in await units(client, order)] == [0, 2]
    (shipment,) = (await client.get(f"/v1/orders/{order.id}/shipments")).json()["data"]
    assert [each["confirmed"] for each in shipment["items"]] == [2]


async def test_shipped_and_canceled_units_never_exceed_what_was_ordered(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await confirmed(world, client, order)
    await long_ago(world)
    await forgotten(world, order, 3)
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    for canceled in (1, 2, 3):
        one = {"lines": [{"line_number": "1", "quantity": 1}]}
        (await world.walmart.post(path, json=one)).raise_for_status()
        await client.post(f"/v1/orders/{order.id}/refresh")
        (line,) = await units(client, order)
        assert line["canceled"] == canceled
        assert line["shipped"] == min(2, 3 - canceled)
        assert line["remaining"] == 0
    assert "missing_at_walmart" in await drift(client, order)
    assert (await shown(client, order))["fulfillment_status"] == "canceled"
