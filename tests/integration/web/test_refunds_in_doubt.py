"""A refund in doubt is never paid twice, by any repetition on any channel."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.update import State
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.test_return_orders import of_two
from tests.integration.web.adobe import hook
from tests.integration.web.doubtful import LONG, code, dismissed, land
from tests.integration.web.test_commerce_events import creditmemo, sent_back

REST = "/rest/store_1/V1/order/7/refund"
ONE = {"items": [{"order_item_id": 70, "qty": 1}]}
FIRST_LINE = {"items": [{"return_line_number": 1, "quantity": 1}]}


async def the_return(client: httpx.AsyncClient) -> dict[str, Any]:
    (found,) = (await client.get("/v1/returns")).json()["data"]
    return dict(found)


async def asked(client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    found = await the_return(client)
    return await client.post(f"/v1/returns/{found['id']}/refund", json=body)


async def paid(world: World) -> int:
    return sum(e["quantity"] for e in await world.ledger() if e["operation"] == "refund")


async def newest(client: httpx.AsyncClient) -> UUID:
    made = (await the_return(client))["refunds"]
    return UUID(made[-1]["update"]["id"])


async def lost(world: World, client: httpx.AsyncClient) -> str:
    """Write the newest refund without an answer."""
    await world.fault("refund", "held")
    update = await newest(client)
    await world.deliver_until(update, states={State.VERIFYING}, policy=LONG)
    return str(update)


async def over(world: World) -> None:
    """End the doubt, and read it."""
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()


async def test_a_dismissed_refund_in_doubt_is_not_paid_again_and_is_shown_when_it_arrived(
    world: World, client: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 3)
    assert (await asked(client, FIRST_LINE)).status_code == 202
    update = await lost(world, client)
    answer = await dismissed(client, update)
    assert (answer["walmart"], answer["update"]["state"]) == ("in_doubt", "dismissed")
    for body in (FIRST_LINE, {"items": [{"return_line_number": 1, "quantity": 2}]}, {}):
        refused = await asked(client, body)
        assert code(refused) == (409, "refund_in_doubt")
        assert update in refused.text
        assert answer["until"][:19] in refused.text
    refused = await client.post(REST, json=ONE)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "refund_in_doubt")
    await land(world)
    await over(world)
    assert (await the_return(client))["items"][0]["refunded"] == 1
    # The next one is judged by the remaining units.
    too_many = await asked(client, {"items": [{"return_line_number": 1, "quantity": 3}]})
    assert code(too_many) == (409, "refund_exceeds_return")
    assert (await asked(client, {})).status_code == 202
    await world.deliver_until(await newest(client))
    assert await paid(world) == 3


async def test_a_refund_in_doubt_that_never_arrived_leaves_its_units_to_the_next(
    world: World, client: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 2)
    assert (await asked(client, {})).status_code == 202
    await dismissed(client, await lost(world, client))
    await over(world)
    assert (await asked(client, {})).status_code == 202
    await world.deliver_until(await newest(client))
    assert await paid(world) == 2


@pytest.mark.parametrize("lands", [True, False])
async def test_the_same_body_is_answered_by_the_refund_that_arrived(
    world: World, client: httpx.AsyncClient, *, lands: bool
) -> None:
    await sent_back(world, client, 3)
    first = await client.post(REST, json=ONE)
    await dismissed(client, await lost(world, client))
    again = await client.post(REST, json=ONE)
    assert (again.status_code, again.json()["error_code"]) == (400, "refund_in_doubt")
    if lands:
        await land(world)
    await over(world)
    again = await client.post(REST, json=ONE)
    assert again.status_code == 200
    assert (again.text == first.text) is lands
    # Another body is another refund, in any state of the first.
    other = await client.post(REST, json=ONE | {"comment": {"comment": "memo 2"}})
    assert other.text not in {first.text, again.text}
    made = (await the_return(client))["refunds"]
    await world.deliver_until(
        *(UUID(each["update"]["id"]) for each in made if each["update"]["state"] == "pending")
    )
    assert await paid(world) == 2


@pytest.mark.parametrize("lands", [True, False])
async def test_a_credit_memo_refused_because_of_a_doubt_is_carried_out_when_it_ends(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, *, lands: bool
) -> None:
    order = await sent_back(world, client, 2)
    assert (await asked(client, {})).status_code == 202
    await dismissed(client, await lost(world, client))
    answer = await hook(outside, "creditmemo", creditmemo(2))
    assert answer.json()["op"] == "exception"
    assert [d.code for d in (await world.order(order.id)).status_details] == ["refund_in_doubt"]
    if lands:
        await land(world)
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
        await settled(client)
    assert await paid(world) == 2
    shown = await world.order(order.id)
    assert (shown.status, shown.status_details) == ("shipped", ())
    # Repeating it changes nothing.
    assert (await hook(outside, "creditmemo", creditmemo(2))).json() == {"op": "success"}
    assert len((await the_return(client))["refunds"]) == (1 if lands else 2)


async def settled(client: httpx.AsyncClient) -> None:
    """Wait until no event of Commerce is open, and all is refunded."""
    async with limited():
        while (await client.get("/v1/commerce-events")).json()["data"][0]["state"] != "done":
            await asyncio.sleep(0.02)
        while (await the_return(client))["status"] != "refunded":
            await asyncio.sleep(0.02)


async def test_a_credit_memo_is_also_carried_out_when_the_earlier_refund_is_confirmed(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """The update in doubt was not dismissed: its own delivery ends the doubt."""
    await sent_back(world, client, 2)
    assert (await asked(client, FIRST_LINE)).status_code == 202
    await lost(world, client)
    answer = await hook(outside, "creditmemo", creditmemo(2))
    assert answer.json()["op"] == "exception"
    await land(world)
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
        await settled(client)
    assert await paid(world) == 2


async def test_dismissing_after_the_doubt_lets_the_credit_memo_continue(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 2)
    assert (await asked(client, {})).status_code == 202
    update = await lost(world, client)
    answer = await hook(outside, "creditmemo", creditmemo(2))
    assert answer.json() == {"op": "success"}
    await world.let_doubts_end()
    assert (await dismissed(client, update))["walmart"] == "absent"
    assert await paid(world) == 0


async def test_a_return_of_two_orders_is_refunded_for_each_once(
    world: World, client: httpx.AsyncClient
) -> None:
    first, second, _ = await of_two(world, 2, 2)
    assert (await asked(client, {})).status_code == 202
    made = (await the_return(client))["refunds"]
    ids = [UUID(each["update"]["id"]) for each in made]
    await world.fault("refund", "held", times=2)
    await world.deliver_until(*ids, states={State.VERIFYING}, policy=LONG)
    answer = await dismissed(client, str(ids[0]))
    assert answer["walmart"] == "in_doubt"
    lines = {line["return_line_number"]: line for line in (await the_return(client))["items"]}
    assert set(lines) == {1, 2}
    for number in (1, 2):
        refused = await asked(client, {"items": [{"return_line_number": number, "quantity": 1}]})
        assert code(refused) == (409, "refund_in_doubt")
        assert str(ids[number - 1]) in refused.text
    await land(world)
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
        async with limited():
            while (await the_return(client))["status"] != "refunded":
                await asyncio.sleep(0.02)
    assert code(await asked(client, {})) == (409, "nothing_to_refund")
    assert await paid(world) == 4
    for order in (first, second):
        entries = await world.ledger(order.purchase_order_id)
        assert [e["quantity"] for e in entries if e["operation"] == "refund"] == [2]


async def test_a_refund_made_by_walmart_ends_the_doubt_as_refunded(
    world: World, client: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 1)
    assert (await asked(client, {})).status_code == 202
    update = await lost(world, client)
    rma = (await the_return(client))["rma_number"]
    await world.walmart.post(f"/simulator/returns/{rma}/refund", json={})
    answer = await dismissed(client, update)
    assert (answer["walmart"], answer["until"]) == ("refunded", None)
    assert (await the_return(client))["status"] == "refunded"
