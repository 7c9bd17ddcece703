"""More tracking numbers than units: the first gets all units, the others are `track_not_sent`.

Commerce's ShipmentLoader (magento/magento2, module-shipping, Controller/Adminhtml/Order) adds any
number of tracks to a shipment, whatever its units: a chair in two boxes is one unit with two
tracks.
"""

from itertools import product
from typing import Any

import httpx
import pytest

from app.storage.queries.views import OrderView
from tests.harness.world import World
from tests.integration.web.adobe import (
    a_track,
    changed,
    cloud_event,
    event,
    hook,
    linked,
    numbers,
    track_of,
)

SHIP = "/rest/store_1/V1/order/7/ship"
A, B, C = a_track("1ZA"), a_track("1ZB"), a_track("1ZC")


def payload(*tracks: dict[str, Any], units: int) -> dict[str, Any]:
    items = [{"order_item_id": "70", "qty": str(units)}]
    return changed(items=items, tracks=list(tracks))


async def ship(
    door: str,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    *tracks: dict[str, Any],
    units: int,
) -> httpx.Response:
    if door == "rest":
        body = {"items": [{"order_item_id": 70, "qty": units}], "tracks": list(tracks)}
        return await client.post(SHIP, json=body)
    saved = payload(*tracks, units=units)
    if door == "hook":
        return await hook(outside, "shipment", saved)
    return await event(outside, cloud_event(saved["data"]["shipment"]))


async def codes(world: World, order: OrderView) -> list[str]:
    return [each.code for each in (await world.order(order.id)).status_details]


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize(
    ("door", "given"), list(product(["rest", "hook", "event"], [(1, (A, B)), (2, (A, B, C))]))
)
async def test_all_units_go_under_the_first_number_and_the_others_are_shown(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    door: str,
    given: tuple[int, tuple[dict[str, Any], ...]],
) -> None:
    units, tracks = given
    order = await linked(world, client)
    first = await ship(door, client, outside, *tracks, units=units)
    assert first.status_code == 200, first.text
    assert "exception" not in first.text
    assert await numbers(world, order) == [("1ZA", units)]
    shown = await world.order(order.id)
    (detail,) = shown.status_details
    assert (detail.code, shown.status) == ("track_not_sent", "error")
    assert all(each["track_number"] in detail.message for each in tracks)
    # The same again changes nothing, and answers the same number.
    again = await ship(door, client, outside, *tracks, units=units)
    assert again.status_code == 200
    assert door != "rest" or again.json() == first.json() == shown.shipments[0].number
    assert await numbers(world, order) == [("1ZA", units)]
    assert await codes(world, order) == ["track_not_sent"]
    refused = [each for each in await _timeline(client, order) if "refused" in each]
    assert refused == ["commerce_event_refused"]


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("door", ["rest", "hook", "event"])
async def test_a_person_retries_in_vain_and_dismisses_what_the_buyer_knows(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, door: str
) -> None:
    order = await linked(world, client)
    await ship(door, client, outside, A, B, units=1)
    (found,) = (await client.get("/v1/commerce-events?state=refused")).json()["data"]
    again = await client.post(f"/v1/commerce-events/{found['id']}/retry")
    assert again.json()["status_detail"]["code"] == "track_not_sent"
    ended = await client.post(f"/v1/commerce-events/{found['id']}/dismiss", json={"note": "seen"})
    assert ended.status_code == 200, ended.text
    assert await codes(world, order) == []
    await ship(door, client, outside, A, B, units=1)
    assert await codes(world, order) == []
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_one_after_the_other_ends_the_same_way(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", payload(A, units=2))
    for number in ("1ZB", "1ZC"):
        await hook(outside, "track", track_of("45", number, track_id=number))
    assert await numbers(world, order) == [("1ZA", 2)]
    assert await codes(world, order) == ["track_not_sent"]


async def test_all_that_remains_may_be_fewer_units_than_packages(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client, units=1)
    first = await client.post(SHIP, json={"tracks": [A, B]})
    assert first.status_code == 200, first.text
    assert await numbers(world, order) == [("1ZA", 1)]
    assert await codes(world, order) == ["track_not_sent"]
    assert (await client.post(SHIP, json={"tracks": [A, B]})).json() == first.json()


async def test_boxes_that_name_the_same_unit_are_more_than_the_units(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    items = [{"order_item_id": 70, "qty": 1}]
    tracks = [{**each, "extension_attributes": {"items": items}} for each in (A, B)]
    answer = await client.post(SHIP, json={"items": items, "tracks": tracks})
    assert answer.status_code == 200, answer.text
    assert await numbers(world, order) == [("1ZA", 1)]


@pytest.mark.parametrize(("units", "tracks"), [(2, (A, B)), (3, (A, B, C))])
async def test_as_many_packages_as_units_are_one_each(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    units: int,
    tracks: tuple[dict[str, Any], ...],
) -> None:
    order = await linked(world, client)
    await ship("rest", client, outside, *tracks, units=units)
    assert await numbers(world, order) == [(each["track_number"], 1) for each in tracks]
    assert await codes(world, order) == []


async def test_fewer_packages_than_units_are_still_a_guess(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    answer = await ship("rest", client, outside, A, B, units=3)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "tracks_ambiguous"
    assert await numbers(world, order) == []


async def _timeline(client: httpx.AsyncClient, order: OrderView) -> list[str]:
    found = await client.get(f"/v1/orders/{order.id}/timeline")
    return [each["what"] for each in found.json()["data"]]
