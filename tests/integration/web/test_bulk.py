"""Files of many shipments or cancellations: a result for each row, and safe repetition."""

import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.outbox.rate_limits import Breaker
from app.storage.queries.views import OrderView
from app.usecases.bulk import run
from app.usecases.bulk.row_requests import Batch
from app.usecases.bulk.rows import Row
from app.worker.importer.importer import Importer
from tests.harness.world import World

HEADERS = {"Content-Type": "text/csv"}


async def linked(world: World, client: httpx.AsyncClient, count: int) -> list[OrderView]:
    found = []
    for number in range(count):
        order = await world.an_order(2, 1)
        link = {"commerce_order_number": f"00000{number:04}"}
        assert (await client.patch(f"/v1/orders/{order.id}", json=link)).is_success
        found.append(order)
    return found


async def send(
    world: World, client: httpx.AsyncClient, content: str, what: str = "shipments", **headers: str
) -> httpx.Response:
    store = world._stores[0].id
    return await client.post(
        f"/v1/{what}/bulk?store_id={store}", content=content, headers={**HEADERS, **headers}
    )


def csv(*rows: str, columns: str = "order,carrier_code,tracking_number") -> str:
    return "\n".join([columns, *rows]) + "\n"


async def test_each_row_is_a_package_named_by_commerces_or_walmarts_number(
    world: World, client: httpx.AsyncClient
) -> None:
    first, second = await linked(world, client, 2)
    content = csv("000000000,ups,1ZA", f"{second.purchase_order_id},ups,1ZB")
    answer = await send(world, client, content)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["totals"] == {"accepted": 2, "known": 0, "refused": 0}
    assert list(report) == ["totals", "results"]
    assert [each["order_id"] for each in report["results"]] == [str(first.id), str(second.id)]
    await world.deliver_until(
        *[(await world.order(order.id)).shipments[0].update.id for order in (first, second)]
    )
    assert (await world.order(first.id)).status == "shipped"


async def test_a_refused_row_does_not_prevent_the_others(
    world: World, client: httpx.AsyncClient
) -> None:
    await linked(world, client, 3)
    content = csv(
        "000000000,ups,1ZA,SKU-1,1",
        "999,ups,1ZA,SKU-1,1",
        "000000001,ups,1Z!,SKU-1,1",
        "000000001,ups,,SKU-1,1",
        "000000001,ups,1ZB,SKU-1,9",
        "000000001,ups,1ZB,SKU-1,x",
        "000000001,ups,1ZB,SKU-9,1",
        "000000001,acme,1ZB,SKU-1,1",
        "000000002,ups,1ZC,SKU-1,1.0000,more",
        "",
        ",ups,1ZC,SKU-1,1",
        "000000002,ups,1ZC,SKU-1,2.0000",
        columns="order,carrier_code,tracking_number,sku,qty",
    )
    report = (await send(world, client, content)).json()
    codes = [(each["row"], each["code"]) for each in report["results"]]
    assert codes == [
        (1, None),
        (2, "order_not_found"),
        (3, "tracking_number_invalid"),
        (4, "required"),
        (5, "quantity_exceeds_remaining"),
        (6, "invalid_quantity"),
        (7, "unknown_line"),
        (8, "tracking_url_required"),
        (9, "row_invalid"),
        (10, "required"),
        (11, None),
    ]
    assert report["totals"] == {"accepted": 2, "known": 0, "refused": 9}
    assert all(each["message"] for each in report["results"] if each["code"])


async def test_repeating_a_file_carries_out_only_missing_rows(
    world: World, client: httpx.AsyncClient
) -> None:
    orders = await linked(world, client, 3)
    rows = [f"{order.purchase_order_id},ups,1Z{n},SKU-1,1" for n, order in enumerate(orders)]
    columns = "order,carrier_code,tracking_number,sku,quantity"
    half = (await send(world, client, csv(*rows[:2], columns=columns))).json()
    again = (await send(world, client, csv(*rows, columns=columns))).json()
    assert [each["status"] for each in again["results"]] == ["known", "known", "accepted"]
    assert [each["id"] for each in again["results"][:2]] == [e["id"] for e in half["results"]]
    # Another key means another file.
    other = await send(world, client, csv(rows[0], columns=columns), **{"Idempotency-Key": "b"})
    assert other.json()["totals"]["accepted"] == 1
    assert [len((await world.order(order.id)).shipments) for order in orders] == [2, 1, 1]


