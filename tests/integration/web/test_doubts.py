"""Units held by a write in doubt stay held, whatever people do, until a read has shown it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from app.commerce.adobe_keys import AdobeKeys
from app.domain.orders.shipping import CLOCK_SKEW
from app.domain.update import State
from app.storage.queries.views import OrderView
from app.usecases.imports import reconcile
from app.worker.maintenance.doubts import DoubtResolver
from tests.harness.pollers import BREAKER
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.test_recover import prepared, was_read
from tests.integration.web import doubtful
from tests.integration.web.adobe import Clock
from tests.integration.web.conftest import app_of, client_of
from tests.integration.web.doubtful import LONG, a_body, accepted, code, in_doubt, land, units
from tests.integration.web.test_dismissals import commerce_order
from tests.tls import TLS

HELD = {"ordered": 3, "shipped": 0, "canceled": 0, "refunded": 0, "pending": 2, "remaining": 1}


async def read_again(client: httpx.AsyncClient, world: World, order: OrderView, how: str) -> None:
    """Read and settle the order within the quiet period."""
    if how == "refresh":
        answer = await client.post(f"/v1/orders/{order.id}/refresh")
        assert answer.json()["refreshed"] is True
    elif how == "import":
        await world.imported(order.purchase_order_id, world._stores[0])
    elif how == "reconcile":
        # A person ships a unit by hand, so that there is drift to repair.
        await world.shipped_by_hand(order, 1, "1ZHAND")
        await reconcile.reconcile(world.context, 1, world.context.now() - timedelta(hours=1))
    else:
        other = await accepted(client, order, a_body("1ZOTHER", 1))
        await world.deliver_until(UUID(other["update"]["id"]), policy=LONG)


@pytest.mark.parametrize("how", ["refresh", "import", "reconcile", "another shipment"])
@pytest.mark.parametrize("lands", [True, False])
async def test_no_early_read_frees_the_units_of_a_dismissed_shipment_in_doubt(
    world: World, client: httpx.AsyncClient, how: str, *, lands: bool
) -> None:
    order = await world.an_order(3)
    shipment = await in_doubt(world, client, order)
    update = shipment["update"]["id"]
    answer = await doubtful.dismissed(client, update)
    assert (answer["walmart"], answer["update"]["state"]) == ("in_doubt", "dismissed")
    assert answer["until"] is not None
    assert answer["until"] == answer["update"]["in_doubt_until"]
    assert await units(client, order) == [HELD]
    await read_again(client, world, order, how)
    (line,) = await units(client, order)
    assert line["pending"] == 2
    # Not even with both units remaining: the same package, one unit of it, or all that remains.
    for body in (a_body(), a_body(units=1), a_body("1ZNEW", 1)):
        if line["remaining"] and body["items"][0]["quantity"] == 1:
            continue
        refused = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
        assert code(refused) == (409, "quantity_exceeds_remaining")
        assert update in refused.json()["detail"]
        assert answer["until"][:19] in refused.json()["detail"]
    refused = await client.post(
        f"/v1/orders/{order.id}/cancellation", json={"reason": "out_of_stock"}
    )
    assert refused.status_code == 409
    if lands:
        await land(world)
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    (line,) = await units(client, order)
    by_others = 0 if how in {"refresh", "import"} else 1
    assert (line["shipped"], line["pending"]) == (by_others + (2 if lands else 0), 0)
    (shown,) = [
        each
        for each in (await client.get(f"/v1/orders/{order.id}/shipments")).json()["data"]
        if each["id"] == shipment["id"]
    ]
    assert shown["state"] == "dismissed"
    assert [item["confirmed"] for item in shown["items"]] == [2 if lands else 0]
    again = await client.post(f"/v1/orders/{order.id}/shipments", json=a_body())
    if lands:
        assert code(again) == (409, "quantity_exceeds_remaining")
        assert "in doubt" not in again.text
        assert update not in again.text
    else:
        assert again.status_code == 202
        await world.deliver_until(UUID(again.json()["update"]["id"]))
    sent = await doubtful.at_walmart(world, order)
    assert sum(each[1] for each in sent if each[2] == "1ZA") == 2


async def test_a_refused_cancellation_names_the_update_in_doubt_and_until_when(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    update = (await in_doubt(world, client, order))["update"]["id"]
    until = (await doubtful.dismissed(client, update))["until"]
    path = f"/v1/orders/{order.id}/cancellation"
    refused = await client.post(path, json={"reason": "out_of_stock"})
    assert code(refused) == (409, "shipment_unresolved")
    assert update in refused.json()["detail"]
    assert until[:19] in refused.json()["detail"]
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    canceled = await client.post(path, json={"reason": "out_of_stock"})
    assert canceled.status_code == 202
    await world.deliver_until(UUID(canceled.json()["update"]["id"]))
    assert [line["canceled"] for line in await units(client, order)] == [3]


async def test_an_open_shipment_in_doubt_is_named_by_what_it_prevents(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    update = (await in_doubt(world, client, order))["update"]["id"]
    until = (await client.get(f"/v1/updates/{update}")).json()["in_doubt_until"]
    path = f"/v1/orders/{order.id}/cancellation"
    refused = await client.post(path, json={"reason": "out_of_stock"})
    assert code(refused) == (409, "order_already_shipped")
    assert update in refused.json()["detail"]
    assert until[:19] in refused.json()["detail"]


async def test_an_open_cancellation_in_doubt_is_named_by_what_it_prevents(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    await world.fault("cancel", "held")
    path = f"/v1/orders/{order.id}/cancellation"
    update = (await client.post(path, json={"reason": "out_of_stock"})).json()["update"]["id"]
    await world.deliver_until(UUID(update), states={State.VERIFYING}, policy=LONG)
    until = (await client.get(f"/v1/updates/{update}")).json()["in_doubt_until"]
    for refused in (
        await client.post(path, json={"reason": "out_of_stock"}),
        await client.post(f"/v1/orders/{order.id}/shipments", json=a_body(units=1)),
    ):
        assert code(refused) == (409, "cancellation_pending")
        assert update in refused.json()["detail"]
        assert until[:19] in refused.json()["detail"]


async def test_shipping_all_remaining_units_names_the_update_in_doubt(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    update = (await in_doubt(world, client, order))["update"]["id"]
    await doubtful.dismissed(client, update)
    body = a_body()
    del body["items"]
    refused = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
    assert code(refused) == (409, "nothing_to_ship")
    assert update in refused.json()["detail"]


async def test_a_dismissed_cancellation_keeps_its_doubt(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2, 1)
    await world.fault("cancel", "held")
    path = f"/v1/orders/{order.id}/cancellation"
    made = (await client.post(path, json={"reason": "out_of_stock"})).json()["update"]["id"]
    await world.deliver_until(UUID(made), states={State.VERIFYING}, policy=LONG)
    answer = await doubtful.dismissed(client, made)
    assert answer["walmart"] == "in_doubt"
    await client.post(f"/v1/orders/{order.id}/refresh")
    assert [line["pending"] for line in await units(client, order)] == [2, 1]
    refused = await client.post(f"/v1/orders/{order.id}/shipments", json=a_body(units=1))
    assert refused.status_code == 409
    assert made in refused.json()["detail"]
    refused = await client.post(path, json={"reason": "out_of_stock"})
    assert refused.status_code == 409
    assert made in refused.json()["detail"]
    await land(world)
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    shown = await doubtful.shown(client, order)
    assert shown["status"] == "canceled"
    assert [line["quantity"]["canceled"] for line in shown["lines"]] == [2, 1]


async def test_the_read_that_ends_a_doubt_is_retried_while_walmart_does_not_answer(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    update = (await in_doubt(world, client, order))["update"]["id"]
    await doubtful.dismissed(client, update)
    await world.fault("read", "error", times=2)
    for _ in range(2):
        await world.let_doubts_end()
        await DoubtResolver(world.context, BREAKER).end(1)
        assert (await world.update(UUID(update))).in_doubt_until is not None
        assert [line["remaining"] for line in await units(client, order)] == [1]
    await world.let_doubts_end()
    await DoubtResolver(world.context, BREAKER).end(1)
    assert (await world.update(UUID(update))).in_doubt_until is None
    assert [line["remaining"] for line in await units(client, order)] == [3]


async def test_the_read_that_ends_a_doubt_follows_a_pause_of_walmart_at_once(
    world: World, client: httpx.AsyncClient
) -> None:
    for order in [await world.an_order(3), await world.an_order(3)]:
        await doubtful.dismissed(client, (await in_doubt(world, client, order))["update"]["id"])
    await world.fault("read", "throttle", delay=2)
    for _ in range(7):
        await world.let_doubts_end()
        await DoubtResolver(world.context, BREAKER).end(1)
    # Not after the delay of seven failed reads.
    async with world.polling(policy=LONG):
        await world.no_doubt_left()


async def test_a_doubt_remains_after_an_early_read_by_the_poller(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    update = (await in_doubt(world, client, order))["update"]["id"]
    await doubtful.dismissed(client, update)
    reads = len(await world.calls("read"))
    assert await DoubtResolver(world.context, BREAKER).due() == []
    await DoubtResolver(world.context, BREAKER).end(1)
    assert len(await world.calls("read")) == reads
    assert await units(client, order) == [HELD]


async def test_a_failed_update_in_doubt_is_read_automatically_and_confirmed(
    world: World, client: httpx.AsyncClient
) -> None:
    """Given up while unclear; it took effect."""
    order = await world.an_order(3)
    shipment = await in_doubt(world, client, order)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET state = 'failed', active = false WHERE kind = 'shipment'"
        )
    await land(world)
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    assert (await world.update(UUID(shipment["update"]["id"]))).state == "confirmed"
    assert len(await doubtful.at_walmart(world, order)) == 1


@pytest.fixture(params=[timedelta(minutes=10), timedelta(minutes=-10)], ids=["ahead", "behind"])
def skewed(world: World, request: pytest.FixtureRequest) -> World:
    """The same world with a host clock of the API that is ten minutes off."""
    off: timedelta = request.param
    world.context = replace(world.context, now=lambda: datetime.now(UTC) + off)
    return world


@pytest.fixture
async def late(skewed: World) -> AsyncIterator[httpx.AsyncClient]:
    """An API on that host."""
    keys = AdobeKeys(httpx.AsyncClient(verify=TLS), Clock())
    async with client_of(app_of(skewed, keys)) as opened:
        yield opened
    await keys.close()


async def test_the_host_clock_neither_ends_nor_extends_a_doubt(
    skewed: World, late: httpx.AsyncClient
) -> None:
    order = await skewed.an_order(3)
    shipment = await in_doubt(skewed, late, order)
    update = shipment["update"]["id"]
    assert (await late.post(f"/v1/orders/{order.id}/refresh")).json()["refreshed"] is True
    answer = await doubtful.dismissed(late, update)
    assert answer["walmart"] == "in_doubt"
    await late.post(f"/v1/orders/{order.id}/refresh")
    await skewed.imported(order.purchase_order_id, skewed._stores[0])
    assert await units(late, order) == [HELD]
    await skewed.let_doubts_end()
    assert (await late.post(f"/v1/orders/{order.id}/refresh")).json()["refreshed"] is True
    (line,) = await units(late, order)
    assert (line["pending"], line["remaining"]) == (0, 3)


async def test_a_retry_and_a_dismissal_after_the_doubt_trust_their_read(
    skewed: World, late: httpx.AsyncClient
) -> None:
    order = await skewed.an_order(3)
    update = (await in_doubt(skewed, late, order))["update"]["id"]
    await skewed.let_doubts_end()
    answer = await doubtful.dismissed(late, update)
    assert answer["walmart"] == "absent"
    assert [line["remaining"] for line in await units(late, order)] == [3]


@pytest.mark.parametrize(("hours", "open_"), [(3.9, True), (4.1, False)])
async def test_the_window_for_corrections_is_by_the_databases_clock(
    skewed: World, late: httpx.AsyncClient, hours: float, *, open_: bool
) -> None:
    order = await skewed.an_order(3)
    shipment = await accepted(late, order)
    await skewed.deliver_until(UUID(shipment["update"]["id"]))
    async with skewed.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE shipments SET first_confirmed_at = now() - interval "
            f"'{int(hours * 60)} minutes'"
        )
    path = f"/v1/orders/{order.id}/shipments/{shipment['id']}/tracking"
    answer = await late.patch(path, json={"tracking_number": "1ZB"})
    if open_:
        assert answer.status_code == 202
    else:
        assert code(answer) == (409, "tracking_window_closed")


async def test_a_shipments_default_date_is_by_the_databases_clock(
    skewed: World, late: httpx.AsyncClient
) -> None:
    order = await skewed.an_order(3)
    shipment = await accepted(late, order)
    async with skewed.database.begin() as connection:
        row = await connection.exec_driver_sql("SELECT now()")
        now = row.scalar_one()
    left = datetime.fromisoformat(shipment["shipped_at"])
    assert abs(now - left) < timedelta(minutes=5)
    # A later date is refused by the same clock.
    answers = [
        await late.post(
            f"/v1/orders/{order.id}/shipments", json=a_body("1ZB", 1, shipped_at=at.isoformat())
        )
        for at in (now + CLOCK_SKEW + timedelta(minutes=5), now + CLOCK_SKEW / 2)
    ]
    assert [answer.status_code for answer in answers] == [422, 202], answers[0].text


async def test_a_confirmed_package_is_not_sent_again_for_a_lost_equal_one(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    lost = await in_doubt(world, client, order, a_body(units=1), fault="error")
    await doubtful.dismissed(client, lost["update"]["id"])
    update = UUID((await accepted(client, order, a_body(units=1)))["update"]["id"])
    states = {State.CONFIRMED, State.VERIFYING}
    await world.deliver_until(update, states=states, policy=LONG)
    await world.let_doubts_end()
    await world.deliver_until(update, policy=LONG)
    assert await doubtful.at_walmart(world, order) == [("1", 1, "1ZA")]


@pytest.mark.parametrize("lands", ["first", "second", "both"])
async def test_neither_of_two_equal_shipments_in_doubt_is_absent_because_of_the_others_unit(
    world: World, client: httpx.AsyncClient, lands: str
) -> None:
    order = await world.an_order(3)
    fault = "error" if lands == "second" else "held"
    first = await in_doubt(world, client, order, a_body(units=1), fault=fault)
    await doubtful.dismissed(client, first["update"]["id"])
    await land(world)
    fault = "error" if lands == "first" else "held"
    second = await in_doubt(world, client, order, a_body(units=1), fault=fault)
    update = UUID(second["update"]["id"])
    # The unit is counted for the one that would be sent again; the other may still arrive.
    if lands != "second":
        await world.deliver_until(update, states={State.CONFIRMED}, policy=LONG)
        assert (await world.update(update)).in_doubt_until is not None
        await let_end(world, first["update"]["id"])
        await DoubtResolver(world.context, BREAKER).end(1)
        assert (await world.update(UUID(first["update"]["id"]))).in_doubt_until is not None
    if lands != "first":
        await land(world)
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    await world.deliver_until(update, policy=LONG)
    there = 2 if lands == "both" else 1
    assert await doubtful.at_walmart(world, order) == [("1", 1, "1ZA")] * there
    (line,) = await units(client, order)
    assert (line["shipped"], line["pending"], line["remaining"]) == (there, 0, 3 - there)


async def let_end(world: World, update_id: str) -> None:
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE updates SET in_doubt_until = now(), due_at = now() WHERE id = '{update_id}'"
        )


@pytest.mark.parametrize("lands", [True, False])
async def test_a_refunded_package_takes_no_unit_of_an_equal_one_in_doubt(
    world: World, client: httpx.AsyncClient, *, lands: bool
) -> None:
    """Walmart shows a refunded unit without its tracking number."""
    order = await world.an_order(3)
    first = await accepted(client, order, a_body(units=1))
    await world.deliver_until(UUID(first["update"]["id"]))
    path = f"/simulator/orders/{order.purchase_order_id}/return"
    made = await world.walmart.post(path, json={"lines": [{"line_number": "1", "quantity": 1}]})
    path = f"/simulator/returns/{made.json()['returnOrderId']}/refund"
    (await world.walmart.post(path, json={})).raise_for_status()
    fault = "error_after" if lands else "error"
    second = await in_doubt(world, client, order, a_body(units=1), fault=fault)
    await world.let_doubts_end()
    await world.deliver_until(UUID(second["update"]["id"]), policy=LONG)
    assert await doubtful.at_walmart(world, order) == [("1", 1, "1ZA")] * 2


async def test_a_lost_dismissed_shipment_takes_no_unit_of_an_equal_one_in_doubt(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    lost = await in_doubt(world, client, order, a_body(units=1), fault="error")
    await doubtful.dismissed(client, lost["update"]["id"])
    there = await in_doubt(world, client, order, a_body(units=1), fault="error_after")
    await world.let_doubts_end()
    # The dismissed one is read first.
    ends = DoubtResolver(world.context, BREAKER)
    for store_id in await ends.due():
        await ends.end(store_id)
    (view,) = await world.deliver_until(UUID(there["update"]["id"]), policy=LONG)
    assert view.state == "confirmed"
    assert await doubtful.at_walmart(world, order) == [("1", 1, "1ZA")]
    (line,) = await units(client, order)
    assert (line["shipped"], line["pending"], line["remaining"]) == (1, 0, 1)


@pytest.mark.parametrize("with_recover", [True, False])
async def test_after_a_restore_a_failed_shipment_takes_no_unit_of_an_equal_open_one(
    world: World, client: httpx.AsyncClient, *, with_recover: bool
) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", "refuse")
    await world.deliver_until(
        UUID((await accepted(client, order, a_body(units=1)))["update"]["id"])
    )
    update = UUID((await accepted(client, order, a_body(units=1)))["update"]["id"])
    # The effect of the second one after the backup.
    await world.shipped_by_hand(await world.order(order.id), 1, "1ZA")
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE updates SET created_at = created_at - interval '1 hour', "
            "known_at = known_at - interval '1 hour'"
        )
    if with_recover:
        await prepared(world)
        await was_read(world)
        await world.let_doubts_end()
    (view,) = await world.deliver_until(update)
    assert view.state == "confirmed"
    assert await doubtful.at_walmart(world, order) == []


@pytest.mark.parametrize("how", ["recover", "refresh"])
async def test_a_package_known_to_be_at_walmart_is_not_sent_again(
    world: World, client: httpx.AsyncClient, how: str
) -> None:
    order = await world.an_order(3)
    await world.shipped_by_hand(order, 1, "1ZA")
    if how == "recover":
        await prepared(world)
        found = (await was_read(world)).findings
        assert [each.units.tracking_number for each in found] == ["1ZA"]
    else:
        await client.post(f"/v1/orders/{order.id}/refresh")
    again = await accepted(client, order, a_body(units=1))
    (view,) = await world.deliver_until(UUID(again["update"]["id"]))
    assert view.state == "confirmed"
    assert await doubtful.at_walmart(world, order) == []
    (line,) = await units(client, order)
    assert (line["shipped"], line["pending"], line["remaining"]) == (1, 0, 2)


async def test_a_manual_link_does_not_end_the_doubt_of_an_order_for_commerce(
    world: World, client: httpx.AsyncClient
) -> None:
    made = await commerce_order(world, client)
    before = await world.update(made)
    (order,) = (await client.get("/v1/orders")).json()["data"]
    by_hand = {"commerce_order_number": "BYHAND", "commerce_order_id": 999}
    assert (await client.patch(f"/v1/orders/{order['id']}", json=by_hand)).is_success
    async with world.database.begin() as connection:
        await connection.exec_driver_sql("UPDATE updates SET due_at = now()")
    async with world.polling(policy=LONG), limited():
        while (looked := await world.update(made)).attempts_made == before.attempts_made or (
            looked.state == "sending"
        ):
            await asyncio.sleep(0.02)
    assert looked.state == "verifying"
    await land(world)
    await world.let_doubts_end()
    (ended,) = await world.deliver_until(made, policy=LONG)
    assert ended.state == "failed"
    assert ended.status_detail is not None
    assert ended.status_detail.code == "commerce_order_differs"
