"""Composite products at every door: several items of a Commerce order make up one unit of a line.

Which items a shipment of Magento's lists: `tests/unit/domain/orders/test_commerce_items.py`.
"""

from typing import Any

import httpx
import pytest

from app.domain.outbox.rate_limits import Breaker
from app.storage.queries.views import OrderView
from app.worker.importer.importer import Importer
from tests.harness.world import World
from tests.integration.web.adobe import a_track, changed, cloud_event, event, hook, numbers, side
from tests.integration.web.test_commerce_events import creditmemo, refunds

SHIP = "/rest/store_1/V1/order/7/ship"
REFUND = "/rest/store_1/V1/order/7/refund"
PARENT, CHILD, PART, STRANGE = 70, 71, 72, 99
A, B, C = a_track("1ZA"), a_track("1ZB"), a_track("1ZC")
BUNDLE = [{"id": CHILD, "per_unit": 2}, {"id": PART, "per_unit": 1}]


async def composite(
    world: World,
    client: httpx.AsyncClient,
    items: list[dict[str, int]],
    *,
    units: int = 3,
    item: int | None = None,
) -> OrderView:
    """An order of one line that is a composite product in Commerce."""
    order = await world.an_order(units)
    line: dict[str, Any] = {"line_number": "1", "commerce_items": items}
    if item is not None:
        line["commerce_item_id"] = item
    link = {"commerce_order_id": 7, "lines": [line]}
    answer = await client.patch(f"/v1/orders/{order.id}", json=link)
    assert answer.is_success, answer.text
    await side(client)
    return order


def listed(**quantities: int) -> list[dict[str, int]]:
    """Items as REST names them, as in `listed(i70=2)`."""
    return [{"order_item_id": int(name[1:]), "qty": n} for name, n in quantities.items()]


def saved(number: str, *tracks: dict[str, Any], **quantities: int) -> dict[str, Any]:
    """Commerce's shipment as its webhook sends it."""
    items = [
        {"order_item_id": str(i["order_item_id"]), "qty": f"{i['qty']}.0000"}
        for i in listed(**quantities)
    ]
    return changed(entity_id=number, items=items, tracks=list(tracks))


async def codes(world: World, order: OrderView) -> list[str]:
    return [each.code for each in (await world.order(order.id)).status_details]


async def timeline(client: httpx.AsyncClient, order: OrderView, what: str) -> list[Any]:
    found = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    return [each["detail"] for each in found if each["what"] == what]


async def test_items_of_a_line_are_stored_by_registering_and_linking(
    world: World, client: httpx.AsyncClient
) -> None:
    store = str((await world.a_store()).id)
    line = {"line_number": "1", "sku": "ABC", "quantity": 2, "commerce_item_id": PARENT}
    new = {"store_id": store, "purchase_order_id": "1796330120099"}
    given = [{"id": CHILD}, {"id": PART, "per_unit": 3}]
    made = await client.post("/v1/orders", json=new | {"lines": [line | {"commerce_items": given}]})
    assert made.status_code == 201, made.text
    path, shown = f"/v1/orders/{made.json()['id']}", made.json()["lines"][0]
    assert shown["commerce_items"] == [{"id": CHILD, "per_unit": 1}, {"id": PART, "per_unit": 3}]
    # What a link does not name stays.
    for changes, item, items in (
        ({"commerce_item_id": 5}, 5, shown["commerce_items"]),
        ({"commerce_items": BUNDLE}, 5, BUNDLE),
        ({"commerce_items": None, "commerce_item_id": None}, None, []),
    ):
        link = {"lines": [{"line_number": "1", **changes}]}
        after = (await client.patch(path, json=link)).json()["lines"][0]
        assert (after["commerce_item_id"], after["commerce_items"]) == (item, items)
    assert (await client.get(path)).json()["lines"][0]["commerce_items"] == []