async def test_json_lines_are_read_like_csv(world: World, client: httpx.AsyncClient) -> None:
    (order,) = await linked(world, client, 1)
    lines = [
        {"order": "000000000", "carrier_code": "ups", "tracking_number": "1ZA", "sku": "SKU-1",
         "quantity": 1, "shipped_at": None},
        {"order": "000000000", "colour": "red"},
        ["000000000"],
        {"order": "\ud800", "carrier_code": "ups", "tracking_number": "1ZA"},
        {"order": "000000000", "carrier_code": "ups\ud83d", "tracking_number": "1ZA"},
        {"order": "000000000", "carrier_code": "ups", "tracking_number": "1ZA\x00"},
    ]  # fmt: skip
    content = "\n".join([*(json.dumps(line) for line in lines), "{", ""])
    headers = {"Content-Type": "application/x-ndjson"}
    report = (await send(world, client, content, **headers)).json()
    assert [each["status"] for each in report["results"]] == ["accepted", *["refused"] * 6]
    assert {each["code"] for each in report["results"][1:]} == {"row_invalid"}
    assert len((await world.order(order.id)).shipments) == 1


async def test_rows_of_one_order_keep_their_order(world: World, client: httpx.AsyncClient) -> None:
    (order,) = await linked(world, client, 1)
    rows = [f"000000000,ups,1Z{n},1,1" for n in (1, 2)]
    columns = "order,carrier_code,tracking_number,line_number,quantity"
    await send(world, client, csv(*rows, columns=columns))
    shown = (await world.order(order.id)).shipments
    assert [(each.tracking_number, each.update.sequence) for each in shown] == [
        ("1Z1", 1),
        ("1Z2", 2),
    ]


EXPORTED = (
    'Shipment,"Ship Date",Order #,"Order Date","Ship-to Name","Total Quantity","Order Status",'
    '"Purchased From","Customer Name",Email,"Customer Group","Billing Address",'
    '"Shipping Address","Payment Method","Shipping Information"'
)
EXPORT = '000000045,"Nov 23, 2026 10:00:00 AM",{},"Nov 20, 2026 9:00:00 AM",A B,1.0000' + ",x" * 9


async def test_commerces_export_of_shipments_is_accepted_with_tracking_added(
    world: World, client: httpx.AsyncClient
) -> None:
    (order,) = await linked(world, client, 1)
    row = EXPORT.format("000000000")
    alone = await send(world, client, csv(row, columns=EXPORTED))
    assert alone.status_code == 422
    assert "carrier_code is required" in alone.json()["detail"]
    columns = f"{EXPORTED},carrier_code,tracking_number"
    report = (await send(world, client, csv(f"{row},ups,1ZA", columns=columns))).json()
    assert report["totals"] == {"accepted": 1, "known": 0, "refused": 0}
    # Exported again with another buyer's name or day: the same package.
    later = row.replace("Nov 20", "Nov 21")
    report = (await send(world, client, csv(f"{later},ups,1ZA", columns=columns))).json()
    assert report["totals"] == {"accepted": 0, "known": 1, "refused": 0}
    (shipment,) = (await world.order(order.id)).shipments
    assert sum(item.quantity for item in shipment.items) == 3


