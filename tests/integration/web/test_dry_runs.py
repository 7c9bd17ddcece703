"""A dry run answers what the act would be answered with the same input, and writes nothing."""

import random
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.domain.update import State
from app.storage.queries.views import OrderView
from app.usecases.orders import ship
from app.usecases.updates import dismiss
from tests.builders import a_package
from tests.harness.world import ACTOR, World
from tests.integration.test_returns import returned
from tests.integration.web.test_bulk import HEADERS, csv
from tests.integration.web.test_retry import a_failed_shipment

UPS, USPS = "1Z999AA10123456784", "9400111899223344556691"
Answer = dict[str, Any]


async def content(world: World) -> dict[str, str]:
    """A digest of every table, and the last number of a refund."""
    async with world.database.begin() as connection:
        names = await connection.execute(
            sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        )
        digest = "SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {} t"
        last = "SELECT last_value FROM pg_sequences WHERE sequencename = 'refunds_number_seq'"
        number = {"refunds_number_seq": str((await connection.execute(sa.text(last))).scalar_one())}
        return number | {
            name: (await connection.execute(sa.text(digest.format(name)))).scalar_one()
            for (name,) in names.all()
        }


async def agree(
    world: World,
    client: httpx.AsyncClient,
    path: str,
    body: Any,
    preview: str = "/preview",
    method: str = "POST",
) -> Answer:
    """Make a dry run in both spellings, then the act; returns the dry run's answer."""
    before = await content(world)
    key = {"Idempotency-Key": "the key of the act"}
    dry = await client.post(f"{path}{preview}", json=body, headers=key)
    same = await client.request(method, f"{path}?dry_run=true", json=body, headers=key)
    assert await content(world) == before
    act = await client.request(method, path, json=body, headers=key)
    assert dry.status_code == same.status_code == 200, dry.text
    found: Answer = dry.json()
    assert same.json().keys() == found.keys()
    assert found["would_be_accepted"] == act.is_success, (found, act.text)
    if not act.is_success:
        shown = [named(each) for one in found.get("packages", [found]) for each in one["problems"]]
        assert named(act.json()["errors"][0]) in shown
        assert act.json()["code"] in {code for _, code in shown}
    return found


def named(problem: Answer) -> tuple[str, str]:
    return problem["pointer"], problem["code"]


def package(number: str = UPS, carrier: str = "ups", **units: int) -> Answer:
    items = [{"line_number": line[1:], "quantity": count} for line, count in units.items()]
    return {
        "carrier_code": carrier,
        "tracking_number": number,
        **({"items": items} if items else {}),
    }


@pytest.mark.parametrize(
    "packages",
    [
        [package(l1=1), package(USPS, "usps", l1=2)],
        [package(l1=2), package(USPS, "usps")],
        [package(), package(USPS, "usps")],
        [package(l1=2), package(USPS, "usps", l1=2)],
        [package(l1=1, l2=1), package(USPS, "acme", l1=1)],
        [package("1Z!", l1=1), package(USPS, "usps", l1=1)],
        [package(l1=1) | {"reference": "a"}, package(l1=1) | {"reference": "a"}],
        [package(l1=1) | {"reference": "a"}, package(l1=2) | {"reference": "a"}],
        [package(l1=1) | {"reference": "known"}, package(USPS, "usps", l1=1)],
        [package(l1=2) | {"reference": "known"}],
    ],
    ids=str,
)
async def test_several_packages(
    world: World, client: httpx.AsyncClient, packages: list[Answer]
) -> None:
    order = await world.an_order(4, 1)
    known = package(l1=1) | {"reference": "known"}
    await client.post(f"/v1/orders/{order.id}/shipments", json=known)
    await agree(world, client, f"/v1/orders/{order.id}/packages", {"packages": packages})


