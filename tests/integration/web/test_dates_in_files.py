"""Dates in files: a day alone, times without a zone, and the zone of the store."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from app.storage.queries.views import OrderView
from tests.harness.world import World

NEW_YORK, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")
COLUMNS = "order,carrier_code,tracking_number,sku,quantity,shipped_at"


async def ordered(world: World, at: datetime) -> OrderView:
    return await world.an_order(3, ordered_at=int(at.timestamp() * 1000))


async def send(
    client: httpx.AsyncClient, order: OrderView, *rows: str, columns: str = COLUMNS, end: str = "\n"
) -> list[dict[str, Any]]:
    answer = await client.post(
        f"/v1/shipments/bulk?store_id={order.store_id}",
        content=end.join([columns, *rows]) + end,
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def a_row(order: OrderView, shipped_at: str, number: str = "1ZA") -> str:
    return f"{order.purchase_order_id},ups,{number},SKU-1,1,{shipped_at}"


async def shipped_at(world: World, order: OrderView) -> list[datetime]:
    return [each.shipped_at for each in (await world.order(order.id)).shipments]


async def test_a_day_alone_is_its_start_or_the_order_s_time(
    world: World, client: httpx.AsyncClient
) -> None:
    noon = datetime.now(NEW_YORK).replace(hour=12, minute=0, second=0, microsecond=0)
    at = noon - timedelta(days=3)
    order = await ordered(world, at)
    days = [(at + timedelta(days=days)).date().isoformat() for days in (0, 1, -1)]
    rows = [a_row(order, day, f"1Z{day.replace('-', '')}") for day in days]
    results = await send(client, order, *rows)
    assert [each["code"] for each in results] == [None, None, "shipped_at_before_order"]
    midnight = datetime.combine((at + timedelta(days=1)).date(), datetime.min.time(), NEW_YORK)
    assert await shipped_at(world, order) == [at, midnight]
    again = await send(client, order, *rows)
    assert [each["status"] for each in again] == ["known", "known", "refused"]


async def test_today_is_never_after_now_and_a_later_day_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await ordered(world, datetime.now(UTC) - timedelta(minutes=10))
    now = datetime.now(UTC)
    today = now.astimezone(NEW_YORK).date()
    rows = [a_row(order, today.isoformat()), a_row(order, "2199-01-01", "1ZB")]
    results = await send(client, order, *rows)
    assert [each["code"] for each in results] == [None, "shipped_at_in_future"]
    (at,) = await shipped_at(world, order)
    assert order.ordered_at is not None
    assert order.ordered_at <= at <= datetime.now(UTC)


async def test_a_day_that_has_begun_elsewhere_is_now_and_known_again(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await ordered(world, datetime.now(UTC) - timedelta(days=3))
    # Where a day begins last, the day of where it begins first has not begun yet.
    zone = {"time_zone": "Pacific/Pago_Pago"}
    assert (await client.patch(f"/v1/stores/{order.store_id}", json=zone)).is_success
    day = datetime.now(ZoneInfo("Pacific/Kiritimati")).date().isoformat()
    (first,) = await send(client, order, a_row(order, day))
    assert first["status"] == "accepted", first
    (at,) = await shipped_at(world, order)
    assert at <= datetime.now(UTC)
    (again,) = await send(client, order, a_row(order, day))
    assert (again["status"], again["id"]) == ("known", first["id"])


async def test_a_time_without_a_zone_is_in_the_store_s(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await ordered(world, datetime.now(UTC) - timedelta(days=5))
    clock = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0, tzinfo=None)
    clock -= timedelta(days=2)
    await send(client, order, a_row(order, clock.isoformat()))
    store = f"/v1/stores/{order.store_id}"
    changed = await client.patch(store, json={"time_zone": "Asia/Tokyo"})
    assert changed.json()["time_zone"] == "Asia/Tokyo"
    await send(client, order, a_row(order, clock.isoformat(" "), "1ZB"))
    await send(client, order, a_row(order, f"{clock.isoformat()}Z", "1ZC"))
    assert await shipped_at(world, order) == [
        clock.replace(tzinfo=NEW_YORK),
        clock.replace(tzinfo=TOKYO),
        clock.replace(tzinfo=UTC),
    ]


async def test_a_store_names_its_zone_or_takes_its_market_s(
    world: World, client: httpx.AsyncClient
) -> None:
    store = f"/v1/stores/{(await world.a_store()).id}"
    assert (await client.get(store)).json()["time_zone"] is None
    for wrong in ("Mars/Base", "../../etc/passwd", "CEST"):
        refused = await client.patch(store, json={"time_zone": wrong})
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert (error["code"], error["pointer"]) == ("time_zone_unknown", "/time_zone")
    await client.patch(store, json={"time_zone": "America/Chicago"})
    assert (await client.get(store)).json()["time_zone"] == "America/Chicago"
    assert (await client.patch(store, json={"time_zone": None})).json()["time_zone"] is None


async def test_v1_takes_no_time_without_a_zone(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order()
    for written in ("2026-11-23", "2026-11-23T10:00:00"):
        body = {"carrier_code": "ups", "tracking_number": "1ZA", "shipped_at": written}
        answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/shipped_at"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [",", ";"])
async def test_a_trailing_empty_column_is_passed_over(
    world: World, client: httpx.AsyncClient, mark: str, end: str
) -> None:
    order = await world.an_order(4)
    columns = f"{COLUMNS.rsplit(',', 1)[0]}, ,"
    rows = [
        f"{order.purchase_order_id},ups,1Z{n},SKU-1,1{tail}"
        for n, tail in enumerate(["", ",", ", ,", ",,,,"])
    ]
    rows.append(f"{order.purchase_order_id},ups,1Z9,SKU-1,1,more")
    given = [line.replace(",", mark) for line in (columns, *rows)]
    results = await send(client, order, *given[1:], columns=given[0], end=end)
    assert [each["code"] for each in results] == [None, None, None, None, "row_invalid"]


async def test_an_empty_column_between_others_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order()
    answer = await client.post(
        f"/v1/shipments/bulk?store_id={order.store_id}",
        content="order,,carrier_code,tracking_number\n1,,ups,1ZA\n",
        headers={"Content-Type": "text/csv"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "file_invalid")
