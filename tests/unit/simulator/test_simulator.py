"""The simulated Walmart keeps Walmart's rules and answers in its shapes."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.simulator.app import create_app
from tests.world import serving

COMMON = {
    "WM_QOS.CORRELATION_ID": "7f0c7d1e-0000-4000-8000-000000000001",
    "WM_SVC.NAME": "Walmart Marketplace",
    "Accept": "application/json",
    "Content-Type": "application/json",
}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ns = 1_795_000_000_000_000_000

    def __call__(self) -> int:
        return self.ns


class Seller:
    """A seller account's view of Walmart."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock) -> None:
        self.http = http
        self.clock = clock
        self.token = ""

    async def sign_in(self, secret: str = "right") -> httpx.Response:
        form = {"grant_type": "client_credentials"}
        answer = await self.http.post("/v3/token", auth=("seller", secret), data=form)
        self.token = answer.json().get("access_token", "")
        return answer

    async def call(self, method: str, path: str, **changes: Any) -> httpx.Response:
        headers = {**COMMON, "WM_SEC.ACCESS_TOKEN": self.token, **changes.pop("headers", {})}
        sent = {name: value for name, value in headers.items() if value is not None}
        return await self.http.request(method, path, headers=sent, **changes)

    async def order(self, *quantities: int, **changes: Any) -> str:
        lines = [{"sku": f"S{n}", "quantity": q} for n, q in enumerate(quantities or (3,), 1)]
        body = {"client_id": "seller", "lines": lines, "status": "Acknowledged", **changes}
        made = await self.http.post("/simulator/orders", json=body)
        return str(made.json()["purchase_order_id"])

    async def ship(self, po: str, line: str = "1", units: str = "1", **info: Any) -> httpx.Response:
        tracking = {
            "shipDateTime": self.clock.ns // 1_000_000,
            "carrierName": {"carrier": "UPS"},
            "methodCode": "Standard",
            "trackingNumber": "1ZA",
            **info,
        }
        status = {
            "status": "Shipped",
            "statusQuantity": {"unitOfMeasurement": "EACH", "amount": units},
            "trackingInfo": tracking,
        }
        entry = {"lineNumber": line, "orderLineStatuses": {"orderLineStatus": [status]}}
        body = {"orderShipment": {"orderLines": {"orderLine": [entry]}}}
        return await self.call("POST", f"/v3/orders/{po}/shipping", json=body)

    async def cancel(self, po: str, reason: str, units: str = "1") -> httpx.Response:
        status = {
            "status": "Cancelled",
            "cancellationReason": reason,
            "statusQuantity": {"unitOfMeasurement": "EACH", "amount": units},
        }
        entry = {"lineNumber": "1", "orderLineStatuses": {"orderLineStatus": [status]}}
        body = {"orderCancellation": {"orderLines": {"orderLine": [entry]}}}
        return await self.call("POST", f"/v3/orders/{po}/cancel", json=body)

    async def units(self, po: str) -> list[tuple[str, int]]:
        shown = (await self.http.get(f"/simulator/orders/{po}")).json()
        return sorted(
            (u["status"], u["quantity"]) for line in shown["lines"] for u in line["units"]
        )


