"""A seller's HTTP client for the simulator, and the clock that both use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
SERVICE = {
    "WM_QOS.CORRELATION_ID": "0b4f3d0e-0000-4000-8000-000000000001",
    "WM_SVC.NAME": "Walmart Marketplace",
    "Accept": "application/json",
}
PO = "1796330120075"
RIGHT = "right"


@dataclass
class Clock:
    """A nanosecond clock that a test advances; sleeping advances it too."""

    ns: int = 1_800_000_000 * SECOND
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> int:
        return self.ns

    @property
    def ms(self) -> int:
        return self.ns // 1_000_000

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ns += int(seconds * SECOND)


@dataclass
class Seller:
    """The calls of one account, each with its raw answer. now: milliseconds since 1970."""

    http: httpx.AsyncClient
    now: int
    client_id: str = "seller-1"
    token: str = ""

    async def ask_for_token(self, secret: str = RIGHT) -> httpx.Response:
        return await self.http.post(
            "/v3/token",
            auth=(self.client_id, secret),
            data={"grant_type": "client_credentials"},
            headers=SERVICE,
        )

    async def sign_in(self) -> None:
        self.token = (await self.ask_for_token()).raise_for_status().json()["access_token"]

    @property
    def headers(self) -> dict[str, str]:
        return {**SERVICE, "WM_SEC.ACCESS_TOKEN": self.token}

    async def get(self, path: str, **params: str) -> httpx.Response:
        return await self.http.get(path, params=params or None, headers=self.headers)

    async def post(self, operation: str, body: Any = None, po: str = PO) -> httpx.Response:
        path = f"/v3/orders/{po}/{operation}"
        return await self.http.post(path, json={} if body is None else body, headers=self.headers)

    async def ship(
        self, *lines: Mapping[str, Any], po: str = PO, **shipment: Any
    ) -> httpx.Response:
        wanted = {**shipment, "orderLines": {"orderLine": list(lines)}}
        return await self.post("shipping", {"orderShipment": wanted}, po)

    async def cancel(self, *lines: Mapping[str, Any], po: str = PO) -> httpx.Response:
        return await self.post(
            "cancel", {"orderCancellation": {"orderLines": {"orderLine": list(lines)}}}, po
        )

    async def stock(self, sku: str, units: int, **query: str) -> httpx.Response:
        body = {"sku": sku, "quantity": {"unit": "EACH", "amount": units}}
        asked = {"sku": sku, **query}
        return await self.http.put("/v3/inventory", params=asked, json=body, headers=self.headers)

    def package(
        self, number: str, units: int = 1, *, current: str | None = None, **tracking: Any
    ) -> dict[str, Any]:
        """Units shipped under a number; current is the number it replaces."""
        status = {
            "status": "Shipped",
            "statusQuantity": {"unitOfMeasurement": "EACH", "amount": str(units)},
            "trackingInfo": {
                "shipDateTime": self.now,
                "carrierName": {"carrier": "UPS"},
                "methodCode": "Standard",
                "trackingNumber": number,
                **tracking,
            },
        }
        return {**status, "currentTrackingInfo": {"trackingNumber": current}} if current else status

    async def admin(self, method: str, path: str, **body: Any) -> httpx.Response:
        return await self.http.request(method, f"/simulator{path}", json=body)

    async def place(self, *quantities: int, **order: Any) -> dict[str, Any]:
        """Place a buyer's order with one line for each quantity."""
        lines = [{"sku": f"SKU-{n}", "quantity": q} for n, q in enumerate(quantities, start=1)]
        wanted = {"client_id": self.client_id, "purchase_order_id": PO, "lines": lines, **order}
        placed: dict[str, Any] = (
            (await self.admin("POST", "/orders", **wanted)).raise_for_status().json()
        )
        return placed

    async def ready(self, *quantities: int, **order: Any) -> None:
        """Place an order that is already acknowledged."""
        await self.place(*quantities, status="Acknowledged", **order)

    async def fault(self, operation: str, kind: str, **fault: Any) -> int:
        wanted = {"operation": operation, "kind": kind, **fault}
        number: int = (
            (await self.admin("POST", "/faults", **wanted)).raise_for_status().json()["id"]
        )
        return number

    async def ledger(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/simulator/ledger", params=query)
        entries: list[dict[str, Any]] = answer.raise_for_status().json()["entries"]
        return entries

    async def calls(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/simulator/calls", params=query)
        calls: list[dict[str, Any]] = answer.raise_for_status().json()["calls"]
        return calls

    async def believed(self, po: str = PO) -> list[list[tuple[str, int, str | None]]]:
        """What the simulator records: per line, units as (status, quantity, number or reason)."""
        order = (await self.http.get(f"/simulator/orders/{po}")).raise_for_status().json()
        return [
            sorted(
                (u["status"], u["quantity"], u["tracking_number"] or u["reason"])
                for u in line["units"]
            )
            for line in order["lines"]
        ]


def line(number: str, *statuses: Mapping[str, Any], **entry: Any) -> dict[str, Any]:
    """A line of a shipment or cancellation with the new status of its units."""
    return {
        "lineNumber": number,
        "sellerOrderId": "000000123",
        "orderLineStatuses": {"orderLineStatus": list(statuses)},
        **entry,
    }


def canceled(units: int, reason: str = "SELLER_CANCEL_OUT_OF_STOCK") -> dict[str, Any]:
    return {
        "status": "Cancelled",
        "cancellationReason": reason,
        "statusQuantity": {"unitOfMeasurement": "EACH", "amount": str(units)},
    }


def error(answer: httpx.Response) -> dict[str, Any]:
    """The only error of an answer, in either of Walmart's two shapes."""
    body = answer.json()
    (found,) = body["error"] if "error" in body else body["errors"]["error"]
    assert isinstance(found, dict)
    return found


def in_memory(app: Starlette) -> httpx.AsyncClient:
    """A client of the app without a network."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1")


def refused(answer: httpx.Response, field: str = "data") -> str:
    """Return why Walmart refused the content of a request; fail if it accepted."""
    assert answer.status_code == 400, answer.text
    found = error(answer)
    assert found["code"] == "INVALID_REQUEST_CONTENT.GMP_ORDER_API"
    assert found["field"] == field
    return str(found["description"])