@pytest.mark.parametrize("seed", range(8))
async def test_any_division_into_packages(
    world: World, client: httpx.AsyncClient, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - draws examples
    quantities = [chance.randint(1, 3) for _ in range(chance.randint(1, 3))]
    order = await world.an_order(*quantities)
    packages = []
    for _ in range(chance.randint(1, 4)):
        units = {f"l{line + 1}": chance.randint(0, units) for line, units in enumerate(quantities)}
        number, carrier = chance.choice([(UPS, "ups"), (USPS, "usps"), ("A1", "acme"), ("", "ups")])
        packages.append(package(number, carrier, **{k: v for k, v in units.items() if v}))
    found = await agree(world, client, f"/v1/orders/{order.id}/packages", {"packages": packages})
    shipped = (await world.order(order.id)).shipments
    if found["would_be_accepted"]:
        sent = [[(i.line_number, i.quantity) for i in each.items] for each in shipped]
        shown = [[(i["line_number"], i["quantity"]) for i in p["items"]] for p in found["packages"]]
        assert sent == shown
    else:
        assert shipped == ()


async def test_a_package_with_the_number_of_another_carrier_gets_the_change_that_mends_it(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store(carriers={"our_post": "USPS"})
    order = await world.an_order(3, store=store)
    path = f"/v1/orders/{order.id}/packages/preview"
    body = {"packages": [package(l1=1), package(USPS, "ups", l1=1), package(USPS, "usps", l1=1)]}
    found = (await client.post(path, json=body)).json()
    assert found["would_be_accepted"]
    first, second, third = (each["warnings"] for each in found["packages"])
    assert first == []
    assert [(each["pointer"], each["code"]) for each in second] == [
        ("/packages/1/tracking_number", "tracking_number_of_another_carrier")
    ]
    assert second[0]["fix"] == {"action": "change", "changes": {"carrier_code": "our_post"}}
    assert [each["code"] for each in third] == ["tracking_number_repeated"]
    body["packages"][1] |= second[0]["fix"]["changes"]
    mended = (await client.post(path, json=body)).json()["packages"][1]
    assert (mended["warnings"], mended["walmart_carrier"]) == ([], {"carrier": "USPS"})


async def test_no_change_is_proposed_that_the_store_maps_to_something_else(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store(carriers={"usps": "FedEx"})
    order = await world.an_order(1, store=store)
    path = f"/v1/orders/{order.id}/shipments/preview"
    found = (await client.post(path, json=package(USPS, "ups"))).json()
    assert [each["fix"] for each in found["warnings"]] == [None]


@pytest.mark.parametrize("reason", ["out_of_stock", "customer_request"])
@pytest.mark.parametrize("state", ["open", "asked", "shipped by hand", "failed", "canceled"])
async def test_a_cancellation(
    world: World, client: httpx.AsyncClient, reason: str, state: str
) -> None:
    if state == "failed":
        order, _ = await a_failed_shipment(world)
    else:
        order = await world.an_order(2, 1)
    at_walmart = f"/simulator/orders/{order.purchase_order_id}"
    if state == "asked":
        asked = await world.walmart.post(f"{at_walmart}/intent-to-cancel", json={"lines": ["1"]})
        asked.raise_for_status()
    elif state == "shipped by hand":
        await world.shipped_by_hand(order, 1, "1ZH")
    elif state == "canceled":
        await client.post(f"/v1/orders/{order.id}/cancellation", json={"reason": "fraud"})
    found = await agree(world, client, f"/v1/orders/{order.id}/cancellation", {"reason": reason})
    if found["would_be_accepted"]:
        assert [each["quantity"] for each in found["items"]] == [2, 1]


@pytest.mark.parametrize(
    "correction",
    [
        {"tracking_number": "1Z999AA10123456785"},
        {"carrier_code": "acme"},
        {"tracking_number": "1Z!"},
        {"carrier_code": "ups"},
    ],
    ids=str,
)
@pytest.mark.parametrize("state", ["pending", "confirmed", "failed", "dismissed"])
async def test_a_correction_of_the_tracking(
    world: World, client: httpx.AsyncClient, correction: Answer, state: str
) -> None:
    order, shipment = await in_state(world, state)
    path = f"/v1/orders/{order.id}/shipments/{shipment.id}/tracking"
    found = await agree(world, client, path, correction, method="PATCH")
    if found["will"] == "correction_follows":
        assert state == "confirmed"
    elif found["will"] == "retried":
        assert (state, "tracking_number" in correction) == ("failed", False)


async def in_state(world: World, state: str) -> tuple[OrderView, Any]:
    if state in {"failed", "dismissed"}:
        order, update = await a_failed_shipment(world, UPS)
        if state == "dismissed":
            await dismiss.dismiss(world.context, update, note="by hand", actor=ACTOR)
        return order, (await world.order(order.id)).shipments[0]
    order = await world.an_order(2)
    shipped = (await ship.ship(world.context, order.id, a_package(UPS), actor=ACTOR)).shipment
    if state == "confirmed":
        await world.deliver_until(shipped.update.id, states={State.CONFIRMED})
    return order, shipped


@pytest.mark.parametrize("state", ["failed", "pending", "confirmed", "canceled", "by hand"])
async def test_a_retry(world: World, client: httpx.AsyncClient, state: str) -> None:
    if state in {"pending", "confirmed"}:
        _, shipment = await in_state(world, state)
        update = shipment.update.id
    else:
        order, update = await a_failed_shipment(world, l1=2)
        if state == "by hand":
            await world.shipped_by_hand(order, 2, "1ZA")
        elif state == "canceled":
            path = f"/simulator/orders/{order.purchase_order_id}/cancel"
            (await world.walmart.post(path, json={})).raise_for_status()
    path = f"/v1/updates/{update}/retry"
    before = await content(world)
    found = (await client.post(f"{path}/preview")).json()
    assert (await client.post(f"{path}?dry_run=true")).json() == found
    assert await content(world) == before
    act = await client.post(path)
    assert found["would_be_accepted"] == act.is_success
    if act.is_success:
        done = act.json()
        for name in ("will", "explanation", "units", "why"):
            assert found[name] == done[name]
        expected = {"failed": 2, "pending": 2}.get(state)
        assert [each["quantity"] for each in found["units"]] == ([expected] if expected else [])
    else:
        assert named(act.json()["errors"][0]) in map(named, found["problems"])


@pytest.mark.parametrize("items", [None, [(1, 1)], [(1, 9)], [(7, 1)], [(1, 0)]], ids=str)
@pytest.mark.parametrize("before", [0, 1, 2])
async def test_a_refund(
    world: World, client: httpx.AsyncClient, items: list[tuple[int, int]] | None, before: int
) -> None:
    _, found = await returned(world, 2)
    path = f"/v1/returns/{found.id}/refund"
    if before:
        first = {"items": [{"return_line_number": 1, "quantity": before}]}
        (await client.post(path, json=first)).raise_for_status()
    body = {}
    if items is not None:
        body = {"items": [{"return_line_number": n, "quantity": q} for n, q in items]}
    if items == [(1, 0)]:
        assert (await client.post(f"{path}/preview", json=body)).status_code == 422
        return
    shown = await agree(world, client, path, body)
    if shown["would_be_accepted"]:
        wanted = 1 if items else 2 - before
        assert shown["items"] == [{"return_line_number": 1, "quantity": wanted}]


async def test_a_file_of_shipments(world: World, client: httpx.AsyncClient) -> None:
    orders = [await world.an_order(2, 1) for _ in range(3)]
    one, two, three = (each.purchase_order_id for each in orders)
    await client.patch(f"/v1/orders/{orders[0].id}", json={"commerce_order_number": "100000001"})
    rows = csv(
        f"{one},ups,1ZA,SKU-1,1",
        f"{one},ups,1ZA,SKU-1,1",
        "100000001,ups,1ZB,SKU-1,1",
        "100000001,ups,1ZC,SKU-1,1",
        f"{two},acme,1ZD,SKU-1,1",
        f"{two},ups,1ZE,SKU-2,1",
        f"{two},usps,1ZF,,",
        "999,ups,1ZG,,",
        f"{three},ups,{USPS},,",
        columns="order,carrier_code,tracking_number,sku,quantity",
    )
    await both_ways(world, client, "shipments", rows)


async def test_a_file_of_cancellations(world: World, client: httpx.AsyncClient) -> None:
    orders = [await world.an_order(2) for _ in range(3)]
    one, two, three = (each.purchase_order_id for each in orders)
    await world.shipped_by_hand(orders[2], 1, "1ZH")
    rows = csv(
        f"{one},out_of_stock",
        f"{one},fraud",
        f"{one},because",
        f"{two},customer_request",
        f"{two},out_of_stock",
        f"{three},fraud",
        "999,fraud",
        columns="order,reason",
    )
    await both_ways(world, client, "cancellations", rows)


async def both_ways(world: World, client: httpx.AsyncClient, what: str, rows: str) -> None:
    store = world._stores[0].id
    path, query = f"/v1/{what}/bulk", f"store_id={store}"
    before = await content(world)
    dry = await client.post(f"{path}/preview?{query}", content=rows, headers=HEADERS)
    same = await client.post(f"{path}?{query}&dry_run=true", content=rows, headers=HEADERS)
    assert await content(world) == before
    act = (await client.post(f"{path}?{query}", content=rows, headers=HEADERS)).json()
    assert dry.json() == same.json()
    compared = ("row", "status", "order", "order_id", "code", "warnings")
    assert [{name: each[name] for name in compared} for each in dry.json()["results"]] == [
        {name: each[name] for name in compared} for each in act["results"]
    ]
    assert dry.json()["totals"] == act["totals"]


async def test_an_idempotency_key_of_a_dry_run_is_free_for_the_act(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2)
    path, key = f"/v1/orders/{order.id}/packages", {"Idempotency-Key": "k"}
    both = {"packages": [package(l1=1), package(USPS, "usps", l1=1)]}
    await client.post(f"{path}/preview", json=both, headers=key)
    first = await client.post(path, json=both, headers=key)
    again = await client.post(path, json=both, headers=key)
    assert (first.status_code, first.json()) == (202, again.json())
    assert len(first.json()["data"]) == 2
    assert len((await world.order(order.id)).shipments) == 2