@pytest.fixture
async def seller() -> AsyncIterator[Seller]:
    clock = Clock()
    transport = httpx.ASGITransport(app=create_app(now_ns=clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://walmart.test") as http:
        signed_in = Seller(http, clock)
        await signed_in.sign_in()
        yield signed_in


def code(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    errors = body.get("error") or body["errors"]["error"]
    return answer.status_code, errors[0]["code"]


async def test_a_part_of_a_line_ships_and_more_than_is_left_does_not(seller: Seller) -> None:
    po = await seller.order(3)
    shipped = await seller.ship(po, units="2")
    assert shipped.status_code == 200
    assert await seller.units(po) == [("Acknowledged", 1), ("Shipped", 2)]
    refused = await seller.ship(po, units="2")
    assert code(refused) == (400, "INVALID_REQUEST_CONTENT.GMP_ORDER_API")
    assert await seller.units(po) == [("Acknowledged", 1), ("Shipped", 2)]


async def test_the_same_part_sent_twice_ships_twice_as_at_walmart(seller: Seller) -> None:
    po = await seller.order(3)
    for _ in range(2):
        assert (await seller.ship(po, units="1")).status_code == 200
    assert await seller.units(po) == [("Acknowledged", 1), ("Shipped", 2)]


@pytest.mark.parametrize(
    "info",
    [
        {"carrierName": {"carrier": "ups"}},
        {"carrierName": {"otherCarrier": "Acme"}},
        {"carrierName": {"carrier": "UPS", "otherCarrier": "Acme"}},
        {"methodCode": "STANDARD"},
        {"trackingNumber": "1Z-A"},
        {"shipDateTime": 638_000_000_000_000_000},
    ],
)
async def test_a_package_that_walmart_does_not_take_changes_nothing(
    seller: Seller, info: dict[str, Any]
) -> None:
    po = await seller.order(1)
    assert code(await seller.ship(po, **info))[0] == 400
    assert await seller.units(po) == [("Acknowledged", 1)]


async def test_another_carrier_with_a_url_is_taken(seller: Seller) -> None:
    po = await seller.order(1)
    answer = await seller.ship(
        po, carrierName={"otherCarrier": "Acme"}, trackingURL="https://acme.example/1"
    )
    assert answer.status_code == 200


async def test_nothing_ships_before_it_is_acknowledged_and_acknowledging_twice_is_fine(
    seller: Seller,
) -> None:
    po = await seller.order(1, status="Created")
    assert (await seller.ship(po)).status_code == 400
    for _ in range(2):
        assert (await seller.call("POST", f"/v3/orders/{po}/acknowledge")).status_code == 200
    assert (await seller.ship(po)).status_code == 200
    past = await seller.call("POST", f"/v3/orders/{po}/acknowledge")
    assert "higher status" in past.text


async def test_what_is_shipped_or_canceled_is_not_canceled(seller: Seller) -> None:
    po = await seller.order(2)
    await seller.ship(po)
    assert (await seller.cancel(po, "SELLER_CANCEL_OUT_OF_STOCK")).status_code == 200
    assert (await seller.cancel(po, "SELLER_CANCEL_OUT_OF_STOCK")).status_code == 400
    assert await seller.units(po) == [("Cancelled", 1), ("Shipped", 1)]


async def test_a_buyer_s_wish_decides_what_may_be_done(seller: Seller) -> None:
    po = await seller.order(2)
    asked = "CUSTOMER_REQUESTED_SELLER_TO_CANCEL"
    assert (await seller.cancel(po, asked)).status_code == 400
    await seller.http.post(f"/simulator/orders/{po}/intent-to-cancel", json={})
    assert (await seller.ship(po)).status_code == 400
    assert (await seller.cancel(po, asked)).status_code == 200


async def test_an_unknown_order_and_an_empty_list_are_both_404(seller: Seller) -> None:
    for path in ("/v3/orders/1", "/v3/orders/released?createdStartDate=2020-01-01"):
        answer = await seller.call("GET", path)
        assert code(answer) == (404, "CONTENT_NOT_FOUND.GMP_ORDER_API")


async def test_released_orders_are_paged_by_a_cursor_that_begins_with_a_question_mark(
    seller: Seller,
) -> None:
    placed = {await seller.order(1, status="Created") for _ in range(3)}
    query, seen = "?createdStartDate=2020-01-01&limit=2", set()
    while query:
        body = (await seller.call("GET", f"/v3/orders/released{query}")).json()["list"]
        seen |= {order["purchaseOrderId"] for order in body["elements"]["order"]}
        query = body["meta"].get("nextCursor", "")
        assert query[:1] in {"", "?"}
    assert seen == placed


async def test_a_wrong_secret_gets_no_token_and_an_expired_token_is_401(seller: Seller) -> None:
    po = await seller.order(1)
    assert (await seller.sign_in("wrong")).status_code == 401
    await seller.sign_in()
    await seller.http.post("/simulator/clock", json={"advance_seconds": 901})
    answer = await seller.call("GET", f"/v3/orders/{po}")
    assert code(answer) == (401, "UNAUTHORIZED.GMP_GATEWAY_API")


@pytest.mark.parametrize(
    ("missing", "status"),
    [("WM_QOS.CORRELATION_ID", 400), ("WM_SVC.NAME", 400), ("WM_SEC.ACCESS_TOKEN", 401)],
)
async def test_a_missing_header_is_refused(seller: Seller, missing: str, status: int) -> None:
    po = await seller.order(1)
    answer = await seller.call("GET", f"/v3/orders/{po}", headers={missing: None})
    assert answer.status_code == status


async def test_a_post_without_a_content_type_breaks_walmart(seller: Seller) -> None:
    po = await seller.order(1)
    path = f"/v3/orders/{po}/acknowledge"
    assert (await seller.call("POST", path, headers={"Content-Type": None})).status_code == 500


async def test_a_rate_refuses_with_the_time_of_the_next_token(seller: Seller) -> None:
    po = await seller.order(5)
    rate = {"operation": "read", "capacity": 2, "refill_per_second": 1}
    await seller.http.post("/simulator/rates", json=rate)
    answers = [await seller.call("GET", f"/v3/orders/{po}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    wait = int(answers[2].headers["x-next-replenish-time"]) - seller.clock.ns // 1_000_000
    assert wait == 1000
    seller.clock.ns += 1_000_000_000
    assert (await seller.call("GET", f"/v3/orders/{po}")).status_code == 200


async def test_the_ledger_tells_what_really_happened(seller: Seller) -> None:
    po = await seller.order(2)
    fault = {"operation": "shipping", "kind": "error_after", "times": 1}
    await seller.http.post("/simulator/faults", json=fault)
    assert (await seller.ship(po)).status_code == 500
    fault["kind"] = "error"
    await seller.http.post("/simulator/faults", json=fault)
    assert (await seller.ship(po)).status_code == 500
    (entry,) = (await seller.http.get("/simulator/ledger")).json()["entries"]
    assert (entry["operation"], entry["line"], entry["quantity"]) == ("shipping", "1", 1)


async def test_tracking_is_edited_for_four_hours(seller: Seller) -> None:
    po = await seller.order(1)
    await seller.ship(po)
    status = {
        "status": "Shipped",
        "statusQuantity": {"unitOfMeasurement": "EACH", "amount": "1"},
        "currentTrackingInfo": {"trackingNumber": "1ZA"},
        "trackingInfo": {
            "shipDateTime": seller.clock.ns // 1_000_000,
            "carrierName": {"carrier": "UPS"},
            "methodCode": "Standard",
            "trackingNumber": "1ZB",
        },
    }
    entry = {"lineNumber": "1", "orderLineStatuses": {"orderLineStatus": [status]}}
    lines = {"orderLines": {"orderLine": [entry]}}
    body = {"orderShipment": {"processMode": "PARTIAL_UPDATE", **lines}}
    path = f"/v3/orders/{po}/shipping"
    assert (await seller.call("POST", path, json=body)).status_code == 200
    status["currentTrackingInfo"] = {"trackingNumber": "1ZB"}
    await seller.http.post("/simulator/clock", json={"advance_seconds": 4 * 3600 + 1})
    await seller.sign_in()
    assert (await seller.call("POST", path, json=body)).status_code == 400


@pytest.mark.parametrize("fault", [{"kind": "nonsense"}, {"kind": "error", "operation": "x"}])
async def test_a_fault_that_is_none_is_refused(seller: Seller, fault: dict[str, Any]) -> None:
    assert (await seller.http.post("/simulator/faults", json=fault)).status_code == 400


async def test_a_dropped_connection_is_one_over_real_http() -> None:
    async with serving(create_app()) as url, httpx.AsyncClient(base_url=url) as http:
        real = Seller(http, Clock())
        await real.sign_in()
        po = await real.order(1)
        fault = {"operation": "read", "kind": "drop", "times": 1}
        await http.post("/simulator/faults", json=fault)
        with pytest.raises(httpx.RemoteProtocolError):
            await real.call("GET", f"/v3/orders/{po}")


async def test_the_page_shows_what_walmart_believes_and_escapes_it(seller: Seller) -> None:
    body = {"client_id": "<b>", "lines": [{"sku": "<script>"}]}
    await seller.http.post("/simulator/orders", json=body)
    page = (await seller.http.get("/")).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