@pytest.mark.parametrize(
    ("lines", "code", "pointer"),
    [
        (
            [
                {"line_number": "1", "commerce_item_id": 5},
                {"line_number": "1", "commerce_items": []},
            ],
            "line_repeated",
            "/lines/1/line_number",
        ),
        ([{"line_number": "1"}], "required", "/lines/0"),
        (
            [{"line_number": "1", "commerce_items": [{"id": 5}, {"id": 5, "per_unit": 2}]}],
            "invalid",
            "/lines/0/commerce_items",
        ),
        (
            [{"line_number": "1", "commerce_items": [{"id": 5, "per_unit": 0}]}],
            "invalid",
            "/lines/0/commerce_items/0/per_unit",
        ),
        (
            [
                {"line_number": "1", "commerce_items": [{"id": 5}]},
                {"line_number": "2", "commerce_items": [{"id": 5}, {"id": 6}]},
            ],
            "commerce_items_differ",
            "/lines/1/commerce_items",
        ),
    ],
)
async def test_links_that_cannot_be_meant_are_refused(
    world: World, client: httpx.AsyncClient, lines: list[Any], code: str, pointer: str
) -> None:
    order = await world.an_order(2, 1)
    answer = await client.patch(f"/v1/orders/{order.id}", json={"lines": lines})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert await timeline(client, order, "order_linked") == []


async def test_a_configurable_product_is_shipped_once_through_every_door(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await composite(world, client, [{"id": CHILD}], item=PARENT)
    first = await hook(outside, "shipment", saved("45", A, i70=2, i71=2))
    assert first.json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 2)]
    body = {"carrier_code": "ups", "tracking_number": "1ZB"}
    items = [{"commerce_item_id": n, "quantity": 1} for n in (PARENT, CHILD)]
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body | {"items": items})
    assert answer.status_code == 202, answer.text
    assert await numbers(world, order) == [("1ZA", 2), ("1ZB", 1)]


async def test_an_unlinked_item_is_passed_over_and_shown(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await composite(world, client, [{"id": CHILD}])
    answer = await hook(outside, "shipment", saved("45", A, i71=1, i99=1))
    assert answer.json() == {"op": "success"}
    path = f"/v1/orders/{order.id}/shipments"
    body = {"carrier_code": "ups", "tracking_number": "1ZB"}
    named = [{"commerce_item_id": n, "quantity": 1} for n in (STRANGE, CHILD)]
    preview = await client.post(f"{path}?dry_run=true", json=body | {"items": named})
    made = await client.post(path, json=body | {"items": named})
    assert made.status_code == 202, made.text
    shown = (await client.get(path)).json()["data"]
    for each in (preview.json(), made.json(), *shown):
        (warning,) = each["warnings"]
        assert warning["code"] == "commerce_item_passed_over"
        assert "Commerce item 99 " in warning["message"]
    assert await timeline(client, order, "commerce_items_passed_over") == [{"items": [99]}] * 2
    alone = await client.post(path, json=body | {"items": named[:1]})
    assert (alone.status_code, alone.json()["code"]) == (422, "unknown_line")


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("door", ["rest", "hook", "event"])
async def test_a_later_part_of_a_unit_is_kept_as_track_not_sent(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, door: str
) -> None:
    """A bundle that ships separately: Item::isShipSeparately of magento/magento2."""
    order = await composite(world, client, BUNDLE, units=2)

    async def ship(number: str, track: dict[str, Any], **quantities: int) -> httpx.Response:
        if door == "rest":
            body = {"items": listed(**quantities), "tracks": [track]}
            return await client.post(SHIP, json=body)
        payload = saved(number, track, **quantities)
        if door == "hook":
            return await hook(outside, "shipment", payload)
        return await event(outside, cloud_event(payload["data"]["shipment"]))

    first = await ship("45", A, i71=2)
    later = await ship("46", B, i72=1)
    assert (first.status_code, later.status_code) == (200, 200), later.text
    assert "exception" not in later.text
    assert await numbers(world, order) == [("1ZA", 1)]
    (detail,) = (await world.order(order.id)).status_details
    assert detail.code == "track_not_sent"
    assert "under 1ZA, so 1ZB is not sent" in detail.message
    # Repeated, it stays one, and REST answers the number of the shipment with the units.
    again = await ship("46", B, i72=1)
    assert door != "rest" or again.json() == later.json() == first.json()
    assert await codes(world, order) == ["track_not_sent"]
    # The parts that came before belong to the first unit: these begin and complete the second.
    await ship("47", C, i72=1)
    assert await numbers(world, order) == [("1ZA", 1), ("1ZC", 1)]
    await ship("48", a_track("1ZD"), i71=2)
    assert await numbers(world, order) == [("1ZA", 1), ("1ZC", 1)]
    assert await codes(world, order) == ["track_not_sent"] * 2


async def test_a_later_part_through_two_channels_is_kept_once(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await composite(world, client, BUNDLE, units=2)
    for number, track, items in (("45", A, {"i71": 2}), ("46", B, {"i72": 1})):
        body = {"items": listed(**items), "tracks": [track]}
        assert (await client.post(SHIP, json=body)).status_code == 200
        answer = await hook(outside, "shipment", saved(number, track, **items))
        assert answer.json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 1)]
    assert await codes(world, order) == ["track_not_sent"]
    await hook(outside, "shipment", saved("47", C, i71=2, i72=1))
    assert await numbers(world, order) == [("1ZA", 1), ("1ZC", 1)]


