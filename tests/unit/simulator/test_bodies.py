"""Which packages, quantities and bodies Walmart accepts, and which field it names in a refusal."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.simulator.names import CARRIERS, SHIP_METHODS
from tests.unit.simulator.seller import PO, Seller, error, line, refused


async def test_every_carrier_and_method_of_walmart_ships(seller: Seller) -> None:
    await seller.ready(len(CARRIERS) + len(SHIP_METHODS))
    packages = [seller.package("1Z", carrierName={"carrier": name}) for name in CARRIERS]
    packages += [seller.package("1Z", methodCode=code) for code in SHIP_METHODS]
    assert (await seller.ship(line("1", *packages))).status_code == 200


@pytest.mark.parametrize(
    ("tracking", "field"),
    [
        ({"carrierName": {"carrier": "ups"}}, "carrierName"),
        ({"carrierName": {"carrier": "UPS", "otherCarrier": None}}, "carrierName"),
        ({"carrierName": {}}, "carrierName"),
        ({"carrierName": "UPS"}, "carrierName"),
        ({"carrierName": {"otherCarrier": "Acme"}}, "trackingURL"),
        ({"trackingURL": "javascript:x"}, "trackingURL"),
        ({"methodCode": "VALUE"}, "methodCode"),
        ({"methodCode": ["Standard"]}, "methodCode"),
        ({"trackingNumber": "1Z-9 9"}, "trackingNumber"),
        ({"trackingNumber": ""}, "trackingNumber"),
        ({"trackingNumber": 12}, "trackingNumber"),
        ({"shipDateTime": "2027-01-15"}, "shipDateTime"),
        ({"shipDateTime": 638_700_000_000_000_000}, "shipDateTime"),
        ({"shipDateTime": 1_700_000_000_000}, "shipDateTime"),
        ({"shipDateTime": True}, "shipDateTime"),
    ],
)
async def test_an_invalid_package_is_refused_by_field(
    seller: Seller, tracking: dict[str, Any], field: str
) -> None:
    await seller.ready(1)
    refused(await seller.ship(line("1", seller.package("1ZA", **tracking))), field)
    assert await seller.believed() == [[("Acknowledged", 1, None)]]


async def test_another_carrier_ships_with_a_tracking_url(seller: Seller) -> None:
    await seller.ready(1)
    other: dict[str, Any] = {
        "carrierName": {"otherCarrier": "Acme"},
        "trackingURL": "https://acme.example/1",
    }
    assert (await seller.ship(line("1", seller.package("1ZA", **other)))).status_code == 200


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ({"statusQuantity": {"unitOfMeasurement": "EACH", "amount": 1}}, "statusQuantity"),
        ({"statusQuantity": {"unitOfMeasurement": "EACH", "amount": "0"}}, "statusQuantity"),
        ({"statusQuantity": {"unitOfMeasurement": "EACH", "amount": "-1"}}, "statusQuantity"),
        ({"statusQuantity": {"unitOfMeasurement": "EACH", "amount": "1.0"}}, "statusQuantity"),
        ({"statusQuantity": {"unitOfMeasurement": "EACH", "amount": "9" * 5000}}, "statusQuantity"),
        ({"statusQuantity": {"amount": "1"}}, "unitOfMeasurement"),
        ({"status": "Delivered"}, "status"),
        ({"trackingInfo": None}, "trackingInfo"),
    ],
)
async def test_an_invalid_quantity_or_status_is_refused_by_field(
    seller: Seller, status: Mapping[str, Any], field: str
) -> None:
    await seller.ready(1)
    refused(await seller.ship(line("1", {**seller.package("1ZA"), **status})), field)


async def test_an_unknown_line_and_a_long_order_number_are_refused(seller: Seller) -> None:
    await seller.ready(1)
    package = seller.package("1ZA")
    refused(await seller.ship(line("2", package)), "lineNumber")
    refused(await seller.ship(line("1", package, sellerOrderId="9" * 31)), "sellerOrderId")
    assert (await seller.ship(line("1", package, sellerOrderId=None))).status_code == 200


async def test_a_single_line_may_come_without_its_list(seller: Seller) -> None:
    await seller.ready(1)
    one = {
        "lineNumber": "1",
        "orderLineStatuses": {"orderLineStatus": seller.package("1ZA")},
    }
    answer = await seller.post("shipping", {"orderShipment": {"orderLines": {"orderLine": one}}})
    assert answer.status_code == 200


@pytest.mark.parametrize("operation", ["shipping", "cancel"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_not_json_is_a_400(
    seller: Seller, operation: str, body: bytes
) -> None:
    await seller.ready(1)
    headers = {**seller.headers, "Content-Type": "application/json"}
    path = f"/v3/orders/{PO}/{operation}"
    answer = await seller.http.post(path, content=body, headers=headers)
    assert answer.status_code == 400
    assert error(answer)["code"] == "MALFORMED_REQUEST_CONTENT.GMP_ORDER_API"
