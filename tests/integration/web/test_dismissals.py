"""Dismissing an update of any kind reads its subject and answers what the read shows."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import pytest

from app.domain.update import State
from app.worker.maintenance.doubts import DoubtResolver
from tests.harness.pollers import BREAKER
from tests.harness.world import World
from tests.integration.test_commerce_orders import a_store, handed_over
from tests.integration.web.doubtful import (
    LONG,
    a_body,
    accepted,
    code,
    dismissed,
    in_doubt,
    land,
    shown,
    units,
)
from tests.integration.web.test_commerce_events import sent_back

Made = Callable[[World, httpx.AsyncClient], Awaitable[UUID]]


async def newest(world: World, kind: str) -> UUID:
    async with world.database.begin() as connection:
        row = await connection.exec_driver_sql(
            f"SELECT id FROM updates WHERE kind = '{kind}' ORDER BY created_at DESC, id DESC"
        )
        found: UUID = row.scalars().all()[0]
        return found


async def lost(world: World, kind: str, operation: str, first: int = 0) -> UUID:
    """Write the newest update of a kind without an answer; first: calls before that."""
    if first:
        await world.fault(operation, "slow", delay=0, times=first)
    await world.fault(operation, "held")
    # A kind that is not read back automatically is throttled after its first try, so that it stays.
    states = {State.VERIFYING}
    if kind == "inventory":
        await world.fault(operation, "throttle", times=None, delay=3600)
        states = {State.RETRYING}
    update = await newest(world, kind)
    await world.deliver_until(update, states=states, policy=LONG)
    return update


async def acknowledgement(world: World, _: httpx.AsyncClient) -> UUID:
    await world.an_order(2, status="Created")
    return await lost(world, "acknowledgement", "acknowledge")


async def shipment(world: World, client: httpx.AsyncClient) -> UUID:
    await accepted(client, await world.an_order(2))
    return await lost(world, "shipment", "shipping")


async def tracking(world: World, client: httpx.AsyncClient) -> UUID:
    order = await world.an_order(2)
    made = await accepted(client, order)
    await world.deliver_until(UUID(made["update"]["id"]))
    path = f"/v1/orders/{order.id}/shipments/{made['id']}/tracking"
    assert (await client.patch(path, json={"tracking_number": "1ZB"})).status_code == 202
    return await lost(world, "tracking", "shipping")


async def cancellation(world: World, client: httpx.AsyncClient) -> UUID:
    order = await world.an_order(2)
    await client.post(f"/v1/orders/{order.id}/cancellation", json={"reason": "out_of_stock"})
    return await lost(world, "cancellation", "cancel")


async def refund(world: World, client: httpx.AsyncClient) -> UUID:
    await sent_back(world, client, 2)
    (found,) = (await client.get("/v1/returns")).json()["data"]
    await client.post(f"/v1/returns/{found['id']}/refund", json={})
    return await lost(world, "refund", "refund")


async def inventory(world: World, client: httpx.AsyncClient) -> UUID:
    store = await world.a_store()
    levels = {"items": [{"sku": "ABC", "quantity": 7}]}
    answer = await client.put(f"/v1/stores/{store.id}/inventory", json=levels)
    assert answer.status_code == 202, answer.text
    return await lost(world, "inventory", "inventory")


async def commerce_order(world: World, _: httpx.AsyncClient) -> UUID:
    await a_store(world)
    await world.an_order(2)
    # The first call searches for it, the second reads the store views, the third creates it.
    return await lost(world, "commerce_order", "commerce_orders", first=2)


async def commerce_note(world: World, client: httpx.AsyncClient) -> UUID:
    await a_store(world)
    order = await handed_over(world, await world.an_order(2))
    await client.post(f"/v1/orders/{order.id}/cancellation", json={"reason": "out_of_stock"})
    await world.fault("commerce_comments", "held")
    await world.deliver_until(await newest(world, "cancellation"), policy=LONG)
    note = await newest(world, "commerce_note")
    await world.deliver_until(note, states={State.VERIFYING}, policy=LONG)
    return note


KINDS: dict[str, tuple[Made, str, str]] = {
    "acknowledgement": (acknowledgement, "acknowledged", "Walmart shows the order as acknowledged"),
    "shipment": (shipment, "shipped", "Walmart shows all of it as shipped"),
    "tracking": (tracking, "corrected", "under the new number"),
    "cancellation": (cancellation, "canceled", "Walmart shows all of it as canceled"),
    "refund": (refund, "refunded", "Walmart shows all of it as refunded"),
    "inventory": (inventory, "stock_level", "Walmart shows 7 units of ABC"),
    "commerce_order": (commerce_order, "not_read", "Commerce shows the order"),
    "commerce_note": (commerce_note, "not_read", "Commerce shows the note"),
}
READ = {"refund": "returns", "inventory": "inventory_read"}


def reading(kind: str) -> str:
    """The call that reads the subject of a kind."""
    return "commerce_orders" if kind.startswith("commerce") else READ.get(kind, "read")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_effect_that_arrived_is_seen_before_its_doubt_has_ended(
    world: World, client: httpx.AsyncClient, kind: str
) -> None:
    make, walmart, says = KINDS[kind]
    update = await make(world, client)
    await land(world)
    answer = await dismissed(client, str(update))
    assert (answer["walmart"], answer["update"]["state"]) == (walmart, "dismissed")
    assert says in answer["explanation"]
    # A level is absolute: its doubt ends only by time.
    over = answer["update"]["in_doubt_until"] is None
    assert over is (kind not in {"inventory", "tracking"}), answer


@pytest.mark.parametrize("kind", KINDS)
async def test_an_effect_not_shown_yet_is_in_doubt_and_read_again_automatically(
    world: World, client: httpx.AsyncClient, kind: str
) -> None:
    update = await KINDS[kind][0](world, client)
    answer = await dismissed(client, str(update))
    if kind == "inventory":
        assert answer["walmart"] == "stock_level"
        assert "may still arrive until" in answer["explanation"]
    else:
        assert answer["walmart"] == "in_doubt"
        where = "Commerce" if kind.startswith("commerce") else "Walmart"
        assert answer["explanation"].startswith(f"{where} does not show all of it yet")
    assert answer["until"] == answer["update"]["in_doubt_until"] is not None
    async with world.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE lanes SET paused_until = '-infinity', reason = ''")
    before = len(await world.calls(reading(kind)))
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    assert (await world.update(update)).state == "dismissed"
    # No read can prove that a level will no longer arrive.
    assert (len(await world.calls(reading(kind))) > before) is (kind != "inventory")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_effect_that_never_arrived_is_absent_after_the_doubt(
    world: World, client: httpx.AsyncClient, kind: str
) -> None:
    update = await KINDS[kind][0](world, client)
    await world.let_doubts_end()
    answer = await dismissed(client, str(update))
    assert (answer["until"], answer["update"]["in_doubt_until"]) == (None, None) or (
        kind == "inventory"
    )
    if kind.startswith("commerce"):
        assert answer["explanation"].startswith("Commerce shows no such")
    elif kind != "inventory":
        assert answer["walmart"] == "absent"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_doubt_remains_and_is_reported_if_the_read_fails(
    world: World, client: httpx.AsyncClient, kind: str
) -> None:
    update = await KINDS[kind][0](world, client)
    await world.fault(reading(kind), "error", times=None, status=503)
    answer = await dismissed(client, str(update))
    assert answer["walmart"] == "not_read"
    assert "could not be read" in answer["explanation"]
    # Only updates that hold units mention them.
    assert ("units" in answer["explanation"]) is (kind in {"shipment", "cancellation"})
    assert answer["until"] == answer["update"]["in_doubt_until"] is not None


async def test_a_partial_effect_is_reported_as_such(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    made = await accepted(client, order, a_body(units=3))
    update = await lost(world, "shipment", "shipping")
    await world.shipped_by_hand(order, 1, "1ZA")
    await world.let_doubts_end()
    assert (await dismissed(client, str(update)))["walmart"] == "partly"
    assert made["update"]["id"] == str(update)
    (line,) = (await client.get(f"/v1/orders/{order.id}")).json()["lines"]
    assert (line["quantity"]["shipped"], line["quantity"]["remaining"]) == (1, 2)


async def test_a_partial_refund_at_walmart_is_reported_as_such(
    world: World, client: httpx.AsyncClient
) -> None:
    update = await refund(world, client)
    (found,) = (await client.get("/v1/returns")).json()["data"]
    account = await world.context.account(1)
    page = await world.client.returns.read(account, found["rma_number"])
    await world.client.returns.refund(account, page.returns[0], {1: 1})
    await world.let_doubts_end()
    assert (await dismissed(client, str(update)))["walmart"] == "partly"
    answer = await client.post(f"/v1/returns/{found['id']}/refund", json={})
    assert answer.status_code == 202
    (found,) = (await client.get("/v1/returns")).json()["data"]
    assert found["refunds"][-1]["items"] == [{"return_line_number": 1, "quantity": 1}]


async def unknown_item(world: World, client: httpx.AsyncClient) -> UUID:
    store = await world.a_store()
    levels = {"items": [{"sku": "UNKNOWN-1", "quantity": 7}]}
    answer = await client.put(f"/v1/stores/{store.id}/inventory", json=levels)
    assert answer.status_code == 202, answer.text
    return await newest(world, "inventory")


async def of_unknown_order(world: World, client: httpx.AsyncClient) -> UUID:
    store = await world.a_store()
    body = {
        "store_id": str(store.id),
        "purchase_order_id": "UNKNOWN-1",
        "lines": [{"line_number": "1", "sku": "SKU-1", "quantity": 2}],
    }
    registered = await client.post("/v1/orders", json=body)
    assert registered.status_code == 201, registered.text
    path = f"/v1/orders/{registered.json()['id']}/shipments"
    assert (await client.post(path, json=a_body())).status_code == 202
    return await newest(world, "shipment")


@pytest.mark.parametrize("make", [unknown_item, of_unknown_order])
async def test_a_subject_unknown_to_walmart_is_absent_once_nothing_can_arrive(
    world: World, client: httpx.AsyncClient, make: Made
) -> None:
    update = await make(world, client)
    await world.deliver_until(update)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET in_doubt_until = now() + interval '1 hour' WHERE state = 'failed'"
        )
    answer = await dismissed(client, str(update))
    assert answer["walmart"] == "in_doubt"
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    for order in (await client.get("/v1/orders")).json()["data"]:
        whole = (await client.get(f"/v1/orders/{order['id']}")).json()
        assert [line["quantity"]["remaining"] for line in whole["lines"]] == [2]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (unknown_item, "Walmart knows no item of this SKU"),
        (of_unknown_order, "Walmart knows no such order"),
    ],
)
async def test_a_dismissal_reports_what_walmart_does_not_know(
    world: World, client: httpx.AsyncClient, make: Made, says: str
) -> None:
    update = await make(world, client)
    await world.deliver_until(update)
    answer = await dismissed(client, str(update))
    assert answer["walmart"] == "absent"
    assert says in answer["explanation"]


NOT_FOUND = {"status": 404, "code": "CONTENT_NOT_FOUND.GMP_ORDER_API"}


async def test_a_subject_that_walmart_has_shown_before_is_not_absent_when_unknown_now(
    world: World, client: httpx.AsyncClient
) -> None:
    """As when a store's credentials are changed to another account."""
    order = await world.an_order(3)
    shipment = await in_doubt(world, client, order)
    update = UUID(shipment["update"]["id"])
    await dismissed(client, str(update))
    await land(world)
    await world.let_doubts_end()
    await world.fault("read", "refuse", times=1, **NOT_FOUND)
    await DoubtResolver(world.context, BREAKER).end(1)
    assert (await world.update(update)).in_doubt_until is not None
    assert [line["remaining"] for line in await units(client, order)] == [1]
    await world.let_doubts_end()
    await DoubtResolver(world.context, BREAKER).end(1)
    assert (await world.update(update)).in_doubt_until is None
    assert [line["shipped"] for line in await units(client, order)] == [2]