async def test_an_interrupted_file_stops_being_processed(
    world: World, client: httpx.AsyncClient
) -> None:
    orders = await linked(world, client, 12)
    rows = [
        Row(n, {"order": o.purchase_order_id, "carrier_code": "ups", "tracking_number": f"1Z{n}"})
        for n, o in enumerate(orders, start=1)
    ]
    before = asyncio.all_tasks()

    def progress(done: int) -> None:
        raise ConnectionError(done)

    with pytest.raises(ConnectionError):
        await run.ship_rows(world.context, Batch(1, "test"), rows, progress)
    assert asyncio.all_tasks() <= before
    # The rest is carried out when the file is sent again, and nothing twice.
    report = await run.ship_rows(world.context, Batch(1, "test"), rows)
    assert report.totals["known"] >= 1
    assert [len((await world.order(order.id)).shipments) for order in orders] == [1] * 12


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "file_invalid"),
        ("order,carrier_code,tracking_number\n", "file_invalid"),
        ("order,colour\n1,red\n", "file_invalid"),
        ("carrier_code,tracking_number\nups,1ZA\n", "file_invalid"),
        ("order,order,carrier_code,tracking_number\n1,2,ups,1ZA\n", "file_invalid"),
        ("order,carrier_code\n1,ups\n", "file_invalid"),
        ('order,carrier_code\n"1,ups\n' + "x" * 200_000, "file_invalid"),
        (csv(*["1,ups,1ZA"] * 10_001), "file_too_long"),
    ],
)
async def test_an_unreadable_file_is_refused_whole(
    world: World, client: httpx.AsyncClient, content: str, code: str
) -> None:
    await linked(world, client, 1)
    answer = await send(world, client, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_other_kinds_of_bodies_and_files_too_large_are_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    await linked(world, client, 1)
    wrong = await send(world, client, "{}", **{"Content-Type": "application/json"})
    assert wrong.status_code == 415
    large = await send(world, client, "x" * (16 * 1024 * 1024 + 1))
    assert large.status_code == 413
    latin = await client.post(
        f"/v1/shipments/bulk?store_id={world._stores[0].id}", content=b"\xff", headers=HEADERS
    )
    assert (latin.status_code, latin.json()["code"]) == (422, "file_invalid")


async def test_orders_are_canceled_in_bulk_and_once(
    world: World, client: httpx.AsyncClient
) -> None:
    orders = await linked(world, client, 3)
    content = csv(
        "000000000,The item is out of stock,",
        "000000001,fraud,told by the bank",
        "000000002,,",
        "000000002,because,",
        columns="order,reason,comment",
    )
    report = (await send(world, client, content, "cancellations")).json()
    assert [each["code"] for each in report["results"]] == [
        None, None, "reason_required", "reason_invalid",
    ]  # fmt: skip
    again = (await send(world, client, content, "cancellations")).json()
    assert again["totals"] == {"accepted": 0, "known": 2, "refused": 2}
    canceled = (await world.order(orders[1].id)).cancellation
    assert canceled is not None
    assert (canceled.reason, canceled.comment) == ("fraud", "told by the bank")


async def test_a_thousand_rows_are_all_written_once(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    body = {
        "orders": [
            {"client_id": store.walmart.client_id, "purchase_order_id": str(n), "status":
             "Acknowledged", "lines": [{"sku": "A"}]}
            for n in range(1_796_990_000_000, 1_796_990_001_000)
        ]
    }  # fmt: skip
    (await world.walmart.post("/simulator/orders", json=body)).raise_for_status()
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    numbers = [each["purchase_order_id"] for each in body["orders"]]
    rows = [f"{number},ups,1Z{number}" for number in numbers]
    report: Any = (await send(world, client, csv(*rows))).json()
    assert report["totals"] == {"accepted": 1000, "known": 0, "refused": 0}
    assert Counter(each["id"] for each in report["results"]).most_common(1)[0][1] == 1
    assert UUID(report["results"][0]["order_id"])


@pytest.mark.parametrize("kind", ["text/csv", "application/x-ndjson"])
async def test_too_many_names_are_counted_and_not_quoted(
    world: World, client: httpx.AsyncClient, kind: str
) -> None:
    await linked(world, client, 1)
    names = [f"xq{number:x}" for number in range(5_000)]
    content = ",".join(names) if "csv" in kind else json.dumps(dict.fromkeys(names, 1))
    answer = await send(world, client, content, **{"Content-Type": kind})
    assert "5,000" in answer.text
    assert "xq0" not in answer.text
    # So is one known name that is repeated a thousand times.
    if "csv" in kind:
        answer = await send(world, client, ",".join(["order"] * 5_000))
        assert (answer.status_code, answer.json()["code"]) == (422, "file_invalid")
        assert "5,000" in answer.json()["detail"]


async def test_a_json_line_beyond_the_limit_is_not_decoded(
    world: World, client: httpx.AsyncClient
) -> None:
    (order,) = await linked(world, client, 1)
    row = {"order": order.purchase_order_id, "carrier_code": "ups", "tracking_number": "1ZA"}
    # The second is valid except for its length.
    lines = [json.dumps(row), json.dumps({**row, "email": "x" * 70_000}), json.dumps(row)]
    headers = {"Content-Type": "application/x-ndjson"}
    report = (await send(world, client, "\r\n".join(lines), **headers)).json()
    assert [each["status"] for each in report["results"]] == ["accepted", "refused", "known"]
    assert "longer than 65,536" in report["results"][1]["message"]


async def test_a_long_name_is_quoted_in_part(world: World, client: httpx.AsyncClient) -> None:
    await linked(world, client, 1)
    name = "c" * 50_000
    lines = await send(
        world, client, json.dumps({name: 1}), **{"Content-Type": "application/x-ndjson"}
    )
    column = await send(world, client, f"order,{name}")
    assert f"'{name[:100]}'" in lines.json()["results"][0]["message"]
    assert f"'{name[:100]}'" in column.json()["detail"]
    assert len(lines.content) + len(column.content) < 5_000


class Counting(ThreadPoolExecutor):
    submitted = 0

    def submit(self, *arguments: Any, **named: Any) -> Any:
        self.submitted += 1
        return super().submit(*arguments, **named)


async def test_a_file_is_read_while_other_requests_are_answered(
    world: World, client: httpx.AsyncClient
) -> None:
    await linked(world, client, 1)
    threads = Counting()
    asyncio.get_running_loop().set_default_executor(threads)
    await send(world, client, csv("999,ups,1ZA"))
    assert threads.submitted == 1
