"""Reads that lag: orders, returns and stock as they were before their latest changes."""

from typing import Any

import pytest

from tests.unit.simulator.seller import PO, SECOND, Clock, Seller, canceled, line

READ = f"/v3/orders/{PO}"
STOCK = "/v3/inventory"


def statuses(order: dict[str, Any]) -> set[str]:
    """The statuses of each unit of an order."""
    return {
        status["status"]
        for each in order["orderLines"]["orderLine"]
        for status in each["orderLineStatuses"]["orderLineStatus"]
    }


async def read(seller: Seller) -> set[str]:
    return statuses((await seller.get(READ)).json()["order"])


async def test_a_lagging_read_shows_the_order_before_later_writes(
    seller: Seller, clock: Clock
) -> None:
    await seller.ready(1)
    clock.ns += 60 * SECOND
    await seller.ship(line("1", seller.package("1ZA")))
    clock.ns += 4 * SECOND
    await seller.fault("read", "lag", delay=5)
    assert await read(seller) == {"Acknowledged"}
    assert await read(seller) == {"Shipped"}
    clock.ns += SECOND
    await seller.fault("read", "lag", delay=5)
    assert await read(seller) == {"Shipped"}
    (entry,) = await seller.ledger()
    assert entry["operation"] == "shipping"


async def test_a_read_may_lag_behind_changes_of_any_age(seller: Seller, clock: Clock) -> None:
    await seller.place(1)
    await seller.post("acknowledge")
    await seller.post("acknowledge")
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.ship(line("1", seller.package("1ZB")))
    clock.ns += 800 * SECOND
    for changes, shown in ((1, "Acknowledged"), (2, "Created"), (9, "Created")):
        await seller.fault("read", "lag", changes=changes)
        assert await read(seller) == {shown}


async def test_no_read_lags_behind_a_reset_of_the_history(
    seller: Seller,
) -> None:
    await seller.place(1)
    await seller.post("acknowledge")
    (await seller.http.delete("/simulator/history")).raise_for_status()
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.fault("read", "lag", changes=9)
    assert await read(seller) == {"Acknowledged"}


async def test_a_correction_and_a_cancellation_are_hidden_by_the_lag(seller: Seller) -> None:
    await seller.ready(1, 1)
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.ship(line("1", seller.package("1ZB")), processMode="PARTIAL_UPDATE")
    await seller.fault("read", "lag", changes=1)
    shown = (await seller.get(READ)).text
    assert "1ZA" in shown
    assert "1ZB" not in shown
    await seller.cancel(line("2", canceled(1)))
    await seller.fault("read", "lag", changes=1)
    assert await read(seller) == {"Shipped", "Acknowledged"}
    await seller.admin("POST", f"/orders/{PO}/intent-to-cancel", lines=["1"])
    await seller.fault("read", "lag", changes=1)
    assert "intentToCancel" not in (await seller.get(READ)).text


@pytest.mark.parametrize("operation", ["list", "released"])
async def test_a_lagging_list_filters_orders_by_their_earlier_state(
    seller: Seller, operation: str
) -> None:
    path = {"list": "/v3/orders", "released": "/v3/orders/released"}[operation]
    await seller.place(1)
    await seller.post("acknowledge")
    await seller.fault(operation, "lag")
    shown = (await seller.get(path, **{"status": "Created"} if operation == "list" else {})).json()
    (order,) = shown["list"]["elements"]["order"]
    assert statuses(order) == {"Created"}


async def a_return(seller: Seller) -> str:
    await seller.ready(2)
    await seller.ship(line("1", seller.package("1ZA", 2)))
    made = await seller.admin("POST", f"/orders/{PO}/return")
    number: str = made.raise_for_status().json()["returnOrderId"]
    return number


async def refund(seller: Seller, number: str, units: int) -> int:
    order = (await seller.http.get(f"/simulator/orders/{PO}")).json()
    quantity = {"unitOfMeasure": "EACH", "measurementValue": units}
    body = {
        "customerOrderId": order["customer_order_id"],
        "refundLines": [{"returnOrderLineNumber": 1, "quantity": quantity}],
    }
    path = f"/v3/returns/{number}/refund"
    return (await seller.http.post(path, json=body, headers=seller.headers)).status_code


async def refunded(seller: Seller) -> int:
    (shown,) = (await seller.get("/v3/returns")).json()["returnOrders"]
    units: int = shown["returnOrderLines"][0]["refundedQty"]
    return units


async def test_a_lagging_read_hides_a_refund_in_the_return_and_in_the_order(
    seller: Seller,
) -> None:
    number = await a_return(seller)
    assert await refund(seller, number, 1) == 200
    await seller.fault("returns", "lag")
    await seller.fault("read", "lag", changes=1)
    assert [await refunded(seller), await refunded(seller)] == [0, 1]
    assert await read(seller) == {"Shipped"}
    assert await read(seller) == {"Shipped", "Refund"}
    await seller.admin("POST", f"/returns/{number}/refund")
    await seller.fault("returns", "lag", changes=1)
    assert [await refunded(seller), await refunded(seller)] == [1, 2]


async def test_a_lagging_read_shows_the_previous_stock_level(seller: Seller) -> None:
    await seller.stock("A", 50)
    await seller.stock("A", 2)
    await seller.stock("A", 2)
    for changes, shown in ((1, 50), (2, 0)):
        await seller.fault("inventory_read", "lag", changes=changes)
        assert (await seller.get(STOCK, sku="A")).json()["quantity"]["amount"] == shown
    assert (await seller.get(STOCK, sku="A")).json()["quantity"]["amount"] == 2


async def test_writes_take_effect_under_a_lag(seller: Seller) -> None:
    await seller.ready(1)
    await seller.fault("*", "lag", times=None, delay=3600)
    assert (await seller.ask_for_token()).status_code == 200
    answer = await seller.ship(line("1", seller.package("1ZA")))
    assert statuses(answer.json()["order"]) == {"Shipped"}
    assert await seller.believed() == [[("Shipped", 1, "1ZA")]]
    assert await read(seller) == {"Acknowledged"}


async def test_a_dropped_history_is_not_shown_again(seller: Seller) -> None:
    await seller.ready(1)
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.admin("DELETE", "/orders")
    await seller.ready(1)
    await seller.fault("read", "lag", delay=3600)
    assert await read(seller) == {"Acknowledged"}