async def test_a_dismissal_with_a_failed_read_is_read_automatically_later(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse")
    shipment = await accepted(client, order)
    update = shipment["update"]["id"]
    await world.deliver_until(UUID(update), states={State.FAILED}, policy=LONG)
    await world.fault("read", "error", times=1)
    answer = await dismissed(client, update)
    assert answer["walmart"] == "not_read"
    refused = await client.post(f"/v1/orders/{order.id}/shipments", json=a_body("1ZNEW", 3))
    assert code(refused) == (409, "quantity_exceeds_remaining")
    assert update in refused.json()["detail"]
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    assert [line["remaining"] for line in await units(client, order)] == [3]


async def test_a_dismissed_cancellation_that_took_effect_is_followed_by_its_stock_level(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    await world.fault("cancel", "refuse")
    sku = (await shown(client, order))["lines"][0]["sku"]
    body = {"reason": "out_of_stock", "inventory": [{"sku": sku, "quantity": 5}]}
    answer = await client.post(f"/v1/orders/{order.id}/cancellation", json=body)
    assert answer.status_code == 202, answer.text
    update = answer.json()["update"]["id"]
    await world.deliver_until(UUID(update), states={State.FAILED}, policy=LONG)
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    canceled = {"lines": [{"line_number": "1", "quantity": 2}]}
    (await world.walmart.post(path, json=canceled)).raise_for_status()
    assert (await dismissed(client, update))["walmart"] == "canceled"
    level = await newest(world, "inventory")
    await world.deliver_until(level, states={State.CONFIRMED})
    # Only once.
    await client.post(f"/v1/orders/{order.id}/refresh")
    assert await newest(world, "inventory") == level