async def test_a_later_part_by_v1_is_a_conflict(world: World, client: httpx.AsyncClient) -> None:
    order = await composite(world, client, BUNDLE, units=2)
    path = f"/v1/orders/{order.id}/shipments"
    for item, quantity, code in ((CHILD, 2, None), (PART, 1, "track_not_sent")):
        items = [{"commerce_item_id": item, "quantity": quantity}]
        body = {"carrier_code": "ups", "tracking_number": f"1Z{item}", "items": items}
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json().get("code")) == (409 if code else 202, code)
    assert await numbers(world, order) == [("1Z71", 1)]


async def test_a_later_part_goes_once_the_first_shipment_is_dismissed(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await composite(world, client, BUNDLE, units=1)
    await hook(outside, "shipment", saved("45", A, i71=2))
    await hook(outside, "shipment", saved("46", B, i72=1))
    update = (await world.order(order.id)).shipments[0].update.id
    ended = await client.post(f"/v1/updates/{update}/dismiss", json={"note": "lost"})
    assert ended.status_code == 200, ended.text
    (kept,) = (await client.get("/v1/commerce-events?state=refused")).json()["data"]
    again = await client.post(f"/v1/commerce-events/{kept['id']}/retry")
    assert again.json()["state"] == "done"
    assert await numbers(world, order) == [("1ZA", 1), ("1ZB", 1)]


@pytest.mark.parametrize(
    ("items", "tracks", "expected"),
    [
        # A parent and its child are one unit: two boxes of it are more than the units.
        ({"i70": 1, "i71": 1}, (A, B), [("1ZA", 1)]),
        ({"i70": 2, "i71": 2}, (A, B), [("1ZA", 1), ("1ZB", 1)]),
        ({"i70": 3, "i71": 1}, (A, B, C), [("1ZA", 1), ("1ZB", 1), ("1ZC", 1)]),
    ],
)
async def test_packages_are_counted_in_units_and_not_in_items(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    items: dict[str, int],
    tracks: tuple[dict[str, Any], ...],
    expected: list[tuple[str, int]],
) -> None:
    order = await composite(world, client, [{"id": PARENT}, {"id": CHILD}])
    body = {"items": listed(**items), "tracks": list(tracks)}
    first = await client.post(SHIP, json=body)
    assert first.status_code == 200, first.text
    assert (await client.post(SHIP, json=body)).json() == first.json()
    # The webhook of the same shipment is recognized.
    answer = await hook(outside, "shipment", saved("45", *tracks, **items))
    assert answer.json() == {"op": "success"}
    assert await numbers(world, order) == expected


async def test_the_boxes_of_one_bundle_that_name_their_items_are_one_unit(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await composite(world, client, BUNDLE)
    boxes = [(A, {"i71": 4}), (B, {"i72": 2})]
    tracks = [{**t, "extension_attributes": {"items": listed(**items)}} for t, items in boxes]
    answer = await client.post(SHIP, json={"items": listed(i71=4, i72=2), "tracks": tracks})
    assert answer.status_code == 200, answer.text
    assert await numbers(world, order) == [("1ZA", 2)]
    assert await codes(world, order) == ["track_not_sent"]
    # The second box completed its units.
    await client.post(SHIP, json={"items": listed(i72=1), "tracks": [C]})
    assert await numbers(world, order) == [("1ZA", 2), ("1ZC", 1)]


async def sent_back(
    world: World, client: httpx.AsyncClient, items: list[dict[str, int]], units: int = 2
) -> OrderView:
    """An order of a composite product that is shipped, and sent back in part."""
    order = await composite(world, client, items)
    path = f"/simulator/orders/{order.purchase_order_id}"
    await world.walmart.post(f"{path}/ship", json={})
    await client.post(f"/v1/orders/{order.id}/refresh")
    lines = {"lines": [{"line_number": "1", "quantity": units}]}
    await world.walmart.post(f"{path}/return", json=lines)
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    return order


def memo(number: str, **quantities: int) -> dict[str, Any]:
    rows = saved(number, **quantities)["data"]["shipment"]["items"]
    return creditmemo(1, number, items=rows)


async def test_a_credit_memo_lists_parent_and_child_of_the_units_that_it_refunds(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """CreditmemoFactory.php of magento/magento2 adds an item for the parent and for the child."""
    await sent_back(world, client, [{"id": PARENT}, {"id": CHILD}])
    answer = await hook(outside, "creditmemo", memo("12", i70=1, i71=1))
    assert answer.json() == {"op": "success"}
    assert await refunds(client) == [1]
    # A REST client names the parent alone, as it does in Commerce.
    body = {"items": listed(i70=1)}
    assert (await client.post(REFUND, json=body)).status_code == 200
    assert await refunds(client) == [1]
    more = {"items": listed(i70=1, i71=1), "comment": {"comment": "13"}}
    assert (await client.post(REFUND, json=more)).status_code == 200
    assert await refunds(client) == [1, 1]


async def test_a_bundle_that_is_credited_in_parts_is_refunded_once(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await sent_back(world, client, BUNDLE)
    for number, parts in (("12", {"i71": 2}), ("13", {"i72": 1})):
        answer = await hook(outside, "creditmemo", memo(number, **parts))
        assert answer.json() == {"op": "success"}
    assert await refunds(client) == [1]
    await hook(outside, "creditmemo", memo("14", i71=2, i72=1))
    assert await refunds(client) == [1, 1]
    assert await codes(world, order) == []


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ({"i71": 1}, "invalid_quantity"),
        ({"i99": 1}, "unknown_line"),
        ({"i71": 6}, "no_open_return"),
        ({"i71": 0, "i72": 0}, "creditmemo_amount_only"),
    ],
)
async def test_a_refund_that_cannot_be_made_says_why(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    items: dict[str, int],
    code: str,
) -> None:
    order = await sent_back(world, client, BUNDLE)
    answer = await client.post(REFUND, json={"items": listed(**items)})
    assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    answer = await hook(outside, "creditmemo", memo("12", **items))
    assert answer.json()["op"] == "exception"
    assert await codes(world, order) == [code]
    assert await refunds(client) == []


@pytest.mark.parametrize("door", ["rest", "hook"])
async def test_an_unlinked_item_of_a_refund_is_passed_over_and_shown(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, door: str
) -> None:
    order = await sent_back(world, client, BUNDLE)
    if door == "rest":
        answer = await client.post(REFUND, json={"items": listed(i99=1, i72=1)})
    else:
        answer = await hook(outside, "creditmemo", memo("12", i99=1, i72=1))
    assert answer.status_code == 200, answer.text
    assert await refunds(client) == [1]
    assert await timeline(client, order, "commerce_items_passed_over") == [{"items": [99]}]


async def test_commerces_paths_name_the_items_of_a_composite_product(
    world: World, client: httpx.AsyncClient
) -> None:
    await composite(world, client, [{"id": PARENT}, {"id": CHILD}])
    orders = "/rest/store_1/V1/orders"
    (item,) = (await client.get(f"{orders}/7")).json()["items"]
    assert item["item_id"] == PARENT
    for part in (PARENT, CHILD):
        found = (await client.get(f"{orders}/items/{part}")).json()
        assert found == {**item, "item_id": part}
    assert (await client.get(f"{orders}/items/{PART}")).status_code == 404


async def test_a_repeated_body_is_known_although_it_would_be_split_otherwise_now(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await composite(world, client, BUNDLE)
    await client.post(SHIP, json={"items": listed(i71=2), "tracks": [C]})
    # The rest of one unit and one more unit, in two boxes.
    body = {"items": listed(i71=2, i72=2), "tracks": [A, B]}
    first = await client.post(SHIP, json=body)
    assert await numbers(world, order) == [("1ZC", 1), ("1ZA", 1)]
    assert (await client.post(SHIP, json=body)).json() == first.json()
    assert await numbers(world, order) == [("1ZC", 1), ("1ZA", 1)]
