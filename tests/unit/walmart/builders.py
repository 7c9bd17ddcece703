"""Builders of Walmart's orders, calls and errors, with consistent defaults."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from app.domain.seller_credentials import SellerCredentials
from app.http_client.call import ApiError, Call
from app.walmart import errors

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PO = "1796330120075"
BASE = "http://walmart.test"
ACCOUNT = SellerCredentials(store_id=7, client_id="client-7", client_secret="s3cret-canary")
SCHEMAS = Path(__file__).parents[2] / "contract" / "schemas"


def document(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((SCHEMAS / f"walmart-{name}.json").read_text())
    return read


def schema(name: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(document(name))
    return Draft202012Validator(document(name))


def a_call(
    status: int | None = 400,
    *faults: ApiError,
    failure: str | None = None,
    replenish_in: timedelta | None = None,
) -> Call:
    return Call(
        operation="ship",
        method="POST",
        path=f"/v3/orders/{PO}/shipping",
        started_at=NOW,
        ended_at=NOW,
        correlation_id="c",
        request="{}",
        status=status,
        response=None,
        codes=tuple(fault.code for fault in faults if fault.code),
        failure=failure,
        tokens_left=None,
        replenish_in=replenish_in,
        faults=faults,
        error_class=errors.classify(status, failure, faults),
    )


def units(status: str, amount: object, **more: object) -> dict[str, Any]:
    quantity = {"unitOfMeasurement": "EACH", "amount": amount}
    return {"status": status, "statusQuantity": quantity, **more}


def a_line(number: str = "1", ordered: object = "1", *statuses: dict[str, Any]) -> dict[str, Any]:
    return {
        "lineNumber": number,
        "item": {"productName": "Kettle", "sku": f"SKU-{number}"},
        "charges": {
            "charge": [
                {
                    "chargeType": "PRODUCT",
                    "chargeName": "ItemPrice",
                    "chargeAmount": {"currency": "USD", "amount": 14.5},
                }
            ]
        },
        "orderLineQuantity": {"unitOfMeasurement": "EACH", "amount": ordered},
        "statusDate": 1795428000000,
        "orderLineStatuses": {
            "orderLineStatus": list(statuses) or [units("Acknowledged", ordered)]
        },
    }


def an_order(*lines: dict[str, Any], po: str = PO) -> dict[str, Any]:
    return {
        "order": {
            "purchaseOrderId": po,
            "customerOrderId": "5281956426648",
            "customerEmailId": "canary@relay.example",
            "orderDate": 1795421000000,
            "shippingInfo": {
                "phone": "2025550100",
                "estimatedShipDate": 1795600000000,
                "estimatedDeliveryDate": 1795900000000,
                "methodCode": "Standard",
                "postalAddress": {
                    "name": "Canary Buyer",
                    "address1": "1 Canary Street",
                    "city": "Canaryville",
                    "state": "IL",
                    "postalCode": "62701",
                    "country": "USA",
                },
            },
            "orderLines": {"orderLine": list(lines) or [a_line()]},
            "shipNode": {"type": "SellerFulfilled"},
        }
    }


def an_error(code: str, **more: object) -> dict[str, Any]:
    return {"errors": {"error": [{"code": code, "severity": "ERROR", **more}]}}
