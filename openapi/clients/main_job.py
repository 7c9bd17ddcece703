"""The main job through the Python client that is generated from openapi.json: ship and cancel.

It is a program as a user of the client writes it. `make check` checks its types with those of the
client (mypy --strict), and tests/integration/web/test_generated_client.py runs it.
"""

import asyncio
from uuid import UUID

from waybill_client.api.cancellations import cancel_order
from waybill_client.api.orders import get_order, import_order
from waybill_client.api.shipments import preview_shipment, ship_order
from waybill_client.api.stores import create_store
from waybill_client.client import AuthenticatedClient
from waybill_client.models import (
    CancellationIn,
    CancellationOut,
    CancellationReason,
    ImportIn,
    OrderOut,
    PreviewOut,
    ProblemOut,
    ShipmentIn,
    ShipmentItemIn,
    ShipmentOut,
    StoreIn,
    StoreOut,
    WalmartIn,
)


async def connect_store(client: AuthenticatedClient) -> StoreOut:
    """Connect a store with its Walmart seller account."""
    account = WalmartIn(client_id="seller-1", client_secret="right")  # noqa: S106 - the simulator's
    body = StoreIn(name="Main store", code="main", walmart=account)
    store = await create_store.asyncio(client=client, body=body)
    if not isinstance(store, StoreOut):
        raise TypeError(store)
    return store


async def ship(client: AuthenticatedClient, store_id: UUID, purchase_order_id: str) -> OrderOut:
    """Ship an order in two packages, and wait until Walmart has confirmed both."""
    order = await _imported(client, store_id, purchase_order_id)
    one = ShipmentItemIn(quantity=1, line_number="1")
    first = ShipmentIn(carrier_code="ups", tracking_number="1Z999AA10123456784", items=[one])
    preview = await preview_shipment.asyncio(order.id, client=client, body=first)
    if not isinstance(preview, PreviewOut) or not preview.would_be_accepted:
        raise TypeError(preview)
    second = ShipmentIn(carrier_code="usps", tracking_number="9400111899223197428490")
    for number, body in enumerate((first, second)):
        key = f"{purchase_order_id}-{number}"
        shipment = await ship_order.asyncio(order.id, client=client, body=body, idempotency_key=key)
        if not isinstance(shipment, ShipmentOut):
            raise TypeError(shipment)
    return await _settled(client, order.id)


async def cancel(client: AuthenticatedClient, store_id: UUID, purchase_order_id: str) -> OrderOut:
    """Cancel an order, and wait until Walmart has confirmed it."""
    order = await _imported(client, store_id, purchase_order_id)
    body = CancellationIn(reason=CancellationReason.OUT_OF_STOCK, comment="The last one broke.")
    cancellation = await cancel_order.asyncio(order.id, client=client, body=body)
    if not isinstance(cancellation, CancellationOut):
        raise TypeError(cancellation)
    return await _settled(client, order.id)


async def refused(client: AuthenticatedClient, order_id: UUID) -> ProblemOut:
    """Ship more units than the order has; return the problem."""
    item = ShipmentItemIn(quantity=1_000_000, line_number="1")
    body = ShipmentIn(carrier_code="ups", tracking_number="1ZB", items=[item])
    problem = await ship_order.asyncio(order_id, client=client, body=body)
    if not isinstance(problem, ProblemOut):
        raise TypeError(problem)
    return problem


async def _imported(
    client: AuthenticatedClient, store_id: UUID, purchase_order_id: str
) -> OrderOut:
    body = ImportIn(store_id=store_id, purchase_order_id=purchase_order_id)
    order = await import_order.asyncio(client=client, body=body)
    if not isinstance(order, OrderOut):
        raise TypeError(order)
    return order


async def _settled(client: AuthenticatedClient, order_id: UUID) -> OrderOut:
    """Poll an order until all its updates are confirmed."""
    while True:
        order = await get_order.asyncio(order_id, client=client)
        if not isinstance(order, OrderOut):
            raise TypeError(order)
        if order.sync.state in {"synced", "error"}:
            return order
        await asyncio.sleep(0.05)
