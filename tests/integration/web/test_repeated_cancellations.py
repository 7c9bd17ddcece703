"""A cancellation at Commerce's REST door that is repeated, or comes too late.

Magento answers true, or false where the order cannot be canceled, with status 200 both times
(magento2, app/code/Magento/Sales/Model/Service/OrderService.php, `cancel`).
"""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.update import State
from app.storage.queries.views import CancellationView, OrderView
from tests.harness.world import World
from tests.integration.web.adobe import CANCEL as CANCELED
from tests.integration.web.adobe import a_track, hook, linked
from tests.integration.web.doubtful import LONG, dismissed
from tests.integration.web.test_commerce_shipments import SHIP, body

CANCEL = "/rest/store_1/V1/orders/7/cancel"
REASON = "The reason is not valid"


async def cancellation(world: World, order: OrderView) -> CancellationView:
    found = (await world.order(order.id)).cancellation
    assert found is not None
    return found


async def refused(world: World, client: httpx.AsyncClient, order: OrderView, **given: Any) -> UUID:
    """Cancel an order; Walmart refuses it."""
    await world.fault("cancel", "refuse", description=REASON)
    assert (await client.post(CANCEL, json=given)).json() is True
    update = (await cancellation(world, order)).update.id
    await world.deliver_until(update, states={State.FAILED}, policy=LONG)
    return update


async def no_default(client: httpx.AsyncClient) -> None:
    store = (await client.get("/v1/stores")).json()["data"][0]["id"]
    change = {"default_cancellation_reason": None}
    assert (await client.patch(f"/v1/stores/{store}", json=change)).is_success


@pytest.mark.parametrize("by", ["waybill", "walmart"])
async def test_a_canceled_order_answers_true_even_without_a_reason(
    world: World, client: httpx.AsyncClient, by: str
) -> None:
    order = await linked(world, client)
    if by == "walmart":
        path = f"/simulator/orders/{order.purchase_order_id}/cancel"
        (await world.walmart.post(path, json={})).raise_for_status()
        await client.post(f"/v1/orders/{order.id}/refresh")
    else:
        assert (await client.post(CANCEL)).json() is True
        await no_default(client)
        assert (await client.post(CANCEL)).json() is True
        await world.deliver_until((await cancellation(world, order)).update.id)
    await no_default(client)
    answer = await client.post(CANCEL)
    assert (answer.status_code, answer.json()) == (200, True)
    assert len([e for e in await world.ledger() if e["operation"] == "cancel"]) <= 1


@pytest.mark.parametrize("shipped", ["all", "some", "on its way"])
async def test_an_order_with_shipped_units_answers_false(
    world: World, client: httpx.AsyncClient, shipped: str
) -> None:
    order = await linked(world, client)
    await no_default(client)
    units = 3 if shipped == "all" else 1
    assert (await client.post(SHIP, json=body(a_track("1ZA"), units=units))).is_success
    if shipped != "on its way":
        await world.deliver_until((await world.order(order.id)).shipments[0].update.id)
    answer = await client.post(CANCEL)
    assert (answer.status_code, answer.text) == (200, "false")
    assert (await world.order(order.id)).cancellation is None


@pytest.mark.parametrize("reason", [None, "fraud"])
async def test_a_failed_cancellation_is_retried_with_its_reason_or_a_new_one(
    world: World, client: httpx.AsyncClient, reason: str | None
) -> None:
    order = await linked(world, client)
    update = await refused(world, client, order, reason="pricing_error", comment="first")
    again = {"reason": reason, "comment": "second"} if reason else None
    answers = [await client.post(CANCEL, json=again) for _ in range(2)]
    assert [each.json() for each in answers] == [True, True]
    (view,) = await world.deliver_until(update, policy=LONG)
    assert view.state == "confirmed"
    kept = await cancellation(world, order)
    assert kept.update.id == update
    expected = ("fraud", "second") if reason else ("pricing_error", "first")
    assert (kept.reason, kept.comment) == expected
    assert (await world.order(order.id)).status == "canceled"


async def test_a_wrong_reason_changes_nothing_of_a_failed_cancellation(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    update = await refused(world, client, order)
    wrong = {"nonsense": "reason_invalid", "customer_request": "cancel_not_requested"}
    for reason, code in wrong.items():
        answer = await client.post(CANCEL, json={"reason": reason})
        assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    assert (await world.update(update)).state == "failed"
    assert (await cancellation(world, order)).reason == "out_of_stock"


async def test_a_cancellation_that_failed_for_shipped_units_answers_false(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    assert (await client.post(CANCEL)).json() is True
    await world.shipped_by_hand(order, 1, "1ZHAND")
    update = (await cancellation(world, order)).update.id
    await world.deliver_until(update, states={State.FAILED}, policy=LONG)
    assert (await client.post(CANCEL)).text == "false"
    assert (await world.update(update)).state == "failed"


async def test_what_is_not_settled_is_refused_with_its_code_and_the_way_out(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await world.fault("cancel", "held", purchase_order_id=order.purchase_order_id)
    assert (await client.post(CANCEL)).json() is True
    update = (await cancellation(world, order)).update.id
    await world.deliver_until(update, states={State.VERIFYING}, policy=LONG)
    await dismissed(client, str(update))
    answer = await client.post(CANCEL)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "cancellation_unresolved")
    assert all(each in answer.json()["message"] for each in ("refresh", str(update)))
    assert (await hook(outside, "cancellation", CANCELED)).json()["op"] == "exception"


async def test_a_hook_does_not_retry_a_failed_cancellation_but_names_it(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    update = await refused(world, client, order)
    answer = (await hook(outside, "cancellation", CANCELED)).json()
    assert answer["op"] == "exception"
    assert all(each in answer["message"] for each in (REASON, f"/v1/updates/{update}/retry"))
    assert (await world.update(update)).state == "failed"
