"""A credit memo with a dismissed refund: repeating the event changes nothing, a new request is judged."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.adobe import cloud_event, event, hook
from tests.integration.web.doubtful import LONG, dismissed, land
from tests.integration.web.test_commerce_events import CREDIT_EVENT, creditmemo, refunds, sent_back
from tests.integration.web.test_refunds_in_doubt import (
    REST,
    lost,
    newest,
    paid,
    the_return,
)

pytestmark = pytest.mark.usefixtures("adobe")


def memo_event(units: int, at: str | None = None) -> dict[str, Any]:
    """An event of credit memo 12, each with its own id."""
    return cloud_event(creditmemo(units)["data"]["creditmemo"], CREDIT_EVENT, at)


def body(units: int) -> dict[str, Any]:
    return {"items": [{"order_item_id": 70, "qty": units}]}


async def send_event(outside: httpx.AsyncClient, what: dict[str, Any]) -> str:
    answer = await event(outside, what)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["results"][0])


async def delivered(world: World, client: httpx.AsyncClient) -> int:
    """Deliver the newest refund; return the refunded units."""
    await world.deliver_until(await newest(client))
    return await paid(world)


async def in_seller_center(world: World, client: httpx.AsyncClient) -> None:
    """Let the seller refund one unit outside Waybill."""
    account = await world.context.account(1)
    page = await world.client.returns.read(account, (await the_return(client))["rma_number"])
    await world.client.returns.refund(account, page.returns[0], {1: 1})


@pytest.mark.parametrize("new", ["event", "rest"])
async def test_a_repeated_event_leaves_a_refund_dismissed_and_a_new_request_is_made(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, new: str
) -> None:
    await sent_back(world, client, 3)
    first = memo_event(1)
    assert await send_event(outside, first) == "accepted"
    answer = await dismissed(client, str(await newest(client)))
    assert answer["walmart"] == "absent"
    # The same event, an earlier one that comes late, and a hook, which has no id.
    assert await send_event(outside, first) == "known"
    assert await send_event(outside, memo_event(1, at="2026-11-01T00:00:00Z")) == "known"
    assert (await hook(outside, "creditmemo", creditmemo(1))).json() == {"op": "success"}
    assert await refunds(client) == [1]
    again = memo_event(1)
    if new == "event":
        assert await send_event(outside, again) == "accepted"
    else:
        assert (await client.post(REST, json=body(1))).status_code == 200
        # Commerce sends its event as well, and no units remain.
        assert await send_event(outside, again) == "known"
    assert await refunds(client) == [1, 1]
    assert await delivered(world, client) == 1
    # It is refunded by now, for every channel.
    for _ in range(2):
        assert await send_event(outside, memo_event(1)) == "known"
        assert (await client.post(REST, json=body(1))).status_code == 200
    assert await refunds(client) == [1, 1]


@pytest.mark.parametrize("lands", [True, False])
async def test_a_new_request_waits_for_the_doubt_of_the_memos_dismissed_refund(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, *, lands: bool
) -> None:
    order = await sent_back(world, client, 3)
    first = memo_event(1)
    assert await send_event(outside, first) == "accepted"
    update = await lost(world, client)
    await dismissed(client, update)
    assert await send_event(outside, first) == "known"
    refused = await client.post(REST, json=body(1))
    assert (refused.status_code, refused.json()["error_code"]) == (400, "refund_in_doubt")
    assert update in refused.json()["message"]
    assert await send_event(outside, memo_event(1)) == "refused: refund_in_doubt"
    details = (await world.order(order.id)).status_details
    assert [each.code for each in details] == ["refund_in_doubt"]
    if lands:
        await land(world)
    await world.let_doubts_end()
    async with world.polling(policy=LONG), limited():
        while not (await the_return(client))["items"][0]["refunded"]:
            await asyncio.sleep(0.02)
        while (await world.order(order.id)).status_details:
            await asyncio.sleep(0.02)
    assert await refunds(client) == ([1] if lands else [1, 1])
    assert await paid(world) == 1
    # Judged by the remaining units: this memo has none.
    assert await send_event(outside, memo_event(1)) == "known"


@pytest.mark.parametrize("channel", ["event", "rest"])
async def test_no_unit_of_a_partly_refunded_dismissed_refund_is_paid_again(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, channel: str
) -> None:
    await sent_back(world, client, 3)
    if channel == "event":
        assert await send_event(outside, memo_event(2)) == "accepted"
    else:
        first = await client.post(REST, json=body(2))
    await in_seller_center(world, client)
    answer = await dismissed(client, str(await newest(client)))
    assert answer["walmart"] == "partly"
    if channel == "event":
        # One of its two units remains.
        assert await send_event(outside, memo_event(2)) == "accepted"
        assert await refunds(client) == [2, 1]
        assert await delivered(world, client) == 2
    else:
        # The body names two units, one of which is paid: it is answered with its refund.
        assert (await client.post(REST, json=body(2))).text == first.text
        assert await refunds(client) == [2]
        assert await paid(world) == 1
