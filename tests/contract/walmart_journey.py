"""One pass of our own client through the simulator, with answers checked by Walmart's schemas."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx

from app.domain.seller_credentials import SellerCredentials
from app.http_client.transport import Http
from app.walmart import request_bodies
from app.walmart.carriers import WalmartCarrier
from app.walmart.client import WalmartClient
from app.walmart.request_bodies import ShipLine
from tests.contract.walmart_documents import JSON, ORDER, Documents, Report

DAY = timedelta(days=1)


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on and keeps the last raw answer."""

    inner: httpx.AsyncBaseTransport
    status: int = 0
    sent: Any = None
    body: Any = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # As a transport over TCP does.
        request.headers.setdefault("Host", request.url.host)
        answer = await self.inner.handle_async_request(request)
        content = await answer.aread()
        asked = await request.aread()
        is_json = "json" in request.headers.get("content-type", "")
        self.sent = json.loads(asked) if asked and is_json else None
        self.status = answer.status_code
        self.body = json.loads(content) if content else None
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


@dataclass
class Journey:
    """One pass through the simulator: token, released orders, a shipment, a cancellation."""

    ORDERS: ClassVar = 2
    ACCOUNT: ClassVar = SellerCredentials(1, "conformance", "conformance")

    documents: Documents
    report: Report
    completer: Recorder
    http: httpx.AsyncClient
    walmart: WalmartClient

    def answered(self, method: str, path: str) -> None:
        self.report.compare(
            f"simulator's answer to {method.upper()} {path}",
            self.completer.body,
            self.documents.answer(method, path),
        )

    def asked_and_answered(self, method: str, path: str) -> None:
        """Our client's body and the simulator's answer."""
        wanted = self.documents.request(path, method)
        self.report.compare(f"our body of {method.upper()} {path}", self.completer.sent, wanted)
        self.answered(method, path)

    async def keys(self) -> None:
        await self.walmart.check(self.ACCOUNT)
        self.answered("get", "/v3/token/detail")

    async def place_orders(self) -> None:
        """Place a buyer's orders at the simulator, which Walmart's documents do not cover."""
        lines = [{"sku": "A/1", "quantity": 2}, {"sku": "B", "unit_price": "9.99"}]
        order = {"client_id": self.ACCOUNT.client_id, "lines": lines}
        body = {"orders": [order] * self.ORDERS}
        (await self.http.post("/simulator/orders", json=body)).raise_for_status()

    async def released(self) -> list[dict[str, Any]]:
        answer = await self.http.post(
            "/v3/token",
            auth=(self.ACCOUNT.client_id, self.ACCOUNT.client_secret),
            data={"grant_type": "client_credentials"},
            headers={"Accept": JSON, **self.service()},
        )
        self.answered("post", "/v3/token")
        token = answer.json()["access_token"]
        headers = {"WM_SEC.ACCESS_TOKEN": token, "Accept": JSON, **self.service()}
        since = {"createdStartDate": "2020-01-01"}
        await self.http.get("/v3/orders/released", params=since, headers=headers)
        self.answered("get", "/v3/orders/released")
        orders: list[dict[str, Any]] = self.completer.body["list"]["elements"]["order"]
        return orders

    @staticmethod
    def service() -> dict[str, str]:
        return {
            "WM_SVC.NAME": "Walmart Marketplace",
            "WM_QOS.CORRELATION_ID": "5f0c7d1e-0000-4000-8000-000000000001",
        }

    async def ship(self, order: Mapping[str, Any]) -> None:
        number = order["purchaseOrderId"]
        await self.walmart.read_order(self.ACCOUNT, number)
        self.answered("get", ORDER)
        acknowledged = await self.walmart.acknowledge(self.ACCOUNT, number)
        self.answered("post", f"{ORDER}/acknowledge")
        if acknowledged.order is None or acknowledged.order.created:
            self.report.miss("simulator's order is still Created after its acknowledgement")
        body = request_bodies.shipping_body(
            lines=[ShipLine(line, 1) for line in numbers(order)[:1]],
            seller_order_id=number,
            shipped_at=datetime.now(UTC),
            carrier=WalmartCarrier(carrier="UPS"),
            method_code="Standard",
            tracking_number="1Z999AA10123456784",
            tracking_url=None,
            override_cancel_request=True,
        )
        shipped = (await self.walmart.ship(self.ACCOUNT, number, body)).order
        self.answered("post", f"{ORDER}/shipping")
        line = numbers(order)[0]
        if shipped is None or shipped.lines[line].shipped_under("1Z999AA10123456784") != 1:
            self.report.miss("simulator's order does not show the unit that was shipped")

    async def cancel(self, order: Mapping[str, Any]) -> None:
        number = order["purchaseOrderId"]
        acknowledged = (await self.walmart.acknowledge(self.ACCOUNT, number)).order
        lines = acknowledged.lines.values() if acknowledged else ()
        body = request_bodies.cancellation_body(
            lines=[ShipLine(line.line_number, line.open) for line in lines],
            reason="SELLER_CANCEL_PRICING_ERROR",
        )
        canceled = (await self.walmart.cancel(self.ACCOUNT, number, body)).order
        self.answered("post", f"{ORDER}/cancel")
        if canceled is None or any(line.open for line in canceled.lines.values()):
            self.report.miss("simulator's order still has open units after its cancellation")

    async def send_back(self, order: Mapping[str, Any]) -> None:
        """Return the shipped units, list the return, and refund it."""
        lines = [{"line_number": numbers(order)[0], "quantity": 1}]
        path = f"/simulator/orders/{order['purchaseOrderId']}/return"
        (await self.http.post(path, json={"lines": lines})).raise_for_status()
        now = datetime.now(UTC)
        page = await self.walmart.returns.changed(self.ACCOUNT, now - DAY)
        self.answered("get", "/v3/returns")
        (returned,) = page.returns
        await self.walmart.returns.refund(self.ACCOUNT, returned, {returned.lines[0].number: 1})
        self.asked_and_answered("post", "/v3/returns/{returnOrderId}/refund")

    async def stock(self) -> None:
        await self.walmart.inventory.put(self.ACCOUNT, "A/1", 7, None)
        self.asked_and_answered("put", "/v3/inventory")
        shown = await self.walmart.inventory.read(self.ACCOUNT, "A/1", None)
        self.answered("get", "/v3/inventory")
        if shown.quantity != 7:
            self.report.miss("simulator does not show the stock level that was set")

    async def listen(self) -> None:
        """List the event types, and create and delete a subscription."""
        types = await self.walmart.webhooks.event_types(self.ACCOUNT)
        self.answered("get", "/v3/webhooks/eventTypes")
        wanted = dict(list(types.items())[:1])
        url = "https://waybill.example/webhooks/walmart/1"
        await self.walmart.webhooks.subscribe(self.ACCOUNT, url, wanted, "a-secret")
        self.asked_and_answered("post", "/v3/webhooks/subscriptions")
        (known,) = await self.walmart.webhooks.subscriptions(self.ACCOUNT)
        self.answered("get", "/v3/webhooks/subscriptions")
        await self.walmart.webhooks.unsubscribe(self.ACCOUNT, known.id)
        self.answered("delete", "/v3/webhooks/subscriptions/{subscriptionId}")


def numbers(order: Mapping[str, Any]) -> list[str]:
    """The line numbers of an order."""
    return [line["lineNumber"] for line in order["orderLines"]["orderLine"]]


async def travel(documents: Documents, report: Report, simulator: Any) -> None:
    """Drive the simulator with our own client and check its answers by Walmart's schemas."""
    completer = Recorder(httpx.ASGITransport(app=simulator))
    async with httpx.AsyncClient(transport=completer, base_url="http://127.0.0.1") as http:
        walmart = WalmartClient(
            Http(completer, timeout=30),
            base_url="http://127.0.0.1",
            timeout=30,
            now=lambda: datetime.now(UTC),
        )
        journey = Journey(documents, report, completer, http, walmart)
        await journey.keys()
        await journey.place_orders()
        orders = await journey.released()
        if len(orders) < Journey.ORDERS:
            report.miss(f"the simulator has released {len(orders)} orders; two are needed")
            return
        await journey.ship(orders[0])
        await journey.cancel(orders[1])
        if documents.others:
            await journey.send_back(orders[0])
            await journey.stock()
            await journey.listen()
